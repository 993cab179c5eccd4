//! Small inputs that would cost gigabytes or minutes: what a tenant may push or apply to harm its
//! neighbours.
//!
//! A bomb for builds is a folder of its name with one Kustomization. Each would cost more than
//! every bound allows.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::Repository;

/// A folder that is expensive to build.
#[derive(Debug, Clone)]
pub struct Bomb {
    /// Its name, and that of its folder.
    pub name: &'static str,
    /// Its files, relative to the folder.
    pub files: Vec<(String, String)>,
    /// The specification of its Kustomization, without folder and source.
    pub spec: Value,
}

impl Bomb {
    /// Writes the folder into a repository.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, repository: &Repository) -> anyhow::Result<()> {
        for (path, text) in &self.files {
            repository.write(&format!("{}/{path}", self.name), text)?;
        }
        Ok(())
    }
}

/// Returns a bomb of every kind that a build can contain.
#[must_use]
pub fn of_builds() -> Vec<Bomb> {
    vec![
        substitution(),
        aliases(),
        long_alias(),
        merge_keys(),
        repeated_bases(),
        images(),
        replacements(),
        patches(),
    ]
}

/// Writes a repository whose ignore patterns cost many steps for each of its files.
///
/// # Errors
/// A file cannot be written.
pub fn write_ignore_patterns(repository: &Repository) -> anyhow::Result<()> {
    for number in 0..IGNORED_FILES {
        repository.write(&format!("{}{number:06}", "a".repeat(200)), "")?;
    }
    let patterns = (0..PATTERNS).fold(String::new(), |text, number| {
        text + &format!("*{}b{number}\n", "a".repeat(120))
    });
    repository
        .write(".sourceignore", &patterns)
        .context("write the patterns")
}

/// Writes a repository that is small in transit and large when unpacked.
///
/// # Errors
/// A file cannot be written.
pub fn write_large_files(repository: &Repository, files: usize, mib: usize) -> anyhow::Result<()> {
    for number in 0..files {
        let letter = char::from(b'a' + u8::try_from(number % 26)?);
        repository.write(
            &format!("large/{number}.txt"),
            &letter.to_string().repeat(mib << 20),
        )?;
    }
    Ok(())
}

/// Returns the specification of a Kustomization that waits for a hundred objects, each in a namespace of its own.
#[must_use]
pub fn hundred_health_checks() -> Value {
    let check = |number: u32| {
        let kind = ["ConfigMap", "Secret", "Service", "Pod"][number as usize % 4];
        json!({"apiVersion": "v1", "kind": kind, "name": "none", "namespace": format!("nowhere-{number}")})
    };
    json!({"timeout": "100m", "wait": false, "healthChecks": (0..100).map(check).collect::<Vec<_>>()})
}

/// Returns the record of a release that is some kilobytes in a Secret and more than any record unpacked, as the data of
/// the Secret.
///
/// # Errors
/// It cannot be compressed.
pub fn record() -> anyhow::Result<String> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(br#"{"name":"forged","manifest":""#)?;
    let part = vec![b'x'; 1 << 20];
    for _ in 0..RECORD_MIB {
        encoder.write_all(&part)?;
    }
    encoder.write_all(br#"","version":1}"#)?;
    let record = STANDARD.encode(encoder.finish()?);
    // Secrets are encoded once more.
    Ok(STANDARD.encode(record))
}

/// Mebibytes of a record that is too large.
const RECORD_MIB: usize = 80;

/// Returns definitions of a number of kinds, and an object of each.
#[must_use]
pub fn kinds(count: usize, namespace: &str) -> Vec<Value> {
    let group = "bombs.example.com";
    let definition = |number: usize| {
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("many{number}s.{group}")},
            "spec": {"group": group, "scope": "Namespaced", "names": {"plural": format!("many{number}s"), "kind": format!("Many{number}")},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}})
    };
    let object = |number: usize| {
        json!({"apiVersion": format!("{group}/v1"), "kind": format!("Many{number}"),
            "metadata": {"name": "one", "namespace": namespace}, "spec": {"a": "b"}})
    };
    (0..count)
        .map(definition)
        .chain((0..count).map(object))
        .collect()
}

fn bomb(name: &'static str, files: Vec<(&str, String)>, spec: Value) -> Bomb {
    Bomb {
        name,
        files: files
            .into_iter()
            .map(|(path, text)| (path.to_owned(), text))
            .collect(),
        spec,
    }
}

fn map(name: &str, data: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata:\n{data}")
}

/// A variable of 100 KB, replaced 20,000 times: 2 GB.
fn substitution() -> Bomb {
    let variables = json!({"substitute": {"v": "a".repeat(100_000)}});
    let text = "${v//a/b}".repeat(20_000);
    bomb(
        "substitution",
        vec![("a.yaml", map("a", &format!("  a: {text}\n")))],
        json!({"postBuild": variables}),
    )
}

/// Ten aliases to ten aliases, ten times over.
fn aliases() -> Bomb {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        let _infallible = writeln!(text, "a{level}: &a{level} [{below}]");
    }
    bomb(
        "aliases",
        vec![(
            "a.yaml",
            format!("apiVersion: v1\nkind: A\nmetadata: {{name: a}}\n{text}"),
        )],
        json!({}),
    )
}

/// A text of 20 KB with 100,000 aliases: 2 GB.
fn long_alias() -> Bomb {
    let (long, names) = ("x".repeat(20_000), "*l, ".repeat(100_000));
    let text =
        format!("apiVersion: v1\nkind: A\nmetadata: {{name: a}}\nl: &l {long}\nm: [{names}]\n");
    bomb("long-alias", vec![("a.yaml", text)], json!({}))
}

/// A mapping of 1,000 keys, merged into 20,000 others.
fn merge_keys() -> Bomb {
    let keys = (0..1_000).fold(String::new(), |text, key| {
        text + &format!("  k{key}: {}\n", "x".repeat(50))
    });
    let merged = "- {<<: *m}\n".repeat(20_000);
    let text = format!("apiVersion: v1\nkind: A\nmetadata: {{name: a}}\nm: &m\n{keys}n:\n{merged}");
    bomb("merge-keys", vec![("a.yaml", text)], json!({}))
}

/// An object of 1 MB in a base that 2,000 folders use.
fn repeated_bases() -> Bomb {
    let large = map("a", &format!("  a: {}\n", "x".repeat(1_000_000)));
    let mut files = vec![
        ("base/a.yaml".to_owned(), large),
        (
            "base/kustomization.yaml".to_owned(),
            "resources: [a.yaml]\n".to_owned(),
        ),
    ];
    let mut all = "resources:\n".to_owned();
    for number in 0..2_000 {
        let over = format!("namePrefix: p{number}-\nresources: [../base]\n");
        files.push((format!("o{number}/kustomization.yaml"), over));
        let _infallible = writeln!(all, "- o{number}");
    }

    files.push(("kustomization.yaml".to_owned(), all));
    Bomb {
        name: "repeated-bases",
        files,
        spec: json!({}),
    }
}

fn pods(count: usize) -> String {
    let pod = |number: usize| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{number}}}\nspec: {{containers: [{{name: c, image: i{number}}}]}}\n"
        )
    };
    (0..count).map(pod).collect::<Vec<_>>().join("---\n")
}

/// Returns a build that lasts many seconds also without debug assertions, if its steps are not bounded.
#[must_use]
pub fn endless() -> Bomb {
    searched_images(100_000)
}

fn images() -> Bomb {
    searched_images(20_000)
}

/// So many images, searched for in 5,000 Pods.
fn searched_images(count: usize) -> Bomb {
    let images = (0..count).fold("images:\n".to_owned(), |text, at| {
        text + &format!("- {{name: i{at}, newTag: t}}\n")
    });
    let kustomization = format!("resources: [a.yaml]\n{images}");
    bomb(
        "images",
        vec![
            ("a.yaml", pods(5_000)),
            ("kustomization.yaml", kustomization),
        ],
        json!({}),
    )
}

/// 5,000 replacements, each for all of 5,000 Pods.
fn replacements() -> Bomb {
    let replacement = "- source: {kind: Pod, name: p0, fieldPath: metadata.name}\n  targets:\n  - select: {kind: Pod}\n    \
        fieldPaths: [\"spec.containers.[name=c].image\"]\n";
    let kustomization = format!(
        "resources: [a.yaml]\nreplacements:\n{}",
        replacement.repeat(5_000)
    );
    bomb(
        "replacements",
        vec![
            ("a.yaml", pods(5_000)),
            ("kustomization.yaml", kustomization),
        ],
        json!({}),
    )
}

/// 5,000 patches, each for all of 5,000 Pods.
fn patches() -> Bomb {
    let patch = "- target: {kind: Pod, name: \".*\"}\n  patch: '[{op: add, path: /metadata/x, value: y}]'\n";
    let kustomization = format!("resources: [a.yaml]\npatches:\n{}", patch.repeat(5_000));
    bomb(
        "patches",
        vec![
            ("a.yaml", pods(5_000)),
            ("kustomization.yaml", kustomization),
        ],
        json!({}),
    )
}

/// Files of the repository with many patterns.
const IGNORED_FILES: usize = 3_000;
/// Number of patterns in that repository.
const PATTERNS: usize = 10_000;
