//! Objects of Flux's kinds that Lodestone does not serve yet: nobody reconciles them, and a person should see that.

use lode_api::kinds::NOT_SERVED;
use lode_cluster::{Client, Discovery};
use lode_object::GroupKind;

use crate::get::Listing;
use crate::{kinds, output};

/// What is said of such an object.
pub(crate) const MESSAGE: &str = "not served by Lodestone yet";

/// Lists the objects in a namespace, or in all namespaces when it is empty, of those kinds whose definitions are
/// installed.
///
/// Which are is one question for all kinds. What the user may not see is left out, as is all of it where the server
/// does not say which kinds it has: the list of what is served must not fail because of the rest.
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
