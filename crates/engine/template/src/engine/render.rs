//! Rendering of a chart's files.

use std::cmp::Reverse;
use std::sync::Arc;

use lode_stdx::budget::Budget;
use lode_stdx::threads;

use super::templates::{MissingKey, ParseError, Templates};
use super::{ROOT_NAME, without_no_value};
use crate::context::{Context, Environment};
use crate::error::TemplateError;
use crate::function::Functions;
use crate::parse::Grammar;
use crate::run::{ExecError, Layer, Machine};
use crate::value::{Map, Value};

/// A file to render.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFile<'f> {
    /// The name, from the root of the outermost chart: `chart/charts/sub/templates/x.yaml`.
    pub name: &'f str,
    /// What is in it. The compiled template shares it.
    pub text: Arc<[u8]>,
}

/// A rendered file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedFile {
    /// The name of the file.
    pub name: String,
    /// The output. Bytes that are not UTF-8 have become U+FFFD.
    pub content: String,
}

/// A chart cannot be rendered. The text is Helm's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RenderError {
    message: String,
    is_bound: bool,
}

impl RenderError {
    /// Returns whether a bound of ours was reached, so that the same input would fail again.
    pub fn is_bound(&self) -> bool {
        self.is_bound
    }
}

impl Templates {
    /// Compiles the files of a chart and its dependencies, in Helm's order: of templates with the
    /// same name, the one closest to the root of the chart wins.
    ///
    /// # Errors
    /// A file cannot be parsed, in Helm's words, or the budget is spent.
    pub fn compile(
        functions: Arc<Functions>,
        files: &[TemplateFile<'_>],
        budget: &Budget,
    ) -> Result<Self, RenderError> {
        Self::compile_on(1, functions, files, budget)
    }

    /// Compiles as [`Templates::compile`], on several threads.
    ///
    /// # Errors
    /// As [`Templates::compile`].
    pub fn compile_on(
        threads: usize,
        functions: Arc<Functions>,
        files: &[TemplateFile<'_>],
        budget: &Budget,
    ) -> Result<Self, RenderError> {
        let mut files = files.to_vec();
        files.sort_by_cached_key(|file| Reverse(order(file.name)));
        let mut templates = Self::new(functions);
        let units = threads::map(threads, &files, |file| {
            templates.unit(file.name, &file.text, Grammar::default(), budget)
        });
        for unit in units {
            templates.insert(unit.map_err(|error| parse_error(&error))?);
        }
        Ok(templates.linked())
    }

    /// Runs a template.
    ///
    /// # Errors
    /// As the template fails in Go, or the budget is spent.
    pub fn execute(
        &self,
        name: &str,
        data: Value,
        missing: MissingKey,
        environment: &Environment<'_>,
    ) -> Result<Vec<u8>, ExecError> {
        let Some(number) = self.number(name.as_bytes()) else {
            let message =
                format!("template: no template {name:?} associated with template {ROOT_NAME:?}");
            return Err(ExecError::plain(TemplateError::new(message)));
        };
        let context = Context::new(environment).with_known_yaml(self.known_yaml());
        let mut machine = Machine::new(context, self, missing);
        machine.execute(number, data)
    }

    /// Renders files of the set, those whose names begin with `_` left out.
    ///
    /// `scope` returns the data of a file, which Helm has as [`Map::named`] `common.Values`, and the
    /// folder that `.Template.BasePath` names. Files of the same chart share their data, and
    /// `.Template` is set in it. Data that templates have changed is emptied at the end.
    ///
    /// # Errors
    /// A file fails, in Helm's words, or the budget is spent.
    pub fn render<'f>(
        &self,
        names: impl IntoIterator<Item = &'f str>,
        mut scope: impl FnMut(&str) -> (Map, String),
        missing: MissingKey,
        environment: &Environment<'_>,
    ) -> Result<Vec<RenderedFile>, RenderError> {
        let mut names: Vec<&str> = names.into_iter().filter(|name| !is_partial(name)).collect();
        names.sort_by_cached_key(|name| Reverse(order(name)));
        let context = Context::new(environment).with_known_yaml(self.known_yaml());
        let mut machine = Machine::new(context, self, missing);

        let mut rendered = Vec::with_capacity(names.len());
        for name in names {
            let Some(number) = self.number(name.as_bytes()) else {
                continue;
            };
            let (data, base_path) = scope(name);
            let entries = vec![
                ("Name".into(), Value::text(name)),
                ("BasePath".into(), Value::text(base_path)),
            ];
            let template = Map::from_entries(entries).named("common.Values");
            data.insert("Template".into(), template.into())
                .map_err(|error| exec_error(&ExecError::plain(error)))?;
            let output = machine.execute(number, data.into());
            let output = output.map_err(|error| exec_error(&error))?;
            rendered.push(RenderedFile {
                name: name.to_owned(),
                content: into_string(output),
            });
        }
        Ok(rendered)
    }
}

/// Deeper files come later, and files of the same depth by name.
fn order(name: &str) -> (usize, &str) {
    (name.matches('/').count(), name)
}

fn is_partial(name: &str) -> bool {
    let base = name.rsplit('/').next().unwrap_or(name);
    base.starts_with('_')
}

fn into_string(output: Vec<u8>) -> String {
    let output = match without_no_value(&output) {
        std::borrow::Cow::Owned(output) => output,
        std::borrow::Cow::Borrowed(_) => output,
    };
    String::from_utf8(output)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Helm keeps the place and the last part of the parser's text.
fn parse_error(error: &ParseError) -> RenderError {
    let text = error.error.message();
    let tokens: Vec<&str> = text.split(": ").collect();
    let message = match tokens.as_slice() {
        [_, location, .., message] => format!("parse error at ({location}): {message}"),
        [_, location] => format!("parse error at ({location}): {location}"),
        _ => format!("parse error in ({}): {text}", error.name),
    };
    RenderError {
        message,
        is_bound: error.error.is_bound(),
    }
}

/// Helm shows the templates that led to an error below each other, if it can read their places.
fn exec_error(error: &ExecError) -> RenderError {
    let is_bound = error.is_bound();
    let message = match (error.layers.first(), error.error.stopped()) {
        (Some(first), Some(message)) => {
            format!("execution error at ({}): {message}", first.location)
        }
        _ => traced(error).unwrap_or_else(|| error.to_string()),
    };
    RenderError { message, is_bound }
}

fn traced(error: &ExecError) -> Option<String> {
    let is_template = error.error.returned().starts_with("template: ");
    if error.layers.is_empty() || error.error.is_returned() && !is_template {
        return None;
    }
    if error.layers.iter().any(|layer| layer.is_wrapped) {
        return None;
    }

    let mut lines: Vec<String> = Vec::new();
    for (index, layer) in error.layers.iter().enumerate() {
        let is_last = index + 1 == error.layers.len();
        let said = if is_last {
            error.error.message_at_place()
        } else {
            layer.what.trim_end()
        };
        let said = said.split(" template:").next().unwrap_or_default();
        let line = trace(layer, said);
        if lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    if error.error.is_returned() {
        lines.push(format!("{}\n", error.error.returned()));
    }
    Some(lines.concat().trim().to_owned())
}

fn trace(layer: &Layer, said: &str) -> String {
    let Layer {
        location,
        template,
        context,
        ..
    } = layer;
    format!("{location}\n  executing {template} at <{context}>:\n    {said}\n")
}
