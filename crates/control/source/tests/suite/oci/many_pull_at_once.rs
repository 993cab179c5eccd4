//! Many objects pull from one registry.

use futures::future::join_all;
use serde_json::json;

use super::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_gets_its_own() {
    let stage = Stage::open().await;
    let names: Vec<_> = (0..20).map(|n| format!("app-{n}")).collect();
    for name in &names {
        stage.push_to(name, "latest", &[("a", name)]);
        stage.apply_for(name, name, &json!({})).await;
    }
    join_all(names.iter().map(|name| stage.played.run(name))).await;
    for name in &names {
        let tree = stage.played.tree(name).await;
        let path = lode_tree::RepoPath::parse("a").unwrap();
        assert_eq!(&*tree.read(&path).unwrap().bytes, name.as_bytes());
    }
}
