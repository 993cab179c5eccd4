//! The storage of a release: Secrets with Helm's records, one for each revision.
//!
//! Metadata is listed first, which is small; a record is read only if it is not known already. Everything happens with
//! the account of the release.

use jiff::Timestamp;
use lode_ambient::Ambient;
use lode_chart::release::{Driver, Release, ReleaseStatus, Stamp, key, selector, validate_name};
use lode_cluster::{Client, Error as ClusterError, Resource, Target};
use lode_object::Value;
use lode_stdx::budget::Budget;
use serde::Deserialize;

use crate::computing::{Computing, for_text};
use crate::options::MANAGER;

/// Most revisions of one release that are looked at; Helm keeps ten unless it is set otherwise.
const REVISIONS_MAX: usize = 500;
/// Asks for names, labels and versions without contents.
const METADATA_ONLY: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// Where the records of one release are.
#[derive(Clone)]
pub(crate) struct Storage {
    pub(crate) client: Client,
    pub(crate) ambient: Ambient,
    pub(crate) computing: Computing,
    pub(crate) namespace: String,
    /// Name of the release.
    pub(crate) name: String,
}

/// One revision as the storage lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Revision {
    pub(crate) version: i64,
    /// The state that its label says.
    pub(crate) status: String,
    /// Version of the object that holds it.
    pub(crate) resource_version: String,
}

/// Why the storage cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StorageError {
    /// The server refuses.
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    /// A record is damaged.
    #[error("{0}")]
    Damaged(String),
}

#[derive(Deserialize)]
struct List {
    /// `null` if there are none.
    items: Option<Vec<Item>>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    resource_version: String,
    #[serde(default)]
    labels: std::collections::BTreeMap<String, String>,
}

impl Storage {
    /// Lists all revisions, the newest first.
    ///
    /// # Errors
    /// The name cannot be that of a release, or the server refuses.
    pub(crate) async fn revisions(&self) -> Result<Vec<Revision>, StorageError> {
        // The name may be from a status, and becomes a part of a query.
        validate_name(&self.name).map_err(|error| StorageError::Damaged(error.to_string()))?;
        let labels = selector(Some(&self.name))
            .replace('=', "%3D")
            .replace(',', "%2C");
        let path = Resource::secrets().path(&self.namespace, "");
        let path = format!("{path}?labelSelector={labels}&limit={REVISIONS_MAX}");
        let answer = self.client.read(&path, METADATA_ONLY).await?;
        let list: List = serde_json::from_slice(&answer)
            .map_err(|error| StorageError::Damaged(format!("list of releases: {error}")))?;

        let revision = |item: Item| {
            let label = |name: &str| item.metadata.labels.get(name).cloned();
            Some(Revision {
                version: label("version")?.parse().ok()?,
                status: label("status").unwrap_or_default(),
                resource_version: item.metadata.resource_version.clone(),
            })
        };
        let mut revisions: Vec<_> = list
            .items
            .into_iter()
            .flatten()
            .filter_map(revision)
            .collect();
        revisions.sort_by_key(|revision| std::cmp::Reverse(revision.version));
        Ok(revisions)
    }

    /// Reads a revision; nothing if there is none.
    ///
    /// # Errors
    /// The server refuses, or the record is damaged.
    pub(crate) async fn read(&self, version: i64) -> Result<Option<StoredRelease>, StorageError> {
        let name = key(&self.name, version);
        let secrets = Resource::secrets();
        let object = match self.client.get(&secrets, &self.namespace, &name).await {
            Ok(object) => object,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let resource_version = resource_version(&object);
        let bytes = lode_object::json::text(&object, "/data/release").len();
        // Whoever may write Secrets may have written this one.
        let decode = move |budget: &Budget| {
            let release = Release::from_object(&object, budget);
            release.map_err(|error| StorageError::Damaged(error.to_string()))
        };
        let room = (&*self.namespace, for_text(bytes));
        let release = self
            .computing
            .run(room, decode, StorageError::Damaged)
            .await?;
        Ok(Some(StoredRelease {
            release,
            resource_version,
        }))
    }

    /// Stores a new revision, and deletes the oldest ones above a limit (0: none); what is deployed stays.
    ///
    /// # Errors
    /// The server refuses; also if somebody else has stored the same revision.
    pub(crate) async fn create(
        &self,
        release: &Release,
        known: &[Revision],
        max: i64,
    ) -> Result<(), StorageError> {
        for version in surplus(known, max) {
            self.delete(version).await?;
        }
        let object = self.object(release, Stamp::Created(self.now())).await?;
        let name = release.key();
        let target = self.target(&name);
        let secrets = Resource::secrets();
        self.client.create_as(&secrets, target, &object).await?;
        Ok(())
    }

    /// Replaces a revision; returns the version of its object.
    ///
    /// # Errors
    /// The server refuses.
    pub(crate) async fn update(&self, release: &Release) -> Result<String, StorageError> {
        let object = self.object(release, Stamp::Modified(self.now())).await?;
        let name = release.key();
        let target = self.target(&name);
        let secrets = Resource::secrets();
        let answer = self.client.replace(&secrets, target, &object).await?;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        Ok(resource_version(&answer))
    }

    /// Deletes a revision; one that is gone is no error.
    ///
    /// # Errors
    /// The server refuses.
    pub(crate) async fn delete(&self, version: i64) -> Result<(), StorageError> {
        let name = key(&self.name, version);
        let secrets = Resource::secrets();
        match self
            .client
            .delete(&secrets, &self.namespace, &name, "")
            .await
        {
            Err(error) if !error.is_not_found() => Err(error.into()),
            _ => Ok(()),
        }
    }

    async fn object(&self, release: &Release, stamp: Stamp) -> Result<Value, StorageError> {
        let release = release.clone();
        let encode = move || release.object(Driver::Secret, stamp);
        let object = tokio::task::spawn_blocking(encode).await;
        let object = object.map_err(|error| StorageError::Damaged(error.to_string()))?;
        let mut object = object.map_err(|error| StorageError::Damaged(error.to_string()))?;
        // Records may be elsewhere than the objects of the release.
        object["metadata"]["namespace"] = self.namespace.as_str().into();
        Ok(object)
    }

    fn target<'a>(&'a self, name: &'a str) -> Target<'a> {
        Target {
            namespace: &self.namespace,
            name,
            manager: MANAGER,
            dry_run: false,
        }
    }

    /// Returns the time for records.
    pub(crate) fn now(&self) -> Timestamp {
        self.ambient.now()
    }
}

/// A record and the version of the object that holds it.
#[derive(Clone)]
pub(crate) struct StoredRelease {
    pub(crate) release: Release,
    pub(crate) resource_version: String,
}

fn resource_version(object: &Value) -> String {
    lode_object::json::text(object, "/metadata/resourceVersion").to_owned()
}

/// Returns the revisions to delete before another one is stored.
fn surplus(known: &[Revision], max: i64) -> Vec<i64> {
    let Some(room) = usize::try_from(max).ok().and_then(|max| max.checked_sub(1)) else {
        return Vec::new();
    };
    let deployed = known
        .iter()
        .find(|revision| revision.status == ReleaseStatus::Deployed.as_str())
        .map(|revision| revision.version);
    let others = known.iter().map(|revision| revision.version);
    let mut oldest: Vec<i64> = others
        .filter(|version| Some(*version) != deployed)
        .collect();
    oldest.reverse();
    oldest.truncate(known.len().saturating_sub(room));
    oldest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_and_what_is_deployed_stays() {
        let revisions = |deployed: i64| -> Vec<Revision> {
            let one = |version| Revision {
                version,
                status: if version == deployed {
                    "deployed"
                } else {
                    "failed"
                }
                .to_owned(),
                resource_version: String::new(),
            };
            (1..=5).rev().map(one).collect()
        };
        assert_eq!(surplus(&revisions(5), 5), [1]);
        assert_eq!(surplus(&revisions(1), 5), [2]);
        assert_eq!(surplus(&revisions(1), 2), [2, 3, 4, 5]);
        assert!(surplus(&revisions(1), 0).is_empty(), "all are kept");
        assert!(surplus(&revisions(1), 10).is_empty());
    }
}
