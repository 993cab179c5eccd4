//! Charts as builds render them.

use lode_kustomize::{FileCause, build_with_charts};
use lode_stdx::budget::{Limits, Spent};
use lode_tree::RepoPath;

use super::*;
use crate::{LIMITS, Plan, Rendered as Built, render, render_with_charts};

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ .Release.Name }}\", namespace: \"{{ .Release.Namespace }}\"}\n\
    data: {color: \"{{ .Values.color }}\", kube: \"{{ .Capabilities.KubeVersion }}\", x: \"{{ .Capabilities.APIVersions.Has \"x/v1\" }}\"}\n";
const TESTS: &str =
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: t\n  annotations: {helm.sh/hook: test}\n";
const HOOK: &str = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: h\n  annotations: {helm.sh/hook: pre-install}\n";
const CRD: &str =
    "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: c}\n";

fn tree(kustomization: &str, templates: &[(&str, &str)]) -> Tree {
    let mut files = vec![
        ("kustomization.yaml".to_owned(), kustomization.to_owned()),
        (
            "charts/web/Chart.yaml".to_owned(),
            "apiVersion: v2\nname: web\nversion: 1.0.0\n".to_owned(),
        ),
        (
            "charts/web/values.yaml".to_owned(),
            "color: blue\n".to_owned(),
        ),
    ];
    for (name, text) in templates {
        files.push((format!("charts/web/{name}"), (*text).to_owned()));
    }
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (&**path, &**text))
        .collect();
    Tree::from_iter(files)
}

fn of_source(tree: &Tree, budget: &Budget) -> Result<Built, crate::Error> {
    let renderer = ChartRenderer::of_source();
    render_with_charts(tree, &Plan::default(), (Some(&renderer), budget))
}

fn refusal(templates: &[(&str, &str)]) -> String {
    let tree = tree("helmCharts: [{name: web}]\n", templates);
    let outcome = of_source(&tree, &Budget::new(LIMITS));
    outcome.unwrap_err().to_string()
}

fn names(built: &Built) -> Vec<String> {
    let ids = built.objects.iter();
    ids.map(|prepared| prepared.object.id().to_string())
        .collect()
}

#[test]
fn a_chart_in_the_source_becomes_objects_with_the_settings_of_its_entry() {
    let kustomization = "namespace: shop\nhelmCharts:\n- name: web\n  releaseName: r\n  includeCRDs: true\n  kubeVersion: v1.30.1\n  \
        apiVersions: [x/v1]\n  valuesInline: {color: red}\n";
    let templates = [
        ("templates/a.yaml", CONFIG),
        ("templates/t.yaml", TESTS),
        ("templates/h.yaml", HOOK),
        ("crds/c.yaml", CRD),
    ];
    let built = of_source(&tree(kustomization, &templates), &Budget::new(LIMITS)).unwrap();
    assert_eq!(
        names(&built),
        [
            "CustomResourceDefinition/c",
            "ConfigMap/shop/r",
            "Pod/t",
            "Job/h"
        ]
    );
    let data = &built.objects[1].object.value()["data"];
    assert_eq!(
        *data,
        serde_json::json!({"color": "red", "kube": "v1.30.1", "x": "true"})
    );
    let fewer = format!("{kustomization}  skipTests: true\n");
    let built = of_source(&tree(&fewer, &templates), &Budget::new(LIMITS)).unwrap();
    assert_eq!(built.objects.len(), 3);
    let fewest = format!("{kustomization}  skipHooks: true\n");
    let built = of_source(&tree(&fewest, &templates), &Budget::new(LIMITS)).unwrap();
    assert_eq!(built.objects.len(), 2);
}

#[test]
fn without_a_renderer_a_plan_with_charts_is_refused() {
    let tree = tree("helmCharts: [{name: web}]\n", &[]);
    let error = render(&tree, &Plan::default(), &Budget::new(LIMITS)).unwrap_err();
    let crate::Error::Build(lode_kustomize::Error::File { cause, .. }) = error else {
        panic!("{error}");
    };
    assert_eq!(cause, FileCause::ChartsDisabled);
}

#[test]
fn output_that_differs_from_build_to_build_is_refused_by_a_renderer_of_the_source() {
    let with = |text: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{x: \"{text}\"}}\n")
    };
    for text in [
        "{{ randAlphaNum 8 }}",
        "{{ now | unixEpoch }}",
        "{{ genPrivateKey \"ed25519\" | len }}",
    ] {
        let error = refusal(&[("templates/a.yaml", &with(text))]);
        assert!(
            error.contains("would change with every build"),
            "{text}: {error}"
        );
    }
    let unused = with("{{ if false }}{{ now }}{{ randAlphaNum 8 }}{{ end }}");
    let tree = tree(
        "helmCharts: [{name: web}]\n",
        &[("templates/a.yaml", &unused)],
    );
    assert!(of_source(&tree, &Budget::new(LIMITS)).is_ok());
}

#[test]
fn a_caller_may_hand_in_time_and_randomness() {
    struct Zeros;
    impl Random for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: \"{{ now | unixEpoch }} {{ randBytes 3 }}\"}\n";
    let tree = tree(
        "helmCharts: [{name: web}]\n",
        &[("templates/a.yaml", template)],
    );
    let renderer = ChartRenderer {
        chance: Chance::Allowed {
            now: Timestamp::UNIX_EPOCH,
            random: &Zeros,
        },
        ..ChartRenderer::of_source()
    };
    let budget = Budget::new(LIMITS);
    let options = lode_kustomize::Options::default();
    let built = build_with_charts(
        &tree,
        &RepoPath::root(),
        &options,
        (Some(&renderer), &budget),
    );
    assert!(built.unwrap().text().unwrap().contains("x: 0 AAAA"));
}

#[test]
fn nothing_is_fetched_by_a_renderer_of_the_source() {
    let tree = tree(
        "helmCharts: [{name: db, repo: \"https://host/charts\"}]\n",
        &[],
    );
    let error = of_source(&tree, &Budget::new(LIMITS))
        .unwrap_err()
        .to_string();
    assert!(error.contains("the operator fetches no charts"), "{error}");
}

#[test]
fn a_chart_that_is_not_right_says_why() {
    for (file, text, expected) in [
        (
            "Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\ntype: library\n",
            "not installable",
        ),
        (
            "Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{name: db, version: 1.0.0}]\n",
            "missing in charts/: db",
        ),
        ("Chart.yaml", "name: web\n", "version"),
        (
            "templates/a.yaml",
            "{{ fail \"set a color\" }}",
            "set a color",
        ),
        (
            "templates/a.yaml",
            "a: [\n",
            "YAML parse error on web/templates/a.yaml",
        ),
        (
            "templates/a.yaml",
            "{{ .Files.Get \"../../secret.yaml\" | required \"no file\" }}",
            "no file",
        ),
        ("values.schema.json", "{\"required\": [\"size\"]}", "size"),
        (
            "templates/a.yaml",
            "a: 1\n",
            "kustomization.yaml:1: not a Kubernetes object",
        ),
    ] {
        let error = refusal(&[(file, text)]);
        assert!(error.contains(expected), "{error}");
    }
    let kustomization = "helmCharts: [{name: web, releaseName: Not_A_Name}]\n";
    let error = of_source(&tree(kustomization, &[]), &Budget::new(LIMITS)).unwrap_err();
    assert!(
        error.to_string().contains("invalid release name"),
        "{error}"
    );
}

#[test]
fn a_chart_bomb_ends_at_the_budget_of_the_build() {
    let loops = "{{ range $i := until 100000 }}{{ range $j := until 100000 }}x{{ end }}{{ end }}";
    let grows = "{{ define \"a\" }}{{ $x := repeat 1000000 \"x\" }}{{ $x }}{{ end }}{{ range until 1000 }}{{ include \"a\" . }}{{ end }}";
    let deep = "{{ define \"r\" }}{{ include \"r\" . }}{{ end }}{{ include \"r\" . }}";
    for (text, is_budget) in [(loops, true), (grows, true), (deep, false)] {
        let tree = tree("helmCharts: [{name: web}]\n", &[("templates/a.yaml", text)]);
        let error = of_source(&tree, &Budget::new(LIMITS)).unwrap_err();
        assert_eq!(error.exceeded().is_some(), is_budget, "{error}");
    }
    let big = "y".repeat(2 << 20);
    let tree = tree("helmCharts: [{name: web}]\n", &[("files/big", &big)]);
    let few = Budget::new(Limits {
        bytes: 1 << 20,
        ..LIMITS
    });
    let error = of_source(&tree, &few).unwrap_err();
    assert_eq!(error.exceeded().unwrap().what, Spent::Bytes);
    assert_eq!(error.hint(), Some("--build-bytes-max allows more"));
}

/// The chart of the cases below, which the real command built with Helm 4.2.1.
const VALUES: &str = "a: 1\nbig: 1000000\nb: {c: yes, d: [1, 2], day: 2001-01-01, oct: 010}\nlist: [{name: x, v: 1}]\nnul: null\n";
const SHOWN: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ .Release.Name }}-a\", namespace: \"{{ .Release.Namespace }}\"}\n\
    data: {v: {{ .Values | toJson | quote }}, k: \"{{ .Capabilities.KubeVersion }}\", h: \"{{ .Capabilities.APIVersions.Has \"x/v1\" }}\"}\n";

#[test]
fn values_are_those_that_the_real_command_gave_to_the_chart() {
    for (kustomization, name, kube, values) in [
        (
            "helmCharts: [{name: web}]\n",
            "ConfigMap/default/release-name-a",
            "v1.29.0",
            r#"{"a":1,"b":{"c":true,"d":[1,2],"day":"2001-01-01","oct":8},"big":1000000,"list":[{"name":"x","v":1}]}"#,
        ),
        (
            "namespace: shop\nnamePrefix: p-\nhelmCharts: [{name: web, releaseName: r, valuesInline: \
             {a: 5, b: {d: [3]}, list: [{name: y}], nul: null, n2: null}}]\n",
            "ConfigMap/shop/p-r-a",
            "v1.29.0",
            r#"{"a":5,"b":{"c":"yes","d":[3],"day":"2001-01-01T00:00:00Z","oct":8},"big":1000000,"list":[{"name":true}]}"#,
        ),
        (
            "helmCharts: [{name: web, valuesMerge: merge, valuesInline: {a: 5, z: yes, f: 1.5e10, g: 123456789012, s: \"yes\", \
             b: {c: null}}}]\n",
            "ConfigMap/default/release-name-a",
            "v1.29.0",
            r#"{"a":1,"b":{"c":"yes","d":[1,2],"day":"2001-01-01T00:00:00Z","oct":8},"big":1000000,"f":15000000000,"g":123456789012,"list":[{"name":"x","v":1}],"s":"yes","z":true}"#,
        ),
        (
            "helmCharts: [{name: web, valuesMerge: replace, kubeVersion: v1.30.0, apiVersions: [x/v1], valuesInline: \
             {a: null, z: on}}]\n",
            "ConfigMap/default/release-name-a",
            "v1.30.0",
            r#"{"b":{"c":true,"d":[1,2],"day":"2001-01-01","oct":8},"big":1000000,"list":[{"name":"x","v":1}],"z":true}"#,
        ),
    ] {
        let tree = tree(
            kustomization,
            &[("values.yaml", VALUES), ("templates/a.yaml", SHOWN)],
        );
        let renderer = ChartRenderer {
            kube_version: "v1.29.0".to_owned(),
            ..ChartRenderer::of_source()
        };
        let budget = Budget::new(LIMITS);
        let built = render_with_charts(&tree, &Plan::default(), (Some(&renderer), &budget));
        let built = built.unwrap();
        assert_eq!(names(&built), [name]);
        let data = &built.objects[0].object.value()["data"];
        assert_eq!(data["v"], values, "{kustomization}");
        assert_eq!(data["k"], kube);
        assert_eq!(data["h"], (kube == "v1.30.0").to_string());
    }
}
