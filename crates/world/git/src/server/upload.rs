//! Fetches by a client: protocol version 2, `ls-refs` and `fetch`.
//!
//! Input: the body of a request. Output: the body of the response. Any existing object may be
//! requested by its id: everyone who may read a repository may read all of it. Not offered:
//! filters, bundles, references requested by name.

use std::collections::HashSet;

use gix_hash::ObjectId as Id;

use crate::objects::Lost;
use crate::pktline::{self, Packet};
use crate::repository::{Repository, Walk};
use crate::server::body::GitAnswer;
use crate::server::depth::Deepen;
use crate::server::select::{Wish, select};

/// Most lines of one request.
const LINES_MAX: usize = 200_000;
/// Wants up to which it is worth checking whether enough is known about what the client has.
const JUDGED_MAX: usize = 64;

pub(crate) const AGENT: &str = concat!("agent=lodestone/", env!("CARGO_PKG_VERSION"));

/// Why a request cannot be answered; the client shows this text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("upload-pack: the request is not in Git's protocol")]
    Malformed,
    #[error("upload-pack: protocol version 2 is needed")]
    Version,
    #[error("upload-pack: not our ref {0}")]
    NotOurs(String),
    #[error("upload-pack: \"{0}\" is not supported")]
    Unsupported(String),
    #[error("upload-pack: the repository is damaged")]
    Damaged(#[from] Lost),
}

/// Returns the server's capabilities.
pub(crate) fn greeting() -> Vec<u8> {
    let mut out = Vec::new();
    for line in [
        "version 2",
        AGENT,
        "ls-refs=unborn",
        "fetch=shallow",
        "object-format=sha1",
    ] {
        pktline::write(&mut out, &format!("{line}\n"));
    }
    pktline::write_flush(&mut out);
    out
}

/// Answers one request.
pub(crate) fn answer(repository: &Repository, request: &[u8]) -> Result<GitAnswer, Error> {
    let Some(Command { name, arguments }) = Command::parse(request)? else {
        return Ok(GitAnswer::whole(Vec::new()));
    };
    match name.as_str() {
        "ls-refs" => Ok(GitAnswer::whole(list(repository, &arguments))),
        "fetch" => fetch(repository, &arguments),
        _ => Err(Error::Unsupported(name.chars().take(40).collect())),
    }
}

/// Formats an error for the client.
pub(crate) fn complaint(error: &Error) -> Vec<u8> {
    let mut out = Vec::new();
    pktline::write(&mut out, &format!("ERR {error}\n"));
    out
}

/// A request: lines with capabilities, a delimiter, lines of arguments.
struct Command {
    name: String,
    arguments: Vec<String>,
}

impl Command {
    /// Parses a request; a single flush is an empty request.
    fn parse(mut request: &[u8]) -> Result<Option<Self>, Error> {
        let (mut name, mut arguments, mut beyond) = (None, Vec::new(), false);
        for _ in 0..LINES_MAX {
            match pktline::read(&mut request).map_err(|_| Error::Malformed)? {
                Packet::Line(line) => {
                    let line = String::from_utf8(line).map_err(|_| Error::Malformed)?;
                    let line = line.trim_end_matches('\n');
                    match line.strip_prefix("command=") {
                        Some(command) if !beyond => name = Some(command.to_owned()),
                        _ if beyond => arguments.push(line.to_owned()),
                        _ if line
                            .strip_prefix("object-format=")
                            .is_some_and(|format| format != "sha1") =>
                        {
                            return Err(Error::Unsupported(line.chars().take(40).collect()));
                        }
                        _ => {}
                    }
                }
                Packet::Delimiter => beyond = true,
                Packet::Flush | Packet::End => {
                    let empty = name.is_none() && arguments.is_empty();
                    return if empty {
                        Ok(None)
                    } else {
                        Self::named(name, arguments).map(Some)
                    };
                }
            }
        }
        Err(Error::Malformed)
    }

    fn named(name: Option<String>, arguments: Vec<String>) -> Result<Self, Error> {
        name.map(|name| Self { name, arguments })
            .ok_or(Error::Malformed)
    }
}

fn list(repository: &Repository, arguments: &[String]) -> Vec<u8> {
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    let (peel, symrefs, unborn) = (has("peel"), has("symrefs"), has("unborn"));
    let prefixes: Vec<&str> = arguments
        .iter()
        .filter_map(|argument| argument.strip_prefix("ref-prefix "))
        .collect();
    let asked =
        |name: &str| prefixes.is_empty() || prefixes.iter().any(|prefix| name.starts_with(prefix));
    let (references, head) = (repository.references(), repository.head());
    let mut out = Vec::new();
    let target = if symrefs {
        format!(" symref-target:{head}")
    } else {
        String::new()
    };
    match references.get(head) {
        _ if !asked("HEAD") => {}
        Some(id) => pktline::write(&mut out, &format!("{id} HEAD{target}\n")),
        None if unborn => pktline::write(&mut out, &format!("unborn HEAD{target}\n")),
        None => {}
    }

    for (name, id) in references.iter().filter(|(name, _)| asked(name)) {
        let peeled = if peel { repository.peeled(id.0) } else { None };
        let peeled = peeled
            .map(|peeled| format!(" peeled:{peeled}"))
            .unwrap_or_default();
        pktline::write(&mut out, &format!("{id} {name}{peeled}\n"));
    }

    pktline::write_flush(&mut out);
    out
}

fn fetch(repository: &Repository, arguments: &[String]) -> Result<GitAnswer, Error> {
    let UploadRequest {
        wish,
        done,
        negotiates,
    } = UploadRequest::read(repository, arguments)?;
    if wish.wants.is_empty() {
        return Ok(GitAnswer::whole(Vec::new()));
    }

    let mut out = Vec::new();
    if !done && negotiates {
        let ready = acknowledge(&mut out, repository, &wish)?;
        if !ready {
            pktline::write_flush(&mut out);
            return Ok(GitAnswer::whole(out));
        }
        pktline::write_delimiter(&mut out);
    }

    let selection = select(repository, &wish)?;
    if wish.deepen != Deepen::Not {
        pktline::write(&mut out, "shallow-info\n");
        for id in selection.shallow {
            pktline::write(&mut out, &format!("shallow {id}\n"));
        }
        for id in selection.unshallow {
            pktline::write(&mut out, &format!("unshallow {id}\n"));
        }
        pktline::write_delimiter(&mut out);
    }

    pktline::write(&mut out, "packfile\n");
    Ok(GitAnswer::pack(out, selection.objects))
}

/// A fetch request.
#[derive(Default)]
struct UploadRequest {
    wish: Wish,
    /// Whether the client has listed everything it has.
    done: bool,
    /// Whether it has listed anything it has, known here or not.
    negotiates: bool,
}

impl UploadRequest {
    fn read(repository: &Repository, arguments: &[String]) -> Result<Self, Error> {
        let mut it = Self::default();
        let (mut depth, mut relative, mut since, mut not) = (None, false, None, Vec::new());
        for argument in arguments {
            let (word, rest) = argument.split_once(' ').unwrap_or((argument, ""));
            match word {
                "want" => it.wish.wants.push(wanted(repository, rest)?),
                "have" => {
                    it.negotiates = true;
                    // A tag counts as its commit.
                    it.wish.haves.extend(repository.peel(id(rest)?));
                }
                "shallow" => it.wish.shallow.push(id(rest)?),
                "deepen" => {
                    depth = Some(
                        rest.parse()
                            .ok()
                            .filter(|depth| *depth > 0)
                            .ok_or(Error::Malformed)?,
                    );
                }
                "deepen-relative" => relative = true,
                "deepen-since" => since = Some(rest.parse().map_err(|_| Error::Malformed)?),
                "deepen-not" => not.push(excluded(repository, rest)?),
                "include-tag" => it.wish.include_tag = true,
                "done" => it.done = true,
                // These are permissions, not demands.
                "thin-pack" | "no-progress" | "ofs-delta" => {}
                _ => return Err(Error::Unsupported(word.chars().take(40).collect())),
            }
        }
        it.wish.deepen = match (depth, since) {
            (Some(depth), _) if relative => Deepen::Further(depth),
            (Some(depth), _) => Deepen::Depth(depth),
            (None, None) if not.is_empty() => Deepen::Not,
            (None, since) => Deepen::Until(since.unwrap_or(i64::MIN), not),
        };
        Ok(it)
    }
}

fn id(hex: &str) -> Result<Id, Error> {
    let id = Id::from_hex(hex.as_bytes()).map_err(|_| Error::Malformed)?;
    if id.kind() == gix_hash::Kind::Sha1 {
        Ok(id)
    } else {
        Err(Error::Malformed)
    }
}

fn wanted(repository: &Repository, hex: &str) -> Result<Id, Error> {
    let id = id(hex)?;
    if repository.objects().kind(id).is_some() {
        Ok(id)
    } else {
        Err(Error::NotOurs(id.to_string()))
    }
}

fn excluded(repository: &Repository, name: &str) -> Result<Id, Error> {
    let found = repository.find(name).and_then(|id| repository.peel(id.0));
    found.ok_or_else(|| Error::NotOurs(name.chars().take(80).collect()))
}

/// Writes which commits both have, and whether that is enough for a good selection.
fn acknowledge(out: &mut Vec<u8>, repository: &Repository, wish: &Wish) -> Result<bool, Error> {
    pktline::write(out, "acknowledgments\n");
    for have in &wish.haves {
        pktline::write(out, &format!("ACK {have}\n"));
    }
    if wish.haves.is_empty() {
        pktline::write(out, "NAK\n");
    }
    let ready =
        !wish.haves.is_empty() && wish.wants.len() <= JUDGED_MAX && all_meet(repository, wish)?;
    if ready {
        pktline::write(out, "ready\n");
    }
    Ok(ready)
}

/// Returns whether the history of each wanted commit contains one that the client has.
fn all_meet(repository: &Repository, wish: &Wish) -> Result<bool, Lost> {
    let haves: HashSet<Id> = wish.haves.iter().copied().collect();
    for want in &wish.wants {
        let mut walk = Walk::from(repository.objects(), repository.peel(*want))?;
        loop {
            match walk.next() {
                Some((id, _)) if haves.contains(&id) => break,
                Some((_, links)) => walk.follow(&links.parents)?,
                None => return Ok(false),
            }
        }
    }
    Ok(true)
}
