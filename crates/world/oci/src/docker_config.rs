//! [`DockerConfig`]: credentials as `docker login` stores them, in a Secret of the type `dockerconfigjson`.
//!
//! Input: the JSON. Output: the credentials of a host, by its name alone or as the kubelet matches image names: with
//! wildcards and paths, the longest match first. Helpers and stores are programs on somebody's machine, so they are
//! ignored.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::credentials::Credentials;
use crate::repository::Repository;

/// Longest text read, in bytes: that of the largest Secret.
const TEXT_MAX: usize = 1 << 20;

/// The credentials of several registries.
#[derive(Default)]
pub struct DockerConfig {
    /// By the key as it is written, the last in the alphabet first, so that longer paths come before shorter ones.
    auths: Vec<(AuthKey, Credentials)>,
}

/// Why a text is not a configuration. It quotes nothing, because everything in it may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is too long.
    #[error("the Docker configuration is longer than {TEXT_MAX} bytes")]
    TooLong,
    /// It is not JSON of the right form.
    #[error("the Docker configuration cannot be read at line {0}, column {1}")]
    Form(usize, usize),
}

/// What the credentials are for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AuthKey {
    /// As it is written.
    text: String,
    /// Host with port.
    host: String,
    /// Path below it, without the API's version; empty for all.
    path: String,
}

#[derive(Deserialize)]
struct DockerConfigFile {
    #[serde(default)]
    auths: Option<BTreeMap<String, AuthEntry>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct AuthEntry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl DockerConfig {
    /// Reads the JSON. Entries without credentials are left out.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn parse(json: &[u8]) -> Result<Self, Error> {
        if json.len() > TEXT_MAX {
            return Err(Error::TooLong);
        }
        let file: DockerConfigFile = serde_json::from_slice(json).map_err(|error| form(&error))?;
        Ok(Self::of(file.auths.unwrap_or_default()))
    }

    /// Reads the JSON of a Secret of the older type `dockercfg`, which has the entries without a key above them.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn parse_entries(json: &[u8]) -> Result<Self, Error> {
        if json.len() > TEXT_MAX {
            return Err(Error::TooLong);
        }
        let entries: Option<BTreeMap<String, AuthEntry>> =
            serde_json::from_slice(json).map_err(|error| form(&error))?;
        Ok(Self::of(entries.unwrap_or_default()))
    }

    /// Takes the credentials of another one; where both have an entry, this one's comes first.
    pub fn extend(&mut self, other: Self) {
        self.auths.extend(other.auths);
        self.auths
            .sort_by(|(one, _), (other, _)| other.text.cmp(&one.text));
    }

    fn of(entries: BTreeMap<String, AuthEntry>) -> Self {
        let auths = entries.into_iter().rev();
        let auths = auths.map(|(key, entry)| (AuthKey::parse(&key), entry.credentials()));
        Self {
            auths: auths.filter(|(_, found)| !found.is_none()).collect(),
        }
    }

    /// Returns the credentials for a host with its port, by exactly this name.
    #[must_use]
    pub fn of_host(&self, host: &str) -> Option<&Credentials> {
        let mut found = self.auths.iter().filter(|(key, _)| key.host == host);
        found.next().map(|(_, credentials)| credentials)
    }

    /// Returns the credentials for a repository, as the kubelet finds them for an image.
    #[must_use]
    pub fn of_repository(&self, repository: &Repository) -> Option<&Credentials> {
        let mut found = self.auths.iter().filter(|(key, _)| key.matches(repository));
        found.next().map(|(_, credentials)| credentials)
    }
}

fn form(error: &serde_json::Error) -> Error {
    Error::Form(error.line(), error.column())
}

impl AuthKey {
    fn parse(text: &str) -> Self {
        let bare = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"))
            .unwrap_or(text);
        let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
        let path = path
            .strip_prefix("v1/")
            .or_else(|| path.strip_prefix("v2/"))
            .unwrap_or(path);
        let path = if matches!(path, "v1" | "v2") {
            ""
        } else {
            path
        };
        Self {
            text: text.to_owned(),
            host: host.to_owned(),
            path: path.trim_end_matches('/').to_owned(),
        }
    }

    fn matches(&self, repository: &Repository) -> bool {
        if !host_matches(&self.host, repository.host()) {
            return false;
        }
        let below = repository.name().strip_prefix(&*self.path);
        below.is_some()
    }
}

impl AuthEntry {
    fn credentials(self) -> Credentials {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        if let Some(token) = given(self.identitytoken) {
            return Credentials::Identity(token);
        }
        if let Some(token) = given(self.registrytoken) {
            return Credentials::Bearer(token);
        }
        let pair = given(self.auth).and_then(|auth| decoded(&auth));
        let (username, password) = match pair {
            Some(pair) => pair,
            None => (
                given(self.username).unwrap_or_default(),
                given(self.password).unwrap_or_default(),
            ),
        };
        if username.is_empty() && password.is_empty() {
            return Credentials::None;
        }
        Credentials::Basic { username, password }
    }
}

/// Reads `user:password` in base64, with or without padding.
fn decoded(auth: &str) -> Option<(String, String)> {
    let bytes = STANDARD.decode(padded(auth)).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (username, password) = text.split_once(':')?;
    // Some tools pad with zeros.
    let password = password.trim_end_matches('\0');
    Some((username.to_owned(), password.to_owned()))
}

fn padded(auth: &str) -> String {
    let bare = auth.trim().trim_end_matches('=');
    let missing = (4 - bare.len() % 4) % 4;
    format!("{bare}{}", "=".repeat(missing))
}

/// Returns whether a host with its port matches a pattern, whose parts between dots may hold `*`.
fn host_matches(pattern: &str, host: &str) -> bool {
    let split = |text: &str| -> (Vec<String>, Option<String>) {
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                (name, Some(port))
            }
            _ => (text, None),
        };
        let parts = name.split('.').map(str::to_owned).collect();
        (parts, port.map(str::to_owned))
    };
    let (wanted, wanted_port) = split(pattern);
    let (given, given_port) = split(host);
    if wanted_port != given_port || wanted.len() != given.len() {
        return false;
    }
    let mut pairs = wanted.iter().zip(&given);
    pairs.all(|(pattern, part)| part_matches(pattern, part))
}

/// Returns whether a part of a host matches a pattern in which `*` stands for any characters. It compares from both
/// ends, so the time is linear.
fn part_matches(pattern: &str, part: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = part.strip_prefix(first) else {
        return false;
    };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else {
        return rest.is_empty();
    };
    for piece in pieces {
        let Some(at) = rest.find(piece) else {
            return false;
        };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(username: &str, password: &str) -> Credentials {
        Credentials::Basic {
            username: username.to_owned(),
            password: password.to_owned(),
        }
    }

    fn config(json: &str) -> DockerConfig {
        DockerConfig::parse(json.as_bytes()).unwrap()
    }

    fn of(json: &str, repository: &str) -> Option<Credentials> {
        let repository = Repository::parse(repository).unwrap();
        config(json).of_repository(&repository).cloned()
    }

    #[test]
    fn credentials_are_a_name_and_password_together_or_apart_or_a_token() {
        for (entry, expected) in [
            (
                r#"{"username": "git", "password": "secret"}"#,
                basic("git", "secret"),
            ),
            (r#"{"auth": "Z2l0OnNlY3JldA=="}"#, basic("git", "secret")),
            (
                r#"{"auth": "Z2l0OnNlY3JldA", "username": "x"}"#,
                basic("git", "secret"),
            ),
            (
                r#"{"auth": "?", "username": "git", "password": "secret"}"#,
                basic("git", "secret"),
            ),
            (
                r#"{"identitytoken": "t", "auth": "Z2l0OnNlY3JldA=="}"#,
                Credentials::Identity("t".into()),
            ),
            (r#"{"registrytoken": "t"}"#, Credentials::Bearer("t".into())),
        ] {
            let json = format!(r#"{{"auths": {{"host.example": {entry}}}}}"#);
            assert_eq!(
                config(&json).of_host("host.example"),
                Some(&expected),
                "{entry}"
            );
        }
        for entry in ["{}", r#"{"email": "x"}"#, r#"{"auth": ""}"#] {
            let json = format!(r#"{{"auths": {{"host.example": {entry}}}}}"#);
            assert_eq!(config(&json).of_host("host.example"), None, "{entry}");
        }
    }

    #[test]
    fn a_repository_finds_the_longest_path_and_wildcards_stay_within_a_part() {
        let json = r#"{"auths": {
            "host.example": {"username": "all", "password": "p"},
            "host.example/team": {"username": "team", "password": "p"},
            "*.wild.example": {"username": "wild", "password": "p"},
            "https://index.docker.io/v1/": {"username": "hub", "password": "p"}
        }}"#;
        for (repository, user) in [
            ("host.example/team/app", Some("team")),
            ("host.example/other", Some("all")),
            ("a.wild.example/app", Some("wild")),
            ("a.b.wild.example/app", None),
            ("host.example:5000/app", None),
            ("nginx", Some("hub")),
            ("other.example/app", None),
        ] {
            let expected = user.map(|user| basic(user, "p"));
            assert_eq!(of(json, repository), expected, "{repository}");
        }
    }

    #[test]
    fn several_count_as_one() {
        let one = r#"{"auths": {"host.example": {"username": "all", "password": "p"}}}"#;
        let mut all = config(one);
        let other = r#"{"host.example/team": {"username": "team", "password": "p"},
                        "host.example": {"username": "late", "password": "p"}}"#;
        all.extend(DockerConfig::parse_entries(other.as_bytes()).unwrap());
        for (repository, user) in [
            ("host.example/team/app", "team"),
            ("host.example/app", "all"),
        ] {
            let repository = Repository::parse(repository).unwrap();
            assert_eq!(all.of_repository(&repository), Some(&basic(user, "p")));
        }
    }

    #[test]
    fn a_host_alone_is_found_by_its_whole_name() {
        let json = r#"{"auths": {"http://127.0.0.1:5000": {"username": "a", "password": "b"}}}"#;
        assert!(config(json).of_host("127.0.0.1:5000").is_some());
        assert!(config(json).of_host("127.0.0.1").is_none());
    }

    #[test]
    fn a_star_stands_for_any_characters_of_a_part() {
        for (pattern, part, expected) in [
            ("*", "abc", true),
            ("a*c", "abc", true),
            ("a*b*c", "axbxc", true),
            ("a*a", "a", false),
            ("a*", "ba", false),
            ("abc", "abc", true),
            ("abc", "abcd", false),
        ] {
            assert_eq!(part_matches(pattern, part), expected, "{pattern} {part}");
        }
    }

    #[test]
    fn a_bad_text_is_told_by_its_place_alone() {
        let error = DockerConfig::parse(br#"{"auths": {"hunter2": 1}}"#)
            .err()
            .unwrap();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert_eq!(config("{}").of_host("x"), None);
        assert_eq!(config(r#"{"auths": null}"#).of_host("x"), None);
        let long = vec![b' '; TEXT_MAX + 1];
        assert_eq!(DockerConfig::parse(&long).err(), Some(Error::TooLong));
    }
}
