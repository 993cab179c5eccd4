//! Go's own tables for its lexer and parser.

use cases::Score;
use lode_stdx::budget::{Budget, Meter};
use lode_template::function::{Functions, TemplateFunction};
use lode_template::parse::{Grammar, Number, Parsed, tokens};
use lode_template::{Context, TemplateError, Value};
use serde_json::Value as Json;

fn table(name: &str) -> Vec<Json> {
    let table = cases::json(&format!("template/{name}.json"));
    table.map_or_else(Vec::new, |table| table.as_array().unwrap().clone())
}

fn text<'c>(case: &'c Json, key: &str) -> &'c str {
    case[key].as_str().unwrap()
}

fn contains(_: &mut Context<'_>, _: &[Value]) -> Result<Value, TemplateError> {
    Ok(Value::Nil)
}

fn functions() -> Functions {
    Functions::new(&[TemplateFunction::new(
        "contains",
        "func(string, string) bool",
        contains,
    )])
}

#[test]
fn tokens_are_those_of_go() {
    let mut score = Score::of_all("lexer", 40);
    for case in &table("lex") {
        let found: Vec<(String, String)> =
            tokens(text(case, "input").as_bytes(), Grammar::default())
                .into_iter()
                .map(|(kind, text)| (kind.to_owned(), text))
                .collect();
        let expected: Vec<(String, String)> = case["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| {
                // Text has no name in Go's table.
                let kind = item[0].as_str().unwrap().replace("item20", "text");
                let text = item[1].as_str().unwrap();
                // The end is recorded with or without its name.
                let text = if kind == "EOF" { "EOF" } else { text };
                (kind, text.to_owned())
            })
            .collect();
        score.check(&text(case, "name"), &found, &expected);
    }
    score.finish();
}

#[test]
fn trees_are_those_of_go() {
    let functions = functions();
    let budget = Budget::unlimited();
    let meter = Meter::new(&budget);
    let mut score = Score::of_all("trees", 108);
    for case in &table("parse_tree") {
        let (name, input) = (text(case, "name"), text(case, "input"));
        // The table was made with a lower bound for these.
        let depth_max = if name.contains("exceeds limit") {
            3
        } else {
            200
        };
        let grammar = Grammar {
            depth_max,
            ..Grammar::default()
        };
        let parsed = Parsed::parse("test", input.as_bytes(), &functions, grammar, &meter);
        if case["ok"] == true {
            let shown = parsed.map(|parsed| parsed.show(input.as_bytes(), "test").unwrap());
            let expected = Ok(text(case, "result").to_owned());
            score.check(&name, &shown.map_err(|error| error.to_string()), &expected);
        } else {
            let expected = text(case, "result");
            let error = parsed.err().map(|error| error.to_string());
            let is_right = error
                .as_ref()
                .is_some_and(|error| !expected.starts_with("template: ") || error == expected);
            score.add(is_right, || {
                format!("{name}: expected an error {expected}, got {error:?}")
            });
        }
    }
    score.finish();
}

#[test]
fn errors_of_the_parser_are_those_of_go() {
    let functions = functions();
    let budget = Budget::unlimited();
    let meter = Meter::new(&budget);
    let mut score = Score::of_all("errors of the parser", 32);
    for case in &table("parse_errors") {
        let (name, input) = (text(case, "name"), text(case, "input"));
        let parsed = Parsed::parse(
            name,
            input.as_bytes(),
            &functions,
            Grammar::default(),
            &meter,
        );
        let error = parsed.err().map(|error| error.to_string());
        score.check(&name, &error, &Some(text(case, "error").to_owned()));
    }
    score.finish();
}

#[test]
fn numbers_are_those_of_go() {
    let mut score = Score::of_all("numbers", 52);
    for case in &table("parse_numbers") {
        let number = Number::parse(text(case, "text")).unwrap_or_default();
        let shown = |number: f64| format!("{number}");
        let float = |key: &str| shown(text(case, key).parse().unwrap());
        let flag = |key: &str| case[key] == true;
        let complex = number
            .complex
            .map(|(real, imaginary)| format!("({real}{imaginary:+}i)"));
        let found = (number.int, number.uint, number.float.map(shown), complex);
        let expected = (
            flag("isInt").then(|| case["int"].as_i64().unwrap()),
            flag("isUint").then(|| case["uint"].as_u64().unwrap()),
            flag("isFloat").then(|| float("float")),
            flag("isComplex").then(|| text(case, "complex").to_owned()),
        );
        score.check(&text(case, "text"), &found, &expected);
    }
    score.finish();
}
