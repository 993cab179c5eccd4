//! Every field of releases: the attempts that use it against others, or why it names nothing.

use super::means::FieldsOfKind;
use super::means::Means::{Names, Nothing};

/// The fields.
pub(super) const FIELDS: &[FieldsOfKind] = &[(
    "HelmRelease",
    &[
        (
            "spec.chart.metadata.annotations{}",
            Nothing("of the HelmChart that is created"),
        ),
        (
            "spec.chart.metadata.labels{}",
            Nothing("of the HelmChart that is created"),
        ),
        ("spec.chart.spec.chart", Names(&["release-chart-outside"])),
        (
            "spec.chart.spec.ignoreMissingValuesFiles",
            Nothing("yes or no"),
        ),
        ("spec.chart.spec.interval", Nothing("a time")),
        (
            "spec.chart.spec.reconcileStrategy",
            Nothing("one of a fixed list"),
        ),
        ("spec.chart.spec.sourceRef.apiVersion", Nothing("not read")),
        (
            "spec.chart.spec.sourceRef.kind",
            Names(&["release-chart-elsewhere"]),
        ),
        (
            "spec.chart.spec.sourceRef.name",
            Names(&["release-chart-elsewhere"]),
        ),
        (
            "spec.chart.spec.sourceRef.namespace",
            Names(&["release-chart-elsewhere"]),
        ),
        (
            "spec.chart.spec.valuesFiles[]",
            Names(&["release-chart-values"]),
        ),
        (
            "spec.chart.spec.verify.provider",
            Names(&["release-chart-verify"]),
        ),
        (
            "spec.chart.spec.verify.secretRef.name",
            Names(&["release-chart-verify"]),
        ),
        (
            "spec.chart.spec.version",
            Nothing("a range of the versions of its own repository"),
        ),
        (
            "spec.chartRef.apiVersion",
            Names(&["release-ref-of-a-version"]),
        ),
        ("spec.chartRef.kind", Names(&["release-ref-of-a-kind"])),
        (
            "spec.chartRef.name",
            Names(&["release-ref-elsewhere", "release-ref-by-path"]),
        ),
        ("spec.chartRef.namespace", Names(&["release-ref-elsewhere"])),
        (
            "spec.commonMetadata.annotations{}",
            Names(&["release-labelled"]),
        ),
        ("spec.commonMetadata.labels{}", Names(&["release-labelled"])),
        (
            "spec.dependsOn[].name",
            Names(&["release-depends", "release-depends-by-path"]),
        ),
        ("spec.dependsOn[].namespace", Names(&["release-depends"])),
        (
            "spec.dependsOn[].readyExpr",
            Names(&["release-depends-to-learn"]),
        ),
        (
            "spec.driftDetection.ignore[].paths[]",
            Names(&["release-ignoring"]),
        ),
        (
            "spec.driftDetection.ignore[].target.annotationSelector",
            Names(&["release-ignoring"]),
        ),
        (
            "spec.driftDetection.ignore[].target.group",
            Names(&["release-ignoring"]),
        ),
        (
            "spec.driftDetection.ignore[].target.kind",
            Names(&["release-ignoring"]),
        ),
        (
            "spec.driftDetection.ignore[].target.labelSelector",
            Names(&["release-ignoring"]),
        ),
        (
            "spec.driftDetection.ignore[].target.name",
            Names(&["release-ignoring"]),
        ),
        (
            "spec.driftDetection.ignore[].target.namespace",
            Names(&["release-ignoring"]),
        ),
        (
            "spec.driftDetection.ignore[].target.version",
            Names(&["release-ignoring"]),
        ),
        ("spec.driftDetection.mode", Names(&["release-ignoring"])),
        (
            "spec.healthCheckExprs[].apiVersion",
            Names(&["release-guesses-health"]),
        ),
        (
            "spec.healthCheckExprs[].current",
            Names(&["release-guesses-health"]),
        ),
        (
            "spec.healthCheckExprs[].failed",
            Names(&["release-guesses-health"]),
        ),
        (
            "spec.healthCheckExprs[].inProgress",
            Names(&["release-guesses-health"]),
        ),
        (
            "spec.healthCheckExprs[].kind",
            Names(&["release-guesses-health"]),
        ),
        ("spec.install.crds", Names(&["release-definition"])),
        (
            "spec.install.createNamespace",
            Names(&["release-creates-target"]),
        ),
        (
            "spec.install.disableHooks",
            Nothing("about its own release alone"),
        ),
        (
            "spec.install.disableOpenAPIValidation",
            Nothing("about its own release alone"),
        ),
        (
            "spec.install.disableSchemaValidation",
            Nothing("about its own release alone"),
        ),
        (
            "spec.install.disableTakeOwnership",
            Names(&["release-if-not-theirs"]),
        ),
        (
            "spec.install.disableWait",
            Nothing("about its own release alone"),
        ),
        (
            "spec.install.disableWaitForJobs",
            Nothing("about its own release alone"),
        ),
        (
            "spec.install.remediation.ignoreTestFailures",
            Nothing("about its own release alone"),
        ),
        (
            "spec.install.remediation.remediateLastFailure",
            Nothing("about its own release alone"),
        ),
        ("spec.install.remediation.retries", Nothing("a number")),
        (
            "spec.install.replace",
            Nothing("about its own release alone"),
        ),
        (
            "spec.install.serverSideApply",
            Nothing("about its own release alone"),
        ),
        (
            "spec.install.skipCRDs",
            Nothing("about its own release alone"),
        ),
        ("spec.install.strategy.name", Nothing("one of a fixed list")),
        ("spec.install.strategy.retryInterval", Nothing("a time")),
        ("spec.install.timeout", Nothing("a time")),
        (
            "spec.kubeConfig.configMapRef.name",
            Names(&["release-cluster-by-map"]),
        ),
        ("spec.kubeConfig.secretRef.key", Names(&["release-cluster"])),
        (
            "spec.kubeConfig.secretRef.name",
            Names(&["release-cluster"]),
        ),
        ("spec.maxHistory", Nothing("a number")),
        ("spec.persistentClient", Nothing("yes or no")),
        ("spec.postRenderStrategy", Nothing("one of a fixed list")),
        (
            "spec.postRenderers[].kustomize.images[].digest",
            Nothing("texts of images in its own objects"),
        ),
        (
            "spec.postRenderers[].kustomize.images[].name",
            Nothing("texts of images in its own objects"),
        ),
        (
            "spec.postRenderers[].kustomize.images[].newName",
            Nothing("texts of images in its own objects"),
        ),
        (
            "spec.postRenderers[].kustomize.images[].newTag",
            Nothing("texts of images in its own objects"),
        ),
        (
            "spec.postRenderers[].kustomize.patches[].patch",
            Names(&["release-patched"]),
        ),
        (
            "spec.postRenderers[].kustomize.patches[].target.annotationSelector",
            Names(&["release-patch-target"]),
        ),
        (
            "spec.postRenderers[].kustomize.patches[].target.group",
            Names(&["release-patch-target"]),
        ),
        (
            "spec.postRenderers[].kustomize.patches[].target.kind",
            Names(&["release-patch-target"]),
        ),
        (
            "spec.postRenderers[].kustomize.patches[].target.labelSelector",
            Names(&["release-patch-target"]),
        ),
        (
            "spec.postRenderers[].kustomize.patches[].target.name",
            Names(&["release-patch-target"]),
        ),
        (
            "spec.postRenderers[].kustomize.patches[].target.namespace",
            Names(&["release-patch-target"]),
        ),
        (
            "spec.postRenderers[].kustomize.patches[].target.version",
            Names(&["release-patch-target"]),
        ),
        (
            "spec.releaseName",
            Names(&["release-takes-over", "release-name-of-a-query"]),
        ),
        (
            "spec.rollback.cleanupOnFail",
            Nothing("about its own release alone"),
        ),
        (
            "spec.rollback.disableHooks",
            Nothing("about its own release alone"),
        ),
        (
            "spec.rollback.disableWait",
            Nothing("about its own release alone"),
        ),
        (
            "spec.rollback.disableWaitForJobs",
            Nothing("about its own release alone"),
        ),
        (
            "spec.rollback.force",
            Nothing("about its own release alone"),
        ),
        (
            "spec.rollback.recreate",
            Nothing("about its own release alone"),
        ),
        (
            "spec.rollback.serverSideApply",
            Nothing("about its own release alone"),
        ),
        ("spec.rollback.timeout", Nothing("a time")),
        (
            "spec.serviceAccountName",
            Names(&["release-account", "release-account-in-full"]),
        ),
        (
            "spec.storageNamespace",
            Names(&[
                "release-storage",
                "release-storage-by-path",
                "release-takes-over",
            ]),
        ),
        (
            "spec.targetNamespace",
            Names(&["release-target", "release-takes-over"]),
        ),
        ("spec.test.enable", Names(&["hook-tests"])),
        (
            "spec.test.filters[].exclude",
            Nothing("about its own release alone"),
        ),
        ("spec.test.filters[].name", Names(&["hook-tests"])),
        (
            "spec.test.ignoreFailures",
            Nothing("about its own release alone"),
        ),
        ("spec.test.timeout", Nothing("a time")),
        ("spec.timeout", Nothing("a time")),
        (
            "spec.uninstall.deletionPropagation",
            Nothing("one of a fixed list"),
        ),
        (
            "spec.uninstall.disableHooks",
            Nothing("about its own release alone"),
        ),
        (
            "spec.uninstall.disableWait",
            Nothing("about its own release alone"),
        ),
        (
            "spec.uninstall.keepHistory",
            Nothing("about its own release alone"),
        ),
        ("spec.uninstall.timeout", Nothing("a time")),
        (
            "spec.upgrade.chartNameChangeStrategy",
            Nothing("one of a fixed list"),
        ),
        (
            "spec.upgrade.cleanupOnFail",
            Nothing("about its own release alone"),
        ),
        ("spec.upgrade.crds", Nothing("one of a fixed list")),
        (
            "spec.upgrade.disableHooks",
            Nothing("about its own release alone"),
        ),
        (
            "spec.upgrade.disableOpenAPIValidation",
            Nothing("about its own release alone"),
        ),
        (
            "spec.upgrade.disableSchemaValidation",
            Nothing("about its own release alone"),
        ),
        (
            "spec.upgrade.disableTakeOwnership",
            Nothing("about its own release alone"),
        ),
        (
            "spec.upgrade.disableWait",
            Nothing("about its own release alone"),
        ),
        (
            "spec.upgrade.disableWaitForJobs",
            Nothing("about its own release alone"),
        ),
        ("spec.upgrade.force", Nothing("about its own release alone")),
        (
            "spec.upgrade.preserveValues",
            Nothing("about its own release alone"),
        ),
        (
            "spec.upgrade.remediation.ignoreTestFailures",
            Nothing("about its own release alone"),
        ),
        (
            "spec.upgrade.remediation.remediateLastFailure",
            Nothing("about its own release alone"),
        ),
        ("spec.upgrade.remediation.retries", Nothing("a number")),
        (
            "spec.upgrade.remediation.strategy",
            Nothing("one of a fixed list"),
        ),
        (
            "spec.upgrade.serverSideApply",
            Nothing("about its own release alone"),
        ),
        ("spec.upgrade.strategy.name", Nothing("one of a fixed list")),
        ("spec.upgrade.strategy.retryInterval", Nothing("a time")),
        ("spec.upgrade.timeout", Nothing("a time")),
        (
            "spec.values",
            Nothing("what its own chart is rendered with"),
        ),
        (
            "spec.valuesFrom[].kind",
            Names(&["release-values", "release-values-of-a-map"]),
        ),
        (
            "spec.valuesFrom[].literal",
            Names(&["release-values-if-any"]),
        ),
        (
            "spec.valuesFrom[].name",
            Names(&["release-values", "release-values-by-path"]),
        ),
        (
            "spec.valuesFrom[].optional",
            Names(&["release-values-if-any"]),
        ),
        (
            "spec.valuesFrom[].targetPath",
            Names(&["release-values-if-any"]),
        ),
        (
            "spec.valuesFrom[].valuesKey",
            Names(&["release-values-if-any"]),
        ),
        ("spec.waitStrategy.name", Nothing("one of a fixed list")),
        ("status.failures", Nothing("a number")),
        (
            "status.helmChart",
            Names(&["forged-chart", "forged-chart-by-path"]),
        ),
        (
            "status.history[].action",
            Nothing("compared with the record of the release only"),
        ),
        (
            "status.history[].apiVersion",
            Nothing("compared with the record of the release only"),
        ),
        (
            "status.history[].appVersion",
            Nothing("compared with the record of the release only"),
        ),
        (
            "status.history[].chartName",
            Nothing("compared with the record of the release only"),
        ),
        (
            "status.history[].chartVersion",
            Nothing("compared with the record of the release only"),
        ),
        (
            "status.history[].configDigest",
            Nothing("compared with the record of the release only"),
        ),
        ("status.history[].deleted", Nothing("a time")),
        (
            "status.history[].digest",
            Nothing("compared with the record of the release only"),
        ),
        ("status.history[].firstDeployed", Nothing("a time")),
        ("status.history[].lastDeployed", Nothing("a time")),
        (
            "status.history[].name",
            Names(&["forged-release", "forged-rollback"]),
        ),
        (
            "status.history[].namespace",
            Names(&["forged-release", "forged-rollback"]),
        ),
        (
            "status.history[].ociDigest",
            Nothing("compared with the record of the release only"),
        ),
        (
            "status.history[].status",
            Names(&["forged-release", "forged-rollback"]),
        ),
        (
            "status.history[].testHooks{}.lastCompleted",
            Nothing("a time"),
        ),
        (
            "status.history[].testHooks{}.lastStarted",
            Nothing("a time"),
        ),
        (
            "status.history[].testHooks{}.phase",
            Nothing("compared with the record of the release only"),
        ),
        (
            "status.history[].version",
            Names(&["forged-release", "forged-rollback"]),
        ),
        ("status.installFailures", Nothing("a number")),
        ("status.inventory.entries[].id", Names(&["forged-release"])),
        ("status.inventory.entries[].v", Names(&["forged-release"])),
        (
            "status.lastAttemptedConfigDigest",
            Nothing("compared with the next attempt only"),
        ),
        ("status.lastAttemptedGeneration", Nothing("a number")),
        (
            "status.lastAttemptedReleaseAction",
            Nothing("one of a fixed list"),
        ),
        (
            "status.lastAttemptedReleaseActionDuration",
            Nothing("a time"),
        ),
        (
            "status.lastAttemptedRevision",
            Nothing("compared with the next attempt only"),
        ),
        (
            "status.lastAttemptedRevisionDigest",
            Nothing("compared with the next attempt only"),
        ),
        (
            "status.lastAttemptedValuesChecksum",
            Nothing("compared with the next attempt only"),
        ),
        (
            "status.lastHandledForceAt",
            Nothing("a text that is compared only"),
        ),
        (
            "status.lastHandledResetAt",
            Nothing("a text that is compared only"),
        ),
        ("status.lastReleaseRevision", Nothing("a number")),
        (
            "status.observedCommonMetadataDigest",
            Nothing("compared with the next attempt only"),
        ),
        (
            "status.observedPostRenderersDigest",
            Nothing("compared with the next attempt only"),
        ),
        (
            "status.storageNamespace",
            Names(&["forged-release", "forged-rollback"]),
        ),
        ("status.upgradeFailures", Nothing("a number")),
    ],
)];
