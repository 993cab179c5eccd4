//! Watches `ConfigMap`s and Secrets with the watch label: a change wakes the objects that take
//! variables or values from them (spec A1).
//!
//! Only names are kept, never contents.

use std::collections::HashMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use lode_cluster::{Client, Head, Resource, Sink, Subject, watch};
use lode_object::{NamespacedName, meta};
use lode_runtime::Use;

/// Wakes whoever uses something.
pub(crate) type Wake = Arc<dyn Fn(&Use) + Send + Sync>;

/// Returns the tasks that watch both kinds, without end.
pub(crate) fn watches(
    client: &Client,
    namespace: &str,
    wake: &Wake,
) -> Vec<BoxFuture<'static, ()>> {
    [("ConfigMap", "configmaps"), ("Secret", "secrets")]
        .map(|(kind, plural)| {
            let subject = Subject {
                resource: Resource::known("v1", kind, plural, true),
                namespace: namespace.into(),
                labels: format!("{}=Enabled", meta::WATCH).into(),
                fields: "".into(),
            };
            let feed = Feed {
                kind,
                wake: wake.clone(),
                versions: HashMap::new(),
            };
            Box::pin(watch(client.clone(), subject, feed)) as BoxFuture<'static, ()>
        })
        .into()
}

struct Feed {
    kind: &'static str,
    wake: Wake,
    /// The last version seen of each, so that a new list reports nothing twice.
    versions: HashMap<NamespacedName, String>,
}

impl Sink for Feed {
    fn restart(&mut self) {}

    fn applied(&mut self, head: &Head<'_>, _: &[u8]) {
        let (name, version) = (head.name(), head.version.to_string());
        let known = self.versions.insert(name.clone(), version.clone());
        // The first sight of an object is not a change.
        if known.is_some_and(|known| known != version) {
            (self.wake)(&Use::new(self.kind, name));
        }
    }

    fn deleted(&mut self, head: &Head<'_>, _: &[u8]) {
        let name = head.name();
        self.versions.remove(&name);
        (self.wake)(&Use::new(self.kind, name));
    }

    fn synced(&mut self, _: &str) {}
}
