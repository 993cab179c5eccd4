//! [`Wire`]: reads a protobuf message field by field.

use std::borrow::Cow;

use super::error::Error;

/// A message, read field by field.
pub(super) struct Wire<'b> {
    rest: &'b [u8],
}

/// The content of a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Payload<'b> {
    /// A number of variable length.
    Varint(u64),
    /// Eight bytes.
    Fixed64(u64),
    /// Text, bytes, a message, or packed numbers.
    Bytes(&'b [u8]),
    /// Wire types that Kubernetes does not use.
    Other,
}

impl<'b> Wire<'b> {
    pub(super) fn new(message: &'b [u8]) -> Self {
        Self { rest: message }
    }

    /// Returns the number and content of the next field; nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u32, Payload<'b>)>, Error> {
        if self.rest.is_empty() {
            return Ok(None);
        }

        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3)
            .ok()
            .filter(|number| *number > 0)
            .ok_or(Error::Malformed)?;
        let payload = match tag & 7 {
            0 => Payload::Varint(self.varint()?),
            1 => Payload::Fixed64(self.fixed64()?),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Error::Malformed)?;
                Payload::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Payload::Other
            }
            _ => return Err(Error::Malformed),
        };
        Ok(Some((number, payload)))
    }

    /// Returns the next packed number; nothing at the end.
    pub(super) fn packed(&mut self) -> Result<Option<u64>, Error> {
        if self.rest.is_empty() {
            Ok(None)
        } else {
            self.varint().map(Some)
        }
    }

    fn varint(&mut self) -> Result<u64, Error> {
        let mut value = 0;
        for (at, byte) in self.rest.iter().enumerate().take(VARINT_MAX) {
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[at + 1..];
                return Ok(value);
            }
        }
        Err(Error::Malformed)
    }

    fn fixed64(&mut self) -> Result<u64, Error> {
        let bytes = self.take(8)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn take(&mut self, length: usize) -> Result<&'b [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Error::Malformed)?;
        self.rest = rest;
        Ok(taken)
    }
}

/// Longest number in bytes.
const VARINT_MAX: usize = 10;

/// Returns the text of a field. Invalid UTF-8 becomes what Go's JSON makes of it.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}
