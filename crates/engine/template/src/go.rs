//! What Go's standard library does with texts, numbers, times, paths, URLs and patterns, where
//! Rust's does something else. Texts are bytes.

pub(crate) mod duration;
pub(crate) mod layout;
pub(crate) mod number;
pub(crate) mod output;
pub(crate) mod parse_time;
pub(crate) mod path;
pub(crate) mod pattern;
pub(crate) mod regexp;
pub(crate) mod runes;
pub(crate) mod time;
mod time_text;
pub(crate) mod url;
