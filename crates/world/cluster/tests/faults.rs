//! What the client and the watch do when the server asks to retry later, drops our position, or
//! hangs up.
//!
//! The server here sends fixed texts, one per connection: it simulates the network, not Kubernetes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lode_cluster::{Client, Head, Resource, Sink, Subject, watch};

/// Serves the responses in order, repeating the last one; returns a client and the requests
/// received.
async fn server(answers: Vec<String>) -> (Client, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut first = String::new();
            reader.read_line(&mut first).unwrap();
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 0) && !line.trim().is_empty()
            {
                line.clear();
            }
            log.lock().unwrap().push(first);
            let answer = answers.get(number).or(answers.last()).unwrap();
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: 'http://{address}'}}}}]\n\
             users: [{{name: u, user: {{token: t}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\n"
        ),
    )
    .unwrap();
    (
        Client::connect(Some(file.path()), None).await.unwrap(),
        seen,
    )
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
        body.len()
    )
}

fn pods() -> Resource {
    Resource::pods()
}

#[tokio::test]
async fn a_server_that_says_later_is_asked_again_when_it_said() {
    let body = r#"{"kind":"Pod","metadata":{"name":"a"}}"#;
    let later = answer("429 Too Many Requests", "Retry-After: 1\r\n", "{}");
    let (client, seen) = server(vec![later, answer("200 OK", "", body)]).await;
    let start = Instant::now();
    let pod = client.get(&pods(), "ns", "a").await.unwrap();
    assert_eq!(pod["metadata"]["name"], "a");
    assert!(
        start.elapsed() >= Duration::from_secs(1),
        "it waited as long as it was told"
    );
    assert_eq!(seen.lock().unwrap().len(), 2);
    assert_eq!(
        (
            client.counts()[&("get", 429)],
            client.counts()[&("get", 200)]
        ),
        (1, 1)
    );
}

#[derive(Default)]
struct Notes {
    restarts: usize,
    names: Vec<String>,
    synced: usize,
}

struct Feed(Arc<Mutex<Notes>>);

impl Sink for Feed {
    fn restart(&mut self) {
        self.0.lock().unwrap().restarts += 1;
    }
    fn applied(&mut self, head: &Head<'_>, _: &[u8]) {
        self.0.lock().unwrap().names.push(head.name.to_string());
    }
    fn deleted(&mut self, _: &Head<'_>, _: &[u8]) {}
    fn synced(&mut self, _: &str) {
        self.0.lock().unwrap().synced += 1;
    }
}

fn pod(kind: &str, name: &str, version: u32) -> String {
    format!(
        r#"{{"type":"{kind}","object":{{"metadata":{{"name":"{name}","resourceVersion":"{version}"}}}}}}"#
    ) + "\n"
}

fn bookmark(version: u32) -> String {
    format!(
        r#"{{"type":"BOOKMARK","object":{{"metadata":{{"resourceVersion":"{version}","annotations":{{"k8s.io/initial-events-end":"true"}}}}}}}}"#
    ) + "\n"
}

/// Watches until `wanted` holds, at most ten seconds.
async fn follow(client: Client, wanted: impl Fn(&Notes) -> bool) -> Arc<Mutex<Notes>> {
    let notes = Arc::new(Mutex::new(Notes::default()));
    let subject = Subject {
        resource: pods(),
        namespace: "".into(),
        labels: "".into(),
        fields: "".into(),
    };
    let task = tokio::spawn(watch(client, subject, Feed(notes.clone())));
    let end = Instant::now() + Duration::from_secs(10);
    while !wanted(&notes.lock().unwrap()) {
        assert!(Instant::now() < end, "the watch did not come so far");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    task.abort();
    notes
}

#[tokio::test]
async fn a_dropped_watch_goes_on_where_it_was() {
    let first = answer("200 OK", "", &(pod("ADDED", "a", 5) + &bookmark(7)));
    let second = answer("200 OK", "", &pod("ADDED", "b", 9));
    let (client, seen) = server(vec![first, second, answer("200 OK", "", "")]).await;
    let notes = follow(client, |notes| notes.names.len() >= 2).await;
    let notes = notes.lock().unwrap();
    assert_eq!(notes.names, ["a", "b"]);
    assert_eq!(
        (notes.restarts, notes.synced),
        (1, 1),
        "one list, told complete once"
    );
    let seen = seen.lock().unwrap();
    assert!(
        seen[0].contains("sendInitialEvents=true") && seen[1].contains("resourceVersion=7"),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_watch_whose_place_is_forgotten_lists_again() {
    let first = answer("200 OK", "", &(pod("ADDED", "a", 5) + &bookmark(7)));
    let gone = r#"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}"#;
    let second = answer("200 OK", "", &format!("{gone}\n"));
    let third = answer("200 OK", "", &(pod("ADDED", "c", 20) + &bookmark(21)));
    let (client, seen) = server(vec![first, second, third, answer("200 OK", "", "")]).await;
    let notes = follow(client, |notes| notes.synced >= 2).await;
    let notes = notes.lock().unwrap();
    assert_eq!(
        (&*notes.names, notes.restarts),
        (&["a".to_owned(), "c".to_owned()][..], 2)
    );
    assert!(seen.lock().unwrap()[2].contains("sendInitialEvents=true"));
}
