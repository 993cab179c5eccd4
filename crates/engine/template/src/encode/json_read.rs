//! Reads JSON as Go's `encoding/json` does, with its messages. Every number is a `float64`.

use crate::context::Context;
use crate::error::TemplateError;
use crate::go::runes;
use crate::value::{GoString, GoType, List, Map, NESTING_MAX, Value};

/// What a caller wants to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonWanted {
    /// Any value.
    Any,
    /// An object.
    Map,
    /// An array.
    List,
}

impl JsonWanted {
    fn type_name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Map => "map[string]interface {}",
            Self::List => "[]interface {}",
        }
    }

    /// Returns a value if it is of the wanted type; null is nil of each type.
    ///
    /// # Errors
    /// Go's message.
    pub(crate) fn check(self, value: Value) -> Result<Value, TemplateError> {
        let found = match (self, &value) {
            (Self::Any, _) | (Self::Map, Value::Map(_)) | (Self::List, Value::List(_)) => {
                return Ok(value);
            }
            (Self::Map, Value::Nil) => return Ok(Map::nil(GoType::Any).into()),
            (Self::List, Value::Nil) => return Ok(List::nil(GoType::Any).into()),
            (_, Value::Map(_)) => "object",
            (_, Value::List(_)) => "array",
            (_, Value::String(_)) => "string",
            (_, Value::Bool(_)) => "bool",
            _ => "number",
        };
        let wanted = self.type_name();
        Err(TemplateError::new(format!(
            "json: cannot unmarshal {found} into Go value of type {wanted}"
        )))
    }
}

/// Reads a value.
///
/// # Errors
/// Go's message, or the budget is spent.
pub(crate) fn read(
    context: &Context<'_>,
    text: &[u8],
    wanted: JsonWanted,
) -> Result<Value, TemplateError> {
    context.steps(1 + text.len() / 64)?;
    context.bytes(text.len())?;
    let mut reader = JsonReader {
        context,
        text,
        at: 0,
    };
    let value = reader.value(NESTING_MAX)?;
    reader.space();
    if reader.at < text.len() {
        return Err(reader.unexpected("after top-level value"));
    }
    wanted.check(value)
}

/// What stands for the end of the text in messages about unfinished values.
const END: u8 = b' ';

struct JsonReader<'c, 'r, 't> {
    context: &'c Context<'r>,
    text: &'t [u8],
    at: usize,
}

impl<'t> JsonReader<'_, '_, 't> {
    fn value(&mut self, depth: usize) -> Result<Value, TemplateError> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(TemplateError::new("exceeded max depth"));
        };
        self.context.nodes(1)?;
        self.space();
        match self.peek()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => Ok(Value::String(self.string()?)),
            b't' => self.word("true", true.into()),
            b'f' => self.word("false", false.into()),
            b'n' => self.word("null", Value::Nil),
            b'-' | b'0'..=b'9' => self.number(),
            _ => Err(self.unexpected("looking for beginning of value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, TemplateError> {
        self.at += 1;
        let mut entries = Vec::new();
        self.space();
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(Map::new().into());
        }

        loop {
            self.space();
            if self.peek()? != b'"' {
                return Err(self.unexpected("looking for beginning of object key string"));
            }
            let key = self.string()?;

            self.space();
            if self.peek()? != b':' {
                return Err(self.unexpected("after object key"));
            }
            self.at += 1;
            entries.push((key, self.value(depth)?));

            self.space();
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => break,
                _ => return Err(self.unexpected("after object key:value pair")),
            }
        }

        self.at += 1;
        Ok(Map::from_entries(entries).into())
    }

    fn array(&mut self, depth: usize) -> Result<Value, TemplateError> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(Value::list(items));
        }

        loop {
            items.push(self.value(depth)?);
            self.space();
            match self.peek()? {
                b',' => self.at += 1,
                b']' => break,
                _ => return Err(self.unexpected("after array element")),
            }
        }

        self.at += 1;
        Ok(Value::list(items))
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, TemplateError> {
        for wanted in word.bytes() {
            if self.here() != Some(wanted) {
                let wanted = char::from(wanted);
                return Err(self.unexpected(&format!("in literal {word} (expecting '{wanted}')")));
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, TemplateError> {
        let start = self.at;
        if self.peek()? == b'-' {
            self.at += 1;
        }
        match self.here() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.unexpected("in numeric literal")),
        }
        if self.here() == Some(b'.') {
            self.at += 1;
            self.some_digits("after decimal point in numeric literal")?;
        }
        if matches!(self.here(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.here(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.some_digits("in exponent of numeric literal")?;
        }

        let shown = String::from_utf8_lossy(self.text.get(start..self.at).unwrap_or_default());
        match shown.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number.into()),
            _ => Err(TemplateError::new(format!(
                "json: cannot unmarshal number {shown} into Go value of type float64"
            ))),
        }
    }

    fn some_digits(&mut self, place: &str) -> Result<(), TemplateError> {
        if !self.here().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.unexpected(place));
        }
        self.digits();
        Ok(())
    }

    fn digits(&mut self) {
        while self.here().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn string(&mut self) -> Result<GoString, TemplateError> {
        self.at += 1;
        let start = self.at;
        // A text without escapes is taken as it is.
        let mut escaped = None;

        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    let out = escaped.get_or_insert_with(|| self.raw(start).to_vec());
                    let mut out = std::mem::take(out);
                    self.escape(&mut out)?;
                    escaped = Some(out);
                }
                0..0x20 => return Err(self.unexpected("in string literal")),
                byte => {
                    if let Some(out) = &mut escaped {
                        out.push(byte);
                    }
                    self.at += 1;
                }
            }
        }

        let text = match &escaped {
            Some(out) => out.as_slice(),
            None => self.raw(start),
        };
        let text = match std::str::from_utf8(text) {
            Ok(text) => GoString::from(text),
            Err(_) => GoString::from(runes::map(text, |rune| rune)),
        };
        self.at += 1;
        Ok(text)
    }

    fn raw(&self, start: usize) -> &'t [u8] {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Reads an escape; two halves of a pair of surrogates are one rune.
    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), TemplateError> {
        self.at += 1;
        let plain = match self.here().unwrap_or(END) {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            byte @ (b'"' | b'\\' | b'/') => byte,
            b'u' => {
                let high = self.hexadecimal()?;
                let rune = self.paired(high);
                runes::push(out, rune);
                return Ok(());
            }
            _ => return Err(self.unexpected("in string escape code")),
        };
        out.push(plain);
        self.at += 1;
        Ok(())
    }

    /// Reads the four digits after a `u`.
    fn hexadecimal(&mut self) -> Result<u32, TemplateError> {
        self.at += 1;
        let mut number = 0;
        for _ in 0..4 {
            let Some(digit) = char::from(self.here().unwrap_or(END)).to_digit(16) else {
                return Err(self.unexpected("in \\u hexadecimal character escape"));
            };
            number = number << 4 | digit;
            self.at += 1;
        }
        Ok(number)
    }

    fn paired(&mut self, high: u32) -> char {
        if let Some(rune) = char::from_u32(high) {
            return rune;
        }
        let saved = self.at;
        let follows = self.text.get(self.at..).unwrap_or_default();
        if follows.starts_with(b"\\u") {
            self.at += 1;
            if let Ok(low) = self.hexadecimal()
                && let (0xD800..0xDC00, 0xDC00..0xE000) = (high, low)
            {
                let joined = 0x1_0000 + ((high - 0xD800) << 10 | (low - 0xDC00));
                return char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER);
            }
        }
        self.at = saved;
        char::REPLACEMENT_CHARACTER
    }

    fn space(&mut self) {
        while matches!(self.here(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn here(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn peek(&self) -> Result<u8, TemplateError> {
        self.here()
            .ok_or_else(|| TemplateError::new("unexpected end of JSON input"))
    }

    fn unexpected(&self, place: &str) -> TemplateError {
        let byte = self.here().unwrap_or(END);
        let shown = match byte {
            b'\'' => r"'\''".to_owned(),
            b'"' => r#"'"'"#.to_owned(),
            byte => {
                let mut letter = Vec::new();
                runes::push(&mut letter, char::from(byte));
                runes::quoted(&letter).replace('"', "'")
            }
        };
        TemplateError::new(format!("invalid character {shown} {place}"))
    }
}
