//! How a release is called, and where its objects live (spec A11).

use std::borrow::Cow;

use lode_api::HelmRelease;
use lode_stdx::Digest;

/// Longest name of a release, as in Helm.
const NAME_MAX: usize = 53;
/// Digits of the digest that end a shortened name.
const SUFFIX: usize = 12;

/// Returns the name of a release, shortened as Flux does if it is too long.
#[must_use]
pub fn release_name(object: &HelmRelease) -> String {
    let spec = &object.spec;
    let name = match (
        spec.release_name.as_deref(),
        spec.target_namespace.as_deref(),
    ) {
        (Some(name), _) if !name.is_empty() => Cow::Borrowed(name),
        (_, Some(target)) if !target.is_empty() => {
            Cow::Owned(format!("{target}-{}", object.metadata.name))
        }
        _ => Cow::Borrowed(&*object.metadata.name),
    };
    shortened(&name)
}

fn shortened(name: &str) -> String {
    if name.len() <= NAME_MAX {
        return name.to_owned();
    }
    let hex = Digest::of(name.as_bytes()).hex();
    // Names of objects are ASCII; a release name that is not is cut at a character all the same.
    let mut end = NAME_MAX - SUFFIX - 1;
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}-{}", &name[..end], &hex[..SUFFIX])
}

/// Returns the namespace of the objects of a release that name none.
#[must_use]
pub fn release_namespace(object: &HelmRelease) -> &str {
    let target = object.spec.target_namespace.as_deref();
    let target = target.filter(|target| !target.is_empty());
    target.unwrap_or(&object.metadata.namespace)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn object(spec: &Value) -> HelmRelease {
        let metadata = json!({"name": "web", "namespace": "team"});
        HelmRelease::parse(&json!({"metadata": metadata, "spec": spec})).unwrap()
    }

    #[test]
    fn a_release_is_called_as_it_says_or_by_its_target() {
        let name = |spec: &Value| release_name(&object(spec));
        assert_eq!(name(&json!({})), "web");
        assert_eq!(name(&json!({"targetNamespace": "shop"})), "shop-web");
        let both = json!({"targetNamespace": "shop", "releaseName": "other"});
        assert_eq!(name(&both), "other");
        assert_eq!(release_namespace(&object(&both)), "shop");
    }

    #[test]
    fn a_long_name_ends_with_a_part_of_its_digest() {
        let long = "some-front-appended-namespace-release-with-a-much-too-long-name";
        let short = shortened(long);
        assert_eq!(short.len(), NAME_MAX);
        assert!(short.starts_with(&long[..40]) && short.as_bytes()[40] == b'-');
        assert_eq!(shortened("web"), "web");
        assert!(shortened(&"é".repeat(40)).len() <= NAME_MAX);
    }
}
