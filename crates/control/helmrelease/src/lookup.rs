//! `lookup` in templates: reads the cluster with the account of the release.

use std::sync::Arc;

use lode_cluster::{Client, Discovery};
use lode_object::{GroupVersionKind, Value};
use lode_stdx::Lock;
use lode_template::Cluster;
use serde_json::json;
use tokio::runtime::Handle;

/// How often the templates of one render may ask.
const ASKED_MAX: usize = 1_000;

/// Answers `lookup`.
#[derive(Clone)]
pub(crate) struct ClusterLookup {
    pub(crate) client: Client,
    pub(crate) discovery: Discovery,
    pub(crate) runtime: Handle,
    asked: Arc<Lock<usize>>,
}

impl ClusterLookup {
    pub(crate) fn new(client: Client, discovery: Discovery) -> Self {
        Self {
            client,
            discovery,
            runtime: Handle::current(),
            asked: Arc::default(),
        }
    }

    async fn find(&self, gvk: &GroupVersionKind, namespace: &str, name: &str) -> Answer {
        let failed = |error: lode_cluster::Error| error.to_string();
        let Some(resource) = self.discovery.resolve(gvk).await.map_err(failed)? else {
            return Ok(None);
        };
        let namespace = if resource.namespaced { namespace } else { "" };
        if name.is_empty() {
            let list = self.client.list(&resource, namespace, "").await;
            let list: Value = serde_json::from_slice(&list.map_err(failed)?).unwrap_or_default();
            return Ok(Some(typed(list, gvk)));
        }
        match self.client.get(&resource, namespace, name).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }
}

type Answer = Result<Option<Value>, String>;

/// Returns a list whose items say their kind, as typed clients give them.
fn typed(mut list: Value, gvk: &GroupVersionKind) -> Value {
    for item in list["items"].as_array_mut().into_iter().flatten() {
        item["apiVersion"] = json!(gvk.api_version());
        item["kind"] = json!(gvk.kind);
    }
    list
}

impl Cluster for ClusterLookup {
    fn lookup(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Answer {
        let mut asked = self.asked.lock();
        *asked += 1;
        if *asked > ASKED_MAX {
            return Err(format!(
                "the cluster was looked up more than {ASKED_MAX} times, the limit"
            ));
        }
        drop(asked);
        let gvk = GroupVersionKind::new(api_version, kind);
        // A render has a thread of its own: it may wait.
        self.runtime.block_on(self.find(&gvk, namespace, name))
    }
}
