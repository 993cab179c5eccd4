//! `OCIRepository`: a layer of an artifact in a registry.
//!
//! `validate` checks the specification, `gather` reads credentials and prepares the requests, `find` chooses a tag and
//! asks for its digest, `pull` brings the layer, `origin` puts them in order.

mod find;
mod gather;
mod origin;
mod pull;
mod validate;

pub use origin::OciOrigin;
