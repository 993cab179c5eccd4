//! The sample fleet of `examples/fleet`, and the objects that make a cluster follow it.

use serde_json::{Value, json};

use crate::session::NAMESPACE;

/// Embeds files of the fleet.
macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../../../examples/fleet/", $path)))),*]
    };
}

/// Every file of the fleet, with its content.
pub(crate) const FILES: &[(&str, &str)] = files![
    "README.md",
    "apps/shop/base/deployment.yaml",
    "apps/shop/base/kustomization.yaml",
    "apps/shop/base/service.yaml",
    "apps/shop/base/site/index.html",
    "apps/shop/production/kustomization.yaml",
    "apps/shop/production/namespace.yaml",
    "apps/shop/production/resources.yaml",
    "apps/shop/staging/kustomization.yaml",
    "apps/shop/staging/namespace.yaml",
    "clusters/demo/apps.yaml",
    "clusters/demo/infrastructure.yaml",
    "clusters/demo/kustomization.yaml",
    "clusters/production/apps.yaml",
    "clusters/production/infrastructure.yaml",
    "clusters/production/kustomization.yaml",
    "clusters/staging/apps.yaml",
    "clusters/staging/infrastructure.yaml",
    "clusters/staging/kustomization.yaml",
    "infrastructure/definitions/kustomization.yaml",
    "infrastructure/definitions/queue.yaml",
    "infrastructure/queues/base/kustomization.yaml",
    "infrastructure/queues/base/orders.yaml",
    "infrastructure/queues/production/kustomization.yaml",
    "infrastructure/queues/production/namespace.yaml",
    "infrastructure/queues/staging/kustomization.yaml",
    "infrastructure/queues/staging/namespace.yaml",
];

/// The name of the repository, and of the objects that follow it.
pub(crate) const NAME: &str = "fleet";

/// Returns the objects that make a cluster follow the fleet.
pub(crate) fn objects(url: &str) -> [Value; 3] {
    let metadata = json!({"name": NAME, "namespace": NAMESPACE});
    [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}),
        json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": metadata,
            "spec": {"interval": "1m", "url": url, "ref": {"branch": "main"}},
        }),
        json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": metadata,
            "spec": {
                "interval": "10m",
                "path": "./clusters/demo",
                "prune": true,
                "sourceRef": {"kind": "GitRepository", "name": NAME},
            },
        }),
    ]
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn walk(folder: &Path, found: &mut Vec<String>, root: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found, root);
            } else {
                found.push(
                    path.strip_prefix(root)
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .to_owned(),
                );
            }
        }
    }

    #[test]
    fn no_file_of_the_fleet_is_forgotten() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../examples/fleet");
        let mut found = Vec::new();
        walk(&root, &mut found, &root);
        found.sort();
        let mut embedded: Vec<&str> = FILES.iter().map(|(path, _)| *path).collect();
        embedded.sort_unstable();
        assert_eq!(embedded, found);
    }
}
