//! A definition of our own with defaults, bounds and rules, and objects of it that a real API server took or refused.

use std::{collections::HashMap, sync::Arc};

use cases::Score;
use lode_admit::custom::{self, Definition, Type};
use lode_merge::json::apply_merge_patch;
use serde_json::Value;

/// Where its objects are.
const GARDENS: &str = "/apis/example.com/v1/namespaces/default/gardens";

#[test]
fn gardens_are_taken_and_refused_as_by_a_real_server() {
    let mut score = Score::of_all("gardens", 7);
    let mut ty: Option<Arc<Type>> = None;
    let mut live: HashMap<String, Value> = HashMap::new();
    for step in cases::own_requests() {
        let (path, resp) = (step["pathSent"].as_str().unwrap(), &step["resp"]);
        if resp["kind"] == "CustomResourceDefinition" {
            ty = Some(Arc::clone(&Definition::read(resp).unwrap().versions[0].ty));
        }
        if !path.starts_with(GARDENS) {
            continue;
        }

        let old = live.get(path);
        let found = written(ty.as_ref().unwrap(), old, &step);
        score.check(&step["step"], &found, &expected(&step));
        if step["status"].as_u64().unwrap() < 300 {
            let name = resp["metadata"]["name"].as_str().unwrap();
            live.insert(format!("{GARDENS}/{name}"), resp.clone());
        }
    }
    score.finish();
}

/// Returns the `spec` that is stored, or what is wrong with it.
fn written(ty: &Type, old: Option<&Value>, step: &Value) -> Result<Value, Vec<String>> {
    let mut object = old.cloned().unwrap_or_else(|| step["body"].clone());
    if old.is_some() {
        apply_merge_patch(&mut object, &step["body"]);
    }
    custom::prune(ty, &mut object);
    custom::default(ty, &mut object);

    let errors = custom::validate(ty, old, &object);
    if errors.is_empty() {
        return Ok(object["spec"].clone());
    }
    let said = errors
        .iter()
        .map(|error| format!("{}: {}", error.field, error.message));
    Err(sorted(said.collect()))
}

fn expected(step: &Value) -> Result<Value, Vec<String>> {
    if step["status"].as_u64().unwrap() < 300 {
        return Ok(step["resp"]["spec"].clone());
    }
    let causes = step["resp"]["details"]["causes"].as_array().unwrap();
    let said = causes.iter().map(|cause| {
        let text = |key: &str| cause[key].as_str().unwrap().to_owned();
        format!("{}: {}", text("field"), text("message"))
    });
    Err(sorted(said.collect()))
}

fn sorted(mut said: Vec<String>) -> Vec<String> {
    said.sort();
    said
}
