//! The nil interface.

use std::any::Any;
use std::borrow::Cow;

use crate::value::{GoKind, GoObject, Value};

/// The nil interface as a value of its own. Functions see no value instead.
pub(super) struct NilInterface;

impl GoObject for NilInterface {
    fn type_name(&self) -> Cow<'static, str> {
        "interface {}".into()
    }

    fn kind(&self) -> GoKind {
        GoKind::Interface
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn is_nil(&self) -> bool {
        true
    }

    fn passed(&self) -> Option<Value> {
        Some(Value::Nil)
    }
}

pub(super) fn is_nil_interface(value: &Value) -> bool {
    matches!(value, Value::Object(object) if object.kind() == GoKind::Interface)
}
