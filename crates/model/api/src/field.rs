//! Text fields with a grammar: durations and enumerations.
//!
//! Input: the text as it was read. Output: its value, or a [`FieldError`] that names the field, so
//! that a bad text becomes a condition of its own object only.

use std::time::Duration;

use lode_stdx::duration;

/// Longest part of a bad value that an error quotes, in characters.
const QUOTE_MAX: usize = 64;

/// A field whose text is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// Not a duration.
    #[error("{field}: {source}")]
    Duration {
        /// Path of the field, from `spec` on.
        field: &'static str,
        /// What is wrong with it.
        source: duration::Error,
    },
    /// Not one of the allowed words.
    #[error("{field}: \"{value}\" is not one of {}", known.join(", "))]
    Word {
        /// Path of the field, from `spec` on.
        field: &'static str,
        /// The text, shortened.
        value: Box<str>,
        /// The allowed words.
        known: &'static [&'static str],
    },
}

/// Reads a duration.
pub(crate) fn duration(field: &'static str, text: &str) -> Result<Duration, FieldError> {
    duration::parse(text).map_err(|source| FieldError::Duration { field, source })
}

/// Defines an enumeration of the words that a field allows.
macro_rules! words {
    (
        $(#[doc = $about:literal])+
        $vis:vis enum $name:ident { $( $(#[doc = $v_about:literal])+ $variant:ident = $word:literal, )+ }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $name { $( $(#[doc = $v_about])+ $variant, )+ }

        impl $name {
            /// The words on the wire.
            $vis const WORDS: &'static [&'static str] = &[$($word),+];

            /// Returns the word on the wire.
            #[must_use]
            $vis const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// Reads `field`, which may be absent.
            fn read(field: &'static str, text: Option<&str>) -> Result<Option<Self>, crate::FieldError> {
                match text {
                    None | Some("") => Ok(None),
                    $( Some($word) => Ok(Some(Self::$variant)), )+
                    Some(other) => Err(crate::field::unknown(field, other, Self::WORDS)),
                }
            }
        }
    };
}
pub(crate) use words;

/// Returns the error for a text that is not one of the allowed words.
pub(crate) fn unknown(
    field: &'static str,
    text: &str,
    known: &'static [&'static str],
) -> FieldError {
    FieldError::Word {
        field,
        value: text.chars().take(QUOTE_MAX).collect::<String>().into(),
        known,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    words! {
        /// A side.
        enum Side {
            /// Left.
            Left = "left",
            /// Right.
            Right = "right",
        }
    }

    #[test]
    fn a_bad_duration_names_its_field() {
        let error = duration("spec.interval", "5 minutes").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("spec.interval: duration \"5 minutes\""),
            "{error}"
        );
    }

    #[test]
    fn an_unknown_word_is_told_with_the_known_ones() {
        assert_eq!(Side::read("spec.side", None), Ok(None));
        assert_eq!(
            Side::read("spec.side", Some("right")),
            Ok(Some(Side::Right))
        );
        assert_eq!(Side::Left.as_str(), "left");
        let error = Side::read("spec.side", Some("up")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "spec.side: \"up\" is not one of left, right"
        );
    }
}
