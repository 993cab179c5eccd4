//! Charts that are made to be expensive end at a bound, and say which.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use lode_chart::{Chart, ChartFile, DEPTH_MAX, LIMITS, LoadError};
use lode_stdx::budget::{Budget, Limits};
use serde_json::{Map, json};

use crate::kit;

const CHART: &[u8] = b"apiVersion: v2\nname: web\nversion: 1.0.0\n";

/// Packs files into `web/`.
fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, format!("web/{path}"), *content)
            .unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn chart(files: &[(&str, &str)]) -> Chart {
    let mut all = vec![ChartFile::new("Chart.yaml", CHART)];
    all.extend(
        files
            .iter()
            .map(|(path, content)| ChartFile::new(*path, content.as_bytes())),
    );
    Chart::from_files(all, &Budget::new(LIMITS)).unwrap()
}

/// Renders within the default limits, and says how it failed.
fn failure(chart: &Chart) -> String {
    kit::render(chart, &Map::new(), &kit::RELEASE, &Budget::new(LIMITS)).unwrap_err()
}

#[test]
fn ten_thousand_subcharts_are_rendered_within_the_bounds() {
    let mut files = vec![
        ChartFile::new("Chart.yaml", CHART),
        ChartFile::new("values.yaml", b"global: {a: {b: c}}\n"),
    ];
    for number in 0..10_000 {
        let folder = format!("charts/c{number}");
        let text = format!("apiVersion: v2\nname: c{number}\nversion: 1.0.0\n");
        files.push(ChartFile::new(
            format!("{folder}/Chart.yaml"),
            text.as_bytes(),
        ));
        files.push(ChartFile::new(
            format!("{folder}/templates/a.yaml"),
            b"a: {{ .Values.global.a.b }}\n",
        ));
    }
    let budget = Budget::new(LIMITS);
    let chart = Chart::from_files(files, &budget).unwrap();
    let (rendered, _) = kit::render(&chart, &Map::new(), &kit::RELEASE, &budget).unwrap();
    assert_eq!(rendered.manifests.len(), 10_000);
}

#[test]
fn charts_in_charts_end_at_a_depth() {
    let nested = |depth: usize| {
        let files = (0..=depth).map(|level| {
            let path = format!("{}Chart.yaml", "charts/web/".repeat(level));
            ChartFile::new(path, CHART)
        });
        Chart::from_files(files.collect(), &Budget::new(LIMITS))
    };
    assert!(nested(DEPTH_MAX).is_ok());
    let error = nested(DEPTH_MAX + 1).unwrap_err().to_string();
    assert!(
        error.ends_with("subcharts are nested deeper than 32"),
        "{error}"
    );

    let mut archive = packed(&[("Chart.yaml", CHART)]);
    for _ in 0..=DEPTH_MAX {
        archive = packed(&[("Chart.yaml", CHART), ("charts/web.tgz", &archive)]);
    }
    let error = Chart::from_archive(&archive, &Budget::new(LIMITS))
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("subcharts are nested deeper than 32"),
        "{error}"
    );
}

#[test]
fn archives_in_an_archive_cost_what_they_hold() {
    // Each of the inner archives holds what the outer one is allowed to.
    let zeros = vec![0; 1 << 20];
    let inner: Vec<(String, &[u8])> = (0..5)
        .map(|number| (format!("z{number}"), zeros.as_slice()))
        .collect();
    let mut inner: Vec<(&str, &[u8])> = inner
        .iter()
        .map(|(name, data)| (name.as_str(), *data))
        .collect();
    inner.push(("Chart.yaml", CHART));
    let inner = packed(&inner);
    let names: Vec<String> = (0..30)
        .map(|number| format!("charts/c{number}.tgz"))
        .collect();
    let mut outer: Vec<(&str, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), inner.as_slice()))
        .collect();
    outer.push(("Chart.yaml", CHART));
    let limits = Limits {
        bytes: 20 << 20,
        ..LIMITS
    };
    let error = Chart::from_archive(&packed(&outer), &Budget::new(limits))
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("unpacking needs more than 20971520 bytes, the limit"),
        "{error}"
    );
}

#[test]
fn yaml_bombs_end_at_a_bound() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let before = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{before}]").unwrap();
    }
    for path in [
        "values.yaml",
        "Chart.yaml",
        "Chart.lock",
        "requirements.yaml",
    ] {
        let files = vec![
            ChartFile::new("Chart.yaml", CHART),
            ChartFile::new(path, bomb.as_bytes()),
        ];
        let error = Chart::from_files(files, &Budget::new(LIMITS))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("aliases and tags add more than"),
            "{path}: {error}"
        );
    }
    let error = failure(&chart(&[("templates/a.yaml", &bomb)]));
    assert!(error.contains("aliases and tags add more than"), "{error}");
}

#[test]
fn values_that_every_subchart_copies_end_at_a_bound() {
    // Global values are copied into each subchart.
    let list = "x, ".repeat(20_000);
    let mut files = vec![
        ChartFile::new("Chart.yaml", CHART),
        ChartFile::new(
            "values.yaml",
            format!("global: {{a: [{list}]}}\n").as_bytes(),
        ),
    ];
    for number in 0..1_000 {
        let text = format!("apiVersion: v2\nname: c{number}\nversion: 1.0.0\n");
        files.push(ChartFile::new(
            format!("charts/c{number}/Chart.yaml"),
            text.as_bytes(),
        ));
    }
    let budget = Budget::new(LIMITS);
    let chart = Chart::from_files(files, &budget).unwrap();
    let error = kit::render(&chart, &Map::new(), &kit::RELEASE, &budget).unwrap_err();
    assert_eq!(
        error,
        "coalescing values needs more than 5000000 values, the limit"
    );
}

#[test]
fn output_ends_at_a_bound() {
    for template in [
        "a: {{ range until 100000 }}{{ range until 100000 }}{{ repeat 1000 \"x\" }}{{ end }}{{ end }}",
        "{{ define \"x\" }}{{ include \"y\" . }}{{ include \"y\" . }}{{ end }}{{ define \"y\" }}{{ include \"x\" . }}{{ end }}{{ include \"x\" . }}",
        "{{ $x := \"x\" }}{{ range until 100 }}{{ $x = cat $x $x }}{{ end }}",
    ] {
        let error = failure(&chart(&[("templates/a.yaml", template)]));
        assert!(
            error.contains("the limit") || error.contains("nested reference name"),
            "{error}"
        );
    }
}

#[test]
fn nulls_are_allowed_everywhere() {
    let files = vec![
        ChartFile::new("Chart.yaml", b"apiVersion: v1\nname: web\nversion: 1.0.0\ndependencies: null\nannotations: null\nkeywords: [null]\n"),
        ChartFile::new("values.yaml", b"a: null\nglobal: null\n"),
        ChartFile::new("charts/db/Chart.yaml", b"apiVersion: v1\nname: db\nversion: 1.0.0\n"),
        ChartFile::new("charts/db/values.yaml", b"null\n"),
        ChartFile::new("values.schema.json", b"null"),
        ChartFile::new("Chart.lock", b""),
        ChartFile::new("templates/a.yaml", b"a: {{ .Values.a }}{{ .Values.global }}\n"),
    ];
    let chart = Chart::from_files(files, &Budget::new(LIMITS)).unwrap();
    for values in [
        json!({}),
        json!({"a": null, "db": {"global": null}}),
        json!({"global": null}),
    ] {
        let values = values.as_object().unwrap();
        // Anything but a panic: Helm refuses some of them too.
        let _ = kit::render(&chart, values, &kit::RELEASE, &Budget::new(LIMITS));
    }
}

#[test]
fn damaged_archives_are_errors() {
    let whole = packed(&[
        ("Chart.yaml", CHART),
        ("values.yaml", b"a: 1\n"),
        ("templates/a.yaml", b"a: {{ .Values.a }}\n"),
        (
            "charts/db/Chart.yaml",
            b"apiVersion: v2\nname: db\nversion: 1.0.0\n",
        ),
    ]);
    let tar = {
        let mut bytes = Vec::new();
        std::io::copy(&mut flate2::read::GzDecoder::new(&*whole), &mut bytes).unwrap();
        bytes
    };
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize
    };
    for _ in 0..300 {
        let mut damaged = tar.clone();
        for _ in 0..=(next() % 8) {
            let at = next() % damaged.len();
            damaged[at] = next() as u8;
        }
        damaged.truncate(next() % damaged.len() + 1);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&damaged).unwrap();
        let archive = encoder.finish().unwrap();
        match Chart::from_archive(&archive, &Budget::new(LIMITS)) {
            Ok(chart) => drop(kit::render(
                &chart,
                &Map::new(),
                &kit::RELEASE,
                &Budget::new(LIMITS),
            )),
            Err(LoadError::Exceeded(exceeded)) => panic!("{exceeded}"),
            Err(_) => {}
        }
    }
}
