//! Reads TOML as Helm does: integers are `int64`, dates are `time.Time`, and a list of tables has
//! the type of one.

use std::collections::BTreeMap;

use crate::context::Context;
use crate::encode::toml_scan::{Scanner, TomlFault};
use crate::error::TemplateError;
use crate::value::{GoString, GoType, List, Map, NESTING_MAX, Value};

/// Reads a document as a map.
///
/// # Errors
/// The text is not TOML, or the budget is spent.
pub(crate) fn read(context: &Context<'_>, text: &[u8]) -> Result<Value, TemplateError> {
    context.steps(1 + text.len() / 16)?;
    context.bytes(text.len().saturating_mul(2))?;
    let text = std::str::from_utf8(text)
        .map_err(|_| TemplateError::new("toml: line 1: files must be encoded in UTF-8"))?;

    let mut document = Document {
        scanner: Scanner::new(text),
        root: TomlTable::default(),
        at: Vec::new(),
    };
    while document.line(context)? {}
    Ok(document.root.into_value())
}

/// What a key stands for.
enum TomlItem {
    Value(Value),
    Table(TomlTable),
    /// `[[key]]`: the last one is being filled.
    Tables(Vec<TomlTable>),
}

#[derive(Default)]
struct TomlTable {
    entries: BTreeMap<String, TomlItem>,
    /// It was given in braces, or has its own header: nothing may define it again.
    is_closed: bool,
}

struct Document<'t> {
    scanner: Scanner<'t>,
    root: TomlTable,
    /// The keys of the table that is being filled.
    at: Vec<String>,
}

impl Document<'_> {
    /// Reads a header or a value; returns whether there was one.
    fn line(&mut self, context: &Context<'_>) -> Result<bool, TemplateError> {
        self.scanner.skip_lines()?;
        if self.scanner.is_at_end() {
            return Ok(false);
        }
        context.nodes(1)?;
        if self.scanner.take("[[") {
            self.header(true)?;
        } else if self.scanner.take("[") {
            self.header(false)?;
        } else {
            self.entry(context)?;
        }
        self.scanner.end_line()?;
        Ok(true)
    }

    fn entry(&mut self, context: &Context<'_>) -> Result<(), TemplateError> {
        let key = self.scanner.key()?;
        self.scanner.expect_equals()?;
        let outer = self.scanner.enter([&self.at[..], &key].concat().join("."));
        let value = value(context, &mut self.scanner, NESTING_MAX)?;
        let table = self.root.descend(&self.at);
        let done = table.and_then(|table| table.put(&key, value));
        done.map_err(|key| self.defined(&key))?;
        self.scanner.enter(outer);
        Ok(())
    }

    fn header(&mut self, of_list: bool) -> Result<(), TemplateError> {
        self.scanner.enter(String::new());
        self.scanner.skip_blanks();
        let key = self.scanner.key()?;
        if !self.scanner.take(if of_list { "]]" } else { "]" }) {
            let message = "expected '.' or ']' to end table name";
            return Err(self.scanner.but_got(message).into());
        }
        let opened = if of_list {
            self.root.open_list(&key)
        } else {
            self.root.open(&key)
        };
        opened.map_err(|key| self.defined(&key))?;
        self.scanner.enter(key.join("."));
        self.at = key;
        Ok(())
    }

    fn defined(&self, key: &str) -> TemplateError {
        let fault = self
            .scanner
            .fault(&format!("Key '{key}' has already been defined."));
        fault.into()
    }
}

impl From<TomlFault> for TemplateError {
    fn from(fault: TomlFault) -> Self {
        let TomlFault { line, key, message } = fault;
        Self::new(if key.is_empty() {
            format!("toml: line {line}: {message}")
        } else {
            format!("toml: line {line} (last key {key:?}): {message}")
        })
    }
}

impl TomlTable {
    /// Returns the table that keys lead to, and makes those on the way.
    fn descend(&mut self, keys: &[String]) -> Result<&mut Self, String> {
        let mut table = self;
        for key in keys {
            let item = table
                .entries
                .entry(key.clone())
                .or_insert_with(|| TomlItem::Table(Self::default()));
            table = match item {
                TomlItem::Table(inner) => inner,
                TomlItem::Tables(list) => list.last_mut().ok_or_else(|| keys.join("."))?,
                TomlItem::Value(_) => return Err(keys.join(".")),
            };
        }
        Ok(table)
    }

    fn put(&mut self, keys: &[String], value: Value) -> Result<(), String> {
        let Some((last, before)) = keys.split_last() else {
            return Ok(());
        };
        let table = self.descend(before)?;
        if table.entries.contains_key(last) {
            return Err(keys.join("."));
        }
        table.entries.insert(last.clone(), TomlItem::Value(value));
        Ok(())
    }

    fn open(&mut self, keys: &[String]) -> Result<(), String> {
        if let Some((last, before)) = keys.split_last()
            && let Some(TomlItem::Tables(_)) = self.descend(before)?.entries.get(last)
        {
            return Err(keys.join("."));
        }
        let table = self.descend(keys)?;
        if std::mem::replace(&mut table.is_closed, true) {
            return Err(keys.join("."));
        }
        Ok(())
    }

    fn open_list(&mut self, keys: &[String]) -> Result<(), String> {
        let Some((last, before)) = keys.split_last() else {
            return Ok(());
        };
        let table = self.descend(before)?;
        let item = table
            .entries
            .entry(last.clone())
            .or_insert_with(|| TomlItem::Tables(Vec::new()));
        match item {
            TomlItem::Tables(list) => {
                list.push(Self::default());
                Ok(())
            }
            _ => Err(keys.join(".")),
        }
    }

    fn into_value(self) -> Value {
        let entries = self.entries.into_iter().map(|(key, item)| {
            let value = match item {
                TomlItem::Value(value) => value,
                TomlItem::Table(table) => table.into_value(),
                TomlItem::Tables(list) => {
                    let element = GoType::map(GoType::String, GoType::Any);
                    let items = list.into_iter().map(Self::into_value).collect();
                    List::typed(element, items).into()
                }
            };
            (GoString::from(key), value)
        });
        Map::from_entries(entries.collect()).into()
    }
}

fn value(
    context: &Context<'_>,
    scanner: &mut Scanner<'_>,
    depth: usize,
) -> Result<Value, TemplateError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(scanner.fault("values are nested too deeply").into());
    };
    context.nodes(1)?;
    if scanner.take("[") {
        return array(context, scanner, depth);
    }
    if scanner.take("{") {
        return inline(context, scanner, depth);
    }
    Ok(scanner.scalar()?)
}

fn array(
    context: &Context<'_>,
    scanner: &mut Scanner<'_>,
    depth: usize,
) -> Result<Value, TemplateError> {
    let mut items = Vec::new();
    loop {
        scanner.skip_lines()?;
        if scanner.take("]") {
            return Ok(Value::list(items));
        }
        items.push(value(context, scanner, depth)?);
        scanner.skip_lines()?;
        if !scanner.take(",") {
            if scanner.take("]") {
                return Ok(Value::list(items));
            }
            let message = "expected a comma (',') or array terminator (']')";
            return Err(scanner.but_got(message).into());
        }
    }
}

fn inline(
    context: &Context<'_>,
    scanner: &mut Scanner<'_>,
    depth: usize,
) -> Result<Value, TemplateError> {
    let mut table = TomlTable::default();
    loop {
        scanner.skip_lines()?;
        if scanner.take("}") {
            return Ok(table.into_value());
        }
        let key = scanner.key()?;
        scanner.expect_equals()?;

        let inner = format!("{}.{}", scanner.current_key(), key.join("."));
        let outer = scanner.enter(inner);
        let value = value(context, scanner, depth)?;
        table.put(&key, value).map_err(|_| {
            let key = scanner.current_key();
            TemplateError::from(scanner.fault(&format!("Key '{key}' has already been defined.")))
        })?;
        scanner.enter(outer);

        scanner.skip_lines()?;
        if !scanner.take(",") {
            if scanner.take("}") {
                return Ok(table.into_value());
            }
            let message = "expected a comma or an inline table terminator '}'";
            return Err(scanner.but_got(message).into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::testing::with_context;
    use crate::print;

    fn shown(text: &str) -> String {
        with_context(|context| match read(context, text.as_bytes()) {
            Ok(value) => {
                let mut out = Vec::new();
                print::value(context, &mut out, &value).unwrap();
                String::from_utf8(out).unwrap()
            }
            Err(error) => error.to_string(),
        })
    }

    #[test]
    fn documents_become_maps() {
        for (text, want) in [
            ("", "map[]"),
            (
                "a = 1 # x\n\n'b c' = \"x\\ty\\u00e4\"",
                "map[a:1 b c:x\tyä]",
            ),
            (
                "[t]\nk = true\n[t.s]\nx.y = 1_000",
                "map[t:map[k:true s:map[x:map[y:1000]]]]",
            ),
            ("[[l]]\na = 1\n[[l]]\na = 2", "map[l:[map[a:1] map[a:2]]]"),
            (
                "a = [1, [2.5, 'x'],\n # c\n]\nb = {x = 1, y.z = 2}",
                "map[a:[1 [2.5 x]] b:map[x:1 y:map[z:2]]]",
            ),
            (
                "a = 0xFF\nb = 0o17\nc = 0b11\nd = -1e3\ne = inf",
                "map[a:255 b:15 c:3 d:-1000 e:+Inf]",
            ),
            (
                "a = \"\"\"\nx\\\n   y\n\"\"\"\nb = '''\nr\\n'''",
                "map[a:xy\n b:r\\n]",
            ),
            (
                "a = 1979-05-27T07:32:00Z",
                "map[a:1979-05-27 07:32:00 +0000 UTC]",
            ),
        ] {
            assert_eq!(shown(text), want, "{text}");
        }
    }

    #[test]
    fn what_is_no_document_says_where() {
        for (text, want) in [
            (
                "one",
                "toml: line 1: unexpected EOF; expected key separator '='",
            ),
            (
                "a = 1\na = 2",
                "toml: line 2 (last key \"a\"): Key 'a' has already been defined.",
            ),
            (
                "[t]\n[t]",
                "toml: line 2: Key 't' has already been defined.",
            ),
            (
                "a = 1\n[a.b]",
                "toml: line 2: Key 'a' has already been defined.",
            ),
            (
                "\na = [1 2]",
                "toml: line 2 (last key \"a\"): expected a comma (',') or array terminator (']'), but got '2'",
            ),
            (
                "a b",
                "toml: line 1: expected '.' or '=', but got 'b' instead",
            ),
            (
                "a = 08",
                "toml: line 1 (last key \"a\"): Invalid integer \"08\": cannot have leading zeroes",
            ),
        ] {
            assert_eq!(shown(text), want, "{text}");
        }
    }
}
