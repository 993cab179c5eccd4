//! The shared kustomize corpus: how many builds come out to the byte.

use std::collections::BTreeMap;

use lode_render::{Error, FileCause, Plan, render};

use crate::support::{self, Archive};

/// What became of the cases of one set.
#[derive(Debug, Default)]
struct Tally {
    all: usize,
    same: usize,
    refused: BTreeMap<String, usize>,
    different: Vec<String>,
}

#[test]
fn builds_equal_those_of_kustomize() {
    let Some(archive) = Archive::open() else { return };
    let krusty = krusty(&archive);
    krusty.show("krusty");
    let overlays = overlays(&archive);
    overlays.show("overlays");
    assert!(krusty.same >= KRUSTY_FLOOR, "krusty fell to {}", krusty.same);
    assert!(overlays.same >= OVERLAYS_FLOOR, "overlays fell to {}", overlays.same);
}

/// Measured; may only rise.
const KRUSTY_FLOOR: usize = 160;
/// Measured; may only rise.
const OVERLAYS_FLOOR: usize = 738;

fn krusty(archive: &Archive) -> Tally {
    let mut tally = Tally::default();
    let root = "kustomize/krusty/";
    for path in archive.files.keys().filter(|path| path.starts_with(root) && path.ends_with("/case.json")) {
        let folder = path.trim_end_matches("/case.json");
        let case: serde_json::Value = serde_json::from_str(&archive.text(path).unwrap()).unwrap();
        let expected = |kind: &str| {
            let newest = archive.text(&format!("{folder}/expected-v5.8.1.{kind}"));
            let replaced = archive.files.keys().any(|path| path.starts_with(&format!("{folder}/expected-v5.8.1.")));
            if replaced { newest } else { archive.text(&format!("{folder}/expected.{kind}")) }
        };
        if case["addManagedBy"] == true || case["reorder"] != "none" {
            continue;
        }
        let plan = Plan { path: case["path"].as_str().unwrap().to_owned(), ..Plan::default() };
        let outcome = render(&archive.tree(&format!("{folder}/input")), &plan);
        tally.count(folder.trim_start_matches(root), outcome, expected("yaml"));
    }
    tally
}

fn overlays(archive: &Archive) -> Tally {
    let mut tally = Tally::default();
    let mut trees = BTreeMap::new();
    let expected = "kustomize/overlays/expected/";
    for path in archive.files.keys().filter(|path| path.starts_with(expected)) {
        let name = path.trim_start_matches(expected).trim_end_matches(".yaml");
        let Some((repository, folder)) = folder_of(archive, name) else { continue };
        let tree = trees
            .entry(repository.clone())
            .or_insert_with(|| archive.tree(&format!("kustomize/overlays/input/{repository}")));
        let outcome = render(tree, &Plan { path: folder, ..Plan::default() });
        tally.count(name, outcome, archive.text(path));
    }
    tally
}

/// Finds the folder an expectation's name stands for: `__` is a slash, and a name may hold `__` itself.
fn folder_of(archive: &Archive, name: &str) -> Option<(String, String)> {
    let (repository, _) = name.split_once("__")?;
    let root = format!("kustomize/overlays/input/{repository}/");
    archive
        .files
        .range(root.clone()..)
        .map(|(path, _)| path)
        .take_while(|path| path.starts_with(&root))
        .filter_map(|path| path[root.len()..].rsplit_once('/'))
        .find(|(folder, _)| format!("{repository}__{}", folder.replace('/', "__")) == name)
        .map(|(folder, _)| (repository.to_owned(), folder.to_owned()))
}

impl Tally {
    fn count(&mut self, name: &str, outcome: Result<lode_render::Rendered, Error>, expected: Option<String>) {
        self.all += 1;
        match (outcome, expected) {
            (Err(Error::File { cause: FileCause::Unsupported(field), .. }), _) => {
                *self.refused.entry(field).or_default() += 1;
            }
            (Err(_), None) => self.same += 1,
            (Ok(rendered), Some(expected)) if support::text(&rendered) == expected => self.same += 1,
            (Ok(rendered), Some(expected)) => {
                self.different.push(format!("{name}: {}", difference(&expected, &support::text(&rendered))));
            }
            (Ok(_), None) => self.different.push(format!("{name}: builds, but must fail")),
            (Err(error), Some(_)) => self.different.push(format!("{name}: {error}")),
        }
    }

    fn show(&self, set: &str) {
        self.different.iter().for_each(|line| println!("{line}"));
        let refused: usize = self.refused.values().sum();
        println!(
            "{set}: {} of {} as kustomize, {refused} refused as not supported yet {:?}, {} different",
            self.same,
            self.all,
            self.refused,
            self.different.len()
        );
    }
}

fn difference(want: &str, got: &str) -> String {
    let mut lines = want.lines().zip(got.lines()).enumerate();
    match lines.find(|(_, (want, got))| want != got) {
        Some((line, (want, got))) => format!("line {}: want {want:?}, got {got:?}", line + 1),
        None => format!("{} lines wanted, {} came", want.lines().count(), got.lines().count()),
    }
}
