//! [`WatchedKind`]: what is known of one watched kind, and who is notified when it changes.

use std::collections::HashSet;
use std::sync::Arc;

use lode_ambient::Ambient;
use lode_merge::Observed;
use lode_object::{GroupVersionKind, Id, NamespacedName, Value};
use lode_stdx::Lock;
use tokio::sync::watch;

use crate::changes::Changes;
use crate::client::decode;
use crate::error::Error;
use crate::seen::{Gone, Seen, SeenTable};
use crate::side::Side;
use crate::watch::{Head, Sink, Told};

/// The number of a watched kind.
pub(crate) type Number = u64;

/// One watched kind; the watch runs as long as this lives.
pub struct WatchedKind {
    pub(crate) number: Number,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) is_synced: watch::Receiver<bool>,
    pub(crate) task: tokio::task::JoinHandle<()>,
}

impl WatchedKind {
    /// Waits until the first list is complete.
    pub async fn synced(&self) {
        // The sender is in the watch task, which ends only when this is dropped.
        let _ = self.is_synced.clone().wait_for(|synced| *synced).await;
    }

    /// Returns whether the known objects are complete: false before the first list, and after the
    /// server has stopped serving the kind.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        *self.is_synced.borrow()
    }

    /// Returns what is known of an object.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Seen> {
        self.with(&NamespacedName::new(namespace, name), Seen::clone)
    }

    /// Applies `read` to what is known of an object, without copying it.
    pub fn with<T>(&self, name: &NamespacedName, read: impl FnOnce(&Seen) -> T) -> Option<T> {
        self.shelf.table.lock().get(name).map(read)
    }

    /// Returns how an object ended, for objects that end by themselves and whose end was seen.
    #[must_use]
    pub fn gone(&self, name: &NamespacedName) -> Option<Gone> {
        self.shelf.table.lock().gone(name).cloned()
    }

    /// Applies `read` to everything that is known, without copying it.
    pub fn with_all<T>(
        &self,
        read: impl FnOnce(&mut dyn Iterator<Item = (&NamespacedName, &Seen)>) -> T,
    ) -> T {
        read(&mut self.shelf.table.lock().all())
    }

    /// Returns whether the watch has reached a version: an object of that version that is not known
    /// here is gone.
    #[must_use]
    pub fn has_reached(&self, version: &str) -> bool {
        version
            .parse()
            .is_ok_and(|version| self.shelf.table.lock().reached() >= version)
    }

    /// Takes the response to our own write (the object's JSON) and returns what is kept of it. The
    /// watch reports the same version; whichever comes later is not parsed. The object's owner,
    /// which wrote it, is not notified; others are.
    ///
    /// # Errors
    /// The response is not an object.
    pub fn put(&self, answer: &[u8]) -> Result<Observed, Error> {
        self.shelf.put(answer)
    }

    pub(crate) fn add_subscriber(&self, owner: &NamespacedName) {
        *self
            .shelf
            .table
            .lock()
            .subscribers
            .entry(owner.clone())
            .or_default() += 1;
    }

    pub(crate) fn remove_subscriber(&self, owner: &NamespacedName) {
        let mut table = self.shelf.table.lock();
        // One owner may have several subscriptions: a new run's begins before that of the old one
        // ends.
        if let Some(times) = table.subscribers.get_mut(owner) {
            *times -= 1;
            if *times == 0 {
                table.subscribers.remove(owner);
            }
        }
    }
}

impl Drop for WatchedKind {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What is known of one kind, and who is notified of changes.
pub(crate) struct Shelf {
    pub(crate) gvk: GroupVersionKind,
    pub(crate) side: Arc<Side>,
    /// Whether the watch selects by the owner label.
    pub(crate) is_owned: bool,
    pub(crate) table: Lock<SeenTable>,
    pub(crate) changes: Arc<Changes>,
    pub(crate) ambient: Ambient,
}

impl Shelf {
    /// Parses an object for what is kept of it.
    pub(crate) fn digest(&self, object: &[u8]) -> Result<Seen, Error> {
        let mut object: Value = decode(object)?;
        // Items of a list have neither kind nor version.
        if object.get("kind").is_none() {
            object["kind"] = (*self.gvk.kind).into();
            object["apiVersion"] = self.gvk.api_version().into();
        }
        Ok(Seen::of(
            &object,
            &self.side,
            self.ambient.now().as_second(),
        ))
    }

    pub(crate) fn put(&self, answer: &[u8]) -> Result<Observed, Error> {
        let head = decode::<Told>(answer)?.metadata;
        let name = head.name();
        if let Some(known) = self.table.lock().same(&name, &head.version) {
            return Ok(known.observed.clone());
        }
        let seen = self.digest(answer)?;
        let (observed, writer) = (seen.observed.clone(), seen.owner.clone());
        // The watch never reports the end of an object that it does not select.
        if !self.is_owned || writer.is_none() {
            return Ok(observed);
        }
        let mut table = self.table.lock();
        let (taken, old) = table.put(name.clone(), &head.version, seen);
        if taken {
            let before = old
                .and_then(|seen| seen.owner)
                .filter(|owner| Some(owner) != writer.as_ref());
            self.tell(&table, &name, before);
        }
        Ok(observed)
    }

    pub(crate) fn tell(
        &self,
        table: &SeenTable,
        name: &NamespacedName,
        owners: impl IntoIterator<Item = NamespacedName>,
    ) {
        let owners: HashSet<NamespacedName> = owners
            .into_iter()
            .chain(table.subscribers.keys().cloned())
            .collect();
        for owner in owners {
            self.changes.put(
                owner,
                Id {
                    namespace: name.namespace.clone(),
                    name: name.name.clone(),
                    group: self.gvk.group.clone(),
                    kind: self.gvk.kind.clone(),
                },
            );
        }
    }
}

/// Where one watch puts its events.
pub(crate) struct Feed {
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) synced: watch::Sender<bool>,
}

impl Sink for Feed {
    fn restart(&mut self) {
        self.shelf.table.lock().restart();
    }

    fn applied(&mut self, head: &Head<'_>, object: &[u8]) {
        let name = head.name();
        if self.shelf.table.lock().is_known(&name, &head.version) {
            return;
        }
        // What the server sends is an object.
        let Ok(seen) = self.shelf.digest(object) else {
            return;
        };
        let owner = seen.owner.clone();
        let mut table = self.shelf.table.lock();
        let old = table
            .applied(name.clone(), &head.version, seen)
            .and_then(|seen| seen.owner);
        self.shelf.tell(&table, &name, owner.into_iter().chain(old));
    }

    fn deleted(&mut self, head: &Head<'_>, _: &[u8]) {
        let name = head.name();
        let mut table = self.shelf.table.lock();
        if let Some(old) = table.deleted(&name, &head.version) {
            self.shelf.tell(&table, &name, old.owner);
        }
    }

    fn synced(&mut self, version: &str) {
        let mut table = self.shelf.table.lock();
        for (name, old) in table.synced(version) {
            self.shelf.tell(&table, &name, old.owner);
        }
        drop(table);
        self.synced.send_replace(true);
    }

    fn lost(&mut self) {
        self.synced.send_replace(false);
    }
}

#[cfg(test)]
mod tests {
    use lode_merge::{FieldManager, OwnFields};
    use lode_object::{OwnerLabels, meta};
    use serde_json::json;

    use super::*;

    fn shelf(is_owned: bool) -> Shelf {
        let gvk = GroupVersionKind {
            group: "".into(),
            version: "v1".into(),
            kind: "ConfigMap".into(),
        };
        let manager = FieldManager {
            name: "lode".to_owned(),
            own: OwnFields::Written,
        };
        let labels = OwnerLabels::KUSTOMIZATION;
        Shelf {
            gvk,
            side: Arc::new(Side { manager, labels }),
            is_owned,
            table: Lock::default(),
            changes: Arc::default(),
            ambient: Ambient::default(),
        }
    }

    fn answer(version: &str, owner: Option<&str>) -> Vec<u8> {
        let labels =
            owner.map(|owner| json!({meta::OWNER_NAME: owner, meta::OWNER_NAMESPACE: "flux"}));
        json!({"metadata": {"namespace": "shop", "name": "web", "resourceVersion": version, "labels": labels}})
            .to_string()
            .into()
    }

    fn owner(name: &str) -> NamespacedName {
        NamespacedName::new("flux", name)
    }

    fn told(shelf: &Shelf) -> Vec<NamespacedName> {
        let mut told: Vec<_> = std::mem::take(&mut *shelf.changes.waiting.lock())
            .into_keys()
            .collect();
        told.sort();
        told
    }

    fn knows(shelf: &Shelf) -> bool {
        shelf
            .table
            .lock()
            .get(&NamespacedName::new("shop", "web"))
            .is_some()
    }

    #[test]
    fn of_an_answer_others_are_told_but_not_who_wrote() {
        let shelf = shelf(true);
        shelf
            .table
            .lock()
            .subscribers
            .insert(owner("subscriber"), 1);
        assert_eq!(
            &*shelf
                .put(&answer("7", Some("one")))
                .unwrap()
                .resource_version,
            "7"
        );
        assert_eq!(told(&shelf), [owner("subscriber")]);
        shelf.put(&answer("8", Some("two"))).unwrap();
        assert_eq!(
            told(&shelf),
            [owner("one"), owner("subscriber")],
            "it has changed hands"
        );
        shelf.put(&answer("8", Some("two"))).unwrap();
        assert_eq!(told(&shelf), [], "it is known");
    }

    #[test]
    fn what_the_watch_would_not_tell_is_not_kept() {
        let unlabelled = shelf(true);
        unlabelled.put(&answer("7", None)).unwrap();
        let selected = shelf(false);
        selected.put(&answer("7", Some("one"))).unwrap();
        assert!(!knows(&unlabelled) && !knows(&selected));
        assert!(unlabelled.put(b"{").is_err());
    }
}
