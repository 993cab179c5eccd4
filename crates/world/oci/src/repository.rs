//! [`Repository`]: the registry and the name of a repository, as `host/name`.
//!
//! Input: the text of a URL behind `oci://`. Output: a checked repository. The rules are those that Docker's tools
//! share: the first part is a host only if it has a dot or a port, and without one Docker Hub is meant.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use url::Url;

/// Registry of a name without a host.
const DEFAULT_HOST: &str = "index.docker.io";
/// Another name of it.
const DEFAULT_ALIAS: &str = "docker.io";
/// Folder of a name without a slash at Docker Hub.
const DEFAULT_FOLDER: &str = "library/";
/// Fewest characters of a name.
const NAME_MIN: usize = 2;
/// Most characters of a name.
const NAME_MAX: usize = 255;
/// Characters of a name.
const NAME_CHARS: &str = "abcdefghijklmnopqrstuvwxyz0123456789_-./";
/// Longest host, in bytes.
const HOST_MAX: usize = 255;
/// Longest tag, in bytes.
const TAG_MAX: usize = 128;

/// A repository in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    host: Box<str>,
    name: Box<str>,
}

/// Why a text is not a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no text.
    #[error("a repository name must be specified")]
    Empty,
    /// The name is too short or too long.
    #[error("repository must be between {NAME_MIN} and {NAME_MAX} characters in length: {0}")]
    Length(Box<str>),
    /// The name has other characters, for instance those of a tag.
    #[error("repository can only contain the characters `{NAME_CHARS}`: {0}")]
    Characters(Box<str>),
    /// A part of the name is empty, or leads to another folder.
    #[error("repository has an empty or relative part: {0}")]
    Part(Box<str>),
    /// The host is none.
    #[error("registries must be valid RFC 3986 URI authorities: {0}")]
    Host(Box<str>),
}

impl Repository {
    /// Parses `host/name`, without scheme, tag and digest.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return Err(Error::Empty);
        }
        let (host, name) = match text.split_once('/') {
            Some((host, name)) if host.contains(['.', ':']) || host == "localhost" => (host, name),
            _ => (DEFAULT_HOST, text),
        };
        check_name(name)?;
        let host = if host == DEFAULT_ALIAS {
            DEFAULT_HOST
        } else {
            host
        };
        check_host(host)?;

        let folder = if host == DEFAULT_HOST && !name.contains('/') {
            DEFAULT_FOLDER
        } else {
            ""
        };
        Ok(Self {
            host: host.into(),
            name: format!("{folder}{name}").into(),
        })
    }

    /// Returns the host, with the port if one is given.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the name within the registry.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether the host is this machine or in a private network, as far as its name shows.
    #[must_use]
    pub fn is_private(&self) -> bool {
        is_private_host(&self.host)
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.name)
    }
}

/// Returns whether `host` or `host:port` is this machine or in a private network, as far as its name shows: such
/// registries are often spoken to in plain http.
#[must_use]
pub fn is_private_host(host: &str) -> bool {
    let bare = match host.rsplit_once(':') {
        Some((bare, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => bare,
        _ => host,
    };
    let bare = bare.trim_start_matches('[').trim_end_matches(']');
    let is_private = |address: Ipv4Addr| address.is_private() || address.is_loopback();
    match bare.parse() {
        Ok(IpAddr::V4(address)) => is_private(address),
        Ok(IpAddr::V6(address)) => address.is_loopback(),
        Err(_) => {
            let last = bare.rsplit('.').next();
            bare == "localhost" || bare.contains('.') && matches!(last, Some("localhost" | "local"))
        }
    }
}

/// Returns whether a text can be a tag. Other texts could name another path in a URL.
pub(crate) fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let first = text.bytes().next();
    text.len() <= TAG_MAX
        && first.is_some_and(is_word)
        && text
            .bytes()
            .all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
}

fn check_name(name: &str) -> Result<(), Error> {
    if !(NAME_MIN..=NAME_MAX).contains(&name.chars().count()) {
        return Err(Error::Length(shown(name)));
    }
    if !name.chars().all(|letter| NAME_CHARS.contains(letter)) {
        return Err(Error::Characters(shown(name)));
    }
    if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(Error::Part(shown(name)));
    }
    Ok(())
}

/// Checks that a text is nothing but a host and perhaps a port: it becomes part of a URL.
fn check_host(host: &str) -> Result<(), Error> {
    let bad = || Error::Host(shown(host));
    let is_allowed = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
    };
    if host.len() > HOST_MAX || !host.bytes().all(is_allowed) {
        return Err(bad());
    }
    let url = Url::parse(&format!("https://{host}/")).map_err(|_| bad())?;
    let is_whole = url.path() == "/" && url.host_str().is_some_and(|host| !host.is_empty());
    if is_whole { Ok(()) } else { Err(bad()) }
}

/// Returns the beginning of a text for a message.
fn shown(text: &str) -> Box<str> {
    text.chars().take(SHOWN_MAX).collect::<String>().into()
}

/// Characters of a bad text that a message shows.
const SHOWN_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        Repository::parse(text).unwrap().to_string()
    }

    #[test]
    fn a_host_needs_a_dot_or_a_port_and_docker_hub_is_meant_without_one() {
        for (text, expected) in [
            ("ghcr.io/a/b", "ghcr.io/a/b"),
            ("127.0.0.1:5000/app", "127.0.0.1:5000/app"),
            ("[::1]:5000/app", "[::1]:5000/app"),
            ("localhost/app", "localhost/app"),
            ("registry:5000/app", "registry:5000/app"),
            ("podinfo", "index.docker.io/library/podinfo"),
            (
                "stefanprodan/podinfo",
                "index.docker.io/stefanprodan/podinfo",
            ),
            ("docker.io/nginx", "index.docker.io/library/nginx"),
        ] {
            assert_eq!(parsed(text), expected);
        }
    }

    #[test]
    fn what_is_no_repository_says_why() {
        let long = format!("ghcr.io/{}", "a".repeat(256));
        for (text, expected) in [
            ("", "a repository name must be specified"),
            (
                "ghcr.io/a",
                "repository must be between 2 and 255 characters in length: a",
            ),
            (&long, "repository must be between 2 and 255 characters"),
            (
                "host:1/app:v1",
                "repository can only contain the characters `abcdefghijklmnopqrstuvwxyz0123456789_-./`: app:v1",
            ),
            ("ghcr.io/App", "repository can only contain the characters"),
            (
                "ghcr.io/app@sha256:00",
                "repository can only contain the characters",
            ),
            (
                "ghcr.io/a/../b",
                "repository has an empty or relative part: a/../b",
            ),
            ("ghcr.io/a//b", "repository has an empty or relative part"),
            (
                "me@ghcr.io/ab",
                "registries must be valid RFC 3986 URI authorities: me@ghcr.io",
            ),
            ("host:port/ab", "registries must be valid"),
            ("host?.x/ab", "registries must be valid"),
            (".:1:2/ab", "registries must be valid"),
        ] {
            let error = Repository::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }

    #[test]
    fn private_hosts_are_known_by_their_names() {
        for host in [
            "localhost:5000",
            "127.0.0.1",
            "10.1.2.3:5000",
            "192.168.0.1",
            "172.16.0.1",
            "[::1]:1",
            "x.local",
        ] {
            assert!(is_private_host(host), "{host}");
        }
        for host in [
            "ghcr.io",
            "172.32.0.1",
            "8.8.8.8:5000",
            "localhost.example.com",
            "local",
        ] {
            assert!(!is_private_host(host), "{host}");
        }
    }

    #[test]
    fn only_what_stays_one_part_of_a_url_is_a_tag() {
        for tag in ["v1", "1.0.0_a", "_x", &"a".repeat(128)] {
            assert!(is_tag(tag), "{tag}");
        }
        for tag in [
            "",
            ".",
            "..",
            "-x",
            "a/b",
            "a?b",
            "a%2f",
            "a b",
            "ä",
            &"a".repeat(129),
        ] {
            assert!(!is_tag(tag), "{tag}");
        }
    }
}
