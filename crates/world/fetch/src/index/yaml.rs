//! Reads an index in YAML, one entry at a time.

use lode_stdx::budget::Budget;
use lode_yaml::{Dialect, Node, Nodes, Origins, Text};
use serde_json::{Map, Value};

use super::error::{IndexError, Misfit};
use super::gather::Gather;

/// The key of the entries.
const ENTRIES: &str = "entries";

/// Reads the first document; returns the parts that are no entries.
pub(super) fn read(
    text: &[u8],
    gather: &mut Gather<'_>,
    budget: &Budget,
) -> Result<Map<String, Value>, IndexError> {
    let mut take = |path: &[Text], item: Node| match path {
        [entries, name] if entries == ENTRIES => match item.to_value(Dialect::V2) {
            Ok(value) => gather.take(name, &value),
            Err(error) => gather.fail(error.into()),
        },
        _ => {}
    };
    let mut nodes = Nodes::new(text, Dialect::V2, Origins::default())
        .with_budget(budget)
        .with_items(&mut take);
    let document = nodes.next().transpose()?;
    drop(nodes);
    if let Some(error) = gather.error() {
        return Err(error);
    }

    let document = document
        .map(|node| node.to_value(Dialect::V2))
        .transpose()?;
    let mut rest = match document {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(rest)) => rest,
        Some(_) => return Err(misfit("index", "a table")),
    };
    match rest.remove(ENTRIES) {
        None | Some(Value::Null) => {}
        Some(Value::Object(charts)) => list(charts, gather)?,
        Some(_) => return Err(misfit(ENTRIES, "a table")),
    }
    Ok(rest)
}

/// Notes the charts that are listed; their versions were taken already.
fn list(charts: Map<String, Value>, gather: &mut Gather<'_>) -> Result<(), IndexError> {
    for (name, versions) in charts {
        if !matches!(versions, Value::Array(_) | Value::Null) {
            return Err(misfit(&name, "a list"));
        }
        gather.list(&name);
    }
    match gather.error() {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn misfit(field: &str, want: &'static str) -> IndexError {
    IndexError::Form(Misfit {
        chart: String::new(),
        field: field.to_owned(),
        want,
    })
}
