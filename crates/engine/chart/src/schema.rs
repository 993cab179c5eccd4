//! Checks values with the schemas of charts (values.schema.json).
//!
//! A schema may refer to itself and to the meta-schemas, and to other documents only if the caller
//! hands them in: nothing is fetched. Helm fetches what a schema names while it renders.

mod bounds;
mod compiled;
mod cost;
mod message;
mod refs;

use lode_stdx::budget::{Budget, Exceeded};
use serde_json::Value;

pub use compiled::SchemaDocuments;
pub(crate) use compiled::{CompiledSchema, compile};

use crate::dependencies::Active;

/// Values that do not meet a schema, or a schema that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Values do not meet schemas.
    #[error("{0}")]
    Violated(Violations),
    /// The budget is exceeded.
    #[error("checking values against their schema {0}")]
    Exceeded(#[from] Exceeded),
}

/// What is wrong with values, chart by chart.
#[derive(Clone, PartialEq, Eq)]
pub struct Violations {
    full: String,
    masked: String,
}

impl Violations {
    /// Returns Helm's text, which contains values. They may be secret.
    #[must_use]
    pub fn with_values(&self) -> &str {
        &self.full
    }
}

/// Helm's text, without values.
impl std::fmt::Display for Violations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.masked)
    }
}

impl std::fmt::Debug for Violations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Violations({:?})", self.masked)
    }
}

/// Checks the values of a chart and of its subcharts.
pub(crate) fn check(
    chart: &Active<'_>,
    values: &Value,
    documents: &SchemaDocuments,
    budget: &Budget,
) -> Result<(), SchemaError> {
    let mut check = SchemaCheck {
        documents,
        budget,
        found: FoundViolations::default(),
    };
    check.chart(chart, values)?;
    let found = check.found;
    if found.full.is_empty() {
        return Ok(());
    }
    Err(SchemaError::Violated(Violations {
        full: format!("{TITLE}\n{}", found.full),
        masked: format!("{TITLE}\n{}", found.masked),
    }))
}

/// How Helm introduces violations.
const TITLE: &str =
    "values don't meet the specifications of the schema(s) in the following chart(s):";

/// Violations that were found so far.
#[derive(Default)]
struct FoundViolations {
    full: String,
    masked: String,
}

impl FoundViolations {
    fn add(&mut self, name: &str, full: &str, masked: &str) {
        for (text, line) in [(&mut self.full, full), (&mut self.masked, masked)] {
            for part in [name, ":\n", line, "\n"] {
                text.push_str(part);
            }
        }
    }
}

/// A check that runs.
struct SchemaCheck<'c> {
    documents: &'c SchemaDocuments,
    budget: &'c Budget,
    found: FoundViolations,
}

impl SchemaCheck<'_> {
    /// Checks the values of a chart and of its subcharts.
    fn chart(&mut self, chart: &Active<'_>, values: &Value) -> Result<(), Exceeded> {
        if chart.chart.schema.is_some() {
            self.own(chart, values)?;
        }
        for child in &chart.children {
            match values.get(&*child.name) {
                None | Some(Value::Null) => {}
                Some(values @ Value::Object(_)) => self.chart(child, values)?,
                Some(_) => {
                    let text = "invalid type for values: expected object (map)";
                    self.found.add(&child.name, text, text);
                }
            }
        }
        Ok(())
    }

    /// Checks the values of a chart alone.
    fn own(&mut self, chart: &Active<'_>, values: &Value) -> Result<(), Exceeded> {
        let compiled = chart.chart.compiled_schema(self.documents, self.budget)?;
        let Some(compiled) = compiled else {
            return Ok(());
        };
        let (schemas, index) = match &compiled.outcome {
            Ok(compiled) => compiled,
            Err(reason) => {
                self.found.add(&chart.name, reason, reason);
                return Ok(());
            }
        };

        if let Err(reason) = cost::charge(&compiled.json, values, self.budget)? {
            self.found.add(&chart.name, &reason, &reason);
            return Ok(());
        }
        if let Err(violation) = schemas.validate(values, *index) {
            let full = message::tree(&violation, message::Shown::Values);
            let masked = message::tree(&violation, message::Shown::Places);
            self.found.add(&chart.name, &full, &masked);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
