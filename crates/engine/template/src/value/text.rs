//! Strings: any bytes, cheap to clone, short ones without an allocation.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

/// A string of Go: bytes that usually, but not always, are UTF-8.
#[derive(Clone)]
pub struct GoString(Repr);

/// Bytes that fit beside a length in three words.
const INLINE_MAX: usize = 22;

#[derive(Clone)]
enum Repr {
    Inline { len: u8, bytes: [u8; INLINE_MAX] },
    Shared(Rc<[u8]>),
    Constant(Arc<[u8]>),
    Static(&'static [u8]),
}

impl GoString {
    /// The empty string.
    pub const EMPTY: Self = Self(Repr::Static(&[]));

    /// Returns a string that lives as long as the program.
    pub const fn from_static(text: &'static str) -> Self {
        Self(Repr::Static(text.as_bytes()))
    }

    /// Returns the first eight bytes as a number. Numbers that differ compare as the texts do.
    #[inline]
    pub(crate) fn prefix(&self) -> u64 {
        match &self.0 {
            // Bytes behind the text are zero.
            Repr::Inline { bytes, .. } => bytes
                .first_chunk()
                .map_or(0, |first| u64::from_be_bytes(*first)),
            _ => prefix(self.as_bytes()),
        }
    }

    /// Returns the bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or(bytes),
            Repr::Shared(bytes) => bytes,
            Repr::Constant(bytes) => bytes,
            Repr::Static(bytes) => bytes,
        }
    }

    /// Returns the text, if it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()).ok()
    }

    /// Returns the text with U+FFFD for bytes that are not UTF-8.
    pub fn to_str_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.as_bytes())
    }

    /// Returns the number of bytes.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Returns whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }
}

/// Returns [`GoString::prefix`] of bytes.
pub(crate) fn prefix(bytes: &[u8]) -> u64 {
    if let Some(first) = bytes.first_chunk() {
        return u64::from_be_bytes(*first);
    }
    let mut first = [0; 8];
    if let Some(start) = first.get_mut(..bytes.len()) {
        start.copy_from_slice(bytes);
    }
    u64::from_be_bytes(first)
}

/// A text of compiled code, which threads share.
#[derive(Debug, Clone)]
pub(crate) enum SharedText {
    Inline { len: u8, bytes: [u8; INLINE_MAX] },
    Long(Arc<[u8]>),
}

impl SharedText {
    /// Returns the text, without a copy if it is long.
    pub(crate) fn text(&self) -> GoString {
        GoString(match self {
            Self::Inline { len, bytes } => Repr::Inline {
                len: *len,
                bytes: *bytes,
            },
            Self::Long(bytes) => Repr::Constant(Arc::clone(bytes)),
        })
    }
}

impl From<&Arc<[u8]>> for SharedText {
    fn from(bytes: &Arc<[u8]>) -> Self {
        match GoString::from(&**bytes).0 {
            Repr::Inline { len, bytes } => Self::Inline { len, bytes },
            _ => Self::Long(Arc::clone(bytes)),
        }
    }
}

impl Default for GoString {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl From<&[u8]> for GoString {
    fn from(bytes: &[u8]) -> Self {
        let mut inline = [0; INLINE_MAX];
        match inline.get_mut(..bytes.len()) {
            Some(start) => {
                start.copy_from_slice(bytes);
                Self(Repr::Inline {
                    len: bytes.len() as u8,
                    bytes: inline,
                })
            }
            None => Self(Repr::Shared(bytes.into())),
        }
    }
}

impl From<Rc<[u8]>> for GoString {
    fn from(bytes: Rc<[u8]>) -> Self {
        if bytes.len() <= INLINE_MAX {
            return Self::from(&*bytes);
        }
        Self(Repr::Shared(bytes))
    }
}

impl From<Vec<u8>> for GoString {
    fn from(bytes: Vec<u8>) -> Self {
        bytes.as_slice().into()
    }
}

impl From<&str> for GoString {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl From<String> for GoString {
    fn from(text: String) -> Self {
        text.as_bytes().into()
    }
}

impl From<Cow<'_, str>> for GoString {
    fn from(text: Cow<'_, str>) -> Self {
        text.as_bytes().into()
    }
}

impl Deref for GoString {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for GoString {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Borrow<[u8]> for GoString {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq for GoString {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<str> for GoString {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for GoString {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for GoString {}

impl PartialOrd for GoString {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for GoString {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let prefixes = self.prefix().cmp(&other.prefix());
        prefixes.then_with(|| self.as_bytes().cmp(other.as_bytes()))
    }
}

impl Hash for GoString {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for GoString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_str_lossy())
    }
}

impl fmt::Debug for GoString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_str_lossy(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_texts_keep_their_bytes() {
        for len in [0, 1, INLINE_MAX, INLINE_MAX + 1, 1000] {
            let bytes = vec![0xff; len];
            let text = GoString::from(bytes.as_slice());
            assert_eq!(text.as_bytes(), bytes);
            let shared: Arc<[u8]> = Arc::from(bytes);
            assert_eq!(SharedText::from(&shared).text(), text);
            assert_eq!(text.as_str().is_some(), len == 0);
        }
    }

    #[test]
    fn texts_are_in_the_order_of_their_bytes() {
        let mut texts: Vec<GoString> = [
            "",
            "a",
            "a\0",
            "a\0b",
            "ab",
            "abcdefgh",
            "abcdefgh\0",
            "abcdefghi",
            "abcdefgi",
            "b",
            "é",
            "abcdefghijklmnopqrstuvwxyz",
            "abcdefghijklmnopqrstuvwxya",
        ]
        .map(GoString::from)
        .to_vec();
        let mut bytes: Vec<Vec<u8>> = texts.iter().map(|text| text.to_vec()).collect();
        texts.sort();
        bytes.sort();
        assert!(
            texts
                .iter()
                .map(GoString::as_bytes)
                .eq(bytes.iter().map(Vec::as_slice))
        );
    }
}
