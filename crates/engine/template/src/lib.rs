//! Go's text/template as Helm 4.2.1 uses it.
//!
//! [`Value`] is a value with Go's type, so that comparisons, `%T` and error texts come out as Go's.
//! [`function`] describes the functions that templates call, [`Context`] is what a function may use
//! besides its arguments, and [`Environment`] is what the caller hands in: clock, randomness, the
//! cluster, a budget. [`print`] writes values as Go's `fmt` does.
//!
//! ```
//! use lode_template::{Map, Value};
//!
//! let values = Value::from_json(&serde_json::json!({"replicas": 2}));
//! assert_eq!(values.type_name(), "map[string]interface {}");
//! let Value::Map(map) = values else { unreachable!() };
//! assert_eq!(map.get("replicas"), Some(Value::Float(2.0)));
//! ```
//!
//! Left out on purpose: complex numbers and channels, which no chart can make.

mod context;
mod encode;
mod error;
pub mod function;
mod functions;
mod go;
mod pki;
pub mod print;
mod value;

pub use context::{Cluster, Context, Environment, Random};
pub use error::Error;
pub use value::{
    Form, Integer, IntegerKind, Kind, List, Map, NESTING_MAX, Object, Text, Type, Value,
};
