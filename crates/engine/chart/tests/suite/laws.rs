//! Laws of every render.

use lode_chart::release::{Release, ReleaseStatus};
use lode_chart::{Chart, ChartFile, LIMITS, ReleaseInfo, Supplied};
use lode_stdx::budget::{Budget, Limits};
use serde_json::{Map, Value};

use crate::kit;

fn chart(budget: &Budget) -> Result<Chart, String> {
    let files = vec![
        ChartFile::new(
            "Chart.yaml",
            b"apiVersion: v2\nname: web\nversion: 1.0.0\ndependencies:\n- {name: db, version: '*', alias: one, condition: one.run}\n\
              - {name: db, version: '*', alias: two, import-values: [data]}\n",
        ),
        ChartFile::new("values.yaml", b"name: x\nglobal: {zone: a}\none: {run: true}\n"),
        ChartFile::new("values.schema.json", b"{\"properties\": {\"name\": {\"type\": \"string\", \"pattern\": \"^[a-z]+$\"}}}"),
        ChartFile::new("crds/a.yaml", b"kind: CustomResourceDefinition\n"),
        ChartFile::new("templates/_helpers.tpl", b"{{ define \"web.name\" }}{{ .Release.Name }}-{{ .Values.name }}{{ end }}"),
        ChartFile::new("templates/a.yaml", b"kind: ConfigMap\nmetadata:\n  name: {{ include \"web.name\" . }}\ndata:\n{{ toYaml .Values | indent 2 }}\n"),
        ChartFile::new("templates/b.yaml", b"kind: Job\nmetadata:\n  annotations: {helm.sh/hook: test}\n---\nkind: Service\n"),
        ChartFile::new("templates/NOTES.txt", b"{{ range $key, $value := .Values }}{{ $key }} {{ end }}"),
        ChartFile::new("charts/db/Chart.yaml", b"apiVersion: v2\nname: db\nversion: 2.0.0\n"),
        ChartFile::new("charts/db/values.yaml", b"port: 1\nexports: {data: {size: 3}}\n"),
        ChartFile::new("charts/db/templates/a.yaml", b"kind: Secret\nport: {{ .Values.port }}\nzone: {{ .Values.global.zone }}\n"),
    ];
    Chart::from_files(files, budget).map_err(|error| error.to_string())
}

fn values(budget: &Budget) -> Result<Map<String, Value>, String> {
    let supplied = Supplied {
        files: &[("a.yaml", b"one: {port: 5}\n")],
        set: &["two.port=7,list={a,b}"],
        ..Supplied::default()
    };
    supplied
        .merge(&|_| Err(String::new()), budget)
        .map_err(|error| error.to_string())
}

fn whole(budget: &Budget) -> Result<String, String> {
    let chart = chart(budget)?;
    let values = values(budget)?;
    kit::render(&chart, &values, &kit::RELEASE, budget).map(|(_, text)| text)
}

#[test]
fn a_render_is_repeatable_and_threads_share_a_chart() {
    let budget = Budget::new(LIMITS);
    let want = whole(&budget).unwrap();
    let chart = chart(&budget).unwrap();
    std::thread::scope(|scope| {
        let render = || {
            let budget = Budget::new(LIMITS);
            let values = values(&budget).unwrap();
            kit::render(&chart, &values, &kit::RELEASE, &budget)
                .unwrap()
                .1
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(render)).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), want);
        }
    });
}

#[test]
fn a_second_render_compiles_nothing() {
    let budget = Budget::new(LIMITS);
    let chart = chart(&budget).unwrap();
    let values = values(&budget).unwrap();
    let cost = || {
        let budget = Budget::new(LIMITS);
        kit::render(&chart, &values, &kit::RELEASE, &budget).unwrap();
        budget.spent()
    };
    let (first, second, third) = (cost(), cost(), cost());
    assert!(
        second.bytes < first.bytes && second.steps < first.steps,
        "{first:?} {second:?}"
    );
    assert_eq!(second, third);
}

/// What meters may hold in advance.
const ADVANCES: u64 = 256 << 10;

#[test]
fn a_budget_that_is_too_small_is_an_error_and_nothing_else() {
    let needed = {
        let budget = Budget::unlimited();
        whole(&budget).unwrap();
        budget.spent()
    };
    let want = whole(&Budget::unlimited()).unwrap();
    let limited = |what: usize, limit: u64| match what {
        0 => Limits {
            bytes: limit,
            ..Limits::UNLIMITED
        },
        1 => Limits {
            nodes: limit,
            ..Limits::UNLIMITED
        },
        _ => Limits {
            steps: limit,
            ..Limits::UNLIMITED
        },
    };
    for (what, most) in [needed.bytes, needed.nodes, needed.steps]
        .into_iter()
        .enumerate()
    {
        // All small limits, and some of the others.
        let some = (1..200).chain((200..most).step_by((most / 150).max(1) as usize));
        for limit in some {
            match whole(&Budget::new(limited(what, limit))) {
                Ok(text) => assert_eq!(text, want),
                Err(error) => assert!(error.contains("the limit"), "{limit}: {error}"),
            }
        }
        // What is taken in advance counts until it is given back.
        let enough = limited(what, most + ADVANCES);
        assert_eq!(whole(&Budget::new(enough)).as_deref(), Ok(&*want));
    }
}

#[test]
fn a_rendered_release_survives_its_record() {
    let budget = Budget::new(LIMITS);
    let chart = chart(&budget).unwrap();
    let supplied = values(&budget).unwrap();
    let (rendered, _) = kit::render(&chart, &supplied, &kit::RELEASE, &budget).unwrap();
    let prepared = chart.prepare(&supplied, &budget).unwrap();

    let ReleaseInfo {
        name,
        namespace,
        revision,
        ..
    } = kit::RELEASE;
    let mut release = Release::new(name, namespace, revision, prepared.recorded().unwrap());
    release.info.status = ReleaseStatus::Deployed;
    release.info.notes = rendered.notes.clone();
    release.config = supplied;
    release.manifest = lode_chart::manifest::text(&rendered.manifests);
    release.hooks = rendered.hooks.clone();

    let mut read = Release::decode(&release.encode().unwrap(), &budget).unwrap();
    // Numbers of the user's values are floats now, as in Helm.
    assert_eq!(read.config["two"]["port"], 7);
    read.config = release.config.clone();
    assert_eq!(read, release);
    let names: Vec<&str> = read
        .chart
        .metadata()
        .declared()
        .iter()
        .map(|one| &*one.name)
        .collect();
    assert_eq!(names, ["one", "two"]);
    assert_eq!(read.chart.values().unwrap()["size"], 3);
}
