//! The templates of a chart and its subcharts, compiled once for each set of charts in use.

use std::sync::{Arc, LazyLock};

use lode_stdx::budget::Budget;
use lode_template::function::Functions;
use lode_template::{RenderError, TemplateFile, Templates};

use super::compiled::CompiledTemplates;
use crate::dependencies::Active;
use crate::file::base;

/// How many sets of charts in use are kept for one chart. Most charts have one.
const SETS_MAX: usize = 4;

/// Returns the compiled templates of the charts in use. Compiling is charged when it is done.
pub(super) fn compiled_templates(
    active: &Active<'_>,
    threads: usize,
    budget: &Budget,
) -> Result<Arc<CompiledTemplates>, RenderError> {
    let mut files = Vec::new();
    let mut number = 0;
    list(active, "", &mut number, &mut files);

    let is_same = |compiled: &Arc<CompiledTemplates>| {
        let names = compiled
            .names
            .iter()
            .map(|(name, number)| (&**name, *number));
        names.eq(files.iter().map(|(name, number, _)| (&**name, *number)))
    };
    if let Some(found) = active
        .chart
        .templates_cache
        .lock()
        .iter()
        .find(|compiled| is_same(compiled))
    {
        return Ok(Arc::clone(found));
    }

    let compiled = Arc::new(compile(files, threads, budget)?);
    let mut cache = active.chart.templates_cache.lock();
    if cache.len() >= SETS_MAX {
        cache.remove(0);
    }
    cache.push(Arc::clone(&compiled));
    Ok(compiled)
}

type Listed<'c> = (Box<str>, usize, &'c Arc<[u8]>);

/// Lists the templates of a chart and its subcharts. Of a library only the partial ones count.
fn list<'c>(chart: &Active<'c>, prefix: &str, number: &mut usize, into: &mut Vec<Listed<'c>>) {
    let folder = format!("{prefix}{}", chart.name);
    let is_library = chart.chart.metadata.is_library();
    for file in &chart.chart.templates {
        if !is_library || base(&file.name).starts_with('_') {
            into.push((
                format!("{folder}/{}", file.name).into(),
                *number,
                &file.data,
            ));
        }
    }

    *number += 1;
    let prefix = format!("{folder}/charts/");
    for child in &chart.children {
        list(child, &prefix, number, into);
    }
}

fn compile(
    listed: Vec<Listed<'_>>,
    threads: usize,
    budget: &Budget,
) -> Result<CompiledTemplates, RenderError> {
    static FUNCTIONS: LazyLock<Arc<Functions>> = LazyLock::new(|| Arc::new(Functions::helm()));
    let files: Vec<TemplateFile<'_>> = listed
        .iter()
        .map(|(name, _, text)| TemplateFile {
            name,
            text: Arc::clone(text),
        })
        .collect();
    let templates = Templates::compile_on(threads, Arc::clone(&FUNCTIONS), &files, budget)?;

    let names: Vec<(Box<str>, usize)> = listed
        .into_iter()
        .map(|(name, number, _)| (name, number))
        .collect();
    Ok(CompiledTemplates {
        templates,
        charts: names.iter().cloned().collect(),
        names,
    })
}
