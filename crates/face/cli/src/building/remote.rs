//! A remote repository: parsing what a text names, and fetching its files.
//!
//! The forms are those of kustomize: a URL with `//`, `.git` or `_git/` between repository and
//! folder, `host/owner/name` for GitHub, and the query parameters `ref` (or `version`), `timeout`
//! and `submodules`. Repositories are fetched into an object cache, so a commit is fetched only
//! once.

use std::time::Duration;

use anyhow::{Context as _, bail};
use lode_git::{GitCache, Options, Reference, Remote, ResolveError, Resolved};
use lode_net::Egress;
use lode_stdx::{bare_url, duration};
use lode_tree::Tree;

use crate::cache;

/// Number of path segments that form a repository if nothing marks its end.
const REPOSITORY_PARTS: usize = 2;
/// Lengths of a commit id in hexadecimal digits.
const COMMIT_LENGTHS: [usize; 2] = [40, 64];

/// A parsed reference to a remote repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RemoteSpec {
    /// The repository's URL.
    pub(super) url: String,
    /// The folder in it.
    pub(super) folder: String,
    /// Branch, tag or commit; if absent, the server's default.
    reference: Option<String>,
    timeout: Option<Duration>,
}

impl RemoteSpec {
    /// Parses a text; returns nothing if it names no repository.
    pub(super) fn parse(text: &str) -> anyhow::Result<Option<Self>> {
        let bare = text.strip_prefix("git::").unwrap_or(text);
        let (bare, query) = bare.split_once('?').unwrap_or((bare, ""));
        let Some((scheme, rest)) = scheme_of(bare) else {
            return Ok(None);
        };
        let (repository, folder) = split(rest);
        let mut spec = Self {
            url: format!("{scheme}{repository}"),
            folder,
            reference: None,
            timeout: None,
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "ref" | "version" => {
                    spec.reference = Some(value.to_owned()).filter(|value| !value.is_empty());
                }
                "timeout" => spec.timeout = Some(timeout(value)?),
                // Submodules are never fetched, so turning them off needs nothing.
                "submodules" if value == "false" || value == "0" => {}
                "submodules" => bail!(
                    "{}: submodules are not supported: set submodules=false",
                    bare_url(text)
                ),
                _ => {}
            }
        }
        Ok(Some(spec))
    }

    /// Returns a key that is equal for all folders of one repository at one reference.
    pub(super) fn repository(&self) -> String {
        format!(
            "{} {}",
            self.url,
            self.reference.as_deref().unwrap_or_default()
        )
    }

    /// Fetches the repository's files.
    pub(super) fn fetch(&self, egress: &Egress) -> anyhow::Result<Tree> {
        let mut remote = Remote::new(&self.url)?;
        remote.with_egress(egress)?;
        if let Some(timeout) = self.timeout {
            remote.timeout = timeout;
        }
        let cache =
            GitCache::open(cache::folder("git")).context("open the cache of repositories")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime
            .context("start what waits for servers")?
            .block_on(async {
                let resolved = self.resolve(&remote).await?;
                Ok(
                    lode_git::fetch(&remote, &resolved, &cache, &Options::default())
                        .await?
                        .tree,
                )
            })
    }

    async fn resolve(&self, remote: &Remote) -> anyhow::Result<Resolved> {
        let Some(name) = self.reference.clone() else {
            return Ok(lode_git::resolve(remote, &named("HEAD".to_owned())).await?);
        };
        if COMMIT_LENGTHS.contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_hexdigit())
        {
            return Ok(lode_git::resolve(
                remote,
                &Reference {
                    commit: Some(name),
                    ..Reference::default()
                },
            )
            .await?);
        }
        if name.starts_with("refs/") {
            return Ok(lode_git::resolve(remote, &named(name)).await?);
        }
        match lode_git::resolve(
            remote,
            &Reference {
                branch: Some(name.clone()),
                ..Reference::default()
            },
        )
        .await
        {
            Err(ResolveError::Branch(_)) => {
                let tag = Reference {
                    tag: Some(name.clone()),
                    ..Reference::default()
                };
                lode_git::resolve(remote, &tag)
                    .await
                    .with_context(|| format!("find branch or tag \"{name}\""))
            }
            resolved => Ok(resolved?),
        }
    }
}

fn named(name: String) -> Reference {
    Reference {
        name: Some(name),
        ..Reference::default()
    }
}

/// Returns the scheme to use and what follows it.
fn scheme_of(text: &str) -> Option<(&str, &str)> {
    for scheme in ["https://", "http://", "ssh://", "git+ssh://", "file://"] {
        if let Some(rest) = text.strip_prefix(scheme) {
            return Some((&text[..scheme.len()], rest));
        }
    }
    if let Some(rest) = text.strip_prefix("git@") {
        return Some(("ssh://", rest));
    }
    let rest = text
        .strip_prefix("gh:")
        .map(|_| text)
        .or_else(|| text.strip_prefix("github.com/").map(|_| text))?;
    Some(("https://", rest.strip_prefix("gh:").unwrap_or(rest)))
}

/// Splits host and path into repository and folder.
fn split(text: &str) -> (String, String) {
    if let Some((repository, folder)) = text.split_once("//") {
        return (repository.to_owned(), folder.to_owned());
    }
    for end in [".git/", "_git/"] {
        let Some((repository, rest)) = text.split_once(end) else {
            continue;
        };
        if end == ".git/" {
            return (format!("{repository}.git"), rest.to_owned());
        }
        // After `_git/` comes the repository's name.
        let (name, folder) = rest.split_once('/').unwrap_or((rest, ""));
        return (format!("{repository}_git/{name}"), folder.to_owned());
    }
    let mut parts = text.splitn(REPOSITORY_PARTS + 2, '/');
    let repository: Vec<&str> = parts.by_ref().take(REPOSITORY_PARTS + 1).collect();
    (
        repository.join("/"),
        parts.next().unwrap_or_default().to_owned(),
    )
}

/// Parses whole seconds, or a duration in Go's form.
fn timeout(text: &str) -> anyhow::Result<Duration> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // A plain number of seconds has no upper bound in kustomize; a duration has the usual one.
    let read = if is_number {
        duration::parse(&format!("{text}s"))
    } else {
        duration::parse(text)
    };
    read.map_err(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_found_in_every_form() {
        for (text, url, folder, reference) in [
            (
                "https://host/o/r//a/b?ref=v1",
                "https://host/o/r",
                "a/b",
                Some("v1"),
            ),
            (
                "https://host/o/r.git/a?version=main",
                "https://host/o/r.git",
                "a",
                Some("main"),
            ),
            (
                "https://github.com/o/r/a/b",
                "https://github.com/o/r",
                "a/b",
                None,
            ),
            ("github.com/o/r?ref=", "https://github.com/o/r", "", None),
            (
                "https://host/p/_git/r/a?submodules=false",
                "https://host/p/_git/r",
                "a",
                None,
            ),
            ("git::https://host/o/r//", "https://host/o/r", "", None),
        ] {
            let spec = RemoteSpec::parse(text).unwrap().unwrap();
            assert_eq!(
                (spec.url.as_str(), spec.folder.as_str()),
                (url, folder),
                "{text}"
            );
            assert_eq!(spec.reference.as_deref(), reference, "{text}");
        }
    }

    #[test]
    fn folders_are_no_repositories() {
        for text in ["../base", ".", "/abs", "a/b/c", "app.tar.gz//x"] {
            assert_eq!(RemoteSpec::parse(text).unwrap(), None, "{text}");
        }
    }

    #[test]
    fn submodules_are_refused_and_times_are_read() {
        assert!(RemoteSpec::parse("https://host/o/r?submodules=true").is_err());
        let spec = RemoteSpec::parse("https://host/o/r?timeout=90s")
            .unwrap()
            .unwrap();
        assert_eq!(spec.timeout, Some(Duration::from_secs(90)));
        for absurd in [
            "18446744073709551615",
            "99999999999999999999999",
            "9999999999h",
            "-1",
            "",
        ] {
            assert!(
                RemoteSpec::parse(&format!("https://host/o/r?timeout={absurd}")).is_err(),
                "{absurd}"
            );
        }
        assert_eq!(
            RemoteSpec::parse("https://host/o/r?timeout=7")
                .unwrap()
                .unwrap()
                .timeout,
            Some(Duration::from_secs(7))
        );
    }
}
