//! Routes HTTP requests to their services.
//!
//! Input: a request. Output: a response. Access is checked before a body is read; bodies are
//! bounded as they arrive and as they are inflated; expensive work runs on the threads for blocking
//! work.

use std::io::Read as _;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderValue, WWW_AUTHENTICATE,
};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Body;
use tokio::task::spawn_blocking;

use crate::repository::Repository;
use crate::server::access::AccessVerdict;
use crate::server::body::GitAnswer;
use crate::server::{Hosted, Server, ServerLimits, receive, upload};

/// Largest query request, as received and inflated.
const QUESTION_MAX: u64 = 4 << 20;
/// Longest time to receive a query request.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time to receive a push.
const PUSH_TIMEOUT: Duration = Duration::from_mins(5);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Upload,
    Receive,
}

impl Service {
    fn named(name: &str) -> Option<Self> {
        match name {
            "git-upload-pack" => Some(Self::Upload),
            "git-receive-pack" => Some(Self::Receive),
            _ => None,
        }
    }

    fn content_type(self, what: &str) -> HeaderValue {
        let name = match self {
            Self::Upload => "git-upload-pack",
            Self::Receive => "git-receive-pack",
        };
        HeaderValue::try_from(format!("application/x-{name}-{what}"))
            .unwrap_or(HeaderValue::from_static("application/octet-stream"))
    }
}

/// The target of a path and its query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RouteTarget {
    Greeting(Service),
    Call(Service),
}

impl Server {
    /// Answers one request; its path is that of a repository followed by what Git appends.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<GitAnswer>
    where
        B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    {
        answer(self, request).await
    }
}

async fn answer<B>(server: &Server, request: Request<B>) -> Response<GitAnswer>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let uri = request.uri();
    if !server.answers_to(asked_host(&request)) {
        return plain(
            StatusCode::MISDIRECTED_REQUEST,
            "this server is not known by that host name",
        );
    }
    let Some((name, target)) = target(uri.path(), uri.query().unwrap_or_default()) else {
        return plain(StatusCode::NOT_FOUND, "not found");
    };
    let Some(hosted) = server.hosted(name) else {
        return plain(StatusCode::NOT_FOUND, "repository not found");
    };
    let (RouteTarget::Greeting(service) | RouteTarget::Call(service)) = target;
    if let Some(refusal) = refusal(&hosted, service, request.headers()) {
        return refusal;
    }
    match target {
        RouteTarget::Greeting(service) if request.method() == Method::GET => {
            greet(&hosted, service, request.headers())
        }
        RouteTarget::Call(service) if request.method() == Method::POST => {
            call(server, hosted, service, request).await
        }
        RouteTarget::Greeting(_) => not_allowed("GET"),
        RouteTarget::Call(_) => not_allowed("POST"),
    }
}

/// Returns the host that a request names. With a second `Host` header it would be ambiguous.
fn asked_host<B>(request: &Request<B>) -> Option<&str> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.as_str());
    }
    let mut hosts = request.headers().get_all(HOST).into_iter();
    let (host, another) = (hosts.next(), hosts.next());
    host.filter(|_| another.is_none())
        .and_then(|host| host.to_str().ok())
}

fn target<'p>(path: &'p str, query: &str) -> Option<(&'p str, RouteTarget)> {
    let path = path.trim_start_matches('/');
    if let Some(name) = path.strip_suffix("/info/refs") {
        let service = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("service="))
            .and_then(Service::named)?;
        return Some((name, RouteTarget::Greeting(service)));
    }
    let (name, service) = path.rsplit_once('/')?;
    Some((name, RouteTarget::Call(Service::named(service)?)))
}

fn refusal(hosted: &Hosted, service: Service, headers: &HeaderMap) -> Option<Response<GitAnswer>> {
    let gate = match service {
        Service::Upload => &hosted.access.read,
        Service::Receive => &hosted.access.write,
    };
    match gate.asks(headers) {
        AccessVerdict::Welcome => None,
        AccessVerdict::Never => Some(plain(StatusCode::FORBIDDEN, "access forbidden")),
        AccessVerdict::WhoAreYou => {
            let mut response = plain(StatusCode::UNAUTHORIZED, "authentication required");
            response.headers_mut().insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"git\""),
            );
            Some(response)
        }
    }
}

fn greet(hosted: &Hosted, service: Service, headers: &HeaderMap) -> Response<GitAnswer> {
    let version = headers
        .get("git-protocol")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let bytes = match service {
        Service::Receive => receive::greeting(&hosted.repository),
        Service::Upload if version.split(':').any(|word| word == "version=2") => upload::greeting(),
        Service::Upload => upload::complaint(&upload::Error::Version),
    };
    good(
        service.content_type("advertisement"),
        GitAnswer::whole(bytes),
    )
}

async fn call<B>(
    server: &Server,
    hosted: Hosted,
    service: Service,
    request: Request<B>,
) -> Response<GitAnswer>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let (parts, body) = request.into_parts();
    if parts.headers.get(CONTENT_TYPE) != Some(&service.content_type("request")) {
        return plain(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not a request of Git's protocol",
        );
    }
    let (limit, timeout) = match service {
        Service::Upload => (QUESTION_MAX, QUESTION_TIMEOUT),
        Service::Receive => (server.0.limits.pack_bytes, PUSH_TIMEOUT),
    };
    // A push may be large, so it needs its place before it is received; a query only once there is
    // work to do.
    let place = match service {
        Service::Upload => None,
        Service::Receive => server.0.pushes.clone().acquire_owned().await.ok(),
    };
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let body = match tokio::time::timeout(timeout, Limited::new(body, most).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return too_large(limit),
        Ok(Err(_)) => return plain(StatusCode::BAD_REQUEST, "the request broke off"),
        Err(_) => return plain(StatusCode::REQUEST_TIMEOUT, "the request took too long"),
    };
    let place = if place.is_some() {
        place
    } else {
        server.0.fetches.clone().acquire_owned().await.ok()
    };
    let zipped = parts
        .headers
        .get(CONTENT_ENCODING)
        .is_some_and(|value| value == "gzip" || value == "x-gzip");
    let limits = server.0.limits.clone();
    let done = spawn_blocking(move || {
        // The work continues even if its result is not needed any more, and holds its place until
        // it has ended.
        let _place = place;
        let Some(body) = (if zipped {
            unzipped(&body, limit)
        } else {
            Some(body)
        }) else {
            return too_large(limit);
        };
        run(&hosted.repository, service, &body, &limits)
    });
    done.await
        .unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR, "internal error"))
}

fn run(
    repository: &Repository,
    service: Service,
    body: &Bytes,
    limits: &ServerLimits,
) -> Response<GitAnswer> {
    let answer = match service {
        Service::Upload => upload::answer(repository, body)
            .unwrap_or_else(|error| GitAnswer::whole(upload::complaint(&error))),
        Service::Receive => match receive::answer(repository, body, limits) {
            Ok(report) => GitAnswer::whole(report),
            Err(receive::Malformed) => {
                return plain(StatusCode::BAD_REQUEST, "not a request of Git's protocol");
            }
        },
    };
    good(service.content_type("result"), answer)
}

/// Inflates a body; nothing if it is not gzip or exceeds the limit.
fn unzipped(body: &[u8], limit: u64) -> Option<Bytes> {
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(body)
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .ok()?;
    (bytes.len() as u64 <= limit).then(|| bytes.into())
}

fn good(content_type: HeaderValue, answer: GitAnswer) -> Response<GitAnswer> {
    let mut response = Response::new(answer);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<GitAnswer> {
    let mut response = Response::new(GitAnswer::whole(text.as_bytes()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

fn not_allowed(method: &'static str) -> Response<GitAnswer> {
    let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(method));
    response
}

fn too_large(limit: u64) -> Response<GitAnswer> {
    tracing::info!(limit, "a request to the Git server was too large");
    plain(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_repository_and_a_service() {
        use Service::{Receive, Upload};
        let some = |name, target| Some((name, target));
        assert_eq!(
            target("/a/b.git/info/refs", "x=y&service=git-upload-pack"),
            some("a/b.git", RouteTarget::Greeting(Upload))
        );
        assert_eq!(
            target("/fleet/git-receive-pack", ""),
            some("fleet", RouteTarget::Call(Receive))
        );
        for (path, query) in [
            ("/a/info/refs", ""),
            ("/a/HEAD", ""),
            ("/", ""),
            ("/a/info/refs", "service=git-x"),
        ] {
            assert_eq!(target(path, query), None, "{path}?{query}");
        }
    }

    #[tokio::test]
    async fn whoever_calls_the_server_by_another_name_is_not_answered() {
        let server = Server::default();
        server.put("fleet", Repository::new("main"), crate::Access::default());
        let uri = "/fleet.git/info/refs?service=git-receive-pack";
        let ask = async |hosts: &[&str], uri: &str| {
            let mut request = Request::builder().uri(uri);
            for host in hosts {
                request = request.header(HOST, *host);
            }
            let request = request.body(http_body_util::Empty::<Bytes>::new()).unwrap();
            answer(&server, request).await.status().as_u16()
        };
        assert_eq!(
            ask(&["evil.example"], uri).await,
            200,
            "where no host is named, any will do"
        );
        server.answer_to(["127.0.0.1:80".to_owned(), "localhost:80".to_owned()]);
        assert_eq!(ask(&["127.0.0.1:80"], uri).await, 200);
        assert_eq!(ask(&["LOCALHOST:80"], uri).await, 200);
        for hosts in [
            &["evil.example:80"][..],
            &["127.0.0.1"],
            &[],
            &["127.0.0.1:80", "evil.example"],
        ] {
            assert_eq!(ask(hosts, uri).await, 421, "{hosts:?}");
        }
        let absolute = format!("http://evil.example:80{uri}");
        assert_eq!(
            ask(&["127.0.0.1:80"], &absolute).await,
            421,
            "the request line counts"
        );
    }

    #[test]
    fn a_place_is_held_until_the_work_has_ended_whoever_hangs_up() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        runtime.block_on(async {
            let server = Server::default();
            server.put("fleet", Repository::new("main"), crate::Access::default());
            let places = server.0.fetches.available_permits();
            // The only thread is busy, so the request's work waits.
            let (end, until) = std::sync::mpsc::channel::<()>();
            let busy = spawn_blocking(move || until.recv());

            let request = Request::post("/fleet/git-upload-pack")
                .header(CONTENT_TYPE, "application/x-git-upload-pack-request");
            let request = request.body(http_body_util::Empty::<Bytes>::new()).unwrap();
            let mut asked = Box::pin(answer(&server, request));
            assert!(futures::poll!(&mut asked).is_pending());
            drop(asked);
            assert_eq!(server.0.fetches.available_permits(), places - 1);

            drop(end);
            assert!(busy.await.unwrap().is_err());
            while server.0.fetches.available_permits() < places {
                tokio::task::yield_now().await;
            }
        });
    }

    #[test]
    fn a_bomb_ends_at_the_limit() {
        let mut zipped = Vec::new();
        let zeros = vec![0; 100_000];
        flate2::read::GzEncoder::new(&zeros[..], flate2::Compression::best())
            .read_to_end(&mut zipped)
            .unwrap();
        assert!(zipped.len() < 1000);
        assert_eq!(unzipped(&zipped, 99_999), None);
        assert_eq!(unzipped(&zipped, 100_000).unwrap().len(), 100_000);
        assert_eq!(unzipped(b"no gzip", 100), None);
    }
}
