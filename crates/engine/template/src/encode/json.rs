//! Writes values as Go's `encoding/json` does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::TemplateError;
use crate::go::number::push_json;
use crate::go::output::Output;
use crate::go::runes;
use crate::value::{GoKind, GoObject, GoString, Integer, IntegerKind, Map, NESTING_MAX, Value};

/// How JSON is laid out.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Style {
    /// `<`, `>` and `&` are written as they are.
    pub(crate) raw: bool,
    /// Every item has its own line, indented by two spaces.
    pub(crate) pretty: bool,
}

/// Writes a value.
///
/// # Errors
/// The value has no form in JSON, or the budget is spent.
pub(crate) fn write(
    out: &mut Output<'_, '_>,
    value: &Value,
    style: Style,
) -> Result<(), TemplateError> {
    let mut writer = Writer {
        out,
        style,
        level: 0,
    };
    writer.value(value)
}

/// What JSON sees of an object.
pub(crate) enum JsonContent {
    /// Another value.
    Value(Value),
    /// Keys and values, in order.
    Entries(Vec<(GoString, Value)>),
}

/// Returns what JSON sees of an object.
///
/// # Errors
/// The object has no form in JSON.
pub(crate) fn content(object: &dyn GoObject) -> Result<JsonContent, TemplateError> {
    if object.is_nil() {
        return Ok(JsonContent::Value(Value::Nil));
    }
    if let Some(value) = object.json().or_else(|| object.target()) {
        return Ok(JsonContent::Value(value));
    }
    if object.kind() == GoKind::Struct {
        let fields = object.fields().into_iter();
        let exported = fields.filter(|(name, _)| name.starts_with(char::is_uppercase));
        let entries = exported.map(|(name, value)| (GoString::from(name), value));
        return Ok(JsonContent::Entries(entries.collect()));
    }

    // Of maps with other keys than texts, those with integers have a form.
    let unsupported =
        || TemplateError::new(format!("json: unsupported type: {}", object.type_name()));
    let pairs = object.pairs().ok_or_else(unsupported)?;
    let mut entries = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        let number = key.as_integer().ok_or_else(unsupported)?;
        entries.push((GoString::from(number.bits.to_string()), value));
    }
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(JsonContent::Entries(entries))
}

struct Writer<'w, 'c, 'r> {
    out: &'w mut Output<'c, 'r>,
    style: Style,
    level: usize,
}

impl Writer<'_, '_, '_> {
    fn value(&mut self, value: &Value) -> Result<(), TemplateError> {
        match value {
            Value::Nil => self.out.push(b"null"),
            Value::Bool(is_true) => self.out.push(if *is_true { b"true" } else { b"false" }),
            Value::Int(number) | Value::Int64(number) => self.int(*number),
            Value::Sized(number) => self.sized(*number),
            Value::Float(number) => self.float(*number),
            Value::Float32(number) => {
                // The shortest digits of a float32 are those of its own width.
                self.float(number.to_string().parse().unwrap_or(f64::from(*number)))
            }
            Value::String(text) => self.text(text),
            Value::Bytes(bytes) => self.text(STANDARD.encode(bytes).as_bytes()),
            Value::List(list) if list.is_nil() => self.out.push(b"null"),
            Value::List(list) => self.items(list.items()),
            Value::Map(map) if map.is_nil() => self.out.push(b"null"),
            Value::Map(map) => self.map(map),
            Value::Object(object) => self.object(&**object),
        }
    }

    fn object(&mut self, object: &dyn GoObject) -> Result<(), TemplateError> {
        match content(object)? {
            JsonContent::Value(value) => self.deeper(|writer| writer.value(&value)),
            JsonContent::Entries(entries) => self.entries(&entries),
        }
    }

    fn map(&mut self, map: &Map) -> Result<(), TemplateError> {
        map.read(|entries| self.entries(entries))
    }

    fn items(&mut self, items: &[Value]) -> Result<(), TemplateError> {
        if items.is_empty() {
            return self.out.push(b"[]");
        }
        self.out.push(b"[")?;
        self.deeper(|writer| {
            for (at, item) in items.iter().enumerate() {
                writer.separate(at)?;
                writer.value(item)?;
            }
            Ok(())
        })?;
        self.line()?;
        self.out.push(b"]")
    }

    fn entries(&mut self, entries: &[(GoString, Value)]) -> Result<(), TemplateError> {
        if entries.is_empty() {
            return self.out.push(b"{}");
        }
        self.out.push(b"{")?;
        self.deeper(|writer| {
            for (at, (key, value)) in entries.iter().enumerate() {
                writer.separate(at)?;
                writer.text(key)?;
                writer
                    .out
                    .push(if writer.style.pretty { b": " } else { b":" })?;
                writer.value(value)?;
            }
            Ok(())
        })?;
        self.line()?;
        self.out.push(b"}")
    }

    fn deeper(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<(), TemplateError>,
    ) -> Result<(), TemplateError> {
        if self.level >= NESTING_MAX {
            return Err(TemplateError::new(
                "json: unsupported value: encountered a cycle via map[string]interface {}",
            ));
        }
        self.level += 1;
        let written = inner(self);
        self.level -= 1;
        written
    }

    fn separate(&mut self, at: usize) -> Result<(), TemplateError> {
        if at > 0 {
            self.out.push(b",")?;
        }
        self.line()
    }

    fn line(&mut self) -> Result<(), TemplateError> {
        if self.style.pretty {
            self.out.push(b"\n")?;
            for _ in 0..self.level {
                self.out.push(b"  ")?;
            }
        }
        Ok(())
    }

    fn int(&mut self, number: i64) -> Result<(), TemplateError> {
        self.out.push(itoa::Buffer::new().format(number).as_bytes())
    }

    fn sized(&mut self, number: Integer) -> Result<(), TemplateError> {
        match number.kind {
            IntegerKind::Uint | IntegerKind::Uint64 | IntegerKind::Uintptr => {
                let mut digits = itoa::Buffer::new();
                let digits = digits.format(number.bits.cast_unsigned());
                self.out.push(digits.as_bytes())
            }
            _ => self.int(number.bits),
        }
    }

    fn float(&mut self, number: f64) -> Result<(), TemplateError> {
        if !number.is_finite() {
            let shown = match number {
                number if number.is_nan() => "NaN",
                f64::INFINITY => "+Inf",
                _ => "-Inf",
            };
            return Err(TemplateError::new(format!(
                "json: unsupported value: {shown}"
            )));
        }
        let mut text = Vec::new();
        push_json(&mut text, number);
        self.out.push(&text)
    }

    fn text(&mut self, text: &[u8]) -> Result<(), TemplateError> {
        self.out.push(b"\"")?;
        let mut rest = text;
        loop {
            let plain = rest.iter().take_while(|byte| self.is_plain(**byte)).count();
            let (head, tail) = rest.split_at(plain);
            self.out.push(head)?;
            let Some((rune, width)) = runes::first(tail) else {
                break;
            };
            let whole = tail.get(..width).unwrap_or_default();
            self.rune(rune, whole)?;
            rest = tail.get(width..).unwrap_or_default();
        }
        self.out.push(b"\"")
    }

    fn is_plain(&self, byte: u8) -> bool {
        match byte {
            b'"' | b'\\' => false,
            b'<' | b'>' | b'&' => self.style.raw,
            byte => (0x20..0x80).contains(&byte),
        }
    }

    fn rune(&mut self, rune: char, whole: &[u8]) -> Result<(), TemplateError> {
        match rune {
            '"' => self.out.push(b"\\\""),
            '\\' => self.out.push(b"\\\\"),
            '\x08' => self.out.push(b"\\b"),
            '\x0C' => self.out.push(b"\\f"),
            '\n' => self.out.push(b"\\n"),
            '\r' => self.out.push(b"\\r"),
            '\t' => self.out.push(b"\\t"),
            // A byte that is no rune.
            char::REPLACEMENT_CHARACTER if whole.len() == 1 => self.out.push(b"\\ufffd"),
            '\u{2028}' | '\u{2029}' | '<' | '>' | '&' | '\0'..'\x20' => self
                .out
                .push(format!("\\u{:04x}", u32::from(rune)).as_bytes()),
            _ => self.out.push(whole),
        }
    }
}
