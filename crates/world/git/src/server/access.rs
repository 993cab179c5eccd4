//! [`Access`]: who may read a repository and who may push to it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use lode_stdx::Digest;

/// Who has access.
#[derive(Clone, Default)]
pub enum Gate {
    /// Everybody.
    #[default]
    Open,
    /// With this user and password.
    Basic(Secret),
    /// Nobody.
    Closed,
}

/// A user and password, kept as a digest: they can neither be read from it, nor guessed from the
/// time of a comparison.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Digest);

/// Access rights.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Who may fetch.
    pub read: Gate,
    /// Who may push.
    pub write: Gate,
}

/// A gate's decision about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccessVerdict {
    Welcome,
    WhoAreYou,
    Never,
}

impl Gate {
    /// Returns a gate for one user and password.
    #[must_use]
    pub fn basic(username: &str, password: &str) -> Self {
        Self::Basic(Secret(Digest::of(
            format!("{username}:{password}").as_bytes(),
        )))
    }

    pub(crate) fn asks(&self, headers: &HeaderMap) -> AccessVerdict {
        match self {
            Self::Open => AccessVerdict::Welcome,
            Self::Closed => AccessVerdict::Never,
            Self::Basic(secret) if given(headers).is_some_and(|given| given == *secret) => {
                AccessVerdict::Welcome
            }
            Self::Basic(_) => AccessVerdict::WhoAreYou,
        }
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Open => "Open",
            Self::Basic(_) => "Basic(…)",
            Self::Closed => "Closed",
        })
    }
}

fn given(headers: &HeaderMap) -> Option<Secret> {
    let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("basic");
    known
        .then(|| STANDARD.decode(encoded.trim()).ok())
        .flatten()
        .map(|text| Secret(Digest::of(&text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_opens_to_its_secret_only() {
        let gate = Gate::basic("git", "a:b");
        let verdict = |value: &str| {
            gate.asks(
                &[(AUTHORIZATION, value.parse().unwrap())]
                    .into_iter()
                    .collect(),
            )
        };
        assert_eq!(verdict("Basic Z2l0OmE6Yg=="), AccessVerdict::Welcome);
        for wrong in [
            "Basic Z2l0OmE6Yw==",
            "Bearer Z2l0OmE6Yg==",
            "Basic",
            "Basic !",
            "",
        ] {
            assert_eq!(verdict(wrong), AccessVerdict::WhoAreYou, "{wrong}");
        }
        assert_eq!(gate.asks(&HeaderMap::new()), AccessVerdict::WhoAreYou);
        assert_eq!(Gate::Closed.asks(&HeaderMap::new()), AccessVerdict::Never);
        assert!(!format!("{gate:?}").contains("git"));
    }
}
