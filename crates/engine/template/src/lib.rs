//! Go's text/template as Helm 4.2.1 uses it.
//!
//! [`Templates`] are the files of a chart, compiled once and rendered many times, also by several
//! threads. [`Value`] is a value with Go's type, so that comparisons, `%T` and error texts come out
//! as Go's. [`function`] describes the functions that templates call, [`Context`] is what a function
//! may use besides its arguments, and [`Environment`] is what the caller hands in: clock,
//! randomness, the cluster, a budget. [`mod@print`] writes values as Go's `fmt` does; [`parse`] shows
//! tokens and trees to tests.
//!
//! ```
//! use std::sync::Arc;
//!
//! use jiff::Timestamp;
//! use lode_stdx::budget::Budget;
//! use lode_template::{Environment, Map, MissingKey, Random, TemplateFile, Templates, Value};
//! use lode_template::function::Functions;
//!
//! struct NoRandom;
//! impl Random for NoRandom {
//!     fn fill(&self, bytes: &mut [u8]) {
//!         bytes.fill(0);
//!     }
//! }
//!
//! let budget = Budget::unlimited();
//! let file = TemplateFile { name: "web/templates/a.yaml", text: (*b"replicas: {{ .Values.replicas }}").into() };
//! let templates = Templates::compile(Arc::new(Functions::helm()), std::slice::from_ref(&file), &budget).unwrap();
//!
//! let data = serde_json::json!({"Values": {"replicas": 2}});
//! let Value::Map(data) = Value::from_json(&data) else { unreachable!() };
//! let environment = Environment {
//!     now: Timestamp::UNIX_EPOCH,
//!     random: &NoRandom,
//!     cluster: None,
//!     resolve_host: None,
//!     used_time: None,
//!     is_lint: false,
//!     budget: &budget,
//! };
//! let scope = |_: &str| (data.clone(), "web/templates".to_owned());
//! let files = templates.render([file.name], scope, MissingKey::Zero, &environment).unwrap();
//! assert_eq!(files[0].content, "replicas: 2");
//! ```
//!
//! Left out on purpose: complex numbers, channels and iterators, which no chart can make.

mod builtin;
mod compile;
mod context;
mod encode;
mod engine;
mod error;
pub mod function;
mod functions;
mod go;
mod numbers;
pub mod parse;
mod pki;
pub mod print;
mod run;
mod secrets;
mod texts;
mod value;

pub use context::{Cluster, Context, Environment, Random};
pub use engine::{MissingKey, ParseError, RenderError, RenderedFile, TemplateFile, Templates};
pub use error::TemplateError;
pub use run::ExecError;
pub use value::{
    GoKind, GoObject, GoString, GoType, Integer, IntegerKind, List, ListForm, Map, NESTING_MAX,
    Value,
};
