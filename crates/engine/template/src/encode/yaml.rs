//! YAML as Helm writes and reads it.
//!
//! [`write()`] gives what `sigs.k8s.io/yaml` gives: the value goes through JSON, so that whole
//! floats have no point, and is written in go-yaml v2's form. [`write_pretty`] is go-yaml v3's form
//! of the value itself, with indented lists.

use std::borrow::Cow;
use std::convert::Infallible;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lode_object::Value as Json;
use lode_stdx::budget::Budget;
use lode_stdx::known_texts::KnownTexts;
use lode_yaml::{Cause, Dialect, Entry, Node as YamlNode, Options, Shape, Style, Tag, Tree};

use crate::context::Context;
use crate::encode::json::{JsonContent, content};
use crate::encode::json_read::JsonWanted;
use crate::encode::yaml_fault;
use crate::error::TemplateError;
use crate::functions::moment::Moment;
use crate::go::runes;
use crate::print::append_float;
use crate::value::{GoObject, GoString, IntegerKind, Map, NESTING_MAX, Value};

/// Returns a value as YAML, without the line break at its end.
///
/// # Errors
/// The value has no form in JSON, or the budget is spent.
pub(crate) fn write(context: &Context<'_>, value: &Value) -> Result<Value, TemplateError> {
    let mut nodes = Nodes { context, length: 0 };
    let node = nodes.node(value, NESTING_MAX)?;
    let mut out = String::with_capacity(nodes.length);
    lode_yaml::write_tree_within(&mut out, &node, context.environment().budget)?;
    Ok(Value::text(out.strip_suffix('\n').unwrap_or(&out)))
}

/// A value as JSON has it, ready to be written.
enum JsonNode {
    Word(GoString),
    Text(GoString),
    Sequence(Vec<JsonNode>),
    Mapping(Vec<(GoString, JsonNode)>),
}

impl Tree for JsonNode {
    type Fault = Infallible;

    fn shape(&self) -> Result<Shape<'_, Self>, Infallible> {
        Ok(match self {
            Self::Word(word) => Shape::Word(valid(word)),
            Self::Text(text) => Shape::Text(valid(text)),
            Self::Sequence(items) => Shape::Sequence(items),
            Self::Mapping(entries) => {
                let entries = entries.iter();
                Shape::mapping(entries.map(|(key, node)| (valid(key), node)).collect())
            }
        })
    }
}

/// Returns a text with U+FFFD in place of bytes that are no runes.
fn valid(text: &GoString) -> Cow<'_, str> {
    if let Some(text) = text.as_str() {
        return Cow::Borrowed(text);
    }
    let changed = runes::map(text, |rune| rune);
    Cow::Owned(String::from_utf8_lossy(&changed).into_owned())
}

/// Makes nodes of values.
struct Nodes<'c, 'r> {
    context: &'c Context<'r>,
    /// About the bytes that the text will have.
    length: usize,
}

impl Nodes<'_, '_> {
    fn node(&mut self, value: &Value, depth: usize) -> Result<JsonNode, TemplateError> {
        let Some(inner) = depth.checked_sub(1) else {
            return Err(TemplateError::new(
                "json: unsupported value: encountered a cycle via map[string]interface {}",
            ));
        };
        self.context.nodes(1)?;
        Ok(match value {
            Value::String(text) => {
                self.expect(text.len(), depth);
                JsonNode::Text(text.clone())
            }
            Value::Bytes(bytes) => JsonNode::Text(STANDARD.encode(bytes).into()),
            Value::List(list) if !list.is_nil() => {
                let items = list.items().iter().map(|item| self.node(item, inner));
                JsonNode::Sequence(items.collect::<Result<_, _>>()?)
            }
            Value::Map(map) if !map.is_nil() => map.read(|entries| self.mapping(entries, inner))?,
            Value::Object(object) => match content(&**object)? {
                JsonContent::Value(value) => self.node(&value, inner)?,
                JsonContent::Entries(entries) => self.mapping(&entries, inner)?,
            },
            scalar => {
                let word = word(scalar)?;
                self.expect(word.len(), depth);
                JsonNode::Word(word)
            }
        })
    }

    fn mapping(
        &mut self,
        entries: &[(GoString, Value)],
        depth: usize,
    ) -> Result<JsonNode, TemplateError> {
        let mut nodes = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            self.length += key.len();
            nodes.push((key.clone(), self.node(value, depth)?));
        }
        Ok(JsonNode::Mapping(nodes))
    }

    /// Expects a text on a line of its own.
    fn expect(&mut self, length: usize, depth: usize) {
        self.length += length + 2 * (NESTING_MAX - depth) + 2;
    }
}

/// Returns a number, a boolean or nil as it is written.
fn word(value: &Value) -> Result<GoString, TemplateError> {
    let int = |number: i64| GoString::from(itoa::Buffer::new().format(number));
    Ok(match value {
        Value::Bool(true) => GoString::from_static("true"),
        Value::Bool(false) => GoString::from_static("false"),
        Value::Int(number) | Value::Int64(number) => int(*number),
        Value::Sized(number) => match number.kind {
            IntegerKind::Uint | IntegerKind::Uint64 | IntegerKind::Uintptr => {
                GoString::from(itoa::Buffer::new().format(number.bits.cast_unsigned()))
            }
            _ => int(number.bits),
        },
        Value::Float(number) => float_word(*number)?.into(),
        Value::Float32(number) => {
            float_word(number.to_string().parse().unwrap_or(f64::from(*number)))?.into()
        }
        _ => GoString::from_static("null"),
    })
}

/// Returns a float as YAML reads it from JSON and writes it again: whole numbers of up to 64 bits
/// are integers.
fn float_word(number: f64) -> Result<String, TemplateError> {
    if !number.is_finite() {
        let mut shown = Vec::new();
        append_float(&mut shown, number, b'g', None, 64);
        let shown = String::from_utf8_lossy(&shown);
        return Err(TemplateError::new(format!(
            "json: unsupported value: {shown}"
        )));
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
pub(crate) fn write_pretty(context: &Context<'_>, value: &Value) -> Result<Value, TemplateError> {
    let node = pretty_node(context, value, NESTING_MAX)?;
    let options = Options {
        indent: 2,
        wide_lists: true,
        quotes_old_words: true,
    };
    let out = lode_yaml::write_v3_within(&node, options, context.environment().budget)?;
    Ok(Value::text(out.strip_suffix('\n').unwrap_or(&out)))
}

fn pretty_node(
    context: &Context<'_>,
    value: &Value,
    depth: usize,
) -> Result<YamlNode, TemplateError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(TemplateError::new("a value is nested too deeply for YAML"));
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
        scalar => YamlNode::plain(word(scalar)?.to_str_lossy()),
    })
}

fn pretty_object(
    context: &Context<'_>,
    object: &dyn GoObject,
    depth: usize,
) -> Result<YamlNode, TemplateError> {
    match content(object)? {
        // Times need no quotes.
        JsonContent::Value(Value::String(text)) if object.as_any().is::<Moment>() => {
            Ok(YamlNode::plain(text.to_str_lossy()))
        }
        JsonContent::Value(value) => pretty_node(context, &value, depth),
        // Fields of a struct have small letters.
        JsonContent::Entries(entries) => {
            let mut mapping = Vec::with_capacity(entries.len());
            for (name, value) in entries {
                mapping.push(Entry {
                    key: pretty_text(context, &GoString::from(runes::lower(&name)))?,
                    value: pretty_node(context, &value, depth)?,
                });
            }
            Ok(pretty_entries(mapping))
        }
    }
}

fn pretty_mapping(
    context: &Context<'_>,
    entries: &[(GoString, Value)],
    depth: usize,
) -> Result<YamlNode, TemplateError> {
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

fn pretty_text(context: &Context<'_>, text: &GoString) -> Result<YamlNode, TemplateError> {
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

/// What texts mean that the templates of a set have read, by their lengths: a chart reads the same files in each run. The
/// values are made for each run, because a template may change them.
pub(crate) type KnownYaml = KnownTexts<usize, Arc<[u8]>, Json>;

/// Texts shorter than this are read again.
const LENGTH_MIN: usize = 1 << 10;
/// Bytes that reading all that is known has cost, which is about what it holds.
const KNOWN_MAX: u64 = 8 << 20;

/// Returns no texts.
pub(crate) fn known() -> KnownYaml {
    KnownYaml::new(KNOWN_MAX)
}

fn parsed(
    known: Option<&KnownYaml>,
    text: &[u8],
    budget: &Budget,
) -> Result<Arc<Json>, TemplateError> {
    let before = budget.spent();
    let json = lode_yaml::parse_within(text, Dialect::V2, budget).map_err(|error| {
        if let Cause::Exceeded(exceeded) = &error.cause {
            return (*exceeded).into();
        }
        let message = yaml_fault::message(&error);
        TemplateError::new(format!("error converting YAML to JSON: {message}"))
    })?;
    let json = Arc::new(json);
    if let Some(known) = known {
        let spent = budget.spent_since(before);
        let (key, cost) = (text.len(), (spent.bytes, spent));
        known.keep(key, text.into(), Arc::clone(&json), cost);
    }
    Ok(json)
}

/// Reads a value.
///
/// # Errors
/// The text is not YAML, the value is not of the wanted type, or the budget is spent.
pub(crate) fn read(
    context: &Context<'_>,
    text: &[u8],
    wanted: JsonWanted,
) -> Result<Value, TemplateError> {
    let budget = context.environment().budget;
    let known = context.known_yaml().filter(|_| text.len() >= LENGTH_MIN);
    let found = match known {
        Some(known) => known.find(&text.len(), text, budget)?,
        None => None,
    };
    let json = match found {
        Some(json) => json,
        None => parsed(known, text, budget)?,
    };
    // An empty document leaves the map or list as it was: empty.
    if json.is_null() && wanted == JsonWanted::Map {
        return Ok(Map::new().into());
    }
    if json.is_null() && wanted == JsonWanted::List {
        return Ok(Value::list(Vec::new()));
    }
    wanted.check(Value::from_json(&json)).map_err(|error| {
        TemplateError::new(format!(
            "error unmarshaling JSON: while decoding JSON: {error}"
        ))
    })
}
