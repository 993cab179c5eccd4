//! PEM: bytes in base 64 between two lines that name their kind.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::secrets::digests::decode_base64;

/// A block of PEM.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// What the lines around it name.
    pub(crate) kind: String,
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
/// Letters on a line.
const LINE: usize = 64;

/// Returns the first block of a text; other text around it is skipped.
pub(crate) fn decode(text: &[u8]) -> Option<Block> {
    let text = String::from_utf8_lossy(text);
    let mut rest: &str = &text;
    loop {
        let end = if rest.starts_with(END) {
            0
        } else {
            rest.find(&format!("\n{END}"))? + 1
        };
        let (before, behind) = rest.split_at(end);
        if let Some(block) = block(before, behind) {
            return Some(block);
        }
        rest = behind.get(END.len()..)?;
    }
}

fn block(before: &str, end: &str) -> Option<Block> {
    let begin = before.rfind(BEGIN)?;
    if begin > 0 && !before.get(..begin)?.ends_with('\n') {
        return None;
    }
    let (line, body) = before.get(begin + BEGIN.len()..)?.split_once('\n')?;
    let kind = line.trim_end().strip_suffix(DASHES)?;
    let closes = end
        .strip_prefix(END)?
        .strip_prefix(kind)?
        .strip_prefix(DASHES)?;
    if !closes
        .lines()
        .next()
        .unwrap_or_default()
        .trim_end()
        .is_empty()
    {
        return None;
    }

    // Lines with a colon are headers.
    let headers = body.lines().take_while(|line| line.contains(':')).count();
    let letters: String = body
        .lines()
        .skip(headers)
        .flat_map(|line| line.chars().filter(|letter| !letter.is_ascii_whitespace()))
        .collect();
    Some(Block {
        kind: kind.to_owned(),
        bytes: decode_base64(letters.as_bytes()).ok()?,
    })
}

/// Returns bytes as a block.
pub(crate) fn encode(kind: &str, bytes: &[u8]) -> String {
    let letters = STANDARD.encode(bytes);
    let mut out = format!("{BEGIN}{kind}{DASHES}\n");
    let mut rest: &str = &letters;
    while !rest.is_empty() {
        let (line, behind) = rest.split_at_checked(LINE).unwrap_or((rest, ""));
        out.push_str(line);
        out.push('\n');
        rest = behind;
    }
    out + END + kind + DASHES + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let bytes: Vec<u8> = (0..100).collect();
        let text = encode("X Y", &bytes);
        assert_eq!(text.lines().nth(1).map(str::len), Some(LINE));
        let noisy = format!("noise\n-----BEGIN Z-----\n{text}more");
        let block = decode(noisy.as_bytes()).unwrap();
        assert_eq!((block.kind.as_str(), block.bytes), ("X Y", bytes));
    }

    #[test]
    fn headers_are_skipped_and_half_blocks_are_none() {
        let text = b"-----BEGIN A-----\nProc-Type: 4\n\nYQ==\n-----END A-----";
        assert_eq!(decode(text).unwrap().bytes, b"a");
        for text in [
            "",
            "-----BEGIN A-----\nYQ==\n",
            "-----BEGIN A-----\nYQ==\n-----END B-----\n",
            "x-----BEGIN A-----\nYQ==\n-----END A-----\n",
        ] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }
}
