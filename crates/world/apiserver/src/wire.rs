//! What comes in and goes out as HTTP: paths, options, forms, answers and their bodies.

pub(crate) mod answer;
pub(crate) mod negotiate;
pub(crate) mod options;
pub(crate) mod request;
pub(crate) mod stream;
