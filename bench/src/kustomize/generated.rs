//! Builds of generated objects: a quarter each of config maps, accounts, services and deployments,
//! with a prefix, labels, references and fifty patches.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::pair;
use crate::peer::{mebibytes, millis, row};
use crate::print;

/// Numbers of objects; the real command skips the last, which would take it minutes.
const SIZES: [usize; 2] = [500, 2000];
const LARGE: usize = 8000;
const PATCHES: usize = 50;

pub(super) fn run(lode: &Path, kustomize: &Path) -> anyhow::Result<()> {
    print::line("generated objects, a process each (kustomize | lode | ratio)");
    let folder = tempfile::tempdir().context("make a folder")?;
    let mut per_object = Vec::new();
    for size in SIZES {
        let at = folder.path().join(size.to_string());
        write(&at, size)?;
        let (ours, theirs) = pair(lode, kustomize, &at, 2)?;
        row(
            &format!("{size} objects, time, ms"),
            millis(theirs.time),
            millis(ours.time),
        );
        row(
            &format!("{size} objects, memory, MiB"),
            mebibytes(theirs),
            mebibytes(ours),
        );
        per_object.push(millis(ours.time) / size as f64);
    }
    let at = folder.path().join("large");
    write(&at, LARGE)?;
    let ours = crate::launch::cost(lode, &["build", at.to_str().context("a name in UTF-8")?])?;
    print::figure(
        &format!("{LARGE} objects, lode alone"),
        millis(ours.time),
        "ms",
    );
    print::figure(
        &format!("{LARGE} objects, lode alone"),
        mebibytes(ours),
        "MiB",
    );
    let ratio = millis(ours.time) / LARGE as f64 / per_object.first().copied().unwrap_or(1.0);
    print::figure(
        &format!("time per object, {LARGE} to {}", SIZES[0]),
        ratio,
        "x",
    );
    Ok(())
}

fn write(folder: &Path, objects: usize) -> anyhow::Result<()> {
    fs::create_dir_all(folder).context("make a folder")?;
    let mut text = String::new();
    for n in 0..objects / 4 {
        write_four(&mut text, n).context("write to a text")?;
    }
    fs::write(folder.join("all.yaml"), text).context("write the objects")?;
    let mut kustomization =
        "namePrefix: p-\nnamespace: shop\nlabels:\n- pairs: {team: web}\n  includeSelectors: true\n\
                             resources: [all.yaml]\npatches:\n"
            .to_owned();
    for n in 0..PATCHES {
        write!(
            kustomization,
            "- patch: |\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {{name: web-{n}}}\n    spec:\n      \
             template:\n        spec:\n          containers:\n          - name: web\n            resources: {{limits: {{cpu: 100m}}}}\n"
        )?;
    }
    fs::write(folder.join("kustomization.yaml"), kustomization).context("write the kustomization")
}

fn write_four(text: &mut String, n: usize) -> std::fmt::Result {
    write!(
        text,
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: config-{n}\ndata:\n  color: blue\n  file: |\n    a\n    b\n\
         ---\napiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: account-{n}\n\
         ---\napiVersion: v1\nkind: Service\nmetadata:\n  name: web-{n}\nspec:\n  selector:\n    app: web-{n}\n  ports:\n  - name: http\n    port: 80\n\
         ---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web-{n}\nspec:\n  replicas: 2\n  selector:\n    matchLabels:\n      app: web-{n}\n  \
         template:\n    metadata:\n      labels:\n        app: web-{n}\n    spec:\n      serviceAccountName: account-{n}\n      containers:\n      - name: web\n        \
         image: web:1\n        envFrom:\n        - configMapRef:\n            name: config-{n}\n"
    )
}
