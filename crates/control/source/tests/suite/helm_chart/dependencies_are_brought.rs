//! A chart in Git declares others that it does not hold.

use lode_sandbox::{CHARTS_PASSWORD, CHARTS_USER};
use serde_json::json;

use super::{Stage, packed};

/// Returns the text of a chart with one dependency.
fn with(dependency: &str) -> String {
    format!("apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- {dependency}\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_the_same_source_is_packed_along() {
    let stage = Stage::start().await;
    let chart = with("{name: lib, version: '>=1', repository: 'file://../lib', alias: base}");
    let lib = "apiVersion: v2\nname: lib\nversion: 1.2.0\n";
    stage
        .commit(
            "repo",
            &[("app/Chart.yaml", &chart), ("lib/Chart.yaml", lib)],
        )
        .await;
    stage.chart(("GitRepository", "repo"), &json!({})).await;
    assert_eq!(
        stage.ready().await.2,
        "packaged 'app' chart with version '1.0.0'"
    );
    let loaded = stage.loaded().await;
    assert_eq!(loaded.dependencies()[0].name(), "base");
    let events = stage.charts.events("app").await;
    let told: Vec<_> = events.iter().map(|it| (&*it.1, &*it.2)).collect();
    assert_eq!(
        told[0],
        ("ResolvedDependencies", "resolved 1 chart dependencies")
    );

    for (dependency, expected) in [
        (
            "{name: lib, version: '>=1', repository: 'file://../nothere'}",
            "failed to add local dependency 'lib': no chart found at '/nothere' (reference 'file://../nothere')",
        ),
        (
            "{name: lib, version: '>=2', repository: 'file://../lib'}",
            "failed to add local dependency 'lib': can't get a valid version for constraint '>=2'",
        ),
    ] {
        let chart = with(dependency).replace("1.0.0", "1.1.0");
        stage.commit("repo", &[("app/Chart.yaml", &chart)]).await;
        let (_, reason, text) = stage.ready().await;
        assert_eq!(reason, "DependencyBuildError");
        assert_eq!(text, format!("dependency build error: {expected}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_a_repository_is_fetched_with_the_credentials_of_the_namespace() {
    let stage = Stage::start().await;
    stage.publish("/private-x", &["1.0.0", "1.5.0", "2.0.0"]);
    let url = stage.server.url("/private-x");
    let chart = with(&format!(
        "{{name: app, version: 1.x, repository: '{url}', alias: sub}}"
    ));
    stage.commit("repo", &[("app/Chart.yaml", &chart)]).await;
    stage.chart(("GitRepository", "repo"), &json!({})).await;
    let (_, reason, text) = stage.ready().await;
    assert_eq!(reason, "DependencyBuildError");
    assert!(text.contains("401 Unauthorized"), "{text}");

    let login = json!({"username": CHARTS_USER, "password": CHARTS_PASSWORD});
    stage
        .charts
        .make(&json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "auth"}, "stringData": login}))
        .await;
    // The slash at the end is no other address.
    let url = format!("{url}/");
    stage
        .repository_at("charts", &url, &json!({"secretRef": {"name": "auth"}}))
        .await;
    assert_eq!(stage.ready().await.0, "True");
    let loaded = stage.loaded().await;
    let sub = &loaded.dependencies()[0];
    assert_eq!((sub.name(), &*sub.metadata().version), ("sub", "1.5.0"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_nobody_describes_is_fetched_anonymously() {
    let stage = Stage::start().await;
    stage.publish("/open", &["1.0.0"]);
    let url = stage.server.url("/open");
    let chart = with(&format!(
        "{{name: app, version: 1.0.0, repository: '{url}', alias: sub}}"
    ));
    stage.commit("repo", &[("app/Chart.yaml", &chart)]).await;
    stage.chart(("GitRepository", "repo"), &json!({})).await;
    assert_eq!(stage.ready().await.0, "True");
    assert!(
        stage
            .server
            .take_requests()
            .iter()
            .all(|it| !it.has_credentials)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_address_of_a_dependency_is_subject_to_the_policy() {
    let stage = Stage::start().await;
    let chart = with("{name: x, version: 1.0.0, repository: 'http://169.254.169.254/charts'}");
    stage.commit("repo", &[("app/Chart.yaml", &chart)]).await;
    stage.chart(("GitRepository", "repo"), &json!({})).await;
    let (_, reason, text) = stage.ready().await;
    assert_eq!(reason, "DependencyBuildError");
    assert!(text.contains("egress to 169.254.169.254"), "{text}");
    assert!(!packed("x", "1.0.0", &[]).is_empty());
}
