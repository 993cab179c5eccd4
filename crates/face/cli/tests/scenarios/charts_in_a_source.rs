//! Charts that kustomizations name: an operator with `--enable-helm-charts` builds those that lie in
//! the source, follows their changes, and reads nothing outside of the source for them.

use anyhow::ensure;
use serde_json::json;

use crate::flow::holds;
use crate::stage::Stage;

const KUSTOMIZATION: &str =
    "namespace: NS\nhelmCharts:\n- name: web\n  releaseName: r\n  valuesInline: {color: red}\n";
const TEMPLATE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ .Release.Name }}\", namespace: \"{{ .Release.Namespace }}\"}\n\
    data: {color: \"{{ .Values.color }}\", size: \"SIZE\"}\n";

fn write(stage: &Stage, template: &str) -> anyhow::Result<()> {
    let kustomization = KUSTOMIZATION.replace("NS", &stage.namespace);
    for (path, text) in [
        ("apps/kustomization.yaml", &*kustomization),
        (
            "apps/charts/web/Chart.yaml",
            "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        ),
        ("apps/charts/web/values.yaml", "color: blue\n"),
        ("apps/charts/web/templates/a.yaml", template),
    ] {
        stage.repository.write(path, text)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chart_in_the_source_is_built_if_that_is_asked_for_and_followed() {
    Stage::play("charts", async |stage| {
        write(stage, &TEMPLATE.replace("SIZE", "s"))?;
        stage.repository.push("begin")?;
        stage.source().await?;
        stage.kustomization("apps", json!({})).await?;
        let text = stage.fails("apps", "BuildFailed").await?;
        holds(
            &text,
            &["must specify --enable-helm", "--enable-helm-charts"],
        )?;

        stage.restart_with(&["--enable-helm-charts"])?;
        stage
            .sees("ConfigMap", "r", "/data/color", json!("red"))
            .await?;
        // A change of nothing but a template is a change of the build.
        write(stage, &TEMPLATE.replace("SIZE", "l"))?;
        let commit = stage.deliver("larger").await?;
        stage.applied("apps", &commit).await?;
        stage
            .sees("ConfigMap", "r", "/data/size", json!("l"))
            .await?;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_chart_gets_nothing_and_hurts_nobody() {
    Stage::play("hostile-charts", async |stage| {
        stage.restart_with(&["--enable-helm-charts"])?;
        let chart = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
        let loops = "{{ range until 100000 }}{{ range until 100000 }}x{{ end }}{{ end }}";
        for (name, kustomization, template) in [
            (
                "home",
                "helmGlobals: {chartHome: ../../../../etc}\nhelmCharts: [{name: web}]\n",
                "",
            ),
            (
                "file",
                "helmCharts: [{name: web, valuesFile: ../../../../etc/passwd}]\n",
                "",
            ),
            (
                "remote",
                "helmCharts: [{name: db, repo: \"http://169.254.169.254/\"}]\n",
                "",
            ),
            (
                "random",
                "helmCharts: [{name: web}]\n",
                "a: {{ randAlphaNum 5 | quote }}",
            ),
            ("loop", "helmCharts: [{name: web}]\n", loops),
            (
                "escape",
                "helmCharts: [{name: web}]\n",
                "{{ .Files.Get \"../../../secret\" | required \"nothing there\" }}",
            ),
        ] {
            let at = |path: &str| format!("{name}/{path}");
            stage
                .repository
                .write(&at("kustomization.yaml"), kustomization)?;
            stage
                .repository
                .write(&at("charts/web/Chart.yaml"), chart)?;
            stage
                .repository
                .write(&at("charts/web/values.yaml"), "{}\n")?;
            stage
                .repository
                .write(&at("charts/web/templates/a.yaml"), template)?;
        }
        stage.repository.write(
            "good/a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\n",
        )?;
        stage.repository.push("begin")?;
        stage.source().await?;
        for (name, expected) in [
            ("home", "leaves its root"),
            ("file", "leaves its root"),
            ("remote", "fetches no charts"),
            ("random", "would change with every build"),
            ("loop", "allows more"),
            ("escape", "nothing there"),
        ] {
            stage.kustomization(name, json!({})).await?;
            let text = stage.fails(name, "BuildFailed").await?;
            ensure!(text.contains(expected), "{name}: {text}");
        }
        stage
            .kustomization("good", json!({"targetNamespace": stage.namespace}))
            .await?;
        stage
            .sees("ConfigMap", "good", "/kind", json!("ConfigMap"))
            .await?;
        Ok(())
    })
    .await;
}
