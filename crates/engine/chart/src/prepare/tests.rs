//! Dependencies and values together, as Helm's own tables have them.

use lode_stdx::budget::Limits;
use serde_json::json;

use super::*;
use crate::file::ChartFile;

/// A chart from `path: content` pairs; folders of subcharts get a Chart.yaml with their name.
fn chart(files: &[(&str, &str)]) -> Chart {
    let mut all: Vec<ChartFile> = files
        .iter()
        .map(|(path, content)| ChartFile::new(*path, content.as_bytes()))
        .collect();
    let mut folders = vec![String::new()];
    for (path, _) in files {
        let mut from = 0;
        while let Some(at) = path[from..].find("charts/") {
            let name = path[from + at + 7..]
                .find('/')
                .map(|len| from + at + 7 + len + 1);
            let Some(end) = name else { break };
            folders.push(path[..end].to_owned());
            from = end;
        }
    }
    folders.sort();
    folders.dedup();
    for folder in folders {
        let path = format!("{folder}Chart.yaml");
        if !all.iter().any(|file| *file.name == *path) {
            let name = folder
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .unwrap_or_default();
            let name = if name.is_empty() { "web" } else { name };
            let text = format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n");
            all.push(ChartFile::new(path, text.as_bytes()));
        }
    }
    Chart::from_files(all, &Budget::unlimited()).unwrap()
}

fn declares(dependencies: &str) -> String {
    format!("apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies:\n{dependencies}")
}

fn prepared(chart: &Chart, values: &Value) -> (Value, Vec<String>, Vec<String>) {
    let values = values.as_object().unwrap();
    let prepared = chart.prepare(values, &Budget::unlimited()).unwrap();
    let warnings = prepared.warnings().iter().map(str::to_owned).collect();
    (
        prepared.values().clone().into(),
        prepared.chart_paths(),
        warnings,
    )
}

fn values_of(chart: &Chart, values: &Value) -> Value {
    prepared(chart, values).0
}

#[test]
fn supplied_values_win_over_those_of_charts_and_parents_over_subcharts() {
    let chart = chart(&[
        ("values.yaml", "a: 1\nb: {c: 1, d: 1}\nredis: {x: 1}\n"),
        ("charts/redis/values.yaml", "x: 2\nv: {z: 2}\n"),
    ]);
    let want = json!({
        "a": 5, "b": {"c": 1.0, "d": 7}, "redis": {"x": 1.0, "v": {"z": 2.0}, "global": {}},
    });
    assert_eq!(values_of(&chart, &json!({"a": 5, "b": {"d": 7}})), want);
}

#[test]
fn null_removes_what_a_chart_sets() {
    let chart = chart(&[
        (
            "values.yaml",
            "a: 1\nb: {c: 1, d: {e: 1}}\nq: null\nm: {q: null, o: [null]}\nredis: {x: null, w: {v: null}}\n",
        ),
        (
            "charts/redis/values.yaml",
            "x: 2\np: {z: 2, q: null}\nw: {v: 1}\nu: null\n",
        ),
    ]);
    let supplied = json!({
        "a": null, "b": {"c": null, "d": null, "f": null}, "g": null, "redis": {"p": {"z": null}},
    });
    // Null stays where no chart sets anything.
    let want = json!({
        "b": {"f": null}, "g": null, "m": {"o": [null]},
        "redis": {"p": {}, "w": {}, "global": {}},
    });
    assert_eq!(values_of(&chart, &supplied), want);
}

#[test]
fn globals_are_passed_down() {
    let chart = chart(&[
        (
            "values.yaml",
            "global: {a: 1, t: {x: 1}, deep: {er: {p: 1}}}\nredis: {global: {a: 2, b: 2}}\n",
        ),
        (
            "charts/redis/values.yaml",
            "global: {a: 3, c: 3, t: {x: 3, z: 3}, deep: {er: {q: 3}}}\n",
        ),
        ("charts/redis/charts/inner/values.yaml", "{}\n"),
    ]);
    let inner = json!({"a": 1.0, "b": 2.0, "c": 3.0, "t": {"x": 1.0, "z": 3.0}, "deep": {"er": {"p": 1.0, "q": 3.0}}});
    let want = json!({
        // Tables inside tables are shared with subcharts.
        "global": {"a": 1.0, "t": {"x": 1.0}, "deep": {"er": {"p": 1.0, "q": 3.0}}},
        "redis": {"global": inner.clone(), "inner": {"global": inner}},
    });
    assert_eq!(values_of(&chart, &json!({})), want);
}

#[test]
fn values_of_a_subchart_must_be_a_table() {
    let chart = chart(&[("charts/redis/values.yaml", "a: 1\n")]);
    let values = json!({"redis": "password"});
    let error = chart
        .prepare(values.as_object().unwrap(), &Budget::unlimited())
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "type mismatch on redis: values of a subchart must be a table, not a text"
    );
}

#[test]
fn tables_and_other_values_do_not_mix() {
    let chart = chart(&[("values.yaml", "a: {b: 1}\nc: 1\nd: {e: {f: 1}, g: 1}\n")]);
    let supplied = json!({"a": 1, "c": {"d": 1}, "d": {"e": 1, "g": {"h": 1}}});
    let (values, _, warnings) = prepared(&chart, &supplied);
    assert_eq!(values, supplied);
    let want = [
        "skipped value for web.c: Not a table.",
        "cannot overwrite table with non table for e",
        "destination for g is a table. Ignoring non-table value",
    ];
    assert_eq!(warnings, want);
}

#[test]
fn conditions_win_over_tags() {
    let declared = declares(
        "- {name: a, version: '1', tags: [front]}\n- {name: b, version: '>=1', tags: [back, front], condition: 'b.x,b.enabled'}\n\
         - {name: c, version: ^1, condition: c.enabled}\n",
    );
    let chart = chart(&[
        ("Chart.yaml", &declared),
        ("charts/a/values.yaml", "{}"),
        ("charts/b/values.yaml", "{}"),
        ("charts/c/values.yaml", "enabled: false\n"),
        ("charts/undeclared/values.yaml", "{}"),
    ]);
    for (values, want) in [
        (json!({}), "web web.undeclared web.a web.b"),
        (json!({"tags": {"front": false}}), "web web.undeclared"),
        (
            json!({"tags": {"front": false, "back": true}}),
            "web web.undeclared web.b",
        ),
        (
            json!({"tags": {"front": false}, "b": {"enabled": true}}),
            "web web.undeclared web.b",
        ),
        (
            json!({"b": {"x": false, "enabled": true}}),
            "web web.undeclared web.a",
        ),
        (
            json!({"b": {"x": "no", "enabled": false}}),
            "web web.undeclared web.a",
        ),
        (
            json!({"c": {"enabled": true}}),
            "web web.undeclared web.a web.b web.c",
        ),
    ] {
        assert_eq!(prepared(&chart, &values).1.join(" "), want, "{values}");
    }
}

#[test]
fn aliases_make_a_chart_several() {
    let declared = declares(
        "- {name: db, version: 1.x, alias: one}\n- {name: db, version: 1.x, alias: two, condition: two.on}\n- {name: db, version: 2.x, alias: three}\n",
    );
    let chart = chart(&[
        ("Chart.yaml", &declared),
        ("values.yaml", "one: {x: 5}\n"),
        ("charts/db/values.yaml", "x: 1\n"),
    ]);
    let (values, paths, _) = prepared(&chart, &json!({}));
    assert_eq!(paths, ["web", "web.one", "web.two"]);
    assert_eq!(values["one"], json!({"x": 5.0, "global": {}}));
    assert_eq!(values["two"], json!({"x": 1.0, "global": {}}));
    let (_, paths, _) = prepared(&chart, &json!({"two": {"on": false}}));
    assert_eq!(paths, ["web", "web.one"]);
}

#[test]
fn subcharts_of_subcharts_have_conditions_below_their_parents() {
    let declared = "apiVersion: v2\nname: a\nversion: 1.0.0\ndependencies:\n- {name: b, version: '*', condition: b.enabled}\n";
    let files = [
        ("charts/a/Chart.yaml", declared),
        ("charts/a/charts/b/values.yaml", "{}"),
    ];
    let disabled = json!({"a": {"b": {"enabled": false}}});
    // Nobody looks below a chart that declares nothing.
    assert_eq!(
        prepared(&chart(&files), &disabled).1,
        ["web", "web.a", "web.a.b"]
    );

    let top = declares("- {name: a, version: '*'}\n");
    let chart = chart(&[("Chart.yaml", &top), files[0], files[1]]);
    assert_eq!(prepared(&chart, &disabled).1, ["web", "web.a"]);
    assert_eq!(prepared(&chart, &json!({})).1, ["web", "web.a", "web.a.b"]);
}

#[test]
fn parents_import_values_under_their_own() {
    let declared = declares(
        "- name: a\n  version: '*'\n  import-values:\n  - data\n  - {child: inner.x, parent: here.there}\n  - {child: nowhere, parent: .}\n",
    );
    let chart = chart(&[
        ("Chart.yaml", &declared),
        ("values.yaml", "p: 1\n"),
        (
            "charts/a/values.yaml",
            "exports: {data: {p: 2, q: 2, r: null}}\ninner: {x: {v: 3}}\n",
        ),
    ]);
    let (values, _, warnings) = prepared(&chart, &json!({"here": {"there": {"z": 4}}}));
    assert_eq!(values["p"], 1.0);
    assert_eq!(values["q"], 2.0);
    assert_eq!(values.get("r"), None);
    assert_eq!(values["here"], json!({"there": {"v": 3.0, "z": 4}}));
    assert_eq!(
        warnings,
        ["import-values of chart a: \"nowhere\" is not a table"]
    );
}

#[test]
fn missing_dependencies_are_named() {
    let declared = declares(
        "- {name: a, version: '*'}\n- {name: b, version: '*'}\n- {name: c, version: '*'}\n",
    );
    let chart = chart(&[("Chart.yaml", &declared), ("charts/b/values.yaml", "{}")]);
    let error = chart.check_dependencies().unwrap_err().to_string();
    let want = "dependencies are declared, but missing in charts/: a, c: fetch them with `helm dependency build`";
    assert_eq!(error, want);
}

#[test]
fn aliases_of_aliases_end_at_the_budget() {
    let level = |name: &str, child: &str| {
        let entry = |number: u32| format!("- {{name: {child}, version: '*', alias: x{number}}}\n");
        let dependencies = (0..200).map(entry).collect::<Vec<_>>().concat();
        format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\ndependencies:\n{dependencies}")
    };
    let (top, a, b) = (level("web", "a"), level("a", "b"), level("b", "c"));
    let chart = chart(&[
        ("Chart.yaml", &top),
        ("charts/a/Chart.yaml", &a),
        ("charts/a/charts/b/Chart.yaml", &b),
        ("charts/a/charts/b/charts/c/values.yaml", "{}"),
    ]);
    let budget = Budget::new(Limits {
        nodes: 500_000,
        ..Limits::UNLIMITED
    });
    let error = chart.prepare(&Map::new(), &budget).err().unwrap();
    assert_eq!(
        error.to_string(),
        "coalescing values needs more than 500000 values, the limit"
    );
}

#[test]
fn definitions_come_from_enabled_charts_under_their_names() {
    let declared = declares(
        "- {name: db, version: '*', alias: one}\n- {name: idle, version: '*', condition: idle.run}\n",
    );
    let chart = chart(&[
        ("Chart.yaml", &declared),
        ("values.yaml", "idle: {run: false}\n"),
        ("crds/b.yaml", "b"),
        ("crds/a.YML", "a"),
        ("crds/README.md", "-"),
        ("charts/db/crds/deep/c.json", "c"),
        ("charts/idle/crds/d.yaml", "d"),
    ]);
    let prepared = chart.prepare(&Map::new(), &Budget::unlimited()).unwrap();
    let paths: Vec<String> = prepared.crds().into_iter().map(|crd| crd.path).collect();
    assert_eq!(
        paths,
        [
            "web/crds/b.yaml",
            "web/crds/a.YML",
            "web/charts/one/crds/deep/c.json"
        ]
    );
}

#[test]
fn the_recorded_chart_has_what_helm_records() {
    let declared = declares(
        "- {name: db, version: '*', repository: r, alias: one, import-values: [data]}\n- {name: idle, version: '*', condition: idle.run}\n",
    );
    let chart = chart(&[
        ("Chart.yaml", &declared),
        (
            "Chart.lock",
            "generated: '2026-01-02T03:04:05Z'\ndigest: sha256:x\ndependencies: []\n",
        ),
        ("values.yaml", "a: <1>\nidle: {run: false}\n"),
        ("values.schema.json", "{}"),
        ("templates/a.yaml", "b"),
        ("charts/db/values.yaml", "exports: {data: {c: 1}}\n"),
        ("charts/idle/values.yaml", "{}"),
    ]);
    let prepared = chart.prepare(&Map::new(), &Budget::unlimited()).unwrap();
    let recorded = prepared.recorded().unwrap();
    let want = "{\"metadata\":{\"name\":\"web\",\"version\":\"1.0.0\",\"apiVersion\":\"v2\",\
        \"dependencies\":[{\"name\":\"one\",\"version\":\"*\",\"repository\":\"r\",\"enabled\":true,\
        \"import-values\":[{\"child\":\"exports.data\",\"parent\":\".\"}],\"alias\":\"one\"}]},\
        \"lock\":{\"generated\":\"2026-01-02T03:04:05Z\",\"digest\":\"sha256:x\",\"dependencies\":[]},\
        \"templates\":[{\"name\":\"templates/a.yaml\",\"data\":\"Yg==\"}],\
        \"values\":{\"a\":\"\\u003c1\\u003e\",\"c\":1,\"idle\":{\"run\":false},\
        \"one\":{\"exports\":{\"data\":{\"c\":1}},\"global\":{}}},\
        \"schema\":\"e30=\",\"schemamodtime\":\"0001-01-01T00:00:00Z\",\"files\":null}";
    assert_eq!(recorded.json(), want);
    assert_eq!(recorded.metadata().declared().len(), 1);
}

#[test]
fn what_is_remembered_of_a_chart_changes_nothing() {
    let inner = "apiVersion: v2\nname: a\nversion: 1.0.0\ndependencies:\n- {name: b, version: '*', condition: 'b.run,global.all'}\n";
    let top = declares(
        "- {name: a, version: '*', condition: a.run, tags: [t]}\n- {name: c, version: '*', alias: d, import-values: [data]}\n",
    );
    let files = [
        ("Chart.yaml", top.as_str()),
        ("values.yaml", "global: {zone: 1}\nd: {size: 2}\n"),
        ("charts/a/Chart.yaml", inner),
        ("charts/a/charts/b/values.yaml", "port: 1\n"),
        ("charts/c/values.yaml", "exports: {data: {x: 1}}\n"),
    ];
    let shared = chart(&files);
    let supplied = [
        json!({}),
        json!({"a": {"run": false}}),
        json!({"x": 5, "other": {"y": 1}}),
        json!({"global": {"all": false}}),
        json!({"global": {"all": true, "zone": null}, "d": {"exports": {"data": {"x": 9}}}}),
        json!({"tags": {"t": false}, "a": {"b": {"port": null}}}),
        json!({"a": {"b": {"run": false}}}),
    ];
    for values in supplied.iter().chain(&supplied) {
        assert_eq!(
            prepared(&shared, values),
            prepared(&chart(&files), values),
            "{values}"
        );
    }
}
