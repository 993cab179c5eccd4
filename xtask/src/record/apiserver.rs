//! Requests to a fresh kube-apiserver, one after the other: status, warnings and body of each answer.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::recording::Recording;
use super::stable::Stable;
use crate::replay::{Answer, Call, Server, real};

/// How often a new kind is looked for, and how long between two looks.
const TRIES: usize = 50;
const TRY_EVERY: Duration = Duration::from_millis(200);

/// Sends the `steps` of each `scenario`, in order. A step is `method`, `path`, `type` and `body`; who writes is `agent`.
pub(super) fn record(inputs: &[Value]) -> Result<Recording> {
    let running = real("record")?;
    let version = running.server.call(&Call::new("GET", "/version"))?;
    let version = version.json().context("read the server's version")?;
    let mut stable = Stable::default();
    let mut cases = Vec::new();
    for input in inputs {
        let scenario = &input["scenario"];
        let steps = input["steps"].as_array().context("find the steps")?;
        for (number, step) in steps.iter().enumerate() {
            let answer = send(&running.server, step)
                .with_context(|| format!("step {number} of {scenario}"))?;
            let mut case = line(step, &answer)?;
            case["scenario"] = scenario.clone();
            case["step"] = number.into();
            stable.replace(&mut case["resp"]);
            cases.push(case);
            await_kind(&running.server, step, &answer)?;
        }
    }
    let version = version["gitVersion"].as_str().unwrap_or_default();
    Ok(Recording {
        by: format!("kube-apiserver {version}"),
        cases,
    })
}

fn send(server: &Server, step: &Value) -> Result<Answer> {
    let text = |field: &str| step[field].as_str().unwrap_or_default();
    let mut call = Call::new(text("method"), text("path"));
    call = call.header("Accept", "application/json");
    if step["agent"].is_string() {
        call = call.header("User-Agent", text("agent"));
    }
    if !step["body"].is_null() {
        call = call.body(content_type(step), step["body"].to_string());
    }
    server.call(&call)
}

fn content_type(step: &Value) -> &str {
    match step["type"].as_str().unwrap_or_default() {
        "apply" => "application/apply-patch+yaml",
        "merge" => "application/merge-patch+json",
        "strategic" => "application/strategic-merge-patch+json",
        "json-patch" => "application/json-patch+json",
        _ => "application/json",
    }
}

/// Returns the recorded line of a step, in the form of the corpus' own files of requests.
fn line(step: &Value, answer: &Answer) -> Result<Value> {
    let mut line = json!({
        "method": step["method"],
        "pathSent": step["path"],
        "status": answer.status,
        "resp": answer.json().context("read the answer")?,
    });
    if !step["body"].is_null() {
        line["body"] = step["body"].clone();
        line["contentType"] = content_type(step).into();
    }
    if step["agent"].is_string() {
        line["headers"] = json!({"User-Agent": step["agent"]});
    }
    if let Some(warnings) = answer.headers.get("warning") {
        line["respHeaders"] = json!({"warning": warnings});
    }
    Ok(line)
}

/// Waits until a kind that a step defines is served.
fn await_kind(server: &Server, step: &Value, answer: &Answer) -> Result<()> {
    let spec = &step["body"]["spec"];
    if step["body"]["kind"] != "CustomResourceDefinition" || answer.status >= 300 {
        return Ok(());
    }

    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let path = format!(
        "/apis/{}/{}/{}",
        text(&spec["group"]),
        text(&spec["versions"][0]["name"]),
        text(&spec["names"]["plural"])
    );
    for _ in 0..TRIES {
        if server.call(&Call::new("GET", &*path))?.status == 200 {
            return Ok(());
        }
        sleep(TRY_EVERY);
    }
    bail!("{path} is not served")
}
