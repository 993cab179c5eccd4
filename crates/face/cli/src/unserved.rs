//! Objects of Flux's kinds that Lodestone does not serve yet, so that users see that nothing
//! reconciles them.

use lode_api::kinds::NOT_SERVED;
use lode_cluster::{Client, Discovery};
use lode_object::GroupKind;

use crate::listing::Listing;
use crate::{kinds, output};

/// The message shown for such an object.
pub(crate) const MESSAGE: &str = "not served by Lodestone yet";

/// Lists the objects of kinds that are installed but not served, in a namespace, or in all
/// namespaces if it is empty.
///
/// One discovery request finds out which kinds are installed. Errors are ignored, and objects that
/// the user may not list are left out: the list of served objects must not fail because of the
/// rest.
pub(crate) async fn list(client: &Client, namespace: &str) -> Vec<Listing> {
    let discovery = Discovery::new(client.clone());
    let mut installed = Vec::new();
    for name in NOT_SERVED {
        let kind = GroupKind {
            group: name.group.into(),
            kind: name.kind.into(),
        };
        installed.extend(discovery.preferred(&kind).await.ok().flatten());
    }

    let mut found = Vec::new();
    for resource in installed {
        match kinds::list(client, &resource, namespace).await {
            Ok(objects) => found.push(Listing {
                singular: resource.gvk.kind.to_lowercase(),
                group: resource.gvk.group.to_string(),
                row: None,
                objects,
            }),
            Err(error) if error.is(403) || error.is(404) => {}
            Err(error) => output::talk(&format!("warning: list {}: {error}", resource.plural)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lode_object::Value;
    use lode_sandbox::{Options, Sandbox};
    use serde_json::json;

    use super::*;

    fn definition() -> Value {
        let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "imagepolicies.image.toolkit.fluxcd.io"},
            "spec": {
                "group": "image.toolkit.fluxcd.io", "scope": "Namespaced",
                "names": {"kind": "ImagePolicy", "listKind": "ImagePolicyList", "plural": "imagepolicies", "singular": "imagepolicy"},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
            },
        })
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn objects_are_found_where_their_definition_is_installed() {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        let objects = sandbox.objects();
        assert!(list(objects.client(), "").await.is_empty());

        objects
            .define(&definition(), Duration::from_mins(1))
            .await
            .unwrap();
        let release = json!({
            "apiVersion": "image.toolkit.fluxcd.io/v1", "kind": "ImagePolicy",
            "metadata": {"namespace": "default", "name": "podinfo"}, "spec": {},
        });
        objects.apply("test", &release).await.unwrap();

        let found = list(objects.client(), "default").await;
        assert_eq!(found.len(), 1);
        let (group, singular) = (found[0].group.as_str(), found[0].singular.as_str());
        assert_eq!(
            (group, singular),
            ("image.toolkit.fluxcd.io", "imagepolicy")
        );
        assert_eq!(found[0].objects[0]["metadata"]["name"], "podinfo");
        assert!(
            list(objects.client(), "kube-system").await[0]
                .objects
                .is_empty()
        );
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_cluster_that_does_not_answer_shows_nothing() {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        let client = sandbox.objects().client().clone();
        drop(sandbox);
        assert!(list(&client, "").await.is_empty());
    }
}
