//! Files of this machine, with the care that files of strangers and files with secrets need.
//!
//! - [`regular`] opens files that somebody else named: regular files only, without ever waiting for a pipe's writer.
//! - [`private`] writes files that only their owner may read, also where a file that others may read was before.
//! - [`Scratch`] is a temporary folder that is removed at the end of its process, however that comes: what a killed
//!   process leaves behind is removed by the next one that asks for such a folder.
//!
//! ```
//! let folder = lode_disk::Scratch::create("lode-example")?;
//! let file = folder.path().join("kubeconfig");
//! lode_disk::private::write(&file, b"token")?;
//! assert!(lode_disk::regular::open(&file).is_ok());
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: which folder a file must lie in; that is the rule of the reader.

pub mod private;
pub mod regular;
mod scratch;

pub use scratch::Scratch;
