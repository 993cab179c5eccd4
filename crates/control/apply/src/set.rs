//! [`Set`]: the objects of one owner in the order they are applied in.

use lode_cluster::Resource;
use lode_object::{Id, order};

use crate::desired::Desired;

/// The objects of one owner, sorted by stage and, within it, by install order.
#[derive(Debug, Default)]
pub struct Set {
    pub(crate) objects: Vec<Desired>,
    pub(crate) custom_stage_kinds: Vec<String>,
    /// All objects are of the last stage, and in the order that they came in.
    has_one_stage: bool,
}

/// How many stages there are.
pub(crate) const STAGES: u8 = 4;
/// Stages whose objects must be ready before the next stage begins.
pub(crate) const WAITED: u8 = 2;

impl Set {
    /// Sorts objects; `custom_stage_kinds` get the third stage.
    #[must_use]
    pub fn new(mut objects: Vec<Desired>, custom_stage_kinds: &[String]) -> Self {
        objects.sort_by(|a, b| {
            (a.stage(custom_stage_kinds), order::key(&a.id))
                .cmp(&(b.stage(custom_stage_kinds), order::key(&b.id)))
        });
        Self {
            objects,
            custom_stage_kinds: custom_stage_kinds.to_vec(),
            has_one_stage: false,
        }
    }

    /// Takes objects that have an order already: no stage is waited for.
    #[must_use]
    pub fn in_order(objects: Vec<Desired>) -> Self {
        Self {
            objects,
            custom_stage_kinds: Vec::new(),
            has_one_stage: true,
        }
    }

    /// Returns the objects in order.
    #[must_use]
    pub fn objects(&self) -> &[Desired] {
        &self.objects
    }

    /// Gives the objects away, in order.
    #[must_use]
    pub fn into_objects(self) -> Vec<Desired> {
        self.objects
    }

    /// Returns an object.
    #[must_use]
    pub fn get(&self, id: &Id) -> Option<&Desired> {
        self.objects.iter().find(|desired| desired.id == *id)
    }

    /// Returns parts of identities that are never shown, because values from Secrets went into them.
    #[must_use]
    pub fn hidden(&self) -> Vec<Box<str>> {
        self.objects
            .iter()
            .flat_map(|desired| desired.secrecy.hidden(&desired.id))
            .collect()
    }

    pub(crate) fn stage(&self, stage: u8) -> std::ops::Range<usize> {
        if self.has_one_stage {
            let all = if stage == STAGES - 1 {
                self.objects.len()
            } else {
                0
            };
            return 0..all;
        }
        let of = |desired: &Desired| desired.stage(&self.custom_stage_kinds);
        let from = self.objects.partition_point(|desired| of(desired) < stage);
        let to = self.objects.partition_point(|desired| of(desired) <= stage);
        from..to
    }

    /// Returns the kinds that definitions in this very set will make the server serve.
    pub(crate) fn defines(&self) -> Vec<Resource> {
        let definitions = self
            .objects
            .iter()
            .filter(|desired| &*desired.gvk.kind == "CustomResourceDefinition");
        definitions.flat_map(defined).collect()
    }
}

fn defined(definition: &Desired) -> Vec<Resource> {
    let value = definition.value();
    let text = |pointer: &str| {
        value
            .pointer(pointer)
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
    };
    let (group, kind, plural) = (
        text("/spec/group"),
        text("/spec/names/kind"),
        text("/spec/names/plural"),
    );
    let namespaced = text("/spec/scope") == "Namespaced";
    let versions = value
        .pointer("/spec/versions")
        .and_then(serde_json::Value::as_array);
    let served = versions
        .into_iter()
        .flatten()
        .filter(|version| version["served"] == true);
    let names = served.filter_map(|version| version["name"].as_str());
    names
        .map(|version| Resource::known(&format!("{group}/{version}"), kind, plural, namespaced))
        .collect()
}

#[cfg(test)]
mod tests {
    use lode_object::{NamespacedName, Object};
    use serde_json::json;

    use super::*;
    use crate::desired::Common;

    fn desired(value: serde_json::Value) -> Desired {
        Desired::new(
            Object::parse(value).unwrap(),
            "",
            &NamespacedName::new("a", "b"),
            &Common::default(),
        )
        .unwrap()
    }

    #[test]
    fn stages_are_ranges_of_the_sorted_set() {
        let kinds = [
            "Deployment",
            "Gadget",
            "StorageClass",
            "Namespace",
            "ConfigMap",
        ];
        let objects = kinds.map(|kind| {
            desired(json!({"apiVersion": "x/v1", "kind": kind, "metadata": {"name": "a"}}))
        });
        let set = Set::new(objects.into(), &["Gadget".to_owned()]);
        let kinds_of = |stage| {
            set.objects[set.stage(stage)]
                .iter()
                .map(|d| d.gvk.kind.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(kinds_of(0), ["Namespace"]);
        assert_eq!(kinds_of(1), ["StorageClass"]);
        assert_eq!(kinds_of(2), ["Gadget"]);
        assert_eq!(kinds_of(3), ["ConfigMap", "Deployment"]);
    }

    #[test]
    fn objects_in_order_stay_so_and_wait_for_no_stage() {
        let objects = ["Deployment", "Namespace"].map(|kind| {
            let object = json!({"apiVersion": "x/v1", "kind": kind, "metadata": {"name": "a"}});
            Desired::rendered(Object::parse(object).unwrap(), "", "ns")
        });
        let set = Set::in_order(objects.into());
        let kinds: Vec<_> = set
            .objects()
            .iter()
            .map(|desired| &*desired.gvk.kind)
            .collect();
        assert_eq!(kinds, ["Deployment", "Namespace"]);
        let sizes: Vec<_> = (0..STAGES).map(|stage| set.stage(stage).len()).collect();
        assert_eq!(sizes, [0, 0, 0, 2]);
    }

    #[test]
    fn a_definition_in_the_set_tells_what_it_will_serve() {
        let definition = desired(
            json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "gadgets.example.com"}, "spec": {"group": "example.com", "scope": "Cluster",
            "names": {"kind": "Gadget", "plural": "gadgets"},
            "versions": [{"name": "v1", "served": true}, {"name": "v0", "served": false}]}}),
        );
        let set = Set::new(vec![definition], &[]);
        assert_eq!(
            set.defines(),
            [Resource::known(
                "example.com/v1",
                "Gadget",
                "gadgets",
                false
            )]
        );
    }
}
