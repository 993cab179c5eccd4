//! Writes values as TOML, as the encoder does that Helm uses: keys sorted, those with plain values
//! before tables, tables indented by two spaces a level.

use crate::context::Context;
use crate::encode::json::{JsonContent, content};
use crate::error::TemplateError;
use crate::functions::cost;
use crate::functions::moment::Moment;
use crate::go::layout;
use crate::go::output::Output;
use crate::print::append_float;
use crate::value::{GoString, Integer, IntegerKind, List, NESTING_MAX, Value};

/// Returns a value as a TOML document.
///
/// # Errors
/// The value has no form in TOML, or the budget is spent.
pub(crate) fn write(context: &Context<'_>, value: &Value) -> Result<Value, TemplateError> {
    if value.is_nil() {
        return Err(TemplateError::new(
            "reflect: call of reflect.Value.Type on zero Value",
        ));
    }
    // What follows looks at every value twice: at its form, and to write it.
    cost::of(context, value)?;
    let mut encoder = Encoder {
        out: Output::new(context),
        key: Vec::new(),
        has_written: false,
        depth: 0,
    };
    encoder.encode(value)?;
    Ok(encoder.out.into_value())
}

/// What a value becomes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TomlForm {
    /// Left out.
    Nil,
    /// `key = value`
    Plain,
    /// `[key]`
    Table,
    /// `[[key]]`
    Tables,
}

struct Encoder<'c, 'r> {
    out: Output<'c, 'r>,
    /// The keys that lead to the current value.
    key: Vec<GoString>,
    has_written: bool,
    depth: usize,
}

impl Encoder<'_, '_> {
    fn encode(&mut self, value: &Value) -> Result<(), TemplateError> {
        match form(value, NESTING_MAX)? {
            TomlForm::Nil => Ok(()),
            TomlForm::Plain => self.key_value(value, false),
            TomlForm::Tables => self.tables(value),
            TomlForm::Table => self.table(value),
        }
    }

    fn table(&mut self, value: &Value) -> Result<(), TemplateError> {
        if self.key.len() == 1 {
            self.line()?;
        }
        if !self.key.is_empty() {
            self.header(b"[", b"]")?;
        }
        self.entries(&entries_of(value)?)
    }

    fn tables(&mut self, value: &Value) -> Result<(), TemplateError> {
        if self.key.is_empty() {
            return Err(TemplateError::new(
                "toml: top-level values must be Go maps or structs",
            ));
        }
        for item in items_of(value) {
            if item.is_nil_of_any_type() {
                continue;
            }
            self.line()?;
            self.header(b"[[", b"]]")?;
            self.entries(&entries_of(&item)?)?;
        }
        Ok(())
    }

    fn header(&mut self, open: &[u8], close: &[u8]) -> Result<(), TemplateError> {
        self.indent()?;
        self.write(open)?;
        for at in 0..self.key.len() {
            self.write(if at > 0 { b"." } else { b"" })?;
            self.name(at)?;
        }
        self.write(close)?;
        self.line()
    }

    /// Writes the entries of a table: plain values first, so that they do not become part of a
    /// table inside.
    fn entries(&mut self, entries: &[(GoString, Value)]) -> Result<(), TemplateError> {
        if self.depth >= NESTING_MAX {
            return Err(TemplateError::new("toml: a value is nested too deeply"));
        }
        self.depth += 1;
        self.each(entries, |encoder, value, _| encoder.encode(value))?;
        self.depth -= 1;
        Ok(())
    }

    /// Calls `write` for each entry that is written, with whether it is the first one: plain values
    /// come before tables.
    fn each(
        &mut self,
        entries: &[(GoString, Value)],
        write: impl Fn(&mut Self, &Value, bool) -> Result<(), TemplateError>,
    ) -> Result<(), TemplateError> {
        let mut is_first = true;
        for tables in [false, true] {
            for (key, value) in entries {
                let form = form(value, NESTING_MAX)?;
                let is_table = matches!(form, TomlForm::Table | TomlForm::Tables);
                if form == TomlForm::Nil || is_table != tables {
                    continue;
                }

                self.key.push(key.clone());
                write(self, value, is_first)?;
                self.key.pop();
                is_first = false;
            }
        }
        Ok(())
    }

    fn key_value(&mut self, value: &Value, inline: bool) -> Result<(), TemplateError> {
        let Some(last) = self.key.len().checked_sub(1) else {
            return self.element(value);
        };
        if !inline {
            self.indent()?;
        }
        self.name(last)?;
        self.write(b" = ")?;
        self.element(value)?;
        if inline { Ok(()) } else { self.line() }
    }

    /// Writes a value behind `=` or in brackets.
    fn element(&mut self, value: &Value) -> Result<(), TemplateError> {
        if self.depth >= NESTING_MAX {
            return Err(TemplateError::new("toml: a value is nested too deeply"));
        }
        match value {
            Value::Nil => Err(nil_element()),
            Value::String(text) => self.quoted(text),
            Value::Bool(is_true) => self.write(if *is_true { b"true" } else { b"false" }),
            Value::Int(number) | Value::Int64(number) => self.write(number.to_string().as_bytes()),
            Value::Sized(number) => self.write(sized(*number).as_bytes()),
            Value::Float(number) => self.float(*number),
            Value::Float32(number) => {
                self.float(number.to_string().parse().unwrap_or(f64::from(*number)))
            }
            Value::List(_) | Value::Bytes(_) => self.array(&items_of(value)),
            Value::Map(_) => self.inline(&entries_of(value)?),
            Value::Object(_) if value.as_object::<Moment>().is_some() => {
                let time = value.as_object::<Moment>().map(|moment| {
                    layout::format(moment.time(), b"2006-01-02T15:04:05.999999999Z07:00")
                });
                self.write(&time.unwrap_or_default())
            }
            Value::Object(object) => match content(&**object)? {
                JsonContent::Value(value) => self.deeper(|encoder| encoder.element(&value)),
                JsonContent::Entries(entries) => self.inline(&entries),
            },
        }
    }

    fn array(&mut self, items: &[Value]) -> Result<(), TemplateError> {
        self.write(b"[")?;
        self.deeper(|encoder| {
            for (at, item) in items.iter().enumerate() {
                encoder.write(if at > 0 { b", " } else { b"" })?;
                encoder.element(item)?;
            }
            Ok(())
        })?;
        self.write(b"]")
    }

    fn inline(&mut self, entries: &[(GoString, Value)]) -> Result<(), TemplateError> {
        self.write(b"{")?;
        self.deeper(|encoder| {
            encoder.each(entries, |encoder, value, is_first| {
                encoder.write(if is_first { b"" } else { b", " })?;
                encoder.key_value(value, true)
            })
        })?;
        self.write(b"}")
    }

    fn deeper(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<(), TemplateError>,
    ) -> Result<(), TemplateError> {
        self.depth += 1;
        let written = inner(self);
        self.depth -= 1;
        written
    }

    fn float(&mut self, number: f64) -> Result<(), TemplateError> {
        if !number.is_finite() {
            return self.write(match number {
                f64::INFINITY => b"inf",
                number if number.is_nan() => b"nan",
                _ => b"-inf",
            });
        }
        let mut shown = Vec::new();
        append_float(&mut shown, number, b'g', None, 64);
        if !shown.iter().any(|byte| matches!(byte, b'e' | b'.')) {
            shown.extend_from_slice(b".0");
        }
        self.write(&shown)
    }

    /// Writes one of the current keys, in quotes if it needs them.
    fn name(&mut self, at: usize) -> Result<(), TemplateError> {
        let name = self.key.get(at).cloned().unwrap_or_default();
        let is_bare = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if !name.is_empty() && name.iter().all(is_bare) {
            return self.write(&name);
        }
        self.quoted(&name)
    }

    fn quoted(&mut self, text: &[u8]) -> Result<(), TemplateError> {
        self.write(b"\"")?;
        for &byte in text {
            match byte {
                b'"' => self.write(b"\\\""),
                b'\\' => self.write(b"\\\\"),
                8 => self.write(b"\\b"),
                b'\t' => self.write(b"\\t"),
                b'\n' => self.write(b"\\n"),
                12 => self.write(b"\\f"),
                b'\r' => self.write(b"\\r"),
                0..0x20 | 0x7F => self.write(format!("\\u{byte:04x}").as_bytes()),
                byte => self.write(&[byte]),
            }?;
        }
        self.write(b"\"")
    }

    fn indent(&mut self) -> Result<(), TemplateError> {
        for _ in 1..self.key.len() {
            self.write(b"  ")?;
        }
        Ok(())
    }

    /// Ends a line, unless nothing was written yet.
    fn line(&mut self) -> Result<(), TemplateError> {
        if self.has_written {
            self.write(b"\n")?;
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), TemplateError> {
        self.has_written = true;
        self.out.push(bytes)
    }
}

fn nil_element() -> TemplateError {
    TemplateError::new("toml: cannot encode array with nil element")
}

fn sized(number: Integer) -> String {
    match number.kind {
        IntegerKind::Uint | IntegerKind::Uint64 | IntegerKind::Uintptr => {
            number.bits.cast_unsigned().to_string()
        }
        _ => number.bits.to_string(),
    }
}

fn form(value: &Value, depth: usize) -> Result<TomlForm, TemplateError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(TemplateError::new("toml: a value is nested too deeply"));
    };
    if value.is_nil_of_any_type() {
        return Ok(TomlForm::Nil);
    }

    match value {
        Value::Map(_) => Ok(TomlForm::Table),
        Value::List(list) => list_form(list, depth),
        Value::Object(object) => {
            if let Some(pairs) = object.pairs()
                && !pairs.is_empty()
            {
                return Err(TemplateError::new(
                    "toml: cannot encode a map with non-string key type",
                ));
            }
            match content(&**object)? {
                JsonContent::Value(value) => form(&value, depth),
                JsonContent::Entries(_) => Ok(TomlForm::Table),
            }
        }
        _ => Ok(TomlForm::Plain),
    }
}

/// A list of nothing but tables is written as such.
fn list_form(list: &List, depth: usize) -> Result<TomlForm, TemplateError> {
    let mut all_tables = !list.is_empty();
    for item in list.items() {
        match form(item, depth)? {
            TomlForm::Nil => return Err(nil_element()),
            TomlForm::Table => {}
            _ => all_tables = false,
        }
    }
    Ok(if all_tables {
        TomlForm::Tables
    } else {
        TomlForm::Plain
    })
}

fn items_of(value: &Value) -> Vec<Value> {
    match value {
        Value::List(list) => list.items().to_vec(),
        Value::Bytes(bytes) => bytes
            .iter()
            .map(|byte| Value::Int(i64::from(*byte)))
            .collect(),
        _ => Vec::new(),
    }
}

fn entries_of(value: &Value) -> Result<Vec<(GoString, Value)>, TemplateError> {
    match value {
        Value::Map(map) => Ok(map.entries()),
        Value::Object(object) => match content(&**object)? {
            JsonContent::Entries(entries) => Ok(entries),
            JsonContent::Value(value) => match value {
                Value::Map(map) => Ok(map.entries()),
                _ => Ok(Vec::new()),
            },
        },
        _ => Ok(Vec::new()),
    }
}
