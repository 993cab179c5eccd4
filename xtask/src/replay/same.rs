//! [`Same`]: whether two servers answered alike.
//!
//! Values that a server chooses are compared by pattern: a uid or resource version that was new on
//! one side must be new on the other, and a repeated one must be the same repeated one. Times must
//! have the same form, unless they were sent. The revision of a list must only be a number. For
//! discovery and `OpenAPI`, everything on the first side must be on the second, which may have
//! more.

use std::collections::HashMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Map, Value};

use super::text::{Sort, are_shuffled, is_age, parts};

/// What is known about two servers so far.
#[derive(Clone, Default)]
pub(crate) struct Same {
    bound: HashMap<(Sort, String), String>,
    back: HashMap<(Sort, String), String>,
    /// Everything sent: what a client wrote must come back unchanged.
    sent: String,
    /// Whether the second side may have more.
    more: bool,
}

/// Where two answers differ.
#[derive(Debug)]
pub(crate) struct Difference {
    pub(crate) path: String,
    expected: String,
    found: String,
}

/// Longest value shown.
const SHOWN_MAX: usize = 240;
/// Documents that may hold more on the second side.
const DISCOVERY: [&str; 5] = [
    "APIVersions",
    "APIGroupList",
    "APIGroup",
    "APIResourceList",
    "APIGroupDiscoveryList",
];
/// Fields that identify the entries of discovery.
const IDENTITIES: [&str; 7] = [
    "name",
    "groupVersion",
    "version",
    "resource",
    "subresource",
    "clientCIDR",
    "responseKind",
];
/// The algorithms of token signatures depend on the server's keys.
const ALGORITHMS: &str = "id_token_signing_alg_values_supported";
/// Documents of servers that issue tokens.
const ISSUING: [&str; 2] = [
    "paths..well-known/openid-configuration",
    "paths.openid/v1/jwks",
];
/// Ports chosen by the server.
const NODE_PORTS: std::ops::RangeInclusive<u64> = 30_000..=32_767;

impl Difference {
    /// Returns a difference outside bodies.
    pub(crate) fn of(path: &str, expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        Self {
            path: path.to_owned(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    fn values(path: &str, expected: Option<&Value>, found: Option<&Value>) -> Self {
        let shown = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
        Self::of(path, shown(expected), shown(found))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |text: &str| text.chars().take(SHOWN_MAX).collect::<String>();
        write!(
            formatter,
            "{}: {} and not {}",
            self.path,
            short(&self.found),
            short(&self.expected)
        )
    }
}

impl Same {
    /// Records what was sent.
    pub(crate) fn note_sent(&mut self, text: &str) {
        self.sent.push_str(text);
        self.sent.push('\n');
    }

    /// Returns the second side's counterpart of a value of the first.
    pub(crate) fn live(&self, sort: Sort, text: &str) -> Option<&str> {
        self.bound.get(&(sort, text.to_owned())).map(String::as_str)
    }

    /// Binds two values to each other; returns whether that agrees with earlier bindings.
    pub(crate) fn bind(&mut self, sort: Sort, expected: &str, found: &str) -> bool {
        let known = self
            .bound
            .insert((sort, expected.to_owned()), found.to_owned());
        let back = self
            .back
            .insert((sort, found.to_owned()), expected.to_owned());
        match known {
            Some(known) => known == found,
            None => back.is_none(),
        }
    }

    /// Compares two bodies.
    pub(crate) fn compare(&mut self, expected: &Value, found: &Value) -> Vec<Difference> {
        let kind = expected["kind"].as_str().unwrap_or_default();
        self.more = DISCOVERY.contains(&kind)
            || expected.get("paths").is_some()
            || expected.get("gitVersion").is_some();
        let mut differences = Vec::new();
        self.value("", expected, found, &mut differences);
        differences
    }

    fn value(&mut self, path: &str, expected: &Value, found: &Value, out: &mut Vec<Difference>) {
        let key = path.rsplit('.').next().unwrap_or_default();
        if key == "description" && path.contains("columnDefinitions.") {
            // Servers describe columns in their own words.
            return;
        }
        let alike = match (expected, found) {
            (Value::Object(expected), Value::Object(found)) => {
                return self.object(path, expected, found, out);
            }
            (Value::Array(expected), Value::Array(found)) => {
                return self.array(path, expected, found, out);
            }
            (Value::String(expected), Value::String(found)) => {
                let known = self.known(key, expected);
                if !self.string(key, expected, found) && !path.starts_with(ALGORITHMS) {
                    out.push(Difference::of(
                        path,
                        format!("{expected:?}{known}"),
                        format!("{found:?}"),
                    ));
                }
                return;
            }
            (Value::Number(_), Value::Number(_)) if key == "nodePort" => {
                let chosen =
                    |port: &Value| port.as_u64().is_some_and(|port| NODE_PORTS.contains(&port));
                expected == found || chosen(expected) && chosen(found)
            }
            _ => expected == found,
        };
        if !alike {
            out.push(Difference::values(path, Some(expected), Some(found)));
        }
    }

    /// Returns the second side's counterpart of a uid or resource version, for messages.
    fn known(&self, key: &str, expected: &str) -> String {
        let sort = if key == "resourceVersion" {
            Sort::Version
        } else {
            Sort::Uid
        };
        self.live(sort, expected)
            .map_or(String::new(), |other| format!(" (here {other:?})"))
    }

    fn object(
        &mut self,
        path: &str,
        expected: &Map<String, Value>,
        found: &Map<String, Value>,
        out: &mut Vec<Difference>,
    ) {
        let generated = expected.contains_key("generateName") && found.contains_key("generateName");
        if let (true, Some(expected), Some(found)) = (
            generated,
            expected.get("name").and_then(Value::as_str),
            found.get("name").and_then(Value::as_str),
        ) {
            self.bind(Sort::Name, expected, found);
        }
        let whole_store = is_of_whole_store(expected);
        let mut matched = Vec::new();
        for (key, value) in expected {
            let (at, other) = (join(path, key), self.other_key(key, expected, found));
            let Some((other, found)) = other.and_then(|other| found.get_key_value(&other)) else {
                // Only servers that issue tokens have these fields.
                if !ISSUING.contains(&&*at) {
                    out.push(Difference::values(&at, Some(value), None));
                }
                continue;
            };
            matched.push(other);
            if key == "metadata" && whole_store {
                self.list_metadata(&at, value, found, out);
            } else {
                self.value(&at, value, found, out);
            }
        }
        for (key, value) in found
            .iter()
            .filter(|(key, _)| !self.more && !matched.contains(key))
        {
            out.push(Difference::values(&join(path, key), None, Some(value)));
        }
    }

    /// Returns the key on the second side: the same one, or one that differs only in uids, as
    /// fields of owner references do.
    fn other_key(
        &mut self,
        key: &str,
        expected: &Map<String, Value>,
        found: &Map<String, Value>,
    ) -> Option<String> {
        if found.contains_key(key) {
            return Some(key.to_owned());
        }
        if !key.starts_with("k:") {
            return None;
        }
        let mut others = found.keys().filter(|other| !expected.contains_key(*other));
        others.find(|other| self.text(key, other)).cloned()
    }

    /// Compares the metadata of a list, table or bookmark: its resource version is that of the
    /// whole store.
    fn list_metadata(
        &mut self,
        path: &str,
        expected: &Value,
        found: &Value,
        out: &mut Vec<Difference>,
    ) {
        let (mut expected, mut found) = (expected.clone(), found.clone());
        let version = |of: &mut Value| {
            of.as_object_mut()
                .and_then(|of| of.remove("resourceVersion"))
        };
        let (left, right) = (version(&mut expected), version(&mut found));
        let text = |of: &Option<Value>| {
            of.as_ref()
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let number = |of: &Option<Value>| text(of).parse::<u64>().is_ok();
        if number(&left) == number(&right) {
            self.bind(Sort::List, &text(&left), &text(&right));
        } else {
            out.push(Difference::values(
                &join(path, "resourceVersion"),
                left.as_ref(),
                right.as_ref(),
            ));
        }

        self.value(path, &expected, &found, out);
    }

    fn array(
        &mut self,
        path: &str,
        expected: &[Value],
        found: &[Value],
        out: &mut Vec<Difference>,
    ) {
        if self.more {
            return self.some_of(path, expected, found, out);
        }
        if expected.len() != found.len() {
            let shown = |of: &[Value]| format!("{} items {}", of.len(), Value::from(of.to_vec()));
            out.push(Difference::of(path, shown(expected), shown(found)));
            return;
        }
        let key = path.rsplit('.').next().unwrap_or_default();
        let (expected, found) = (in_order(key, expected), in_order(key, found));
        for (number, (expected, found)) in expected.into_iter().zip(found).enumerate() {
            self.value(&format!("{path}.{number}"), expected, found, out);
        }
    }

    /// Compares every entry of the first side with the entry of the same name on the second.
    fn some_of(
        &mut self,
        path: &str,
        expected: &[Value],
        found: &[Value],
        out: &mut Vec<Difference>,
    ) {
        for entry in expected {
            let name = identity(entry);
            let at = join(path, &name);
            match found.iter().find(|other| identity(other) == name) {
                Some(other) => self.value(&at, entry, other, out),
                None => out.push(Difference::values(&at, Some(entry), None)),
            }
        }
    }

    fn string(&mut self, key: &str, expected: &str, found: &str) -> bool {
        match key {
            "resourceVersion" => self.bind(Sort::Version, expected, found),
            "continue" => {
                self.bind(Sort::Continue, expected, found);
                rest(expected) == rest(found)
            }
            "serverRelativeURL" => {
                self.bind(Sort::Url, expected, found);
                true
            }
            "storageVersionHash"
            | "gitVersion"
            | "gitCommit"
            | "gitTreeState"
            | "buildDate"
            | "goVersion"
            | "compiler"
            | "platform"
            | "emulationMinor"
            | "minCompatibilityMinor" => true,
            _ => self.text(expected, found) || is_age(expected) && is_age(found),
        }
    }

    fn text(&mut self, expected: &str, found: &str) -> bool {
        let mut expected = expected.to_owned();
        for ((sort, name), other) in &self.bound {
            if *sort == Sort::Name {
                expected = expected.replace(name, other);
            }
        }
        let (left, right) = (parts(&expected), parts(found));
        let alike = left.len() == right.len()
            && left.iter().zip(&right).all(|(left, right)| {
                left.sort == right.sort && self.part(left.sort, left.text, right.text)
            });
        alike || are_shuffled(&expected, found)
    }

    fn part(&mut self, sort: Sort, expected: &str, found: &str) -> bool {
        let exact = || self.sent.contains(expected);
        match sort {
            Sort::Uid if !exact() => self.bind(sort, expected, found),
            Sort::Address if expected != found && !exact() => self.bind(sort, expected, found),
            Sort::Time if !exact() => expected.len() == found.len(),
            Sort::Anything => true,
            _ => expected == found,
        }
    }
}

/// Returns whether this is a list, a table, or a bookmark of a watch.
fn is_of_whole_store(object: &Map<String, Value>) -> bool {
    let bookmark = object
        .get("metadata")
        .is_some_and(|metadata| metadata.get("name").is_none());
    object.contains_key("items")
        || object.get("kind").is_some_and(|kind| kind == "Table")
        || bookmark
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// Returns values in a canonical order: causes come in any order, and field owners in the order of
/// seconds.
fn in_order<'v>(key: &str, values: &'v [Value]) -> Vec<&'v Value> {
    let mut values: Vec<&Value> = values.iter().collect();
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    match key {
        "causes" => values.sort_by_key(|value| (text(value, "field"), text(value, "message"))),
        "managedFields" => values.sort_by_key(|value| {
            (
                text(value, "manager"),
                text(value, "operation"),
                text(value, "apiVersion"),
                text(value, "subresource"),
            )
        }),
        _ => {}
    }
    values
}

/// Returns what identifies an entry of discovery: its naming fields, or the entry itself.
fn identity(entry: &Value) -> String {
    if let Some(text) = entry.as_str() {
        return text.to_owned();
    }
    let own = IDENTITIES.iter().filter_map(|field| entry[field].as_str());
    let names: Vec<&str> = own.chain(entry["metadata"]["name"].as_str()).collect();
    names.join(" ")
}

/// Returns a continue token without its revision.
fn rest(token: &str) -> Option<(String, String)> {
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(token)
        .or_else(|_| STANDARD_NO_PAD.decode(token));
    let token: Value = serde_json::from_slice(&bytes.ok()?).ok()?;
    let known = token["rv"].is_i64();
    known.then(|| (token["v"].to_string(), token["start"].to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn differences(same: &mut Same, expected: &Value, found: &Value) -> Vec<String> {
        same.compare(expected, found)
            .iter()
            .map(|difference| difference.path.clone())
            .collect()
    }

    fn object(uid: char, version: &str) -> Value {
        let uid = format!("{}-0000-0000-0000-000000000000", uid.to_string().repeat(8));
        json!({"metadata": {"name": "a", "uid": uid, "resourceVersion": version}})
    }

    #[test]
    fn a_resource_version_that_did_not_change_must_not_change_elsewhere() {
        let mut same = Same::default();
        assert!(differences(&mut same, &object('a', "5"), &object('b', "70")).is_empty());
        assert!(differences(&mut same, &object('a', "5"), &object('b', "70")).is_empty());
        assert_eq!(
            differences(&mut same, &object('a', "5"), &object('b', "71")),
            ["metadata.resourceVersion"]
        );
        assert_eq!(
            differences(&mut same, &object('a', "6"), &object('b', "71")),
            ["metadata.resourceVersion"]
        );
    }

    #[test]
    fn a_difference_says_what_a_version_is_called_on_the_second_side() {
        let mut same = Same::default();
        same.compare(&object('a', "5"), &object('b', "70"));
        let difference = same
            .compare(&object('a', "5"), &object('b', "71"))
            .remove(0);
        assert_eq!(
            difference.to_string(),
            r#"metadata.resourceVersion: "71" and not "5" (here "70")"#
        );
    }

    #[test]
    fn another_uid_than_before_is_seen() {
        let mut same = Same::default();
        assert!(differences(&mut same, &object('a', "5"), &object('b', "5")).is_empty());
        assert_eq!(
            differences(&mut same, &object('a', "5"), &object('c', "5")),
            ["metadata.uid"]
        );
    }

    #[test]
    fn a_time_that_was_sent_comes_back_as_it_was() {
        let mut same = Same::default();
        let (one, other) = (
            json!({"t": "2026-01-01T00:00:00Z"}),
            json!({"t": "2027-01-01T00:00:00Z"}),
        );
        assert!(differences(&mut same, &one, &other).is_empty());
        same.note_sent("2026-01-01T00:00:00Z");
        assert_eq!(differences(&mut same, &one, &other), ["t"]);
    }

    #[test]
    fn missing_and_further_fields_are_told_by_path() {
        let mut same = Same::default();
        let (one, other) = (
            json!({"a": {"b": 1, "c": [1, 2]}}),
            json!({"a": {"c": [1, 3], "d": null}}),
        );
        assert_eq!(
            differences(&mut same, &one, &other),
            ["a.b", "a.c.1", "a.d"]
        );
    }

    #[test]
    fn discovery_may_know_more_but_not_less() {
        let mut same = Same::default();
        let list = |names: &[&str]| {
            let groups: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
            json!({"kind": "APIGroupList", "groups": groups})
        };
        assert!(differences(&mut same, &list(&["a"]), &list(&["b", "a"])).is_empty());
        assert_eq!(
            differences(&mut same, &list(&["a", "b"]), &list(&["a"])),
            ["groups.b"]
        );
    }

    #[test]
    fn owners_of_a_field_list_may_be_named_by_uid() {
        let mut same = Same::default();
        let fields = |uid: &str| json!({format!("k:{{\"uid\":\"{uid}\"}}"): {}});
        let (one, other) = (
            "11111111-1111-1111-1111-111111111111",
            "22222222-2222-2222-2222-222222222222",
        );
        assert!(differences(&mut same, &fields(one), &fields(other)).is_empty());
    }

    #[test]
    fn generated_names_are_the_same_everywhere() {
        let mut same = Same::default();
        let named = |name: &str| json!({"metadata": {"generateName": "gen-", "name": name}});
        assert!(differences(&mut same, &named("gen-aaaaa"), &named("gen-bbbbb")).is_empty());
        let told = |name: &str| json!({"message": format!("\"{name}\" not found")});
        assert!(differences(&mut same, &told("gen-aaaaa"), &told("gen-bbbbb")).is_empty());
        assert_eq!(
            differences(&mut same, &told("gen-aaaaa"), &told("gen-ccccc")),
            ["message"]
        );
    }
}
