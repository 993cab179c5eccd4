//! Types as values: `type(x) == int`.

use std::sync::Arc;

use kube_cel::cel::{
    Context, ExecutionError, Value,
    common::ast::{Expr, IdedExpr},
    objects::Opaque,
};

/// A type as a value.
#[derive(Debug, PartialEq, Eq)]
struct TypeValue(String);

impl Opaque for TypeValue {
    fn runtime_type_name(&self) -> &'static str {
        "type"
    }
}

/// Registers the function that returns a type, and the names of all types.
pub(crate) fn register(context: &mut Context<'_>) {
    context.add_function("type", |value: Value| Ok::<_, ExecutionError>(of(&value)));
    for name in NAMES.into_iter().chain(QUALIFIED) {
        context.add_variable_from_value(name, named(name));
    }
}

/// Returns whether a name is that of a type.
pub(crate) fn is_name(name: &str) -> bool {
    NAMES.contains(&name) || QUALIFIED.contains(&name)
}

/// Recognises a type name written as nested fields: `google.protobuf.Timestamp`.
pub(crate) fn rewrite(expr: &mut IdedExpr) {
    if !matches!(expr.expr, Expr::Select(_)) {
        return;
    }
    if let Some(name) = dotted(expr).filter(|name| QUALIFIED.contains(&name.as_str())) {
        expr.expr = Expr::Ident(name);
    }
}

fn dotted(expr: &IdedExpr) -> Option<String> {
    match &expr.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => {
            Some(format!("{}.{}", dotted(&select.operand)?, select.field))
        }
        _ => None,
    }
}

fn of(value: &Value) -> Value {
    let name = match value {
        Value::List(_) => "list",
        Value::Map(_) => "map",
        Value::Int(_) => "int",
        Value::UInt(_) => "uint",
        Value::Float(_) => "double",
        Value::String(_) => "string",
        Value::Bytes(_) => "bytes",
        Value::Bool(_) => "bool",
        Value::Duration(_) => "google.protobuf.Duration",
        Value::Timestamp(_) => "google.protobuf.Timestamp",
        Value::Null => "null_type",
        Value::Function(..) => "function",
        Value::Opaque(opaque) => opaque.runtime_type_name(),
    };
    named(name)
}

fn named(name: &str) -> Value {
    Value::Opaque(Arc::new(TypeValue(name.to_owned())))
}

const NAMES: [&str; 11] = [
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "optional_type",
    "string",
    "type",
    "uint",
];
const QUALIFIED: [&str; 7] = [
    "google.protobuf.Duration",
    "google.protobuf.Timestamp",
    "kubernetes.Quantity",
    "kubernetes.Semver",
    "kubernetes.URL",
    "net.CIDR",
    "net.IP",
];
