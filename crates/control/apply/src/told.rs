//! What is reported of a refusal.
//!
//! Pure: what may be told of the object and the server's answer in, words out. About an object that was built with values
//! from Secrets the server's own sentences are never repeated: they quote values as they like. Told are the reason, the
//! paths of fields as far as their words stand in the source, and which right is missing.

use lode_cluster::{Error as ClusterError, Status};
use lode_object::secrecy::HIDDEN;
use lode_object::{Id, Secrecy};

/// Most fields that are reported.
const FIELDS_MAX: usize = 5;
/// Said in place of the server's words.
const LEFT_OUT: &str = "what else the server says is left out, it may hold values from Secrets";

/// Returns the server's words, or what may be told of them.
pub(crate) fn told(secrecy: &Secrecy, id: &Id, cause: &ClusterError) -> String {
    let status = match cause.status() {
        Some(status) if !secrecy.is_open() => status,
        _ => return cause.to_string(),
    };
    if status.code == 404
        && *status.message == *format!("namespaces \"{}\" not found", id.namespace)
    {
        return format!("namespaces \"{}\" not found", secrecy.masked(id).namespace);
    }

    let said = missing_right(&status.message, secrecy, id)
        .into_iter()
        .chain(fields(status, secrecy));
    let said: Vec<String> = said.chain([LEFT_OUT.to_owned()]).collect();
    said.join("; ")
}

/// Returns which right is missing, in the words of Kubernetes, from parts that hold nothing of an object's contents.
fn missing_right(message: &str, secrecy: &Secrecy, id: &Id) -> Option<String> {
    let (_, rest) = message.split_once("User \"")?;
    let (user, rest) = rest.split_once("\" cannot ")?;
    let (verb, rest) = rest.split_once(" resource \"")?;
    let (resource, _) = rest.split_once('"')?;
    let is_account = user
        .strip_prefix("system:serviceaccount:")
        .is_some_and(|rest| is_plain(rest, b":.-"));
    if !is_account || !is_plain(verb, b"") || !is_plain(resource, b"/") {
        return None;
    }
    let place = if id.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace \"{}\"", secrecy.masked(id).namespace)
    };
    Some(format!(
        "User \"{user}\" cannot {verb} resource \"{resource}\" {place}"
    ))
}

/// Returns the fields at fault: those of the causes, or else what looks like a path in the message.
fn fields(status: &Status, secrecy: &Secrecy) -> Vec<String> {
    let causes = status
        .details
        .iter()
        .flat_map(|details| &details.causes)
        .filter(|cause| !cause.field.is_empty());
    let mut fields: Vec<String> = Vec::new();
    for cause in causes {
        let reason = if is_plain(&cause.reason, b"") {
            &*cause.reason
        } else {
            ""
        };
        fields.push(
            format!("{} {reason}", secrecy.path(&cause.field))
                .trim_end()
                .to_owned(),
        );
    }
    if fields.is_empty() {
        let words = status
            .message
            .split_whitespace()
            .map(|word| word.trim_matches(|c: char| ":,;()\"'".contains(c)));
        fields.extend(
            words
                .filter(|word| word.contains(['.', '[']))
                .filter_map(|word| path_in(word, secrecy)),
        );
    }
    fields.dedup();
    fields.truncate(FIELDS_MAX);
    fields
}

/// Returns a word of a sentence if it is a path of which all is known.
fn path_in(word: &str, secrecy: &Secrecy) -> Option<String> {
    // `ObjectMeta.spec.template` is how Go says it.
    let path = word
        .find(".spec")
        .or_else(|| word.find(".metadata"))
        .or_else(|| word.find(".data"));
    let path = secrecy.path(path.map_or(word, |at| &word[at..]));
    (starts_at_the_root(&path) && secrecy.words().is_some() && !path.contains(HIDDEN))
        .then_some(path)
}

fn starts_at_the_root(path: &str) -> bool {
    let first = path
        .trim_start_matches('.')
        .split(['.', '['])
        .next()
        .unwrap_or_default();
    [
        "spec",
        "metadata",
        "data",
        "stringData",
        "rules",
        "subjects",
    ]
    .contains(&first)
}

fn is_plain(text: &str, more: &[u8]) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id() -> Id {
        Id {
            namespace: "ns".into(),
            name: "x".into(),
            group: "apps".into(),
            kind: "Deployment".into(),
        }
    }

    fn built() -> Secrecy {
        let before = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "namespace": "ns",
            "labels": {"l": "${P}"}}, "spec": {"replicas": "${P}", "template": {"spec": {"containers": [{"name": "a"}]}}}});
        Secrecy::built(lode_object::Words::of(&before), &id())
    }

    fn said(secrecy: &Secrecy, code: u16, message: &str, causes: &serde_json::Value) -> String {
        let status = json!({"code": code, "reason": "Invalid", "message": message, "details": {"causes": causes}});
        told(
            secrecy,
            &id(),
            &ClusterError::Refused(Box::new(serde_json::from_value(status).unwrap())),
        )
    }

    #[test]
    fn fields_are_told_and_values_are_not() {
        let causes = json!([
            {"reason": "FieldValueInvalid", "field": "metadata.labels", "message": "Invalid value: \"hunter2!\""},
            {"reason": "FieldValueInvalid", "field": "data[hunter2/]", "message": "Invalid value: \"hunter2/\""},
            {"reason": "hunter2 HUNTER2", "field": "spec.template.spec.containers[0].name", "message": "aHVudGVyMg=="},
        ]);
        let text = said(
            &built(),
            422,
            "Deployment \"x\" is invalid: Invalid value: \"hunter2\"",
            &causes,
        );
        assert_eq!(
            text,
            format!(
                "metadata.labels FieldValueInvalid; data[*] FieldValueInvalid; \
                 spec.template.spec.containers[0].name; {LEFT_OUT}"
            )
        );
    }

    #[test]
    fn a_path_in_a_sentence_is_told_if_all_of_it_is_known() {
        let none = json!([]);
        let typed = "failed to create typed patch object (ns/x; apps/v1, Kind=Deployment): .spec.replicas: expected \
                     numeric (int or float), got &value.valueUnstructured{Value:\"hunter2\"}";
        assert_eq!(
            said(&built(), 500, typed, &none),
            format!(".spec.replicas; {LEFT_OUT}")
        );
        for quoting in [
            "spec.hunter2: no",
            "hunter2.spec.hunter2",
            "say \"data.hunter2\" twice",
            "HUNTER2",
            "\\u0068unter2",
        ] {
            assert!(
                !said(&built(), 400, quoting, &none)
                    .to_lowercase()
                    .contains("unter2"),
                "{quoting}"
            );
        }
    }

    #[test]
    fn the_missing_right_is_told_and_nothing_that_only_looks_like_one() {
        let none = json!([]);
        let forbidden = "deployments.apps \"x\" is forbidden: User \"system:serviceaccount:ns:tenant\" cannot patch \
                         resource \"deployments\" in API group \"apps\" in the namespace \"ns\"";
        let right = "User \"system:serviceaccount:ns:tenant\" cannot patch resource \"deployments\" in the namespace \"ns\"";
        assert_eq!(
            said(&built(), 403, forbidden, &none),
            format!("{right}; {LEFT_OUT}")
        );
        let forged = "User \"hunter2\" cannot be resource \"hunter2\"";
        assert_eq!(said(&built(), 403, forged, &none), LEFT_OUT);
        assert_eq!(
            said(&built(), 404, "namespaces \"ns\" not found", &none),
            "namespaces \"ns\" not found"
        );
    }

    #[test]
    fn of_an_open_object_all_is_told_and_of_a_secret_its_keys() {
        let causes =
            json!([{"reason": "FieldValueInvalid", "field": "data[token]", "message": "hunter2"}]);
        assert_eq!(
            said(&Secrecy::default(), 422, "what it says", &causes),
            "what it says"
        );
        let secret = Secrecy::of(&json!({"kind": "Secret"}));
        assert_eq!(
            said(&secret, 422, "hunter2", &causes),
            format!("data[token] FieldValueInvalid; {LEFT_OUT}")
        );
        assert_eq!(
            said(&secret, 400, "illegal base64 data.hunter2", &json!([])),
            LEFT_OUT
        );
    }
}
