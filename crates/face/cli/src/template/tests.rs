//! The verb on small charts.

use std::fs;

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

fn args(line: &[&str]) -> Args {
    Line::parse_from([&["template"], line].concat()).args
}

fn chart() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("values.yaml", "a: 1\n"),
        (
            "values.schema.json",
            "{\"properties\": {\"a\": {\"type\": \"number\"}}}",
        ),
        (
            "templates/a.yaml",
            "kind: A\na: {{ .Values.a }}\nname: {{ .Release.Name }}\n",
        ),
        ("templates/bad.yaml", "{{ if .Values.bad }}a: [{{ end }}"),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn rendered(line: &[&str]) -> anyhow::Result<String> {
    let folder = chart();
    let path = folder.path().to_str().unwrap();
    let line: Vec<&str> = line
        .iter()
        .map(|word| if *word == "CHART" { path } else { word })
        .collect();
    let args = args(&line);
    let budget = Budget::new(lode_chart::LIMITS);
    let (name, chart) = name_and_chart(&args, &budget)?;
    let chart = source::load(chart, &budget)?;
    let release = ReleaseInfo {
        name: &name,
        namespace: &args.namespace,
        revision: 1,
        is_upgrade: false,
    };
    let values = values(&args, &budget)?;
    let outcome = render(
        &args,
        &chart,
        &values,
        &release,
        &capabilities(&args)?,
        &budget,
    )?;
    Ok(lode_chart::manifest::text(&outcome.rendered.manifests))
}

#[test]
fn values_and_names_are_taken_from_the_command_line() {
    let text = rendered(&["CHART"]).unwrap();
    assert_eq!(
        text,
        "---\n# Source: web/templates/a.yaml\nkind: A\na: 1\nname: release-name\n\n"
    );
    let text = rendered(&["rel", "CHART", "--set", "a=1000000"]).unwrap();
    assert!(text.contains("a: 1000000\nname: rel\n"), "{text}");
    let text = rendered(&[
        "CHART",
        "--name-template",
        "x-{{ 1 | add 2 }}",
        "--set-json",
        "a=2",
    ])
    .unwrap();
    assert!(text.contains("a: 2\nname: x-3\n"), "{text}");
}

#[test]
fn errors_say_what_is_wrong() {
    for (line, want) in [
        (
            &["rel", "CHART", "-g"][..],
            "cannot set --generate-name and also specify a name",
        ),
        (
            &["CHART", "--kube-version", "x"],
            "invalid kube version 'x': could not parse \"x\" as version",
        ),
        (
            &["CHART", "--set", "a"],
            "failed parsing --set data: key \"a\" has no value",
        ),
        (
            &["CHART", "--set", "a=x"],
            "values don't meet the specifications of the schema(s) in the following chart(s):\nweb:\n- at '/a': got string, want number",
        ),
        (
            &["CHART", "--set-file", "a=/nowhere"],
            "failed parsing --set-file data: open /nowhere: No such file or directory (os error 2)",
        ),
        (&["/nowhere"], "/nowhere: no such folder or file"),
    ] {
        assert_eq!(rendered(line).unwrap_err().to_string(), want, "{line:?}");
    }
    let error = rendered(&["CHART", "--set", "bad=1"]).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("YAML parse error on web/templates/bad.yaml: "),
        "{error}"
    );
}

#[test]
fn what_needs_a_cluster_or_a_program_is_refused() {
    for flags in [
        &["--validate"][..],
        &["--dry-run=server"],
        &["--dependency-update"],
        &["--post-renderer", "x"],
    ] {
        let args = args(&[flags, &["CHART"]].concat());
        assert!(
            args.refused
                .check()
                .unwrap_err()
                .to_string()
                .contains("is not supported")
        );
    }
    assert!(args(&["--dry-run", "CHART"]).refused.check().is_ok());
}
