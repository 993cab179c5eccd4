//! [`Input`]: values with known types, for expressions about typed fields.

use std::{collections::HashMap, sync::Arc};

use kube_cel::cel::{
    Value as Cel,
    functions::time,
    objects::{Key, Map, OptionalValue},
};
use lode_stdx::base64::letter_value;
use serde_json::Value;

use crate::input::{self, Measure};

/// A CEL value. A text that is not valid for its type stays a text.
#[derive(Debug, Clone)]
pub struct Input {
    pub(crate) value: Cel,
    pub(crate) measure: Measure,
}

impl Input {
    /// Returns a value with the type that JSON gives it.
    #[must_use]
    pub fn json(value: &Value) -> Self {
        let mut measure = Measure::default();
        measure.add(value, usize::MAX);
        Self {
            value: input::to_cel(value),
            measure,
        }
    }

    /// Returns a floating-point number (`double`).
    #[must_use]
    pub fn double(number: f64) -> Self {
        Self::single(Cel::Float(number), "")
    }

    /// Returns an integer (`int`).
    #[must_use]
    pub fn int(number: i64) -> Self {
        Self::single(Cel::Int(number), "")
    }

    /// Returns a time (RFC 3339) or a date.
    #[must_use]
    pub fn timestamp(text: &str) -> Self {
        let whole = if text.len() == DAY_BYTES {
            format!("{text}T00:00:00Z")
        } else {
            text.to_owned()
        };
        Self::single(
            time::timestamp(Arc::new(whole)).unwrap_or_else(|_| plain(text)),
            text,
        )
    }

    /// Returns a duration, in Go's notation.
    #[must_use]
    pub fn duration(text: &str) -> Self {
        Self::single(
            time::duration(Arc::new(text.to_owned())).unwrap_or_else(|_| plain(text)),
            text,
        )
    }

    /// Returns bytes, from base64.
    #[must_use]
    pub fn bytes(text: &str) -> Self {
        let decoded = decode(text).map_or_else(|| plain(text), |bytes| Cel::Bytes(Arc::new(bytes)));
        Self::single(decoded, text)
    }

    /// Returns a list.
    #[must_use]
    pub fn list(items: Vec<Self>) -> Self {
        let measure = Measure::of_parts(items.iter().map(|item| &item.measure));
        Self {
            value: Cel::List(Arc::new(items.into_iter().map(|item| item.value).collect())),
            measure,
        }
    }

    /// Returns a map, or an object whose field names are already [escaped](escape).
    #[must_use]
    pub fn map(entries: Vec<(String, Self)>) -> Self {
        let mut measure = Measure::of_parts(entries.iter().map(|(_, entry)| &entry.measure));
        for (name, _) in &entries {
            measure.text(name);
        }
        let entry = |(name, entry): (String, Self)| (Key::String(Arc::new(name)), entry.value);
        let map: HashMap<Key, Cel> = entries.into_iter().map(entry).collect();
        Self {
            value: Cel::Map(Map { map: Arc::new(map) }),
            measure,
        }
    }

    /// Returns an object as an item of a list with identified items: such lists are equal in any
    /// order.
    #[must_use]
    pub fn keyed(mut self, key: String) -> Self {
        if let Cel::Map(map) = &mut self.value {
            self.measure.text(&key);
            let entries = Arc::make_mut(&mut map.map);
            entries.insert(
                Key::String(Arc::new(ITEM_KEY.to_owned())),
                Cel::String(Arc::new(key)),
            );
        }
        self
    }

    /// Returns an optional value.
    #[must_use]
    pub fn optional(value: Option<Self>) -> Self {
        let measure = value
            .as_ref()
            .map(|value| value.measure)
            .unwrap_or_default();
        let optional =
            value.map_or_else(OptionalValue::none, |value| OptionalValue::of(value.value));
        Self {
            value: Cel::Opaque(Arc::new(optional)),
            measure,
        }
    }

    /// Returns the number of values in it.
    #[must_use]
    pub fn values(&self) -> usize {
        self.measure.values
    }

    fn single(value: Cel, text: &str) -> Self {
        let mut measure = Measure::of_parts([].into_iter());
        measure.text(text);
        Self { value, measure }
    }
}

/// Returns the name of a field in an expression; `None` if it cannot be used.
#[must_use]
pub fn escape(name: &str) -> Option<String> {
    if RESERVED.contains(&name) {
        return Some(format!("__{name}__"));
    }
    let escaped = name
        .replace("__", "__underscores__")
        .replace('.', "__dot__")
        .replace('-', "__dash__")
        .replace('/', "__slash__");
    let starts = escaped.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (starts
        && escaped
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
    .then_some(escaped)
}

fn plain(text: &str) -> Cel {
    Cel::String(Arc::new(text.to_owned()))
}

/// Decodes base64 of the standard alphabet.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        bits = (bits << 6) | u32::from(letter_value(byte)?);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    Some(out)
}

/// The entry that identifies an item; no field can have this name.
pub(crate) const ITEM_KEY: &str = "@@key";
/// The length of `2006-01-02`.
const DAY_BYTES: usize = 10;
/// Keywords of the language, and those reserved for later.
const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Expr, Limits};

    fn holds(text: &str, input: &Input) -> bool {
        Expr::compile(text, Limits::default())
            .unwrap()
            .test(&[("self", input)])
            .unwrap()
    }

    #[test]
    fn typed_values_are_of_their_types() {
        for (text, input) in [
            ("self == 2.0", Input::double(2.0)),
            ("self + 1 == 3", Input::int(2)),
            (
                "self.getFullYear() == 2026",
                Input::timestamp("2026-01-02T03:04:05Z"),
            ),
            (
                "self == timestamp('2026-01-02T00:00:00Z')",
                Input::timestamp("2026-01-02"),
            ),
            ("self == duration('90s')", Input::duration("1m30s")),
            ("self == b'hi' && size(self) == 2", Input::bytes("aGk=")),
            ("self == 'not base64!'", Input::bytes("not base64!")),
            ("self == 'soon'", Input::timestamp("soon")),
            (
                "self[0] == 1.0 && size(self) == 1",
                Input::list(vec![Input::double(1.0)]),
            ),
            (
                "self.__namespace__ == 1",
                Input::map(vec![(escape("namespace").unwrap(), Input::int(1))]),
            ),
            ("!self.hasValue()", Input::optional(None)),
            (
                "self.hasValue() && self.value() == 1",
                Input::optional(Some(Input::int(1))),
            ),
        ] {
            assert!(holds(text, &input), "{text}");
        }
    }

    #[test]
    fn lists_of_keyed_items_are_equal_in_any_order() {
        let item = |name: &str| {
            Input::map(vec![("n".to_owned(), Input::json(&name.into()))]).keyed(name.to_owned())
        };
        let lists =
            [["a", "b"], ["b", "a"], ["a", "c"]].map(|names| Input::list(names.map(item).into()));
        let all = Input::list(lists.into());
        assert!(holds(
            "self[0] == self[1] && self[0] != self[2] && self[0] == [self[1][1], self[1][0]]",
            &all
        ));
        assert!(holds(
            "self[0] != [self[0][0]] && self[0].all(e, e.n in ['a', 'b'])",
            &all
        ));
    }

    #[test]
    fn field_names_are_escaped_where_they_are_no_names() {
        for (name, escaped) in [
            ("plain", "plain"),
            ("in", "__in__"),
            ("a_b", "a_b"),
            ("a__b", "a__underscores__b"),
            ("a.b/c-d", "a__dot__b__slash__c__dash__d"),
        ] {
            assert_eq!(escape(name).as_deref(), Some(escaped));
        }
        assert_eq!(
            (escape("a@b"), escape("1a"), escape("")),
            (None, None, None)
        );
    }
}
