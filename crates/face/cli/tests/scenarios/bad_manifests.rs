//! Folders that cannot be built: the message names the object or the file and line, and nothing is
//! applied.

use std::os::unix::fs::symlink;

use anyhow::{Context as _, ensure};
use serde_json::json;

use crate::manifests::config_map;
use crate::stage::Stage;

/// Folder, content of its file, and what the message must contain.
type Case = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
);

const CASES: &[Case] = &[
    (
        "bomb",
        &[("bomb.yaml", BOMB)],
        &["bomb/bomb.yaml:", "alias"],
    ),
    (
        "escape",
        &[("kustomization.yaml", "resources:\n- ../../../etc\n")],
        &["escape/kustomization.yaml:2", "leaves its root"],
    ),
    (
        "loop",
        &[("kustomization.yaml", "resources:\n- one.yaml\n")],
        &["loop/kustomization.yaml:2", "one.yaml"],
    ),
    (
        "twice",
        &[
            (
                "a.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: twin\n",
            ),
            (
                "b.yaml",
                "\n---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: twin}\n",
            ),
        ],
        &["ConfigMap/", "twin", "twice/a.yaml:1", "twice/b.yaml:3"],
    ),
    (
        "no-kind",
        &[(
            "a.yaml",
            "# a comment\napiVersion: v1\nmetadata:\n  name: a\n",
        )],
        &["no-kind/a.yaml:", "kind"],
    ),
    (
        "no-name",
        &[("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n")],
        &["no-name/a.yaml:1", "name"],
    ),
    (
        "generated",
        &[(
            "a.yaml",
            "\napiVersion: batch/v1\nkind: Job\nmetadata: {generateName: migrate-}\n",
        )],
        &[
            "generated/a.yaml:2",
            "metadata.generateName",
            "Set metadata.name",
        ],
    ),
    (
        "tab",
        &[(
            "a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: a\n",
        )],
        &["tab/a.yaml:4"],
    ),
    (
        "charts",
        &[("kustomization.yaml", "helmCharts:\n- name: redis\n")],
        &[
            "charts/kustomization.yaml:2",
            "helmCharts",
            "must specify --enable-helm",
        ],
    ),
    (
        "base",
        &[
            ("kustomization.yaml", "resources:\n- ./in\n"),
            ("in/kustomization.yaml", "namePrefix: a-\nnameprefx: b-\n"),
        ],
        &["base/in/kustomization.yaml:2", "nameprefx"],
    ),
    (
        "remote",
        &[(
            "kustomization.yaml",
            "resources:\n- https://example.com/base?ref=main\n",
        )],
        &["remote/kustomization.yaml:2", "remote"],
    ),
    (
        "circle",
        &[
            ("kustomization.yaml", "resources:\n- in\n"),
            ("in/kustomization.yaml", "resources:\n- ..\n"),
        ],
        &["circle/", "kustomization.yaml:2"],
    ),
    (
        "missing",
        &[
            ("kustomization.yaml", "resources:\n- a.yaml\n- b.yaml\n"),
            (
                "a.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
            ),
        ],
        &["missing/kustomization.yaml:3", "b.yaml"],
    ),
    (
        "variable",
        &[(
            "a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  b: ${NOT_GIVEN}\n",
        )],
        &["ConfigMap/", "variable/a.yaml:6", "NOT_GIVEN"],
    ),
];

const BOMB: &str = "a: &a [x, x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]
g: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f, *f]
h: [*g, *g, *g, *g, *g, *g, *g, *g, *g, *g]
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_cannot_be_built_says_where_and_why() {
    Stage::play("bad-manifests", async |stage| {
        for (folder, files, _) in CASES {
            for (name, text) in *files {
                stage.repository.write(&format!("{folder}/{name}"), text)?;
            }
        }
        let folder = stage.repository.folder();
        symlink("two.yaml", folder.join("loop/one.yaml"))?;
        symlink("one.yaml", folder.join("loop/two.yaml"))?;
        stage.write(
            "good/a.yaml",
            &[config_map(&stage.namespace, "good", json!({}))],
        )?;
        let commit = stage.repository.push("bad folders")?;
        stage.source().await?;
        stage.kustomization("good", json!({})).await?;
        for (name, ..) in CASES {
            let variables = json!({"substitute": {"GIVEN": "1"}});
            stage
                .kustomization(
                    name,
                    json!({"targetNamespace": stage.namespace, "postBuild": variables}),
                )
                .await?;
        }
        let mut faults = Vec::new();
        for (name, _, parts) in CASES {
            let text = stage
                .fails(name, "BuildFailed")
                .await
                .with_context(|| format!("folder {name}"))?;
            println!("{name}: {text}");
            let missing: Vec<_> = parts.iter().filter(|part| !text.contains(**part)).collect();
            if !missing.is_empty() || text.contains("/tmp") {
                faults.push(format!("{name}: without {missing:?}: {text}"));
            }
        }
        ensure!(faults.is_empty(), "{}", faults.join("\n"));
        // A bad folder does not affect another one in the same repository.
        stage.applied("good", &commit).await.map(drop)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_commit_leaves_what_was_applied_and_keeps_looking_after_it() {
    Stage::play("bad-commit", async |stage| {
        let ns = &stage.namespace;
        let first = stage
            .apply_folder("apps", &[config_map(ns, "a", json!({"b": "c"}))])
            .await?;
        stage
            .repository
            .write("apps/objects.yaml", "kind: ConfigMap\n")?;
        stage.deliver("break it").await?;
        stage.fails("apps", "BuildFailed").await?;
        let apps = stage.object("Kustomization", "apps").await?;
        ensure!(apps["status"]["lastAppliedRevision"] == first["status"]["lastAppliedRevision"]);
        ensure!(apps["status"]["inventory"] == first["status"]["inventory"]);
        stage
            .world
            .patch_as(
                "somebody",
                ("ConfigMap", ns, "a"),
                json!({"data": {"b": "d"}}),
            )
            .await?;
        stage
            .sees("ConfigMap", "a", "/data/b", json!("c"))
            .await
            .map(drop)
    })
    .await;
}
