//! `lookup` in templates: reads the cluster with the account of the release, and notes what it answered, so that it can
//! be asked again later without a render.

use std::sync::Arc;

use lode_cluster::{Client, Discovery};
use lode_object::{GroupVersionKind, Value};
use lode_stdx::{Digest, Lock};
use lode_template::Cluster;
use serde_json::json;
use tokio::runtime::Handle;

/// How often the templates of one render may ask.
const ASKED_MAX: usize = 1_000;
/// Fields of metadata that change with every write, whatever was written.
const PASSING: [&str; 3] = ["resourceVersion", "generation", "managedFields"];

/// What a template asked for, and what the answer was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LookedUp {
    gvk: GroupVersionKind,
    namespace: String,
    name: String,
    /// Digest of the answer.
    answer: Digest,
}

/// Answers `lookup`.
#[derive(Clone)]
pub(crate) struct ClusterLookup {
    pub(crate) client: Client,
    pub(crate) discovery: Discovery,
    pub(crate) runtime: Handle,
    asked: Arc<Lock<Vec<LookedUp>>>,
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

    /// Returns what was asked for so far.
    pub(crate) fn answers(&self) -> Vec<LookedUp> {
        self.asked.lock().clone()
    }

    /// Asks for the same once more.
    ///
    /// # Errors
    /// The server does not answer: why.
    pub(crate) async fn again(&self, asked: &[LookedUp]) -> Result<Vec<LookedUp>, String> {
        let mut answers = Vec::with_capacity(asked.len());
        for before in asked {
            let found = self
                .find(&before.gvk, &before.namespace, &before.name)
                .await?;
            answers.push(LookedUp {
                answer: digest(found),
                ..before.clone()
            });
        }
        Ok(answers)
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
        if self.asked.lock().len() >= ASKED_MAX {
            return Err(format!(
                "the cluster was looked up more than {ASKED_MAX} times, the limit"
            ));
        }
        let gvk = GroupVersionKind::new(api_version, kind);
        // A render has a thread of its own: it may wait.
        let found = self.runtime.block_on(self.find(&gvk, namespace, name))?;
        self.asked.lock().push(LookedUp {
            gvk,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            answer: digest(found.clone()),
        });
        Ok(found)
    }
}

/// Returns the digest of an answer, without what says only that something was written.
fn digest(answer: Option<Value>) -> Digest {
    let mut answer = answer.unwrap_or_default();
    let forget = |of: &mut Value| {
        if let Some(metadata) = of.get_mut("metadata").and_then(Value::as_object_mut) {
            for field in PASSING {
                metadata.remove(field);
            }
        }
    };
    forget(&mut answer);
    let items = answer.get_mut("items").and_then(Value::as_array_mut);
    items.into_iter().flatten().for_each(forget);
    Digest::of(answer.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_another_one_if_something_else_was_written() {
        let of = |data: &str, version: &str| {
            let map = json!({"metadata": {"name": "a", "resourceVersion": version}, "data": data});
            let list = json!({"metadata": {"resourceVersion": version}, "items": [map.clone()]});
            (digest(Some(map)), digest(Some(list)))
        };
        assert_eq!(of("blue", "1"), of("blue", "2"));
        let (blue, red) = (of("blue", "1"), of("red", "1"));
        assert!(blue.0 != red.0 && blue.1 != red.1);
        assert!(digest(None) != blue.0);
    }
}
