//! A sandbox as its users see it.

#![expect(clippy::unwrap_used, reason = "a failing case fails the test")]

use std::time::Duration;

use jiff::SignedDuration;
use lode_cluster::Client;
use lode_git::{Options as Reading, Reference, Remote, resolve};
use lode_net::{Egress, Rules};
use lode_sandbox::{Fault, Objects, Options, Requests, Sandbox};
use serde_json::{Value, json};

const MAP: (&str, &str) = ("v1", "ConfigMap");
const DEPLOYMENT: (&str, &str) = ("apps/v1", "Deployment");

async fn sandbox() -> Sandbox {
    Sandbox::start(Options::default()).await.unwrap()
}

/// Waits, with a bound, until an object satisfies a condition.
async fn until(
    objects: &Objects,
    kind: (&str, &str),
    name: &str,
    is: impl Fn(&Value) -> bool,
) -> Value {
    let seen = async {
        loop {
            let object = objects
                .get(kind, "default", name)
                .await
                .unwrap()
                .unwrap_or_default();
            if is(&object) {
                return object;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), seen)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_object_is_applied_patched_listed_and_deleted() {
    let sandbox = sandbox().await;
    let objects = sandbox.objects();
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "default", "name": "a"}, "data": {"k": "1"}});
    assert_eq!(objects.apply("one", &map).await.unwrap()["data"]["k"], "1");
    objects
        .patch("two", MAP, ("default", "a"), &json!({"data": {"k": "2"}}))
        .await
        .unwrap();
    let found = objects.get(MAP, "default", "a").await.unwrap().unwrap();
    assert_eq!(found["data"]["k"], "2");
    let managers = found["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["manager"]);
    assert_eq!(managers.collect::<Vec<_>>(), ["two"]);
    assert!(
        objects
            .list(MAP, "default")
            .await
            .unwrap()
            .iter()
            .any(|map| map["metadata"]["name"] == "a")
    );
    objects.delete(MAP, "default", "a").await.unwrap();
    assert_eq!(objects.get(MAP, "default", "a").await.unwrap(), None);
}

#[tokio::test]
async fn our_own_kinds_are_served_at_once_and_others_are_not() {
    let sandbox = sandbox().await;
    let kustomizations = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization");
    assert_eq!(
        sandbox.objects().list(kustomizations, "").await.unwrap(),
        Vec::<Value>::new()
    );
    let error = sandbox
        .objects()
        .list(("example.com/v1", "Queue"), "")
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "example.com/v1 Queue is not served");
}

#[tokio::test]
async fn a_deployment_is_rolled_out_after_each_change() {
    let sandbox = sandbox().await;
    let pod = json!({"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "a", "image": "a"}]}});
    let spec = json!({"replicas": 2, "selector": {"matchLabels": {"app": "a"}}, "template": pod});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "default", "name": "a"}, "spec": spec});
    sandbox.objects().apply("one", &deployment).await.unwrap();
    until(sandbox.objects(), DEPLOYMENT, "a", |found| {
        found["status"]["availableReplicas"] == 2
    })
    .await;
    sandbox
        .objects()
        .patch(
            "two",
            DEPLOYMENT,
            ("default", "a"),
            &json!({"spec": {"replicas": 5}}),
        )
        .await
        .unwrap();
    until(sandbox.objects(), DEPLOYMENT, "a", |found| {
        found["status"]["availableReplicas"] == 5
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_can_be_fetched_and_reverted() {
    let sandbox = sandbox().await;
    let git = sandbox.git();
    let first = git
        .commit("fleet", &[("a/b.yaml", Some("b: 1\n"))], "one")
        .unwrap();
    let second = git
        .commit("fleet", &[("a/b.yaml", Some("b: 2\n"))], "two")
        .unwrap();
    let mut remote = Remote::new(&git.url("fleet")).unwrap();
    remote.egress = Egress::new(Rules {
        allow: vec!["127.0.0.1".parse().unwrap()],
        ..Rules::default()
    });
    let main = Reference {
        branch: Some("main".to_owned()),
        ..Reference::default()
    };
    let resolved = resolve(&remote, &main).await.unwrap();
    assert_eq!(resolved.revision, format!("main@sha1:{second}"));
    git.revert("fleet", second, "undo two").unwrap();
    let repository = git.repository("fleet");
    let tree = |revision: &str| {
        repository
            .snapshot(revision, &Reading::default())
            .unwrap()
            .tree
    };
    let (after, before) = (tree("main"), tree(&first.to_string()));
    assert!(
        after
            .entries()
            .map(|(path, _)| path)
            .eq(before.entries().map(|(path, _)| path))
    );
    assert!(git.commit("fleet", &[("../b.yaml", None)], "out").is_err());
}

#[tokio::test]
async fn a_push_takes_the_token_and_every_request_the_right_host() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let sandbox = sandbox().await;
    let git = sandbox.git();
    git.commit("fleet", &[("a.yaml", Some("a: 1\n"))], "one")
        .unwrap();
    let address = git
        .url("fleet")
        .trim_start_matches("http://")
        .split('/')
        .next()
        .unwrap()
        .to_owned();
    let ask = async |service: &str, host: &str, header: &str| {
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        let path = format!("/fleet.git/info/refs?service=git-{service}");
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{header}connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(
        ask("upload-pack", &address, "git-protocol: version=2\r\n").await,
        "200"
    );
    assert_eq!(ask("upload-pack", "evil.example", "").await, "421");
    assert_eq!(
        ask("receive-pack", &address, "").await,
        "401",
        "without the token"
    );
    let secret = git
        .push_url("fleet")
        .trim_start_matches("http://")
        .split('@')
        .next()
        .unwrap()
        .to_owned();
    let basic = |text: &str| {
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::STANDARD.encode(text);
        format!("authorization: Basic {encoded}\r\n")
    };
    assert_eq!(
        ask("receive-pack", &address, &basic("demo:guess")).await,
        "401"
    );
    assert_eq!(ask("receive-pack", &address, &basic(&secret)).await, "200");
    assert_eq!(
        ask("receive-pack", "evil.example", &basic(&secret)).await,
        "421"
    );
}

#[tokio::test]
async fn many_stand_side_by_side_and_know_nothing_of_each_other() {
    let sandboxes = [sandbox().await, sandbox().await, sandbox().await];
    for (at, sandbox) in sandboxes.iter().enumerate() {
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "default", "name": format!("m{at}")}});
        sandbox.objects().apply("one", &map).await.unwrap();
    }
    for sandbox in &sandboxes {
        let maps = sandbox.objects().list(MAP, "default").await.unwrap();
        let ours = maps
            .iter()
            .filter(|map| map["metadata"]["name"].as_str().unwrap().starts_with('m'));
        assert_eq!(ours.count(), 1);
    }
}

#[tokio::test]
async fn what_is_put_off_comes_due_when_the_clock_is_put_forward() {
    let sandbox = sandbox().await;
    let pod = json!({"metadata": {"labels": {"app": "a"}},
        "spec": {"nodeSelector": {"no": "such"}, "containers": [{"name": "a", "image": "a"}]}});
    let spec = json!({"replicas": 1, "selector": {"matchLabels": {"app": "a"}}, "template": pod});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "default", "name": "a"}, "spec": spec});
    sandbox.objects().apply("one", &deployment).await.unwrap();
    let reason = |found: &Value, wanted: &str| {
        let conditions = found["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        conditions
            .iter()
            .any(|condition| condition["type"] == "Progressing" && condition["reason"] == wanted)
    };
    // It cannot get any further.
    let stuck = |found: &Value| {
        reason(found, "ReplicaSetUpdated") && found["status"]["updatedReplicas"] == 1
    };
    until(sandbox.objects(), DEPLOYMENT, "a", stuck).await;
    sandbox.faults().turn_clock(SignedDuration::from_mins(11));
    until(sandbox.objects(), DEPLOYMENT, "a", |found| {
        reason(found, "ProgressDeadlineExceeded")
    })
    .await;
}

#[tokio::test]
async fn requests_of_others_are_struck_until_faults_are_lifted() {
    let sandbox = sandbox().await;
    let other = Client::connect(Some(sandbox.kubeconfig()), None)
        .await
        .unwrap();
    let get = async || {
        other
            .read("/api/v1/namespaces/default", "application/json")
            .await
            .map_err(|error| error.is(500))
    };
    let (gets, faults) = (
        Requests {
            verb: "get",
            resource: "namespaces",
            name: "default",
        },
        sandbox.faults(),
    );
    faults.strike(2, gets, Fault::Broken);
    assert!(
        sandbox
            .objects()
            .get(("v1", "Namespace"), "", "default")
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(
        (get().await.unwrap_err(), get().await.unwrap_err()),
        (true, true)
    );
    assert!(get().await.is_ok());
    assert_eq!(faults.struck(), 2);
    faults.cut_off();
    assert!(!get().await.unwrap_err(), "there is no answer at all");
    faults.lift();
    assert!(get().await.is_ok());
}
