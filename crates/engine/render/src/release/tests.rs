//! Releases without a cluster.

use lode_chart::ChartFile;
use lode_stdx::budget::Limits;
use serde_json::json;

use super::*;

const CONFIG: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ .Release.Name }}\"}\n\
    data: {v: {{ .Values | toJson | quote }}, ns: \"{{ .Release.Namespace }}\"}\n";

struct NoRandom;

impl Random for NoRandom {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

fn chart(files: &[(&str, &str)]) -> Chart {
    let mut all = vec![
        ChartFile::new("Chart.yaml", b"apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ChartFile::new("values.yaml", b"color: blue\n"),
        ChartFile::new("templates/a.yaml", CONFIG.as_bytes()),
    ];
    all.extend(
        files
            .iter()
            .map(|(name, text)| ChartFile::new(*name, text.as_bytes())),
    );
    Chart::from_files(all, &Budget::unlimited()).unwrap()
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "specs are written where they are used"
)]
fn release(spec: Value) -> HelmRelease {
    let object = json!({"metadata": {"name": "web", "namespace": "team"}, "spec": spec});
    HelmRelease::parse(&object).unwrap()
}

fn objects(spec: Value, files: &[(&str, &str)]) -> Result<Vec<Object>, ReleaseError> {
    let (object, chart) = (release(spec), chart(files));
    let budget = Budget::new(crate::LIMITS);
    let own = object.spec.values.as_ref();
    let own = own.map(|own| serde_json::from_str(own.text()).unwrap());
    let values = own.unwrap_or_default();
    let release = Release {
        object: &object,
        chart: &chart,
        values: &values,
        capabilities: &Capabilities::default(),
        chance: (Timestamp::UNIX_EPOCH, &NoRandom),
    };
    release.objects(&budget)
}

fn ids(objects: &[Object]) -> Vec<String> {
    objects
        .iter()
        .map(|object| object.id().to_string())
        .collect()
}

const CRD: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: c}\n\
    spec: {group: x.io, scope: Cluster, names: {kind: Wide}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: stray}\n";
const HOOKS: &str = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: before, annotations: {helm.sh/hook: pre-install}}\n---\n\
    apiVersion: batch/v1\nkind: Job\nmetadata: {name: later, annotations: {helm.sh/hook: pre-upgrade}}\n---\n\
    apiVersion: v1\nkind: Pod\nmetadata: {name: check, annotations: {helm.sh/hook: test}}\n";
const MORE: &str = "apiVersion: x.io/v1\nkind: Wide\nmetadata: {name: w}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: space}\n---\n\
    apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: s, namespace: own}}\n";

#[test]
fn a_release_is_what_an_installation_applies_with_the_labels_of_flux() {
    let files = [
        ("crds/c.yaml", CRD),
        ("templates/h.yaml", HOOKS),
        ("templates/m.yaml", MORE),
    ];
    let spec = json!({"interval": "1m", "chartRef": {"kind": "OCIRepository", "name": "x"}, "values": {"n": 3}});
    let found = objects(spec.clone(), &files).unwrap();
    assert_eq!(
        ids(&found),
        [
            "CustomResourceDefinition/c",
            "Namespace/space",
            "Secret/own/s",
            "ConfigMap/team/web",
            "Wide/w",
            "Job/team/before"
        ]
    );
    let config = &found[3];
    assert_eq!(config.label("helm.toolkit.fluxcd.io/name"), Some("web"));
    assert_eq!(
        config.label("helm.toolkit.fluxcd.io/namespace"),
        Some("team")
    );
    assert_eq!(config.value()["data"]["v"], r#"{"color":"blue","n":3}"#);
    assert_eq!(found[0].label("helm.toolkit.fluxcd.io/name"), None);

    let mut fewer = spec.clone();
    fewer["install"] = json!({"crds": "Skip", "disableHooks": true});
    fewer["test"] = json!({"enable": true});
    let found = ids(&objects(fewer, &files).unwrap());
    assert!(found.contains(&"Pod/team/check".to_owned()), "{found:?}");
    assert!(
        !found
            .iter()
            .any(|id| id.contains("before") || id.contains("Definition")),
        "{found:?}"
    );
}

#[test]
fn post_renderers_come_before_common_metadata() {
    let spec = json!({"interval": "1m", "targetNamespace": "shop", "commonMetadata": {"labels": {"a": "true"}, "annotations": {"b": "1"}},
    "postRenderers": [
        {"kustomize": {"patches": [{"patch": "- {op: add, path: /metadata/labels, value: {a: x, c: d}}\n", "target": {"kind": "ConfigMap"}}]}},
        {"kustomize": {"images": [{"name": "nginx", "newTag": "2"}]}},
    ]});
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: \"nginx:1\"}]}\n";
    let found = objects(spec, &[("templates/p.yaml", pod)]).unwrap();
    assert_eq!(ids(&found), ["ConfigMap/shop/shop-web", "Pod/shop/p"]);
    let labels = &found[0].value()["metadata"]["labels"];
    let name = json!({"a": "true", "c": "d", "helm.toolkit.fluxcd.io/name": "web", "helm.toolkit.fluxcd.io/namespace": "team"});
    assert_eq!(*labels, name);
    assert_eq!(found[0].annotation("b"), Some("1"));
    assert_eq!(
        found[1].value()["spec"]["containers"][0]["image"],
        "nginx:2"
    );
}

#[test]
fn a_patch_that_fails_and_values_that_do_not_fit_are_told() {
    let spec = json!({"interval": "1m", "postRenderers": [{"kustomize": {"patches": [{"patch": "nonsense"}]}}]});
    let error = objects(spec, &[]).unwrap_err().to_string();
    assert!(error.contains("post render"), "{error}");
    let schema = [("values.schema.json", "{\"required\": [\"size\"]}")];
    let spec = json!({"interval": "1m"});
    assert!(
        objects(spec, &schema)
            .unwrap_err()
            .to_string()
            .contains("size")
    );
    let spec = json!({"interval": "1m", "install": {"disableSchemaValidation": true}});
    assert!(objects(spec, &schema).is_ok());
}

#[test]
fn a_bomb_ends_at_the_budget() {
    let (object, chart) = (
        release(json!({"interval": "1m"})),
        chart(&[(
            "templates/b.yaml",
            "{{ range until 100000 }}{{ range until 100000 }}x{{ end }}{{ end }}",
        )]),
    );
    let budget = Budget::new(Limits {
        steps: 1_000_000,
        ..crate::LIMITS
    });
    let release = Release {
        object: &object,
        chart: &chart,
        values: &Map::new(),
        capabilities: &Capabilities::default(),
        chance: (Timestamp::UNIX_EPOCH, &NoRandom),
    };
    assert!(matches!(
        release.objects(&budget),
        Err(ReleaseError::Exceeded(_))
    ));
}
