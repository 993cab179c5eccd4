//! The protocol's requests: which references exist, and which pack to send.
//!
//! Input: a [`Session`]. Output: references, and a pack as a stream. Protocol version 2 if the
//! server supports it; otherwise the older one, which lists every reference at once.

use gix_hash::{Kind, ObjectId};

use crate::http::{ResponseBytes, Session};
use crate::pktline::{self, Packet, PacketHead};
use crate::transport_error::TransportError as Error;

/// Most bytes of references read.
const REFERENCES_BYTES_MAX: u64 = 64 << 20;
/// Most bytes of references kept from a server with the older protocol, which lists all at once:
/// they are held while waiting for the server, outside of any budget.
const REFERENCES_KEPT_MAX: u64 = 8 << 20;
/// Most lines before a pack begins.
const PREAMBLE_MAX: usize = 100_000;

/// A reference on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Its full name.
    pub(crate) name: String,
    /// What it points to: a commit or an annotated tag.
    pub(crate) object: ObjectId,
    /// What an annotated tag finally points to.
    pub(crate) peeled: Option<ObjectId>,
}

/// A server's capabilities.
pub(crate) struct ServerOffer {
    /// The kind of object ids it uses.
    pub(crate) hash: Kind,
    version_2: bool,
    /// The relevant references, with the older protocol.
    references: Vec<Reference>,
    /// Their size in bytes.
    kept: u64,
    /// Whether it listed any reference, with the older protocol.
    any: bool,
}

/// What to fetch.
pub(crate) struct Want<'a> {
    /// The objects.
    pub(crate) objects: &'a [ObjectId],
    /// Commits we already have, each without its history. If there are any, the pack may be thin:
    /// its deltas may be based on objects of these commits. (Git omits those objects only from thin
    /// packs.)
    pub(crate) have: &'a [ObjectId],
    /// Whether the history of the objects is wanted too.
    pub(crate) history: bool,
    /// Most bytes of the pack.
    pub(crate) pack_bytes_max: u64,
}

/// A pack as it arrives.
pub(crate) struct Pack<'s> {
    lines: AnswerLines<'s>,
    first: Option<Vec<u8>>,
}

impl ServerOffer {
    /// Requests the server's capabilities; `prefixes` are the prefixes of all references that will
    /// be requested.
    pub(crate) async fn greet(session: &mut Session, prefixes: &[&str]) -> Result<Self, Error> {
        let body = session.advertisement(REFERENCES_BYTES_MAX).await?;
        let mut server = Self {
            hash: Kind::Sha1,
            version_2: false,
            references: Vec::new(),
            kept: 0,
            any: false,
        };
        server
            .read_greeting(AnswerLines { body, session }, prefixes)
            .await?;
        Ok(server)
    }

    /// Passes on the references whose names begin with one of `prefixes`, one by one, because a
    /// server may have a million.
    pub(crate) async fn references(
        &self,
        session: &Session,
        prefixes: &[&str],
        mut take: impl FnMut(Reference),
    ) -> Result<(), Error> {
        if !self.version_2 {
            self.references
                .iter()
                .filter(|known| begins(&known.name, prefixes))
                .cloned()
                .for_each(take);
            return Ok(());
        }
        let mut request = self.command("ls-refs");
        pktline::write(&mut request, "peel\n");
        for prefix in prefixes {
            pktline::write(&mut request, &format!("ref-prefix {prefix}\n"));
        }
        pktline::write_flush(&mut request);
        let body = session
            .upload_pack(request, "a list of references", REFERENCES_BYTES_MAX)
            .await?;
        let mut lines = AnswerLines { body, session };
        while let Packet::Line(line) = lines.next().await? {
            self.reference(&line)?
                .filter(|reference| begins(&reference.name, prefixes))
                .map(&mut take);
        }
        Ok(())
    }

    /// Returns whether the server has no reference at all.
    pub(crate) async fn is_empty(&self, session: &Session) -> Result<bool, Error> {
        let mut any = self.any;
        if self.version_2 {
            self.references(session, &["HEAD", "refs/heads/", "refs/tags/"], |_| {
                any = true;
            })
            .await?;
        }
        Ok(!any)
    }

    /// Returns whether any object may be requested, not only those that references point to.
    pub(crate) fn hands_out_any(&self) -> bool {
        self.version_2
    }

    /// Requests a pack.
    pub(crate) async fn fetch<'s>(
        &self,
        session: &'s Session,
        want: &Want<'_>,
    ) -> Result<Pack<'s>, Error> {
        let request = if self.version_2 {
            self.request_2(want)
        } else {
            request_0(want)
        };
        let body = session
            .upload_pack(request, "a pack", want.pack_bytes_max)
            .await?;
        let mut lines = AnswerLines { body, session };
        for _ in 0..PREAMBLE_MAX {
            match lines.next().await? {
                Packet::Line(line) if matches!(line.first(), Some(1..=3)) => {
                    return Ok(Pack {
                        lines,
                        first: Some(line),
                    });
                }
                Packet::End => break,
                // Shallow and common commits, and delimiters, contain nothing new.
                Packet::Line(_) | Packet::Flush | Packet::Delimiter => {}
            }
        }
        Err(Error::Protocol("there is no pack in the response"))
    }

    async fn read_greeting(
        &mut self,
        mut lines: AnswerLines<'_>,
        prefixes: &[&str],
    ) -> Result<(), Error> {
        let (mut announced, mut begun) = (false, false);
        loop {
            let line = match lines.next().await? {
                Packet::Line(line) if line.starts_with(b"# service=") => {
                    // The service's name is a separate message before the greeting.
                    announced = lines.next().await? == Packet::Flush;
                    continue;
                }
                Packet::Line(line) if line.trim_ascii_end() == b"version 1" => continue,
                Packet::Line(line) => line,
                // An older server sends nothing at all for an empty repository.
                _ if begun || announced => return Ok(()),
                _ => return Err(Error::Protocol("the greeting is empty")),
            };
            if line.trim_ascii_end() == b"version 2" {
                self.version_2 = true;
            } else if self.version_2 {
                self.read_capability(&line)?;
            } else {
                self.read_advertised(&line, begun, prefixes)?;
            }
            begun = true;
        }
    }

    fn read_capability(&mut self, line: &[u8]) -> Result<(), Error> {
        if let Some(format) = line.trim_ascii_end().strip_prefix(b"object-format=") {
            self.hash = kind(format)?;
        }
        Ok(())
    }

    /// Reads a reference in the format of the older protocol: an annotated tag is followed by a
    /// line `name^{}`.
    fn read_advertised(
        &mut self,
        line: &[u8],
        begun: bool,
        prefixes: &[&str],
    ) -> Result<(), Error> {
        let (line, capabilities) = match line.iter().position(|byte| *byte == 0) {
            Some(at) => (&line[..at], &line[at + 1..]),
            None => (line, &[][..]),
        };
        if !begun {
            let format = capabilities
                .split(u8::is_ascii_whitespace)
                .find_map(|c| c.strip_prefix(b"object-format="));
            self.hash = format.map_or(Ok(Kind::Sha1), kind)?;
        }
        let Some(reference) = self.reference(line)? else {
            return Ok(());
        };
        match (
            reference.name.strip_suffix("^{}"),
            self.references.last_mut(),
        ) {
            (Some("capabilities"), _) => return Ok(()),
            (Some(name), Some(last)) if last.name == name => last.peeled = Some(reference.object),
            _ if begins(&reference.name, prefixes) => self.keep(reference)?,
            _ => {}
        }
        self.any = true;
        Ok(())
    }

    fn keep(&mut self, reference: Reference) -> Result<(), Error> {
        self.kept += (size_of::<Reference>() + reference.name.len()) as u64;
        if self.kept > REFERENCES_KEPT_MAX {
            return Err(Error::TooLarge {
                what: "a list of references",
                limit: REFERENCES_KEPT_MAX,
            });
        }
        self.references.push(reference);
        Ok(())
    }

    /// Reads `<id> <name>[ peeled:<id>]`; nothing for a name that is not UTF-8 or a HEAD without a
    /// target.
    fn reference(&self, line: &[u8]) -> Result<Option<Reference>, Error> {
        const BROKEN: Error = Error::Protocol("a reference cannot be read");
        let Ok(text) = std::str::from_utf8(line) else {
            return Ok(None);
        };
        let mut words = text.trim_end().split(' ');
        let (Some(id), Some(name)) = (words.next(), words.next()) else {
            return Err(BROKEN);
        };
        if id == "unborn" {
            return Ok(None);
        }
        let read = |hex: &str| {
            ObjectId::from_hex(hex.as_bytes())
                .ok()
                .filter(|id| id.kind() == self.hash)
                .ok_or(BROKEN)
        };
        let peeled = words
            .find_map(|word| word.strip_prefix("peeled:"))
            .map(read)
            .transpose()?;
        Ok(Some(Reference {
            name: name.to_owned(),
            object: read(id)?,
            peeled,
        }))
    }

    fn command(&self, name: &str) -> Vec<u8> {
        let mut request = Vec::new();
        pktline::write(&mut request, &format!("command={name}\n"));
        pktline::write(
            &mut request,
            concat!("agent=git/lodestone-", env!("CARGO_PKG_VERSION"), "\n"),
        );
        if self.hash != Kind::Sha1 {
            pktline::write(&mut request, &format!("object-format={}\n", self.hash));
        }
        pktline::write_delimiter(&mut request);
        request
    }

    fn request_2(&self, want: &Want<'_>) -> Vec<u8> {
        let mut request = self.command("fetch");
        pktline::write(&mut request, "no-progress\n");
        pktline::write(&mut request, "ofs-delta\n");
        if !want.have.is_empty() {
            pktline::write(&mut request, "thin-pack\n");
        }
        write_depth(&mut request, want);
        for object in want.objects {
            pktline::write(&mut request, &format!("want {object}\n"));
        }
        for have in want.have {
            pktline::write(&mut request, &format!("have {have}\n"));
        }
        pktline::write(&mut request, "done\n");
        pktline::write_flush(&mut request);
        request
    }
}

/// Returns a fetch request in the older protocol.
fn request_0(want: &Want<'_>) -> Vec<u8> {
    let mut request = Vec::new();
    let thin = if want.have.is_empty() {
        ""
    } else {
        " thin-pack"
    };
    for (i, object) in want.objects.iter().enumerate() {
        let features = if i == 0 {
            format!(" side-band-64k ofs-delta no-progress{thin}")
        } else {
            String::new()
        };
        pktline::write(&mut request, &format!("want {object}{features}\n"));
    }
    write_depth(&mut request, want);
    pktline::write_flush(&mut request);
    for have in want.have {
        pktline::write(&mut request, &format!("have {have}\n"));
    }
    pktline::write(&mut request, "done\n");
    request
}

/// Writes which commits we have without history, and that no history is wanted.
fn write_depth(request: &mut Vec<u8>, want: &Want<'_>) {
    for have in want.have {
        pktline::write(request, &format!("shallow {have}\n"));
    }
    if !want.history {
        pktline::write(request, "deepen 1\n");
    }
}

fn kind(format: &[u8]) -> Result<Kind, Error> {
    match format {
        b"sha1" => Ok(Kind::Sha1),
        b"sha256" => Ok(Kind::Sha256),
        _ => Err(Error::Protocol("its object ids are of an unknown kind")),
    }
}

fn begins(name: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// The lines of a response, with the server's error messages turned into errors.
struct AnswerLines<'s> {
    body: ResponseBytes,
    session: &'s Session,
}

impl AnswerLines<'_> {
    async fn next(&mut self) -> Result<Packet, Error> {
        let mut digits = [0; 4];
        if !self.body.fill(&mut digits).await? {
            return Ok(Packet::End);
        }
        let length = match pktline::head(digits) {
            Ok(PacketHead::Flush) => return Ok(Packet::Flush),
            Ok(PacketHead::Delimiter) => return Ok(Packet::Delimiter),
            Ok(PacketHead::Line(length)) => length,
            Err(_) => return Err(Error::Protocol("a response is not in packet lines")),
        };
        let mut line = vec![0; length];
        if length > 0 && !self.body.fill(&mut line).await? {
            return Err(Error::BrokeOff);
        }
        match line.strip_prefix(b"ERR ") {
            Some(said) => Err(self.session.said(said)),
            None => Ok(Packet::Line(line)),
        }
    }
}

impl Pack<'_> {
    /// Waits for the next piece of the pack, skipping progress messages; nothing at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        loop {
            let line = match self.first.take() {
                Some(line) => line,
                None => match self.lines.next().await? {
                    Packet::Line(line) => line,
                    Packet::Flush | Packet::End => return Ok(None),
                    Packet::Delimiter => return Err(Error::Protocol("the pack is cut in two")),
                },
            };
            match line.split_first() {
                Some((1, piece)) => return Ok(Some(piece.to_vec())),
                Some((2, _)) => {}
                Some((3, said)) => return Err(self.lines.session.said(said)),
                _ => return Err(Error::Protocol("the pack comes without a channel")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_references_is_bounded_by_bytes() {
        let mut server = ServerOffer {
            hash: Kind::Sha1,
            version_2: false,
            references: Vec::new(),
            kept: 0,
            any: false,
        };
        let id = "a".repeat(40);
        let mut refused = None;
        for at in 0..1_000 {
            let line = format!("{id} refs/heads/{at}{}", "x".repeat(60_000));
            refused = refused.or(server
                .read_advertised(line.as_bytes(), at > 0, &["refs/heads/"])
                .err());
        }
        assert!(
            matches!(refused, Some(Error::TooLarge { .. })),
            "{refused:?}"
        );
    }
}
