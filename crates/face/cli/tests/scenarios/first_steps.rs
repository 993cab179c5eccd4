//! What the README shows after the demo: the operator on the user's own cluster, and what it logs
//! until it can start.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use e2e::{GitServer, World};
use lode_object::Value;
use lode_sandbox::{Options, Sandbox};
use lode_yaml::{Dialect, Reader};
use tokio::task::block_in_place;

use crate::ground;

const LONG: Duration = Duration::from_mins(1);
/// Long enough for ten retries of what is logged once.
const A_WHILE: Duration = Duration::from_secs(4);

/// `lode serve` with its log in a file; killed when this is dropped.
struct Serving {
    child: Child,
    folder: tempfile::TempDir,
}

impl Serving {
    fn start(kubeconfig: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(ground::binary());
        command
            .args(["serve", "--egress-allow", "127.0.0.0/8"])
            .arg("--storage-path")
            .arg(folder.path().join("data"))
            .arg("--kubeconfig")
            .arg(kubeconfig);
        for flag in ["--storage-addr", "--metrics-addr", "--health-addr"] {
            command.args([flag, "127.0.0.1:0"]);
        }
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        Self { child, folder }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    async fn says(&self, word: &str) {
        let end = Instant::now() + LONG;
        while !self.log().contains(word) {
            assert!(Instant::now() < end, "\"{word}\" is not in: {}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lode(kubeconfig: &Path, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(ground::binary());
    command.args(arguments).env("KUBECONFIG", kubeconfig);
    let run = block_in_place(|| command.output()).unwrap();
    (
        run.status.success(),
        String::from_utf8([run.stdout, run.stderr].concat()).unwrap(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_in_the_way_is_said_once_with_what_to_do() {
    let sandbox = Sandbox::start(Options {
        definitions: false,
        ..Options::default()
    })
    .await
    .unwrap();
    let serving = Serving::start(sandbox.kubeconfig());
    serving.says("lode install --crds-only").await;
    tokio::time::sleep(A_WHILE).await;
    let lines: Vec<String> = serving.log().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(
        lines[0].contains("does not serve gitrepositories.source.toolkit.fluxcd.io"),
        "{}",
        lines[0]
    );

    // The operator need not be restarted.
    assert!(lode(sandbox.kubeconfig(), &["install", "--crds-only"]).0);
    serving.says("\"ready\"").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kubeconfig");
    // Nothing listens on a port that was just released.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let config = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters: [{{name: a, cluster: {{server: 'https://127.0.0.1:{port}'}}}}]\n\
         contexts: [{{name: a, context: {{cluster: a, user: a}}}}]\nusers: [{{name: a, user: {{}}}}]\n"
    );
    fs::write(&file, config).unwrap();
    let serving = Serving::start(&file);
    serving.says("is not reachable").await;
    tokio::time::sleep(A_WHILE).await;
    let log = serving.log();
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(
        log.contains(&format!("127.0.0.1:{port}")) && log.contains("--kubeconfig"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_readme_works() {
    let readme = include_str!("../../../../../README.md");
    let sandbox = Sandbox::start(Options {
        definitions: false,
        ..Options::default()
    })
    .await
    .unwrap();
    let (kubeconfig, git) = (sandbox.kubeconfig(), GitServer::start().unwrap());
    let repository = git.repository("podinfo").unwrap();
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: podinfo}\nspec:\n  selector: {matchLabels: {app: a}}\n  \
        template: {metadata: {labels: {app: a}}, spec: {containers: [{name: podinfod, image: 'example/app:1'}]}}\n";
    repository
        .write("kustomize/deployment.yaml", deployment)
        .unwrap();
    repository
        .write(
            "kustomize/kustomization.yaml",
            "resources: [deployment.yaml]\n",
        )
        .unwrap();
    repository.push("begin").unwrap();
    repository.git(&["branch", "master"]).unwrap();
    repository.send("master").unwrap();

    let (done, said) = lode(kubeconfig, &["install", "--crds-only"]);
    assert!(done, "{said}");
    for line in said.lines() {
        assert!(
            readme.contains(line),
            "the README says something else than: {line}"
        );
    }
    let _serving = Serving::start(kubeconfig);
    let world = World::connect(Some(kubeconfig)).await.unwrap();
    let example = include_str!("../../../../../examples/podinfo.yaml");
    let local = example.replace("https://github.com/stefanprodan/podinfo", &repository.url);
    assert_ne!(local, example);
    for document in Reader::new(local.as_bytes(), Dialect::V3) {
        world.apply(document.unwrap().value).await.unwrap();
    }
    let is_ready = |object: Option<&Value>| {
        let conditions =
            object.and_then(|object| object.pointer("/status/conditions")?.as_array().cloned());
        conditions
            .unwrap_or_default()
            .iter()
            .any(|found| found["type"] == "Ready" && found["status"] == "True")
    };
    world
        .until(("Kustomization", "default", "podinfo"), LONG, is_ready)
        .await
        .unwrap();

    // Without a namespace the message says where objects are; the README uses this namespace.
    let (_, said) = lode(kubeconfig, &["get", "all"]);
    assert!(
        said.contains("no objects found in namespace flux-system; there are 2 in default"),
        "{said}"
    );
    assert!(readme.contains("$ lode get all -n default\n"));
    let (_, said) = lode(kubeconfig, &["get", "all", "-n", "default"]);
    let words = |text: &str| {
        let lines = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        lines.map(|line| mask_commits(&line)).collect::<Vec<_>>()
    };
    let shown = words(readme);
    for line in words(&said) {
        assert!(
            shown.contains(&line),
            "the README shows something else than: {line}"
        );
    }
}

/// Replaces every short commit with a placeholder.
fn mask_commits(line: &str) -> String {
    let words = line.split("sha1:").enumerate().map(|(at, part)| match at {
        0 => part.to_owned(),
        _ => format!("sha1:COMMIT{}", part.get(8..).unwrap_or_default()),
    });
    words.collect()
}
