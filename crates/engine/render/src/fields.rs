//! Objects of built-in kinds, read by their Go types as Flux does before it applies them.
//!
//! Input: an object, the node it was built from, and the files of the build. Output: the part of
//! the object that is kept, and the fields that are dropped because its type does not have them,
//! each with its place. Only names are reported: a value may be secret. Roles and cluster roles are
//! not changed, as in Flux, which would lose their rules.

use std::fmt::{self, Write as _};

use lode_admit::decode::{self, ClientStep};
use lode_kustomize::{Built, Files, Origin};
use lode_object::{Object, Value};
use lode_yaml::{Node, Place};

/// A field that an object's type does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Its path in the object: `spec.template.spec.containers[0].imagepullPolicy`.
    pub field: String,
    /// The place it was written.
    pub origin: Origin,
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Quoted with escapes: field names come from the author of the file.
        write!(f, "unknown field {:?} ({})", self.field, self.origin)
    }
}

/// Returns the part of an object that Flux keeps, and the fields it drops; `None` if it sends the
/// object unchanged.
pub(crate) fn kept(object: &Object, built: &Built, files: &Files) -> Option<(Value, Vec<Dropped>)> {
    if object.api_version() == "rbac.authorization.k8s.io/v1"
        && matches!(object.kind(), "Role" | "ClusterRole")
    {
        return None;
    }
    let kept = decode::kept(object.value())?;
    let dropped = kept
        .dropped
        .iter()
        .map(|steps| dropped(steps, built, files))
        .collect();
    Some((kept.object, dropped))
}

/// Finds the place of a field. If the build does not know a part of the path, a variable produced
/// it: its name may be secret and is left out.
fn dropped(steps: &[ClientStep], built: &Built, files: &Files) -> Dropped {
    let mut field = String::new();
    let mut place = Place::default();
    let mut node = Some(&built.node);
    for step in steps {
        let found = node.and_then(|node| down(node, step));
        match step {
            ClientStep::Index(index) => {
                // Writing to a `String` cannot fail.
                let _infallible = write!(field, "[{index}]");
            }
            ClientStep::Key(key) => {
                if !field.is_empty() {
                    field.push('.');
                }
                field.push_str(if found.is_some() {
                    shortened(key)
                } else {
                    FROM_A_VARIABLE
                });
            }
        }
        if let Some((at, _)) = found.filter(|(at, _)| at.line > 0) {
            place = at;
        }
        node = found.map(|(_, below)| below);
    }
    let origin = if place.line == 0 {
        built.origin.clone()
    } else {
        files.origin(place)
    };
    Dropped { field, origin }
}

/// Returns the node that a step leads to, and its place.
fn down<'n>(node: &'n Node, step: &ClientStep) -> Option<(Place, &'n Node)> {
    match step {
        ClientStep::Index(index) => node.items()?.get(*index).map(|item| (item.place, item)),
        ClientStep::Key(key) => {
            let entry = node
                .entries()?
                .iter()
                .find(|entry| entry.key.text() == Some(&**key))?;
            let place = if entry.key.place.line > 0 {
                entry.key.place
            } else {
                entry.value.place
            };
            Some((place, &entry.value))
        }
    }
}

fn shortened(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME_MAX)]
}

/// Longest part of a field's name that is shown, in bytes.
const NAME_MAX: usize = 120;
/// Replaces a name that must not be shown.
const FROM_A_VARIABLE: &str = "…";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lode_stdx::budget::Budget;
    use lode_tree::Tree;
    use serde_json::json;

    use crate::{LIMITS, Plan, Rendered, Substitution, render};

    fn rendered(text: &str, by_type: bool) -> Rendered {
        let tree = Tree::from_iter([("app/o.yaml", text)]);
        let vars = BTreeMap::from([
            ("secret".to_owned(), "hunter2".to_owned()),
            ("cpu".to_owned(), "1000m".to_owned()),
        ]);
        let substitute = Some(Substitution {
            vars,
            strict: true,
            ..Substitution::default()
        });
        let plan = Plan {
            path: "app".into(),
            substitute,
            by_type,
            ..Plan::default()
        };
        render(&tree, &plan, &Budget::new(LIMITS)).unwrap()
    }

    fn dropped(rendered: &Rendered) -> Vec<String> {
        rendered
            .objects
            .iter()
            .flat_map(|prepared| &prepared.dropped)
            .map(ToString::to_string)
            .collect()
    }

    const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    image: i\n    \
        imagepullPolicy: Always\n    resources:\n      limits: {cpu: \"${cpu}\"}\n";

    #[test]
    fn a_dropped_field_is_told_with_its_place() {
        let found = rendered(POD, true);
        assert_eq!(
            dropped(&found),
            ["unknown field \"spec.containers[0].imagepullPolicy\" (app/o.yaml:8)"]
        );
        let container = json!({"name": "c", "image": "i", "resources": {"limits": {"cpu": "1"}}});
        assert_eq!(
            found.objects[0].object.value()["spec"],
            json!({"containers": [container]})
        );
    }

    #[test]
    fn what_is_only_shown_stays_as_it_was_written() {
        let found = rendered(POD, false);
        assert_eq!(dropped(&found).len(), 1);
        let container = &found.objects[0].object.value()["spec"]["containers"][0];
        assert_eq!(
            (
                &container["imagepullPolicy"],
                &container["resources"]["limits"]["cpu"]
            ),
            (&json!("Always"), &json!("1000m"))
        );
        assert_eq!(found.text_digest, rendered(POD, true).text_digest);
    }

    #[test]
    fn a_name_that_a_variable_made_is_not_told() {
        let found = rendered(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\n  ${secret}: x\n  \"a\\nb\": x\n",
            true,
        );
        let dropped = dropped(&found);
        assert_eq!(dropped.len(), 2);
        assert!(
            dropped
                .iter()
                .all(|line| !line.contains("hunter2") && !line.contains('\n')),
            "{dropped:?}"
        );
        assert!(
            dropped
                .iter()
                .any(|line| line == "unknown field \"metadata.…\" (app/o.yaml:3)"),
            "{dropped:?}"
        );
    }

    #[test]
    fn roles_and_custom_kinds_are_left_alone() {
        let role = |version: &str| {
            format!("apiVersion: {version}\nkind: ClusterRole\nmetadata: {{name: r}}\ntypo: 1\n")
        };
        for text in [role("rbac.authorization.k8s.io/v1"), role("example.com/v1")] {
            let found = rendered(&text, true);
            assert_eq!(
                (
                    dropped(&found).len(),
                    &found.objects[0].object.value()["typo"]
                ),
                (0, &json!(1)),
                "{text}"
            );
        }
        assert_eq!(
            dropped(&rendered(&role("rbac.authorization.k8s.io/v1beta1"), true)).len(),
            1
        );
    }
}
