//! The one door to the expression language of health checks, readiness rules and rules of custom resources (CEL).
//!
//! An [`Expr`] is compiled once and evaluated against JSON values by name. Text and values come from tenants, so both
//! are bounded ([`Limits`]): nesting, length, and how much work and memory an evaluation could take at worst, which is
//! estimated before it starts. Errors are in words of our own and never show a value.
//!
//! ```
//! use lode_cel::{Expr, Limits};
//! use serde_json::json;
//!
//! let ready = Expr::compile("status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')", Limits::default())?;
//! let status = json!({"conditions": [{"type": "Ready", "status": "True"}]});
//! assert_eq!(ready.eval_bool(&[("status", &status)]), Ok(true));
//! # Ok::<(), lode_cel::Error>(())
//! ```
//!
//! Where a schema says what the fields of an object are, [`Input`] makes typed values of them: times, spans, bytes.
//!
//! Left out: type checking (names are known only when the object is there), message literals (`Type{…}`), names of time
//! zones, and sets that are equal whatever their order.

mod bounds;
mod compile;
mod cost;
mod error;
mod eval;
mod functions;
mod growth;
mod input;
mod keys;
mod loops;
mod numbers;
mod pattern;
mod rewrite;
mod texts;
mod times;
mod typed;
mod types;

pub use compile::{Expr, Limits};
pub use error::Error;
pub use eval::EvalError;
pub use pattern::{Pattern, PatternError};
pub use typed::{Input, escape};
