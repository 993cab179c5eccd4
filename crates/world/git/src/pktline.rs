//! Git's packet lines: each begins with its length in four hexadecimal digits.
//!
//! Input: a server's answer as it arrives. Output: its lines, and behind them the pack as one stream of bytes
//! ([`Sideband`]). Every line is at most 65,520 bytes by the format itself; how many there may be is bounded by the
//! reader below (see `http`).

use std::io::{self, BufRead, Read};

/// Longest line the format allows, with its four digits.
const LINE_MAX: usize = 65520;

/// One packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    /// A line of bytes, its newline still there.
    Line(Vec<u8>),
    /// End of a message.
    Flush,
    /// Border between sections.
    Delimiter,
    /// The stream ended.
    End,
}

/// Reads the next packet.
pub(crate) fn read(input: &mut impl Read) -> io::Result<Packet> {
    let mut digits = [0; 4];
    if !fill_or_end(input, &mut digits)? {
        return Ok(Packet::End);
    }
    let text = std::str::from_utf8(&digits).map_err(|_| broken())?;
    match usize::from_str_radix(text, 16).map_err(|_| broken())? {
        0 => Ok(Packet::Flush),
        1 | 2 => Ok(Packet::Delimiter),
        length @ 4..=LINE_MAX => {
            let mut line = vec![0; length - 4];
            input.read_exact(&mut line)?;
            Ok(Packet::Line(line))
        }
        _ => Err(broken()),
    }
}

/// Bytes of a pack that one line of a sideband carries at most.
pub(crate) const SIDEBAND_MAX: usize = LINE_MAX - 5;

/// Appends a line.
pub(crate) fn write(output: &mut Vec<u8>, line: &str) {
    output.extend_from_slice(format!("{:04x}{line}", line.len() + 4).as_bytes());
}

/// Appends the head of a line of a sideband that carries this many bytes of a pack.
pub(crate) fn write_sideband(output: &mut Vec<u8>, length: usize) {
    output.extend_from_slice(format!("{:04x}\x01", length + 5).as_bytes());
}

/// Appends a border between sections.
pub(crate) fn write_delimiter(output: &mut Vec<u8>) {
    output.extend_from_slice(b"0001");
}

/// Appends the end of a message.
pub(crate) fn write_flush(output: &mut Vec<u8>) {
    output.extend_from_slice(b"0000");
}

/// The pack inside a stream of packets that also carries progress and errors.
pub(crate) struct Sideband<R> {
    input: R,
    line: Vec<u8>,
    at: usize,
    /// What the server said went wrong, if it did.
    pub(crate) complaint: Option<String>,
}

impl<R: Read> Sideband<R> {
    /// Continues after `first`, a packet that already belongs to the pack's section.
    pub(crate) fn new(input: R, first: Vec<u8>) -> io::Result<Self> {
        let mut sideband = Self { input, line: Vec::new(), at: 0, complaint: None };
        sideband.accept(first)?;
        Ok(sideband)
    }

    fn accept(&mut self, line: Vec<u8>) -> io::Result<()> {
        match line.first() {
            Some(1) => (self.line, self.at) = (line, 1),
            Some(2) => {}
            Some(3) => {
                self.complaint = Some(printable(&line[1..]));
                return Err(io::Error::other("the server broke off"));
            }
            _ => return Err(broken()),
        }
        Ok(())
    }
}

impl<R: Read> BufRead for Sideband<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at >= self.line.len() {
            match read(&mut self.input)? {
                Packet::Line(line) => self.accept(line)?,
                Packet::Flush | Packet::End => return Ok(&[]),
                Packet::Delimiter => return Err(broken()),
            }
        }
        Ok(&self.line[self.at..])
    }

    fn consume(&mut self, count: usize) {
        self.at = (self.at + count).min(self.line.len());
    }
}

impl<R: Read> Read for Sideband<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(out.len());
        out[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

/// Returns what a server said as one short line that a terminal or a condition can show.
pub(crate) fn printable(bytes: &[u8]) -> String {
    const SHOWN_MAX: usize = 200;
    let text = String::from_utf8_lossy(bytes);
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN_MAX).collect()
}

/// Fills `out`, or returns false when the stream ends before its first byte.
fn fill_or_end(input: &mut impl Read, out: &mut [u8]) -> io::Result<bool> {
    let mut filled = 0;
    while filled < out.len() {
        match input.read(&mut out[filled..]) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not a packet line")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let mut bytes = Vec::new();
        write(&mut bytes, "want x\n");
        write_delimiter(&mut bytes);
        write_flush(&mut bytes);
        let mut input = &bytes[..];
        assert_eq!(read(&mut input).unwrap(), Packet::Line(b"want x\n".to_vec()));
        assert_eq!(read(&mut input).unwrap(), Packet::Delimiter);
        assert_eq!(read(&mut input).unwrap(), Packet::Flush);
        assert_eq!(read(&mut input).unwrap(), Packet::End);
    }

    #[test]
    fn nonsense_is_an_error_not_a_panic() {
        for bytes in [&b"00"[..], b"zzzz", b"0003", b"fff1", b"0010short", b"<html>", b"\xff\xff\xff\xff"] {
            assert!(read(&mut &bytes[..]).is_err());
        }
    }

    #[test]
    fn a_pack_flows_between_progress() {
        let mut bytes = Vec::new();
        Sideband::new(&b"0009\x02half0006\x01c0000"[..], b"\x01ab".to_vec()).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"abc");
        assert!(Sideband::new(&b"0000"[..], b"\x05".to_vec()).is_err());
        let mut broken = Sideband::new(&b"000a\x03no\x1b!\n0000"[..], b"\x01a".to_vec()).unwrap();
        broken.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(broken.complaint.as_deref(), Some("no !"));
    }
}
