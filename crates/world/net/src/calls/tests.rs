//! Requests over loopback, with servers that redirect, trickle and send too much.

use std::net::SocketAddr;
use std::sync::Arc;

use http::{Request, Response};
use http_body_util::Full;
use lode_stdx::Lock;
use tokio::net::TcpListener;

use super::*;
use crate::{Caller, Egress, Limits, RequestBody, Rules, Terms, serve};

/// What a server of a test was asked: path and `Authorization`.
type Asked = Arc<Lock<Vec<(String, Option<String>)>>>;

/// A server whose answers follow from the path, and what it was asked.
struct Server {
    address: SocketAddr,
    asked: Asked,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start(
        answer: impl Fn(&str) -> Response<Full<Bytes>> + Clone + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Asked::default();
        let noted = asked.clone();
        let terms = Terms {
            name: "test",
            tls: None,
            limits: Limits::default(),
        };
        let serving = serve(
            crate::SocketListener::from(listener),
            terms,
            std::future::pending(),
            move |_: &Caller| {
                let (noted, answer) = (noted.clone(), answer.clone());
                move |request: Request<RequestBody>| {
                    let path = request.uri().path().to_owned();
                    let header = request.headers().get(AUTHORIZATION);
                    let header = header.map(|value| value.to_str().unwrap().to_owned());
                    noted.lock().push((path.clone(), header));
                    std::future::ready(answer(&path))
                }
            },
        );
        Self {
            address,
            asked,
            task: tokio::spawn(serving),
        }
    }

    fn url(&self, path: &str) -> Url {
        format!("http://{}{path}", self.address).parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn text(text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    Response::new(Full::new(text.into()))
}

fn redirect(to: &str) -> Response<Full<Bytes>> {
    let answer = Response::builder().status(302).header(LOCATION, to);
    answer.body(Full::default()).unwrap()
}

fn calls(allow: &str) -> Calls {
    let egress = Egress::new(Rules {
        allow: vec![allow.parse().unwrap()],
        ..Rules::default()
    });
    let outbound = Outbound {
        egress,
        ..Outbound::default()
    };
    Calls::new(outbound, Duration::from_secs(20))
}

fn call(url: Url) -> Call {
    Call {
        authorization: Some(HeaderValue::from_static("Bearer t")),
        ..Call::get(url)
    }
}

#[tokio::test]
async fn a_redirect_elsewhere_is_followed_without_credentials_and_one_within_keeps_them() {
    let other = Server::start(|_| text("other")).await;
    let there = other.url("/there").to_string();
    let server = Server::start(move |path| match path {
        "/near" => redirect("/here"),
        "/far" => redirect(&there),
        _ => text("own"),
    })
    .await;
    let calls = calls("127.0.0.0/8");

    let answer = calls.send(&call(server.url("/near"))).await.unwrap();
    assert_eq!(answer.url, server.url("/here"));
    assert_eq!(answer.bytes("text", 10).await.unwrap(), b"own");
    let answer = calls.send(&call(server.url("/far"))).await.unwrap();
    assert_eq!(answer.bytes("text", 10).await.unwrap(), b"other");

    let token = Some("Bearer t".to_owned());
    let near = [
        ("/near".to_owned(), token.clone()),
        ("/here".to_owned(), token),
    ];
    assert_eq!(server.asked.lock()[..2], near);
    assert_eq!(*other.asked.lock(), [("/there".to_owned(), None)]);
}

#[tokio::test]
async fn a_redirect_to_a_forbidden_address_or_in_a_circle_ends() {
    let server = Server::start(|path| match path {
        "/metadata" => redirect("http://169.254.169.254/latest"),
        "/file" => redirect("file:///etc/passwd"),
        "/nowhere" => redirect("http://"),
        _ => redirect("/circle"),
    })
    .await;
    let calls = calls("127.0.0.0/8");
    let error = calls.send(&call(server.url("/metadata"))).await;
    assert!(matches!(error, Err(Error::Egress(_))), "{error:?}");
    for path in ["/file", "/nowhere", "/circle"] {
        let error = calls.send(&call(server.url(path))).await;
        assert!(
            matches!(error, Err(Error::Redirect(_))),
            "{path}: {error:?}"
        );
    }
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_not_asked() {
    let server = Server::start(|_| text("x")).await;
    let error = calls("10.0.0.0/8").send(&call(server.url("/"))).await;
    assert!(matches!(error, Err(Error::Egress(_))), "{error:?}");
    assert!(server.asked.lock().is_empty());
}

#[tokio::test]
async fn a_post_is_not_sent_twice() {
    let server = Server::start(|_| redirect("/other")).await;
    let post = Call {
        method: Method::POST,
        body: b"x".to_vec(),
        ..call(server.url("/"))
    };
    let answer = calls("127.0.0.0/8").send(&post).await.unwrap();
    assert_eq!(answer.status, 302);
    assert_eq!(server.asked.lock().len(), 1);
}

#[tokio::test]
async fn a_body_over_its_limit_ends_with_its_name() {
    let server = Server::start(|_| text(vec![b'x'; 1 << 20])).await;
    let answer = calls("127.0.0.0/8").send(&call(server.url("/"))).await;
    let error = answer.unwrap().bytes("an index", 1000).await.unwrap_err();
    let told = error.to_string();
    assert_eq!(told, "an index of more than 1000 bytes, the limit");
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_deadline_is_a_timeout() {
    let calls = calls("127.0.0.0/8");
    assert_eq!(calls.wait(Duration::from_secs(1)).await, Ok(()));
    let late = calls.wait(Duration::from_hours(1)).await;
    assert_eq!(late, Err(Error::Timeout(Duration::from_secs(20))));
}

#[tokio::test]
async fn user_and_password_of_a_url_are_not_sent() {
    let server = Server::start(|_| text("x")).await;
    let mut url = server.url("/a");
    url.set_username("me").unwrap();
    url.set_password(Some("hunter2")).unwrap();
    let plain = Call::get(url);
    let answer = calls("127.0.0.0/8").send(&plain).await.unwrap();
    assert_eq!(answer.url, server.url("/a"));
    assert_eq!(*server.asked.lock(), [("/a".to_owned(), None)]);
}
