//! The parts of a cluster: their flags, the order in which they start, and when each counts as ready.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::pki;
use super::process::{Process, wait_until};
use super::running::Cluster;
use super::settings::{Settings, audit_log};
use crate::command;

/// Parts in the order they start; the first two are enough for an API.
const NAMES: [&str; 5] = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
];
const API_PARTS: usize = 2;
/// Users besides those with certificates: one who may do everything, one without rights, and two
/// replicas of the operator that the audit log can distinguish.
pub(crate) const TOKENS: &str = "admintoken,admin,admin,\"system:masters\"\nusertoken,jane,jane,\n\
    replica-a-token,replica-a,replica-a,\"system:masters\"\nreplica-b-token,replica-b,replica-b,\"system:masters\"\n";
/// What the audit log records: who requested which write and when, without contents.
const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, verbs: [get, list, watch]}
- {level: Metadata}
";
/// Timeout of one HTTP probe.
const LOOK_MAX: Duration = Duration::from_secs(2);
/// Upper bound of an HTTP response's first line.
const STATUS_LINE_MAX: u64 = 64;

/// Upper bound of etcd's response to a small request.
const ANSWER_MAX: u64 = 4096;

/// Returns the parts of a whole cluster, or of the API only.
pub(super) fn names(only_api: bool) -> &'static [&'static str] {
    &NAMES[..if only_api { API_PARTS } else { NAMES.len() }]
}

/// Starts all parts and waits until the cluster can be used.
pub(super) fn start(settings: &Settings, cluster: &Cluster) -> Result<()> {
    let clock = Instant::now();
    let say = |what: &str| eprintln!("{:6.2} s  {what}", clock.elapsed().as_secs_f32());
    for port in [settings.etcd_port, settings.peer_port, settings.api_port] {
        refuse_taken(port)?;
    }
    pki::prepare(&settings.state, settings.api_port)?;
    fs::write(settings.state.join("tokens.csv"), TOKENS).context("write the tokens of users")?;
    fs::write(settings.state.join("audit.yaml"), AUDIT_POLICY).context("write the audit policy")?;

    let etcd = spawn(cluster, "etcd", &etcd_flags(settings))?;
    wait_until(&etcd, "etcd being ready", || {
        Ok(http_ok(settings.etcd_port, "/health"))
    })?;
    say("etcd is ready");
    let api = spawn(cluster, "kube-apiserver", &api_flags(settings))?;
    wait_until(&api, "the API server being ready", || {
        answers(cluster, &["get", "--raw=/readyz"])
    })?;
    say("the API server is ready");
    if settings.only_api {
        return Ok(());
    }

    let controllers = spawn(cluster, "kube-controller-manager", &controller_flags())?;
    let scheduler = spawn(cluster, "kube-scheduler", &scheduler_flags())?;
    let kwok = spawn(cluster, "kwok", &kwok_flags())?;
    create_nodes(settings, cluster)?;
    wait_until(&controllers, "the default service account", || {
        answers(
            cluster,
            &["get", "serviceaccount", "default", "--namespace=default"],
        )
    })?;
    say("the controller manager is at work");
    let nodes = [
        "wait",
        "node",
        "--all",
        "--for=condition=Ready",
        "--timeout=1s",
    ];
    wait_until(&kwok, "all nodes being ready", || {
        Ok(settings.nodes == 0 || answers(cluster, &nodes)?)
    })?;
    wait_until(&scheduler, "the scheduler", || Ok(true))?;
    say(&format!("{} nodes are ready", settings.nodes));
    Ok(())
}

/// Returns whether `GET path` on a loopback port answers 200.
pub(crate) fn http_ok(port: u16, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(LOOK_MAX))?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.take(STATUS_LINE_MAX).read_to_end(&mut answer)?;
        Ok(answer.split(|byte| *byte == b' ').nth(1) == Some(b"200"))
    };
    ask().unwrap_or(false)
}

/// Compacts etcd up to this revision.
pub(crate) fn compact(port: u16, revision: &str) -> Result<()> {
    let body = format!("{{\"revision\":\"{revision}\",\"physical\":true}}");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).context("connect to etcd")?;
    stream
        .set_read_timeout(Some(LOOK_MAX))
        .context("bound the wait for etcd")?;
    let head = format!(
        "POST /v3/kv/compaction HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    write!(stream, "{head}{body}").context("ask etcd to compact")?;
    let mut answer = String::new();
    stream
        .take(ANSWER_MAX)
        .read_to_string(&mut answer)
        .context("read the answer of etcd")?;
    anyhow::ensure!(
        answer.split(' ').nth(1) == Some("200"),
        "compact etcd: {answer}"
    );
    Ok(())
}

fn spawn(cluster: &Cluster, part: &str, flags: &[String]) -> Result<Process> {
    Process::start(
        &cluster.state,
        part,
        Command::new(cluster.bin.join(part)).args(flags),
    )
}

fn answers(cluster: &Cluster, arguments: &[&str]) -> Result<bool> {
    command::succeeds(cluster.kubectl().args(arguments))
}

fn refuse_taken(port: u16) -> Result<()> {
    TcpListener::bind(("127.0.0.1", port))
        .map(drop)
        .with_context(|| {
            format!("use port {port}\nhint: choose others by --etcd-port and --api-port")
        })
}

fn create_nodes(settings: &Settings, cluster: &Cluster) -> Result<()> {
    if settings.nodes == 0 {
        return Ok(());
    }
    let path = settings.state.join("nodes.yaml");
    let nodes: Vec<String> = (0..settings.nodes).map(node).collect();
    fs::write(&path, nodes.join("---\n")).with_context(|| format!("write {}", path.display()))?;
    command::output(cluster.kubectl().arg("apply").arg("--filename").arg(&path))
        .context("create the nodes")?;
    Ok(())
}

fn node(number: u16) -> String {
    format!(
        "apiVersion: v1
kind: Node
metadata:
  name: node-{number}
  labels: {{kubernetes.io/hostname: node-{number}, kubernetes.io/os: linux, kubernetes.io/arch: amd64}}
  annotations: {{kwok.x-k8s.io/node: fake}}
status:
  allocatable: {{cpu: '32', memory: 256Gi, ephemeral-storage: 1Ti, pods: '1000'}}
  capacity: {{cpu: '32', memory: 256Gi, ephemeral-storage: 1Ti, pods: '1000'}}
"
    )
}

fn etcd_flags(settings: &Settings) -> Vec<String> {
    vec![
        "--data-dir=etcd".to_owned(),
        format!("--client=http://127.0.0.1:{}", settings.etcd_port),
        format!("--peer=http://127.0.0.1:{}", settings.peer_port),
    ]
}

fn api_flags(settings: &Settings) -> Vec<String> {
    let mut flags = vec![
        format!("--etcd-servers=http://127.0.0.1:{}", settings.etcd_port),
        format!("--secure-port={}", settings.api_port),
    ];
    flags.extend(
        [
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            "--tls-cert-file=pki/apiserver.crt",
            "--tls-private-key-file=pki/apiserver.key",
            "--client-ca-file=pki/ca.crt",
            "--token-auth-file=tokens.csv",
            "--service-account-key-file=pki/accounts.pub",
            "--service-account-signing-key-file=pki/accounts.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=Node,RBAC",
            "--allow-privileged=true",
        ]
        .map(str::to_owned),
    );
    if settings.audited {
        let log = audit_log(&settings.state);
        flags.push("--audit-policy-file=audit.yaml".to_owned());
        flags.push(format!("--audit-log-path={}", log.display()));
    }
    if settings.only_api {
        // Nothing creates service accounts, so pods must not require one.
        flags.push("--disable-admission-plugins=ServiceAccount".to_owned());
    }
    flags
}

fn controller_flags() -> Vec<String> {
    let mut flags = kubeconfig_flags("controllers");
    flags.extend(
        [
            "--controllers=*",
            "--service-account-private-key-file=pki/accounts.key",
            "--use-service-account-credentials=true",
            "--root-ca-file=pki/ca.crt",
            "--cluster-signing-cert-file=pki/ca.crt",
            "--cluster-signing-key-file=pki/ca.key",
            // With its default of 20 writes per second the manager would limit the test.
            "--kube-api-qps=2000",
            "--kube-api-burst=2000",
            "--concurrent-deployment-syncs=20",
            "--concurrent-replicaset-syncs=20",
        ]
        .map(str::to_owned),
    );
    flags
}

fn scheduler_flags() -> Vec<String> {
    kubeconfig_flags("scheduler")
}

fn kubeconfig_flags(client: &str) -> Vec<String> {
    let mut flags = vec![
        "--leader-elect=false".to_owned(),
        "--secure-port=0".to_owned(),
    ];
    for flag in [
        "kubeconfig",
        "authentication-kubeconfig",
        "authorization-kubeconfig",
    ] {
        flags.push(format!("--{flag}={client}.kubeconfig"));
    }
    flags
}

fn kwok_flags() -> Vec<String> {
    [
        "--kubeconfig=admin.kubeconfig",
        "--manage-all-nodes=true",
        "--node-lease-duration-seconds=40",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_before_anything_starts() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = refuse_taken(port).unwrap_err().to_string();
        assert!(error.starts_with(&format!("use port {port}")), "{error}");
    }

    #[test]
    fn the_api_alone_is_two_parts() {
        assert_eq!(names(true), ["etcd", "kube-apiserver"]);
        assert_eq!(names(false).len(), 5);
    }
}
