//! A single value under a single verb.

use super::printer::{Flags, Printer};
use super::quote;
use crate::error::TemplateError;
use crate::value::{GoKind, GoObject, List, Map, NESTING_MAX, Value};

/// Where the code of functions and pointers is, as far as a template can know.
const ADDRESS: &str = "0xc000000000";

impl Printer<'_, '_> {
    /// Writes an argument of a print function.
    pub(super) fn argument(&mut self, value: &Value, verb: char) {
        match (value, verb) {
            (Value::Nil, 'T' | 'v') => self.pad(b"<nil>"),
            (Value::Nil, _) => self.bad_verb(value, verb),
            (_, 'T') => {
                let name = value.type_name();
                self.string(value, name.as_bytes(), 's');
            }
            _ => self.value(value, verb, 0),
        }
    }

    /// Writes a value as a template prints it.
    pub(super) fn shown(&mut self, value: &Value) {
        let Some(value) = value.indirect() else {
            return self.argument(value, 'v');
        };
        match &value {
            Value::Object(object)
                if object.kind() == GoKind::Pointer && object.text().is_none() =>
            {
                self.structure(&**object, 'v', 0);
            }
            value => self.argument(value, 'v'),
        }
    }

    /// Reports a verb that does not fit the value.
    pub(super) fn bad_verb(&mut self, value: &Value, verb: char) {
        let was_reporting = std::mem::replace(&mut self.is_reporting, true);
        self.text("%!");
        self.character(verb);
        self.byte(b'(');
        if value.is_nil() {
            self.text("<nil>");
        } else {
            self.text(&value.type_name());
            self.byte(b'=');
            self.argument(value, 'v');
        }
        self.byte(b')');
        self.is_reporting = was_reporting;
    }

    pub(super) fn character(&mut self, c: char) {
        let mut buffer = [0; 4];
        self.text(c.encode_utf8(&mut buffer));
    }

    fn value(&mut self, value: &Value, verb: char, depth: usize) {
        if depth > NESTING_MAX && self.error.is_none() {
            let message = format!("prints a value nested deeper than {NESTING_MAX}, the limit");
            self.error = Some(TemplateError::bound(message));
        }
        if self.error.is_some() {
            return;
        }

        match value {
            Value::Nil => self.nil("interface {}"),
            Value::String(text) => self.string(value, text, verb),
            Value::Bytes(bytes) => self.byte_slice(value, bytes, verb),
            Value::List(list) => self.list(value, list, verb, depth),
            Value::Map(map) => self.map(value, map, verb, depth),
            Value::Object(object) => self.object(value, &**object, verb, depth),
            scalar => {
                if self.scalar(scalar, verb) == Some(false) {
                    self.bad_verb(value, verb);
                }
            }
        }
    }

    /// Writes a boolean or a number; nothing if the value is neither. Returns whether it can be
    /// written by the verb.
    fn scalar(&mut self, value: &Value, verb: char) -> Option<bool> {
        Some(match value {
            Value::Bool(flag) => self.boolean(*flag, verb),
            Value::Float(number) => self.float(*number, 64, verb),
            Value::Float32(number) => self.float(f64::from(*number), 32, verb),
            value => self.integer(value.as_integer()?, verb),
        })
    }

    /// A nil interface inside a list, a map or a struct.
    fn nil(&mut self, of: &str) {
        if self.flags.sharp_v {
            self.text(of);
            self.text("(nil)");
        } else {
            self.text("<nil>");
        }
    }

    pub(super) fn string(&mut self, subject: &Value, text: &[u8], verb: char) {
        match verb {
            'v' if self.flags.sharp_v => self.quoted(text),
            'v' | 's' => self.pad(self.truncated(text)),
            'x' | 'X' => self.hex(text, verb == 'X'),
            'q' => self.quoted(text),
            _ => self.bad_verb(subject, verb),
        }
    }

    fn quoted(&mut self, text: &[u8]) {
        let text = self.truncated(text);
        // An escape has at most ten characters.
        if !self.reserve(text.len().saturating_mul(4)) {
            return;
        }
        let mut out = Vec::with_capacity(text.len() + 2);
        if self.flags.sharp && quote::can_backquote(text) {
            out.push(b'`');
            out.extend_from_slice(text);
            out.push(b'`');
        } else {
            quote::append(&mut out, text, b'"', self.flags.plus);
        }
        self.pad(&out);
    }

    /// Returns the start of a text, as many characters as the precision says.
    fn truncated<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let Some(mut left) = self.flags.precision else {
            return text;
        };
        let mut end = 0;
        for chunk in text.utf8_chunks() {
            let valid = chunk.valid().chars().map(char::len_utf8);
            for width in valid.chain(chunk.invalid().iter().map(|_| 1)) {
                if left == 0 {
                    return text.get(..end).unwrap_or(text);
                }
                left -= 1;
                end += width;
            }
        }
        text
    }

    fn hex(&mut self, bytes: &[u8], upper: bool) {
        let Flags {
            sharp,
            space,
            minus,
            ..
        } = self.flags;
        let length = bytes.len().min(self.flags.precision.unwrap_or(usize::MAX));
        let prefix = if upper { "0X" } else { "0x" };
        let each = 2 + usize::from(space && sharp) * 2;
        let width = match length {
            0 => return self.fill(self.flags.width.unwrap_or_default()),
            _ if space => length * each + length - 1,
            _ => length * 2 + usize::from(sharp) * 2,
        };

        let missing = self.flags.width.unwrap_or_default().saturating_sub(width);
        if !minus {
            self.fill(missing);
        }
        for (index, byte) in bytes.iter().take(length).enumerate() {
            if space && index > 0 {
                self.byte(b' ');
            }
            if sharp && (space || index == 0) {
                self.text(prefix);
            }
            for digit in [byte >> 4, byte & 15] {
                let digit = char::from_digit(u32::from(digit), 16).unwrap_or('0');
                self.byte(if upper {
                    digit.to_ascii_uppercase()
                } else {
                    digit
                } as u8);
            }
        }
        if minus {
            self.fill(missing);
        }
    }

    fn byte_slice(&mut self, subject: &Value, bytes: &[u8], verb: char) {
        if matches!(verb, 's' | 'x' | 'X' | 'q') {
            return self.string(subject, bytes, verb);
        }
        let items = bytes
            .iter()
            .map(|byte| Value::integer(crate::value::IntegerKind::Uint8, i64::from(*byte)));
        self.items("[]byte", items, verb, 0);
    }

    fn list(&mut self, value: &Value, list: &List, verb: char, depth: usize) {
        if self.flags.sharp_v && list.is_nil() {
            return self.nil(&value.type_name());
        }
        let name = value.type_name();
        self.items(&name, list.items().iter().cloned(), verb, depth);
    }

    fn items(&mut self, name: &str, items: impl Iterator<Item = Value>, verb: char, depth: usize) {
        let (open, separator, close) = self.brackets(name, "[", "]");
        self.text(open);
        for (index, item) in items.enumerate() {
            if self.error.is_some() {
                return;
            }
            if index > 0 {
                self.text(separator);
            }
            self.value(&item, verb, depth + 1);
        }
        self.text(close);
    }

    fn map(&mut self, value: &Value, map: &Map, verb: char, depth: usize) {
        if self.flags.sharp_v && map.is_nil() {
            return self.nil(&value.type_name());
        }
        map.read(|entries| {
            let entries = entries
                .iter()
                .map(|(key, value)| (key.clone().into(), value.clone()));
            self.pairs(&value.type_name(), entries, verb, depth);
        });
    }

    fn pairs(
        &mut self,
        name: &str,
        pairs: impl Iterator<Item = (Value, Value)>,
        verb: char,
        depth: usize,
    ) {
        let (open, separator, close) = self.brackets(name, "map[", "]");
        self.text(open);
        for (index, (key, value)) in pairs.enumerate() {
            if self.error.is_some() {
                return;
            }
            if index > 0 {
                self.text(separator);
            }
            self.value(&key, verb, depth + 1);
            self.byte(b':');
            self.value(&value, verb, depth + 1);
        }
        self.text(close);
    }

    /// Returns how a container opens, separates and closes; for Go source it begins with its type.
    fn brackets<'t>(
        &mut self,
        name: &str,
        open: &'t str,
        close: &'t str,
    ) -> (&'t str, &'t str, &'t str) {
        if self.flags.sharp_v {
            self.text(name);
            return ("{", ", ", "}");
        }
        (open, " ", close)
    }

    fn object(&mut self, value: &Value, object: &dyn GoObject, verb: char, depth: usize) {
        let is_texty = matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') && !self.flags.sharp_v;
        if is_texty
            && !self.is_reporting
            && let Some(text) = object.text()
        {
            return self.string(value, &text, verb);
        }

        match object.kind() {
            GoKind::Invalid | GoKind::Interface => self.nil("interface {}"),
            GoKind::Struct => self.structure(object, verb, depth),
            GoKind::Pointer if !object.is_nil() && depth == 0 => self.pointer(value, object, verb),
            GoKind::Pointer | GoKind::Func => self.address(value, object.is_nil(), verb),
            GoKind::Map if object.pairs().is_some() => {
                let pairs = object.pairs().unwrap_or_default();
                self.pairs(&value.type_name(), pairs.into_iter(), verb, depth);
            }
            _ => self.underlying(value, object, verb, depth),
        }
    }

    fn structure(&mut self, object: &dyn GoObject, verb: char, depth: usize) {
        let (open, separator, close) = self.brackets(&object.type_name(), "{", "}");
        self.text(open);
        for (index, (name, field)) in object.fields().into_iter().enumerate() {
            if index > 0 {
                self.text(separator);
            }
            if self.flags.plus_v || self.flags.sharp_v {
                self.text(name);
                self.byte(b':');
            }
            // Go cannot call methods of what is in a field that is not exported.
            let is_exported = name.starts_with(char::is_uppercase);
            let was_reporting = self.is_reporting;
            self.is_reporting |= !is_exported;
            self.value(&field, verb, depth + 1);
            self.is_reporting = was_reporting;
        }
        self.text(close);
    }

    /// A pointer that is printed itself shows what it points to, if that has parts.
    fn pointer(&mut self, value: &Value, object: &dyn GoObject, verb: char) {
        match object.target() {
            None if !object.fields().is_empty() => {
                self.byte(b'&');
                self.structure(object, verb, 0);
            }
            Some(target)
                if matches!(
                    target.kind(),
                    GoKind::Array | GoKind::Slice | GoKind::Struct | GoKind::Map
                ) =>
            {
                self.byte(b'&');
                self.value(&target, verb, 1);
            }
            _ => self.address(value, false, verb),
        }
    }

    fn address(&mut self, value: &Value, is_nil: bool, verb: char) {
        match verb {
            'v' if is_nil => self.pad(b"<nil>"),
            'v' | 'p' | 'x' | 'X' | 'd' | 'o' | 'b' => self.pad(ADDRESS.as_bytes()),
            _ => {
                let was_reporting = std::mem::replace(&mut self.is_reporting, true);
                self.text("%!");
                self.character(verb);
                self.byte(b'(');
                self.text(&value.type_name());
                self.byte(b'=');
                self.pad(if is_nil { b"<nil>" } else { ADDRESS.as_bytes() });
                self.byte(b')');
                self.is_reporting = was_reporting;
            }
        }
    }

    /// A value of a defined type is printed as the type it is defined by.
    fn underlying(&mut self, value: &Value, object: &dyn GoObject, verb: char, depth: usize) {
        match object.underlying() {
            Some(Value::String(text)) => self.string(value, &text, verb),
            Some(Value::List(list)) => self.list(value, &list, verb, depth),
            Some(Value::Map(map)) => self.map(value, &map, verb, depth),
            Some(other) => match self.scalar(&other, verb) {
                Some(true) => {}
                Some(false) => self.bad_verb(value, verb),
                None => self.value(&other, verb, depth + 1),
            },
            None => self.nil(&value.type_name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::any::Any;
    use std::borrow::Cow;

    use crate::context::testing::with_context;
    use crate::print::printf;
    use crate::value::{GoKind, GoObject, GoString, IntegerKind, Value};

    struct Seconds(i64);

    impl GoObject for Seconds {
        fn type_name(&self) -> Cow<'static, str> {
            "a.Seconds".into()
        }

        fn kind(&self) -> GoKind {
            GoKind::Integer(IntegerKind::Int64)
        }

        fn as_any(&self) -> &dyn Any {
            self
        }

        fn text(&self) -> Option<GoString> {
            (self.0 > 0).then(|| format!("{}s", self.0).into())
        }

        fn underlying(&self) -> Option<Value> {
            Some(Value::Int64(self.0))
        }
    }

    struct Pair(GoKind);

    impl GoObject for Pair {
        fn type_name(&self) -> Cow<'static, str> {
            if self.0 == GoKind::Pointer {
                "*a.Pair"
            } else {
                "a.Pair"
            }
            .into()
        }

        fn kind(&self) -> GoKind {
            self.0
        }

        fn as_any(&self) -> &dyn Any {
            self
        }

        fn fields(&self) -> Vec<(&str, Value)> {
            vec![
                ("Left", Value::object(Seconds(1))),
                ("right", Value::object(Seconds(2))),
            ]
        }
    }

    #[test]
    fn objects_print_by_their_methods_or_parts() {
        let cases = [
            ("%v %d", Value::object(Seconds(3)), "3s 3"),
            ("%v %d", Value::object(Seconds(-3)), "-3 -3"),
            (
                "%t %t",
                Value::object(Seconds(3)),
                "%!t(a.Seconds=3) %!t(a.Seconds=3)",
            ),
            (
                "%v %+v",
                Value::object(Pair(GoKind::Struct)),
                "{1s 2} {Left:1s right:2}",
            ),
            (
                "%v %v",
                Value::object(Pair(GoKind::Pointer)),
                "&{1s 2} &{1s 2}",
            ),
        ];
        for (format, value, expected) in cases {
            let args = [value.clone(), value];
            let printed = with_context(|context| printf(context, format.as_bytes(), &args));
            assert_eq!(String::from_utf8(printed.unwrap()).unwrap(), expected);
        }
    }
}
