//! Whether every desired value is already set.

use lode_schema::{Format, ListView, MapView, Schema, Shape, TypeRef};
use serde_json::{Map, Value};

use crate::{
    order, quantity,
    typed::{Typed, items},
    write::is_nobodys,
    zero::is_zero,
};

/// Returns whether an apply of `desired` would leave every value of `live` unchanged.
pub(super) fn same(desired: &Typed<'_>, live: &Value) -> bool {
    let walk = ValuesWalk {
        schema: desired.schema,
    };
    let (Some(desired_map), Some(map)) =
        (desired.value.as_object(), desired.schema.map(desired.ty))
    else {
        return false;
    };
    let counted = |key: &str| {
        key != "apiVersion" && key != "kind" && (key != super::STATUS || map.field(key).is_none())
    };
    desired_map
        .iter()
        .filter(|(key, _)| counted(key))
        .all(|(key, value)| {
            let Some(ty) = map.field_type(key) else {
                return false;
            };
            match (key.as_str(), value) {
                ("metadata", Value::Object(metadata)) => walk.metadata(ty, metadata, live.get(key)),
                _ => walk.value(ty, value, live.get(key), key),
            }
        })
}

struct ValuesWalk<'s> {
    schema: &'s Schema,
}

impl ValuesWalk<'_> {
    fn metadata(&self, ty: TypeRef, desired: &Map<String, Value>, live: Option<&Value>) -> bool {
        let ty = |key: &str| self.schema.map(ty)?.field_type(key);
        desired
            .iter()
            .filter(|(key, _)| !is_nobodys(key))
            .all(|(key, value)| {
                let live = live.and_then(|live| live.get(key));
                ty(key).is_some_and(|ty| self.value(ty, value, live, key))
            })
    }

    /// Returns whether a value is present; `name` is the name of its field.
    fn value(&self, ty: TypeRef, desired: &Value, live: Option<&Value>, name: &str) -> bool {
        let Some(live) = live.filter(|live| !live.is_null()) else {
            return is_zero(desired);
        };
        match self.schema.shape(ty, desired) {
            // In a merged map, an empty one adds nothing.
            Shape::Map(MapView { atomic: false, .. })
            | Shape::List(ListView { atomic: false, .. })
                if desired.is_null() =>
            {
                true
            }
            _ if desired.is_null() => is_zero(live),
            Shape::Map(view) if view.atomic => self.whole(ty, desired, live, name),
            Shape::List(view) if view.atomic => self.whole(ty, desired, live, name),
            Shape::Map(view) => match (desired, live) {
                (Value::Object(desired), Value::Object(live)) => self.fields(view, desired, live),
                _ => false,
            },
            Shape::List(view) => match (desired, live) {
                (Value::Array(desired), Value::Array(live)) => {
                    self.items(view, (desired, live), name)
                }
                _ => false,
            },
            Shape::Scalar(_) | Shape::Nothing => self.scalar(ty, desired, live),
        }
    }

    fn fields(
        &self,
        view: MapView<'_>,
        desired: &Map<String, Value>,
        live: &Map<String, Value>,
    ) -> bool {
        let there = |(key, value): (&String, &Value)| {
            view.map
                .field_type(key)
                .is_some_and(|ty| self.value(ty, value, live.get(key), key))
        };
        desired.iter().all(there)
    }

    /// Returns whether all items are present in the same order; items of others between them are
    /// ignored.
    fn items(&self, view: ListView<'_>, (desired, live): (&[Value], &[Value]), name: &str) -> bool {
        let element = |item| items::element(self.schema, view.list, item).ok();
        let mut rest = live.iter();
        desired.iter().all(|item| {
            let found =
                rest.find(|live| element(live).is_some_and(|found| Some(found) == element(item)));
            found.is_some_and(|live| self.value(view.list.element, item, Some(live), name))
        })
    }

    fn scalar(&self, ty: TypeRef, desired: &Value, live: &Value) -> bool {
        order::equal(desired, live)
            || self.schema.atom(ty).format == Format::Quantity && quantity::same(desired, live)
    }

    /// Returns whether an atomic value is the same, apart from the server's defaults.
    fn whole(&self, ty: TypeRef, desired: &Value, live: &Value, name: &str) -> bool {
        match (desired, live) {
            (Value::Object(desired), Value::Object(live)) => {
                self.whole_map(ty, desired, live, name)
            }
            (Value::Array(desired), Value::Array(live)) => {
                let element = self
                    .schema
                    .atom(ty)
                    .list
                    .as_ref()
                    .map_or(TypeRef::ANY, |list| list.element);
                desired.len() == live.len()
                    && desired
                        .iter()
                        .zip(live)
                        .all(|(desired, live)| self.whole(element, desired, live, name))
            }
            (Value::Null, live) => is_zero(live),
            _ => self.scalar(ty, desired, live),
        }
    }

    fn whole_map(
        &self,
        ty: TypeRef,
        desired: &Map<String, Value>,
        live: &Map<String, Value>,
        name: &str,
    ) -> bool {
        let map = self.schema.map(ty);
        let there = |(key, value): (&String, &Value)| {
            let ty = map
                .and_then(|map| map.field_type(key))
                .unwrap_or(TypeRef::ANY);
            live.get(key)
                .map_or_else(|| value.is_null(), |live| self.whole(ty, value, live, key))
        };
        // Anyone who writes into an atomic value owns it then, so everything else in it comes from
        // the server.
        let filled = |(key, value): (&String, &Value)| {
            let default = map.and_then(|map| map.field(key)?.default.as_ref());
            desired.contains_key(key)
                || value.is_null()
                || default == Some(value)
                || is_filled(name, key, value)
        };
        desired.iter().all(there) && live.iter().all(filled)
    }
}

fn is_filled(parent: &str, field: &str, value: &Value) -> bool {
    let text = value
        .as_str()
        .or_else(|| value.get("phase").and_then(Value::as_str));
    text.is_some_and(|text| FILLED.contains(&(parent, field, text)))
}

/// Defaults that the server sets within atomic values and does not publish: parent, field, value;
/// of a status its phase.
const FILLED: [(&str, &str, &str); 8] = [
    ("fieldRef", "apiVersion", "v1"),
    ("ports", "protocol", "TCP"),
    ("roleRef", "apiGroup", "rbac.authorization.k8s.io"),
    ("spec", "volumeMode", "Filesystem"),
    ("subjects", "apiGroup", "rbac.authorization.k8s.io"),
    ("volumeClaimTemplates", "apiVersion", "v1"),
    ("volumeClaimTemplates", "kind", "PersistentVolumeClaim"),
    ("volumeClaimTemplates", "status", "Pending"),
];
