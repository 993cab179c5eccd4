//! The objects of a release: its manifest as what is applied, with Helm's mark of ownership.

use std::collections::HashSet;

use lode_api::shared::InventoryEntry;
use lode_apply::{Applier, Desired, Set};
use lode_chart::manifest::{RESOURCE_POLICY, split};
use lode_deliver::WaitTarget;
use lode_object::{Id, Object, Value, meta};
use lode_stdx::budget::Budget;
use lode_yaml::Dialect;

/// The label that says who manages an object, and Helm's word in it.
pub(crate) const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "Helm");
/// The annotation with the name of the release.
pub(crate) const RELEASE_NAME: &str = "meta.helm.sh/release-name";
/// The annotation with the namespace of the release.
pub(crate) const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";

/// Whose objects they are.
#[derive(Clone, Copy)]
pub(crate) struct Origin<'r> {
    pub(crate) name: &'r str,
    /// Namespace of the release, and of its objects that name none.
    pub(crate) namespace: &'r str,
}

/// The objects of a release, in install order.
#[derive(Clone, Default)]
pub(crate) struct ReleaseObjects {
    objects: Vec<Desired>,
    /// Those that stay when they are no longer in the release.
    kept: HashSet<Id>,
    /// Those that nobody brings back.
    undetected: HashSet<Id>,
}

impl ReleaseObjects {
    /// Reads rendered documents with the paths of their templates.
    ///
    /// # Errors
    /// One is no object.
    pub(crate) fn read<'d>(
        documents: impl IntoIterator<Item = (&'d str, &'d str)>,
        origin: &Origin<'_>,
        budget: &Budget,
    ) -> Result<Self, String> {
        let mut read = Self::default();
        for (path, document) in documents {
            let value = lode_yaml::parse_within(document.as_bytes(), Dialect::V2, budget);
            let value = value.map_err(|error| format!("{path}: {error}"))?;
            read.add(path, value, origin)?;
        }
        Ok(read)
    }

    /// Reads the manifest of a record.
    ///
    /// # Errors
    /// A document is no object.
    pub(crate) fn of_manifest(
        manifest: &str,
        origin: &Origin<'_>,
        budget: &Budget,
    ) -> Result<Self, String> {
        let documents = split(manifest).into_iter().map(|text| (path(text), text));
        Self::read(documents, origin, budget)
    }

    fn add(&mut self, path: &str, value: Value, origin: &Origin<'_>) -> Result<(), String> {
        if value.is_null() {
            return Ok(());
        }
        let is_list = lode_object::json::text(&value, "/kind").ends_with("List");
        if let (true, Some(items)) = (is_list, value.get("items").and_then(Value::as_array)) {
            for item in items.clone() {
                self.add(path, item, origin)?;
            }
            return Ok(());
        }

        let object = Object::parse(value);
        let mut object = object.map_err(|error| format!("{path}: {error}"))?;
        let is_kept = object.annotation(RESOURCE_POLICY);
        let is_kept = is_kept.is_some_and(|policy| policy.trim().eq_ignore_ascii_case("keep"));
        let is_undetected = meta::says(&object, meta::DRIFT_DETECTION, "disabled");
        object.set_label(MANAGED_BY.0, MANAGED_BY.1);
        object.set_annotation(RELEASE_NAME, origin.name);
        object.set_annotation(RELEASE_NAMESPACE, origin.namespace);

        let desired = Desired::rendered(object, path, origin.namespace);
        if is_kept {
            self.kept.insert(desired.id.clone());
        }
        if is_undetected {
            self.undetected.insert(desired.id.clone());
        }
        self.objects.push(desired);
        Ok(())
    }

    /// Takes the namespace from objects whose kind has none, as far as the server knows the kind.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub(crate) async fn scoped(mut self, applier: &Applier) -> Result<Self, lode_cluster::Error> {
        for desired in &mut self.objects {
            let before = desired.id.clone();
            if take_scope(desired, applier).await? {
                for set in [&mut self.kept, &mut self.undetected] {
                    if set.remove(&before) {
                        set.insert(desired.id.clone());
                    }
                }
            }
        }
        Ok(self)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Desired> {
        self.objects.iter()
    }

    /// Returns them as a set in their order.
    pub(crate) fn set(&self) -> Set {
        Set::in_order(self.objects.clone())
    }

    /// Returns those of them that are brought back when they are edited.
    pub(crate) fn detected(&self) -> Set {
        let objects = self.objects.iter();
        let detected = objects.filter(|desired| !self.undetected.contains(&desired.id));
        Set::in_order(detected.cloned().collect())
    }

    /// Returns which of them nobody brings back.
    pub(crate) fn undetected(&self) -> &HashSet<Id> {
        &self.undetected
    }

    /// Returns the objects that another release no longer has and that do not want to stay.
    pub(crate) fn removed_by<'o>(&'o self, other: &Self) -> Vec<&'o Desired> {
        let ids: HashSet<&Id> = other.iter().map(|desired| &desired.id).collect();
        let removed = self.iter().filter(|desired| !ids.contains(&desired.id));
        removed
            .filter(|desired| !self.kept.contains(&desired.id))
            .collect()
    }

    /// Returns what is waited for: all of them, or all but Jobs.
    pub(crate) fn targets(&self, with_jobs: bool) -> Vec<WaitTarget> {
        let is_job =
            |desired: &Desired| &*desired.id.kind == "Job" && &*desired.id.group == "batch";
        let waited = self.iter().filter(|desired| with_jobs || !is_job(desired));
        waited.map(|desired| target(desired, true)).collect()
    }

    /// Returns their entries in an inventory.
    pub(crate) fn inventory(&self) -> Vec<InventoryEntry> {
        self.iter().map(entry).collect()
    }
}

/// Takes the namespace from an object whose kind has none, as far as the server knows the kind; returns whether it had
/// one.
///
/// # Errors
/// The server cannot be asked.
pub(crate) async fn take_scope(
    desired: &mut Desired,
    applier: &Applier,
) -> Result<bool, lode_cluster::Error> {
    let resource = applier.discovery().resolve(&desired.gvk).await?;
    let is_wrong =
        resource.is_some_and(|resource| !resource.namespaced) && !desired.id.namespace.is_empty();
    if is_wrong {
        *desired = desired.cluster_scoped();
    }
    Ok(is_wrong)
}

/// Reads the objects of a hook, which are nobody's: `origin` is the path of its template.
///
/// # Errors
/// They are no objects.
pub(crate) fn of_hook(
    manifest: &str,
    path: &str,
    namespace: &str,
    budget: &Budget,
) -> Result<Vec<Desired>, String> {
    let value = lode_yaml::parse_within(manifest.as_bytes(), Dialect::V2, budget);
    let value = value.map_err(|error| format!("{path}: {error}"))?;
    if value.is_null() {
        return Ok(Vec::new());
    }
    let object = Object::parse(value).map_err(|error| format!("{path}: {error}"))?;
    Ok(vec![Desired::rendered(object, path, namespace)])
}

/// Returns what is waited for of one object.
pub(crate) fn target(desired: &Desired, is_labelled: bool) -> WaitTarget {
    WaitTarget {
        id: desired.id.clone(),
        gvk: desired.gvk.clone(),
        is_labelled,
    }
}

/// Returns the entry of an object in an inventory.
pub(crate) fn entry(desired: &Desired) -> InventoryEntry {
    InventoryEntry {
        id: desired.id.inventory().into(),
        v: desired.gvk.version.clone(),
    }
}

/// Returns the path of a document in a manifest.
fn path(document: &str) -> &str {
    let mut lines = document.lines();
    let comment = lines.find_map(|line| line.strip_prefix("# Source: "));
    comment.unwrap_or("manifest")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "---\n# Source: web/templates/a.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  \
        name: a\n---\n# Source: web/templates/b.yaml\napiVersion: v1\nkind: Secret\nmetadata:\n  name: b\n  \
        namespace: other\n  annotations: {helm.sh/resource-policy: keep}\n---\n# Source: web/templates/l.yaml\n\
        apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}\n";

    fn read(manifest: &str) -> ReleaseObjects {
        let origin = Origin {
            name: "web",
            namespace: "shop",
        };
        ReleaseObjects::of_manifest(manifest, &origin, &Budget::unlimited()).unwrap()
    }

    #[test]
    fn objects_say_whose_they_are_and_lists_are_their_items() {
        let objects = read(MANIFEST);
        let ids: Vec<_> = objects
            .iter()
            .map(|desired| desired.id.to_string())
            .collect();
        assert_eq!(
            ids,
            ["ConfigMap/shop/a", "Secret/other/b", "ConfigMap/shop/c"]
        );
        let first = objects.iter().next().unwrap();
        assert_eq!(&*first.origin, "web/templates/a.yaml");
        let metadata = first.value()["metadata"].clone();
        assert_eq!(metadata["labels"][MANAGED_BY.0], "Helm");
        assert_eq!(metadata["annotations"][RELEASE_NAME], "web");
    }

    #[test]
    fn what_wants_to_stay_is_not_removed() {
        let before = read(MANIFEST);
        let removed = before.removed_by(&ReleaseObjects::default());
        let names: Vec<_> = removed.iter().map(|desired| &*desired.id.name).collect();
        assert_eq!(names, ["a", "c"]);
        assert!(before.removed_by(&before.clone()).is_empty());
    }
}
