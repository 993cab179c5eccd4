//! YAML as Helm writes and reads it.
//!
//! [`write()`] gives what `sigs.k8s.io/yaml` gives: the value goes through JSON, so that whole
//! floats have no point, and is written in go-yaml v2's form. [`write_pretty`] is go-yaml v3's form
//! of the value itself, with indented lists.

use std::borrow::Cow;
use std::convert::Infallible;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lode_yaml::{Cause, Dialect, Entry, Node as YamlNode, Options, Shape, Style, Tag, Tree};

use crate::context::Context;
use crate::encode::json::{Content, content};
use crate::encode::json_read::Wanted;
use crate::encode::yaml_fault;
use crate::error::Error;
use crate::functions::moment::Moment;
use crate::go::runes;
use crate::print::append_float;
use crate::value::{IntegerKind, Map, NESTING_MAX, Object, Text, Value};

/// Returns a value as YAML, without the line break at its end.
///
/// # Errors
/// The value has no form in JSON, or the budget is spent.
pub(crate) fn write(context: &Context<'_>, value: &Value) -> Result<Value, Error> {
    let node = node(context, value, NESTING_MAX)?;
    let mut out = String::new();
    lode_yaml::write_tree_within(&mut out, &node, context.environment().budget)?;
    Ok(Value::text(out.strip_suffix('\n').unwrap_or(&out)))
}

/// A value as JSON has it, ready to be written.
enum Node {
    Word(Cow<'static, str>),
    Text(Text),
    Sequence(Vec<Node>),
    Mapping(Vec<(Text, Node)>),
}

impl Tree for Node {
    type Fault = Infallible;

    fn shape(&self) -> Result<Shape<'_, Self>, Infallible> {
        Ok(match self {
            Self::Word(word) => Shape::Word(Cow::Borrowed(word)),
            Self::Text(text) => Shape::Text(text.to_str_lossy()),
            Self::Sequence(items) => Shape::Sequence(items),
            Self::Mapping(entries) => {
                let entries = entries.iter();
                Shape::mapping(
                    entries
                        .map(|(key, node)| (key.to_str_lossy(), node))
                        .collect(),
                )
            }
        })
    }
}

fn node(context: &Context<'_>, value: &Value, depth: usize) -> Result<Node, Error> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Error::new(
            "json: unsupported value: encountered a cycle via map[string]interface {}",
        ));
    };
    context.nodes(1)?;
    Ok(match value {
        Value::Nil => Node::Word("null".into()),
        Value::Bool(is_true) => Node::Word(if *is_true { "true" } else { "false" }.into()),
        Value::Int(number) | Value::Int64(number) => Node::Word(number.to_string().into()),
        Value::Sized(number) => Node::Word(match number.kind {
            IntegerKind::Uint | IntegerKind::Uint64 | IntegerKind::Uintptr => {
                number.bits.cast_unsigned().to_string().into()
            }
            _ => number.bits.to_string().into(),
        }),
        Value::Float(number) => Node::Word(float_word(*number)?.into()),
        Value::Float32(number) => {
            let shortest = number.to_string().parse().unwrap_or(f64::from(*number));
            Node::Word(float_word(shortest)?.into())
        }
        Value::String(text) => Node::Text(valid(text)),
        Value::Bytes(bytes) => Node::Text(STANDARD.encode(bytes).into()),
        Value::List(list) if list.is_nil() => Node::Word("null".into()),
        Value::List(list) => {
            let items = list.items().iter().map(|item| node(context, item, depth));
            Node::Sequence(items.collect::<Result<_, _>>()?)
        }
        Value::Map(map) if map.is_nil() => Node::Word("null".into()),
        Value::Map(map) => map.read(|entries| mapping(context, entries, depth))?,
        Value::Object(object) => match content(&**object)? {
            Content::Value(value) => node(context, &value, depth)?,
            Content::Entries(entries) => mapping(context, &entries, depth)?,
        },
    })
}

fn mapping(context: &Context<'_>, entries: &[(Text, Value)], depth: usize) -> Result<Node, Error> {
    let entry = |(key, value): &(Text, Value)| Ok((valid(key), node(context, value, depth)?));
    let entries = entries.iter().map(entry);
    Ok(Node::Mapping(entries.collect::<Result<_, Error>>()?))
}

/// Returns a text with U+FFFD in place of bytes that are no runes.
fn valid(text: &Text) -> Text {
    match text.as_str() {
        Some(_) => text.clone(),
        None => Text::from(runes::map(text, |rune| rune)),
    }
}

/// Returns a float as YAML reads it from JSON and writes it again: whole numbers of up to 64 bits
/// are integers.
fn float_word(number: f64) -> Result<String, Error> {
    if !number.is_finite() {
        let mut shown = Vec::new();
        append_float(&mut shown, number, b'g', None, 64);
        let shown = String::from_utf8_lossy(&shown);
        return Err(Error::new(format!("json: unsupported value: {shown}")));
    }
    if number.fract() == 0.0 && number.abs() < 1e21 {
        // The sum makes an integer zero of the negative one.
        let whole = format!("{}", number + 0.0);
        if whole.parse::<i64>().is_ok() || whole.parse::<u64>().is_ok() {
            return Ok(whole);
        }
    }
    let mut shown = Vec::new();
    append_float(&mut shown, number, b'g', None, 64);
    Ok(String::from_utf8_lossy(&shown).into_owned())
}

// === the pretty form ===

/// Returns a value in go-yaml v3's form, without the line break at its end.
///
/// # Errors
/// The value cannot be written, or the budget is spent.
pub(crate) fn write_pretty(context: &Context<'_>, value: &Value) -> Result<Value, Error> {
    let node = pretty_node(context, value, NESTING_MAX)?;
    let options = Options {
        indent: 2,
        wide_lists: true,
        quotes_old_words: true,
    };
    let out = lode_yaml::write_v3_within(&node, options, context.environment().budget)?;
    Ok(Value::text(out.strip_suffix('\n').unwrap_or(&out)))
}

fn pretty_node(context: &Context<'_>, value: &Value, depth: usize) -> Result<YamlNode, Error> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Error::new("a value is nested too deeply for YAML"));
    };
    context.nodes(1)?;
    Ok(match value {
        Value::Float(number) => YamlNode::plain(pretty_float(*number)),
        Value::Float32(number) => {
            let shortest = number.to_string().parse().unwrap_or(f64::from(*number));
            YamlNode::plain(pretty_float(shortest))
        }
        Value::String(text) => pretty_text(context, text)?,
        Value::Bytes(bytes) => {
            let numbers = bytes.iter().map(|byte| YamlNode::plain(byte.to_string()));
            YamlNode::sequence(numbers.collect())
        }
        Value::List(list) => {
            let items = list.items().iter();
            let items = items.map(|item| pretty_node(context, item, depth));
            YamlNode::sequence(items.collect::<Result<_, _>>()?)
        }
        Value::Map(map) if map.is_nil() => YamlNode::mapping(),
        Value::Map(map) => map.read(|entries| pretty_mapping(context, entries, depth))?,
        Value::Object(object) => pretty_object(context, &**object, depth)?,
        scalar => match node(context, scalar, 1)? {
            Node::Word(word) => YamlNode::plain(&*word),
            _ => YamlNode::null(),
        },
    })
}

fn pretty_object(
    context: &Context<'_>,
    object: &dyn Object,
    depth: usize,
) -> Result<YamlNode, Error> {
    match content(object)? {
        // Times need no quotes.
        Content::Value(Value::String(text)) if object.as_any().is::<Moment>() => {
            Ok(YamlNode::plain(text.to_str_lossy()))
        }
        Content::Value(value) => pretty_node(context, &value, depth),
        // Fields of a struct have small letters.
        Content::Entries(entries) => {
            let mut mapping = Vec::with_capacity(entries.len());
            for (name, value) in entries {
                mapping.push(Entry {
                    key: pretty_text(context, &Text::from(runes::lower(&name)))?,
                    value: pretty_node(context, &value, depth)?,
                });
            }
            Ok(pretty_entries(mapping))
        }
    }
}

fn pretty_mapping(
    context: &Context<'_>,
    entries: &[(Text, Value)],
    depth: usize,
) -> Result<YamlNode, Error> {
    let pairs = entries.iter();
    let pairs = pairs.map(|entry| (entry.0.to_str_lossy(), entry)).collect();
    let Shape::Mapping(sorted) = Shape::mapping(pairs) else {
        return Ok(YamlNode::mapping());
    };
    let mut mapping = Vec::with_capacity(sorted.len());
    for (_, (key, value)) in sorted {
        mapping.push(Entry {
            key: pretty_text(context, key)?,
            value: pretty_node(context, value, depth)?,
        });
    }
    Ok(pretty_entries(mapping))
}

fn pretty_entries(entries: Vec<Entry>) -> YamlNode {
    let mut node = YamlNode::mapping();
    node.content = lode_yaml::Content::Mapping(entries);
    node
}

fn pretty_text(context: &Context<'_>, text: &Text) -> Result<YamlNode, Error> {
    context.bytes(text.len())?;
    let Some(plain) = text.as_str() else {
        return Ok(YamlNode {
            tag: Tag::Binary,
            ..YamlNode::plain(STANDARD.encode(&**text))
        });
    };
    let style = if plain.contains('\n') {
        Style::Literal
    } else {
        Style::Plain
    };
    Ok(YamlNode {
        style,
        ..YamlNode::string(plain)
    })
}

fn pretty_float(number: f64) -> String {
    if number.is_finite() {
        let mut shown = Vec::new();
        append_float(&mut shown, number, b'g', None, 64);
        return String::from_utf8_lossy(&shown).into_owned();
    }
    match number {
        f64::INFINITY => ".inf",
        number if number.is_nan() => ".nan",
        _ => "-.inf",
    }
    .to_owned()
}

// === reading ===

/// Reads a value.
///
/// # Errors
/// The text is not YAML, the value is not of the wanted type, or the budget is spent.
pub(crate) fn read(context: &Context<'_>, text: &[u8], wanted: Wanted) -> Result<Value, Error> {
    let budget = context.environment().budget;
    let json = lode_yaml::parse_within(text, Dialect::V2, budget).map_err(|error| {
        if let Cause::Exceeded(exceeded) = &error.cause {
            return (*exceeded).into();
        }
        let message = yaml_fault::message(&error);
        Error::new(format!("error converting YAML to JSON: {message}"))
    })?;
    // An empty document leaves the map or list as it was: empty.
    if json.is_null() && wanted == Wanted::Map {
        return Ok(Map::new().into());
    }
    if json.is_null() && wanted == Wanted::List {
        return Ok(Value::list(Vec::new()));
    }
    wanted.check(Value::from_json(&json)).map_err(|error| {
        Error::new(format!(
            "error unmarshaling JSON: while decoding JSON: {error}"
        ))
    })
}
