//! Patterns leave files out of the artifact.

use serde_json::json;

use super::Stage;
use crate::played::names;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patterns_that_come_later_make_another_artifact_of_the_same_digest() {
    let stage = Stage::open().await;
    stage.push(
        "latest",
        &[
            ("a.yaml", "a"),
            ("b.md", "b"),
            ("c.txt", "c"),
            (".sourceignore", "*.txt\n"),
        ],
    );
    stage.apply(&json!({})).await;
    stage.played.run("app").await;
    assert_eq!(
        names(&*stage.played.tree("app").await),
        [".sourceignore", "a.yaml", "b.md"]
    );

    stage.apply(&json!({"ignore": "*.md\n"})).await;
    let live = stage.played.ran("app").await;
    assert_eq!(
        names(&*stage.played.tree("app").await),
        [".sourceignore", "a.yaml"]
    );
    assert_eq!(live.status.observed_ignore.as_deref(), Some("*.md\n"));
}
