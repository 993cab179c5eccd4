//! Finds the commit that a spec refers to: [`Reference`] in, [`Resolved`] out.
//!
//! Only the relevant references are requested, and no object is fetched: a check without news costs
//! two small requests. The precedence is the contract's: commit, name, semver, tag, branch; by
//! default, branch `master`.

use gix_hash::ObjectId;
use lode_stdx::semver::{Range, Version};

use crate::http::Session;
use crate::protocol::{self, ServerOffer};
use crate::remote::Remote;
use crate::transport_error::TransportError;

const BRANCH_DEFAULT: &str = "master";
const TAGS: &str = "refs/tags/";
/// Longest name of a requested reference, in bytes.
const NAME_MAX: usize = 1024;

/// The commit that a spec refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reference {
    /// A branch's name.
    pub branch: Option<String>,
    /// A tag's name.
    pub tag: Option<String>,
    /// A range of versions that selects a tag.
    pub semver: Option<String>,
    /// The full name of a reference, such as `refs/pull/1/head`.
    pub name: Option<String>,
    /// A full commit id.
    pub commit: Option<String>,
}

/// The resolved commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The form used in a status: `main@sha1:…`, `v1.2.3@sha1:…`, `refs/…@sha1:…` or `sha1:…`.
    pub revision: String,
    /// The commit's id in hexadecimal digits.
    pub commit: String,
    /// The full name of the reference; a pinned commit may have none.
    pub name: Option<String>,
    /// What the reference points to: the commit, or an annotated tag for it.
    pub(crate) object: ObjectId,
    /// The commit's id.
    pub(crate) id: ObjectId,
    /// Whether the commit was given by its id, so that no reference may point to it directly.
    pub(crate) pinned: bool,
}

/// Why no commit was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The server gave no usable response.
    #[error(transparent)]
    Remote(#[from] TransportError),
    /// The repository has no references.
    #[error("the repository is empty")]
    Empty,
    /// No such branch.
    #[error("branch \"{0}\" not found")]
    Branch(String),
    /// No such tag.
    #[error("tag \"{0}\" not found")]
    Tag(String),
    /// No reference of this name.
    #[error("reference \"{0}\" not found")]
    Name(String),
    /// No tag is a version in the range.
    #[error("no match found for semver: {0}")]
    NoVersion(String),
    /// The range is malformed.
    #[error("semver \"{0}\" is not a range of versions")]
    Range(String),
    /// The commit id is not a full one.
    #[error("commit \"{0}\" is not a full commit id (40 or 64 hexadecimal digits)")]
    CommitId(String),
}

/// Resolves a reference to a commit.
///
/// A pinned commit is not checked: whether it exists shows when it is fetched.
///
/// # Errors
/// The server gives no response, or has no such reference.
pub async fn resolve(remote: &Remote, reference: &Reference) -> Result<Resolved, Error> {
    let Reference {
        branch,
        tag,
        semver,
        name,
        commit,
    } = reference;
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    if let Some(commit) = given(commit) {
        return pinned(&commit, given(name), given(branch));
    }
    let mut asker = Asker {
        session: Session::new(remote)?,
    };
    if let Some(name) = given(name) {
        return asker.one(&name, &name, Error::Name).await;
    }
    if let Some(range) = given(semver) {
        return asker.highest(&range).await;
    }
    if let Some(tag) = given(tag) {
        return asker.one(&format!("{TAGS}{tag}"), &tag, Error::Tag).await;
    }
    let branch = given(branch).unwrap_or_else(|| BRANCH_DEFAULT.to_owned());
    asker
        .one(&format!("refs/heads/{branch}"), &branch, Error::Branch)
        .await
}

fn pinned(commit: &str, name: Option<String>, branch: Option<String>) -> Result<Resolved, Error> {
    let object = ObjectId::from_hex(commit.as_bytes())
        .map_err(|_| Error::CommitId(commit.chars().take(80).collect()))?;
    let (short, whole) = match (name, branch) {
        // A branch takes precedence over a name as the place of a pinned commit, as in Flux's
        // status.
        (_, Some(branch)) => (Some(branch.clone()), Some(format!("refs/heads/{branch}"))),
        (Some(name), None) => (Some(name.clone()), Some(name)),
        (None, None) => (None, None),
    };
    let revision = revision(short.as_deref(), object);
    Ok(Resolved {
        revision,
        commit: object.to_string(),
        name: whole,
        object,
        id: object,
        pinned: true,
    })
}

struct Asker {
    session: Session,
}

impl Asker {
    async fn one(
        &mut self,
        whole: &str,
        short: &str,
        missing: fn(String) -> Error,
    ) -> Result<Resolved, Error> {
        let missing = || missing(short.chars().take(NAME_MAX).collect());
        if whole.len() > NAME_MAX || whole.contains(|c: char| c.is_control() || c == ' ') {
            return Err(missing());
        }
        let server = ServerOffer::greet(&mut self.session, &[whole]).await?;
        let mut found = None;
        let take = |reference: protocol::Reference| {
            if reference.name == whole {
                found.get_or_insert(reference);
            }
        };
        server.references(&self.session, &[whole], take).await?;
        match found {
            Some(found) => Ok(resolved(short, found)),
            None => Err(self.empty_or(&server, missing()).await?),
        }
    }

    /// Selects the tag with the highest version; of several tags for one version (`v1.0.0`,
    /// `1.0.0`) the last by name.
    async fn highest(&mut self, text: &str) -> Result<Resolved, Error> {
        let shown = || text.chars().take(NAME_MAX).collect();
        let range = Range::parse(text).map_err(|_| Error::Range(shown()))?;
        let server = ServerOffer::greet(&mut self.session, &[TAGS]).await?;
        let mut highest: Option<(Version, protocol::Reference)> = None;
        let take = |found: protocol::Reference| {
            let version = found
                .name
                .strip_prefix(TAGS)
                .and_then(|tag| Version::parse_strict(tag).ok());
            let Some(version) = version.filter(|version| range.matches(version)) else {
                return;
            };
            let lower = |(known, by): &(Version, protocol::Reference)| {
                known
                    .cmp(&version)
                    .then_with(|| by.name.cmp(&found.name))
                    .is_lt()
            };
            if highest.as_ref().is_none_or(lower) {
                highest = Some((version, found));
            }
        };
        server.references(&self.session, &[TAGS], take).await?;
        match highest {
            Some((_, found)) => {
                let tag = found.name[TAGS.len()..].to_owned();
                Ok(resolved(&tag, found))
            }
            None => Err(self.empty_or(&server, Error::NoVersion(shown())).await?),
        }
    }

    async fn empty_or(
        &self,
        server: &ServerOffer,
        missing: Error,
    ) -> Result<Error, TransportError> {
        Ok(if server.is_empty(&self.session).await? {
            Error::Empty
        } else {
            missing
        })
    }
}

fn resolved(short: &str, found: protocol::Reference) -> Resolved {
    let commit = found.peeled.unwrap_or(found.object);
    Resolved {
        revision: revision(Some(short), commit),
        commit: commit.to_string(),
        name: Some(found.name),
        object: found.object,
        id: commit,
        pinned: false,
    }
}

fn revision(short: Option<&str>, commit: ObjectId) -> String {
    let kind = commit.kind();
    match short {
        Some(short) => format!("{short}@{kind}:{commit}"),
        None => format!("{kind}:{commit}"),
    }
}
