//! Charts, hooks and records that would cost gigabytes or never end fail with an error that names them, and others are
//! released beside them.

use anyhow::Context as _;
use e2e::{bombs, condition};
use serde_json::{Value, json};

use crate::flow::holds;
use crate::stage::{LONG, Stage};

/// Number of honest releases.
const HONEST: usize = 5;

const HEAD: &str = "apiVersion: v2\nname: app\nversion: 1.0.0\n";
const PLAIN: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ .Release.Name }}\"}\ndata: {a: b}\n";

/// A chart that is refused: its folder, a template, its values, and parts of the error.
struct BadChart {
    name: &'static str,
    template: String,
    values: String,
    parts: &'static [&'static str],
}

fn bad_charts() -> Vec<BadChart> {
    let bad = |name, template: &str, parts| BadChart {
        name,
        template: template.to_owned(),
        values: String::new(),
        parts,
    };
    let count = "{{ range until 100000 }}{{ range until 100000 }}x{{ end }}{{ end }}";
    let again = "{{ define \"a\" }}{{ include \"a\" . }}{{ end }}{{ include \"a\" . }}";
    let doubled = "{{ $x := \"xxxxxxxxxxxxxxxx\" }}{{ range until 60 }}{{ $x = printf \"%s%s\" $x $x }}{{ end }}{{ $x }}";
    let lines = (1..9).map(|it| {
        let before = it - 1;
        format!(
            "a{it}: &a{it} [{}]\n",
            vec![format!("*a{before}"); 10].join(", ")
        )
    });
    let aliases = format!(
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n{}",
        lines.collect::<String>()
    );
    vec![
        bad("counts", count, &["templates/a.yaml", "the limit"]),
        bad(
            "includes-itself",
            again,
            &[
                "templates/a.yaml",
                "rendering template has a nested reference name: a",
            ],
        ),
        bad(
            "doubles",
            doubled,
            &["templates/a.yaml", "bytes, the limit"],
        ),
        bad(
            "twice",
            &format!("{PLAIN}---\n{PLAIN}"),
            &["ConfigMap/twice is defined twice"],
        ),
        BadChart {
            values: aliases,
            ..bad(
                "aliases",
                PLAIN,
                &["values.yaml", "aliases and tags add more than"],
            )
        },
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn charts_hooks_and_records_that_cost_too_much_hurt_only_their_own_release() {
    Stage::play("hostile-releases", async |stage| {
        let bad = bad_charts();
        for chart in &bad {
            let files = [
                ("Chart.yaml", HEAD),
                ("values.yaml", &chart.values),
                ("templates/a.yaml", &chart.template),
            ];
            for (path, text) in files {
                let path = format!("{}/{path}", chart.name);
                stage.repository.write(&path, text)?;
            }
        }
        let hook = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: endless, annotations: {helm.sh/hook: pre-install}}\n\
                    spec: {template: {spec: {restartPolicy: Never, nodeSelector: {none: such}, containers: [{name: c, image: x}]}}}\n";
        for (path, text) in [
            ("honest/Chart.yaml", HEAD),
            ("honest/templates/a.yaml", PLAIN),
            ("endless/Chart.yaml", HEAD),
            ("endless/templates/a.yaml", PLAIN),
            ("endless/templates/hook.yaml", hook),
        ] {
            stage.repository.write(path, text)?;
        }
        stage.repository.push("charts")?;
        stage.source().await?;

        let forged = json!({"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
            "metadata": {"name": "sh.helm.release.v1.forged.v1", "namespace": stage.namespace,
                "labels": {"owner": "helm", "name": "forged", "version": "1", "status": "deployed"}},
            "data": {"release": bombs::record()?}});
        stage.world.apply(forged).await?;
        stage.helm_release_of("./honest", "forged", json!({})).await?;
        stage
            .helm_release_of("./endless", "endless", json!({"timeout": "20s"}))
            .await?;
        for chart in &bad {
            let folder = format!("./{}", chart.name);
            stage
                .helm_release_of(&folder, chart.name, json!({}))
                .await?;
        }
        for number in 0..HONEST {
            let name = format!("honest-{number}");
            stage.helm_release_of("./honest", &name, json!({})).await?;
        }

        for number in 0..HONEST {
            let name = format!("honest-{number}");
            let released = stage
                .released(&name, "Ready", "True", "InstallSucceeded")
                .await;
            released.with_context(|| format!("{name} beside the others"))?;
        }
        for chart in &bad {
            let reason = if chart.values.is_empty() {
                "InstallFailed"
            } else {
                "SourceNotReady"
            };
            let what = ("HelmRelease", &*stage.namespace, chart.name);
            let says = |found: Option<&Value>| {
                let ready = condition(found, "Ready").filter(|ready| ready["reason"] == reason);
                let text = ready.and_then(|ready| ready["message"].as_str());
                text.is_some_and(|text| chart.parts.iter().all(|part| text.contains(part)))
            };
            let found = stage.world.until(what, LONG, says).await;
            found.with_context(|| chart.name)?;
        }
        let text = stage
            .released("forged", "Ready", "False", "StateError")
            .await?;
        holds(&text, &["the record is longer than"])?;
        let text = stage
            .released("endless", "Ready", "False", "InstallFailed")
            .await?;
        holds(&text, &["pre-install", "timeout waiting for", "Job/"])
    })
    .await;
}
