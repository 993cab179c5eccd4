//! Both kinds of sockets keep the same promises.

use std::io::ErrorKind;

use http::{Request, Response};
use hyper_util::rt::TokioIo;
use reqwest::Url;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower::ServiceExt as _;

use super::*;
use crate::{Call, Caller, Calls, Egress, Limits, Outbound, OutboundError, RequestBody, Rules};
use crate::{Terms, serve};

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const PATIENCE: Duration = Duration::from_secs(20);

/// Returns the sockets of the machine, and those of a network within the process.
fn both() -> [Sockets; 2] {
    [Sockets::default(), Sockets::in_process()]
}

async fn open(sockets: &Sockets, url: &str) -> Result<SocketStream, ConnectError> {
    let connector = sockets.connector(PATIENCE, None);
    let opened = connector.oneshot(url.parse().unwrap()).await;
    opened.map(TokioIo::into_inner)
}

/// Returns why no connection was opened.
async fn refusal(sockets: &Sockets, url: &str) -> Option<ErrorKind> {
    let error = open(sockets, url).await.unwrap_err();
    let mut causes = std::iter::successors(Some(&*error as &dyn std::error::Error), |error| {
        error.source()
    });
    causes.find_map(|cause| Some(cause.downcast_ref::<io::Error>()?.kind()))
}

#[tokio::test]
async fn what_one_end_writes_the_other_reads_until_it_is_closed() {
    for sockets in both() {
        let listener = sockets.listen(ANY).await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (near, far) = tokio::join!(open(&sockets, &url), listener.accept());
        let (mut near, (mut far, from)) = (near.unwrap(), far.unwrap());
        assert!(from.ip().is_loopback() && from != listener.local_addr().unwrap());

        // More than a connection holds, so that both ends have to take turns.
        let sent = vec![7; 1 << 20];
        let writing = async {
            near.write_all(&sent).await.unwrap();
            near.shutdown().await.unwrap();
        };
        let mut read = Vec::new();
        let ((), count) = tokio::join!(writing, far.read_to_end(&mut read));
        assert_eq!((count.unwrap(), read == sent), (sent.len(), true));

        far.write_all(b"answer").await.unwrap();
        drop(far);
        let mut answer = String::new();
        near.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "answer");
    }
}

#[tokio::test]
async fn an_address_is_refused_until_somebody_listens_and_after_he_is_gone() {
    for sockets in both() {
        let reserved = sockets.reserve(ANY).unwrap();
        let listener = reserved.listen().unwrap();
        let address = listener.local_addr().unwrap();
        let url = format!("http://{address}/");
        open(&sockets, &url).await.unwrap();

        let taken = sockets.listen(address).await;
        assert_eq!(
            taken.err().map(|error| error.kind()),
            Some(ErrorKind::AddrInUse)
        );
        drop(listener);
        assert_eq!(
            refusal(&sockets, &url).await,
            Some(ErrorKind::ConnectionRefused)
        );
        let reserved = sockets.reserve(address).unwrap();
        assert_eq!(
            refusal(&sockets, &url).await,
            Some(ErrorKind::ConnectionRefused)
        );
        drop(reserved);
        sockets.listen(address).await.unwrap();
    }
}

#[tokio::test]
async fn a_network_within_the_process_is_alone_and_knows_no_names() {
    let (one, other) = (Sockets::in_process(), Sockets::in_process());
    let listener = one.listen(ANY).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/");
    assert_eq!(
        refusal(&other, &url).await,
        Some(ErrorKind::ConnectionRefused)
    );
    open(&one, &format!("http://localhost:{port}/"))
        .await
        .unwrap();
    let named = refusal(&one, &format!("http://example.com:{port}/")).await;
    assert_eq!(named, Some(ErrorKind::NotFound));
}

#[tokio::test]
async fn calls_and_servers_meet_within_the_process() {
    let sockets = Sockets::in_process();
    let listener = sockets.listen(ANY).await.unwrap();
    let address = listener.local_addr().unwrap();
    let terms = Terms {
        name: "test",
        tls: None,
        limits: Limits::default(),
    };
    let greet = |_: &Caller| {
        |request: Request<RequestBody>| {
            let agent = request.headers().get("user-agent").cloned();
            let agent = agent.map(|agent| agent.to_str().unwrap().to_owned());
            std::future::ready(Response::new(agent.unwrap_or_default()))
        }
    };
    let server = tokio::spawn(serve(listener, terms, std::future::pending(), greet));

    let rules = Rules {
        allow: vec!["127.0.0.0/8".parse().unwrap()],
        ..Rules::default()
    };
    let outbound = |rules| Outbound {
        egress: Egress::within(rules, Arc::new(sockets.clone())),
        user_agent: "somebody/1",
        ..Outbound::default()
    };
    let calls = |rules| Calls::new(outbound(rules), PATIENCE);
    let get = |url: String| Call::get(Url::parse(&url).unwrap());

    let answer = calls(rules.clone())
        .send(&get(format!("http://{address}/")))
        .await;
    let bytes = answer.unwrap().bytes("an answer", 1 << 10).await.unwrap();
    assert_eq!(bytes, b"somebody/1");
    // The policy is the same as on the machine.
    let refused = calls(Rules::default())
        .send(&get(format!("http://{address}/")))
        .await;
    assert!(
        matches!(refused, Err(OutboundError::Egress(_))),
        "{refused:?}"
    );
    let encrypted = calls(rules.clone())
        .send(&get(format!("https://{address}/")))
        .await;
    assert!(
        matches!(encrypted, Err(OutboundError::Tls(_))),
        "{encrypted:?}"
    );
    server.abort();
    let _ = server.await;
    let nobody = calls(rules).send(&get(format!("http://{address}/"))).await;
    assert!(matches!(nobody, Err(OutboundError::Refused)), "{nobody:?}");
}
