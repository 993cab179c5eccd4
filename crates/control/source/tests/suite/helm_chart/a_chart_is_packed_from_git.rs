//! A chart in a folder of a Git repository.

use serde_json::json;

use super::{Stage, packed};
use crate::played::condition;

const CHART: &str = "apiVersion: v2\nname: app\nversion: 1.0.0\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_is_packed_and_another_version_is_another_chart() {
    let stage = Stage::start().await;
    let files = [
        ("charts/app/Chart.yaml", CHART),
        ("charts/app/values.yaml", "a: 1\n"),
        ("charts/app/.helmignore", "*.md\n"),
        ("charts/app/readme.md", "x"),
    ];
    let first = stage.commit("repo", &files).await;
    stage
        .chart(("GitRepository", "repo"), &json!({"chart": "./charts/app"}))
        .await;
    let text = "packaged 'app' chart with version '1.0.0'".to_owned();
    let ready = ("True".to_owned(), "ChartPackageSucceeded".to_owned(), text);
    assert_eq!(stage.ready().await, ready);
    let live = stage.charts.live("app").await.unwrap();
    let used = live.status.observed_source_artifact_revision.as_deref();
    assert_eq!(used, Some(&*format!("main@sha1:{first}")));
    let chart = stage.loaded().await;
    assert_eq!(chart.values_text(), Some(&b"a: 1\n"[..]));
    let names: Vec<_> = chart
        .files()
        .iter()
        .map(|file| file.name.to_string())
        .collect();
    assert_eq!(names, [".helmignore"]);

    // Another commit alone is no other chart.
    let digest = live.status.artifact.unwrap().digest;
    stage
        .commit("repo", &[("charts/app/values.yaml", "a: 2\n")])
        .await;
    let same = stage.charts.ran("app").await;
    assert_eq!(same.status.artifact.unwrap().digest, digest);
    let other = CHART.replace("1.0.0", "1.1.0");
    stage
        .commit("repo", &[("charts/app/Chart.yaml", &other)])
        .await;
    let second = stage.charts.ran("app").await;
    assert_eq!(&*second.status.artifact.unwrap().revision, "1.1.0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_commit_is_a_chart_for_whoever_wants_that() {
    let stage = Stage::start().await;
    let first = stage.commit("repo", &[("app/Chart.yaml", CHART)]).await;
    let revision = json!({"reconcileStrategy": "Revision"});
    stage.chart(("GitRepository", "repo"), &revision).await;
    let live = stage.charts.ran("app").await;
    let expected = format!("1.0.0+{}", &first[..12]);
    assert_eq!(*live.status.artifact.unwrap().revision, *expected);
    assert_eq!(stage.loaded().await.metadata().version, expected);
    let second = stage.commit("repo", &[("other.txt", "x")]).await;
    let live = stage.charts.ran("app").await;
    let expected = format!("1.0.0+{}", &second[..12]);
    assert_eq!(*live.status.artifact.unwrap().revision, *expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_files_are_paths_from_the_root() {
    let stage = Stage::start().await;
    let files = [
        ("app/Chart.yaml", CHART),
        ("app/values.yaml", "a: 1\n"),
        ("env/prod.yaml", "a: 2\n"),
    ];
    stage.commit("repo", &files).await;
    let merged = json!({"valuesFiles": ["app/values.yaml", "env/prod.yaml"]});
    stage.chart(("GitRepository", "repo"), &merged).await;
    let (_, _, text) = stage.ready().await;
    assert_eq!(
        text,
        "packaged 'app' chart with version '1.0.0+1' and merged values files [app/values.yaml env/prod.yaml]"
    );
    assert_eq!(stage.loaded().await.values_text(), Some(&b"a: 2\n"[..]));
    stage
        .chart(
            ("GitRepository", "repo"),
            &json!({"valuesFiles": ["app/nothere.yaml"]}),
        )
        .await;
    let (_, _, text) = stage.ready().await;
    assert_eq!(
        text,
        "values files merge error: no values file found at path '/app/nothere.yaml' (reference 'app/nothere.yaml')"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_package_in_git_is_taken_as_it_is() {
    let stage = Stage::start().await;
    stage.commit("repo", &[("other.txt", "x")]).await;
    stage
        .chart(
            ("GitRepository", "repo"),
            &json!({"chart": "app-1.0.0.tgz"}),
        )
        .await;
    let live = stage.charts.ran("app").await;
    let (_, reason, text) = condition(&live, "Stalled").unwrap();
    assert_eq!(reason, "InvalidChartReference");
    assert!(
        text.ends_with("/app-1.0.0.tgz: no such file or directory"),
        "{text}"
    );
    assert!(!packed("app", "1.0.0", &[]).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_chart_is_told() {
    let stage = Stage::start().await;
    for (text, expected) in [
        (
            "name: app\n",
            "validation: chart.metadata.version is required",
        ),
        (
            "name: app\nversion: a.b\n",
            "validation: chart.metadata.version \"a.b\" is invalid",
        ),
    ] {
        stage.commit("repo", &[("app/Chart.yaml", text)]).await;
        stage.chart(("GitRepository", "repo"), &json!({})).await;
        let (_, reason, message) = stage.ready().await;
        assert_eq!(reason, "InvalidChartReference");
        assert_eq!(message, format!("invalid chart reference: {expected}"));
    }
}
