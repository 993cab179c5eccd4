//! The types that Kubernetes itself has, of the version named in the data file.

use std::sync::LazyLock;

use serde_json::Value;

use crate::{build::Builder, kinds::Kinds, openapi, types::Schema};

/// Types, and the kinds they are for.
#[derive(Debug, Clone, Default)]
pub struct Builtin {
    /// The types.
    pub schema: Schema,
    /// Which kind is of which type.
    pub kinds: Kinds,
}

/// Returns the types that Kubernetes itself has; read once.
#[must_use]
pub fn builtin() -> &'static Builtin {
    &BUILTIN
}

/// Returns the name and the JSON of each of these types, as they are published but for descriptions: references name
/// only the type.
pub fn published() -> impl Iterator<Item = (&'static str, &'static str)> {
    // One type a line: `"NAME":{…},`.
    DATA.lines().filter_map(|line| {
        line.strip_prefix('"')?
            .trim_end_matches(',')
            .split_once("\":")
    })
}

/// Empty if the data file were no schema; a test sees that it is one.
static BUILTIN: LazyLock<Builtin> = LazyLock::new(|| read(DATA).unwrap_or_default());

fn read(data: &str) -> Option<Builtin> {
    let document: Value = serde_json::from_str(data).ok()?;
    let (mut builder, mut kinds) = (Builder::default(), Kinds::default());
    openapi::read(document.get("types")?, &mut builder, &mut kinds).ok()?;
    Some(Builtin {
        schema: builder.finish(),
        kinds,
    })
}

/// Made by `cargo xtask schema`; names its source.
const DATA: &str = include_str!("../data/kubernetes.json");

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::types::{Format, Shape};

    #[test]
    fn every_type_in_use_is_defined() {
        let document: Value = serde_json::from_str(DATA).unwrap();
        assert!(
            document["source"]
                .as_str()
                .unwrap()
                .starts_with("k8s.io/kubernetes@v")
        );
        let (mut builder, mut kinds) = (Builder::default(), Kinds::default());
        openapi::read(&document["types"], &mut builder, &mut kinds).unwrap();
        assert_eq!(builder.undefined().collect::<Vec<_>>(), Vec::<&str>::new());
        assert!(kinds.iter().count() > 150, "{}", kinds.iter().count());
        assert_eq!(
            published().count(),
            document["types"].as_object().unwrap().len()
        );
        for (name, text) in published() {
            assert_eq!(
                serde_json::from_str::<Value>(text).unwrap(),
                document["types"][name],
                "{name}"
            );
        }
    }

    #[test]
    fn a_deployment_has_keys_defaults_and_merge_keys() {
        let Builtin { schema, kinds } = builtin();
        let mut ty = kinds.get("apps/v1", "Deployment").unwrap();
        for field in ["spec", "template", "spec"] {
            ty = schema.map(ty).unwrap().field(field).unwrap().ty;
        }
        let containers = schema.map(ty).unwrap().field("containers").unwrap();
        assert!(
            containers.required
                && containers.patch.merge
                && containers.patch.key.as_deref() == Some("name")
        );
        let Shape::List(list) = schema.shape(containers.ty, &json!([])) else {
            panic!("no list")
        };
        assert_eq!(
            (list.atomic, &*list.list.keys),
            (false, &["name".into()][..])
        );
        let container = schema.map(list.list.element).unwrap();
        let ports = schema
            .atom(container.field("ports").unwrap().ty)
            .list
            .as_ref()
            .unwrap();
        assert_eq!(&*ports.keys, ["containerPort".into(), "protocol".into()]);
        let port = schema.map(ports.element).unwrap();
        assert_eq!(
            port.field("protocol").unwrap().api_default(),
            Some(&json!("TCP"))
        );
        let number = port.field("containerPort").unwrap();
        assert_eq!(
            (&number.default, number.api_default()),
            (&Some(json!(0)), None)
        );
        let selector = schema.map(ty).unwrap().field("nodeSelector").unwrap().ty;
        assert!(matches!(schema.shape(selector, &json!({})), Shape::Map(map) if map.atomic));
        let resources = schema
            .map(container.field("resources").unwrap().ty)
            .unwrap();
        let limit = schema
            .map(resources.field("limits").unwrap().ty)
            .unwrap()
            .element
            .unwrap();
        assert_eq!(schema.atom(limit).format, Format::Quantity);
    }
}
