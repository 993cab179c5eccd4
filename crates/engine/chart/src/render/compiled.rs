//! The templates of a chart and its subcharts, compiled once for each set of charts in use.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use lode_stdx::budget::Budget;
use lode_template::function::Functions;
use lode_template::{File, RenderError, Templates};
use serde_json::{Map, Value};

use crate::Chart;
use crate::dependencies::Active;
use crate::file::base;

/// Compiled templates, with what belongs to each.
pub(crate) struct Compiled {
    pub(super) templates: Templates,
    /// The names, and for each the number of its chart: each chart comes before its subcharts.
    pub(super) names: Vec<(Box<str>, usize)>,
    charts: HashMap<Box<str>, usize>,
    clock: Clock,
}

/// Whether templates use the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Clock {
    Unused,
    /// Not in files, but values are executed as templates.
    InValues,
    Used,
}

/// The templates of a chart that were compiled last.
pub(crate) type Cache = lode_stdx::Lock<Vec<Arc<Compiled>>>;

/// How many sets of charts in use are kept for one chart. Most charts have one.
const SETS_MAX: usize = 4;

impl Compiled {
    /// Returns the number of the chart that a template belongs to.
    pub(super) fn chart_of(&self, name: &str) -> usize {
        self.charts.get(name).copied().unwrap_or_default()
    }

    /// Returns whether the output may depend on the time.
    pub(super) fn uses_time(&self, values: &Map<String, Value>) -> bool {
        match self.clock {
            Clock::Unused => false,
            Clock::InValues => values.values().any(has_clock),
            Clock::Used => true,
        }
    }
}

impl Chart {
    /// Returns the compiled templates of the charts in use. Compiling is charged when it is done.
    pub(crate) fn compiled_templates(
        &self,
        active: &Active<'_>,
        budget: &Budget,
    ) -> Result<Arc<Compiled>, RenderError> {
        let mut files = Vec::new();
        let mut number = 0;
        list(active, "", &mut number, &mut files);

        let is_same = |compiled: &Arc<Compiled>| {
            let names = compiled
                .names
                .iter()
                .map(|(name, number)| (&**name, *number));
            names.eq(files.iter().map(|(name, number, _)| (&**name, *number)))
        };
        if let Some(found) = self
            .templates_cache
            .lock()
            .iter()
            .find(|compiled| is_same(compiled))
        {
            return Ok(Arc::clone(found));
        }

        let compiled = Arc::new(compile(files, budget)?);
        let mut cache = self.templates_cache.lock();
        if cache.len() >= SETS_MAX {
            cache.remove(0);
        }
        cache.push(Arc::clone(&compiled));
        Ok(compiled)
    }
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

fn compile(listed: Vec<Listed<'_>>, budget: &Budget) -> Result<Compiled, RenderError> {
    static FUNCTIONS: LazyLock<Arc<Functions>> = LazyLock::new(|| Arc::new(Functions::helm()));
    let files: Vec<File<'_>> = listed
        .iter()
        .map(|(name, _, text)| File { name, text })
        .collect();
    let templates = Templates::compile(Arc::clone(&FUNCTIONS), &files, budget)?;

    let clock = files.iter().map(|file| clock(file.text)).max();
    let names: Vec<(Box<str>, usize)> = listed
        .into_iter()
        .map(|(name, number, _)| (name, number))
        .collect();
    Ok(Compiled {
        templates,
        charts: names.iter().cloned().collect(),
        names,
        clock: clock.unwrap_or(Clock::Unused),
    })
}

/// Functions whose result may depend on the time.
const CLOCK_WORDS: [&str; 8] = [
    "now",
    "ago",
    "date",
    "dateInZone",
    "date_in_zone",
    "htmlDate",
    "htmlDateInZone",
    "genCA",
];

/// Returns whether the actions of a template use the time, or execute values.
fn clock(text: &[u8]) -> Clock {
    let text = String::from_utf8_lossy(text);
    let actions = text.split("{{").skip(1);
    let actions = actions.map(|action| action.split("}}").next().unwrap_or_default());
    let words = actions
        .flat_map(|action| action.split(|letter: char| !letter.is_alphanumeric() && letter != '_'));
    let of_word = |word: &str| match word {
        "tpl" => Clock::InValues,
        word if CLOCK_WORDS.contains(&word) => Clock::Used,
        _ => Clock::Unused,
    };
    words.map(of_word).max().unwrap_or(Clock::Unused)
}

fn has_clock(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("{{") && clock(text.as_bytes()) == Clock::Used,
        Value::Array(items) => items.iter().any(has_clock),
        Value::Object(map) => map.values().any(has_clock),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_that_use_the_time_are_known() {
        for (text, want) in [
            ("date: now {{ .Values.x }}", Clock::Unused),
            ("{{ .Values.x | quote }} {{ now }}", Clock::Used),
            ("{{ tpl .Values.x . }}", Clock::InValues),
            ("{{ date_in_zone \"2006\" .x \"UTC\" }}", Clock::Used),
            ("{{ .Values.known }}", Clock::Unused),
        ] {
            assert_eq!(clock(text.as_bytes()), want, "{text}");
        }
        let values = serde_json::json!({"a": [{"b": "{{ now | date \"2006\" }}"}]});
        assert!(has_clock(&values));
    }
}
