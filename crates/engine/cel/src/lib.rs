//! The only crate that evaluates CEL, the expression language of health checks, readiness rules and
//! rules of custom resources.
//!
//! An [`Expr`] is compiled once and evaluated with named JSON values. Texts and values come from
//! tenants, so both are bounded ([`Limits`]): nesting, length, and the worst-case work and memory
//! of an evaluation, which is estimated before it starts. Errors are in our own words and never
//! show a value.
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
//! If a schema defines the fields of an object, [`Input`] creates typed values: times, durations,
//! bytes.
//!
//! Left out: type checking (names are known only when the object exists), message literals
//! (`Type{…}`), time zone names, and order-independent equality of sets.

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
