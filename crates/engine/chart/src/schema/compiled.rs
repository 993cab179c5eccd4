//! Schemas in compiled form.

use std::collections::BTreeMap;
use std::sync::Arc;

use boon::{Compiler, Schemas, UrlLoader};
use lode_stdx::budget::{Budget, Exceeded};
use serde_json::Value;

use super::bounds;

/// Documents that schemas may refer to, by URL.
pub type SchemaDocuments = BTreeMap<String, Value>;

/// A schema that was compiled, or why it could not be.
pub(crate) struct CompiledSchema {
    pub(super) json: Value,
    pub(super) outcome: Result<(Schemas, boon::SchemaIndex), String>,
}

/// Compiles a schema; a schema that cannot be compiled is a violation, not a failure.
pub(crate) fn compile(
    text: &[u8],
    documents: &SchemaDocuments,
    budget: &Budget,
) -> Result<CompiledSchema, Exceeded> {
    budget.bytes(text.len() as u64 * JSON_BYTES_PER_BYTE)?;
    let json: Value = match serde_json::from_slice(text) {
        Ok(json) => json,
        Err(error) => {
            let place = format!("line {}, column {}", error.line(), error.column());
            return Ok(CompiledSchema {
                json: Value::Null,
                outcome: Err(format!("values.schema.json is not JSON: {place}")),
            });
        }
    };

    let outcome = match bounds::check(&json, budget)? {
        Ok(()) => compiled(&json, documents),
        Err(reason) => Err(reason),
    };
    Ok(CompiledSchema { json, outcome })
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
