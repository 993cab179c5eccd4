//! [`Error`]: why a registry gave no usable answer, and [`Refusal`]: what it said of that.

use std::fmt;

use lode_net::{OutboundError, Refused};
use lode_stdx::{Digest, printable};
use serde::Deserialize;

/// Most errors of one answer that are kept.
const SAID_MAX: usize = 4;
/// Characters of a registry's text that are kept.
const TEXT_MAX: usize = 300;

/// Why a registry gave no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No answer came.
    #[error("{method} {url}: {source}")]
    Outbound {
        /// The method of the request.
        method: &'static str,
        /// Its URL, without query.
        url: Box<str>,
        /// The reason.
        source: OutboundError,
    },
    /// The registry, or the token service that it names, refused.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// A text that should be a tag could name another path.
    #[error("\"{0}\" is not a tag: it may have letters, digits, dots, underscores and dashes")]
    Tag(Box<str>),
    /// A text that should be a digest is none that can be checked.
    #[error("{text}: {source}")]
    Digest {
        /// The beginning of the text.
        text: Box<str>,
        /// The reason.
        source: lode_stdx::digest::Error,
    },
    /// What came does not have the digest that it was asked for by.
    #[error(
        "{what} {wanted} has the digest {found}: the registry, or something on the way, changed it"
    )]
    Changed {
        /// What came.
        what: &'static str,
        /// The digest that it was asked for by.
        wanted: Digest,
        /// The digest that it has.
        found: Digest,
    },
    /// A blob does not have the size that its manifest says.
    #[error("blob {digest} has another size than its manifest says ({size} bytes)")]
    Size {
        /// The digest of the blob.
        digest: Digest,
        /// The size in the manifest.
        size: u64,
    },
    /// A blob is larger than allowed.
    #[error("blob {digest} has {size} bytes, more than {limit}, the limit")]
    TooLarge {
        /// The digest of the blob.
        digest: Digest,
        /// The size in the manifest.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// An answer is not what the specification asks for.
    #[error("{url}: {what}")]
    Protocol {
        /// The URL of the request, without query.
        url: Box<str>,
        /// What is wrong.
        what: &'static str,
    },
    /// An index has no manifest for this platform.
    #[error("no child with platform linux/amd64 in index {0}")]
    Platform(Digest),
    /// A token holds characters that no header may hold.
    #[error("the token or password holds characters that no HTTP header may hold")]
    Token,
}

/// An answer that is no success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The method of the request.
    pub method: &'static str,
    /// Its URL, without query.
    pub url: Box<str>,
    /// The status code.
    pub status: u16,
    /// The errors in the answer.
    pub said: Vec<Said>,
}

/// An error as the specification defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// A stable word, such as `MANIFEST_UNKNOWN`; empty if the registry names none.
    pub code: Box<str>,
    /// A text for people.
    pub message: Box<str>,
}

impl Error {
    /// Returns whether the registry refused with a status code.
    #[must_use]
    pub fn is_status(&self, status: u16) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.status == status)
    }

    /// Returns the refusal of the egress policy, if that is the reason.
    #[must_use]
    pub fn egress(&self) -> Option<&Refused> {
        match self {
            Self::Outbound {
                source: OutboundError::Egress(refused),
                ..
            } => Some(refused),
            _ => None,
        }
    }
}

impl fmt::Display for Refusal {
    /// Writes the errors as most tools do: `GET URL: MANIFEST_UNKNOWN: manifest unknown`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.method, self.url)?;
        match &*self.said {
            [] => write!(f, "unexpected status code {}", self.status),
            [one] => write!(f, "{one}"),
            all => {
                f.write_str("multiple errors returned: ")?;
                for (at, one) in all.iter().enumerate() {
                    let comma = if at == 0 { "" } else { "; " };
                    write!(f, "{comma}{one}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl Said {
    /// Reads the errors of an answer's body; none if it has another form.
    pub(crate) fn read(body: &[u8]) -> Vec<Self> {
        let Ok(list) = serde_json::from_slice::<List>(body) else {
            return Vec::new();
        };
        let errors = list.errors.unwrap_or_default().into_iter();
        let said = errors.take(SAID_MAX).map(|entry| Self {
            code: short(&entry.code.unwrap_or_default()),
            message: short(&entry.message.unwrap_or_default()),
        });
        said.collect()
    }
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    errors: Option<Vec<ErrorEntry>>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

/// Returns the beginning of a stranger's text, harmless for a terminal.
pub(crate) fn short(text: &str) -> Box<str> {
    let cut: String = text.chars().take(TEXT_MAX).collect();
    printable(&cut).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str) -> String {
        let refusal = Refusal {
            method: "GET",
            url: "https://host/v2/app/manifests/v1".into(),
            status: 404,
            said: Said::read(body.as_bytes()),
        };
        refusal.to_string()
    }

    #[test]
    fn the_errors_of_an_answer_are_named() {
        for (body, expected) in [
            (
                r#"{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}"#,
                "MANIFEST_UNKNOWN: manifest unknown",
            ),
            (
                r#"{"errors": [{"code": "A", "message": "a"}, {"code": "B"}]}"#,
                "multiple errors returned: A: a; B: ",
            ),
            ("<html>", "unexpected status code 404"),
            (r#"{"errors": null}"#, "unexpected status code 404"),
            ("", "unexpected status code 404"),
        ] {
            let expected = format!("GET https://host/v2/app/manifests/v1: {expected}");
            assert_eq!(refusal(body), expected);
        }
    }

    #[test]
    fn a_strangers_text_is_short_and_harmless() {
        let body = format!(
            r#"{{"errors": [{{"code": "X", "message": "\u001b[31m{}"}}]}}"#,
            "x".repeat(10_000)
        );
        let text = refusal(&body);
        assert!(text.len() < 500 && !text.contains('\u{1b}'), "{text}");
        let many = r#"{"code": "X", "message": "y"},"#.repeat(100);
        let body = format!("{{\"errors\": [{}]}}", many.trim_end_matches(','));
        assert_eq!(Said::read(body.as_bytes()).len(), SAID_MAX);
    }
}
