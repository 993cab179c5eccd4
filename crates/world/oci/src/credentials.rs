//! [`Credentials`]: what proves to a registry who asks.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use crate::error::Error;

/// What proves to a registry who asks.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing: the registry is asked anonymously.
    #[default]
    None,
    /// A user's name and password.
    Basic {
        /// The user.
        username: String,
        /// The password or token.
        password: String,
    },
    /// A token that the token service exchanges for others.
    Identity(String),
    /// A token for the registry itself.
    Bearer(String),
}

impl Credentials {
    /// Returns whether there are none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// Returns what answers a request for Basic authentication.
    pub(crate) fn basic(&self) -> Result<Option<HeaderValue>, Error> {
        let Self::Basic { username, password } = self else {
            return Ok(None);
        };
        let pair = STANDARD.encode(format!("{username}:{password}"));
        sensitive(format!("Basic {pair}")).map(Some)
    }
}

/// Returns the header of a token.
pub(crate) fn bearer(token: &str) -> Result<HeaderValue, Error> {
    sensitive(format!("Bearer {token}"))
}

fn sensitive(text: String) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::try_from(text).map_err(|_| Error::Token)?;
    value.set_sensitive(true);
    Ok(value)
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Basic { .. } => "Basic(…)",
            Self::Identity(_) => "Identity(…)",
            Self::Bearer(_) => "Bearer(…)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_and_password_answer_basic_authentication() {
        let basic = Credentials::Basic {
            username: "git".to_owned(),
            password: "secret".to_owned(),
        };
        let header = basic.basic().unwrap().unwrap();
        assert_eq!(header.to_str().unwrap(), "Basic Z2l0OnNlY3JldA==");
        assert!(header.is_sensitive());
        assert_eq!(Credentials::Bearer("t".to_owned()).basic(), Ok(None));
        assert_eq!(bearer("a\nb"), Err(Error::Token));
    }

    #[test]
    fn credentials_are_not_shown() {
        let basic = Credentials::Basic {
            username: "git".to_owned(),
            password: "hunter2".to_owned(),
        };
        let all = [
            basic,
            Credentials::Identity("hunter2".to_owned()),
            Credentials::Bearer("hunter2".to_owned()),
        ];
        assert!(!format!("{all:?}").contains("hunter2"));
    }
}
