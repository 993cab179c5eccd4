//! The buffer that values are written into, and what the verb at hand says about its width.

use crate::context::Context;
use crate::error::TemplateError;

/// Writes values into a buffer, by the flags of the verb at hand.
pub(super) struct Printer<'p, 'r> {
    pub(super) context: &'p Context<'r>,
    pub(super) out: &'p mut Vec<u8>,
    /// How long the buffer may become with what has been charged so far.
    allowed: usize,
    /// The first failure; nothing is written after it.
    pub(super) error: Option<TemplateError>,
    pub(super) flags: Flags,
    /// Whether a bad verb is being reported, which prints values without their methods.
    pub(super) is_reporting: bool,
}

/// The flags, width and precision of a verb.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one character of Go's format"
)]
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) plus: bool,
    pub(super) minus: bool,
    pub(super) sharp: bool,
    pub(super) space: bool,
    pub(super) zero: bool,
    /// `%+v`: with the names of fields.
    pub(super) plus_v: bool,
    /// `%#v`: as Go source.
    pub(super) sharp_v: bool,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

/// Bytes that are charged at a time.
const ADVANCE: usize = 1 << 10;

impl<'p, 'r> Printer<'p, 'r> {
    pub(super) fn new(context: &'p Context<'r>, out: &'p mut Vec<u8>) -> Self {
        Self {
            allowed: out.len(),
            context,
            out,
            error: None,
            flags: Flags::default(),
            is_reporting: false,
        }
    }

    pub(super) fn finish(self) -> Result<(), TemplateError> {
        self.error.map_or(Ok(()), Err)
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes(&[byte]);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        if self.reserve(bytes.len()) {
            self.out.extend_from_slice(bytes);
        }
    }

    pub(super) fn repeat(&mut self, byte: u8, count: usize) {
        if self.reserve(count) {
            self.out.resize(self.out.len() + count, byte);
        }
    }

    /// Charges the bytes that come next. Returns whether they may be written.
    pub(super) fn reserve(&mut self, count: usize) -> bool {
        if self.error.is_some() {
            return false;
        }
        let end = self.out.len().saturating_add(count);
        if end > self.allowed {
            let advance = end.saturating_add(ADVANCE) - self.allowed;
            if let Err(error) = self.context.bytes(advance) {
                self.error = Some(error);
                return false;
            }
            self.allowed += advance;
        }
        true
    }

    /// Fills up to the width: with spaces, or with zeros on the left if the flag says so.
    pub(super) fn fill(&mut self, count: usize) {
        let byte = if self.flags.zero && !self.flags.minus {
            b'0'
        } else {
            b' '
        };
        self.repeat(byte, count);
    }

    /// Writes bytes, filled to the width, which counts characters.
    pub(super) fn pad(&mut self, bytes: &[u8]) {
        let Some(width) = self.flags.width.filter(|width| *width > 0) else {
            return self.bytes(bytes);
        };
        let missing = width.saturating_sub(characters(bytes));
        if self.flags.minus {
            self.bytes(bytes);
            self.fill(missing);
        } else {
            self.fill(missing);
            self.bytes(bytes);
        }
    }

    /// Writes bytes, filled with spaces even if the flag for zeros is set.
    pub(super) fn pad_with_spaces(&mut self, bytes: &[u8]) {
        let zero = std::mem::take(&mut self.flags.zero);
        self.pad(bytes);
        self.flags.zero = zero;
    }
}

/// Counts characters; each byte that is not UTF-8 is one.
fn characters(bytes: &[u8]) -> usize {
    bytes
        .utf8_chunks()
        .map(|chunk| chunk.valid().chars().count() + chunk.invalid().len())
        .sum()
}
