//! Calls of every function, with what sprig 3.3.0 and the functions of Helm 4.2.1 return.
//!
//! `tests/data/functions.jsonl` has a call a line: a template without data, and its output as `%q`
//! writes it, or its error. The calls were drawn at random, and recorded with Go 1.26.

use std::sync::Arc;

use cases::Score;
use lode_stdx::budget::Budget;
use lode_template::function::Functions;
use lode_template::{Environment, Map, MissingKey, TemplateFile, Templates, print};
use serde_json::Value as Json;

use crate::execute::{ENOUGH, with_environment};

const CALLS: &str = include_str!("../data/functions.jsonl");
const CALLS_MIN: usize = 941;

#[test]
fn functions_return_what_those_of_go_return() {
    let functions = Arc::new(Functions::helm());
    let mut score = Score::of_all("calls of functions", CALLS_MIN);
    for line in CALLS.lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        let template = case["template"].as_str().unwrap();
        let expected = match case["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(case["output"].as_str().unwrap().to_owned()),
        };
        let found = with_environment(ENOUGH, |environment| run(&functions, environment, template));
        score.check(&template, &found, &expected);
    }
    score.finish();
}

fn run(
    functions: &Arc<Functions>,
    environment: &Environment<'_>,
    template: &str,
) -> Result<String, String> {
    let files = [TemplateFile {
        name: "test",
        text: template.as_bytes().into(),
    }];
    let templates = Templates::compile(Arc::clone(functions), &files, &Budget::unlimited())
        .map_err(|error| error.to_string())?;
    let output = templates.execute("test", Map::new().into(), MissingKey::Zero, environment);
    let output = output.map_err(|error| error.to_string())?;
    let mut quoted = Vec::new();
    print::quote(&mut quoted, &output);
    Ok(String::from_utf8(quoted).unwrap())
}
