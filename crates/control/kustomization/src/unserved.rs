//! Objects of Flux's kinds that Lodestone does not serve yet: they are applied like any other, and do nothing unless
//! somebody else serves them.

use lode_api::kinds;
use lode_apply::{Desired, Set};

/// Most objects that one event names.
const NAMED_MAX: usize = 20;

/// Returns what to say of such objects in a set; nothing where there are none.
pub(crate) fn text(set: &Set) -> Option<String> {
    let objects = set.objects().iter();
    let found: Vec<String> = objects
        .filter(|object| is_meant(object))
        .map(told)
        .collect();
    if found.is_empty() {
        return None;
    }

    let named = found[..found.len().min(NAMED_MAX)].join("\n");
    let more = match found.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!("\nand {more} more"),
    };
    Some(format!(
        "applied, but Lodestone does not serve these kinds yet:\n{named}{more}\nhint: nothing reconciles them unless \
         Flux's own controller runs; `lode get all` lists them"
    ))
}

fn is_meant(object: &Desired) -> bool {
    kinds::is_not_served(&object.gvk.group, &object.gvk.kind)
}

/// Names an object without what came from a Secret.
fn told(object: &Desired) -> String {
    object.secrecy.id(&object.id)
}

#[cfg(test)]
mod tests {
    use lode_apply::Common;
    use lode_object::{NamespacedName, Object};
    use serde_json::json;

    use super::*;

    fn set(objects: &[(&str, &str, &str)]) -> Set {
        let owner = NamespacedName::new("flux-system", "apps");
        let desired = objects.iter().map(|(api_version, kind, name)| {
            let object = Object::parse(json!({
                "apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "team"},
            }));
            Desired::new(object.unwrap(), "a.yaml:1", &owner, &Common::default()).unwrap()
        });
        Set::new(desired.collect(), &[])
    }

    #[test]
    fn objects_of_flux_that_nobody_serves_are_named() {
        let text = text(&set(&[
            ("image.toolkit.fluxcd.io/v1", "ImagePolicy", "podinfo"),
            ("example.com/v1", "ImagePolicy", "other"),
            ("v1", "ConfigMap", "settings"),
            ("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "inner"),
        ]));
        let text = text.unwrap();
        assert!(
            text.contains("\nImagePolicy/team/podinfo\nhint: "),
            "{text}"
        );
        assert!(!text.contains("other") && !text.contains("inner"), "{text}");
    }

    #[test]
    fn a_set_without_them_says_nothing() {
        assert_eq!(text(&set(&[("v1", "ConfigMap", "settings")])), None);
    }

    #[test]
    fn many_are_counted() {
        let names: Vec<String> = (0..NAMED_MAX + 3)
            .map(|number| format!("n{number}"))
            .collect();
        let objects: Vec<(&str, &str, &str)> = names
            .iter()
            .map(|name| {
                (
                    "notification.toolkit.fluxcd.io/v1",
                    "Receiver",
                    name.as_str(),
                )
            })
            .collect();
        let text = text(&set(&objects)).unwrap();
        assert_eq!(text.matches("Receiver/team/").count(), NAMED_MAX);
        assert!(text.contains("\nand 3 more\n"), "{text}");
    }
}
