//! Rules in CEL (`x-kubernetes-validations`), checked for an object and its previous value.
//!
//! A rule that uses `oldSelf` is about a change: it is checked only if there is a previous value.
//! Other rules are not checked for unchanged values, so that an object can be moved out of a state
//! that a newer rule refuses.

use lode_cel::{EvalError, Expr, Input, escape};
use serde_json::{Map, Value};

use super::{
    lists::{Older, identity},
    node::{ListType, SchemaNode, Sort},
    path::Path,
    rule::{OLD_SELF, SELF, SchemaRule},
};
use crate::field_error::{FieldError, Reason};

/// Returns the errors of violated rules.
pub(super) fn check(root: &SchemaNode, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut asked = Asked {
        errors: Vec::new(),
        values_left: VALUES_MAX,
    };
    asked.visit(
        root,
        &Path::Root,
        new,
        Before {
            value: old,
            same: old == Some(new),
        },
    );
    asked.errors
}

/// The previous value.
#[derive(Clone, Copy)]
struct Before<'o> {
    value: Option<&'o Value>,
    /// Whether it, or the value it was in, is unchanged.
    same: bool,
}

impl<'o> Before<'o> {
    /// Returns the previous value of a part.
    fn part(self, now: &Value, old: Option<&'o Value>) -> Self {
        Self {
            value: old,
            same: self.same || old == Some(now),
        }
    }
}

/// The state of checking rules.
struct Asked {
    errors: Vec<FieldError>,
    /// How many values may still be visited.
    values_left: usize,
}

impl Asked {
    fn visit(&mut self, node: &SchemaNode, path: &Path<'_>, value: &Value, before: Before<'_>) {
        if !node.has_rules || value.is_null() {
            return;
        }
        self.ask(node, path, value, before);
        match value {
            Value::Object(map) => self.fields(node, path, map, before),
            Value::Array(items) => {
                let Some(item_node) = &node.items else { return };
                let older = Older::of(&node.list, before.value);
                for (place, item) in items.iter().enumerate() {
                    self.visit(
                        item_node,
                        &path.index(place),
                        item,
                        before.part(item, older.counterpart(item)),
                    );
                }
            }
            _ => {}
        }
    }

    fn fields(
        &mut self,
        node: &SchemaNode,
        path: &Path<'_>,
        map: &Map<String, Value>,
        before: Before<'_>,
    ) {
        let resource = node.embedded || matches!(path, Path::Root);
        for (name, value) in map {
            let part = before.part(value, before.value.and_then(|old| old.get(name)));
            match node.properties.get(name.as_str()) {
                // The kind of an object is always visible.
                Some(node) if resource && matches!(name.as_str(), "apiVersion" | "kind") => {
                    self.visit(
                        node,
                        &path.field(name),
                        value,
                        Before {
                            same: false,
                            ..part
                        },
                    );
                }
                Some(node) => self.visit(node, &path.field(name), value, part),
                None => {
                    if let Some(node) = node.field(name) {
                        self.visit(node, &path.key(name), value, part);
                    }
                }
            }
        }
    }

    /// Checks the rules of one node.
    fn ask(&mut self, node: &SchemaNode, path: &Path<'_>, value: &Value, before: Before<'_>) {
        let mut input: Option<(Input, Option<Input>)> = None;
        for rule in &node.rules {
            let expr = match rule.expr() {
                Ok(expr) => expr,
                Err(error) => {
                    let said = format!("rule compile error: compilation failed: {error}");
                    self.errors.push(shown(path, value, Reason::Invalid, &said));
                    continue;
                }
            };
            let about_change = expr.names(OLD_SELF);
            let skipped = if about_change {
                before.value.is_none() && !rule.optional_old_self
            } else {
                before.same
            };
            if skipped {
                continue;
            }
            let resource = node.embedded || matches!(path, Path::Root);
            let (new, old) = input.get_or_insert_with(|| {
                (
                    typed(node, value, resource),
                    before.value.map(|old| typed(node, old, resource)),
                )
            });
            let Some(left) = self.values_left.checked_sub(new.values()) else {
                self.errors
                    .push(shown(path, value, Reason::Invalid, OVER_BUDGET));
                return;
            };
            self.values_left = left;
            self.errors
                .extend(broken(rule, expr, path, (value, new, old.as_ref())));
        }
    }
}

/// Checks one rule.
fn broken(
    rule: &SchemaRule,
    expr: &Expr,
    path: &Path<'_>,
    (value, new, old): (&Value, &Input, Option<&Input>),
) -> Option<FieldError> {
    let optional = rule
        .optional_old_self
        .then(|| Input::optional(old.cloned()));
    let mut vars = vec![(SELF, new)];
    vars.extend(optional.as_ref().or(old).map(|old| (OLD_SELF, old)));
    match expr.test(&vars) {
        Ok(true) => None,
        Ok(false) => {
            let message = rule.message_expr().and_then(|expr| expr.text(&vars).ok());
            let message = message
                .map(|text| text.trim().to_owned())
                .filter(|text| is_message(text));
            let message = message.or_else(|| rule.message.as_deref().map(str::to_owned));
            let message = message.unwrap_or_else(|| format!("failed rule: {}", rule.text));
            Some(blamed(rule, shown(path, value, rule.reason, &message)))
        }
        Err(EvalError::TooCostly | EvalError::TooLarge) => {
            Some(shown(path, value, Reason::Invalid, OVER_BUDGET))
        }
        Err(error) => {
            let said = format!("'{error}' evaluating rule: {}", rule.text);
            Some(shown(path, value, Reason::Invalid, &said))
        }
    }
}

fn is_message(text: &str) -> bool {
    !text.is_empty() && text.len() <= MESSAGE_BYTES_MAX && !text.contains(['\n', '\r'])
}

/// Returns an error with its value if that is short.
fn shown(path: &Path<'_>, value: &Value, reason: Reason, said: &str) -> FieldError {
    let short = !value.is_object() && !value.is_array();
    let message = match reason {
        Reason::Required => format!("Required value: {said}"),
        Reason::Forbidden => format!("Forbidden: {said}"),
        Reason::Duplicate if short => format!("Duplicate value: {value}: {said}"),
        Reason::Duplicate => format!("Duplicate value: {said}"),
        _ if short => format!("Invalid value: {value}: {said}"),
        _ => format!("Invalid value: {said}"),
    };
    FieldError::new(path, reason, message)
}

/// Moves an error to the field that the rule blames.
fn blamed(rule: &SchemaRule, error: FieldError) -> FieldError {
    let Some(below) = &rule.field_path else {
        return error;
    };
    let below = below.replace("['", "[").replace("']", "]");
    let field = match error.field.as_str() {
        super::path::NOWHERE => below.trim_start_matches('.').to_owned(),
        field => format!("{field}{below}"),
    };
    FieldError { field, ..error }
}

/// Returns a value with the type of its schema.
fn typed(node: &SchemaNode, value: &Value, resource: bool) -> Input {
    if node.int_or_string {
        return Input::json(value);
    }
    match (node.sort, value) {
        (Some(Sort::Object), Value::Object(map)) => object(node, map, resource || node.embedded),
        (Some(Sort::Array), Value::Array(items)) => match &node.items {
            Some(item_node) => {
                let item =
                    |item: &Value| match identity(&node.list, item).filter(|_| item.is_object()) {
                        Some(key) if node.list != ListType::Set => {
                            typed(item_node, item, false).keyed(key.to_string())
                        }
                        _ => typed(item_node, item, false),
                    };
                Input::list(items.iter().map(item).collect())
            }
            None => Input::json(value),
        },
        (Some(Sort::Number), Value::Number(number)) => {
            Input::double(number.as_f64().unwrap_or(f64::NAN))
        }
        (Some(Sort::Integer), Value::Number(number)) if number.is_f64() => {
            Input::int(number.as_f64().unwrap_or_default() as i64)
        }
        (Some(Sort::String), Value::String(text)) => string(node, text),
        _ if resource && node.sort.is_none() => value
            .as_object()
            .map_or_else(|| Input::json(value), |map| object(node, map, true)),
        _ => Input::json(value),
    }
}

fn string(node: &SchemaNode, text: &str) -> Input {
    match node
        .checks
        .as_ref()
        .and_then(|checks| checks.format.as_ref())
        .map(|format| &*format.name)
    {
        Some("date" | "date-time") => Input::timestamp(text),
        Some("duration") => Input::duration(text),
        Some("byte") => Input::bytes(text),
        _ => Input::json(&Value::from(text)),
    }
}

fn object(node: &SchemaNode, map: &Map<String, Value>, resource: bool) -> Input {
    let is_map = node.properties.is_empty() && node.field("").is_some();
    let mut entries = Vec::with_capacity(map.len());
    for (name, value) in map {
        let declared = node.properties.get(name.as_str());
        let input = match name.as_str() {
            "metadata" if resource => metadata(declared, value),
            "apiVersion" | "kind" if resource => Input::json(value),
            _ => match declared.or_else(|| node.field(name)) {
                Some(node) => typed(node, value, false),
                None => Input::json(value),
            },
        };
        if is_map {
            entries.push((name.clone(), input));
            continue;
        }
        let nameable = declared.is_some_and(SchemaNode::is_typed)
            || (resource && META.contains(&name.as_str()));
        if !nameable {
            // It has an identity.
            entries.push((format!("{UNDECLARED}{name}"), input));
        } else if !value.is_null() {
            let escaped = escape(name);
            if escaped
                .as_ref()
                .is_some_and(|escaped| escaped.trim_matches('_') == name && escaped != name)
            {
                entries.push((name.clone(), input.clone()));
            }
            entries.push((
                escaped.unwrap_or_else(|| format!("{UNDECLARED}{name}")),
                input,
            ));
        }
    }
    Input::map(entries)
}

/// Returns what a rule can see of metadata: the name, and what the schema declares.
fn metadata(declared: Option<&SchemaNode>, metadata: &Value) -> Input {
    let names = |name: &str| matches!(name, "name" | "generateName");
    let may =
        |name: &str| names(name) || declared.is_some_and(|node| node.properties.contains_key(name));
    let entries = metadata
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| may(name));
    Input::map(
        entries
            .map(|(name, value)| (name.clone(), Input::json(value)))
            .collect(),
    )
}

/// Fields of every resource.
const META: [&str; 3] = ["apiVersion", "kind", "metadata"];
/// No field name begins with it.
const UNDECLARED: &str = "@";
const OVER_BUDGET: &str =
    "validation failed due to running out of cost budget, no further validation rules will be run";
/// Most values that the rules of one object may visit in total.
const VALUES_MAX: usize = 4_000_000;
/// Longest message that an expression may return.
const MESSAGE_BYTES_MAX: usize = 5 << 10;
