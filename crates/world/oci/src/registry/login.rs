//! Logging in: a name and password, or a token of the service that the registry names.

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method};
use lode_net::{Answer, Call};
use serde::Deserialize;
use url::Url;

use super::{Registry, outbound, refused};
use crate::challenge::Challenge;
use crate::credentials::{Credentials, bearer};
use crate::error::Error;

/// Largest answer of a token service, in bytes.
const TOKEN_BYTES_MAX: u64 = 256 << 10;
/// How we name ourselves to a token service that asks for it.
const CLIENT: &str = "lodestone";

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
}

impl Registry {
    /// Does what an answer of 401 asks for; returns whether the request is worth another try.
    pub(super) async fn log_in(&mut self, answer: &Answer) -> Result<bool, Error> {
        let mut challenges = answer.headers("www-authenticate");
        let challenge = challenges.find_map(Challenge::parse);
        let held = self.authorization.take();
        match challenge {
            None => Ok(false),
            Some(Challenge::Basic) => {
                self.authorization = self.sendable().basic()?;
                Ok(self.authorization.is_some() && self.authorization != held)
            }
            Some(Challenge::Bearer { .. }) if matches!(self.sendable(), Credentials::Bearer(_)) => {
                if let Credentials::Bearer(token) = self.sendable() {
                    self.authorization = Some(bearer(token)?);
                }
                Ok(self.authorization != held)
            }
            Some(Challenge::Bearer {
                realm,
                service,
                scope,
            }) => {
                let scope =
                    scope.unwrap_or_else(|| format!("repository:{}:pull", self.repository.name()));
                let token = self.token(&realm, service.as_deref(), &scope).await?;
                self.hold(&token)?;
                Ok(true)
            }
        }
    }

    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        scope: &str,
    ) -> Result<String, Error> {
        let url = self.realm(realm)?;
        let call = match self.sendable() {
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
        let read: Token = serde_json::from_slice(&body)
            .map_err(|_| self.unexpected("the token service answers with something else"))?;
        let token = read.token.or(read.access_token);
        let token = token.filter(|token| !token.is_empty());
        token.ok_or_else(|| self.unexpected("the token service answers without a token"))
    }

    /// Returns the URL of a token service. It gets the credentials, so it must be reached as securely as the registry.
    fn realm(&self, realm: &str) -> Result<Url, Error> {
        let url = Url::parse(realm).map_err(|_| self.unexpected("the token service has no URL"))?;
        match url.scheme() {
            "https" => Ok(url),
            "http" if self.is_plain == Some(true) => Ok(url),
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
    use crate::{Repository, Scheme};

    #[test]
    fn a_token_service_is_reached_as_securely_as_the_registry() {
        let repository = Repository::parse("registry.example/a/b").unwrap();
        let (none, time) = (Credentials::None, Duration::from_secs(1));
        let of = |scheme| {
            Registry::new(
                repository.clone(),
                none.clone(),
                scheme,
                Outbound::default(),
                time,
            )
        };
        assert!(
            of(Scheme::Https)
                .realm("https://auth.example/token")
                .is_ok()
        );
        assert!(
            of(Scheme::Https)
                .realm("http://auth.example/token")
                .is_err()
        );
        assert!(of(Scheme::Http).realm("http://auth.example/token").is_ok());
        for realm in ["file:///etc/passwd", "auth.example", ""] {
            assert!(of(Scheme::Http).realm(realm).is_err(), "{realm}");
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
