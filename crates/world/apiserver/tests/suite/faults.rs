//! Injected faults, and how a client sees them.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::Method;
use lode_admit::Status;
use lode_apiserver::{Config, Faults, InjectedFault, Request, Server};
use serde_json::{Value, json};

use crate::client::Client;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

/// Injects planned faults into requests in order, and records the requests.
#[derive(Default)]
struct Planned {
    faults: Mutex<Vec<InjectedFault>>,
    seen: Mutex<Vec<String>>,
}

impl Faults for Planned {
    fn meet<'r>(
        &'r self,
        request: Request<'r>,
    ) -> Pin<Box<dyn Future<Output = InjectedFault> + Send + 'r>> {
        let Request {
            user,
            verb,
            resource,
            subresource,
            name,
        } = request;
        self.seen
            .lock()
            .unwrap()
            .push(format!("{user} {verb} {resource}/{subresource} {name}"));
        let next = self.faults.lock().unwrap().pop();
        Box::pin(std::future::ready(next.unwrap_or(InjectedFault::None)))
    }
}

fn map() -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})
}

async fn client(planned: &Arc<Planned>) -> Client {
    let config = Config {
        faults: Some(Arc::clone(planned) as Arc<dyn Faults>),
        ..Config::default()
    };
    Client::of(Arc::new(Server::start(config).await.unwrap()), None).await
}

#[tokio::test]
async fn a_refused_request_is_not_served_and_a_lost_one_is() {
    let planned = Arc::new(Planned::default());
    let client = client(&planned).await;
    let failed = || Status::internal("planned");
    *planned.faults.lock().unwrap() = vec![
        InjectedFault::None,
        InjectedFault::Lost(failed()),
        InjectedFault::None,
        InjectedFault::Refused(failed()),
    ];
    let (code, _) = client
        .send(Method::POST, MAPS, "application/json", &map())
        .await;
    assert_eq!(
        (
            code,
            client.get(&format!("{MAPS}/a")).await["code"].as_u64()
        ),
        (500, Some(404))
    );
    let (code, answer) = client
        .send(Method::POST, MAPS, "application/json", &map())
        .await;
    assert_eq!((code, &answer["message"]), (500, &json!("planned")));
    assert_eq!(
        client.get(&format!("{MAPS}/a")).await["metadata"]["name"],
        "a"
    );
}

#[tokio::test]
async fn it_is_known_who_asks_and_for_what() {
    let planned = Arc::new(Planned::default());
    let client = client(&planned).await;
    client
        .get("/apis/apps/v1/namespaces/default/deployments/web/status")
        .await;
    client.get("/version").await;
    client
        .get(&format!(
            "{MAPS}?watch=1&timeoutSeconds=1&resourceVersion=1"
        ))
        .await;
    let seen = planned.seen.lock().unwrap().join("\n");
    assert_eq!(
        seen,
        "admin get deployments/status web\nadmin get / \nadmin watch configmaps/ "
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_can_be_ended_and_go_on_where_they_were() {
    let client = Client::start().await;
    client.create(MAPS, &map()).await;
    let follow = format!("{MAPS}?watch=1&timeoutSeconds=60&resourceVersion=1");
    let ended = async {
        // The watch must be running before it can be ended.
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            client.server().end_watches();
        }
    };
    let body = tokio::select! {
        (code, body) = client.raw(Method::GET, &follow, &[], &Value::Null) => { assert_eq!(code, 200); body }
        () = ended => unreachable!("it never ends"),
    };
    assert!(body.len() < 1_000_000, "it did not last its minute");
    let (_, body) = client
        .raw(Method::GET, &follow.replace("60", "1"), &[], &Value::Null)
        .await;
    assert!(String::from_utf8_lossy(&body).contains("\"name\":\"a\""));
}

#[tokio::test]
async fn a_place_before_a_compaction_is_gone_and_one_after_it_is_not() {
    let client = Client::start().await;
    let created = client.create(MAPS, &map()).await;
    let before = created["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned();
    client
        .create(
            MAPS,
            &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}}),
        )
        .await;
    client.server().compact();
    let watch = async |version: &str| {
        let path = format!("{MAPS}?watch=1&timeoutSeconds=1&resourceVersion={version}");
        String::from_utf8_lossy(&client.raw(Method::GET, &path, &[], &Value::Null).await.1)
            .into_owned()
    };
    assert!(watch(&before).await.contains("\"code\":410"));
    let now = client.get(MAPS).await["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned();
    client
        .create(
            MAPS,
            &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}),
        )
        .await;
    let told = watch(&now).await;
    assert!(
        told.contains("\"name\":\"c\"") && !told.contains("\"code\":410"),
        "{told}"
    );
}
