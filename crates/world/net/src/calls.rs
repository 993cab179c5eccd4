//! [`Calls`]: requests to servers of others, all within one deadline.
//!
//! Input: an [`Outbound`], a timeout and requests. Output: responses whose bodies are read piece by piece, within limit
//! and deadline. Waiting holds no thread, and dropping the future ends the request. Redirects of GET and HEAD are
//! followed; one that leads to another scheme, host or port is followed without credentials and without the client
//! certificate, and every target is subject to the egress policy.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Method, Response, Url};
use tokio::time::{Instant, timeout_at};

use crate::outbound::{Outbound, OutboundError as Error};

/// Redirects followed before they count as a circle.
const REDIRECTS_MAX: usize = 5;
/// Longest timeout, whatever is requested: short enough to be added to any clock.
const TIMEOUT_MAX: Duration = Duration::from_hours(24 * 365);

/// Requests within one deadline.
#[derive(Debug, Clone)]
pub struct Calls {
    outbound: Outbound,
    timeout: Duration,
    deadline: Instant,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The URL; a user and password in it are not sent.
    pub url: Url,
    /// Headers besides [`Call::authorization`].
    pub headers: HeaderMap,
    /// Credentials, sent to the URL's own scheme, host and port only.
    pub authorization: Option<HeaderValue>,
    /// The body.
    pub body: Vec<u8>,
}

/// The response to a request.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The URL that answered, which may be another one after redirects.
    pub url: Url,
    headers: HeaderMap,
    body: Body,
}

/// The bytes of a response.
#[derive(Debug)]
struct Body {
    response: Response,
    taken: u64,
    deadline: Instant,
    timeout: Duration,
}

impl Call {
    /// Returns a GET of a URL.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            authorization: None,
            body: Vec::new(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.append(name, HeaderValue::from_static(value));
        self
    }
}

impl Calls {
    /// Starts the time of an operation; nothing is sent yet.
    #[must_use]
    pub fn new(outbound: Outbound, timeout: Duration) -> Self {
        let deadline = Instant::now() + timeout.min(TIMEOUT_MAX);
        Self {
            outbound,
            timeout,
            deadline,
        }
    }

    /// Returns how connections are made.
    #[must_use]
    pub fn outbound(&self) -> &Outbound {
        &self.outbound
    }

    /// Checks that a server can be called at all: that egress is allowed, as far as the URL shows, and that proxy and
    /// certificates can be used.
    ///
    /// # Errors
    /// [`Error::Egress`] or [`Error::Configuration`].
    pub fn check(&self, url: &Url) -> Result<(), Error> {
        self.outbound.client(url).map(drop)
    }

    /// Waits, or fails if the deadline comes first.
    ///
    /// # Errors
    /// [`Error::Timeout`].
    pub async fn wait(&self, time: Duration) -> Result<(), Error> {
        timeout_at(self.deadline, tokio::time::sleep(time))
            .await
            .map_err(|_| Error::Timeout(self.timeout))
    }

    /// Sends a request and returns the response, whatever its status.
    ///
    /// # Errors
    /// There is no response in time, or a redirect is not followed.
    pub async fn send(&self, call: &Call) -> Result<Answer, Error> {
        let mut url = bare(&call.url)?;
        let mut authorization = call.authorization.clone();
        let mut others = None;
        for _ in 0..=REDIRECTS_MAX {
            let outbound = others.as_ref().unwrap_or(&self.outbound);
            let response = self
                .once(call, &url, authorization.as_ref(), outbound)
                .await?;
            let Some(to) = target(call, &url, &response)? else {
                return Ok(self.answer(url, response));
            };
            if to.origin() != url.origin() {
                authorization = None;
                others = Some(self.outbound.for_others());
            }
            url = to;
        }
        Err(Error::Redirect("they may lead in a circle"))
    }

    async fn once(
        &self,
        call: &Call,
        url: &Url,
        authorization: Option<&HeaderValue>,
        outbound: &Outbound,
    ) -> Result<Response, Error> {
        let client = outbound.client(url)?;
        let mut request = client
            .request(call.method.clone(), url.clone())
            .headers(call.headers.clone());
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        if !call.body.is_empty() {
            request = request.body(call.body.clone());
        }
        let answer = timeout_at(self.deadline, client.send(request, self.timeout)).await;
        answer.map_err(|_| Error::Timeout(self.timeout))?
    }

    fn answer(&self, url: Url, response: Response) -> Answer {
        Answer {
            status: response.status().as_u16(),
            url,
            headers: response.headers().clone(),
            body: Body {
                response,
                taken: 0,
                deadline: self.deadline,
                timeout: self.timeout,
            },
        }
    }
}

impl Answer {
    /// Returns a header, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns all values of a header that are text.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.headers.get_all(name).into_iter();
        values.filter_map(|value| value.to_str().ok())
    }

    /// Returns the next piece of the body; nothing at its end.
    ///
    /// # Errors
    /// The body does not continue in time, or has more than `limit` bytes; `what` says of what.
    pub async fn chunk(&mut self, what: &'static str, limit: u64) -> Result<Option<Bytes>, Error> {
        self.body.chunk(what, limit).await
    }

    /// Returns the whole body.
    ///
    /// # Errors
    /// As [`Answer::chunk`].
    pub async fn bytes(mut self, what: &'static str, limit: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.chunk(what, limit).await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

impl Body {
    async fn chunk(&mut self, what: &'static str, limit: u64) -> Result<Option<Bytes>, Error> {
        let next = timeout_at(self.deadline, self.response.chunk()).await;
        let next = next
            .map_err(|_| Error::Timeout(self.timeout))?
            .map_err(|_| Error::BrokeOff)?;
        let Some(next) = next else { return Ok(None) };
        self.taken = self.taken.saturating_add(next.len() as u64);
        if self.taken > limit {
            return Err(Error::TooLarge { what, limit });
        }
        Ok(Some(next))
    }
}

/// Returns where a response redirects to; nothing if it does not, or if the request may not be sent twice.
fn target(call: &Call, from: &Url, response: &Response) -> Result<Option<Url>, Error> {
    let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    if !is_redirect || !matches!(call.method, Method::GET | Method::HEAD) {
        return Ok(None);
    }

    let location = response.headers().get(LOCATION);
    let location = location.and_then(|value| value.to_str().ok());
    let to = location
        .and_then(|text| from.join(text).ok())
        .ok_or(Error::Redirect("it names no URL"))?;
    match (from.scheme(), to.scheme()) {
        ("http", "http" | "https") | ("https", "https") => bare(&to).map(Some),
        ("https", "http") => Err(Error::Redirect("it leads from https to http")),
        _ => Err(Error::Redirect("it leads away from http and https")),
    }
}

/// Returns a URL without user, password and fragment.
fn bare(url: &Url) -> Result<Url, Error> {
    let mut bare = url.clone();
    let is_bare = bare.set_username("").and_then(|()| bare.set_password(None));
    is_bare.map_err(|()| Error::Redirect("it names no host"))?;
    bare.set_fragment(None);
    Ok(bare)
}

#[cfg(test)]
mod tests;
