//! Git's packet lines: each begins with its length in four hexadecimal digits.
//!
//! Input: a message as it arrives. Output: its lines. The format limits every line to 65,520 bytes;
//! the reader limits their number (see `http`).

use std::io::{self, Read};

/// Longest line of the format, including its four digits.
const LINE_MAX: usize = 65520;

/// One packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    /// A line of bytes, including its newline.
    Line(Vec<u8>),
    /// The end of a message.
    Flush,
    /// A delimiter between sections.
    Delimiter,
    /// The stream ended.
    End,
}

/// The meaning of the four digits before a packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PacketHead {
    /// A line of this many bytes follows.
    Line(usize),
    Flush,
    Delimiter,
}

/// Reads the four digits before a packet.
pub(crate) fn head(digits: [u8; 4]) -> io::Result<PacketHead> {
    let text = std::str::from_utf8(&digits).map_err(|_| broken())?;
    match usize::from_str_radix(text, 16).map_err(|_| broken())? {
        0 => Ok(PacketHead::Flush),
        1 | 2 => Ok(PacketHead::Delimiter),
        length @ 4..=LINE_MAX => Ok(PacketHead::Line(length - 4)),
        _ => Err(broken()),
    }
}

/// Reads the next packet.
pub(crate) fn read(input: &mut impl Read) -> io::Result<Packet> {
    let mut digits = [0; 4];
    if !fill_or_end(input, &mut digits)? {
        return Ok(Packet::End);
    }
    Ok(match head(digits)? {
        PacketHead::Flush => Packet::Flush,
        PacketHead::Delimiter => Packet::Delimiter,
        PacketHead::Line(length) => {
            let mut line = vec![0; length];
            input.read_exact(&mut line)?;
            Packet::Line(line)
        }
    })
}

/// Most bytes of a pack in one sideband line.
pub(crate) const SIDEBAND_MAX: usize = LINE_MAX - 5;

/// Appends a line.
pub(crate) fn write(output: &mut Vec<u8>, line: &str) {
    output.extend_from_slice(format!("{:04x}{line}", line.len() + 4).as_bytes());
}

/// Appends the head of a sideband line with this many bytes of a pack.
pub(crate) fn write_sideband(output: &mut Vec<u8>, length: usize) {
    output.extend_from_slice(format!("{:04x}\x01", length + 5).as_bytes());
}

/// Appends a delimiter.
pub(crate) fn write_delimiter(output: &mut Vec<u8>) {
    output.extend_from_slice(b"0001");
}

/// Appends the end of a message.
pub(crate) fn write_flush(output: &mut Vec<u8>) {
    output.extend_from_slice(b"0000");
}

/// Returns a server's message as one short line that is safe to show on a terminal or in a
/// condition.
pub(crate) fn printable(bytes: &[u8]) -> String {
    const SHOWN_MAX: usize = 200;
    let text = String::from_utf8_lossy(bytes);
    text.trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(SHOWN_MAX)
        .collect()
}

/// Fills `out`, or returns false if the stream ends before its first byte.
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
        assert_eq!(
            read(&mut input).unwrap(),
            Packet::Line(b"want x\n".to_vec())
        );
        assert_eq!(read(&mut input).unwrap(), Packet::Delimiter);
        assert_eq!(read(&mut input).unwrap(), Packet::Flush);
        assert_eq!(read(&mut input).unwrap(), Packet::End);
    }

    #[test]
    fn nonsense_is_an_error_not_a_panic() {
        for bytes in [
            &b"00"[..],
            b"zzzz",
            b"0003",
            b"fff1",
            b"0010short",
            b"<html>",
            b"\xff\xff\xff\xff",
        ] {
            assert!(read(&mut &bytes[..]).is_err());
        }
    }
}
