//! `lode build` of a folder in a remote repository, with remote bases that a kustomization there
//! names.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use e2e::GitServer;

use crate::ground;

#[test]
fn folders_and_bases_of_repositories_are_built() {
    play(&ground::binary()).unwrap();
}

fn play(binary: &Path) -> anyhow::Result<()> {
    let (git, local) = (GitServer::start()?, tempfile::tempdir()?);
    let repository = git.repository("app")?;
    repository.write("base/kustomization.yaml", "resources: [a.yaml]\n")?;
    repository.write(
        "base/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {color: blue}\n",
    )?;
    let first = repository.push("blue")?;
    repository.git(&["tag", "v1"])?;
    repository.send("v1")?;
    repository.write(
        "base/a.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {color: green}\n",
    )?;
    repository.push("green")?;
    let build = |path: &str| {
        let run = Command::new(binary)
            .args(["build", path, "--egress-allow", "127.0.0.0/8"])
            .env("XDG_CACHE_HOME", local.path().join("cache"))
            .output();
        let run = run.context("run lode")?;
        let text = String::from_utf8_lossy(if run.status.success() {
            &run.stdout
        } else {
            &run.stderr
        })
        .into_owned();
        Ok::<_, anyhow::Error>((run.status.success(), text))
    };
    let url = &repository.url;
    for (query, color) in [
        (String::new(), "green"),
        ("?ref=main".to_owned(), "green"),
        ("?ref=v1".to_owned(), "blue"),
        (format!("?ref={first}"), "blue"),
    ] {
        let (done, text) = build(&format!("{url}//base{query}"))?;
        ensure!(
            done && text.contains(&format!("color: {color}")),
            "{query}: {text}"
        );
        let folder = local.path().join(color);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(
            folder.join("kustomization.yaml"),
            format!("namePrefix: local-\nresources: [\"{url}//base{query}\"]\n"),
        )?;
        let (done, text) = build(folder.to_str().context("a name in UTF-8")?)?;
        ensure!(
            done && text.contains(&format!("color: {color}")) && text.contains("name: local-a"),
            "{query}: {text}"
        );
    }
    let (done, text) = build(&format!("{url}//base?ref=nothere"))?;
    ensure!(!done && text.contains("nothere"), "{text}");
    let (done, text) = build(&format!("{url}//nothere"))?;
    ensure!(!done && text.contains("nothere"), "{text}");
    Ok(())
}
