//! Functions that templates call: their Go signatures and their table.

mod signature;
mod table;

pub use signature::{Parameter, Signature};
pub use table::{Entry, Functions};

use crate::context::Context;
use crate::error::Error;
use crate::value::Value;

/// The code of a function. The arguments fit its signature, both in number and in type.
pub type Body = fn(&mut Context<'_>, &[Value]) -> Result<Value, Error>;
