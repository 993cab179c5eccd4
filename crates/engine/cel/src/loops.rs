//! Macros implemented as functions: over lists and maps with one or two variables, sorting,
//! optional values, bindings.
//!
//! The library only supports macros with one variable, and builds lists by copying them at every
//! step. Here a loop is a call whose last arguments are evaluated once per entry, so its work grows
//! with the number of entries only.

use std::{collections::HashMap, sync::Arc};

use kube_cel::cel::{
    Context, ExecutionError, FunctionContext, Value,
    common::{
        ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators},
        types::CelString,
    },
    objects::{Key, Map, OptionalValue, ResolveResult},
};

use crate::keys::map_key;

/// Registers the functions.
pub(crate) fn register(context: &mut Context<'_>) {
    context.add_function(COLLECT, |call: &FunctionContext| collect(call));
    context.add_function(TO_MAP, |call: &FunctionContext| to_map(call));
    context.add_function(TO_ENTRIES, |call: &FunctionContext| to_entries(call));
    context.add_function(ALL, |call: &FunctionContext| every(call));
    context.add_function(EXISTS, |call: &FunctionContext| some(call));
    context.add_function(EXISTS_ONE, |call: &FunctionContext| one(call));
    context.add_function(SORT_BY, |call: &FunctionContext| sort_by(call));
    context.add_function(OPT_MAP, |call: &FunctionContext| optional(call, false));
    context.add_function(OPT_FLAT_MAP, |call: &FunctionContext| optional(call, true));
    context.add_function(BIND, |call: &FunctionContext| bind(call));
}

/// A call that binds names to entries: what it evaluates once, and what once per entry.
pub(crate) struct Binding<'c> {
    /// The names, or empty.
    pub(crate) names: [&'c str; 2],
    /// Evaluated once.
    pub(crate) outside: &'c [IdedExpr],
    /// Evaluated with the names.
    pub(crate) inside: &'c [IdedExpr],
    /// Whether there may be many entries.
    pub(crate) is_loop: bool,
}

impl<'c> Binding<'c> {
    /// Recognises a call that is implemented here.
    pub(crate) fn of(call: &'c CallExpr) -> Option<Self> {
        let function = call.func_name.as_str();
        let (names, outside, inside) = match function {
            COLLECT | TO_MAP | TO_ENTRIES | ALL | EXISTS | EXISTS_ONE => (1..3, 0..1, 3),
            SORT_BY | OPT_MAP | OPT_FLAT_MAP => (1..2, 0..1, 2),
            BIND => (0..1, 1..2, 2),
            _ => return None,
        };
        let mut read = ["", ""];
        for (name, arg) in read.iter_mut().zip(call.args.get(names)?) {
            if let Expr::Literal(LiteralValue::String(text)) = &arg.expr {
                *name = text.inner();
            }
        }

        let is_loop = ![OPT_MAP, OPT_FLAT_MAP, BIND].contains(&function);
        Some(Self {
            names: read,
            outside: call.args.get(outside)?,
            inside: call.args.get(inside..)?,
            is_loop,
        })
    }
}

/// Replaces a macro, or a list built step by step, by a call of one of the functions.
pub(crate) fn rewrite(expr: &mut IdedExpr) {
    let made = match &mut expr.expr {
        Expr::Call(call) => of_call(call),
        Expr::Comprehension(of) if matches!(&of.accu_init.expr, Expr::List(list) if list.elements.is_empty()) =>
        {
            let Some((filter, value)) = of_step(&of.loop_step) else {
                return;
            };
            let range = std::mem::take(&mut of.iter_range);
            Some((
                COLLECT,
                vec![range, name(&of.iter_var), name(""), filter, value],
            ))
        }
        _ => None,
    };

    if let Some((function, args)) = made {
        expr.expr = Expr::Call(CallExpr {
            func_name: function.to_owned(),
            target: None,
            args,
        });
    }
}

/// Recognises the step of a macro that builds a list: `filter ? made + [value] : made`.
fn of_step(step: &IdedExpr) -> Option<(IdedExpr, IdedExpr)> {
    let Expr::Call(call) = &step.expr else {
        return None;
    };
    match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::ADD, [_, added]) => match &added.expr {
            Expr::List(list) => Some((yes(), list.elements.first()?.clone())),
            _ => None,
        },
        (operators::CONDITIONAL, [filter, added, _]) => {
            let (_, value) = of_step(added)?;
            Some((filter.clone(), value))
        }
        _ => None,
    }
}

fn of_call(call: &mut CallExpr) -> Option<(&'static str, Vec<IdedExpr>)> {
    let function = call.func_name.as_str();
    let vars = call
        .args
        .iter()
        .take_while(|arg| matches!(&arg.expr, Expr::Ident(_)))
        .count();
    let made = match (function, call.args.len()) {
        ("bind", 3) if vars > 0 && is_cel(call.target.as_deref()) => BIND,
        ("all", 3) if vars > 1 => ALL,
        ("exists", 3) if vars > 1 => EXISTS,
        ("existsOne" | "exists_one", 3) if vars > 1 => EXISTS_ONE,
        ("existsOne", 2) if vars > 0 => EXISTS_ONE,
        ("transformList", 3 | 4) if vars > 1 => COLLECT,
        ("transformMap", 3 | 4) if vars > 1 => TO_MAP,
        ("transformMapEntry", 3 | 4) if vars > 1 => TO_ENTRIES,
        ("sortBy", 2) if vars > 0 => SORT_BY,
        ("optMap", 2) if vars > 0 => OPT_MAP,
        ("optFlatMap", 2) if vars > 0 => OPT_FLAT_MAP,
        _ => return None,
    };
    let target = call.target.take()?;
    let mut rest = std::mem::take(&mut call.args);
    let mut args = vec![*target];
    let named = if matches!(
        made,
        ALL | EXISTS | EXISTS_ONE | COLLECT | TO_MAP | TO_ENTRIES
    ) && rest.len() > 2
    {
        2
    } else {
        1
    };
    args.extend(rest.drain(..named).map(|var| match &var.expr {
        Expr::Ident(var) => name(var),
        _ => var,
    }));
    if named == 1 && made == EXISTS_ONE {
        args.push(name(""));
    }

    if matches!(made, COLLECT | TO_MAP | TO_ENTRIES) && rest.len() == 1 {
        args.push(yes());
    }

    args.extend(rest);
    if made == BIND {
        args.remove(0);
    }
    Some((made, args))
}

fn is_cel(target: Option<&IdedExpr>) -> bool {
    matches!(target, Some(IdedExpr { expr: Expr::Ident(name), .. }) if name == "cel")
}

fn name(text: &str) -> IdedExpr {
    IdedExpr {
        id: 0,
        expr: Expr::Literal(LiteralValue::String(CelString::from(text))),
    }
}

fn yes() -> IdedExpr {
    IdedExpr {
        id: 0,
        expr: Expr::Literal(LiteralValue::Boolean(true.into())),
    }
}

// === the functions ===

/// Calls back with the scope of each entry, until told to stop.
fn each(
    call: &FunctionContext<'_, '_>,
    mut visit: impl FnMut(&Context<'_>, &Value) -> Result<bool, ExecutionError>,
) -> Result<(), ExecutionError> {
    let (first, second) = (text(call, 1)?, text(call, 2)?);
    let pairs: Vec<(Value, Value)> = match argument(call, 0)? {
        Value::List(items) if second.is_empty() => items
            .iter()
            .map(|item| (item.clone(), Value::Null))
            .collect(),
        Value::List(items) => items
            .iter()
            .enumerate()
            .map(|(at, item)| (Value::Int(at as i64), item.clone()))
            .collect(),
        Value::Map(map) => map
            .map
            .iter()
            .map(|(key, value)| (of_key(key), value.clone()))
            .collect(),
        _ => return Err(ExecutionError::NoSuchOverload),
    };
    let mut scope = call.ptx.new_inner_scope();

    for (key, value) in pairs {
        if !second.is_empty() {
            scope.add_variable_from_value(second.as_str(), value);
        }
        scope.add_variable_from_value(first.as_str(), key.clone());
        if !visit(&scope, &key)? {
            break;
        }
    }
    Ok(())
}

fn collect(call: &FunctionContext<'_, '_>) -> ResolveResult {
    let mut made = Vec::new();
    each(call, |scope, _| {
        if truth(call, 3, scope)? {
            made.push(evaluate(call, 4, scope)?);
        }
        Ok(true)
    })?;
    Ok(Value::List(Arc::new(made)))
}

fn to_map(call: &FunctionContext<'_, '_>) -> ResolveResult {
    let mut made = HashMap::new();
    each(call, |scope, key| {
        if truth(call, 3, scope)? {
            made.insert(to_key(key)?, evaluate(call, 4, scope)?);
        }
        Ok(true)
    })?;
    Ok(Value::Map(Map {
        map: Arc::new(made),
    }))
}

fn to_entries(call: &FunctionContext<'_, '_>) -> ResolveResult {
    let mut made: HashMap<Key, Value> = HashMap::new();
    each(call, |scope, _| {
        if truth(call, 3, scope)? {
            let Value::Map(entries) = evaluate(call, 4, scope)? else {
                return Err(ExecutionError::NoSuchOverload);
            };
            for (key, value) in entries.map.iter() {
                if made.insert(key.clone(), value.clone()).is_some() {
                    return Err(ExecutionError::function_error(
                        "transformMapEntry",
                        "the same key twice",
                    ));
                }
            }
        }
        Ok(true)
    })?;
    Ok(Value::Map(Map {
        map: Arc::new(made),
    }))
}

fn every(call: &FunctionContext<'_, '_>) -> ResolveResult {
    until(call, false)
}

fn some(call: &FunctionContext<'_, '_>) -> ResolveResult {
    until(call, true)
}

/// Searches for an entry with this result of the test; an error counts only if there is none.
fn until(call: &FunctionContext<'_, '_>, wanted: bool) -> ResolveResult {
    let (mut found, mut error) = (false, None);
    each(call, |scope, _| {
        match truth(call, 3, scope) {
            Ok(truth) => found = truth == wanted,
            Err(other) => error = Some(other),
        }
        Ok(!found)
    })?;
    match error {
        Some(error) if !found => Err(error),
        _ => Ok(Value::Bool(found == wanted)),
    }
}

fn one(call: &FunctionContext<'_, '_>) -> ResolveResult {
    let mut count = 0_usize;
    each(call, |scope, _| {
        count += usize::from(truth(call, 3, scope)?);
        Ok(true)
    })?;
    Ok(Value::Bool(count == 1))
}

fn sort_by(call: &FunctionContext<'_, '_>) -> ResolveResult {
    let Value::List(items) = argument(call, 0)? else {
        return Err(ExecutionError::NoSuchOverload);
    };

    let var = text(call, 1)?;
    let mut scope = call.ptx.new_inner_scope();
    let mut keyed = Vec::with_capacity(items.len());
    for item in items.iter() {
        scope.add_variable_from_value(var.as_str(), item.clone());
        keyed.push((evaluate(call, 2, &scope)?, item.clone()));
    }

    let comparable = |pair: &[(Value, Value)]| pair[0].0.partial_cmp(&pair[1].0).is_some();
    if !keyed.windows(2).all(comparable) {
        return Err(ExecutionError::function_error(
            "sortBy",
            "the keys do not compare",
        ));
    }

    keyed.sort_by(|(a, _), (b, _)| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    Ok(Value::List(Arc::new(
        keyed.into_iter().map(|(_, item)| item).collect(),
    )))
}

fn optional(call: &FunctionContext<'_, '_>, flat: bool) -> ResolveResult {
    let Value::Opaque(opaque) = argument(call, 0)? else {
        return Err(ExecutionError::NoSuchOverload);
    };
    let optional = opaque
        .downcast_ref::<OptionalValue>()
        .ok_or(ExecutionError::NoSuchOverload)?;
    let Some(value) = optional.value() else {
        return Ok(Value::Opaque(Arc::new(OptionalValue::none())));
    };
    let mut scope = call.ptx.new_inner_scope();
    scope.add_variable_from_value(text(call, 1)?, value.clone());
    let made = evaluate(call, 2, &scope)?;
    Ok(if flat {
        made
    } else {
        Value::Opaque(Arc::new(OptionalValue::of(made)))
    })
}

fn bind(call: &FunctionContext<'_, '_>) -> ResolveResult {
    let mut scope = call.ptx.new_inner_scope();
    scope.add_variable_from_value(text(call, 0)?, argument(call, 1)?);
    evaluate(call, 2, &scope)
}

fn argument(call: &FunctionContext<'_, '_>, place: usize) -> ResolveResult {
    evaluate(call, place, call.ptx)
}

fn evaluate(call: &FunctionContext<'_, '_>, place: usize, scope: &Context<'_>) -> ResolveResult {
    Value::resolve(
        call.args.get(place).ok_or(ExecutionError::NoSuchOverload)?,
        scope,
    )
}

fn truth(
    call: &FunctionContext<'_, '_>,
    place: usize,
    scope: &Context<'_>,
) -> Result<bool, ExecutionError> {
    match evaluate(call, place, scope)? {
        Value::Bool(truth) => Ok(truth),
        _ => Err(ExecutionError::NoSuchOverload),
    }
}

fn text(call: &FunctionContext<'_, '_>, place: usize) -> Result<String, ExecutionError> {
    match argument(call, place)? {
        Value::String(text) => Ok(text.to_string()),
        _ => Err(ExecutionError::NoSuchOverload),
    }
}

fn of_key(key: &Key) -> Value {
    match key {
        Key::Int(int) => Value::Int(*int),
        Key::Uint(uint) => Value::UInt(*uint),
        Key::Bool(truth) => Value::Bool(*truth),
        Key::String(text) => Value::String(Arc::clone(text)),
    }
}

fn to_key(value: &Value) -> Result<Key, ExecutionError> {
    map_key(value).ok_or(ExecutionError::NoSuchOverload)
}

const COLLECT: &str = "@collect";
const TO_MAP: &str = "@to_map";
const TO_ENTRIES: &str = "@to_entries";
const ALL: &str = "@all";
const EXISTS: &str = "@exists";
const EXISTS_ONE: &str = "@exists_one";
const SORT_BY: &str = "@sort_by";
const OPT_MAP: &str = "@opt_map";
const OPT_FLAT_MAP: &str = "@opt_flat_map";
const BIND: &str = "@bind";
