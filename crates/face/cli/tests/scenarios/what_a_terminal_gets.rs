//! Statuses, paths and objects are written by strangers; a terminal shows their control sequences
//! as text and does not obey them.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use lode_sandbox::Sandbox;
use nix::pty::openpty;
use serde_json::json;

use crate::ground;

/// A colour, a title, and a character that reverses the direction of text.
const OBEYED: &str = "\u{1b}[31mX\u{1b}]0;pwn\u{7}\u{202e}\u{9b}";

fn lode(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(ground::binary());
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("KUBECONFIG");
    command
}

/// Returns a command's output on a terminal, stdout and stderr.
fn on_terminal(mut command: Command) -> String {
    let pair = openpty(None, None).unwrap();
    let end = || Stdio::from(pair.slave.try_clone().unwrap());
    let mut child = command
        .stdin(Stdio::null())
        .stdout(end())
        .stderr(end())
        .spawn()
        .unwrap();
    drop(command);
    drop(pair.slave);
    let (mut terminal, mut bytes) = (File::from(pair.master), Vec::new());
    // Once the last writer is gone, reading from a terminal fails.
    let _ = terminal.read_to_end(&mut bytes);
    child.wait().unwrap();
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

/// Returns a command's output to another program.
fn in_pipe(mut command: Command) -> String {
    let run = command.output().unwrap();
    String::from_utf8([run.stdout, run.stderr].concat()).unwrap()
}

fn is_harmless(text: &str) -> bool {
    text.contains("\\u001b")
        && !text
            .chars()
            .any(|letter| letter != '\n' && letter.is_control() || letter == '\u{202e}')
}

#[test]
fn what_a_build_says_and_prints_is_shown_and_not_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let write = |path: &str, text: String| std::fs::write(at.join(path), text).unwrap();
    write(
        "kustomization.yaml",
        "resources: [\"\\e[31mX\\e]0;pwn\\a\\u202e\"]\n".to_owned(),
    );
    let build = || lode(&["build", "."], at);
    assert!(
        is_harmless(&on_terminal(build())),
        "{}",
        on_terminal(build())
    );
    assert!(
        in_pipe(build()).contains('\u{1b}'),
        "a file gets what there is"
    );

    write(
        "kustomization.yaml",
        "configMapGenerator: [{name: a, files: [data]}]\n".to_owned(),
    );
    write("data", format!("{OBEYED}\n"));
    // YAML escapes an escape character in an object; a direction character is written as it is.
    let (shown, given) = (on_terminal(build()), in_pipe(build()));
    assert!(
        !shown.contains(['\u{1b}', '\u{202e}', '\u{9b}']) && shown.contains("kind: ConfigMap"),
        "{shown}"
    );
    assert!(
        !shown.contains(OBEYED) && given.contains("kind: ConfigMap"),
        "{given}"
    );

    let help = on_terminal(lode(&["build", "--\u{1b}[31mX"], at));
    assert!(
        !help.contains('\u{1b}') && help.contains("unexpected argument"),
        "{help:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_status_says_is_shown_and_not_obeyed() {
    let sandbox = Sandbox::start(lode_sandbox::Options::default())
        .await
        .unwrap();
    let kind = ("source.toolkit.fluxcd.io/v1", "GitRepository");
    let source = json!({"apiVersion": kind.0, "kind": kind.1, "metadata": {"name": "a", "namespace": "default"},
        "spec": {"interval": "1m", "url": "https://example.com/a"}});
    sandbox.objects().apply("test", &source).await.unwrap();
    let condition = json!({"type": "Ready", "status": "False", "reason": "Failed", "message": OBEYED,
        "lastTransitionTime": "2026-01-01T00:00:00Z"});
    let status = json!({"status": {"conditions": [condition]}});
    let client = sandbox.objects().client();
    let resource = lode_cluster::Resource::known(kind.0, kind.1, "gitrepositories", true);
    let target = lode_cluster::Target {
        namespace: "default",
        name: "a",
        manager: "test",
        dry_run: false,
    };
    client
        .merge(&resource, target, "/status", &status)
        .await
        .unwrap();

    let kubeconfig = sandbox.kubeconfig().to_str().unwrap().to_owned();
    for form in [
        &["get", "sources", "-A"][..],
        &["get", "all", "-A"],
        &["get", "sources", "-A", "-o", "json"],
    ] {
        let get = || {
            lode(
                &[form, &["--kubeconfig", &kubeconfig]].concat(),
                Path::new("/"),
            )
        };
        let shown = tokio::task::block_in_place(|| on_terminal(get()));
        assert!(is_harmless(&shown), "{form:?}: {shown:?}");
        let given = tokio::task::block_in_place(|| in_pipe(get()));
        assert!(given.contains('\u{202e}'), "{form:?}: {given:?}");
    }
}
