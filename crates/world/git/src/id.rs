//! [`ObjectId`]: the name of an object.

use std::fmt;
use std::str::FromStr;

/// The id of a commit, tag, tree or blob; shown in hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub(crate) gix_hash::ObjectId);

/// A text that is not a full object id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an object's id in full")]
pub struct Error;

impl FromStr for ObjectId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        gix_hash::ObjectId::from_hex(text.as_bytes())
            .map(Self)
            .map_err(|_| Error)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_forty_digits() {
        let text = "ce013625030ba8dba906f756967f9e9ca394464a";
        assert_eq!(text.parse::<ObjectId>().unwrap().to_string(), text);
        for text in ["", "ce0136", "refs/heads/main", &"x".repeat(40)] {
            assert_eq!(text.parse::<ObjectId>(), Err(Error), "{text}");
        }
    }
}
