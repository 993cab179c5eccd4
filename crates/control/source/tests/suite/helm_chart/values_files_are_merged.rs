//! Values files are merged into the chart's own values.

use serde_json::json;

use super::Stage;
use crate::played::condition;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_chart_is_packed_again_with_a_version_that_says_so() {
    let stage = Stage::start().await;
    stage.publish("", &["1.0.0"]);
    stage.repository("", &json!({})).await;
    let files = json!({"valuesFiles": ["values.yaml", "values-a.yaml"]});
    stage.chart(("HelmRepository", "charts"), &files).await;
    let (state, reason, text) = stage.ready().await;
    assert_eq!((&*state, &*reason), ("True", "ChartPackageSucceeded"));
    assert_eq!(
        text,
        "packaged 'app' chart with version '1.0.0+1' and merged values files [values.yaml values-a.yaml]"
    );
    let chart = stage.loaded().await;
    assert_eq!(chart.metadata().version, "1.0.0+1");
    let values = std::str::from_utf8(chart.values_text().unwrap()).unwrap();
    assert_eq!(values, "color: of-1.0.0\nsize: 7\n");
    assert_eq!(stage.ready().await.2, text, "what was done stays said");

    stage
        .chart(
            ("HelmRepository", "charts"),
            &json!({"valuesFiles": ["values.yaml"]}),
        )
        .await;
    let text = "pulled 'app' chart with version '1.0.0'";
    assert_eq!(stage.ready().await.2, text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_file_stalls_unless_it_may_be_missing() {
    let stage = Stage::start().await;
    stage.publish("", &["1.0.0"]);
    stage.repository("", &json!({})).await;
    let files = json!(["values.yaml", "nothere.yaml", "values-a.yaml"]);
    stage
        .chart(("HelmRepository", "charts"), &json!({"valuesFiles": files}))
        .await;
    let live = stage.charts.ran("app").await;
    let (_, reason, text) = condition(&live, "BuildFailed").unwrap();
    assert_eq!(reason, "ValuesFilesError");
    assert_eq!(
        text,
        "values files merge error: failed to merge chart values: no values file found at path 'nothere.yaml'"
    );
    assert!(condition(&live, "Stalled").is_some());

    let ignored = json!({"valuesFiles": files, "ignoreMissingValuesFiles": true});
    stage.chart(("HelmRepository", "charts"), &ignored).await;
    let live = stage.charts.ran("app").await;
    let observed: Vec<_> = live
        .status
        .observed_values_files
        .iter()
        .map(|it| &**it)
        .collect();
    assert_eq!(observed, ["values.yaml", "values-a.yaml"]);
}
