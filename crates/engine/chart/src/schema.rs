//! Checks values with the schemas of charts (values.schema.json).
//!
//! A schema may refer to itself and to the meta-schemas, and to other documents only if the caller
//! hands them in: nothing is fetched. Helm fetches what a schema names while it renders.

mod bounds;
mod cost;
mod message;
mod refs;

use std::collections::BTreeMap;
use std::sync::Arc;

use boon::{Compiler, Schemas, UrlLoader};
use lode_stdx::budget::{Budget, Exceeded};
use serde_json::Value;

use crate::dependencies::Active;

/// Documents that schemas may refer to, by URL.
pub type SchemaDocuments = BTreeMap<String, Value>;

/// Values that do not meet a schema, or a schema that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
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

/// A schema that was compiled, or why it could not be.
pub(crate) struct Compiled {
    json: Value,
    outcome: Result<(Schemas, boon::SchemaIndex), String>,
}

/// Checks the values of a chart and of its subcharts.
pub(crate) fn check(
    chart: &Active<'_>,
    values: &Value,
    documents: &SchemaDocuments,
    budget: &Budget,
) -> Result<(), Error> {
    let mut found = Found::default();
    check_chart(chart, values, documents, &mut found, budget)?;
    if found.full.is_empty() {
        return Ok(());
    }
    Err(Error::Violated(Violations {
        full: format!("{TITLE}\n{}", found.full),
        masked: format!("{TITLE}\n{}", found.masked),
    }))
}

/// How Helm introduces violations.
const TITLE: &str =
    "values don't meet the specifications of the schema(s) in the following chart(s):";

/// Violations that were found so far.
#[derive(Default)]
struct Found {
    full: String,
    masked: String,
}

impl Found {
    fn add(&mut self, name: &str, full: &str, masked: &str) {
        for (text, line) in [(&mut self.full, full), (&mut self.masked, masked)] {
            for part in [name, ":\n", line, "\n"] {
                text.push_str(part);
            }
        }
    }
}

fn check_chart(
    chart: &Active<'_>,
    values: &Value,
    documents: &SchemaDocuments,
    found: &mut Found,
    budget: &Budget,
) -> Result<(), Exceeded> {
    if chart.chart.schema.is_some() {
        check_own(chart, values, documents, found, budget)?;
    }
    for child in &chart.children {
        match values.get(&*child.name) {
            None | Some(Value::Null) => {}
            Some(values @ Value::Object(_)) => {
                check_chart(child, values, documents, found, budget)?;
            }
            Some(_) => {
                let text = "invalid type for values: expected object (map)";
                found.add(&child.name, text, text);
            }
        }
    }
    Ok(())
}

fn check_own(
    chart: &Active<'_>,
    values: &Value,
    documents: &SchemaDocuments,
    found: &mut Found,
    budget: &Budget,
) -> Result<(), Exceeded> {
    let compiled = chart.chart.compiled_schema(documents, budget)?;
    let Some(compiled) = compiled else {
        return Ok(());
    };
    let (schemas, index) = match &compiled.outcome {
        Ok(compiled) => compiled,
        Err(reason) => {
            found.add(&chart.name, reason, reason);
            return Ok(());
        }
    };

    if let Err(reason) = cost::charge(&compiled.json, values, budget)? {
        found.add(&chart.name, &reason, &reason);
        return Ok(());
    }
    if let Err(violation) = schemas.validate(values, *index) {
        let full = message::tree(&violation, message::Shown::Values);
        let masked = message::tree(&violation, message::Shown::Places);
        found.add(&chart.name, &full, &masked);
    }
    Ok(())
}

/// Compiles a schema; a schema that cannot be compiled is a violation, not a failure.
pub(crate) fn compile(
    text: &[u8],
    documents: &SchemaDocuments,
    budget: &Budget,
) -> Result<Compiled, Exceeded> {
    budget.bytes(text.len() as u64 * JSON_BYTES_PER_BYTE)?;
    let json: Value = match serde_json::from_slice(text) {
        Ok(json) => json,
        Err(error) => {
            let place = format!("line {}, column {}", error.line(), error.column());
            return Ok(Compiled {
                json: Value::Null,
                outcome: Err(format!("values.schema.json is not JSON: {place}")),
            });
        }
    };

    let outcome = match bounds::check(&json, budget)? {
        Ok(()) => compiled(&json, documents),
        Err(reason) => Err(reason),
    };
    Ok(Compiled { json, outcome })
}

/// Memory that JSON values need for each byte of text, at most.
const JSON_BYTES_PER_BYTE: u64 = 32;

fn compiled(
    json: &Value,
    documents: &SchemaDocuments,
) -> Result<(Schemas, boon::SchemaIndex), String> {
    let mut compiler = Compiler::new();
    compiler.use_loader(Box::new(Given(Arc::new(documents.clone()))));
    let mut schemas = Schemas::new();
    let shown = |error: boon::CompileError| format!("{error:#}").replace(URL, "values.schema.json");
    compiler.add_resource(URL, json.clone()).map_err(shown)?;
    let index = compiler.compile(URL, &mut schemas).map_err(shown)?;
    Ok((schemas, index))
}

/// Where Helm pretends that the schema is.
const URL: &str = "file:///values.schema.json";

/// Answers with the documents that were handed in.
struct Given(Arc<SchemaDocuments>);

impl UrlLoader for Given {
    fn load(&self, url: &str) -> Result<Value, Box<dyn std::error::Error>> {
        if let Some(document) = self.0.get(url) {
            return Ok(document.clone());
        }
        // As in Helm: nobody can resolve these, and they allow everything.
        if url.starts_with("urn:") {
            return Ok(Value::Bool(true));
        }
        Err("it is outside of the chart, and nothing is fetched while values are checked".into())
    }
}

#[cfg(test)]
mod tests;
