//! Kustomize's own test cases for single generators, transformers, filters and merges, each run
//! against the corresponding part of this crate without a build, since a build also adds digests,
//! fixes references and requires names.
//!
//! Left out: cases of three-way merges, which no build uses.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::sync::Arc;

use cases::Score;
use lode_stdx::budget::Budget;
use lode_tree::{RepoPath, Tree};
use lode_yaml::{Dialect, Node, Nodes, Origins, Place};
use serde_json::{Value, json};

use super::{node, text as written, units};
use crate::accumulate::read as made;
use crate::config::configuration::{Configuration, Referred};
use crate::config::fieldspec::FieldSpec;
use crate::config::gvk::Gvk;
use crate::error::Fault;
use crate::input::source::{BuildSource, Restrictions};
use crate::object::resource::{Identity, Resource};
use crate::object::resources::Resources;
use crate::object::schema::Schema;
use crate::patching::strategic::{self, Lists};
use crate::transform::vars::{self, Var};
use crate::{
    config::builtin, input::manifests, object::noting, patching::json_patch, transform::references,
};

#[test]
fn units_do_what_kustomize_does() {
    let mut counted = Units::new();
    let (Some(builtins), Some(filters), Some(merges)) = (
        units("builtin.jsonl"),
        units("filters.jsonl"),
        units("merge2.jsonl"),
    ) else {
        return;
    };
    for (case, folder) in builtins.iter().zip(folders(&builtins)) {
        counted.count(
            "builtin",
            text(&case["test"]),
            &built(case, &folder),
            wanted(case).as_ref(),
        );
    }
    for case in &filters {
        let kind = text(&case["filterType"]);
        counted.count(
            kind,
            text(&case["test"]),
            &filtered(case, kind),
            wanted(case).as_ref(),
        );
    }
    for case in &merges {
        let wanted = shown(read(text(&case["actualRaw"])));
        counted.count(
            "merge2",
            text(&case["description"]),
            &merged(case),
            Some(&wanted),
        );
    }
    println!("units: {} are of later versions", counted.later);
    counted.score.finish();
}

/// All but those of later versions.
const SAME: usize = 364;

/// Cases of behaviour that 5.8.1 does not have yet: it knows no delimiter inside structured text.
const LATER: [&str; 8] = [
    "TestValueInlineStructuredData/replacement_yaml_substring_options_first",
    "TestValueInlineStructuredData/replacement_yaml_substring_options_prefix",
    "TestValueInlineStructuredData/replacement_yaml_substring_options_middle",
    "TestValueInlineStructuredData/replacement_yaml_substring_options_suffix",
    "TestValueInlineStructuredData/replacement_json_substring_options_first",
    "TestValueInlineStructuredData/replacement_json_substring_options_prefix",
    "TestValueInlineStructuredData/replacement_json_substring_options_middle",
    "TestValueInlineStructuredData/replacement_json_substring_options_suffix",
];

/// The resulting objects of a case, or why it fails.
type Outcome = Result<Vec<String>, String>;

/// The results of the cases.
struct Units {
    /// Of those of our version, all of which must be right.
    score: Score,
    later: usize,
}

impl Units {
    fn new() -> Self {
        Self {
            score: Score::of_all("units", SAME),
            later: 0,
        }
    }

    fn count(&mut self, kind: &str, name: &str, got: &Outcome, wanted: Option<&Vec<String>>) {
        let is_right = got.as_ref().ok() == wanted;
        if !is_right && LATER.contains(&name) {
            self.later += 1;
            return;
        }
        self.score.add(is_right, || {
            format!("{kind} {name}:\n    expected {wanted:?}\n    got      {got:?}")
        });
    }
}

/// Runs a case of a filter.
fn filtered(case: &Value, kind: &str) -> Outcome {
    let (input, filter) = (text(&case["input"]), &case["filter"]);
    match kind {
        "nameref.Filter" => referred(case),
        "refvar.Filter" => expanded(input, text(filter)),
        "patchstrategicmerge.Filter" => {
            let patch = node(&filter["Patch"].to_string(), Dialect::V3);
            let budget = Budget::unlimited();
            let options = (strategic::Options::default(), &budget);
            let merge = |object| strategic::merge(object, &patch, Schema::builtin(), options);
            let merged = read(input)
                .into_iter()
                .map(merge)
                .collect::<Result<Vec<_>, _>>()
                .map_err(said)?;
            Ok(shown(merged.into_iter().flatten().collect()))
        }
        "patchjson6902.Filter" => {
            let patch = text(&filter["Patch"]);
            let dialect = if patch.starts_with('[') {
                Dialect::V3
            } else {
                Dialect::V2
            };
            let mut objects = read(input);
            for object in &mut objects {
                json_patch::apply(object, &node(patch, dialect), dialect, &Budget::unlimited())
                    .map_err(said)?;
            }
            Ok(shown(objects))
        }
        "imagetag.Filter" => {
            // The transformer also searches for containers itself, which it does not find under
            // another name.
            let config = configuration(kind, filter)
                .to_string()
                .replace("ontainers", "ontents");
            let all = configured(
                read(&input.replace("ontainers", "ontents")),
                &config,
                &Tree::default(),
            )?;
            Ok(shown(nodes(all))
                .into_iter()
                .map(|text| text.replace("ontents", "ontainers"))
                .collect())
        }
        "replacement.Filter" | "iampolicygenerator.Filter" => {
            let config = configuration(kind, filter).to_string();
            Ok(shown(nodes(configured(
                read(input),
                &config,
                &Tree::default(),
            )?)))
        }
        _ => {
            // Each object separately, since the transformer refuses duplicate names.
            let config = configuration(kind, filter).to_string();
            let all = read(input)
                .into_iter()
                .map(|object| configured(vec![object], &config, &Tree::default()));
            Ok(shown(nodes(
                all.collect::<Result<Vec<_>, _>>()?.into_iter().flatten(),
            )))
        }
    }
}

/// Writes a filter's fields as the configuration of the transformer that uses it.
fn configuration(filter: &str, fields: &Value) -> Value {
    let (kind, mut config) = match filter {
        "annotations.Filter" => (
            "AnnotationsTransformer",
            json!({"annotations": fields["Annotations"], "fieldSpecs": fields["FsSlice"]}),
        ),
        "labels.Filter" => (
            "LabelTransformer",
            json!({"labels": fields["Labels"], "fieldSpecs": fields["FsSlice"]}),
        ),
        "imagetag.Filter" | "imagetag.LegacyFilter" => ("ImageTagTransformer", fields.clone()),
        "namespace.Filter" => ("NamespaceTransformer", fields.clone()),
        "prefix.Filter" => (
            "PrefixTransformer",
            json!({"prefix": fields["prefix"], "fieldSpecs": [fields["fieldSpec"]]}),
        ),
        "suffix.Filter" => (
            "SuffixTransformer",
            json!({"suffix": fields["suffix"], "fieldSpecs": [fields["fieldSpec"]]}),
        ),
        "replicacount.Filter" => (
            "ReplicaCountTransformer",
            json!({"replica": fields["replica"], "fieldSpecs": [fields["fieldSpec"]]}),
        ),
        "valueadd.Filter" => {
            let target = json!({"fieldPath": fields["FieldPath"], "filePathPosition": fields["filePathPosition"]});
            (
                "ValueAddTransformer",
                json!({"value": fields["Value"], "targets": [target]}),
            )
        }
        "replacement.Filter" => ("ReplacementTransformer", fields.clone()),
        "iampolicygenerator.Filter" => ("IAMPolicyGenerator", fields["IAMPolicyGenerator"].clone()),
        _ => panic!("nothing does what {filter} does"),
    };
    let namespace = if kind == "NamespaceTransformer" {
        fields["Namespace"].clone()
    } else {
        Value::Null
    };
    let object = config.as_object_mut().unwrap();
    object.insert("apiVersion".to_owned(), "builtin".into());
    object.insert("kind".to_owned(), kind.into());
    object.insert(
        "metadata".to_owned(),
        json!({"name": "config", "namespace": namespace}),
    );
    object.retain(|_, value| !value.is_null());
    config
}

/// Runs the generator or transformer that a text configures, with some files.
fn configured(objects: Vec<Node>, config: &str, files: &Tree) -> Result<Vec<Resource>, String> {
    let budget = Budget::unlimited();
    let mut source = BuildSource::new(files, Restrictions::None, &budget);
    let folder = RepoPath::root();
    let mut all = Resources::default();
    // Some cases have objects without names, which a build refuses.
    all.all_mut().extend(objects.into_iter().map(made));
    for config in manifests::read(config.as_bytes(), Origins::default(), &budget).map_err(fault)? {
        let config = made(config);
        if config.kind().ends_with("Generator") {
            all.append(
                builtin::generator(&mut source, &folder, &config)
                    .map_err(fault)?
                    .0,
            )
            .map_err(fault)?;
            continue;
        }
        for step in builtin::transformer(&mut source, &folder, &config).map_err(fault)? {
            step.apply(&mut all, Schema::builtin(), &budget)
                .map_err(fault)?;
        }
    }
    Ok(all.into_all())
}

/// Runs a case of a built-in generator or transformer with its files in a folder.
fn built(case: &Value, folder: &str) -> Outcome {
    let files = case["files"].as_object().into_iter().flatten();
    let files = files.filter_map(|(path, file)| Some((path.strip_prefix(folder)?, text(file))));
    let files: Tree = files
        .map(|(path, file)| (path.trim_start_matches('/'), file))
        .collect();
    let mut all = configured(read(text(&case["input"])), text(&case["config"]), &files)?;
    for resource in &mut all {
        noting::finish(resource, false, false, &Budget::unlimited()).map_err(fault)?;
    }
    Ok(shown(nodes(all)))
}

/// Returns each case's folder: cases of one test share its files, and each has its own folder.
fn folders(cases: &[Value]) -> Vec<String> {
    let mut known: HashMap<&str, (Vec<String>, String)> = HashMap::new();
    let mut folders = Vec::new();
    for case in cases {
        let now = case["files"].as_object().into_iter().flatten();
        let now: Vec<String> = now
            .map(|(path, _)| path.rsplit_once('/').unwrap().0.to_owned())
            .collect();
        let (before, folder) = known.entry(text(&case["test"])).or_default();
        if let Some(new) = now.iter().find(|folder| !before.contains(*folder)) {
            folder.clone_from(new);
        }
        *before = now;
        folders.push(folder.clone());
    }
    folders
}

/// Substitutes the variables of these cases in a field.
fn expanded(input: &str, filter: &str) -> Outcome {
    let (_, path) = filter.trim_end_matches('}').rsplit_once(':').unwrap();
    let mut all: Vec<Resource> = read(input).into_iter().map(made).collect();
    all.push(made(node(VALUES, Dialect::V3)));
    let var = |name| {
        let field = format!("fields.{name}");
        let var = json!({"name": name, "objref": {"kind": "Values", "name": "all"}, "fieldref": {"fieldPath": field}});
        Var::read(&Node::from_value(&var)).map_err(fault)
    };
    let vars = ["FOO", "BAR", "VAR", "BOOL", "FLOAT"]
        .into_iter()
        .map(var)
        .collect::<Result<Vec<_>, _>>()?;
    vars::bind(&mut all, &vars, &Budget::unlimited()).map_err(said)?;
    let fields = [FieldSpec::new(Gvk::parse("-/-/Deployment"), path, false)];
    vars::resolve(&mut all, &vars, &fields, &Budget::unlimited()).map_err(said)?;
    all.pop();
    Ok(shown(nodes(all)))
}

const VALUES: &str = "{kind: Values, metadata: {name: all}, fields: {FOO: foo, BAR: bar, VAR: 5, BOOL: false, FLOAT: 1.23}}";

/// Updates a reference from the candidates, which the case itself does not record.
fn referred(case: &Value) -> Outcome {
    let filter = &case["filter"];
    let mut referrer = made(Node::from_value(&filter["Referrer"]));
    // Here it is one of the candidates; in the case it is not, and its origin is unknown.
    referrer.past.push(Identity {
        namespace: "default".into(),
        ..referrer.current()
    });
    referrer.node = node(text(&case["input"]), Dialect::V3);
    let (_, name) = text(&case["test"]).split_once('/').unwrap();
    let rows = CANDIDATES.iter().find(|(known, _)| *known == name);
    let (_, rows) = rows.ok_or("its candidates are not known")?;
    let mut all: Vec<Resource> = [referrer]
        .into_iter()
        .chain(rows.split(", ").map(candidate))
        .collect();
    let field = FieldSpec::new(
        Gvk::parse("-/-/Deployment"),
        text(&filter["NameFieldToUpdate"]["path"]),
        false,
    );
    let target = &filter["ReferralTarget"];
    let gvk = ["group", "version", "kind"]
        .map(|part| text(&target[part]))
        .join("/");
    let referred = Referred {
        gvk: Gvk::parse(&gvk),
        fields: Arc::new(vec![field]),
    };
    let configuration = Configuration {
        references: Arc::new(vec![referred]),
        ..Configuration::default()
    };
    references::fix(&mut all, &configuration, &Budget::unlimited()).map_err(fault)?;
    Ok(shown(vec![all.swap_remove(0).node]))
}

/// Kind, namespace, name, former name, prefix and suffix of the candidate objects.
const CANDIDATES: [(&str, &str); 16] = [
    (
        "simple_scalar",
        "Secret - newName oldName - -, NotSecret - newName2 newName2 - -",
    ),
    (
        "sequence",
        "Secret - newName oldName1 - -, NotSecret - newName2 newName2 - -",
    ),
    (
        "mapping",
        "Secret - newName oldName - -, NotSecret - newName2 newName2 - -",
    ),
    (
        "mapping_with_namespace",
        "Secret someNs newName oldName - -, NotSecret - newName2 oldName - -, Secret - thirdName oldName - -",
    ),
    (
        "null_value",
        "Secret - newName oldName - -, NotSecret - newName2 newName2 - -",
    ),
    (
        "multiple_match",
        "Secret - newName oldName - -, Secret - newName2 oldName - -",
    ),
    (
        "no_name",
        "Secret - newName oldName - -, Secret - newName2 oldName - -",
    ),
    (
        "prefix_match",
        "Secret - newName oldName prefix1 -, Secret - newName2 oldName prefix2 suffix2",
    ),
    (
        "suffix_match",
        "Secret - newName oldName - suffix1, Secret - newName2 oldName prefix2 suffix2",
    ),
    (
        "prefix_suffix_both_match",
        "Secret - newName oldName prefix1 suffix1, Secret - newName2 oldName prefix2 suffix2",
    ),
    (
        "multiple_match:_both",
        "Secret - newName oldName prefix suffix, Secret - newName2 oldName prefix suffix",
    ),
    (
        "multiple_match:_only_prefix",
        "Secret - newName oldName prefix -, Secret - newName2 oldName prefix -",
    ),
    (
        "multiple_match:_only_suffix",
        "Secret - newName oldName - suffix, Secret - newName2 oldName - suffix",
    ),
    (
        "no_match:_neither_match",
        "Secret - newName oldName prefix1 suffix1, Secret - newName2 oldName prefix2 suffix2",
    ),
    (
        "no_match:_prefix_doesn't_match",
        "Secret - newName oldName prefix1 suffix, Secret - newName2 oldName prefix2 suffix",
    ),
    (
        "no_match:_suffix_doesn't_match",
        "Secret - newName oldName prefix suffix1, Secret - newName2 oldName prefix suffix2",
    ),
];

fn candidate(row: &str) -> Resource {
    let columns: Vec<Option<&str>> = row
        .split(' ')
        .map(|column| (column != "-").then_some(column))
        .collect();
    let [kind, namespace, name, former, prefix, suffix] = columns[..] else {
        panic!("{row}")
    };
    let mut metadata = BTreeMap::from([("name", name)]);
    metadata.extend(namespace.map(|_| ("namespace", namespace)));
    let object = json!({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata});
    let mut resource = Resource::new(Node::from_value(&object), Place::default());
    let current = resource.current();
    resource.past.push(Identity {
        namespace: "default".into(),
        name: former.unwrap().into(),
        ..current
    });
    resource.prefixes.extend(prefix.map(Into::into));
    resource.suffixes.extend(suffix.map(Into::into));
    resource
}

/// Runs a case of a merge, ignoring comments and field order, which no build shows.
fn merged(case: &Value) -> Outcome {
    let lists = if case["listIncreaseDirection"] == 0 {
        Lists::Append
    } else {
        Lists::Prepend
    };
    let options = strategic::Options {
        lists,
        infer: case["infer"] == true,
    };
    let read = |text: &str| {
        let mut documents =
            Nodes::new(text.as_bytes(), Dialect::V3, Origins::default()).with_comments();
        documents.next().unwrap().unwrap()
    };
    let (object, patch) = (read(text(&case["dest"])), read(text(&case["source"])));
    let merged = strategic::merge(
        object,
        &patch,
        Schema::builtin(),
        (options, &Budget::unlimited()),
    )
    .map_err(said)?;
    Ok(shown(merged.into_iter().collect()))
}

/// Returns a case's expected result; `None` if it must fail.
fn wanted(case: &Value) -> Option<Vec<String>> {
    case["error"]
        .is_null()
        .then(|| shown(read(text(&case["output"]))))
}

/// Writes objects as a build does; one has a number as a key, which only the older dialect treats
/// as text.
fn shown(objects: Vec<Node>) -> Vec<String> {
    let show = |object: Node| {
        let is_written = lode_yaml::write_node(&mut String::new(), &object).is_ok();
        let object = if is_written {
            object
        } else {
            Node::from_value(&object.to_value(Dialect::V2).unwrap())
        };
        written(&object)
    };
    objects.into_iter().map(show).collect()
}

fn read(text: &str) -> Vec<Node> {
    let documents = Nodes::new(text.as_bytes(), Dialect::V3, Origins::default());
    documents
        .map(Result::unwrap)
        .filter(|node| !node.is_null())
        .collect()
}

fn nodes(resources: impl IntoIterator<Item = Resource>) -> Vec<Node> {
    resources
        .into_iter()
        .map(|resource| resource.node)
        .collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn said(error: impl Display) -> String {
    error.to_string()
}

#[expect(clippy::needless_pass_by_value, reason = "errors are mapped by it")]
fn fault(fault: Fault) -> String {
    format!("{fault:?}")
}
