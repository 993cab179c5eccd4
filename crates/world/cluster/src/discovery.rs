//! [`Discovery`]: which kinds this server serves, and where.
//!
//! Read in two calls (aggregated discovery) and kept in a compact table. An unknown kind causes the
//! table to be read again, but not more often than [`REFRESH_MIN`], so that a thousand objects of
//! an unknown kind cost two calls.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use lode_object::{GroupKind, GroupVersionKind};
use lode_stdx::Lock;
use serde::Deserialize;
use tokio::time::Instant;

use crate::client::Client;
use crate::error::Error;
use crate::resource::Resource;

/// Shortest time between two reads caused by an unknown kind.
const REFRESH_MIN: Duration = Duration::from_secs(1);
const ACCEPT: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

/// The kinds that a server serves. Cloning shares the table.
#[derive(Clone)]
pub struct Discovery {
    client: Client,
    table: Arc<Lock<KindTable>>,
    reading: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct KindTable {
    kinds: HashMap<GroupVersionKind, Arc<Resource>>,
    /// The server's preferred version, for kinds named without one.
    preferred: HashMap<GroupKind, Arc<Resource>>,
    /// What [`Discovery::api_versions`] makes of the kinds, once it was asked for.
    versions: Option<Arc<BTreeSet<Box<str>>>>,
    read_at: Option<Instant>,
}

impl Discovery {
    /// Creates an empty table, read on first use.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            table: Arc::default(),
            reading: Arc::default(),
        }
    }

    /// Returns the resource of a kind, or nothing if the server does not serve it.
    ///
    /// # Errors
    /// The request failed.
    pub async fn resolve(&self, gvk: &GroupVersionKind) -> Result<Option<Arc<Resource>>, Error> {
        self.look_up(|table| table.kinds.get(gvk).cloned()).await
    }

    /// Returns the resource of a kind in the server's preferred version.
    ///
    /// # Errors
    /// The request failed.
    pub async fn preferred(&self, kind: &GroupKind) -> Result<Option<Arc<Resource>>, Error> {
        self.look_up(|table| table.preferred.get(kind).cloned())
            .await
    }

    /// Asks the server again whether it serves a kind, after it refused a known one. Simultaneous
    /// refusals cost one read of the table, and reads are at least [`REFRESH_MIN`] apart.
    ///
    /// # Errors
    /// The request failed.
    pub async fn ask_again(&self, gvk: &GroupVersionKind) -> Result<Option<Arc<Resource>>, Error> {
        let refused_at = Instant::now();
        let _alone = self.reading.lock().await;
        let read_at = self.table.lock().read_at;
        if read_at.is_none_or(|at| at < refused_at) {
            let wait = read_at.map_or(Duration::ZERO, |at| {
                REFRESH_MIN.saturating_sub(at.elapsed())
            });
            tokio::time::sleep(wait).await;
            self.refresh().await?;
        }
        Ok(self.table.lock().kinds.get(gvk).cloned())
    }

    /// Returns the served API versions as `group/version`, and kinds as `group/version/Kind`; read
    /// again if what is known is older than this.
    ///
    /// # Errors
    /// The request failed.
    pub async fn api_versions(&self, age_max: Duration) -> Result<Arc<BTreeSet<Box<str>>>, Error> {
        let is_recent = |read_at: Option<Instant>| read_at.is_some_and(|at| at.elapsed() < age_max);
        if !is_recent(self.table.lock().read_at) {
            let _alone = self.reading.lock().await;
            // Somebody else may have read it while this waited.
            if !is_recent(self.table.lock().read_at) {
                self.refresh().await?;
            }
        }

        Ok(self.table.lock().versions())
    }

    /// Returns a resource from the last read, without asking the server.
    #[must_use]
    pub fn known(&self, gvk: &GroupVersionKind) -> Option<Arc<Resource>> {
        self.table.lock().kinds.get(gvk).cloned()
    }

    /// Adds a kind to the table before the server lists it, which is seconds after its definition.
    pub fn learn(&self, resource: Resource) {
        self.table.lock().learn(resource);
    }

    async fn look_up(
        &self,
        find: impl Fn(&KindTable) -> Option<Arc<Resource>>,
    ) -> Result<Option<Arc<Resource>>, Error> {
        for _ in 0..2 {
            let (found, read_at) = {
                let table = self.table.lock();
                (find(&table), table.read_at)
            };
            if found.is_some() {
                return Ok(found);
            }
            let _alone = self.reading.lock().await;
            let again = self.table.lock().read_at != read_at;
            let fresh = read_at.is_some_and(|at| at.elapsed() < REFRESH_MIN);
            if !again && fresh {
                return Ok(None);
            }
            if !again {
                self.refresh().await?;
            }
        }
        Ok(find(&self.table.lock()))
    }

    async fn refresh(&self) -> Result<(), Error> {
        let (mut table, read_at) = (KindTable::default(), Instant::now());
        for path in ["/api", "/apis"] {
            let body = self.client.read(path, ACCEPT).await?;
            let groups: Groups = serde_json::from_slice(&body)
                .map_err(|error| Error::NotUnderstood(format!("{path}: {error}")))?;
            for group in groups.items {
                table.add(&group);
            }
        }
        table.read_at = Some(read_at);
        *self.table.lock() = table;
        Ok(())
    }
}

impl KindTable {
    fn learn(&mut self, resource: Resource) {
        let resource = Arc::new(resource);
        self.preferred
            .entry(resource.gvk.group_kind())
            .or_insert_with(|| resource.clone());
        self.kinds.insert(resource.gvk.clone(), resource);
        self.versions = None;
    }

    /// Returns the set of all versions and kinds, which is made once and shared.
    fn versions(&mut self) -> Arc<BTreeSet<Box<str>>> {
        let kinds = &self.kinds;
        let versions = self.versions.get_or_insert_with(|| {
            let both = kinds.keys().flat_map(|gvk| {
                let version = gvk.api_version();
                [format!("{version}/{}", gvk.kind).into(), version.into()]
            });
            Arc::new(both.collect())
        });
        versions.clone()
    }

    fn add(&mut self, group: &Group) {
        for version in &group.versions {
            for resource in &version.resources {
                let Some(kind) = resource
                    .response_kind
                    .as_ref()
                    .filter(|kind| !kind.kind.is_empty())
                else {
                    continue;
                };
                let gvk = GroupVersionKind {
                    group: group.metadata.name.clone(),
                    version: version.version.clone(),
                    kind: kind.kind.clone(),
                };
                let resource = Arc::new(Resource {
                    gvk: gvk.clone(),
                    plural: resource.resource.clone(),
                    namespaced: &*resource.scope == "Namespaced",
                });
                // Versions are in the server's order of preference.
                self.preferred
                    .entry(gvk.group_kind())
                    .or_insert_with(|| resource.clone());
                self.kinds.entry(gvk).or_insert(resource);
            }
        }
    }
}

#[derive(Deserialize)]
struct Groups {
    items: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    metadata: NamedMeta,
    #[serde(default)]
    versions: Vec<DiscoveredVersion>,
}

#[derive(Deserialize, Default)]
struct NamedMeta {
    #[serde(default)]
    name: Box<str>,
}

#[derive(Deserialize)]
struct DiscoveredVersion {
    version: Box<str>,
    #[serde(default)]
    resources: Vec<DiscoveredEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DiscoveredEntry {
    resource: Box<str>,
    response_kind: Option<DiscoveredKind>,
    #[serde(default)]
    scope: Box<str>,
}

#[derive(Deserialize)]
struct DiscoveredKind {
    #[serde(default)]
    kind: Box<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preferred_version_is_the_first_one() {
        let group: Group = serde_json::from_value(serde_json::json!({
            "metadata": {"name": "autoscaling"},
            "versions": [
                {"version": "v2", "resources": [{"resource": "hpas", "responseKind": {"kind": "HPA"}, "scope": "Namespaced"}]},
                {"version": "v1", "resources": [{"resource": "hpas", "responseKind": {"kind": "HPA"}, "scope": "Namespaced"}]},
            ],
        }))
        .unwrap();
        let mut table = KindTable::default();
        table.add(&group);
        let old = GroupVersionKind::new("autoscaling/v1", "HPA");
        assert_eq!(&*table.preferred[&old.group_kind()].gvk.version, "v2");
        assert!(table.kinds[&old].namespaced);
    }
    #[test]
    fn the_set_of_versions_is_shared_until_another_kind_is_learned() {
        let mut table = KindTable::default();
        table.learn(Resource::known(
            "apps/v1",
            "Deployment",
            "deployments",
            true,
        ));
        let first = table.versions();
        let all: Vec<&str> = first.iter().map(|version| &**version).collect();
        assert_eq!(all, ["apps/v1", "apps/v1/Deployment"]);
        assert!(Arc::ptr_eq(&first, &table.versions()));

        table.learn(Resource::known("v1", "Secret", "secrets", true));
        assert!(table.versions().contains("v1/Secret"));
    }
}
