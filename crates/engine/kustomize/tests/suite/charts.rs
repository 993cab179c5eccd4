//! `helmCharts` up to the renderer: where charts and values are found, and what is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use lode_kustomize::{
    Build, ChartCall, ChartFailure, Charts, Error, LIMITS, Options, Restrictions, WantedChart,
    build, build_with_charts,
};
use lode_stdx::budget::{Budget, Exceeded, Limits};
use lode_tree::{Entry, RepoPath, Tree};

/// Renders a chart into one object that says what was asked for.
#[derive(Default)]
struct Echo {
    fetched: BTreeMap<WantedChart, Arc<Tree>>,
    /// Charts that are not fetched yet, instead of an error.
    patient: bool,
}

impl Charts for Echo {
    fn fetched(&self, wanted: &WantedChart) -> Result<Option<Arc<Tree>>, String> {
        match self.fetched.get(wanted) {
            Some(tree) => Ok(Some(tree.clone())),
            None if self.patient => Ok(None),
            None => Err(format!("{} is not fetched", wanted.name)),
        }
    }

    fn render(&self, call: &ChartCall<'_>, budget: &Budget) -> Result<Vec<u8>, ChartFailure> {
        budget.steps(10)?;
        let chart = call.folder.join("Chart.yaml").unwrap();
        let chart = call.loader.read(&chart);
        let chart = chart.map_err(|error| ChartFailure::Refused(error.to_string()))?;
        let mut data = BTreeMap::from([
            ("chart".to_owned(), text(&chart.bytes)),
            ("release".to_owned(), call.release_name.to_owned()),
            ("template".to_owned(), call.name_template.to_owned()),
            ("namespace".to_owned(), call.namespace.to_owned()),
            ("api".to_owned(), call.api_versions.join(",")),
            ("kube".to_owned(), call.kube_version.to_owned()),
            (
                "flags".to_owned(),
                format!(
                    "{} {} {}",
                    call.includes_crds, call.skips_hooks, call.skips_tests
                ),
            ),
        ]);
        for (number, values) in call.values.iter().enumerate() {
            data.insert(format!("values{number}"), text(&values.text));
        }
        let object = serde_json::json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "echo"}, "data": data,
        });
        Ok(object.to_string().into_bytes())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn at(path: &str) -> RepoPath {
    RepoPath::parse(path).unwrap()
}

fn built_by(echo: &Echo, tree: &Tree, options: Options) -> Result<Build, Error> {
    build_with_charts(
        tree,
        &at("app"),
        &options,
        (Some(echo), &Budget::new(LIMITS)),
    )
}

fn built(tree: &Tree) -> Result<Build, Error> {
    built_by(&Echo::default(), tree, Options::default())
}

/// A chart, and a kustomization with these lines.
fn tree(kustomization: &str) -> Tree {
    Tree::from_iter([
        ("app/kustomization.yaml", kustomization),
        ("app/charts/web/Chart.yaml", "name: web\n"),
        (
            "app/charts/web/values.yaml",
            "a: 1\nb: {c: yes, d: [1, 2]}\n",
        ),
        ("app/prod.yaml", "a: 2\n"),
        ("shared/web/Chart.yaml", "name: shared\n"),
        ("shared/web/values.yaml", "s: 1\n"),
        ("secret.yaml", "password: x\n"),
    ])
}

/// Returns one field of the only object.
fn said(build: &Build, field: &str) -> String {
    let [object] = &*build.objects else {
        panic!("{:?}", build.objects);
    };
    let value = object.node.at(&["data", field]);
    value.unwrap().text().unwrap().to_owned()
}

fn refusal(tree: &Tree) -> String {
    built(tree).unwrap_err().to_string()
}

#[test]
fn without_a_renderer_charts_are_refused_in_kustomizes_words() {
    for text in [
        "helmCharts:\n- name: web\n",
        "helmChartInflationGenerator:\n- chartName: web\n",
        "generators:\n- |-\n  apiVersion: builtin\n  kind: HelmChartInflationGenerator\n  metadata: {name: x}\n  name: web\n",
    ] {
        let error = build(&tree(text), &at("app"), &Options::default());
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with("app/kustomization.yaml:"), "{error}");
        assert!(
            error.contains(": helmCharts: must specify --enable-helm"),
            "{error}"
        );
    }
}

#[test]
fn an_entry_is_asked_for_with_all_its_settings() {
    let text = "helmCharts:\n- name: web\n  releaseName: shop\n  namespace: ns\n  includeCRDs: true\n  skipTests: true\n  \
        apiVersions: [a/v1, b/v1]\n  kubeVersion: v1.30.0\n  additionalValuesFiles: [prod.yaml]\n";
    let build = built(&tree(text)).unwrap();
    for (field, expected) in [
        ("chart", "name: web\n"),
        ("release", "shop"),
        ("namespace", "ns"),
        ("api", "a/v1,b/v1"),
        ("kube", "v1.30.0"),
        ("flags", "true false true"),
        ("values0", "a: 1\nb: {c: yes, d: [1, 2]}\n"),
        ("values1", "a: 2\n"),
    ] {
        assert_eq!(said(&build, field), expected, "{field}");
    }
    let text = "helmCharts:\n- name: web\n  nameTemplate: x-{{ 1 }}\n  skipHooks: true\n  debug: true\n  devel: true\n  \
        valuesFile: prod.yaml\n";
    let build = built(&tree(text)).unwrap();
    assert_eq!(said(&build, "template"), "x-{{ 1 }}");
    assert_eq!(said(&build, "flags"), "false true false");
    assert_eq!(said(&build, "values0"), "a: 2\n");
}

#[test]
fn inline_values_go_over_the_file_under_it_or_without_it() {
    for (merge, expected) in [
        ("", "a: 5\nb:\n  c: \"yes\"\n  d:\n  - 3\n"),
        ("override", "a: 5\nb:\n  c: \"yes\"\n  d:\n  - 3\n"),
        ("merge", "a: 1\nb:\n  c: \"yes\"\n  d:\n  - 1\n  - 2\n"),
        ("replace", "a: 5\nb:\n  d:\n  - 3\n"),
    ] {
        let text = format!(
            "helmCharts:\n- name: web\n  valuesMerge: '{merge}'\n  valuesInline: {{a: 5, b: {{d: [3]}}}}\n"
        );
        let build = built(&tree(&text)).unwrap();
        assert_eq!(said(&build, "values0"), expected, "{merge}");
    }
    let wrong = "helmCharts:\n- name: web\n  valuesMerge: sometimes\n";
    assert!(refusal(&tree(wrong)).contains("valuesMerge must be one of [merge override replace]"));
}

#[test]
fn a_chart_without_a_namespace_gets_that_of_the_kustomization_or_of_one_above() {
    let mut tree = tree("namespace: shop\nresources: [base]\n");
    let base = "helmGlobals: {chartHome: ../charts, configHome: /nowhere}\nhelmCharts:\n- name: web\n  valuesInline: {x: 1}\n  valuesMerge: replace\n";
    tree.insert(at("app/base/kustomization.yaml"), entry(base));
    let build = built(&tree).unwrap();
    assert_eq!(said(&build, "namespace"), "shop");
    // The object itself is left as the chart made it.
    assert_eq!(build.objects[0].node.at(&["metadata", "namespace"]), None);
}

fn entry(text: &str) -> Entry {
    let tree = Tree::from_iter([("x", text)]);
    let (_, entry) = tree.entries().next().unwrap();
    entry.clone()
}

#[test]
fn the_older_forms_mean_the_same() {
    let old = "helmChartInflationGenerator:\n- chartName: web\n  chartHome: ../shared\n  releaseName: r\n  values: prod.yaml\n  \
        valuesLocal: {z: 1}\n  extraArgs: [--x]\n  helmBin: /bin/rm\n  releaseNamespace: ignored\n";
    let build = built(&tree(old)).unwrap();
    assert_eq!(said(&build, "chart"), "name: shared\n");
    assert_eq!(said(&build, "release"), "r");
    assert_eq!(said(&build, "namespace"), "");
    assert_eq!(said(&build, "values0"), "a: 2\nz: 1\n");
    let generator = "namespace: other\ngenerators:\n- |-\n  apiVersion: builtin\n  kind: HelmChartInflationGenerator\n  \
        metadata: {name: x}\n  name: web\n  releaseName: g\n  unknown: 1\n";
    let build = built(&tree(generator)).unwrap();
    assert_eq!(said(&build, "release"), "g");
    assert_eq!(said(&build, "namespace"), "");
}

#[test]
fn fields_that_kustomize_does_not_know_are_refused() {
    for text in [
        "helmCharts:\n- name: web\n  values: x\n",
        "helmCharts:\n- name: web\n  valuesInline: [a]\n",
        "helmGlobals: {home: x}\nhelmCharts: []\n",
        "helmCharts:\n- name: 1\n",
    ] {
        assert!(built(&tree(text)).is_err(), "{text}");
    }
}

#[test]
fn a_chart_that_is_nowhere_is_named() {
    let text = "helmCharts:\n- name: db\n";
    assert_eq!(
        refusal(&tree(text)),
        "app/kustomization.yaml:2: helmCharts: no repo specified for pull, no chart found at 'app/charts/db'"
    );
    assert!(
        refusal(&tree("helmCharts:\n- version: 1.0.0\n")).contains("chart name cannot be empty")
    );
}

#[test]
fn a_fetched_chart_counts_as_if_it_lay_in_its_home() {
    let wanted = WantedChart {
        repository: "https://host/charts".to_owned(),
        name: "db".to_owned(),
        version: "1.2.3".to_owned(),
        devel: false,
    };
    let fetched = Tree::from_iter([
        ("db/Chart.yaml", "name: db\n"),
        ("db/values.yaml", "d: 1\n"),
        ("db/values-prod.yaml", "d: 2\n"),
    ]);
    let echo = Echo {
        fetched: BTreeMap::from([(wanted, Arc::new(fetched))]),
        patient: false,
    };
    let head = "helmCharts:\n- name: db\n  version: 1.2.3\n  repo: https://host/charts\n";
    let build = built_by(&echo, &tree(head), Options::default()).unwrap();
    assert_eq!(said(&build, "values0"), "d: 1\n");
    let prod = format!("{head}  valuesFile: charts/db-1.2.3/db/values-prod.yaml\n");
    let build = built_by(&echo, &tree(&prod), Options::default()).unwrap();
    assert_eq!(said(&build, "values0"), "d: 2\n");
    let out = format!("{head}  valuesFile: charts/db-1.2.3/../../../secret.yaml\n");
    assert!(built_by(&echo, &tree(&out), Options::default()).is_err());

    let other = head.replace("1.2.3", "2.0.0");
    assert!(refusal(&tree(&other)).contains("db is not fetched"));
    let patient = Echo {
        patient: true,
        ..Echo::default()
    };
    let build = built_by(&patient, &tree(&other), Options::default()).unwrap();
    assert_eq!(build.objects, []);
}

#[test]
fn neither_a_chart_nor_its_values_leave_the_root() {
    let any = Options {
        restrictions: Restrictions::None,
        ..Options::default()
    };
    for text in [
        "helmGlobals: {chartHome: ../../etc}\nhelmCharts:\n- name: web\n",
        "helmGlobals: {chartHome: /etc}\nhelmCharts:\n- name: web\n",
        "helmCharts:\n- name: ../../../etc\n",
        "helmCharts:\n- name: web\n  valuesFile: ../../etc/passwd\n",
        "helmCharts:\n- name: web\n  valuesFile: /etc/passwd\n",
        "helmCharts:\n- name: web\n  additionalValuesFiles: [../../x.yaml]\n",
        "helmCharts:\n- name: web\n  version: ../../../../x\n  repo: https://host\n",
    ] {
        let error = built_by(&Echo::default(), &tree(text), any).unwrap_err();
        assert!(
            error.to_string().starts_with("app/kustomization.yaml:"),
            "{error}"
        );
    }
    let mut linked = tree("helmCharts:\n- name: out\n");
    linked.insert(at("app/charts/out"), Entry::Link("../../../etc".into()));
    assert!(built_by(&Echo::default(), &linked, any).is_err());
}

#[test]
fn values_files_obey_the_load_restrictions_and_the_chart_home_does_not() {
    for (text, is_allowed) in [
        (
            "helmCharts:\n- name: web\n  valuesFile: ../secret.yaml\n",
            false,
        ),
        (
            "helmCharts:\n- name: web\n  additionalValuesFiles: [../secret.yaml]\n",
            false,
        ),
        (
            "helmGlobals: {chartHome: ../shared}\nhelmCharts:\n- name: web\n",
            false,
        ),
        (
            "helmGlobals: {chartHome: ../shared}\nhelmCharts:\n- name: web\n  valuesFile: prod.yaml\n",
            true,
        ),
    ] {
        assert_eq!(built(&tree(text)).is_ok(), is_allowed, "{text}");
        let any = Options {
            restrictions: Restrictions::None,
            ..Options::default()
        };
        assert!(
            built_by(&Echo::default(), &tree(text), any).is_ok(),
            "{text}"
        );
    }
}

#[test]
fn what_a_chart_reads_is_part_of_the_read_set_and_of_its_objects() {
    let before = tree("helmCharts:\n- name: web\n");
    let build = built(&before).unwrap();
    assert!(build.reads.holds_in(&before));
    for path in ["app/charts/web/Chart.yaml", "app/charts/web/values.yaml"] {
        let mut after = before.clone();
        after.insert(at(path), entry("other: 1\n"));
        assert!(!build.reads.holds_in(&after), "{path}");
    }
    let mut elsewhere = before.clone();
    elsewhere.insert(at("app/prod.yaml"), entry("other: 1\n"));
    assert!(build.reads.holds_in(&elsewhere));
    let parts = build.objects[0].sources(&build.files).parts;
    assert!(
        parts.contains(&at("app/charts/web/Chart.yaml")),
        "{parts:?}"
    );
}

#[test]
fn an_exceeded_budget_is_an_exceeded_build() {
    let budget = Budget::new(Limits {
        steps: 9,
        ..Limits::UNLIMITED
    });
    let tree = tree("helmCharts:\n- name: web\n");
    let echo = Echo::default();
    let outcome = build_with_charts(
        &tree,
        &at("app"),
        &Options::default(),
        (Some(&echo), &budget),
    );
    let Err(Error::Exceeded { source, .. }) = outcome else {
        panic!("{outcome:?}");
    };
    let Exceeded { limit, .. } = source;
    assert_eq!(limit, 9);
}
