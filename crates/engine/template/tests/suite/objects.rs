//! Structs, pointers, functions and maps of the recorded data, as objects.

use std::any::Any;
use std::borrow::Cow;

use lode_template::function::Signature;
use lode_template::{Context, GoKind, GoObject, GoString, GoType, TemplateError, Value};

/// The code of a method or function: receiver and arguments.
pub(crate) type Code = fn(&Value, &mut Context<'_>, &[Value]) -> Result<Value, TemplateError>;

/// A method; that of a function value has no name.
pub(crate) struct Method {
    pub(crate) name: &'static str,
    pub(crate) signature: Signature,
    pub(crate) code: Code,
}

impl Method {
    pub(crate) fn new(name: &'static str, signature: &str, code: Code) -> Self {
        Self {
            name,
            signature: Signature::parse(signature),
            code,
        }
    }
}

/// A value of any Go type.
#[derive(Default)]
pub(crate) struct Thing {
    pub(crate) type_name: String,
    pub(crate) kind: Option<GoKind>,
    pub(crate) is_nil: bool,
    pub(crate) fields: Vec<(String, Value)>,
    pub(crate) methods: Vec<Method>,
    /// What `String()` or `Error()` return.
    pub(crate) text: Option<String>,
    pub(crate) underlying: Option<Value>,
    pub(crate) target: Option<Value>,
    pub(crate) pairs: Option<Vec<(Value, Value)>>,
    /// What the pointer to a struct is, as others pass it.
    pub(crate) pointer: Option<Value>,
    pub(crate) interfaces: Vec<&'static str>,
}

impl GoObject for Thing {
    fn type_name(&self) -> Cow<'static, str> {
        self.type_name.clone().into()
    }

    fn kind(&self) -> GoKind {
        self.kind.unwrap_or(GoKind::Struct)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn is_nil(&self) -> bool {
        self.is_nil
    }

    fn fields(&self) -> Vec<(&str, Value)> {
        self.fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect()
    }

    fn method(&self, name: &str) -> Option<&Signature> {
        let method = self.methods.iter().find(|method| method.name == name)?;
        Some(&method.signature)
    }

    fn call(
        &self,
        name: &str,
        context: &mut Context<'_>,
        args: &[Value],
    ) -> Result<Value, TemplateError> {
        let method = self.methods.iter().find(|method| method.name == name);
        let method = method.ok_or_else(|| TemplateError::new("no such method"))?;
        let receiver = self.target.clone().or_else(|| self.underlying.clone());
        (method.code)(&receiver.unwrap_or_default(), context, args)
    }

    fn text(&self) -> Option<GoString> {
        self.text.as_deref().map(GoString::from)
    }

    fn underlying(&self) -> Option<Value> {
        self.underlying.clone()
    }

    fn target(&self) -> Option<Value> {
        self.target.clone()
    }

    fn pairs(&self) -> Option<Vec<(Value, Value)>> {
        self.pairs.clone()
    }

    fn implements(&self, interface: &str) -> bool {
        self.interfaces.contains(&interface)
    }

    fn addressed(&self, of: &GoType) -> Option<Value> {
        let pointer = self.pointer.clone()?;
        (*of == GoType::named(pointer.type_name().into_owned())).then_some(pointer)
    }

    fn equals(&self, other: &dyn GoObject) -> bool {
        let Some(other) = other.as_any().downcast_ref::<Self>() else {
            return false;
        };
        self.type_name == other.type_name
            && self.fields == other.fields
            && self.underlying == other.underlying
    }
}
