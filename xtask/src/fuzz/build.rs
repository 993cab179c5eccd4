//! Whole builds: every file of a case in one text, so that a mutation may hit any of them, or span
//! two.
//!
//! Inputs: kustomize's own cases from the shared corpus, if it exists, and a small one of ours. A
//! line `=== path` begins a file; the first line names the folder to build. What must hold: no
//! build panics or runs away; a build is deterministic; its output can be read again; every value
//! has an origin.

use std::collections::BTreeMap;
use std::io::Read as _;

use anyhow::{Context, Result};
use lode_kustomize::{Options, Order, Restrictions, build};
use lode_tree::{RepoPath, Tree};
use lode_yaml::{Dialect, Nodes, Origins};

const OWN: &str = "app\n=== app/kustomization.yaml\nresources: [../base]\nnamePrefix: a-\nnamespace: n\nlabels:\n- pairs: {k: v}\n  \
                   includeSelectors: true\nimages: [{name: x, newTag: '2'}]\nreplicas: [{name: d, count: 3}]\nconfigMapGenerator:\n- name: c\n  \
                   literals: [k=v]\n  files: [f]\npatches:\n- patch: |-\n    - {op: add, path: /spec/x, value: [1]}\n  target: {kind: Deployment}\n\
                   replacements:\n- source: {kind: ConfigMap, fieldPath: data.k}\n  targets:\n  - select: {kind: Deployment}\n    \
                   fieldPaths: [spec.y]\n    options: {create: true}\nvars:\n- name: V\n  objref: {kind: Deployment, name: d, apiVersion: apps/v1}\n\
                   === app/f\ntext\n=== base/kustomization.yaml\nresources: [d.yaml]\n=== base/d.yaml\napiVersion: apps/v1\nkind: Deployment\n\
                   metadata: {name: d}\nspec:\n  template:\n    spec:\n      containers:\n      - {name: m, image: 'x:1', env: [{name: e, \
                   valueFrom: {configMapKeyRef: {name: c, key: k}}}], args: [$(V)]}\n";
/// Largest case used, in bytes: larger ones are mostly repetitive.
const CASE_MAX: usize = 32 << 10;
const FILE_MARK: &str = "=== ";

pub(super) fn seeds() -> Result<Vec<String>> {
    let mut seeds = vec![OWN.to_owned(); 20];
    let archive = cases::folder().join(cases::KUSTOMIZE);
    if !archive.exists() {
        eprintln!("{} is not here: only a case of our own", archive.display());
        return Ok(seeds);
    }
    let mut unpacked = cases::unpack(&archive).context("open the corpus")?;
    let mut cases: BTreeMap<String, (String, String)> = BTreeMap::new();
    for entry in unpacked.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        let Some((case, file)) = path
            .split_once("krusty/")
            .and_then(|(_, rest)| rest.split_once('/'))
        else {
            continue;
        };
        let mut text = String::new();
        if !entry.header().entry_type().is_file() || entry.read_to_string(&mut text).is_err() {
            continue;
        }
        let (folder, files) = cases.entry(case.to_owned()).or_default();
        if file == "case.json" {
            let about: serde_json::Value = serde_json::from_str(&text).context("read a case")?;
            about["path"]
                .as_str()
                .unwrap_or_default()
                .trim_matches('/')
                .clone_into(folder);
        } else if let Some(file) = file.strip_prefix("input/") {
            files.extend([FILE_MARK, file, "\n", &text, "\n"]);
        }
    }
    let whole = cases
        .into_values()
        .map(|(folder, files)| format!("{folder}\n{files}"));
    seeds.extend(whole.filter(|text| text.len() <= CASE_MAX));
    Ok(seeds)
}

/// Checks a case; the error says which law does not hold.
pub(super) fn check(text: &str) -> Result<(), String> {
    let (folder, rest) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(folder) = RepoPath::parse_rooted(folder) else {
        return Ok(());
    };
    let mut files: Vec<(&str, &str)> = Vec::new();
    for piece in rest.split(FILE_MARK).skip(1) {
        files.push(piece.split_once('\n').unwrap_or((piece, "")));
    }
    let tree = Tree::from_iter(files);
    for (order, restrictions) in [
        (Order::Legacy, Restrictions::RootOnly),
        (Order::None, Restrictions::None),
    ] {
        let options = Options {
            order,
            restrictions,
            ..Options::default()
        };
        let (once, again) = (
            build(&tree, &folder, &options),
            build(&tree, &folder, &options),
        );
        match (once, again) {
            (Err(one), Err(other)) if one.to_string() == other.to_string() => {}
            (Ok(one), Ok(other)) if one == other => check_text(&one)?,
            _ => return Err("two builds of the same differ".to_owned()),
        }
    }
    Ok(())
}

fn check_text(built: &lode_kustomize::Build) -> Result<(), String> {
    let Ok(text) = built.text() else {
        return Ok(());
    };
    let documents =
        Nodes::new(text.as_bytes(), Dialect::V2, Origins::default()).collect::<Result<Vec<_>, _>>();
    let documents = documents.map_err(|error| format!("what was built cannot be read: {error}"))?;
    if documents.len() != built.objects.len() {
        return Err(format!(
            "{} objects are {} documents",
            built.objects.len(),
            documents.len()
        ));
    }
    Ok(())
}
