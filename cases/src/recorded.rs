//! Our own recordings, and the form they have, as most of the corpus: one JSON value a line.

use serde_json::Value;

/// Returns our own builds by kustomize: `name`, `files` by path, and the `output` of `app` or the `error`.
pub fn own_builds() -> Vec<Value> {
    let recorded = include_str!("../recorded/kustomize.jsonl");
    parse_lines("recorded/kustomize.jsonl", recorded)
}

/// Returns our own requests to a kube-apiserver, in the order they were sent: `scenario`, `step`, `method`, `pathSent`,
/// `contentType`, `headers`, `body`, and of the answer `status`, `resp` and `respHeaders`.
pub fn own_requests() -> Vec<Value> {
    let recorded = include_str!("../recorded/apiserver.jsonl");
    parse_lines("recorded/apiserver.jsonl", recorded)
}

/// Returns our own objects with their health by kstatus: `name`, `object`, `status`, `message` and `conditions`.
pub fn own_health() -> Vec<Value> {
    let recorded = include_str!("../recorded/health.jsonl");
    parse_lines("recorded/health.jsonl", recorded)
}

/// Returns our own texts as Go reads them: `name` and `text`; `v3`, each document as [tag, style, content, line, column];
/// `v2`, the document as JSON, which is absent if there are several; and `written`, that JSON as Go writes it. Null is a
/// text that is refused.
pub fn own_yaml() -> Vec<Value> {
    let recorded = include_str!("../recorded/yaml.jsonl");
    parse_lines("recorded/yaml.jsonl", recorded)
}

/// Reads a JSON value from each line; empty lines and those that begin with `#` are passed over.
///
/// # Panics
///
/// Panics if a line is no JSON, naming `name` and the line.
pub fn parse_lines(name: &str, text: &str) -> Vec<Value> {
    let parse = |(number, line): (usize, &str)| {
        serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("read line {} of {name}: {error}", number + 1))
    };
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(parse)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_empty_lines_are_no_cases() {
        let text = "# recorded with x 1.2.3\n{\"a\": 1}\n\n[2]\n";
        let values = parse_lines("a.jsonl", text);
        assert_eq!(
            values,
            [serde_json::json!({"a": 1}), serde_json::json!([2])]
        );
    }

    #[test]
    #[should_panic(expected = "read line 2 of a.jsonl")]
    fn a_line_that_is_no_json_is_named() {
        parse_lines("a.jsonl", "1\n{\n");
    }
}
