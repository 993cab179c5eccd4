//! `GitRepository`: a source that is a Git repository.
//!
//! Left out: the behaviour, which is in `world/git` and `control/source`.

use std::time::Duration;

use crate::field::{self, words};
use crate::names::{AGE, Column, Names, READY, STATUS, Scope};
use crate::resource::{Kind, SourceStatus, usual_status};
use crate::schema::{ExplicitText, default, duration, object, one_of, pattern, short_duration};
use crate::shared::{self, Artifact, LocalRef};
use crate::{Conditions, FieldError};

object! {
    /// What to fetch, from where and how often.
    pub struct Spec {
        required {
            /// Interval at which the repository is checked for changes.
            pub interval: Box<str> => duration();
            /// URL of the repository: http, https or ssh.
            pub url: Box<str> => pattern("^(http|https|ssh)://.*$");
        }
        optional {
            /// Patterns, in gitignore format, of files that the artifact leaves out; they replace
            /// the defaults.
            pub ignore: Option<ExplicitText>;
            /// Artifacts of other repositories to copy into this one's.
            pub include: Vec<Include>;
            /// Identity to authenticate with; credentials from the Secret if absent.
            pub provider: Option<Box<str>> => one_of(Provider::WORDS);
            /// Secret with the address and credentials of a proxy.
            pub proxy_secret_ref: Option<LocalRef>;
            /// Fetch submodules too.
            pub recurse_submodules: Option<bool>;
            /// What to fetch from the repository; the branch `master` if absent.
            pub r#ref: Option<Box<Reference>>;
            /// Secret with credentials and certificates.
            pub secret_ref: Option<LocalRef>;
            /// `ServiceAccount` whose identity is used at the provider.
            pub service_account_name: Option<Box<str>>;
            /// Folders to fetch; the whole repository if empty.
            pub sparse_checkout: Vec<Box<str>>;
            /// Suspend the reconciliation of this repository.
            pub suspend: Option<bool>;
            /// Timeout of Git operations.
            pub timeout: Option<Box<str>> => default("60s"), short_duration();
            /// Signatures to verify.
            pub verify: Option<Box<Verification>>;
        }
        rules {
            "!has(self.serviceAccountName) || (has(self.provider) && (self.provider == 'azure' || self.provider == 'aws'))"
                => "serviceAccountName needs the provider azure or aws";
        }
    }
}

object! {
    /// A commit, by one of its names. If several are set, the order of precedence is commit, name,
    /// semver, tag, branch.
    pub struct Reference {
        optional {
            /// Branch whose head to fetch.
            pub branch: Option<Box<str>>;
            /// Full hash of the commit.
            pub commit: Option<Box<str>>;
            /// Full name of a Git reference, such as `refs/pull/1/head`.
            pub name: Option<Box<str>>;
            /// Range of versions; the tag with the highest version in the range is fetched.
            pub semver: Option<Box<str>>;
            /// Tag to fetch.
            pub tag: Option<Box<str>>;
        }
    }
}

object! {
    /// Part of another repository's artifact, and its place in this one.
    pub struct Include {
        required {
            /// The other `GitRepository`.
            pub repository: LocalRef;
        }
        optional {
            /// Path in its artifact; the root if absent.
            pub from_path: Option<Box<str>>;
            /// Path in this artifact; the name of the other repository if absent.
            pub to_path: Option<Box<str>>;
        }
    }
}

object! {
    /// Which signatures to verify, with which keys.
    pub struct Verification {
        required {
            /// Secret with the public keys.
            pub secret_ref: LocalRef;
        }
        optional {
            /// What must be signed.
            pub mode: Option<Box<str>> => default("HEAD"), one_of(MODE_WORDS);
        }
    }
}

object! {
    /// State of the last fetch and of the stored artifact.
    pub struct GitRepositoryStatus {
        optional {
            /// The latest artifact.
            pub artifact: Option<Box<Artifact>>;
            /// Conditions of the repository.
            pub conditions: Conditions;
            /// The included artifacts, in the order of the includes.
            pub included_artifacts: Vec<Artifact>;
            /// Value of the last reconcile request that was handled.
            pub last_handled_reconcile_at: Option<Box<str>>;
            /// Last generation that was reconciled.
            pub observed_generation: Option<i64>;
            /// Ignore patterns of the latest artifact.
            pub observed_ignore: Option<ExplicitText>;
            /// Includes of the latest artifact.
            pub observed_include: Vec<Include>;
            /// Whether the latest artifact includes submodules.
            pub observed_recurse_submodules: Option<bool>;
            /// Sparse checkout folders of the latest artifact.
            pub observed_sparse_checkout: Vec<Box<str>>;
            /// What was verified for a signature.
            pub source_verification_mode: Option<Box<str>>;
        }
    }
}
usual_status!(GitRepositoryStatus);

impl SourceStatus for GitRepositoryStatus {
    fn artifact(&self) -> Option<&Artifact> {
        self.artifact.as_deref()
    }

    fn set_artifact(&mut self, artifact: Option<Artifact>) {
        self.artifact = artifact.map(Box::new);
    }
}

words! {
    /// Identity to authenticate with at a Git server.
    pub enum Provider {
        /// The credentials of the Secret.
        Generic = "generic",
        /// An identity of AWS.
        Aws = "aws",
        /// An identity of Azure.
        Azure = "azure",
        /// A GitHub App.
        GitHub = "github",
    }
}

words! {
    /// What must be signed.
    pub enum Mode {
        /// The commit.
        Head = "HEAD",
        /// The tag.
        Tag = "Tag",
        /// Both.
        TagAndHead = "TagAndHEAD",
    }
}

impl Kind for Spec {
    const NAMES: Names = Names {
        group: "source.toolkit.fluxcd.io",
        version: "v1",
        kind: "GitRepository",
        singular: "gitrepository",
        plural: "gitrepositories",
        short: &["gitrepo"],
        categories: &["all", "fluxcd", "fluxcd-sources"],
        component: "source-controller",
        scope: Scope::Namespaced,
    };
    const COLUMNS: &'static [Column] = &[
        Column {
            name: "URL",
            kind: "string",
            path: ".spec.url",
        },
        AGE,
        READY,
        STATUS,
    ];
    type Status = GitRepositoryStatus;

    fn suspended(&self) -> bool {
        self.suspend.unwrap_or_default()
    }

    fn interval(&self) -> Result<Option<Duration>, FieldError> {
        self.interval().map(Some)
    }
}

impl Spec {
    /// Returns the interval at which the repository is checked for changes.
    ///
    /// # Errors
    /// The field is not a duration.
    pub fn interval(&self) -> Result<Duration, FieldError> {
        field::duration("spec.interval", &self.interval)
    }

    /// Returns the timeout of Git operations.
    ///
    /// # Errors
    /// The field is not a duration.
    pub fn timeout(&self) -> Result<Duration, FieldError> {
        self.timeout
            .as_deref()
            .map_or(Ok(TIMEOUT), |text| field::duration("spec.timeout", text))
    }

    /// Returns the first reference with an empty name, which is refused.
    #[must_use]
    pub fn nameless(&self) -> Option<String> {
        let verify = self.verify.as_deref();
        let refs = [
            ("spec.secretRef", self.secret_ref.as_ref()),
            ("spec.proxySecretRef", self.proxy_secret_ref.as_ref()),
            (
                "spec.verify.secretRef",
                verify.map(|verify| &verify.secret_ref),
            ),
        ];
        let in_include = || {
            let mut includes = self.include.iter().enumerate();
            includes.find_map(|(at, include)| {
                let field = format!("spec.include[{at}].repository");
                shared::nameless(&[(&field, Some(&include.repository))])
            })
        };
        shared::nameless(&refs).or_else(in_include)
    }

    /// Returns the identity to authenticate with.
    ///
    /// # Errors
    /// The field is not one of [`Provider::WORDS`].
    pub fn provider(&self) -> Result<Provider, FieldError> {
        Ok(Provider::read("spec.provider", self.provider.as_deref())?.unwrap_or(Provider::Generic))
    }
}

impl Verification {
    /// Returns what must be signed; `head` is an old spelling of `HEAD`.
    ///
    /// # Errors
    /// The field is not one of [`Mode::WORDS`].
    pub fn mode(&self) -> Result<Mode, FieldError> {
        match self.mode.as_deref() {
            Some("head") => Ok(Mode::Head),
            mode => Ok(Mode::read("spec.verify.mode", mode)?.unwrap_or(Mode::Head)),
        }
    }
}

/// Timeout of an object created without the default of our `CustomResourceDefinition`.
const TIMEOUT: Duration = Duration::from_mins(1);
/// [`Mode::WORDS`] and the old spelling.
const MODE_WORDS: &[&str] = &[
    "head",
    Mode::Head.as_str(),
    Mode::Tag.as_str(),
    Mode::TagAndHead.as_str(),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_has_its_default() {
        let spec = Spec {
            interval: "1m".into(),
            ..Spec::default()
        };
        assert_eq!(spec.timeout(), Ok(TIMEOUT));
        assert_eq!(spec.provider(), Ok(Provider::Generic));
        assert_eq!(Kind::interval(&spec), Ok(Some(Duration::from_mins(1))));
        assert!(!spec.suspended());
        assert_eq!(Verification::default().mode(), Ok(Mode::Head));
    }

    #[test]
    fn bad_texts_are_told_when_asked_for() {
        let spec = Spec {
            timeout: Some("1d".into()),
            provider: Some("gitlab".into()),
            ..Spec::default()
        };
        assert!(
            spec.timeout()
                .unwrap_err()
                .to_string()
                .starts_with("spec.timeout: ")
        );
        let error = spec.provider().unwrap_err();
        assert_eq!(
            error.to_string(),
            "spec.provider: \"gitlab\" is not one of generic, aws, azure, github"
        );
        assert!(Kind::interval(&spec).is_err());
    }

    #[test]
    fn a_reference_without_a_name_is_found() {
        let nobody = LocalRef::default;
        let name = |name: &str| LocalRef { name: name.into() };
        let include = |repository| Include {
            repository,
            ..Include::default()
        };
        let verify = Verification {
            secret_ref: nobody(),
            ..Verification::default()
        };
        for (spec, field) in [
            (
                Spec {
                    secret_ref: Some(nobody()),
                    ..Spec::default()
                },
                Some("spec.secretRef.name"),
            ),
            (
                Spec {
                    proxy_secret_ref: Some(nobody()),
                    ..Spec::default()
                },
                Some("spec.proxySecretRef.name"),
            ),
            (
                Spec {
                    verify: Some(verify.into()),
                    ..Spec::default()
                },
                Some("spec.verify.secretRef.name"),
            ),
            (
                Spec {
                    include: vec![include(name("a")), include(nobody())],
                    ..Spec::default()
                },
                Some("spec.include[1].repository.name"),
            ),
            (
                Spec {
                    secret_ref: Some(name("a")),
                    ..Spec::default()
                },
                None,
            ),
        ] {
            assert_eq!(spec.nameless().as_deref(), field);
        }
    }

    #[test]
    fn the_old_spelling_of_head_is_taken() {
        let mode = |text: &str| {
            Verification {
                mode: Some(text.into()),
                ..Verification::default()
            }
            .mode()
        };
        assert_eq!(mode("head"), Ok(Mode::Head));
        assert_eq!(mode("TagAndHEAD"), Ok(Mode::TagAndHead));
        assert!(mode("tag").is_err());
    }
}
