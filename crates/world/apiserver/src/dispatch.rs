//! Turns an HTTP request into an [`ApiAnswer`]: authentication, routing, authorisation and the choice
//! of the handler.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use hyper::body::Body;
use lode_admit::{Details, Status};
use lode_rbac::{Attributes, ResourceAttributes, User};

use crate::api::{Api, Described};
use crate::auth;
use crate::documents::{self, Documents};
use crate::faults::{self, InjectedFault};
use crate::handlers::call::ObjectCall;
use crate::handlers::{delete, read, subresource, watch, write};
use crate::served::{Registry, Served};
use crate::wire::answer::{AnswerBody, ApiAnswer};
use crate::wire::negotiate::{Output, media};
use crate::wire::options::{ListOptions, Query};
use crate::wire::request::{RequestTarget, Route};

/// Answers a request.
pub(crate) async fn answer<B>(
    api: &Arc<Api>,
    certificate: Option<&User>,
    request: Request<B>,
) -> Response<AnswerBody>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (head, body) = request.into_parts();
    let is_head = head.method == Method::HEAD;
    let answered = async {
        let user = api.users.authenticate(&head.headers, certificate)?;
        let user = api.policy(|policy| auth::impersonate(user, &head.headers, policy))?;
        let asked = Asked {
            method: &head.method,
            path: head.uri.path(),
            route: Route::parse(head.uri.path())
                .ok_or_else(|| Status::bad_request("the path is not UTF-8"))?,
            query: Query::parse(head.uri.query().unwrap_or_default()),
            headers: &head.headers,
            user: &user,
        };
        asked.authorize(api)?;

        // Nothing is buffered for users who are not authorised, nor for requests that need no body.
        let body = if asked.needs_body() {
            api.bodies.collect(&user.name, body).await?
        } else {
            api.bodies.none("")
        };
        let lost = asked.meet(api).await?;
        let answer = asked.answer(api, body.bytes());
        lost.map_or(answer, Err)
    };
    answered
        .await
        .unwrap_or_else(|status| ApiAnswer::status(&status))
        .response(is_head)
}

/// A request, without its body.
struct Asked<'a> {
    method: &'a Method,
    path: &'a str,
    route: Route,
    query: Query,
    headers: &'a HeaderMap,
    user: &'a User,
}

impl Asked<'_> {
    /// Injects a configured fault. Returns the error to report even though the request is still
    /// served.
    async fn meet(&self, api: &Api) -> Result<Option<Status>, Status> {
        let Some(faults) = &api.faults else {
            return Ok(None);
        };
        let method = self.method.as_str().to_ascii_lowercase();
        let mut request = faults::Request {
            user: &self.user.name,
            verb: &method,
            resource: "",
            subresource: "",
            name: "",
        };
        if let Route::Resource(target) = &self.route {
            let RequestTarget {
                resource,
                subresource,
                name,
                ..
            } = target;
            request = faults::Request {
                verb: self.verb(target),
                resource,
                subresource,
                name,
                ..request
            };
        }
        match faults.meet(request).await {
            InjectedFault::None => Ok(None),
            InjectedFault::Refused(status) => Err(status),
            InjectedFault::Lost(status) => Ok(Some(status)),
        }
    }

    fn answer(&self, api: &Arc<Api>, body: &[u8]) -> Result<ApiAnswer, Status> {
        let Route::Resource(target) = &self.route else {
            return self.document(api, &self.route);
        };
        let registry = api.registry();
        let Some(served) = registry.get(&target.group, &target.version, &target.resource) else {
            return no_version(&registry, &target.group);
        };
        let verb = self.verb(target);
        let allowed = if target.subresource.is_empty() {
            served.resource.allows(verb)
        } else {
            let below = served.resource.subresource(&target.subresource);
            let below = below
                .ok_or_else(|| Status::about(404, "NotFound", NO_RESOURCE, Details::default()))?;
            below.verbs.iter().any(|allowed| **allowed == *verb)
        };
        if !allowed || !served.kind.namespaced && !target.namespace.is_empty() {
            return Err(not_allowed());
        }
        if served.kind.namespaced
            && target.namespace.is_empty()
            && !matches!(verb, "list" | "watch")
        {
            return Err(not_allowed());
        }
        self.serve(api, served, target, verb, body)
    }

    fn serve(
        &self,
        api: &Arc<Api>,
        served: &Arc<Served>,
        target: &RequestTarget,
        verb: &str,
        body: &[u8],
    ) -> Result<ApiAnswer, Status> {
        let text =
            |name: header::HeaderName| self.headers.get(name).and_then(|value| value.to_str().ok());
        let agent = text(header::USER_AGENT).unwrap_or_default();
        let output = Output::choose(text(header::ACCEPT))?;
        let call = ObjectCall {
            api,
            served,
            target,
            query: &self.query,
            output,
            user: self.user,
            agent: agent.split('/').next().unwrap_or_default(),
            media: media(text(header::CONTENT_TYPE)),
            body,
            now: api.now(),
            warnings: RefCell::default(),
        };
        call.warn(served.deprecation().map(str::to_owned));
        let answer = if let Some(answer) = subresource::answer(&call, verb) {
            answer
        } else {
            match verb {
                "get" => read::get(&call),
                "list" => read::list(&call, &ListOptions::read(call.query, false)?),
                "watch" => watch::start(&call, api, served, self.watched(target)?),
                "create" => write::create(&call),
                "update" => write::replace(&call),
                "patch" => write::patch(&call),
                "delete" => delete::one(&call),
                "deletecollection" => delete::many(&call),
                _ => Err(not_allowed()),
            }
        };
        let answer = answer.unwrap_or_else(|status| ApiAnswer::status(&status));
        Ok(answer.with_warnings(call.warnings.into_inner()))
    }

    /// Reads the options of a watch; the deprecated form of a watch names an object in its path.
    fn watched(&self, target: &RequestTarget) -> Result<ListOptions, Status> {
        let mut options = ListOptions::read(&self.query, true)?;
        if !target.name.is_empty() {
            options.fields.require("metadata.name", &target.name);
        }
        Ok(options)
    }

    fn verb(&self, target: &RequestTarget) -> &'static str {
        let whole = target.name.is_empty();
        let watch = target.watch || whole && self.query.flag("watch");
        match (self.method.as_str(), whole) {
            ("GET", _) if watch => "watch",
            ("GET", true) => "list",
            ("GET", false) => "get",
            ("POST", true) => "create",
            ("POST", false) if !target.subresource.is_empty() => "create",
            ("PUT", false) => "update",
            ("PATCH", false) => "patch",
            ("DELETE", true) => "deletecollection",
            ("DELETE", false) => "delete",
            _ => "",
        }
    }

    /// Returns whether the request needs its body.
    fn needs_body(&self) -> bool {
        let Route::Resource(target) = &self.route else {
            return false;
        };
        matches!(
            self.verb(target),
            "create" | "update" | "patch" | "delete" | "deletecollection"
        )
    }

    /// Authorises the request.
    ///
    /// # Errors
    /// It is forbidden.
    fn authorize(&self, api: &Api) -> Result<(), Status> {
        let method = self.method.as_str().to_ascii_lowercase();
        let attributes = match &self.route {
            Route::Resource(target) => {
                let verb = self.verb(target);
                if verb.is_empty() {
                    return Ok(());
                }
                let namespace = if target.resource == "namespaces" {
                    &target.name
                } else {
                    &target.namespace
                };
                let resource = ResourceAttributes {
                    group: &target.group,
                    resource: &target.resource,
                    subresource: &target.subresource,
                    namespace,
                    name: &target.name,
                };
                Attributes::resource(verb, resource)
            }
            _ => Attributes::path(&method, self.path),
        };
        api.policy(|policy| policy.authorize(self.user, &attributes))
    }

    /// Answers requests that are not about objects.
    fn document(&self, api: &Api, route: &Route) -> Result<ApiAnswer, Status> {
        if self.method != Method::GET {
            return Err(not_allowed());
        }
        let text =
            |name: header::HeaderName| self.headers.get(name).and_then(|value| value.to_str().ok());
        let accept = text(header::ACCEPT).unwrap_or_default();
        let host = text(header::HOST).unwrap_or_default();
        let Described {
            registry,
            documents: kept,
        } = api.described();
        let answer = match route {
            Route::Core => Some(kept.core(&registry, accept, host)),
            Route::Groups => Some(kept.groups(&registry, accept)),
            Route::Group(group) => documents::group(&registry, group),
            Route::Version { group, version } => {
                match documents::resources(&registry, group, version) {
                    Some(answer) => Some(answer),
                    None => return no_version(&registry, group),
                }
            }
            Route::Other | Route::Resource(_) => match self.path.strip_prefix("/openapi/v3") {
                Some(place) => kept.schemas(&api.store, &registry, place.trim_matches('/')),
                None => Documents::other(self.path, self.query.text("verbose").is_some(), accept),
            },
        };
        let Some(mut answer) = answer else {
            return Ok(ApiAnswer::text(404, NOT_FOUND));
        };
        let known = text(header::IF_NONE_MATCH).map(|known| known.trim_matches('"'));
        if answer.etag.is_some() && answer.etag.as_deref() == known {
            answer.code = 304;
            answer.body = AnswerBody::Parts(VecDeque::new());
        }
        Ok(answer)
    }
}

/// Answers a request for an unknown version or resource, with a text if even the group is unknown.
fn no_version(registry: &Registry, group: &str) -> Result<ApiAnswer, Status> {
    if !registry.has_group(group) {
        return Ok(ApiAnswer::text(404, NOT_FOUND));
    }
    Err(Status::about(
        404,
        "NotFound",
        NO_RESOURCE,
        Details::default(),
    ))
}

fn not_allowed() -> Status {
    let message = "the server does not allow this method on the requested resource";
    Status::about(405, "MethodNotAllowed", message, Details::default())
}

const NO_RESOURCE: &str = "the server could not find the requested resource";
const NOT_FOUND: &str = "404 page not found\n";
