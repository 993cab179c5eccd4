//! Replays what kubectl sent, request by request in the original order, with the values that the
//! server under test chose in place of those the recorded one chose.
//!
//! Protobuf bodies are sent as recorded. Of protobuf answers, and of documents too large to be
//! recorded, only the status and that there is a body are compared. Watches run in the background
//! as kubectl's did; their first events are compared at the end.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::Result;
use regex::{Captures, Regex};
use serde_json::Value;

use super::lines::lines;
use super::report::Report;
use super::same::{Difference, Same};
use super::scenarios::columns;
use super::server::{Answer, Call, Server};
use super::streams::{Events, without_bookmarks};
use super::target::Running;
use super::text::Sort;

/// Attempts of a read, because controllers inside the server take a moment.
const TRIES: usize = 4;
const TRY_EVERY: Duration = Duration::from_millis(400);
/// Longest wait for the events of a watch after everything was sent.
const EVENTS_WITHIN: Duration = Duration::from_secs(3);
/// Request headers that are sent as recorded; conditions and impersonation are handled separately.
const SENT: [&str; 4] = ["accept", "content-type", "user-agent", "kubectl-command"];

#[expect(
    clippy::expect_used,
    reason = "the expressions are constants, and tests read them"
)]
static CHOSEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?P<uid>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"#,
        r#"|(?P<before>resourceVersion=|"resourceVersion":"|"path":"/metadata/resourceVersion","value":")(?P<version>[1-9]\d*)"#,
        r#"|(?P<rest>continue=)(?P<token>[\w-]+)"#,
    ))
    .expect("a valid expression")
});

/// One run.
struct Replay<'r> {
    server: &'r Server,
    same: Same,
    watches: Vec<Watch>,
}

/// A running watch, and the line it was recorded in.
struct Watch {
    line: Value,
    events: Events,
}

/// Replays all commands whose text contains `only`.
pub(super) fn replay(
    corpus: &Path,
    running: &Running,
    only: &str,
    report: &mut Report,
) -> Result<()> {
    let mut replay = Replay {
        server: &running.server,
        same: Same::default(),
        watches: Vec::new(),
    };
    let mut requests = lines(&corpus.join("kubectl.jsonl"))?;
    // The recording is in the order of ends, and watches end late.
    requests.sort_by_key(|line| line["seq"].as_u64());
    for line in requests
        .into_iter()
        .filter(|line| text(line, "cmd").contains(only))
    {
        let failed = |error| vec![Difference::of("request", "an answer", format!("{error:#}"))];
        if text(&line, "path").contains("watch=true") {
            match replay.watch(&line) {
                Ok(events) => replay.watches.push(Watch { line, events }),
                Err(error) => report.add(text(&line, "cmd"), &shown(&line), &failed(error)),
            }
            continue;
        }
        let differences = replay.request(&line).unwrap_or_else(failed);
        report.add(text(&line, "cmd"), &shown(&line), &differences);
    }
    for watch in std::mem::take(&mut replay.watches) {
        report.add("watches", &shown(&watch.line), &replay.events(&watch)?);
    }
    Ok(())
}

impl Replay<'_> {
    fn request(&mut self, line: &Value) -> Result<Vec<Difference>> {
        let call = self.call(line);
        let mut tries = if call.method == "GET" { TRIES } else { 1 };
        loop {
            let answer = self.server.call(&call)?;
            let mut same = self.same.clone();
            let differences = compare(&mut same, line, &answer);
            tries -= 1;
            if differences.is_empty() || tries == 0 {
                if let (Some(recorded), live) =
                    (line["respHeaders"]["etag"].as_str(), answer.header("etag"))
                {
                    same.bind(Sort::Tag, recorded, live);
                }
                self.same = same;
                return Ok(differences);
            }
            std::thread::sleep(TRY_EVERY);
        }
    }

    fn watch(&mut self, line: &Value) -> Result<Events> {
        let call = self.call(line);
        Ok(Events::collect(self.server.open(&call)?))
    }

    fn events(&mut self, watch: &Watch) -> Result<Vec<Difference>> {
        let recorded = match &watch.line["respBody"] {
            Value::String(text) => Answer::of_text(text).values()?,
            Value::Null => Vec::new(),
            event => vec![event.clone()],
        };
        let recorded = without_bookmarks(recorded);
        let found = watch.events.first(recorded.len(), EVENTS_WITHIN);
        Ok(self.same.compare(&recorded.into(), &found.into()))
    }

    fn call(&mut self, line: &Value) -> Call {
        let recorded = text(line, "path");
        let path = match recorded.split_once("&timeout=") {
            // Documents have other URLs on another server; its index contained them.
            Some((document, timeout)) if document.contains("?hash=") => {
                format!(
                    "{}&timeout={timeout}",
                    self.same.live(Sort::Url, document).unwrap_or(document)
                )
            }
            _ => translated(&self.same, recorded),
        };
        let mut call = Call::new(text(line, "method"), path);
        for name in SENT {
            if let Some(value) = line["reqHeaders"][name].as_str() {
                call = call.header(name, value);
            }
        }
        if let Some(tag) = line["reqHeaders"]["if-none-match"].as_str() {
            call = call.header(
                "if-none-match",
                self.same.live(Sort::Tag, tag).unwrap_or(tag),
            );
        }
        if let Some(user) = text(line, "cmd")
            .split("--as=")
            .nth(1)
            .and_then(|rest| rest.split(' ').next())
        {
            call = call.header("Impersonate-User", user);
        }
        let body = match &line["reqBody"] {
            Value::Null => return call,
            Value::String(binary) => binary.clone(),
            body => translated(&self.same, &body.to_string()),
        };
        call.body = Some(body.into_bytes());
        call
    }
}

/// Replaces what the recorded server chose with what this server chose.
fn translated(same: &Same, text: &str) -> String {
    let live = |sort, text: &str| same.live(sort, text).map(str::to_owned);
    let replace = |captures: &Captures<'_>| {
        if let Some(uid) = captures.name("uid") {
            return live(Sort::Uid, uid.as_str()).unwrap_or_else(|| uid.as_str().to_owned());
        }
        if let (Some(before), Some(version)) = (captures.name("before"), captures.name("version")) {
            let version = version.as_str();
            let live = live(Sort::Version, version).or_else(|| live(Sort::List, version));
            return format!(
                "{}{}",
                before.as_str(),
                live.unwrap_or_else(|| version.to_owned())
            );
        }
        let token = captures.name("token").map_or("", |token| token.as_str());
        format!(
            "continue={}",
            live(Sort::Continue, token).unwrap_or_else(|| token.to_owned())
        )
    };
    CHOSEN.replace_all(text, replace).into_owned()
}

fn compare(same: &mut Same, line: &Value, answer: &Answer) -> Vec<Difference> {
    if line["status"] == 304
        && answer.status == 200
        && line["reqHeaders"]["if-none-match"].is_null()
    {
        // The recording lacks the header with which kubectl's cache asks whether the document has
        // changed.
        return Vec::new();
    }
    let mut differences = Vec::new();
    if line["status"] != answer.status {
        differences.push(Difference::of("status", &line["status"], answer.status));
    }
    let warning = |value: &Value| {
        value
            .as_array()
            .and_then(|all| all.first())
            .unwrap_or(value)
            .as_str()
            .map(str::to_owned)
    };
    let (expected, found) = (
        warning(&line["respHeaders"]["warning"]).unwrap_or_default(),
        answer.header("warning"),
    );
    if expected != found {
        differences.push(Difference::of("warning", expected, found));
    }
    match (&line["respBody"], answer.json()) {
        (Value::String(recorded), _) => {
            if recorded.is_empty() != answer.body.is_empty() {
                differences.push(Difference::of(
                    "size",
                    &line["respBytes"],
                    answer.body.len(),
                ));
            }
        }
        (Value::Null, _) => {}
        // The initial roles depend on a server's version and setup.
        (recorded, Some(found)) if text(line, "path").contains("/clusterroles?") => {
            let (recorded, found) = columns(recorded, &found);
            differences.extend(same.compare(&recorded, &found));
        }
        (recorded, Some(found)) => differences.extend(same.compare(recorded, &found)),
        (recorded, None) => differences.push(Difference::of("", recorded, answer.text())),
    }
    differences
}

fn text<'l>(line: &'l Value, field: &str) -> &'l str {
    line[field].as_str().unwrap_or_default()
}

fn shown(line: &Value) -> String {
    let path: String = text(line, "path").chars().take(160).collect();
    format!("{} {} {path}", line["seq"], text(line, "method"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_recorded_server_chose_is_translated() {
        let (one, other) = (
            "11111111-1111-1111-1111-111111111111",
            "22222222-2222-2222-2222-222222222222",
        );
        let mut same = Same::default();
        same.bind(Sort::Uid, one, other);
        same.bind(Sort::Version, "213", "77");
        same.bind(Sort::Continue, "abc", "def");
        let found = translated(
            &same,
            &format!("?uid={one}&resourceVersion=213&continue=abc&resourceVersion=0"),
        );
        assert_eq!(
            found,
            format!("?uid={other}&resourceVersion=77&continue=def&resourceVersion=0")
        );
        assert_eq!(
            translated(&same, r#"{"resourceVersion":"213"}"#),
            r#"{"resourceVersion":"77"}"#
        );
    }
}
