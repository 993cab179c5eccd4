//! [`RecordKeeper`]: what is remembered of applied objects, kept over a restart.
//!
//! All of it can be lost: each object then costs one dry-run. So an error is logged and ends nothing.

use std::sync::Arc;

use lode_object::NamespacedName;

/// Keeps the records of one kind's objects.
#[derive(Clone)]
pub struct RecordKeeper {
    store: Arc<lode_store::Records>,
    /// The kind's folder in the store.
    folder: &'static str,
}

impl RecordKeeper {
    /// Keeps records in a folder of the store.
    #[must_use]
    pub fn new(store: Arc<lode_store::Records>, folder: &'static str) -> Self {
        Self { store, folder }
    }

    /// Returns the records of an owner.
    pub(crate) async fn read(&self, uid: &str) -> Option<lode_apply::Records> {
        let (keeper, uid) = (self.clone(), uid.to_owned());
        let read = move || keeper.store.get(keeper.folder, &uid);
        let bytes = tokio::task::spawn_blocking(read).await;
        lode_apply::Records::decode(&bytes.ok()?.ok()??)
    }

    /// Writes the records of an owner; returns whether they are kept.
    pub(crate) async fn write(
        &self,
        owner: &NamespacedName,
        uid: &str,
        records: &lode_apply::Records,
    ) -> bool {
        let (keeper, uid, bytes) = (self.clone(), uid.to_owned(), records.encode());
        let write = move || keeper.store.put(keeper.folder, &uid, &bytes);
        match tokio::task::spawn_blocking(write).await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => {
                tracing::warn!(name = %owner, %error, "records not kept; a restart will ask again");
            }
            Err(error) => tracing::warn!(name = %owner, %error, "records not kept"),
        }
        false
    }

    /// Removes the records of an owner that is gone.
    pub async fn remove(&self, uid: &str) {
        let (keeper, uid) = (self.clone(), uid.to_owned());
        // An orphaned record wastes a few bytes: an error is ignored.
        let _ = tokio::task::spawn_blocking(move || keeper.store.remove(keeper.folder, &uid)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn records_are_kept_by_owner_and_go_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(lode_store::Records::open(folder.path()));
        let keeper = RecordKeeper::new(store.clone(), "one");
        let records = lode_apply::Records {
            revision: "main@sha1:1".to_owned(),
            ..lode_apply::Records::default()
        };
        let owner = NamespacedName::new("ns", "app");
        assert_eq!(keeper.read("u").await, None);
        assert!(keeper.write(&owner, "u", &records).await);
        assert_eq!(keeper.read("u").await, Some(records));
        assert_eq!(keeper.read("v").await, None, "another owner's");
        let other = RecordKeeper::new(store, "other");
        assert_eq!(other.read("u").await, None, "another kind's");
        keeper.remove("u").await;
        assert_eq!(keeper.read("u").await, None);
    }
}
