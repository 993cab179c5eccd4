//! Own cases: `tests/cases/NAME/` contains `input/`, `plan.json` (a Kustomization's spec) and
//! either `expected.yaml`, the rendered text, or `expected.error`, the message.

use std::fs;
use std::path::{Path, PathBuf};

use lode_render::{LIMITS, render};
use lode_stdx::budget::Budget;
use lode_tree::Tree;

use crate::costs::alone;
use crate::support;

#[test]
fn every_case_comes_out_as_written() {
    let _alone = alone();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases: Vec<PathBuf> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    for case in &cases {
        let name = case.file_name().unwrap().to_string_lossy();
        let spec = serde_json::from_slice(&fs::read(case.join("plan.json")).unwrap()).unwrap();
        let tree = Tree::from_iter(files(&case.join("input")));
        match render(&tree, &support::plan(&spec), &Budget::new(LIMITS)) {
            Ok(rendered) => {
                let want = fs::read_to_string(case.join("expected.yaml")).unwrap_or_default();
                assert_eq!(support::text(&rendered), want, "{name}");
                assert!(rendered.reads.holds_in(&tree), "{name}");
            }
            Err(error) => {
                let want = fs::read_to_string(case.join("expected.error")).unwrap_or_default();
                assert_eq!(format!("{error}\n"), want, "{name}");
            }
        }
    }
    println!("{} cases", cases.len());
}

fn files(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(root)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                found.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    found
}
