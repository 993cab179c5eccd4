//! Renders of small charts.

use jiff::Timestamp;
use lode_stdx::budget::Budget;
use lode_template::Random;
use serde_json::{Value, json};

use super::*;
use crate::Chart;
use crate::file::ChartFile;

struct Zeros;

impl Random for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

const RELEASE: ReleaseInfo<'_> = ReleaseInfo {
    name: "rel",
    namespace: "shop",
    revision: 1,
    is_upgrade: false,
};

fn chart(files: &[(&str, &str)]) -> Chart {
    let mut all = vec![ChartFile::new(
        "Chart.yaml",
        b"apiVersion: v2\nname: web\nversion: 1.0.0\n",
    )];
    all.extend(
        files
            .iter()
            .map(|(path, content)| ChartFile::new(*path, content.as_bytes())),
    );
    Chart::from_files(all, &Budget::unlimited()).unwrap()
}

fn render(
    chart: &Chart,
    values: &Value,
    options: &RenderOptions<'_>,
) -> Result<RenderedChart, RenderError> {
    let budget = Budget::new(crate::LIMITS);
    let environment = Environment {
        now: Timestamp::UNIX_EPOCH,
        random: &Zeros,
        cluster: None,
        resolve_host: None,
        used_time: None,
        is_lint: false,
        budget: &budget,
    };
    let prepared = chart.prepare(values.as_object().unwrap(), &budget).unwrap();
    prepared.render(&RELEASE, &Capabilities::default(), options, &environment)
}

/// Returns the first manifest of a template, in a chart with some files and subcharts.
fn shown(template: &str) -> String {
    let chart = chart(&[
        ("templates/a.yaml", template),
        ("values.yaml", "num: 1000000\nlist: [1, a]\n"),
        ("conf/a.txt", "one\ntwo\n"),
        ("conf/b.txt", "x: \"y\""),
        (
            "charts/db/Chart.yaml",
            "apiVersion: v2\nname: db\nversion: 2.0.0\nappVersion: 5\n",
        ),
        ("charts/db/values.yaml", "port: 1\n"),
    ]);
    let rendered = render(
        &chart,
        &json!({"set": 1_000_000}),
        &RenderOptions::default(),
    );
    rendered
        .unwrap()
        .manifests
        .first()
        .map(|manifest| manifest.content.to_string())
        .unwrap_or_default()
}

#[test]
fn templates_see_the_release_the_chart_and_the_cluster() {
    for (template, want) in [
        (
            "a: {{ .Release.Name }} {{ .Release.Namespace }} {{ .Release.Revision }} {{ .Release.IsInstall }} {{ .Release.Service }}",
            "a: rel shop 1 true Helm",
        ),
        (
            "a: {{ .Chart.Name }} {{ .Chart.Version }} {{ .Chart.IsRoot }} {{ .Subcharts.db.Chart.AppVersion }}",
            "a: web 1.0.0 true 5",
        ),
        (
            "a: {{ .Values.num }} {{ .Values.set }} {{ .Values.list }} {{ .Values.db.port }} {{ .Subcharts.db.Values.port }}",
            "a: 1e+06 1000000 [1 a] 1 1",
        ),
        (
            "a: {{ .Template.Name }} {{ .Template.BasePath }}",
            "a: web/templates/a.yaml web/templates",
        ),
        (
            "a: {{ .Capabilities.KubeVersion }} {{ .Capabilities.KubeVersion.Minor }} {{ .Capabilities.KubeVersion.GitVersion }}",
            "a: v1.36.0 36 v1.36.0",
        ),
        (
            "a: {{ .Capabilities.APIVersions.Has \"apps/v1\" }} {{ .Capabilities.APIVersions.Has \"x/v1\" }} {{ .Capabilities.HelmVersion.Version }}",
            "a: true false v4.2.1",
        ),
        (
            "a: {{ regexMatch \"{(v[0-9])*[^}]*}}$\" (.Capabilities | toString ) }}",
            "a: true",
        ),
        (
            "a: {{ typeOf .Values }} {{ typeOf .Files }} {{ typeOf .Capabilities }} {{ kindOf .Chart }}",
            "a: common.Values engine.files *common.Capabilities map",
        ),
    ] {
        assert_eq!(shown(template), want, "{template}");
    }
}

#[test]
fn files_have_methods() {
    for (template, want) in [
        (
            "a: {{ .Files.Get \"conf/a.txt\" | quote }}\nb: {{ .Files.Get \"none\" | quote }}",
            "a: \"one\\ntwo\\n\"\nb: \"\"",
        ),
        (
            "a: {{ range .Files.Lines \"conf/a.txt\" }}{{ . }},{{ end }}",
            "a: one,two,",
        ),
        (
            "a: {{ range $path, $_ := .Files.Glob \"conf/*\" }}{{ $path }} {{ end }}",
            "a: conf/a.txt conf/b.txt ",
        ),
        (
            "{{ (.Files.Glob \"conf/b*\").AsConfig }}",
            "b.txt: 'x: \"y\"'",
        ),
        (
            "{{ (.Files.Glob \"conf/b*\").AsSecrets }}",
            "b.txt: eDogInki",
        ),
        (
            "a: {{ index .Files \"conf/b.txt\" | toString | quote }}",
            "a: \"x: \\\"y\\\"\"",
        ),
    ] {
        assert_eq!(shown(template), want, "{template}");
    }
}

#[test]
fn notes_are_not_manifests() {
    let chart = chart(&[
        ("templates/NOTES.txt", "Hello {{ .Release.Name }}"),
        (
            "charts/db/Chart.yaml",
            "apiVersion: v2\nname: db\nversion: 1.0.0\n",
        ),
        ("charts/db/templates/NOTES.txt", "Bye"),
    ]);
    let rendered = render(&chart, &json!({}), &RenderOptions::default()).unwrap();
    assert!(rendered.manifests.is_empty());
    assert_eq!(rendered.notes, "Hello rel");
    let options = RenderOptions {
        sub_notes: true,
        ..RenderOptions::default()
    };
    assert_eq!(
        render(&chart, &json!({}), &options).unwrap().notes,
        "Bye\nHello rel"
    );
}

#[test]
fn of_a_library_only_partial_templates_count() {
    let chart = chart(&[
        ("templates/a.yaml", "a: {{ include \"lib.x\" . }}"),
        (
            "charts/lib/Chart.yaml",
            "apiVersion: v2\nname: lib\nversion: 1.0.0\ntype: library\n",
        ),
        (
            "charts/lib/templates/_x.tpl",
            "{{ define \"lib.x\" }}x{{ end }}",
        ),
        ("charts/lib/templates/b.yaml", "{{ fail \"no\" }}"),
    ]);
    let rendered = render(&chart, &json!({}), &RenderOptions::default()).unwrap();
    assert_eq!(rendered.manifests.len(), 1);
    assert_eq!(&*rendered.manifests[0].content, "a: x");
}

#[test]
fn what_was_used_is_known() {
    for (template, want) in [
        ("a: b", Used::default()),
        (
            "a: {{ randAlpha 3 }}",
            Used {
                random: true,
                ..Used::default()
            },
        ),
        (
            "a: {{ lookup \"v1\" \"Pod\" \"\" \"\" }}",
            Used {
                lookup: true,
                ..Used::default()
            },
        ),
        (
            "a: {{ now | unixEpoch }}",
            Used {
                time: true,
                ..Used::default()
            },
        ),
        (
            "a: {{ tpl .Values.text . }}",
            Used {
                time: true,
                ..Used::default()
            },
        ),
    ] {
        let chart = chart(&[("templates/a.yaml", template)]);
        let rendered = render(
            &chart,
            &json!({"text": "{{ now }}"}),
            &RenderOptions::default(),
        )
        .unwrap();
        assert_eq!(rendered.used, want, "{template}");
        assert_eq!(rendered.used.nothing(), want == Used::default());
    }
}

#[test]
fn errors_are_helms() {
    let failed = |template: &str| {
        let chart = chart(&[("templates/a.yaml", template)]);
        render(&chart, &json!({}), &RenderOptions::default())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        failed("{{ fail \"no\" }}"),
        "execution error at (web/templates/a.yaml:1:3): no"
    );
    assert_eq!(
        failed("\n{{ if }}"),
        "parse error at (web/templates/a.yaml:2): missing value for if"
    );
    let error = failed("a: [\n");
    assert!(
        error.starts_with(
            "YAML parse error on web/templates/a.yaml: error converting YAML to JSON: "
        ),
        "{error}"
    );
}

#[test]
fn the_clusters_version_must_be_supported() {
    let chart = chart(&[(
        "Chart.yaml",
        "apiVersion: v2\nname: web\nversion: 1.0.0\nkubeVersion: <1.20.0\n",
    )]);
    let error = render(&chart, &json!({}), &RenderOptions::default()).unwrap_err();
    let want = "chart requires kubeVersion: <1.20.0 which is incompatible with Kubernetes v1.36.0";
    assert_eq!(error.to_string(), want);
}

#[test]
fn a_post_renderer_changes_manifests() {
    let chart = chart(&[("templates/a.yaml", "kind: A\nmetadata:\n  name: a\n")]);
    let change = |stream: &str| Ok(stream.replace("kind: A", "kind: B"));
    let post_render = PostRender {
        change: &change,
        strategy: post_render::Strategy::Combined,
    };
    let options = RenderOptions {
        post_render: Some(post_render),
        ..RenderOptions::default()
    };
    let rendered = render(&chart, &json!({}), &options).unwrap();
    assert_eq!(
        &*rendered.manifests[0].content,
        "kind: B\nmetadata:\n  name: a\n"
    );
    assert_eq!(rendered.manifests[0].path, "web/templates/a.yaml");
}

#[test]
fn what_was_rendered_before_is_no_reason_for_another_outcome() {
    let long = "# filler\n".repeat(500);
    let template = format!(
        "{long}kind: A\nmetadata:\n  name: {{{{ .Values.name }}}}\n---\nkind: Job\nmetadata:\n  name: b\n  annotations: \
         {{helm.sh/hook: {{{{ .Values.hook }}}}}}\n"
    );
    let chart = chart(&[
        ("templates/a.yaml", &*template),
        ("templates/b.yaml", "kind: {{ .Values.name }}"),
    ]);
    let outcome = |values: &Value| {
        let rendered = render(&chart, values, &RenderOptions::default()).unwrap();
        let manifests = rendered.manifests.iter();
        let names: Vec<String> = manifests
            .map(|manifest| format!("{}/{}", manifest.head.kind, manifest.head.name))
            .collect();
        let length: usize = rendered
            .parts(&[], |_| true)
            .iter()
            .map(|part| part.len())
            .sum();
        (names, rendered.hooks.len(), length)
    };
    let (one, two) = (
        json!({"name": "one", "hook": "pre-install"}),
        json!({"name": "other", "hook": "test"}),
    );
    let first = outcome(&one);
    assert_eq!(first.0, ["A/one", "one/"]);
    assert_eq!(first.1, 1);
    assert_eq!(outcome(&one), first);
    assert_eq!(outcome(&two).0, ["A/other", "other/"]);
    assert_eq!(outcome(&one), first);
}
