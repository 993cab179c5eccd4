//! Gate: dependencies between the wings run down only, according to `cargo metadata`, including
//! dependencies of tests.
//!
//! It also checks that controllers do not depend on each other, that there is no circle, that model
//! and engine have no dependency that does I/O, that a crate is named after its folder, and that it
//! uses the lints of the workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// The wings, from bottom to top.
const WINGS: [&str; 5] = ["model", "engine", "world", "control", "face"];
const PURE: [&str; 2] = ["model", "engine"];
/// Crates of the control wing that controllers depend on; all others are controllers.
const CONTROLLER_KIT: [&str; 3] = ["lode-runtime", "lode-apply", "lode-deliver"];
/// Packages that bring a runtime, a network or a cluster; with `-` at the end, all with this
/// prefix.
const IMPURE: [&str; 14] = [
    "async-std",
    "gix",
    "hyper",
    "hyper-",
    "kube",
    "kube-client",
    "kube-runtime",
    "reqwest",
    "rustls",
    "smol",
    "tokio",
    "tokio-",
    "tower",
    "ureq",
];

/// A member of the workspace.
#[derive(Debug)]
struct Member {
    name: String,
    /// Folder, relative to the root.
    folder: String,
    dependencies: Vec<Dependency>,
}

#[derive(Debug)]
struct Dependency {
    name: String,
    for_tests: bool,
}

pub(super) fn check(root: &Path, metadata: &Value) -> Result<Vec<String>> {
    let members = members(root, metadata)?;
    let mut findings = arrows(&members);
    findings.extend(circles(&members));
    for member in &members {
        findings.extend(purity(member));
        findings.extend(naming(member));
        let manifest = root.join(&member.folder).join("Cargo.toml");
        let text = fs::read_to_string(&manifest)
            .with_context(|| format!("read {}", manifest.display()))?;
        if !text.contains("[lints]\nworkspace = true") {
            findings.push(format!(
                "{}/Cargo.toml: does not take the lints of the workspace",
                member.folder
            ));
        }
    }
    Ok(findings)
}

fn arrows(members: &[Member]) -> Vec<String> {
    let by_name: BTreeMap<&str, &Member> = members
        .iter()
        .map(|member| (member.name.as_str(), member))
        .collect();
    let mut findings = Vec::new();
    for member in members {
        for dependency in &member.dependencies {
            let (Some(other), Some(height)) =
                (by_name.get(dependency.name.as_str()), member.height())
            else {
                continue;
            };
            // A test kit outside the wings has the level of what it depends on.
            let kit = || {
                let below = other.dependencies.iter();
                let heights = below.filter_map(|below| by_name.get(below.name.as_str())?.height());
                heights.max().unwrap_or(0)
            };
            let above = if dependency.for_tests {
                Some(other.height().unwrap_or_else(kit))
            } else {
                other.height()
            };
            if above.is_none_or(|above| above > height) {
                findings.push(format!(
                    "{}: depends on {}, and arrows run down only",
                    member.name, other.name
                ));
            }
            if member.is_controller() && other.is_controller() && member.name != other.name {
                findings.push(format!(
                    "{}: depends on {}, and controllers never do that",
                    member.name, other.name
                ));
            }
        }
    }
    findings
}

/// Cargo refuses circles itself, except those through dependencies of tests.
fn circles(members: &[Member]) -> Vec<String> {
    let mut waits_for: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for member in members {
        let ours = member
            .dependencies
            .iter()
            .map(|d| d.name.as_str())
            .filter(|name| *name != member.name);
        waits_for.insert(
            &member.name,
            ours.filter(|name| members.iter().any(|m| m.name == *name))
                .collect(),
        );
    }
    // Repeatedly removes a crate that depends on none of the rest; what remains is in a circle or
    // depends on one.
    while let Some(free) = waits_for
        .iter()
        .find(|(_, below)| below.is_empty())
        .map(|(name, _)| *name)
    {
        waits_for.remove(free);
        for below in waits_for.values_mut() {
            below.remove(free);
        }
    }
    if waits_for.is_empty() {
        return Vec::new();
    }
    let names: Vec<&str> = waits_for.into_keys().collect();
    vec![format!(
        "{}: depend on each other in a circle, or on one",
        names.join(", ")
    )]
}

fn purity(member: &Member) -> Vec<String> {
    if !member.wing().is_some_and(|wing| PURE.contains(&wing)) {
        return Vec::new();
    }
    let is_impure = |name: &str| {
        IMPURE
            .iter()
            .any(|banned| name == *banned || banned.ends_with('-') && name.starts_with(banned))
    };
    let built_on = member
        .dependencies
        .iter()
        .filter(|dependency| !dependency.for_tests && is_impure(&dependency.name));
    built_on
        .map(|other| {
            format!(
                "{}: depends on {}, and its wing is pure",
                member.name, other.name
            )
        })
        .collect()
}

fn naming(member: &Member) -> Option<String> {
    member.wing()?;
    let wanted = format!(
        "lode-{}",
        member.folder.rsplit('/').next().unwrap_or_default()
    );
    (member.name != wanted).then(|| {
        format!(
            "{}: its package is {}, want {wanted}",
            member.folder, member.name
        )
    })
}

impl Member {
    /// Returns its wing; none for tools outside the wings.
    fn wing(&self) -> Option<&str> {
        self.folder.strip_prefix("crates/")?.split('/').next()
    }

    fn height(&self) -> Option<usize> {
        WINGS.iter().position(|wing| Some(*wing) == self.wing())
    }

    fn is_controller(&self) -> bool {
        self.wing() == Some("control") && !CONTROLLER_KIT.contains(&self.name.as_str())
    }
}

fn members(root: &Path, metadata: &Value) -> Result<Vec<Member>> {
    let packages = metadata["packages"]
        .as_array()
        .context("find packages in the output of cargo metadata")?;
    packages
        .iter()
        .map(|package| member(root, package).context("read a package of cargo metadata"))
        .collect()
}

fn member(root: &Path, package: &Value) -> Option<Member> {
    let manifest = Path::new(package["manifest_path"].as_str()?);
    let folder = manifest
        .parent()?
        .strip_prefix(root)
        .ok()?
        .to_str()?
        .to_owned();
    let dependencies = package["dependencies"]
        .as_array()?
        .iter()
        .map(|dependency| {
            Some(Dependency {
                name: dependency["name"].as_str()?.to_owned(),
                for_tests: dependency["kind"] == "dev",
            })
        });
    Some(Member {
        name: package["name"].as_str()?.to_owned(),
        folder,
        dependencies: dependencies.collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house(crates: &[(&str, &[&str])]) -> Vec<Member> {
        let member = |(folder, dependencies): &(&str, &[&str])| Member {
            name: format!("lode-{}", folder.rsplit('/').next().unwrap()),
            folder: format!("crates/{folder}"),
            dependencies: dependencies
                .iter()
                .map(|name| Dependency {
                    name: name.trim_end_matches('?').to_owned(),
                    for_tests: name.ends_with('?'),
                })
                .collect(),
        };
        crates.iter().map(member).collect()
    }

    #[test]
    fn arrows_down_and_aside_are_fine() {
        let members = house(&[
            ("model/tree", &["serde"]),
            ("model/object", &["lode-tree"]),
            ("control/runtime", &["lode-object"]),
            ("control/source", &["lode-runtime", "lode-tree"]),
            ("face/serve", &["lode-source"]),
        ]);
        assert_eq!(arrows(&members), Vec::<String>::new());
        assert_eq!(circles(&members), Vec::<String>::new());
    }

    #[test]
    fn an_arrow_up_is_found_in_tests_too() {
        let members = house(&[("model/tree", &["lode-git?"]), ("world/git", &[])]);
        assert_eq!(
            arrows(&members),
            ["lode-tree: depends on lode-git, and arrows run down only"]
        );
    }

    #[test]
    fn a_kit_for_tests_is_as_high_as_what_it_stands_on() {
        let mut members = house(&[
            ("face/cli", &["lode-kit?"]),
            ("model/tree", &["lode-kit?"]),
            ("world/git", &[]),
            ("x/kit", &[]),
        ]);
        members[3].folder = "kit".to_owned();
        members[3].dependencies.push(Dependency {
            name: "lode-git".to_owned(),
            for_tests: false,
        });
        assert_eq!(
            arrows(&members),
            ["lode-tree: depends on lode-kit, and arrows run down only"]
        );
        members[0].dependencies[0].for_tests = false;
        assert_eq!(
            arrows(&members).len(),
            2,
            "what is not a test stands in the house"
        );
    }

    #[test]
    fn a_kit_for_tests_that_stands_on_nothing_serves_all() {
        let mut members = house(&[("model/tree", &["lode-kit?"]), ("x/kit", &["serde"])]);
        members[1].folder = "kit".to_owned();
        assert_eq!(arrows(&members), Vec::<String>::new());
    }

    #[test]
    fn controllers_do_not_know_each_other() {
        let members = house(&[
            ("control/source", &[]),
            ("control/kustomization", &["lode-source"]),
        ]);
        assert_eq!(
            arrows(&members),
            ["lode-kustomization: depends on lode-source, and controllers never do that"]
        );
    }

    #[test]
    fn a_circle_through_tests_is_found() {
        let members = house(&[
            ("model/tree", &["lode-object?"]),
            ("model/object", &["lode-tree"]),
            ("model/yaml", &[]),
        ]);
        assert_eq!(
            circles(&members),
            ["lode-object, lode-tree: depend on each other in a circle, or on one"]
        );
    }

    #[test]
    fn a_pure_wing_is_built_on_no_runtime() {
        let members = house(&[
            (
                "engine/cel",
                &["kube-cel", "tokio", "hyper-util", "reqwest?"],
            ),
            ("world/git", &["gix"]),
        ]);
        assert_eq!(purity(&members[0]).len(), 2);
        assert_eq!(purity(&members[1]).len(), 0);
    }

    #[test]
    fn a_package_is_named_after_its_folder() {
        let mut members = house(&[("model/tree", &[])]);
        assert_eq!(naming(&members[0]), None);
        members[0].name = "tree".to_owned();
        assert_eq!(
            naming(&members[0]).unwrap(),
            "crates/model/tree: its package is tree, want lode-tree"
        );
    }
}
