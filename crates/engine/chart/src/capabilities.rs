//! [`Capabilities`]: what templates learn about the cluster, and which charts fit it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, LazyLock};

use lode_stdx::semver::{Range, Version};

/// What templates learn about the cluster and about Helm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Version of Kubernetes.
    pub kube_version: KubeVersion,
    /// API versions as `group/version`, and kinds as `group/version/Kind`.
    pub api_versions: Arc<BTreeSet<Box<str>>>,
    /// Version of Helm.
    pub helm_version: HelmVersion,
}

/// A version of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeVersion {
    /// The whole version, with a `v`: `v1.33.4-gke.1245000`.
    pub version: Box<str>,
    /// Without what providers add: `v1.33.4`.
    pub normalized: Box<str>,
    /// First number.
    pub major: Box<str>,
    /// Second number.
    pub minor: Box<str>,
}

/// What Helm says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelmVersion {
    /// Version.
    pub version: Box<str>,
    /// Commit it was built from.
    pub git_commit: Box<str>,
    /// Whether there were changes.
    pub git_tree_state: Box<str>,
    /// Version of Go.
    pub go_version: Box<str>,
    /// Version of Kubernetes that its client library is for.
    pub kube_client_version: Box<str>,
}

/// Why a text is not a version of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// No number at the start.
    #[error("could not parse {0:?} as version")]
    Form(String),
    /// Only one number.
    #[error("illegal version string {0:?}")]
    TooShort(String),
    /// A first number with a zero in front.
    #[error("illegal zero-prefixed version component {0:?} in {1:?}")]
    ZeroPrefix(String, String),
    /// A number that is too large.
    #[error("illegal non-numeric version component {0:?} in {1:?}")]
    TooLarge(String, String),
}

/// A chart that does not support the cluster's version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("chart requires kubeVersion: {range} which is incompatible with Kubernetes {version}")]
pub struct Incompatible {
    /// The range that the chart supports.
    pub range: String,
    /// The cluster's version.
    pub version: Box<str>,
}

impl Default for Capabilities {
    /// Returns what Helm assumes without a cluster: the Kubernetes of its client library, with all
    /// API versions that the library knows.
    fn default() -> Self {
        static API_VERSIONS: LazyLock<Arc<BTreeSet<Box<str>>>> = LazyLock::new(|| {
            let known = KNOWN.iter().flat_map(|(group, versions)| {
                versions
                    .split(' ')
                    .map(move |version| format!("{group}{version}").into())
            });
            Arc::new(known.collect())
        });
        Self {
            kube_version: KubeVersion {
                version: DEFAULT_VERSION.into(),
                normalized: DEFAULT_VERSION.into(),
                major: "1".into(),
                minor: "36".into(),
            },
            api_versions: Arc::clone(&API_VERSIONS),
            helm_version: HelmVersion::default(),
        }
    }
}

/// The version of Helm whose behaviour this crate has.
impl Default for HelmVersion {
    fn default() -> Self {
        Self {
            version: "v4.2.1".into(),
            git_commit: "630416f0fe246af993cef61ad2a656bacb0e822d".into(),
            git_tree_state: "clean".into(),
            go_version: "go1.26".into(),
            kube_client_version: "v1.36".into(),
        }
    }
}

impl Capabilities {
    /// Adds API versions to those that are known.
    #[must_use]
    pub fn with_api_versions<'a>(mut self, more: impl IntoIterator<Item = &'a str>) -> Self {
        let more = more.into_iter().map(Box::from);
        Arc::make_mut(&mut self.api_versions).extend(more);
        self
    }

    /// Returns whether an API version or kind is there.
    #[must_use]
    pub fn has(&self, api_version: &str) -> bool {
        self.api_versions.contains(api_version)
    }

    /// Checks the range of Kubernetes versions that a chart supports; an empty one is any.
    ///
    /// # Errors
    /// The version is not in the range, or the range is malformed.
    pub(crate) fn check(&self, range: &str) -> Result<(), Incompatible> {
        if range.is_empty() {
            return Ok(());
        }
        let version = Version::parse(&self.kube_version.normalized).ok();
        let parsed = Range::parse(range).ok();
        match parsed.zip(version) {
            Some((parsed, version)) if parsed.matches(&version) => Ok(()),
            _ => Err(Incompatible {
                range: range.to_owned(),
                version: self.kube_version.version.clone(),
            }),
        }
    }
}

impl KubeVersion {
    /// Parses a version; a leading `v` may be missing, and what follows the numbers may be anything.
    ///
    /// # Errors
    /// There are not at least two numbers.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let trimmed = text.trim_start();
        let trimmed = trimmed.strip_prefix('v').unwrap_or(trimmed);
        let numbers = leading_numbers(trimmed);
        if numbers.is_empty() {
            return Err(VersionError::Form(text.to_owned()));
        }

        let mut components = Vec::new();
        for component in numbers.split('.') {
            let number: Result<u64, _> = component.parse();
            let number = number
                .map_err(|_| VersionError::TooLarge(component.to_owned(), text.to_owned()))?;
            components.push(number.to_string());
        }
        let [major, minor, ..] = components.as_slice() else {
            return Err(VersionError::TooShort(text.to_owned()));
        };
        let first = numbers.split('.').next().unwrap_or_default();
        if first.len() > 1 && first.starts_with('0') {
            return Err(VersionError::ZeroPrefix(first.to_owned(), text.to_owned()));
        }

        let prefix = if text.starts_with('v') { "" } else { "v" };
        Ok(Self {
            version: format!("{prefix}{text}").into(),
            normalized: format!("v{}", components.join(".")).into(),
            major: major.as_str().into(),
            minor: minor.as_str().into(),
        })
    }
}

impl fmt::Display for KubeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.normalized)
    }
}

/// Returns the numbers at the start of a text, with the points between them.
fn leading_numbers(text: &str) -> &str {
    let is_end = |letter: char| !letter.is_ascii_digit() && letter != '.';
    let end = text.find(is_end).unwrap_or(text.len());
    let numbers = &text[..end];
    let (numbers, _) = numbers.split_once("..").unwrap_or((numbers, ""));
    if numbers.starts_with('.') {
        ""
    } else {
        numbers.trim_end_matches('.')
    }
}

/// The Kubernetes of Helm's client library.
const DEFAULT_VERSION: &str = "v1.36.0";

/// API versions that Helm's client library knows, by group.
const KNOWN: [(&str, &str); 23] = [
    ("", "v1"),
    ("admissionregistration.k8s.io/", "v1 v1alpha1 v1beta1"),
    ("apiextensions.k8s.io/", "v1 v1beta1"),
    ("apps/", "v1 v1beta1 v1beta2"),
    ("authentication.k8s.io/", "v1 v1alpha1 v1beta1"),
    ("authorization.k8s.io/", "v1 v1beta1"),
    ("autoscaling/", "v1 v2"),
    ("batch/", "v1 v1beta1"),
    ("certificates.k8s.io/", "v1 v1alpha1 v1beta1"),
    ("coordination.k8s.io/", "v1 v1alpha2 v1beta1"),
    ("discovery.k8s.io/", "v1 v1beta1"),
    ("events.k8s.io/", "v1 v1beta1"),
    ("extensions/", "v1beta1"),
    (
        "flowcontrol.apiserver.k8s.io/",
        "v1 v1beta1 v1beta2 v1beta3",
    ),
    ("internal.apiserver.k8s.io/", "v1alpha1"),
    ("networking.k8s.io/", "v1 v1beta1"),
    ("node.k8s.io/", "v1 v1alpha1 v1beta1"),
    ("policy/", "v1 v1beta1"),
    ("rbac.authorization.k8s.io/", "v1 v1alpha1 v1beta1"),
    ("resource.k8s.io/", "v1 v1alpha3 v1beta1 v1beta2"),
    ("scheduling.k8s.io/", "v1 v1alpha2 v1beta1"),
    ("storage.k8s.io/", "v1 v1alpha1 v1beta1"),
    ("storagemigration.k8s.io/", "v1beta1"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helm_knows_55_api_versions() {
        let capabilities = Capabilities::default();
        assert_eq!(capabilities.api_versions.len(), 55);
        assert!(capabilities.has("v1") && capabilities.has("apps/v1"));
        assert!(!capabilities.has("apps/v1/Deployment"));
        let more = capabilities.clone().with_api_versions(["a.b/v1"]);
        assert!(more.has("a.b/v1") && !capabilities.has("a.b/v1"));
    }

    #[test]
    fn versions_of_kubernetes_have_four_forms() {
        for (text, want) in [
            (
                "v1.33.4-gke.1245000",
                ("v1.33.4-gke.1245000", "v1.33.4", "1", "33"),
            ),
            ("1.20", ("v1.20", "v1.20", "1", "20")),
            ("1.20.0+k3s", ("v1.20.0+k3s", "v1.20.0", "1", "20")),
            ("1.08.1", ("v1.08.1", "v1.8.1", "1", "8")),
            ("v1.2.3.4", ("v1.2.3.4", "v1.2.3.4", "1", "2")),
            ("1.2.", ("v1.2.", "v1.2", "1", "2")),
        ] {
            let parsed = KubeVersion::parse(text).unwrap();
            let got = (
                &*parsed.version,
                &*parsed.normalized,
                &*parsed.major,
                &*parsed.minor,
            );
            assert_eq!(got, want, "{text}");
        }
        for text in ["", "a", "v", "1", "01.2", "1.99999999999999999999", ".1.2"] {
            assert!(KubeVersion::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn charts_fit_a_range_of_versions() {
        let capabilities = Capabilities {
            kube_version: KubeVersion::parse("v1.27.3-eks-a5565ad").unwrap(),
            ..Capabilities::default()
        };
        for range in ["", ">=1.20", ">= 1.23.0-0", "~1.27", "1.27.x"] {
            assert_eq!(capabilities.check(range), Ok(()), "{range}");
        }
        let error = capabilities.check(">=1.28").unwrap_err().to_string();
        let want = "chart requires kubeVersion: >=1.28 which is incompatible with Kubernetes v1.27.3-eks-a5565ad";
        assert_eq!(error, want);
        assert!(capabilities.check("soon").is_err());
    }
}
