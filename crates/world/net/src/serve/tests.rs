//! The accept loop over loopback, with clients of all kinds.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Frame;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

/// Longest wait of a test.
const PATIENCE: Duration = Duration::from_secs(20);

struct World {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

type Text = Full<Bytes>;

fn text(text: impl Into<Bytes>) -> Response<Text> {
    Response::new(Full::new(text.into()))
}

/// Serves with a function that answers.
async fn world<A, F, B>(limits: Limits, answer: A) -> World
where
    A: Fn(Request<RequestBody>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let terms = Terms {
        name: "test",
        tls: None,
        limits,
    };
    let serving = serve(
        SocketListener::from(listener),
        terms,
        async { drop(stopped.await) },
        move |_: &Caller| answer.clone(),
    );
    World {
        address,
        stop,
        server: tokio::spawn(serving),
    }
}

impl World {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a request on a separate connection, as a probe does.
    async fn probe(&self) -> String {
        let mut stream = self.connect().await;
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

/// Waits until the other end closes a connection.
async fn closed(stream: &mut TcpStream) {
    let read = async {
        let mut buffer = [0; 4096];
        while matches!(stream.read(&mut buffer).await, Ok(count) if count > 0) {}
    };
    timeout(PATIENCE, read)
        .await
        .expect("the server closes the connection");
}

#[tokio::test]
async fn idle_connections_of_one_peer_do_not_keep_a_probe_out() {
    let world = world(
        Limits {
            connections: 16,
            per_peer: 8,
            ..Limits::default()
        },
        async |_| text("ok"),
    )
    .await;
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(world.connect().await);
    }
    for _ in 0..3 {
        let answer = timeout(PATIENCE, world.probe())
            .await
            .expect("a probe is answered");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    closed(&mut idle[0]).await;
}

#[tokio::test]
async fn a_head_that_never_ends_loses_its_place_to_a_newcomer_and_at_its_deadline() {
    let limits = Limits {
        connections: 4,
        per_peer: 4,
        header: Duration::from_millis(200),
        ..Limits::default()
    };
    let world = world(limits, async |_| text("ok")).await;
    let mut slow = Vec::new();
    for _ in 0..4 {
        let mut stream = world.connect().await;
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nx: ")
            .await
            .unwrap();
        slow.push(stream);
    }
    assert!(world.probe().await.starts_with("HTTP/1.1 200"));
    for mut stream in slow {
        closed(&mut stream).await;
    }
}

#[tokio::test]
async fn a_reader_that_does_not_read_loses_its_place() {
    let limits = Limits {
        connections: 1,
        per_peer: 2,
        write: Duration::from_millis(300),
        ..Limits::default()
    };
    let limits = Limits {
        unread_min: Duration::from_hours(1),
        ..limits
    };
    let world = world(limits, async |_| text(vec![b'x'; 32 << 20])).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(world.address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let answer = timeout(PATIENCE, world.probe())
        .await
        .expect("its place is free after its deadline");
    assert!(answer.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_body_that_trickles_ends_and_one_at_a_fair_pace_does_not() {
    let limits = Limits {
        body: Duration::from_millis(400),
        body_rate: 1024,
        ..Limits::default()
    };
    let answer = async |request: Request<RequestBody>| match request.into_body().collect().await {
        Ok(body) => text(format!("{} bytes", body.to_bytes().len())),
        Err(error) => text(error.to_string()),
    };
    let world = world(limits, answer).await;
    for (piece, ending) in [
        ("x", "the body of the request came too slowly"),
        (&*"x".repeat(1024), "16384 bytes"),
    ] {
        let mut stream = world.connect().await;
        let head = format!(
            "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
            piece.len() * 16
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let (mut reads, mut writes) = stream.split();
        let mut answer = vec![0; 4096];
        let send = async {
            for _ in 0..16 {
                if writes.write_all(piece.as_bytes()).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let (count, ()) = timeout(PATIENCE, async {
            tokio::join!(reads.read(&mut answer), send)
        })
        .await
        .unwrap();
        let answer = String::from_utf8_lossy(&answer[..count.unwrap()]).into_owned();
        assert!(answer.ends_with(ending), "{answer}");
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_and_one_that_waits_for_its_answer_is_not() {
    let limits = Limits {
        idle: Duration::from_millis(200),
        header: Duration::from_millis(200),
        ..Limits::default()
    };
    let limits = Limits {
        write: Duration::from_millis(200),
        ..limits
    };
    let world = world(limits, async |request: Request<RequestBody>| {
        if request.uri().path() == "/slow" {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Response::new(Slow(request.uri().path() == "/slow", None))
    })
    .await;
    let mut idle = world.connect().await;
    idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    closed(&mut idle).await;
    let mut slow = world.connect().await;
    slow.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, slow.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("late"),
        "{answer}"
    );
}

/// A body that may come a second late.
struct Slow(bool, Option<std::pin::Pin<Box<tokio::time::Sleep>>>);

impl Body for Slow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.0 {
            return std::task::Poll::Ready(None);
        }
        let timer = self
            .1
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(Duration::from_secs(1))));
        std::task::ready!(timer.as_mut().poll(cx));
        self.0 = false;
        std::task::Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"late")))))
    }
}

#[tokio::test]
async fn a_peer_that_works_on_all_its_places_is_refused_at_once() {
    let (entered, mut count) = tokio::sync::mpsc::unbounded_channel();
    let world = world(
        Limits {
            per_peer: 2,
            ..Limits::default()
        },
        move |_| {
            entered.send(()).unwrap();
            std::future::pending::<Response<Text>>()
        },
    )
    .await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = world.connect().await;
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        held.push(stream);
        timeout(PATIENCE, count.recv()).await.unwrap();
    }
    closed(&mut world.connect().await).await;
}

#[tokio::test]
async fn stopping_lets_an_answer_end_and_closes_what_is_idle() {
    let (entered, mut count) = tokio::sync::mpsc::unbounded_channel();
    let go_on = std::sync::Arc::new(tokio::sync::Notify::new());
    let waits = std::sync::Arc::clone(&go_on);
    let world = world(Limits::default(), move |_| {
        entered.send(()).unwrap();
        let waits = std::sync::Arc::clone(&waits);
        async move {
            waits.notified().await;
            text("whole")
        }
    })
    .await;
    let mut idle = world.connect().await;
    let mut busy = world.connect().await;
    busy.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    timeout(PATIENCE, count.recv()).await.unwrap();
    let World {
        address,
        stop,
        server,
    } = world;
    stop.send(()).unwrap();
    closed(&mut idle).await;
    assert!(TcpStream::connect(address).await.is_err(), "no newcomer");
    go_on.notify_one();
    let mut answer = String::new();
    timeout(PATIENCE, busy.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(answer.ends_with("whole"), "{answer}");
    timeout(PATIENCE, server).await.unwrap().unwrap();
}
