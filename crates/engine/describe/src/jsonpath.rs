//! [`JsonPath`]: the paths of columns in custom resource definitions.
//!
//! The dialect is that of `kubectl` for a single expression: fields, escapes, indexes, slices,
//! unions, wildcards, descent and filters; templates of several expressions are not supported.
//! Missing values give nothing, and values of the wrong type are not shown.

mod cell;
mod eval;
mod parse;

use serde_json::Value;

/// A path into an object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JsonPath(Vec<JsonPathStep>);

/// The path is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

#[derive(Debug, Clone, PartialEq)]
enum JsonPathStep {
    Field(Box<str>),
    Wildcard,
    /// Recursive descent.
    Descent,
    Slice(Slice),
    Union(Vec<JsonPath>),
    Filter(Box<Filter>),
    /// A literal value.
    Literal(Value),
}

/// The items from a first one up to, but excluding, a last one; negative indexes count from the
/// end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slice {
    from: i64,
    to: To,
    step: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    /// A single item.
    One,
    Before(i64),
    End,
}

/// Which items are kept.
#[derive(Debug, Clone, PartialEq)]
struct Filter {
    left: JsonPath,
    /// Without it, the left side must exist.
    compare: Option<(FilterOperator, JsonPath)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FilterOperator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    fn cell(path: &str, kind: &str) -> Value {
        let object = json!({
            "metadata": {"annotations": {"a.b/c": "dotted"}, "creationTimestamp": "2026-11-20T20:25:47Z"},
            "spec": {
                "n": 3, "f": 2.5, "ok": true, "list": ["a", "b", "c"], "map": {"x": "<1>"}, "empty": [], "null": null,
                "when": "soon", "never": "",
            },
            "status": {"conditions": [
                {"type": "Ready", "status": "True", "n": 1}, {"type": "Done", "status": "False", "n": 2},
            ]},
        });
        JsonPath::parse(path)
            .unwrap()
            .cell(&object, kind, "2026-11-20T20:26:00Z".parse().unwrap())
    }

    #[test]
    fn fields_and_items_are_found_in_every_spelling() {
        for path in [
            ".spec.list[1]",
            "$.spec.list[1]",
            "@.spec.list[1]",
            ".spec['list'][-2]",
            ".spec.list[1:]",
        ] {
            assert_eq!(cell(path, "string"), "b", "{path}");
        }
        assert_eq!(cell(r".metadata.annotations.a\.b/c", "string"), "dotted");
        assert_eq!(cell(r"..annotations['a\.b/c']", "string"), "dotted");
        assert_eq!(cell(".spec.list[0:2]", "string"), "a");
        assert_eq!(cell(".spec.list[*]", "string"), "a");
        assert_eq!(cell(".spec.list[2,0]", "string"), "c");
        assert_eq!(cell(".spec['n','f']", "integer"), 3);
        assert_eq!(cell(".spec.map.*", "string"), "<1>");
        assert_eq!(cell("..type", "string"), "Ready");
    }

    #[test]
    fn filters_keep_what_compares() {
        assert_eq!(
            cell(r#".status.conditions[?(@.type=="Done")].status"#, "string"),
            "False"
        );
        assert_eq!(
            cell(".status.conditions[?(@.type!='Ready')].status", "string"),
            "False"
        );
        assert_eq!(cell(".status.conditions[?(@.n>1)].type", "string"), "Done");
        assert_eq!(
            cell(".status.conditions[?(@.n<=1)].type", "string"),
            "Ready"
        );
        assert_eq!(cell(".status.conditions[?(@.n)].type", "string"), "Ready");
        assert_eq!(
            cell(".status.conditions[?(@.reason)].type", "string"),
            Value::Null
        );
        assert_eq!(
            cell(r#".status.conditions[?(@.n=="1")].type"#, "string"),
            Value::Null,
            "not of one sort"
        );
        assert_eq!(
            cell(r#".spec.n[?(@.a=="1")]"#, "string"),
            Value::Null,
            "no list"
        );
    }

    #[test]
    fn a_value_is_shown_as_its_column_is() {
        assert_eq!(cell(".spec.n", "integer"), 3);
        assert_eq!(cell(".spec.f", "integer"), 2);
        assert_eq!(cell(".spec.f", "number"), 2.5);
        assert_eq!(cell(".spec.n", "string"), "3");
        assert_eq!(cell(".spec.ok", "boolean"), true);
        assert_eq!(cell(".spec.ok", "string"), "true");
        assert_eq!(cell(".spec.ok", "integer"), Value::Null);
        assert_eq!(cell(".spec.list", "string"), r#"["a","b","c"]"#);
        assert_eq!(cell(".spec.map", "string"), "{\"x\":\"\\u003c1\\u003e\"}");
        assert_eq!(cell(".metadata.creationTimestamp", "date"), "13s");
        assert_eq!(cell(".spec.when", "date"), "<invalid>");
        assert_eq!(cell(".spec.never", "date"), "<unknown>");
        assert_eq!(cell(".spec.gone.deep", "string"), Value::Null);
        assert_eq!(cell(".spec.list[7]", "string"), Value::Null);
        assert_eq!(cell(".spec.empty[*]", "string"), Value::Null);
        assert_eq!(cell(".spec.null", "string"), "<no value>");
        assert_eq!(cell(".spec.null", "integer"), Value::Null);
    }

    #[test]
    fn a_path_that_finds_too_much_finds_nothing() {
        let mut deep = json!({"x": 1});
        for _ in 0..60 {
            deep = json!({"a": deep, "b": [1, 2]});
        }
        let path = JsonPath::parse("..a..a..a..a..x").unwrap();
        assert_eq!(
            path.cell(&deep, "integer", Timestamp::UNIX_EPOCH),
            Value::Null
        );
        assert_eq!(
            JsonPath::parse("..x")
                .unwrap()
                .cell(&deep, "integer", Timestamp::UNIX_EPOCH),
            1
        );
    }

    #[test]
    fn an_index_at_the_end_of_all_numbers_finds_nothing() {
        let object = json!({"a": [1, 2]});
        for index in [i64::MAX, i64::MIN, i64::MAX - 1] {
            for path in [
                format!(".a[{index}]"),
                format!(".a[{index}:]"),
                format!(".a[:{index}]"),
                format!(".a[0:2:{index}]"),
            ] {
                // A path may be refused, but must not panic.
                let Ok(path) = JsonPath::parse(&path) else {
                    continue;
                };
                let _ = path.cell(&object, "integer", Timestamp::UNIX_EPOCH);
            }
        }
        let path = JsonPath::parse(&format!(".a[{}]", i64::MAX)).unwrap();
        assert_eq!(
            path.cell(&object, "integer", Timestamp::UNIX_EPOCH),
            Value::Null
        );
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in [
            "",
            ".a[",
            ".a[x]",
            ".a[?(@.b",
            "....a",
            ".a[?(@.b==)]",
            "#",
            "a",
            ".a['b]",
        ] {
            assert_eq!(JsonPath::parse(path), Err(Malformed), "{path}");
        }
    }
}
