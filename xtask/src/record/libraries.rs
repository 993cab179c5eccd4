//! What Go's libraries make of our own inputs: health by kstatus, and YAML.
//!
//! The program `e2e/recorder` asks them; its `go.mod` names the modules it uses.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::recording::Recording;
use crate::{client, command};

/// Gives a library (`health` or `yaml`) its cases.
pub(super) fn record(library: &str, inputs: &[Value]) -> Result<Recording> {
    let folder = tempfile::tempdir().context("make a folder")?;
    let program = folder.path().join("recorder");
    client::own_program("recorder", &program)?;

    let versions = command::output(Command::new(&program).args(["versions", library]))?;
    let mut asked = Command::new(&program)
        .arg(library)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("start e2e/recorder")?;
    let mut lines = inputs.iter().map(Value::to_string).collect::<Vec<_>>();
    lines.push(String::new());
    let mut input = asked.stdin.take().context("find its input")?;
    // It is read in another thread, because the program answers while it still reads.
    let writing = std::thread::spawn(move || input.write_all(lines.join("\n").as_bytes()));
    let answered = asked.wait_with_output().context("read its answers")?;
    ensure!(answered.status.success(), "e2e/recorder failed");
    let written = writing.join();
    written
        .ok()
        .context("write the cases")?
        .context("write the cases")?;

    let text = String::from_utf8(answered.stdout).context("read its answers")?;
    let cases = text.lines().map(serde_json::from_str);
    let cases = cases.collect::<Result<Vec<Value>, _>>();
    Ok(Recording {
        by: versions.trim().to_owned(),
        cases: cases.context("read its answers")?,
    })
}
