//! Helm repositories on the shared way, with a server of charts.

mod a_private_repository_asks_who_is_there;
mod a_registry_is_only_described;
mod an_index_is_large;
mod an_index_is_no_index;
mod an_index_is_stored;
mod the_server_is_hostile;

use std::sync::Arc;

use lode_net::{Egress, Rules};
use lode_sandbox::{Charts, Options, Sandbox};
use lode_source::{HelmRepositoryOrigin, Indexes};
use serde_json::{Value, json};

use crate::played::Played;

/// Most bytes of an index in these tests.
const INDEX_MAX: u64 = 50 << 20;

/// A cluster with the controller, and a server of charts.
struct Stage {
    played: Played<HelmRepositoryOrigin>,
    charts: Charts,
}

impl Stage {
    async fn start() -> Self {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        let played = Played::start(sandbox, |stage| {
            let allow = vec!["127.0.0.0/8".parse().unwrap()];
            let egress = Egress::new(Rules {
                allow,
                ..Rules::default()
            });
            let indexes = Indexes::new(stage.artifacts.clone(), stage.memory);
            let (client, store) = (stage.client, stage.artifacts);
            HelmRepositoryOrigin::new(client, store, Arc::new(indexes), egress, INDEX_MAX)
        });
        Self {
            played: played.await,
            charts: Charts::start().await.unwrap(),
        }
    }

    /// Makes the object `charts` for the root of the server, with more fields.
    async fn apply(&self, more: &Value) {
        let mut spec = json!({"interval": "1h", "url": self.charts.url("")});
        for (field, value) in more.as_object().unwrap() {
            spec[field] = value.clone();
        }
        self.played.apply("charts", &spec).await;
    }

    /// Puts an index that lists versions of the chart `app`.
    fn list(&self, folder: &str, versions: &[&str]) {
        self.charts
            .put(&format!("{folder}/index.yaml"), index(versions));
    }
}

fn index(versions: &[&str]) -> String {
    let mut text = "apiVersion: v1\nentries:\n  app:\n".to_owned();
    for version in versions {
        let entry = format!(
            "  - apiVersion: v2\n    name: app\n    version: {version}\n    urls: [app-{version}.tgz]\n"
        );
        text.push_str(&entry);
    }
    text
}
