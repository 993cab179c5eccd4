//! Compares the types with the written contract and with what Flux's own controllers wrote.
//!
//! Input: `flux-api.md` part B of the written contract, and `flux/` of the corpus.
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

use std::collections::{BTreeMap, BTreeSet};

use cases::Score;
use lode_api::{
    GitRepository, HelmChart, HelmRelease, HelmRepository, Kind, Kustomization, OCIRepository,
    Resource, definition, helm_chart, helm_release, helm_repository, kinds, oci_repository,
};
use serde_json::{Value, json};

/// Wire fields with their description, in the notation of the contract.
type Lines = BTreeMap<String, String>;

#[test]
fn definitions_hold_the_contract_field_by_field() {
    let Some(text) = cases::spec("flux-api.md") else {
        return;
    };
    let shapes = Shapes::parse(&text);
    let mut score = Score::of_all("fields of the contract", 320);
    for definition in definitions() {
        let kind = definition["spec"]["names"]["kind"].as_str().unwrap();
        let (expected, found) = (contract(&text, &definition), shapes.render(&definition));
        for field in expected.keys().chain(found.keys()).collect::<BTreeSet<_>>() {
            let name = format!("{kind} {field}");
            score.check(&name, &found.get(field), &expected.get(field));
        }
    }
    score.finish();
}

#[test]
fn shared_shapes_have_the_fields_of_the_contract() {
    let Some(text) = cases::spec("flux-api.md") else {
        return;
    };
    let shapes = Shapes::parse(&text);
    let mut seen = BTreeSet::new();
    for definition in definitions() {
        shapes.visit(
            &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"],
            &mut seen,
        );
    }
    let used = [
        "Artifact",
        "CommonMetadata",
        "CustomHealthCheck",
        "DependencyReference",
        "HistorySnapshot",
        "Image",
        "KubeConfigRef",
        "LocalRef",
        "ObjRef",
        "Patch",
        "Selector",
        "ValuesReference",
    ];
    println!("{} of {} shared shapes", seen.len(), used.len());
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), used);
}

#[test]
fn recorded_statuses_lose_nothing() {
    let mut score = Score::of_all("recorded statuses", 100);
    for name in ["source", "sources", "kustomization", "helmrelease"] {
        let Some(scenarios) = cases::json(&format!("flux/{name}.json")) else {
            return;
        };
        let scenarios = scenarios.as_array().unwrap();
        for (scenario, object, recorded) in scenarios.iter().flat_map(recorded) {
            let written = match object.split_once('/').unwrap().0 {
                "GitRepository" => again::<GitRepository>(recorded),
                "Kustomization" => again::<Kustomization>(recorded),
                "HelmRelease" => again::<HelmRelease>(recorded),
                "OCIRepository" => again::<OCIRepository>(recorded),
                "HelmRepository" => again::<HelmRepository>(recorded),
                "HelmChart" => again::<HelmChart>(recorded),
                "Bucket" => continue,
                other => panic!("{scenario}: kind {other} is not known to this test"),
            };
            let held = holds(&written, recorded, "status");
            score.add(held.is_ok(), || {
                format!("{scenario} {object}: {}", held.unwrap_err())
            });
        }
    }
    score.finish();
}

#[test]
fn a_full_status_is_written_as_it_was_read() {
    let artifact = json!({
        "digest": "sha256:00", "lastUpdateTime": "2026-01-02T03:04:05Z", "path": "p", "revision": "main@sha1:00",
        "url": "http://host/p", "size": 12, "metadata": {"a": "b"},
    });
    let conditions = json!([{
        "type": "Ready", "status": "True", "reason": "Succeeded", "message": "",
        "lastTransitionTime": "2026-01-02T03:04:05Z", "observedGeneration": 2,
    }]);
    let include = json!([{"repository": {"name": "a"}, "fromPath": "x", "toPath": "y"}]);
    let repository = json!({
        "artifact": artifact, "conditions": conditions, "includedArtifacts": [artifact], "observedInclude": include,
        "lastHandledReconcileAt": "now", "observedGeneration": 2, "observedIgnore": "*", "sourceVerificationMode": "HEAD",
        "observedRecurseSubmodules": true, "observedSparseCheckout": ["x"],
    });
    let snapshot = json!({
        "digest": "sha256:00", "firstReconciled": "2026-01-02T03:04:05Z", "lastReconciled": "2026-01-02T03:04:05Z",
        "lastReconciledDuration": "1s", "lastReconciledStatus": "ReconciliationSucceeded", "totalReconciliations": 3,
        "metadata": {"revision": "main@sha1:00"},
    });
    let kustomization = json!({
        "conditions": conditions, "history": [snapshot], "inventory": {"entries": [{"id": "a_b__ConfigMap", "v": "v1"}]},
        "lastAppliedOriginRevision": "x", "lastAppliedRevision": "y", "lastAttemptedRevision": "z",
        "lastHandledReconcileAt": "now", "observedGeneration": 2,
    });
    let oci = json!({
        "artifact": artifact, "conditions": conditions, "lastHandledReconcileAt": "now", "observedGeneration": 2,
        "observedIgnore": "*", "observedLayerSelector": {"mediaType": "m", "operation": "copy"}, "url": "u",
    });
    let helm = json!({
        "artifact": artifact, "conditions": conditions, "lastHandledReconcileAt": "now", "observedGeneration": 2,
        "url": "u",
    });
    let chart = json!({
        "artifact": artifact, "conditions": conditions, "lastHandledReconcileAt": "now", "observedGeneration": 2,
        "observedChartName": "c", "observedSourceArtifactRevision": "r", "observedValuesFiles": ["a"], "url": "u",
    });
    assert_eq!(again::<OCIRepository>(&oci), oci);
    assert_eq!(again::<HelmRepository>(&helm), helm);
    assert_eq!(again::<HelmChart>(&chart), chart);
    assert_eq!(again::<GitRepository>(&repository), repository);
    assert_eq!(again::<Kustomization>(&kustomization), kustomization);
    assert_eq!(again::<Kustomization>(&json!({})), json!({}));
    assert_eq!(
        again::<Kustomization>(&json!({"inventory": {"entries": []}}))["inventory"],
        json!({"entries": []})
    );
}

#[test]
fn an_object_in_memory_is_lean() {
    let (repository, kustomization) = (size_of::<GitRepository>(), size_of::<Kustomization>());
    println!(
        "GitRepository {repository} bytes, Kustomization {kustomization} bytes, without their texts"
    );
    assert!(repository <= 800 && kustomization <= 1100);
}

/// Returns the definitions of all kinds that have a type, served or not.
fn definitions() -> Vec<Value> {
    let mut all = kinds::definitions();
    for definition in [
        definition::of::<oci_repository::Spec>(),
        definition::of::<helm_repository::Spec>(),
        definition::of::<helm_chart::Spec>(),
        definition::of::<helm_release::Spec>(),
    ] {
        if !all.contains(&definition) {
            all.push(definition);
        }
    }
    all
}

// === the recordings ===

/// Lists scenario, object and status of every record.
fn recorded(scenario: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let name = scenario["name"].as_str().unwrap();
    let records = scenario["expected"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|record| record["flux"].as_object());
    records
        .flatten()
        .map(move |(object, record)| (name, object.as_str(), &record["status"]))
}

/// A kind whose status can be read and written.
trait Envelope {
    fn again(status: &Value) -> Value;
}

impl<S: Kind> Envelope for Resource<S> {
    fn again(status: &Value) -> Value {
        Resource::<S>::parse(&json!({ "status": status }))
            .unwrap()
            .to_value()["status"]
            .take()
    }
}

fn again<E: Envelope>(status: &Value) -> Value {
    E::again(status)
}

/// Checks that `written` contains all of `recorded`, and otherwise only what the recording leaves
/// out because it differs between runs.
fn holds(written: &Value, recorded: &Value, place: &str) -> Result<(), String> {
    const LEFT_OUT: [&str; 3] = [
        "lastTransitionTime",
        "lastUpdateTime",
        "totalReconciliations",
    ];
    match (written, recorded) {
        (Value::Object(written), Value::Object(recorded)) => {
            let added = written
                .keys()
                .find(|key| !recorded.contains_key(*key) && !LEFT_OUT.contains(&key.as_str()));
            if let Some(added) = added {
                return Err(format!("{place}.{added} was added"));
            }
            recorded.iter().try_for_each(|(key, value)| {
                holds(
                    written.get(key).unwrap_or(&Value::Null),
                    value,
                    &format!("{place}.{key}"),
                )
            })
        }
        (Value::Array(written), Value::Array(recorded)) if written.len() == recorded.len() => {
            written
                .iter()
                .zip(recorded)
                .try_for_each(|(written, recorded)| holds(written, recorded, place))
        }
        _ if written == recorded => Ok(()),
        _ => Err(format!("{place}: {recorded} became {written}")),
    }
}

// === the contract ===

/// Reads the lines of a kind in part B.
fn contract(text: &str, definition: &Value) -> Lines {
    let spec = &definition["spec"];
    let title = format!(
        "### {} — {}/{}\n",
        spec["names"]["kind"].as_str().unwrap(),
        spec["group"].as_str().unwrap(),
        spec["versions"][0]["name"].as_str().unwrap()
    );
    let section = text
        .split_once(&title)
        .unwrap_or_else(|| panic!("no section {title}"))
        .1;
    let section = section.split("\n### ").next().unwrap();
    let mut lines = Lines::new();
    for line in section.lines().filter(|line| !line.is_empty()) {
        if let Some(field) = line.strip_prefix("- `") {
            let (name, about) = field.split_once('`').unwrap();
            lines.insert(name.to_owned(), about.to_owned());
        } else if let Some(part) = line.strip_prefix("**") {
            let (name, about) = part.split_once("**").unwrap();
            lines.insert(name.to_owned(), about.to_owned());
        } else if let Some(columns) = line.strip_prefix("printer columns: ") {
            lines.insert("printer columns".to_owned(), columns.to_owned());
        } else {
            lines.insert("names".to_owned(), line.to_owned());
        }
    }
    lines
}

/// The shared shapes of part B: name and fields, the required ones marked with `*`.
struct Shapes(Vec<(String, BTreeSet<String>)>);

impl Shapes {
    fn parse(text: &str) -> Self {
        let line = text
            .lines()
            .find(|line| line.starts_with("Shared types: "))
            .unwrap();
        let mut shapes = Vec::new();
        for part in line.trim_start_matches("Shared types: ").split("; `") {
            let Some((name, fields)) = part.trim_start_matches('`').split_once("` = {") else {
                continue;
            };
            let end = fields.rfind('}').unwrap();
            shapes.push((name.to_owned(), fields_of(&fields[..end])));
        }
        // Written out at each use rather than listed among the shared shapes.
        let object = fields_of("apiVersion, kind*, name*, namespace");
        shapes.push(("ObjRef".to_owned(), object));
        Self(shapes)
    }

    /// Returns the name of the shape that a schema has.
    fn of(&self, schema: &Value) -> Option<&str> {
        let fields = own_fields(schema)?;
        let bare: BTreeSet<String> = fields
            .iter()
            .map(|field| field.trim_end_matches('*').to_owned())
            .collect();
        // Some shapes state their required fields only where they are used.
        let same = |shape: &BTreeSet<String>| {
            *shape == fields || *shape == bare && !shape.iter().any(|field| field.ends_with('*'))
        };
        self.0
            .iter()
            .find(|(_, shape)| same(shape))
            .map(|(name, _)| name.as_str())
    }

    /// Collects the shapes that occur.
    fn visit(&self, schema: &Value, seen: &mut BTreeSet<String>) {
        let shape = self.of(schema);
        seen.extend(shape.map(str::to_owned));
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let told_at_each_use =
                shape.is_some_and(|shape| told_of(shape) == name) || field["type"] == "object";
            // The contract tells neither lengths nor patterns of what is inside a shared shape.
            let told_nowhere = |facet: &String| {
                ["minLength=", "maxLength=", "pattern="]
                    .iter()
                    .any(|keyword| facet.starts_with(keyword))
            };
            assert!(
                shape.is_none() || told_at_each_use || facets(field, "").iter().all(told_nowhere),
                "{shape:?} {name}: {field}"
            );
            self.visit(field, seen);
        }
        if schema["items"].is_object() {
            self.visit(&schema["items"], seen);
        }
    }

    /// Renders our definition in the notation of part B.
    fn render(&self, definition: &Value) -> Lines {
        let mut lines = Lines::from([
            ("names".to_owned(), names(definition)),
            (
                "printer columns".to_owned(),
                columns(&definition["spec"]["versions"][0]),
            ),
        ]);
        let root = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
        for part in ["spec", "status"] {
            lines.insert(part.to_owned(), brackets(&facets(&root[part], "")));
            self.fields(&root[part], part, &mut lines);
        }
        lines
    }

    /// Renders the fields of an object, recursively.
    fn fields(&self, schema: &Value, path: &str, lines: &mut Lines) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            let star = if requires(schema, name) { "*" } else { "" };
            let (inner, array) = match field["type"].as_str() {
                Some("array") => (&field["items"], "[]"),
                _ => (field, ""),
            };
            let shape = self.of(inner);
            lines.insert(
                path.clone(),
                format!("{star} {array}{}", about(field, inner, shape)),
            );
            if path.ends_with(".conditions") {
                standard_condition(inner);
            } else if shape.is_none() && inner["type"] == "object" {
                self.fields(inner, &format!("{path}{array}"), lines);
                self.fields(
                    &inner["additionalProperties"],
                    &format!("{path}.<key>"),
                    lines,
                );
            }
        }
    }
}

/// Renders type and constraints of a field; `inner` is the item if it is a list.
fn about(field: &Value, inner: &Value, shape: Option<&str>) -> String {
    let name = match shape {
        Some("LocalRef") => "LocalRef{name*}",
        Some("ObjRef") => "ObjRef{apiVersion,kind,name,namespace}",
        Some(name) => name,
        None => plain_type(inner),
    };
    let mut said = Vec::new();
    if shape.is_some_and(|shape| shape != "LocalRef") && !required(inner).is_empty() {
        said.push(format!("required {}", required(inner).join(",")));
    }
    said.extend(facets(field, ""));
    if !std::ptr::eq(field, inner) {
        said.extend(facets(inner, "item: "));
    }
    let part = shape.map(told_of).filter(|part| !part.is_empty());
    if let Some(part) = part {
        said.extend(facets(&inner["properties"][part], &format!("{part}:")));
    }
    format!("{name}{}", brackets(&said))
}

/// Returns the field of a shared shape of which the contract tells the constraints at each use.
fn told_of(shape: &str) -> &'static str {
    match shape {
        "ObjRef" | "ValuesReference" => "kind",
        "LocalRef" => "name",
        _ => "",
    }
}

/// Splits `a* string, b, c{d*,e}` into `a*`, `b`, `c`.
fn fields_of(text: &str) -> BTreeSet<String> {
    let mut depth = 0;
    let flat: String = text
        .chars()
        .filter(|c| {
            depth += i32::from(matches!(c, '{' | '(')) - i32::from(matches!(c, '}' | ')'));
            depth == 0 && !matches!(c, '}' | ')')
        })
        .collect();
    // `a | b` are two fields, `a|b` are two values of one.
    let fields = flat.replace(" | ", ",");
    let words = fields
        .split(',')
        .filter_map(|field| field.split_whitespace().next());
    words
        .map(|word| word.split('=').next().unwrap().to_owned())
        .collect()
}

/// Returns the fields of a schema, the required ones marked with `*`.
fn own_fields(schema: &Value) -> Option<BTreeSet<String>> {
    let star = |name: &String| {
        if requires(schema, name) {
            format!("{name}*")
        } else {
            name.clone()
        }
    };
    Some(schema["properties"].as_object()?.keys().map(star).collect())
}

/// Returns the names of the required fields in order.
fn required(schema: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    names.sort_unstable();
    names
}

fn requires(schema: &Value, name: &str) -> bool {
    required(schema).contains(&name)
}

fn plain_type(schema: &Value) -> &str {
    let values = schema["additionalProperties"]["type"].as_str();
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (None, _) => "any(free)",
        (_, Some("date-time")) => "time",
        (_, Some(format)) => format,
        (Some("object"), _) if values == Some("string") => "map[string]string",
        (Some("object"), _) if values == Some("object") => "map[string]object",
        (Some(plain), _) => plain,
    }
}

/// Renders the constraints of a schema, in the order of the contract. A keyword without a word in
/// the contract is rendered as it is.
fn facets(schema: &Value, prefix: &str) -> Vec<String> {
    const STRUCTURE: [&str; 8] = [
        "x-kubernetes-preserve-unknown-fields",
        "type",
        "format",
        "description",
        "properties",
        "required",
        "items",
        "additionalProperties",
    ];
    const ORDER: [&str; 6] = [
        "default",
        "enum",
        "minLength",
        "maxLength",
        "pattern",
        "x-kubernetes-validations",
    ];
    let keywords = schema.as_object().unwrap().keys().map(String::as_str);
    let unknown =
        keywords.filter(|keyword| !STRUCTURE.contains(keyword) && !ORDER.contains(keyword));
    let said = ORDER
        .into_iter()
        .chain(unknown)
        .filter(|keyword| !schema[*keyword].is_null());
    said.flat_map(|keyword| facet(keyword, &schema[keyword]))
        .map(|said| format!("{prefix}{said}"))
        .collect()
}

fn facet(keyword: &str, value: &Value) -> Vec<String> {
    let one = match (keyword, value) {
        ("default", Value::Object(map)) => {
            let pairs: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("\"{key}\": {value}"))
                .collect();
            format!("default={{{}}}", pairs.join(", "))
        }
        ("enum", Value::Array(words)) => {
            let words: Vec<&str> = words.iter().map(|word| word.as_str().unwrap()).collect();
            format!("enum={}", words.join("|"))
        }
        ("pattern", Value::String(pattern)) => match pattern.as_str() {
            r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$" => "duration(ms|s|m|h)".to_owned(),
            r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$" => "duration(ms|s|m; no h)".to_owned(),
            other => format!("pattern=`{other}`"),
        },
        ("x-kubernetes-validations", Value::Array(rules)) => {
            assert!(
                rules
                    .iter()
                    .all(|rule| !rule["message"].as_str().unwrap().is_empty())
            );
            return rules
                .iter()
                .map(|rule| format!("CEL: {}", rule["rule"].as_str().unwrap()))
                .collect();
        }
        _ => format!("{keyword}={value}"),
    };
    vec![one]
}

fn brackets(said: &[String]) -> String {
    if said.is_empty() {
        String::new()
    } else {
        format!(" [{}]", said.join("; "))
    }
}

/// Renders names, scope, versions and annotations.
fn names(definition: &Value) -> String {
    let spec = &definition["spec"];
    let quoted = |list: &Value| {
        let words: Vec<String> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|word| format!("'{}'", word.as_str().unwrap()))
            .collect();
        format!("[{}]", words.join(", "))
    };
    let version = &spec["versions"][0];
    assert_eq!(spec["versions"].as_array().unwrap().len(), 1);
    assert!(version["served"] == true && version["storage"] == true);
    let plural = spec["names"]["plural"].as_str().unwrap();
    assert_eq!(
        definition["metadata"]["name"],
        format!("{plural}.{}", spec["group"].as_str().unwrap())
    );
    let subresources: Vec<&String> = version["subresources"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    let annotations: Vec<String> = definition["metadata"]["annotations"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| format!("('{key}', '{}')", value.as_str().unwrap()))
        .collect();
    format!(
        "plural `{plural}`; shortNames {}; categories {}; scope {}; versions: {}(served,storage); \
         subresources {}; CRD annotations [{}]",
        quoted(&spec["names"]["shortNames"]),
        quoted(&spec["names"]["categories"]),
        spec["scope"].as_str().unwrap(),
        version["name"].as_str().unwrap(),
        quoted(&json!(subresources)),
        annotations.join(", ")
    )
}

fn columns(version: &Value) -> String {
    let column = |column: &Value| {
        format!(
            "{}={}",
            column["name"].as_str().unwrap(),
            column["jsonPath"].as_str().unwrap()
        )
    };
    version["additionalPrinterColumns"]
        .as_array()
        .unwrap()
        .iter()
        .map(column)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Checks the shape of `metav1.Condition`, which the contract only refers to.
fn standard_condition(schema: &Value) {
    assert_eq!(
        required(schema),
        ["lastTransitionTime", "message", "reason", "status", "type"]
    );
    let field = |name: &str| &schema["properties"][name];
    assert_eq!(field("lastTransitionTime")["format"], "date-time");
    assert_eq!(field("message")["maxLength"], 32_768);
    assert_eq!(
        (
            &field("observedGeneration")["minimum"],
            &field("observedGeneration")["format"]
        ),
        (&json!(0), &json!("int64"))
    );
    assert_eq!(
        (&field("reason")["minLength"], &field("reason")["maxLength"]),
        (&json!(1), &json!(1024))
    );
    assert_eq!(
        field("reason")["pattern"],
        "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
    );
    assert_eq!(field("status")["enum"], json!(["True", "False", "Unknown"]));
    assert_eq!(field("type")["maxLength"], 316);
    assert!(field("type")["pattern"].is_string());
    assert_eq!(schema["properties"].as_object().unwrap().len(), 6);
}
