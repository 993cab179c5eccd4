//! The demo of the built binary, unattended and interactive.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// Returns `lode` isolated from this machine's configuration.
fn lode(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lode"));
    command
        .args(arguments)
        .env_remove("KUBECONFIG")
        .env("HOME", "/nowhere");
    command
}

#[test]
fn every_step_of_the_script_has_its_effect() {
    let output = lode(&["demo", "--script"]).output().unwrap();
    let (said, complaint) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{said}{complaint}");
    let steps: Vec<&str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("✔ ")?.split(" (").next())
        .collect();
    let wanted = [
        "every Kustomization is ready",
        "a commit converges",
        "a live edit is healed",
        "a broken commit is refused",
        "a revert makes it ready again",
        "a file deleted is an object deleted",
    ];
    assert_eq!(steps, wanted);
    assert!(
        said.contains(".spec.replicas changed by a-colleague"),
        "{said}"
    );
    assert!(
        said.contains("(infrastructure/queues/base/orders.yaml:"),
        "{said}"
    );
}

/// Clones and pushes with the printed URL, and fails to push without its token.
fn assert_pushes_with_the_printed_url_only(said: &[String]) {
    let url = said
        .iter()
        .find_map(|line| line.trim().strip_prefix("git clone ")?.split(' ').next());
    let url = url.expect("the demo prints a URL to clone");
    let (start, rest) = url.split_once("://").expect("a URL");
    let (secret, rest) = rest.split_once('@').expect("credentials");
    assert!(
        secret
            .split_once(':')
            .is_some_and(|(_, token)| token.len() >= 32),
        "{url}"
    );

    let folder = tempfile::tempdir().expect("a folder");
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command
            .arg("-C")
            .arg(folder.path())
            .args(["-c", "user.name=a", "-c", "user.email=a@b"])
            .args(arguments);
        command
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .expect("git runs")
    };
    let cloned = git(&["clone", "-q", url, "fleet"]);
    assert!(cloned.status.success(), "{cloned:?}");
    assert!(
        git(&[
            "-C",
            "fleet",
            "commit",
            "-q",
            "--allow-empty",
            "-m",
            "nothing"
        ])
        .status
        .success()
    );
    let stranger = git(&[
        "-C",
        "fleet",
        "push",
        "-q",
        &format!("{start}://{rest}"),
        "main",
    ]);
    assert!(
        !stranger.status.success(),
        "a push without the token is refused"
    );
    let pushed = git(&["-C", "fleet", "push", "-q"]);
    assert!(pushed.status.success(), "{pushed:?}");
}

#[test]
fn a_person_gets_a_kubeconfig_that_is_gone_afterwards() {
    let mut demo = lode(&["demo"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let kubeconfig = lines.next().unwrap().unwrap();
    let mut talk = BufReader::new(demo.stderr.take().unwrap()).lines();
    let said: Vec<String> = talk
        .by_ref()
        .map(Result::unwrap)
        .take_while(|line| !line.contains("Ctrl-C ends"))
        .collect();
    assert_pushes_with_the_printed_url_only(&said);
    let get = lode(&["get", "kustomizations", "-A", "--kubeconfig", &kubeconfig])
        .output()
        .expect("git runs");
    assert!(
        String::from_utf8_lossy(&get.stdout).contains("fleet"),
        "{get:?}"
    );
    let ended = Command::new("kill")
        .args(["-INT", &demo.id().to_string()])
        .status()
        .unwrap();
    assert!(ended.success() && demo.wait().unwrap().success());
    assert!(!Path::new(&kubeconfig).exists());
}
