//! Kustomize's own cases of single transformers and filters, put through the same door as a user's: a kustomization
//! whose `transformers` name the configuration.
//!
//! Some cases cannot come out the same there, with kustomize itself neither: a build also adds digests, fixes references
//! and wants names. Left out: the filters of references and variables, whose cases do not record all they were given, and
//! the patch filters, which the crate tests beside their code.

use lode_kustomize::{Options, Order, Restrictions, build};
use lode_tree::{RepoPath, Tree};
use lode_yaml::{Dialect, Nodes, Origins};
use serde_json::{Value, json};

use crate::corpus::{Archive, Tally};

/// Measured; may only rise.
const BUILTIN_FLOOR: usize = 101;

#[test]
fn builtin_transformers_do_what_kustomize_does() {
    let Some(cases) = cases("builtin.jsonl") else { return };
    let mut tally = Tally::default();
    let (mut before, mut folder) = (Vec::new(), String::new());
    for case in &cases {
        let files = case["files"].as_object().unwrap();
        let folders: Vec<String> = files.keys().map(|path| path.rsplit_once('/').unwrap().0.to_owned()).collect();
        // Cases of one test share its files: each brings the folder it runs in.
        if let Some(new) = folders.iter().find(|folder| !before.contains(*folder)) {
            folder.clone_from(new);
        } else if folders.is_empty() {
            folder.clear();
        }
        before = folders;
        let files = files.iter().filter_map(|(path, file)| Some((path.strip_prefix(&folder)?, text(file))));
        let files: Vec<(&str, &str)> = files.collect();
        let list = if case["kind"] == "generator" { "generators" } else { "transformers" };
        run(&mut tally, case, list, (text(&case["config"]), &files));
    }
    tally.show("builtin transformers");
    assert!(tally.same >= BUILTIN_FLOOR, "builtin transformers fell to {}", tally.same);
}

#[test]
fn filters_do_what_kustomize_does() {
    let Some(cases) = cases("filters.jsonl") else { return };
    let mut tally = Tally::default();
    for case in &cases {
        let Some(config) = configuration(text(&case["filterType"]), &case["filter"]) else { continue };
        let list = if config["kind"] == "IAMPolicyGenerator" { "generators" } else { "transformers" };
        run(&mut tally, case, list, (&config.to_string(), &[]));
    }
    tally.show("filters");
    assert!(tally.same >= FILTER_FLOOR, "filters fell to {}", tally.same);
}

/// Measured; may only rise.
const FILTER_FLOOR: usize = 129;

/// Writes a filter's fields as the configuration of the transformer that uses it.
fn configuration(filter: &str, fields: &Value) -> Option<Value> {
    let (kind, mut config) = match filter {
        "annotations.Filter" => {
            ("AnnotationsTransformer", json!({"annotations": fields["Annotations"], "fieldSpecs": fields["FsSlice"]}))
        }
        "labels.Filter" => ("LabelTransformer", json!({"labels": fields["Labels"], "fieldSpecs": fields["FsSlice"]})),
        "imagetag.Filter" | "imagetag.LegacyFilter" => ("ImageTagTransformer", fields.clone()),
        "namespace.Filter" => ("NamespaceTransformer", fields.clone()),
        "prefix.Filter" => {
            ("PrefixTransformer", json!({"prefix": fields["prefix"], "fieldSpecs": [fields["fieldSpec"]]}))
        }
        "suffix.Filter" => {
            ("SuffixTransformer", json!({"suffix": fields["suffix"], "fieldSpecs": [fields["fieldSpec"]]}))
        }
        "replicacount.Filter" => {
            ("ReplicaCountTransformer", json!({"replica": fields["replica"], "fieldSpecs": [fields["fieldSpec"]]}))
        }
        "valueadd.Filter" => {
            let target = json!({"fieldPath": fields["FieldPath"], "filePathPosition": fields["filePathPosition"]});
            ("ValueAddTransformer", json!({"value": fields["Value"], "targets": [target]}))
        }
        "replacement.Filter" => ("ReplacementTransformer", fields.clone()),
        "iampolicygenerator.Filter" => ("IAMPolicyGenerator", fields["IAMPolicyGenerator"].clone()),
        _ => return None,
    };
    let namespace = if kind == "NamespaceTransformer" { fields["Namespace"].clone() } else { Value::Null };
    let object = config.as_object_mut()?;
    object.insert("apiVersion".to_owned(), "builtin".into());
    object.insert("kind".to_owned(), kind.into());
    object.insert("metadata".to_owned(), json!({"name": "config", "namespace": namespace}));
    object.retain(|_, value| !value.is_null());
    Some(config)
}

fn run(tally: &mut Tally, case: &Value, list: &str, (config, files): (&str, &[(&str, &str)])) {
    let input = text(&case["input"]);
    let resources = if input.trim().is_empty() { "" } else { "resources: [the-input.yaml]\n" };
    let kustomization = format!("{resources}{list}: [the-config.yaml]\n");
    let files: Vec<(String, &str)> =
        files.iter().map(|(path, file)| (format!("app/{}", path.trim_start_matches('/')), *file)).collect();
    let own = [("kustomization", kustomization.as_str()), ("the-input", input), ("the-config", config)];
    let own: Vec<(String, &str)> = own.iter().map(|(name, file)| (format!("app/{name}.yaml"), *file)).collect();
    let tree: Tree = files.iter().chain(&own).map(|(path, file)| (path.as_str(), *file)).collect();
    let options = Options { restrictions: Restrictions::None, order: Order::None, ..Options::default() };
    let wanted = case["error"].is_null().then(|| normal(text(&case["output"])));
    let name = format!("{} {}", case["filterType"].as_str().unwrap_or("builtin"), text(&case["test"]));
    tally.count(&name, build(&tree, &RepoPath::parse("app").unwrap(), &options), wanted.as_deref());
}

/// Writes documents as a build does.
fn normal(text: &str) -> String {
    let documents = Nodes::new(text.as_bytes(), Dialect::V3, Origins::default());
    let nodes = documents.map(Result::unwrap).filter(|node| !node.is_null());
    let texts = nodes.map(|node| {
        let mut text = String::new();
        lode_yaml::write_node(&mut text, &node).map_or_else(|error| error.to_string(), |()| text)
    });
    texts.collect::<Vec<_>>().join("---\n")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn cases(name: &str) -> Option<Vec<Value>> {
    let text = Archive::open()?.text(&format!("kustomize/units/{name}")).unwrap();
    Some(text.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect())
}
