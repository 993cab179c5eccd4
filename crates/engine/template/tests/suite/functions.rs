//! The table of functions is that of Helm 4.2.1.

use std::collections::BTreeMap;

use lode_template::function::Functions;

/// Functions that came after 4.2.1, in which they are unknown.
const LATER: [&str; 11] = [
    "durationDays",
    "durationHours",
    "durationMicroseconds",
    "durationMilliseconds",
    "durationMinutes",
    "durationNanoseconds",
    "durationRoundTo",
    "durationSeconds",
    "durationTruncateTo",
    "durationWeeks",
    "mustToDuration",
];
/// Functions that Helm puts into the table when a template runs: what was recorded stands in for
/// them.
const LATE_BOUND: [&str; 2] = ["include", "tpl"];
/// The functions that text/template has itself.
const BUILTIN: [&str; 19] = [
    "and", "break", "call", "continue", "eq", "ge", "gt", "html", "index", "js", "le", "len", "lt",
    "ne", "not", "or", "print", "printf", "println",
];

#[test]
fn every_function_has_its_signature_and_there_are_no_others() {
    let Some(text) = cases::text("template/functions.tsv") else {
        return;
    };
    let recorded: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("FN\t"))
        .filter_map(|line| line.split_once('\t'))
        .filter(|(name, _)| !LATER.contains(name))
        .collect();
    assert_eq!(recorded.len(), 222);

    let functions = Functions::helm();
    for (name, signature) in &recorded {
        let found = functions.signature(name);
        let found = found.unwrap_or_else(|| panic!("{name} is unknown"));
        if !LATE_BOUND.contains(name) {
            assert_eq!(found.as_str(), *signature, "{name}");
        }
    }
    for name in functions.names() {
        let is_known = recorded.contains_key(name)
            || BUILTIN.contains(&name)
            || ["slice", "urlquery"].contains(&name);
        assert!(is_known, "{name} is no function of Helm 4.2.1");
    }
}
