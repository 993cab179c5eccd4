//! Every field of the kinds: the attempts that use it against others, or why it names nothing.

use std::collections::{BTreeMap, BTreeSet};

use lode_object::Value;

use super::attempts::Sides;
use super::fields_of_releases;
use super::means::Means::{self, Names, Nothing};

/// Fields that all kinds have with the same meaning.
const SHARED: &[(&str, Means)] = &[
    ("spec.interval", Nothing("a time")),
    ("spec.suspend", Nothing("yes or no")),
    ("status.conditions[].lastTransitionTime", Nothing("a time")),
    ("status.conditions[].message", Nothing("told, never read")),
    (
        "status.conditions[].observedGeneration",
        Nothing("a number"),
    ),
    ("status.conditions[].reason", Nothing("told, never read")),
    (
        "status.conditions[].status",
        Nothing("of the object itself alone"),
    ),
    (
        "status.conditions[].type",
        Nothing("of the object itself alone"),
    ),
    (
        "status.lastHandledReconcileAt",
        Nothing("a text that is compared only"),
    ),
    ("status.observedGeneration", Nothing("a number")),
];

const FIELDS: &[(&str, &[(&str, Means)])] = &[
    (
        "GitRepository",
        &[
            (
                "spec.ignore",
                Nothing("patterns of files in its own checkout"),
            ),
            ("spec.include[].fromPath", Names(&["include-from-outside"])),
            (
                "spec.include[].repository.name",
                Names(&["include", "include-by-path"]),
            ),
            ("spec.include[].toPath", Names(&["include-to-outside"])),
            ("spec.provider", Nothing("one of a fixed list")),
            (
                "spec.proxySecretRef.name",
                Names(&["proxy", "proxy-by-path"]),
            ),
            ("spec.recurseSubmodules", Names(&["submodules"])),
            (
                "spec.ref.branch",
                Nothing("a branch of the repository that its URL and credentials open"),
            ),
            ("spec.ref.commit", Nothing("a commit of that repository")),
            ("spec.ref.name", Nothing("a reference of that repository")),
            (
                "spec.ref.semver",
                Nothing("a range of that repository's tags"),
            ),
            ("spec.ref.tag", Nothing("a tag of that repository")),
            ("spec.secretRef.name", Names(&["secret", "secret-by-path"])),
            ("spec.timeout", Nothing("a time")),
            ("spec.serviceAccountName", Names(&["source-account"])),
            (
                "spec.sparseCheckout[]",
                Nothing("folders of that repository"),
            ),
            ("spec.url", Names(&["url", "url-of-an-artifact"])),
            ("spec.verify.mode", Nothing("one of a fixed list")),
            ("spec.verify.secretRef.name", Names(&["verify"])),
            ("status.artifact.digest", Names(&["forged-artifact"])),
            ("status.artifact.lastUpdateTime", Nothing("a time")),
            ("status.artifact.metadata{}", Nothing("told, never read")),
            ("status.artifact.path", Names(&["forged-artifact"])),
            ("status.artifact.revision", Names(&["forged-artifact"])),
            ("status.artifact.size", Nothing("a number")),
            ("status.artifact.url", Names(&["forged-artifact"])),
            (
                "status.includedArtifacts[].digest",
                Names(&["forged-included"]),
            ),
            (
                "status.includedArtifacts[].lastUpdateTime",
                Nothing("a time"),
            ),
            (
                "status.includedArtifacts[].metadata{}",
                Nothing("told, never read"),
            ),
            (
                "status.includedArtifacts[].path",
                Names(&["forged-included"]),
            ),
            (
                "status.includedArtifacts[].revision",
                Names(&["forged-included"]),
            ),
            ("status.includedArtifacts[].size", Nothing("a number")),
            (
                "status.includedArtifacts[].url",
                Names(&["forged-included"]),
            ),
            (
                "status.observedIgnore",
                Nothing("compared with the specification only"),
            ),
            (
                "status.observedInclude[].fromPath",
                Names(&["forged-included"]),
            ),
            (
                "status.observedInclude[].repository.name",
                Names(&["forged-included"]),
            ),
            (
                "status.observedInclude[].toPath",
                Names(&["forged-included"]),
            ),
            ("status.observedRecurseSubmodules", Nothing("yes or no")),
            (
                "status.observedSparseCheckout[]",
                Nothing("compared with the specification only"),
            ),
            ("status.sourceVerificationMode", Nothing("told, never read")),
        ],
    ),
    (
        "OCIRepository",
        &[
            ("spec.certSecretRef.name", Names(&["oci-certificates"])),
            ("spec.ignore", Nothing("patterns of files in its own layer")),
            ("spec.insecure", Nothing("yes or no")),
            (
                "spec.layerSelector.mediaType",
                Nothing("a layer of its own artifact"),
            ),
            (
                "spec.layerSelector.operation",
                Nothing("one of a fixed list"),
            ),
            ("spec.provider", Nothing("one of a fixed list")),
            ("spec.proxySecretRef.name", Names(&["oci-proxy"])),
            (
                "spec.ref.digest",
                Nothing("an artifact of the repository that its URL and credentials open"),
            ),
            (
                "spec.ref.semver",
                Nothing("a range of that repository's tags"),
            ),
            (
                "spec.ref.semverFilter",
                Nothing("a pattern of that repository's tags"),
            ),
            ("spec.ref.tag", Nothing("a tag of that repository")),
            (
                "spec.secretRef.name",
                Names(&["oci-secret", "oci-secret-by-path"]),
            ),
            (
                "spec.serviceAccountName",
                Names(&["oci-account", "oci-account-by-path"]),
            ),
            ("spec.timeout", Nothing("a time")),
            ("spec.url", Names(&["oci-url"])),
            (
                "spec.verify.matchOIDCIdentity[].issuer",
                Names(&["oci-verify"]),
            ),
            (
                "spec.verify.matchOIDCIdentity[].subject",
                Names(&["oci-verify"]),
            ),
            ("spec.verify.provider", Names(&["oci-verify"])),
            ("spec.verify.secretRef.name", Names(&["oci-verify"])),
            (
                "spec.verify.trustedRootSecretRef.name",
                Names(&["oci-verify"]),
            ),
            ("status.artifact.digest", Names(&["oci-forged-artifact"])),
            ("status.artifact.lastUpdateTime", Nothing("a time")),
            ("status.artifact.metadata{}", Nothing("told, never read")),
            ("status.artifact.path", Names(&["oci-forged-artifact"])),
            ("status.artifact.revision", Names(&["oci-forged-artifact"])),
            ("status.artifact.size", Nothing("a number")),
            ("status.artifact.url", Names(&["oci-forged-artifact"])),
            ("status.url", Nothing("told, never read")),
            (
                "status.observedIgnore",
                Nothing("compared with the specification only"),
            ),
            (
                "status.observedLayerSelector.mediaType",
                Nothing("compared with the specification only"),
            ),
            (
                "status.observedLayerSelector.operation",
                Nothing("compared with the specification only"),
            ),
        ],
    ),
    (
        "HelmRepository",
        &[
            (
                "spec.accessFrom.namespaceSelectors[].matchLabels{}",
                Nothing("nobody refers to it across namespaces"),
            ),
            ("spec.certSecretRef.name", Names(&["helm-certificates"])),
            ("spec.insecure", Nothing("yes or no")),
            ("spec.passCredentials", Nothing("yes or no")),
            ("spec.provider", Nothing("one of a fixed list")),
            (
                "spec.secretRef.name",
                Names(&["helm-secret", "helm-secret-by-path"]),
            ),
            ("spec.timeout", Nothing("a time")),
            ("spec.type", Nothing("one of a fixed list")),
            ("spec.url", Names(&["helm-url"])),
            ("status.artifact.digest", Names(&["helm-forged-index"])),
            ("status.artifact.lastUpdateTime", Nothing("a time")),
            ("status.artifact.metadata{}", Nothing("told, never read")),
            ("status.artifact.path", Names(&["helm-forged-index"])),
            ("status.artifact.revision", Names(&["helm-forged-index"])),
            ("status.artifact.size", Nothing("a number")),
            ("status.artifact.url", Names(&["helm-forged-index"])),
            ("status.url", Nothing("told, never read")),
        ],
    ),
    (
        "HelmChart",
        &[
            ("spec.chart", Names(&["chart-outside"])),
            ("spec.ignoreMissingValuesFiles", Nothing("yes or no")),
            ("spec.reconcileStrategy", Nothing("one of a fixed list")),
            ("spec.sourceRef.apiVersion", Names(&["chart-of-a-version"])),
            ("spec.sourceRef.kind", Names(&["chart-of-a-kind"])),
            (
                "spec.sourceRef.name",
                Names(&["chart-elsewhere", "chart-by-path"]),
            ),
            ("spec.valuesFiles[]", Names(&["chart-values"])),
            (
                "spec.verify.matchOIDCIdentity[].issuer",
                Names(&["chart-verify"]),
            ),
            (
                "spec.verify.matchOIDCIdentity[].subject",
                Names(&["chart-verify"]),
            ),
            ("spec.verify.provider", Names(&["chart-verify"])),
            ("spec.verify.secretRef.name", Names(&["chart-verify"])),
            (
                "spec.version",
                Nothing("a range of the versions of its own repository"),
            ),
            ("status.artifact.digest", Names(&["chart-forged"])),
            ("status.artifact.lastUpdateTime", Nothing("a time")),
            ("status.artifact.metadata{}", Nothing("told, never read")),
            ("status.artifact.path", Names(&["chart-forged"])),
            ("status.artifact.revision", Names(&["chart-forged"])),
            ("status.artifact.size", Nothing("a number")),
            ("status.artifact.url", Names(&["chart-forged"])),
            ("status.url", Nothing("told, never read")),
            (
                "status.observedChartName",
                Nothing("compared with the name of its chart only"),
            ),
            (
                "status.observedSourceArtifactRevision",
                Nothing("told, never read"),
            ),
            ("status.observedValuesFiles[]", Nothing("told, never read")),
        ],
    ),
    (
        "Kustomization",
        &[
            ("spec.buildMetadata[]", Nothing("one of a fixed list")),
            ("spec.commonMetadata.annotations{}", Names(&["annotated"])),
            ("spec.commonMetadata.labels{}", Names(&["labelled"])),
            ("spec.components[]", Names(&["component-outside"])),
            ("spec.decryption.provider", Nothing("one of a fixed list")),
            ("spec.decryption.secretRef.name", Names(&["keys"])),
            ("spec.decryption.serviceAccountName", Names(&["keys"])),
            (
                "spec.deletionPolicy",
                Names(&["forged-delete", "forged-namespace"]),
            ),
            (
                "spec.dependsOn[].name",
                Names(&["depends", "depends-by-path"]),
            ),
            ("spec.dependsOn[].namespace", Names(&["depends"])),
            ("spec.dependsOn[].readyExpr", Names(&["depends-to-learn"])),
            ("spec.force", Names(&["forced"])),
            (
                "spec.healthCheckExprs[].apiVersion",
                Names(&["health-by-current"]),
            ),
            (
                "spec.healthCheckExprs[].current",
                Names(&["health-by-current"]),
            ),
            (
                "spec.healthCheckExprs[].failed",
                Names(&["health-by-failed"]),
            ),
            (
                "spec.healthCheckExprs[].inProgress",
                Names(&["health-by-progress"]),
            ),
            (
                "spec.healthCheckExprs[].kind",
                Names(&["health-by-current"]),
            ),
            (
                "spec.healthChecks[].apiVersion",
                Names(&["health-of-a-secret"]),
            ),
            (
                "spec.healthChecks[].kind",
                Names(&[
                    "health-of-a-secret",
                    "health-of-a-map",
                    "health-of-the-namespace",
                ]),
            ),
            (
                "spec.healthChecks[].name",
                Names(&["health-of-a-secret", "health-of-the-namespace"]),
            ),
            (
                "spec.healthChecks[].namespace",
                Names(&["health-of-a-secret", "health-of-a-map"]),
            ),
            ("spec.ignore[].paths[]", Names(&["ignoring"])),
            (
                "spec.ignore[].target.annotationSelector",
                Names(&["ignoring"]),
            ),
            ("spec.ignore[].target.group", Names(&["ignoring"])),
            ("spec.ignore[].target.kind", Names(&["ignoring"])),
            ("spec.ignore[].target.labelSelector", Names(&["ignoring"])),
            ("spec.ignore[].target.name", Names(&["ignoring"])),
            ("spec.ignore[].target.namespace", Names(&["ignoring"])),
            ("spec.ignore[].target.version", Names(&["ignoring"])),
            ("spec.ignoreMissingComponents", Nothing("yes or no")),
            (
                "spec.images[].digest",
                Nothing("a text for objects of the build, fetched by nobody here"),
            ),
            (
                "spec.images[].name",
                Nothing("images in objects of the build"),
            ),
            (
                "spec.images[].newName",
                Nothing("a text for objects of the build, fetched by nobody here"),
            ),
            (
                "spec.images[].newTag",
                Nothing("a text for objects of the build, fetched by nobody here"),
            ),
            (
                "spec.kubeConfig.configMapRef.name",
                Names(&["cluster-by-map"]),
            ),
            ("spec.kubeConfig.secretRef.key", Names(&["cluster"])),
            (
                "spec.kubeConfig.secretRef.name",
                Names(&["cluster", "cluster-by-path"]),
            ),
            ("spec.namePrefix", Names(&["prefixed"])),
            ("spec.nameSuffix", Names(&["suffixed"])),
            ("spec.patches[].patch", Names(&["patched", "patch-target"])),
            (
                "spec.patches[].target.annotationSelector",
                Names(&["patch-target"]),
            ),
            ("spec.patches[].target.group", Names(&["patch-target"])),
            ("spec.patches[].target.kind", Names(&["patch-target"])),
            (
                "spec.patches[].target.labelSelector",
                Names(&["patch-target"]),
            ),
            ("spec.patches[].target.name", Names(&["patch-target"])),
            ("spec.patches[].target.namespace", Names(&["patch-target"])),
            ("spec.patches[].target.version", Names(&["patch-target"])),
            ("spec.path", Names(&["path-outside"])),
            ("spec.postBuild.substitute{}", Names(&["substituted"])),
            (
                "spec.postBuild.substituteFrom[].kind",
                Names(&["variables", "variables-of-a-map"]),
            ),
            (
                "spec.postBuild.substituteFrom[].name",
                Names(&[
                    "variables",
                    "variables-by-path",
                    "variables-of-a-map-by-path",
                ]),
            ),
            (
                "spec.postBuild.substituteFrom[].optional",
                Names(&["variables-if-any"]),
            ),
            (
                "spec.postBuild.substituteStrategy",
                Nothing("one of a fixed list"),
            ),
            ("spec.prune", Names(&["forged-inventory"])),
            ("spec.retryInterval", Nothing("a time")),
            (
                "spec.serviceAccountName",
                Names(&["account", "account-in-full", "account-by-path"]),
            ),
            ("spec.sourceRef.apiVersion", Names(&["source-of-a-version"])),
            ("spec.sourceRef.kind", Names(&["source-of-a-kind"])),
            (
                "spec.sourceRef.name",
                Names(&["source-elsewhere", "source-by-path"]),
            ),
            ("spec.sourceRef.namespace", Names(&["source-elsewhere"])),
            ("spec.targetNamespace", Names(&["target-namespace"])),
            ("spec.timeout", Nothing("a time")),
            (
                "spec.wait",
                Nothing("yes or no: waits for what was applied, which is named in Git"),
            ),
            (
                "status.history[].digest",
                Nothing("told, compared with the next build's only"),
            ),
            ("status.history[].firstReconciled", Nothing("a time")),
            ("status.history[].lastReconciled", Nothing("a time")),
            ("status.history[].lastReconciledDuration", Nothing("a time")),
            (
                "status.history[].lastReconciledStatus",
                Nothing("told, never read"),
            ),
            ("status.history[].metadata{}", Nothing("told, never read")),
            ("status.history[].totalReconciliations", Nothing("a number")),
            (
                "status.inventory.entries[].id",
                Names(&["forged-inventory", "forged-owner", "forged-namespace"]),
            ),
            ("status.inventory.entries[].v", Names(&["forged-inventory"])),
            (
                "status.lastAppliedOriginRevision",
                Nothing("told, never read"),
            ),
            (
                "status.lastAppliedRevision",
                Nothing("compared with revisions of its own source only"),
            ),
            (
                "status.lastAttemptedRevision",
                Nothing("compared with revisions of its own source only"),
            ),
        ],
    ),
];

#[test]
fn every_field_of_the_kinds_is_tried_or_names_nothing() {
    let attempts = super::all_attempts(&Sides::default());
    let attempts: BTreeMap<&str, &str> = attempts
        .iter()
        .map(|attempt| (attempt.name, attempt.kind))
        .collect();
    let mut faults = Vec::new();
    for definition in lode_api::kinds::definitions() {
        let kind = definition["spec"]["names"]["kind"]
            .as_str()
            .unwrap_or_default();
        let rows = FIELDS
            .iter()
            .chain(fields_of_releases::FIELDS)
            .find(|(of, _)| *of == kind)
            .map(|(_, rows)| *rows)
            .unwrap_or_default();
        let mut fields = BTreeSet::new();
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
        for part in ["spec", "status"] {
            leaves(part, &schema[part], &mut fields);
        }
        assert!(
            fields.len() > 20,
            "the fields of {kind} are read: {fields:?}"
        );

        for field in &fields {
            match rows.iter().chain(SHARED).find(|(path, _)| path == field) {
                None => faults.push(format!(
                    "{kind} {field} has no row: what does it name, and who tries it?"
                )),
                Some((_, Nothing(why))) => println!("{kind} {field}: names nothing ({why})"),
                Some((_, Names(by))) => println!("{kind} {field}: {}", by.join(", ")),
            }
        }
        for (path, means) in rows.iter().chain(SHARED) {
            if !fields.contains(*path) {
                faults.push(format!(
                    "{kind} {path} has a row, but there is no such field"
                ));
            }
            let Names(by) = means else { continue };
            let unknown = by.iter().filter(|name| !attempts.contains_key(**name));
            faults.extend(unknown.map(|name| format!("{kind} {path}: there is no attempt {name}")));
        }
    }
    println!("{} attempts of each tenant", attempts.len());
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(attempts.len() >= 40, "{}", attempts.len());
}

/// Collects the paths of a schema's fields that hold no further ones.
fn leaves(path: &str, schema: &Value, found: &mut BTreeSet<String>) {
    if let Some(fields) = schema["properties"].as_object() {
        fields
            .iter()
            .for_each(|(name, field)| leaves(&format!("{path}.{name}"), field, found));
    } else if schema["items"].is_object() {
        leaves(&format!("{path}[]"), &schema["items"], found);
    } else if schema["additionalProperties"].is_object() {
        leaves(
            &format!("{path}{{}}"),
            &schema["additionalProperties"],
            found,
        );
    } else {
        found.insert(path.to_owned());
    }
}
