//! Logging in: a name and password, or a token of the service that the registry names.

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method};
use lode_net::{Answer, Call, Calls};
use serde::Deserialize;
use url::Url;

use super::failed::{outbound, refused, unexpected};
use crate::challenge::Challenge;
use crate::credentials::{Credentials, bearer};
use crate::error::Error;
use crate::repository::Repository;

/// Largest answer of a token service, in bytes.
const TOKEN_BYTES_MAX: u64 = 256 << 10;
/// How we name ourselves to a token service that asks for it.
const CLIENT: &str = "lodestone";

#[derive(Deserialize)]
struct TokenReply {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
}

/// What logging in needs to know of the registry that asks for it.
pub(super) struct Login<'r> {
    pub(super) calls: &'r Calls,
    pub(super) repository: &'r Repository,
    /// Credentials that may be sent the way the registry is reached.
    pub(super) credentials: &'r Credentials,
    /// Whether the registry is reached by plain http.
    pub(super) is_plain: bool,
}

/// What a login came to.
pub(super) struct Granted {
    /// The header of the next requests.
    pub(super) authorization: HeaderValue,
    /// Whether a token service has just given it; else it may have been refused before.
    pub(super) is_fresh: bool,
}

impl Granted {
    fn known(authorization: HeaderValue) -> Self {
        Self {
            authorization,
            is_fresh: false,
        }
    }
}

impl Login<'_> {
    /// Does what an answer of 401 asks for; returns nothing if there is nothing to log in with.
    pub(super) async fn answer(&self, answer: &Answer) -> Result<Option<Granted>, Error> {
        let mut challenges = answer.headers("www-authenticate");
        let challenge = challenges.find_map(Challenge::parse);
        let (realm, service, scope) = match challenge {
            None => return Ok(None),
            Some(Challenge::Basic) => return Ok(self.credentials.basic()?.map(Granted::known)),
            Some(Challenge::Bearer {
                realm,
                service,
                scope,
            }) => (realm, service, scope),
        };
        if let Credentials::Bearer(token) = self.credentials {
            return Ok(Some(Granted::known(bearer(token)?)));
        }

        let scope = scope.unwrap_or_else(|| format!("repository:{}:pull", self.repository.name()));
        let token = self.token(&realm, service.as_deref(), &scope).await?;
        Ok(Some(Granted {
            authorization: bearer(&token)?,
            is_fresh: true,
        }))
    }

    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        scope: &str,
    ) -> Result<String, Error> {
        let url = self.realm(realm)?;
        let call = match self.credentials {
            Credentials::Identity(token) => exchange(url, token, service, scope),
            credentials => Call {
                authorization: credentials.basic()?,
                ..Call::get(with_query(url, service, scope))
            },
        };

        let answer = self.calls.send(&call).await;
        let answer = answer.map_err(|source| outbound(&call.method, &call.url, source))?;
        if answer.status != 200 {
            return Err(refused(call.method, answer).await);
        }
        let body = answer.bytes("a token", TOKEN_BYTES_MAX).await;
        let body = body.map_err(|source| outbound(&call.method, &call.url, source))?;
        let read: TokenReply = serde_json::from_slice(&body)
            .map_err(|_| self.unexpected("the token service answers with something else"))?;
        let token = read.token.or(read.access_token);
        let token = token.filter(|token| !token.is_empty());
        token.ok_or_else(|| self.unexpected("the token service answers without a token"))
    }

    fn unexpected(&self, what: &'static str) -> Error {
        unexpected(self.repository, what)
    }

    /// Returns the URL of a token service. It gets the credentials, so it must be reached as securely as the registry.
    fn realm(&self, realm: &str) -> Result<Url, Error> {
        let url = Url::parse(realm).map_err(|_| self.unexpected("the token service has no URL"))?;
        match url.scheme() {
            "https" => Ok(url),
            "http" if self.is_plain => Ok(url),
            _ => Err(self.unexpected("the token service is not reached by https")),
        }
    }
}

fn with_query(mut url: Url, service: Option<&str>, scope: &str) -> Url {
    let mut query = url.query_pairs_mut();
    if let Some(service) = service {
        query.append_pair("service", service);
    }
    query.append_pair("scope", scope);
    drop(query);
    url
}

/// Returns the request that exchanges an identity token for one of the registry.
fn exchange(url: Url, token: &str, service: Option<&str>, scope: &str) -> Call {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "refresh_token");
    form.append_pair("client_id", CLIENT);
    form.append_pair("refresh_token", token);
    form.append_pair("scope", scope);
    if let Some(service) = service {
        form.append_pair("service", service);
    }
    let mut headers = HeaderMap::new();
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(CONTENT_TYPE, kind);
    Call {
        method: Method::POST,
        headers,
        body: form.finish().into_bytes(),
        ..Call::get(url)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lode_net::Outbound;

    use super::*;

    #[test]
    fn a_token_service_is_reached_as_securely_as_the_registry() {
        let repository = Repository::parse("registry.example/a/b").unwrap();
        let calls = Calls::new(Outbound::default(), Duration::from_secs(1));
        let reached = |is_plain, realm: &str| {
            let login = Login {
                calls: &calls,
                repository: &repository,
                credentials: &Credentials::None,
                is_plain,
            };
            login.realm(realm).is_ok()
        };
        assert!(reached(false, "https://auth.example/token"));
        assert!(!reached(false, "http://auth.example/token"));
        assert!(reached(true, "http://auth.example/token"));
        for realm in ["file:///etc/passwd", "auth.example", ""] {
            assert!(!reached(true, realm), "{realm}");
        }
    }

    #[test]
    fn an_identity_is_sent_in_the_body_and_not_in_the_url() {
        let url = Url::parse("https://auth.example/token").unwrap();
        let call = exchange(
            url.clone(),
            "hunter2&",
            Some("registry"),
            "repository:a:pull",
        );
        assert_eq!(call.url, url);
        let body = String::from_utf8(call.body).unwrap();
        assert!(body.contains("refresh_token=hunter2%26&"), "{body}");
        let asked = with_query(url, Some("a b"), "repository:a:pull");
        assert_eq!(
            asked.query(),
            Some("service=a+b&scope=repository%3Aa%3Apull")
        );
    }
}
