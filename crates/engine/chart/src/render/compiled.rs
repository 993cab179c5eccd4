//! Compiled templates, with what belongs to each.

use std::collections::HashMap;
use std::sync::Arc;

use lode_template::Templates;
use serde_json::{Map, Value};

/// The templates of a chart and its subcharts, compiled.
pub(crate) struct CompiledTemplates {
    pub(super) templates: Templates,
    /// The names, and for each the number of its chart: each chart comes before its subcharts.
    pub(super) names: Vec<(Box<str>, usize)>,
    pub(super) charts: HashMap<Box<str>, usize>,
    pub(super) clock: Clock,
}

/// Whether templates use the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Clock {
    Unused,
    /// Not in files, but values are executed as templates.
    InValues,
    Used,
}

/// The templates of a chart that were compiled last.
pub(crate) type CompiledSets = lode_stdx::Lock<Vec<Arc<CompiledTemplates>>>;

impl CompiledTemplates {
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
pub(super) fn clock(text: &[u8]) -> Clock {
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
