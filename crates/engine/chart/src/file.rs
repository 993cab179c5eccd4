//! [`ChartFile`]: a file of a chart.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

/// A file of a chart. Cloning shares the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct ChartFile {
    /// Path below the chart's folder, with `/` between its parts.
    pub name: Arc<str>,
    /// The bytes, without a byte order mark at the start.
    pub data: Arc<[u8]>,
    /// When it was changed; folders in Git do not say.
    pub modified: Option<Timestamp>,
}

impl ChartFile {
    /// Creates a file; a byte order mark at the start is removed.
    pub fn new(name: impl Into<Arc<str>>, data: &[u8]) -> Self {
        let data = data.strip_prefix(BYTE_ORDER_MARK).unwrap_or(data);
        Self::of(name.into(), data.into())
    }

    /// Creates a file as [`ChartFile::new`], of bytes that are shared.
    pub fn shared(name: impl Into<Arc<str>>, data: Arc<[u8]>) -> Self {
        if data.starts_with(BYTE_ORDER_MARK) {
            return Self::new(name, &data);
        }
        Self::of(name.into(), data)
    }

    fn of(name: Arc<str>, data: Arc<[u8]>) -> Self {
        Self {
            name,
            data,
            modified: None,
        }
    }
}

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Returns the last part of a path.
pub(crate) fn base(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, base)| base)
}

/// Returns the end of a path from the last point of its last part on.
pub(crate) fn extension(path: &str) -> &str {
    let base = base(path);
    base.rfind('.').map_or("", |at| &base[at..])
}

/// The form that release records have.
impl Serialize for ChartFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let len = 2 + usize::from(self.modified.is_some());
        let mut file = serializer.serialize_struct("File", len)?;
        file.serialize_field("name", &*self.name)?;
        file.serialize_field("data", &STANDARD.encode(&self.data))?;
        if let Some(modified) = &self.modified {
            file.serialize_field("modtime", &modified.to_string())?;
        }
        file.end()
    }
}

/// Without the content, which may be secret.
impl fmt::Debug for ChartFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.name, self.data.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_removed_once() {
        let file = ChartFile::new("a", "\u{feff}\u{feff}b".as_bytes());
        assert_eq!(&*file.data, "\u{feff}b".as_bytes());
        for text in ["\u{feff}b", "b"] {
            assert_eq!(&*ChartFile::shared("a", text.as_bytes().into()).data, b"b");
        }
    }

    #[test]
    fn extensions_begin_at_the_last_point() {
        for (path, want) in [
            ("a.b/c", ""),
            ("a/b.tar.gz", ".gz"),
            ("a/.b", ".b"),
            ("a", ""),
        ] {
            assert_eq!(extension(path), want, "{path}");
        }
    }

    #[test]
    fn the_json_is_that_of_records() {
        let mut file = ChartFile::new("templates/a.yaml", b"a: b\n");
        let json = serde_json::to_string(&file).unwrap();
        assert_eq!(
            json,
            "{\"name\":\"templates/a.yaml\",\"data\":\"YTogYgo=\"}"
        );
        file.modified = Some(Timestamp::UNIX_EPOCH);
        let json = serde_json::to_string(&file).unwrap();
        assert!(
            json.ends_with(",\"modtime\":\"1970-01-01T00:00:00Z\"}"),
            "{json}"
        );
    }
}
