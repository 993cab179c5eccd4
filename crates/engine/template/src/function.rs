//! Functions that templates call: their Go signatures and their table.

mod entry;
mod signature;
mod table;

pub use entry::{FunctionBody, TemplateFunction};
pub use signature::{Parameter, Signature};
pub use table::Functions;
