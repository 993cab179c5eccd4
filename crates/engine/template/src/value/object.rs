//! Values with fields and methods: structs, pointers, functions, defined types.

use std::any::Any;
use std::borrow::Cow;

use super::{GoKind, GoString, GoType, Value};
use crate::context::Context;
use crate::error::TemplateError;
use crate::function::Signature;

/// A value of a Go type that is not built in: a struct, a pointer, a function, a map with keys that
/// are not strings, or a defined type such as `time.Duration`.
///
/// Only the first three methods are needed; the others describe what the type can do.
pub trait GoObject: Any {
    /// Returns the type as `%T` prints it.
    fn type_name(&self) -> Cow<'static, str>;

    /// Returns the `reflect.Kind`.
    fn kind(&self) -> GoKind;

    /// Returns itself, so that functions can recognise their own types.
    fn as_any(&self) -> &dyn Any;

    /// Returns whether this is a nil pointer, map or function.
    fn is_nil(&self) -> bool {
        false
    }

    /// Returns an exported field, also of the struct that a pointer points to.
    fn field(&self, name: &str) -> Option<Value> {
        let field = self.fields().into_iter().find(|(field, _)| *field == name);
        field.map(|(_, value)| value)
    }

    /// Returns all fields of a struct in their order, unexported ones included, for printing.
    fn fields(&self) -> Vec<(&str, Value)> {
        Vec::new()
    }

    /// Returns the signature of a method. The signature of a function has the empty name.
    fn method(&self, name: &str) -> Option<&Signature> {
        let _ = name;
        None
    }

    /// Calls a method, with arguments that fit its signature.
    ///
    /// # Errors
    /// As the method fails in Go.
    fn call(
        &self,
        name: &str,
        context: &mut Context<'_>,
        args: &[Value],
    ) -> Result<Value, TemplateError> {
        let (_, _) = (context, args);
        Err(TemplateError::new(format!("no method {name}")))
    }

    /// Returns what `Error()` or `String()` returns, if the type has one of them.
    fn text(&self) -> Option<GoString> {
        None
    }

    /// Returns the value as a built-in type: the number of a `time.Duration`, the list or map of a
    /// defined type.
    fn underlying(&self) -> Option<Value> {
        None
    }

    /// Returns what a pointer points to.
    fn target(&self) -> Option<Value> {
        None
    }

    /// Returns the entries of a map whose keys are not strings, sorted as Go prints them.
    fn pairs(&self) -> Option<Vec<(Value, Value)>> {
        None
    }

    /// Returns what a function sees that gets this value as an argument. A struct loses the methods
    /// of its pointer; all others stay what they are.
    fn passed(&self) -> Option<Value> {
        None
    }

    /// Returns whether the type has the methods of an interface, such as `fmt.Stringer`.
    fn implements(&self, interface: &str) -> bool {
        let _ = interface;
        false
    }

    /// Returns the pointer to this value, if it can be had and is of a type that a function wants.
    fn addressed(&self, of: &GoType) -> Option<Value> {
        let _ = of;
        None
    }

    /// Returns what `encoding/json` makes of this value, in built-in types.
    fn json(&self) -> Option<Value> {
        self.underlying()
    }

    /// Returns whether another object has the same type and content.
    fn equals(&self, other: &dyn GoObject) -> bool {
        let same_type = self.type_name() == other.type_name();
        match (self.underlying(), other.underlying()) {
            (Some(a), Some(b)) => same_type && a == b,
            _ => same_type && self.is_nil() && other.is_nil(),
        }
    }
}
