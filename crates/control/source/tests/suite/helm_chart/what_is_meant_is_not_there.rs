//! The repository does not have what is asked for.

use lode_runtime::Next;
use serde_json::json;

use super::Stage;
use crate::played::condition;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_chart_or_version_stalls_until_the_index_has_it() {
    let stage = Stage::start().await;
    stage.publish("", &["1.0.0"]);
    stage.repository("", &json!({})).await;
    for (more, expected) in [
        (json!({"chart": "other"}), "no chart name found"),
        (
            json!({"version": ">=3"}),
            "no 'app' chart with version matching '>=3' found",
        ),
    ] {
        stage.chart(("HelmRepository", "charts"), &more).await;
        assert_eq!(stage.charts.run("app").await, Next::Idle);
        let live = stage.charts.live("app").await.unwrap();
        let (_, reason, text) = condition(&live, "Stalled").unwrap();
        assert_eq!(reason, "InvalidChartReference");
        let begin = "invalid chart reference: failed to get chart version for remote reference";
        assert_eq!(text, format!("{begin}: {expected}"));
        assert!(live.status.observed_source_artifact_revision.is_some());
    }
    stage.publish("", &["1.0.0", "3.0.0"]);
    stage.fetched("charts").await;
    let live = stage.charts.ran("app").await;
    assert_eq!(&*live.status.artifact.unwrap().revision, "3.0.0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_package_that_is_missing_or_none_is_tried_again() {
    let stage = Stage::start().await;
    stage.publish("", &["1.0.0"]);
    stage.repository("", &json!({})).await;
    stage.chart(("HelmRepository", "charts"), &json!({})).await;
    stage.server.remove("/app-1.0.0.tgz");
    assert_eq!(stage.charts.run("app").await, Next::Backoff);
    let live = stage.charts.live("app").await.unwrap();
    let (_, reason, text) = condition(&live, "FetchFailed").unwrap();
    assert_eq!(reason, "ChartPullError");
    let url = stage.server.url("/app-1.0.0.tgz");
    let expected = format!(
        "chart pull error: failed to download chart for remote reference: failed to fetch {url} : 404 Not Found"
    );
    assert_eq!(text, expected);

    stage.server.put("/app-1.0.0.tgz", "no archive");
    let (_, _, text) = stage.ready().await;
    assert_eq!(
        text,
        "chart pull error: failed to load chart metadata from written chart: gzip: invalid header"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_chart_can_be_called_stalls_and_nobody_is_asked() {
    let stage = Stage::start().await;
    stage.publish("", &["1.0.0"]);
    stage.repository("", &json!({})).await;
    stage.server.take_requests();
    stage
        .chart(("HelmRepository", "charts"), &json!({"chart": "../App"}))
        .await;
    let live = stage.charts.ran("app").await;
    let (_, reason, text) = condition(&live, "Stalled").unwrap();
    assert_eq!(reason, "InvalidChartReference");
    assert!(
        text.starts_with("invalid chart reference: invalid chart name '../App': "),
        "{text}"
    );
    assert_eq!(stage.server.take_requests(), []);
    assert!(live.status.observed_source_artifact_revision.is_some());
}
