//! Files of this machine, handled with the care that strangers' files and secret files need.
//!
//! - [`regular`] opens files named by others: regular files only, without ever waiting for the
//!   writer of a pipe.
//! - [`private`] writes files that only their owner may read, even if a file that others may read
//!   existed before.
//! - [`Scratch`] is a temporary folder that is removed at the end of its process, however it ends:
//!   what a killed process leaves behind is removed by the next one that uses such a folder.
//!
//! ```
//! let folder = lode_disk::Scratch::create("lode-example")?;
//! let file = folder.path().join("kubeconfig");
//! lode_disk::private::write(&file, b"token")?;
//! assert!(lode_disk::regular::open(&file).is_ok());
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Left out: which folder a file must be in; the reader decides that.

pub mod private;
pub mod regular;
mod scratch;

pub use scratch::Scratch;
