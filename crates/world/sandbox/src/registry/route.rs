//! [`Route`]: the requests of the distribution specification.

use std::sync::Arc;

use http::Method;
use serde_json::json;

use super::access::{REGISTRY_PASSWORD, REGISTRY_USER, RegistryAccess};
use super::shelf::Shelf;
use crate::web::{WebAsk, WebReply};

/// Token for everybody.
const OPEN_TOKEN: &str = "anonymous";
/// Token for whoever has the name and password.
const FULL_TOKEN: &str = "full";

/// Answers requests.
pub(super) struct Route {
    pub(super) shelf: Arc<Shelf>,
    pub(super) access: RegistryAccess,
    /// URL of our own token service.
    pub(super) realm: String,
}

impl Route {
    pub(super) fn answer(&self, ask: &WebAsk) -> WebReply {
        if ask.path == "/token" {
            return token(ask);
        }
        let Some(path) = ask.path.strip_prefix("/v2/") else {
            return refusal(404, "NOT_FOUND", "not found");
        };
        if let Some(refused) = self.refused(ask) {
            return refused;
        }
        if path.is_empty() {
            return json_reply(&json!({}));
        }

        for (mark, answer) in [
            ("/manifests/", Self::manifests as RequestHandler),
            ("/blobs/uploads/", Self::uploads),
            ("/blobs/", Self::blobs),
            ("/tags/", Self::tags),
        ] {
            if let Some((repository, rest)) = path.split_once(mark) {
                return answer(self, ask, repository, rest);
            }
        }
        refusal(404, "NOT_FOUND", "not found")
    }

    /// Returns the refusal of a request without the right credentials.
    fn refused(&self, ask: &WebAsk) -> Option<WebReply> {
        let is_allowed = match self.access {
            RegistryAccess::Open => true,
            RegistryAccess::Basic => ask.is_basic(REGISTRY_USER, REGISTRY_PASSWORD),
            RegistryAccess::Token => match ask.header("authorization") {
                Some(header) if header == format!("Bearer {FULL_TOKEN}") => true,
                Some(header) if header == format!("Bearer {OPEN_TOKEN}") => {
                    !ask.path.contains("/private/") && ask.method != Method::PUT
                }
                _ => false,
            },
        };
        let challenge = match self.access {
            RegistryAccess::Token => {
                format!("Bearer realm=\"{}\",service=\"registry\"", self.realm)
            }
            _ => "Basic realm=\"registry\"".to_owned(),
        };
        let refused = || refusal(401, "UNAUTHORIZED", "authentication required");
        (!is_allowed).then(|| refused().with("www-authenticate", challenge))
    }

    fn manifests(&self, ask: &WebAsk, repository: &str, reference: &str) -> WebReply {
        if ask.method == Method::PUT {
            let media_type = ask.header("content-type").unwrap_or_default();
            let is_digest = reference.contains(':');
            let tag = (!is_digest).then_some(reference);
            let digest = self
                .shelf
                .put_manifest(repository, tag, media_type, ask.body.to_vec());
            return WebReply::status(201)
                .with("location", format!("/v2/{repository}/manifests/{digest}"))
                .with("docker-content-digest", digest.to_string());
        }
        if !self.shelf.is_known(repository) {
            return unknown_name();
        }
        match self.shelf.manifest(repository, reference) {
            Some((digest, media_type, bytes)) => WebReply::ok(bytes)
                .with("content-type", media_type)
                .with("docker-content-digest", digest.to_string()),
            None => refusal(404, "MANIFEST_UNKNOWN", "manifest unknown"),
        }
    }

    fn blobs(&self, _: &WebAsk, repository: &str, digest: &str) -> WebReply {
        match self.shelf.blob(repository, digest) {
            Some(bytes) => WebReply::ok(bytes)
                .with("content-type", "application/octet-stream")
                .with("docker-content-digest", digest),
            None => refusal(404, "BLOB_UNKNOWN", "blob unknown to registry"),
        }
    }

    fn tags(&self, ask: &WebAsk, repository: &str, _: &str) -> WebReply {
        if !self.shelf.is_known(repository) {
            return unknown_name();
        }
        let mut tags = self.shelf.tags(repository);
        if let Some(last) = ask.parameter("last") {
            tags.retain(|tag| *tag > last);
        }
        let page = ask.parameter("n").and_then(|n| n.parse().ok());
        let page: usize = page.unwrap_or(usize::MAX);
        let more = tags.len() > page;
        tags.truncate(page);
        let reply = json_reply(&json!({"name": repository, "tags": tags}));
        match tags.last() {
            Some(last) if more => reply.with(
                "link",
                format!("</v2/{repository}/tags/list?n={page}&last={last}>; rel=\"next\""),
            ),
            _ => reply,
        }
    }

    /// Pushes a blob: at once, or in a session of several requests.
    fn uploads(&self, ask: &WebAsk, repository: &str, session: &str) -> WebReply {
        let digest = ask.parameter("digest");
        let session = if ask.method == Method::POST {
            Some(self.shelf.start_upload(repository))
        } else {
            session.parse().ok()
        };
        let added = session.and_then(|at| self.shelf.append(repository, at, &ask.body));
        let (Some(session), Some(size)) = (session, added) else {
            return refusal(
                404,
                "BLOB_UPLOAD_UNKNOWN",
                "blob upload unknown to registry",
            );
        };

        let Some(digest) = digest else {
            let location = format!("/v2/{repository}/blobs/uploads/{session}");
            return WebReply::status(202)
                .with("location", location)
                .with("range", format!("0-{}", size.saturating_sub(1)));
        };
        match self.shelf.end_upload(repository, session, &digest) {
            Some(true) => WebReply::status(201)
                .with("location", format!("/v2/{repository}/blobs/{digest}"))
                .with("docker-content-digest", digest),
            _ => refusal(
                400,
                "DIGEST_INVALID",
                "provided digest did not match uploaded content",
            ),
        }
    }
}

/// A part of the specification: the request, the repository, and what follows.
type RequestHandler = fn(&Route, &WebAsk, &str, &str) -> WebReply;

/// Gives a token to everybody; wrong credentials get none.
fn token(ask: &WebAsk) -> WebReply {
    let token = match ask.header("authorization") {
        None => OPEN_TOKEN,
        Some(_) if ask.is_basic(REGISTRY_USER, REGISTRY_PASSWORD) => FULL_TOKEN,
        Some(_) => return refusal(401, "UNAUTHORIZED", "wrong credentials"),
    };
    json_reply(&json!({"token": token}))
}

fn unknown_name() -> WebReply {
    refusal(404, "NAME_UNKNOWN", "repository name not known to registry")
}

fn refusal(status: u16, code: &str, message: &str) -> WebReply {
    let reply = json_reply(&json!({"errors": [{"code": code, "message": message}]}));
    WebReply { status, ..reply }
}

fn json_reply(body: &serde_json::Value) -> WebReply {
    WebReply::ok(body.to_string()).with("content-type", "application/json")
}
