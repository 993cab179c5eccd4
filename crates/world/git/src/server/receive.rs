//! A push: updates of references, and a pack of what they need.
//!
//! Input: the body of a request. Output: a report with a line for each update. As with Git's own
//! server the client guards against overwriting others, by stating what it has seen; a forced push
//! states that as well.

use std::time::{Duration, Instant};

use bytes::Bytes;
use gix_hash::ObjectId as Id;

use crate::id::ObjectId;
use crate::objects::Full;
use crate::pktline::{self, Packet};
use crate::repository::{Refusal, Repository, Update};
use crate::server::ServerLimits;
use crate::server::unpack::{self, Bounds};
use crate::server::upload::AGENT;

/// Most updates of one push.
const UPDATES_MAX: usize = 10_000;
/// Longest time to unpack a pack.
const UNPACK_TIMEOUT: Duration = Duration::from_mins(2);
const NULL: Id = Id::null(gix_hash::Kind::Sha1);

/// A request that is not Git's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Returns the references and the server's capabilities.
pub(crate) fn greeting(repository: &Repository) -> Vec<u8> {
    let mut out = Vec::new();
    pktline::write(&mut out, "# service=git-receive-pack\n");
    pktline::write_flush(&mut out);
    let mut features =
        format!("\0report-status delete-refs atomic quiet ofs-delta object-format=sha1 {AGENT}");
    let references = repository.references();
    for (name, id) in references.iter() {
        pktline::write(
            &mut out,
            &format!("{id} {name}{}\n", std::mem::take(&mut features)),
        );
    }
    if !features.is_empty() {
        pktline::write(&mut out, &format!("{NULL} capabilities^{{}}{features}\n"));
    }
    pktline::write_flush(&mut out);
    out
}

/// Makes the updates and reports.
pub(crate) fn answer(
    repository: &Repository,
    request: &Bytes,
    limits: &ServerLimits,
) -> Result<Vec<u8>, Malformed> {
    let push = Push::parse(request)?;
    if push.updates.is_empty() {
        return Ok(Vec::new());
    }
    let unpacked = take(repository, &push, limits);
    let outcomes = match &unpacked {
        Ok(()) => repository.update(&push.updates, push.atomic),
        Err(_) => Vec::new(),
    };
    let mut report = Vec::new();
    match &unpacked {
        Ok(()) => pktline::write(&mut report, "unpack ok\n"),
        Err(reason) => pktline::write(&mut report, &format!("unpack {reason}\n")),
    }
    for (at, Update { name, .. }) in push.updates.iter().enumerate() {
        match outcomes.get(at) {
            Some(Ok(())) => pktline::write(&mut report, &format!("ok {name}\n")),
            Some(Err(refusal)) => {
                pktline::write(&mut report, &format!("ng {name} {}\n", words(refusal)));
            }
            None => pktline::write(&mut report, &format!("ng {name} unpacker error\n")),
        }
    }
    pktline::write_flush(&mut report);
    Ok(if push.reports { report } else { Vec::new() })
}

fn take(repository: &Repository, push: &Push, limits: &ServerLimits) -> Result<(), String> {
    if push.pack.is_empty() {
        return Ok(());
    }
    let (object_bytes, bytes) = (limits.object_bytes, limits.unpacked_bytes);
    let bounds = Bounds {
        object_bytes,
        bytes,
        deadline: Instant::now() + UNPACK_TIMEOUT,
    };
    let objects = unpack::unpack(&push.pack, repository.objects(), bounds)
        .map_err(|error| error.to_string())?;
    repository
        .objects()
        .insert(objects)
        .map_err(|Full| "the repository is full".to_owned())
}

/// What a client requests.
#[derive(Debug)]
struct Push {
    updates: Vec<Update>,
    pack: Bytes,
    atomic: bool,
    reports: bool,
}

impl Push {
    fn parse(request: &Bytes) -> Result<Self, Malformed> {
        let mut rest = &request[..];
        let mut push = Self {
            updates: Vec::new(),
            pack: Bytes::new(),
            atomic: false,
            reports: false,
        };
        loop {
            let line = match pktline::read(&mut rest).map_err(|_| Malformed)? {
                Packet::Line(line) => String::from_utf8(line).map_err(|_| Malformed)?,
                Packet::Flush | Packet::End => break,
                Packet::Delimiter => return Err(Malformed),
            };
            // What a shallow client lacks must already be here, which is checked when the pack is
            // read.
            if line.starts_with("shallow ") {
                continue;
            }
            let (update, features) = line.split_once('\0').unwrap_or((&line, ""));
            for feature in features.split_whitespace() {
                push.atomic |= feature == "atomic";
                push.reports |= feature == "report-status";
            }
            push.updates
                .push(parse_update(update.trim_end_matches('\n'))?);
            if push.updates.len() > UPDATES_MAX {
                return Err(Malformed);
            }
        }
        push.pack = request.slice(request.len() - rest.len()..);
        Ok(push)
    }
}

fn parse_update(line: &str) -> Result<Update, Malformed> {
    let mut words = line.splitn(3, ' ');
    let mut id = || {
        let id = Id::from_hex(words.next()?.as_bytes()).ok()?;
        (id.kind() == gix_hash::Kind::Sha1).then_some((id != NULL).then_some(ObjectId(id)))
    };
    let (old, new) = (id().ok_or(Malformed)?, id().ok_or(Malformed)?);
    let name = words.next().ok_or(Malformed)?.to_owned();
    if name.contains(char::is_control) {
        return Err(Malformed);
    }
    Ok(Update { name, old, new })
}

/// Git's client recognises this refusal by its text.
fn words(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Stale => "failed to update ref: it has changed in the meantime".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused_not_obeyed() {
        let id = "12".repeat(20);
        for line in [
            "hello".to_owned(),
            format!("{id} {id}"),
            format!("{id} {} refs/heads/x", "34".repeat(32)),
            format!("{id} {id} refs/heads/a\nb"),
            "push-cert\0 x".to_owned(),
        ] {
            let mut request = Vec::new();
            pktline::write(&mut request, &line);
            pktline::write_flush(&mut request);
            assert_eq!(
                Push::parse(&request.into()).unwrap_err(),
                Malformed,
                "{line}"
            );
        }
        assert_eq!(
            Push::parse(&Bytes::from_static(b"00")).unwrap_err(),
            Malformed
        );
    }

    #[test]
    fn a_push_is_updates_and_a_pack() {
        let (id, null) = ("12".repeat(20), NULL);
        let mut request = Vec::new();
        pktline::write(&mut request, &format!("shallow {id}"));
        pktline::write(
            &mut request,
            &format!("{null} {id} refs/heads/a\0 report-status atomic agent=x"),
        );
        pktline::write(&mut request, &format!("{id} {null} refs/heads/b"));
        pktline::write_flush(&mut request);
        request.extend_from_slice(b"PACK");
        let push = Push::parse(&request.into()).unwrap();
        assert!(push.atomic && push.reports && &push.pack[..] == b"PACK");
        assert_eq!(push.updates[0].new.map(|id| id.to_string()), Some(id));
        assert_eq!((push.updates[0].old, push.updates[1].new), (None, None));
    }
}
