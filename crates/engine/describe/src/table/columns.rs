//! [`Columns`]: the columns of a kind.

use std::{collections::HashMap, sync::LazyLock};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cell::Cell;
use super::special;
use crate::jsonpath::JsonPath;

/// The columns of a kind.
#[derive(Debug, Clone, Default)]
pub struct Columns(Vec<Column>);

#[derive(Debug, Clone)]
struct Column {
    name: Box<str>,
    kind: Box<str>,
    format: Box<str>,
    description: Box<str>,
    /// Zero for columns that are always shown.
    priority: i64,
    cell: Cell,
}

impl Columns {
    /// Returns the columns of a built-in kind, whatever its version.
    #[must_use]
    pub fn builtin(group: &str, kind: &str) -> &'static Self {
        let group = if group.is_empty() { "core" } else { group };
        BUILTIN.get(&*format!("{group}/{kind}")).unwrap_or(&DEFAULT)
    }

    /// Returns whether these are the default columns.
    pub(crate) fn is_default(&self) -> bool {
        std::ptr::eq(self, &raw const *DEFAULT)
    }

    /// Returns the columns of a custom resource (`additionalPrinterColumns`); by default its age.
    #[must_use]
    pub fn custom(columns: &Value) -> Self {
        let columns = columns.as_array().filter(|columns| !columns.is_empty());
        let shown = columns.map_or_else(
            || vec![Column::age()],
            |columns| columns.iter().map(Column::custom).collect(),
        );
        Self(std::iter::once(Column::name()).chain(shown).collect())
    }

    /// Returns the column definitions (`columnDefinitions`).
    pub(super) fn definitions(&self) -> Value {
        self.0.iter().map(Column::definition).collect()
    }

    /// Returns the cells of an object.
    pub(super) fn cells(&self, object: &Value, now: Timestamp) -> Value {
        self.0
            .iter()
            .map(|column| column.cell.of(object, now))
            .collect()
    }
}

impl Column {
    /// Parses a line of the data file.
    fn read(line: &str) -> Option<Self> {
        let [name, kind, cell] = line.split(" | ").collect::<Vec<_>>().try_into().ok()?;
        let (name, priority) = name.strip_prefix('*').map_or((name, 0), |name| (name, 1));
        let (kind, format) = if kind == "name" {
            ("string", "name")
        } else {
            (kind, "")
        };
        Some(Self {
            name: name.into(),
            kind: kind.into(),
            format: format.into(),
            description: cell.into(),
            priority,
            cell: Cell::read(cell, special::find)?,
        })
    }

    fn custom(column: &Value) -> Self {
        let text = |key: &str| Box::<str>::from(column[key].as_str().unwrap_or_default());
        let path = text("jsonPath");
        let described = text("description");
        let own =
            || format!("Custom resource definition column (in JSONPath format): {path}").into();
        Self {
            name: text("name"),
            format: text("format"),
            description: if described.is_empty() {
                own()
            } else {
                described
            },
            priority: column["priority"].as_i64().unwrap_or_default(),
            cell: Cell::Custom(JsonPath::parse(&path).ok(), text("type")),
            kind: text("type"),
        }
    }

    fn name() -> Self {
        Self::fixed("Name", "string", "name", Cell::Name)
    }

    fn created() -> Self {
        Self::fixed("Created At", "date", "", Cell::Created)
    }

    fn age() -> Self {
        let created = JsonPath::parse(".metadata.creationTimestamp").ok();
        Self::fixed("Age", "date", "", Cell::Custom(created, "date".into()))
    }

    fn fixed(name: &str, kind: &str, format: &str, cell: Cell) -> Self {
        let description = name.to_lowercase().into();
        Self {
            name: name.into(),
            kind: kind.into(),
            format: format.into(),
            description,
            priority: 0,
            cell,
        }
    }

    fn definition(&self) -> Value {
        json!({
            "name": self.name,
            "type": self.kind,
            "format": self.format,
            "description": self.description,
            "priority": self.priority,
        })
    }
}

/// The default columns.
static DEFAULT: LazyLock<Columns> =
    LazyLock::new(|| Columns(vec![Column::name(), Column::created()]));

/// By group and kind. A malformed line would leave out its column; a test checks that there is
/// none.
static BUILTIN: LazyLock<HashMap<&'static str, Columns>> = LazyLock::new(|| {
    let blocks =
        blocks().map(|(kind, lines)| (kind, Columns(lines.filter_map(Column::read).collect())));
    blocks.collect()
});

/// Returns each kind of the data file with its lines.
fn blocks() -> impl Iterator<Item = (&'static str, impl Iterator<Item = &'static str>)> {
    let blocks = DATA.split("\n\n").filter(|block| !block.starts_with('#'));
    blocks.filter_map(|block| {
        let mut lines = block.lines();
        Some((lines.next()?, lines))
    })
}

const DATA: &str = include_str!("../../data/columns.txt");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_column() {
        for (kind, lines) in blocks() {
            for line in lines {
                assert!(Column::read(line).is_some(), "{kind}: {line}");
            }
        }
        assert!(BUILTIN.len() > 50, "{}", BUILTIN.len());
    }

    #[test]
    fn a_kind_nobody_knows_has_its_name_and_when_it_was_made() {
        let object =
            json!({"metadata": {"name": "a", "creationTimestamp": "2026-11-20T20:43:26Z"}});
        let cells = Columns::builtin("example.com", "Thing").cells(&object, Timestamp::UNIX_EPOCH);
        assert_eq!(cells, json!(["a", "2026-11-20T20:43:26Z"]));
    }
}
