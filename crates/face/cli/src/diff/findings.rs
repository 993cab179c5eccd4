//! Differences and how they are printed. Pure.
//!
//! A value is printed as `before → after`, an absent one as `-`. Of a text with several lines only
//! the changed lines are shown. Values of Secrets were masked before they were compared.

use std::fmt::Write as _;

use lode_merge::diff::Difference;
use lode_object::{Id, Value};

/// Longest value printed, in characters.
const VALUE_MAX: usize = 200;
/// Most lines of one text printed.
const LINES_MAX: usize = 100;

/// One object that a reconcile would change.
#[derive(Debug, PartialEq)]
pub(super) struct Finding {
    /// Which object.
    pub(super) id: Id,
    /// What would happen to it.
    pub(super) change: ForeseenChange,
}

/// What would happen to an object.
#[derive(Debug, PartialEq)]
pub(super) enum ForeseenChange {
    /// It does not exist and would be created.
    Created,
    /// Its fields differ; the first side of each difference is the live one.
    Drifted(Vec<Difference>),
    /// It would be deleted and created again, because a field is immutable.
    Recreated,
    /// The source no longer contains it, so it would be deleted.
    Pruned,
}

/// Returns findings as text.
pub(super) fn text(findings: &[Finding]) -> String {
    let mut out = String::new();
    for Finding { id, change } in findings {
        let word = match change {
            ForeseenChange::Created => "created",
            ForeseenChange::Drifted(_) => "drifted",
            ForeseenChange::Recreated => "recreated",
            ForeseenChange::Pruned => "deleted",
        };
        // Writing to a `String` cannot fail.
        let _ = writeln!(out, "► {id} {word}");
        if let ForeseenChange::Drifted(differences) = change {
            for difference in differences {
                field(&mut out, difference);
            }
        }
    }
    out
}

fn field(
    out: &mut String,
    Difference {
        path,
        desired: before,
        live: after,
    }: &Difference,
) {
    match (before, after) {
        (Some(Value::String(before)), Some(Value::String(after)))
            if before.contains('\n') || after.contains('\n') =>
        {
            let _ = writeln!(out, "  {path}:");
            lines(out, before, after);
        }
        (before, after) => {
            let _ = writeln!(
                out,
                "  {path}: {} → {}",
                side(before.as_ref()),
                side(after.as_ref())
            );
        }
    }
}

fn side(value: Option<&Value>) -> String {
    let text = match value {
        None => return "-".to_owned(),
        Some(Value::String(text)) if is_plain(text) => text.clone(),
        Some(other) => other.to_string(),
    };
    cut(&text, VALUE_MAX)
}

/// Returns whether a text can be printed without quotes: it is not empty and cannot be mistaken for
/// another value.
fn is_plain(text: &str) -> bool {
    let reads_as_text = serde_json::from_str::<Value>(text).is_err();
    reads_as_text
        && text != "-"
        && text.trim() == text
        && !text.is_empty()
        && !text.contains(char::is_control)
}

fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}

/// Prints the lines that differ: all lines between the equal ones at the start and at the end.
fn lines(out: &mut String, before: &str, after: &str) {
    let (before, after): (Vec<_>, Vec<_>) =
        (before.split('\n').collect(), after.split('\n').collect());
    let start = before
        .iter()
        .zip(&after)
        .take_while(|(a, b)| a == b)
        .count();
    let (before, after) = (&before[start..], &after[start..]);
    let end = before
        .iter()
        .rev()
        .zip(after.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let sides = [
        ('-', &before[..before.len() - end]),
        ('+', &after[..after.len() - end]),
    ];
    for (sign, lines) in sides {
        for line in lines.iter().take(LINES_MAX) {
            let _ = writeln!(out, "    {sign} {}", cut(line, VALUE_MAX));
        }
        if lines.len() > LINES_MAX {
            let _ = writeln!(
                out,
                "    {sign} … and {} more lines",
                lines.len() - LINES_MAX
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use lode_merge::diff::between;
    use serde_json::json;

    use super::*;

    fn id(kind: &str, name: &str) -> Id {
        Id {
            namespace: "shop".into(),
            name: name.into(),
            group: "".into(),
            kind: kind.into(),
        }
    }

    fn drifted(kind: &str, name: &str, live: &Value, wanted: &Value) -> Finding {
        Finding {
            id: id(kind, name),
            change: ForeseenChange::Drifted(between(live, wanted)),
        }
    }

    #[test]
    fn findings_read_from_the_top() {
        let containers = |image: &str| json!([{"name": "app", "image": image}]);
        let findings = [
            Finding {
                id: id("ConfigMap", "new"),
                change: ForeseenChange::Created,
            },
            drifted(
                "Deployment",
                "web",
                &json!({"spec": {"replicas": 3, "paused": "true", "template": {"spec": {"containers": containers("web:1")}}}}),
                &json!({"spec": {"replicas": 1, "paused": true, "template": {"spec": {"containers": containers("web:2")}}}}),
            ),
            drifted(
                "ConfigMap",
                "nginx",
                &json!({"data": {"nginx.conf": "a\nb\nc\n", "empty": ""}}),
                &json!({"data": {"nginx.conf": "a\nB\nb2\nc\n"}}),
            ),
            drifted(
                "Secret",
                "keys",
                &json!({"kind": "Secret", "data": {"token": "b25l"}}),
                &json!({"kind": "Secret", "data": {"token": "dHdv"}}),
            ),
            Finding {
                id: id("Job", "migrate"),
                change: ForeseenChange::Recreated,
            },
            Finding {
                id: id("Service", "old"),
                change: ForeseenChange::Pruned,
            },
        ];
        insta::assert_snapshot!(text(&findings), @r#"
        ► ConfigMap/shop/new created
        ► Deployment/shop/web drifted
          .spec.paused: "true" → true
          .spec.replicas: 3 → 1
          .spec.template.spec.containers[name=app].image: web:1 → web:2
        ► ConfigMap/shop/nginx drifted
          .data.empty: "" → -
          .data["nginx.conf"]:
            - b
            + B
            + b2
        ► Secret/shop/keys drifted
          .data.token: *** (before) → *** (after)
        ► Job/shop/migrate recreated
        ► Service/shop/old deleted
        "#);
    }

    #[test]
    fn nothing_of_a_secret_is_printed() {
        let live = json!({"kind": "Secret", "data": {"token": "aHVudGVyMg=="}});
        let wanted =
            json!({"kind": "Secret", "data": {"token": "aHVudGVyMw==", "more": "aHVudGVyNA=="}});
        assert!(!text(&[drifted("Secret", "keys", &live, &wanted)]).contains("aHVudGVy"));
    }

    #[test]
    fn long_values_are_cut() {
        let long = "x".repeat(300);
        assert!(side(Some(&json!(long))).ends_with("x… (300 bytes)"));
    }
}
