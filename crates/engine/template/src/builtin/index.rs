//! `index`, `slice`, `len`.

use super::prepare::prepare;
use crate::context::Context;
use crate::error::TemplateError;
use crate::value::{GoKind, GoObject, GoString, GoType, List, Value};

pub(super) fn index(_: &mut Context<'_>, args: &[Value]) -> Result<Value, TemplateError> {
    let (item, indexes) = args.split_first().unwrap_or((&Value::Nil, &[]));
    if item.is_nil() || item.kind() == GoKind::Interface {
        return Err(TemplateError::new("index of untyped nil"));
    }
    let mut item = item.clone();
    for index in indexes {
        item = one(&item, index)?;
    }
    Ok(item)
}

fn one(item: &Value, index: &Value) -> Result<Value, TemplateError> {
    let nil = || TemplateError::new("index of nil pointer");
    let item = item
        .indirect()
        .filter(|item| !item.is_nil())
        .ok_or_else(nil)?;
    let out_of_range = |number: usize| {
        // Go lets the length itself pass, and panics then.
        TemplateError::new(format!(
            "reflect: {} index out of range",
            kind_word(&item, number)
        ))
    };
    match item.plain() {
        Value::List(list) => {
            let number = index_number(index, list.len())?;
            list.get(number)
                .cloned()
                .ok_or_else(|| out_of_range(number))
        }
        Value::String(text) => {
            let number = index_number(index, text.len())?;
            text.get(number)
                .map(|found| Value::byte(*found))
                .ok_or_else(|| out_of_range(number))
        }
        Value::Bytes(bytes) => {
            let number = index_number(index, bytes.len())?;
            bytes
                .get(number)
                .map(|found| Value::byte(*found))
                .ok_or_else(|| out_of_range(number))
        }
        Value::Map(map) => {
            let key = prepare(index, &GoType::String)?;
            let key = key.as_text().cloned().unwrap_or_default();
            Ok(map.get(&key).unwrap_or_else(|| map.element().zero()))
        }
        Value::Object(object) if object.pairs().is_some() => pair(&*object, index),
        _ => Err(TemplateError::new(format!(
            "can't index item of type {}",
            item.type_name()
        ))),
    }
}

fn kind_word(item: &Value, _: usize) -> &'static str {
    match item.kind() {
        GoKind::String => "string",
        GoKind::Array => "array",
        _ => "slice",
    }
}

/// A map whose keys are not strings.
fn pair(object: &dyn GoObject, index: &Value) -> Result<Value, TemplateError> {
    let (key, element) = match GoType::parse(&object.type_name()) {
        GoType::Map(types) => (*types).clone(),
        _ => (GoType::Any, GoType::Any),
    };
    let key = prepare(index, &key)?;
    let pairs = object.pairs().unwrap_or_default();
    let found = pairs.into_iter().find(|(found, _)| *found == key);
    Ok(found.map_or_else(|| element.zero(), |(_, value)| value))
}

pub(super) fn slice(context: &mut Context<'_>, args: &[Value]) -> Result<Value, TemplateError> {
    let (item, indexes) = args.split_first().unwrap_or((&Value::Nil, &[]));
    if item.is_nil() || item.kind() == GoKind::Interface {
        return Err(TemplateError::new("slice of untyped nil"));
    }
    let item = item
        .indirect()
        .ok_or_else(|| TemplateError::new("slice of nil pointer"))?;
    if indexes.len() > 3 {
        return Err(TemplateError::new(format!(
            "too many slice indexes: {}",
            indexes.len()
        )));
    }

    let value = item.plain();
    let (len, cap) = match &value {
        Value::String(_) if indexes.len() == 3 => {
            return Err(TemplateError::new("cannot 3-index slice a string"));
        }
        Value::String(text) => (text.len(), text.len()),
        Value::Bytes(bytes) => (bytes.len(), bytes.len()),
        Value::List(list) => (list.len(), list.len() + list.spare()),
        _ => {
            let of = item.type_name();
            return Err(TemplateError::new(format!("can't slice item of type {of}")));
        }
    };
    let (start, end) = bounds(indexes, len, cap)?;
    context.nodes(end - start)?;
    Ok(match value {
        Value::String(text) => GoString::from(text.get(start..end).unwrap_or_default()).into(),
        Value::Bytes(bytes) => Value::Bytes(bytes.get(start..end).unwrap_or_default().into()),
        Value::List(list) => {
            let items = list
                .items()
                .get(start.min(len)..end.min(len))
                .unwrap_or_default();
            let mut items = items.to_vec();
            items.resize(end - start, list.element().zero());
            List::typed(list.element().clone(), items).into()
        }
        other => other,
    })
}

/// Reads the indexes of `x[i:j:k]`.
fn bounds(indexes: &[Value], len: usize, cap: usize) -> Result<(usize, usize), TemplateError> {
    let mut found = [0, len, cap];
    for (index, place) in indexes.iter().zip(&mut found) {
        *place = index_number(index, cap)?;
    }
    let [start, end, limit] = found;
    let wrong = |a, b| TemplateError::new(format!("invalid slice index: {a} > {b}"));
    if start > end {
        return Err(wrong(start, end));
    }
    if indexes.len() == 3 && end > limit {
        return Err(wrong(end, limit));
    }
    Ok((start, end))
}

/// The number of an index; `limit` is the largest one allowed.
fn index_number(index: &Value, limit: usize) -> Result<usize, TemplateError> {
    let Some(integer) = index.as_integer() else {
        if index.is_nil() || index.kind() == GoKind::Interface {
            return Err(TemplateError::new("cannot index slice/array with nil"));
        }
        let of = index.type_name();
        return Err(TemplateError::new(format!(
            "cannot index slice/array with type {of}"
        )));
    };
    let number = usize::try_from(integer.bits).ok();
    number
        .filter(|number| *number <= limit)
        .ok_or_else(|| TemplateError::new(format!("index out of range: {}", integer.bits)))
}

pub(super) fn len(_: &mut Context<'_>, args: &[Value]) -> Result<Value, TemplateError> {
    let item = args.first().unwrap_or(&Value::Nil);
    if item.is_nil() {
        let message = "reflect: call of reflect.Value.Type on zero Value";
        return Err(TemplateError::new(message));
    }
    let item = item
        .indirect()
        .ok_or_else(|| TemplateError::new("len of nil pointer"))?;
    let length = match item.plain() {
        Value::String(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        Value::Object(object) if object.pairs().is_some() => {
            object.pairs().unwrap_or_default().len()
        }
        _ => {
            return Err(TemplateError::new(format!(
                "len of type {}",
                item.type_name()
            )));
        }
    };
    Ok(Value::Int(length as i64))
}
