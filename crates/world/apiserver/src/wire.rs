//! The HTTP level: paths, options, formats, responses and bodies.

pub(crate) mod answer;
pub(crate) mod negotiate;
pub(crate) mod options;
pub(crate) mod request;
pub(crate) mod stream;
