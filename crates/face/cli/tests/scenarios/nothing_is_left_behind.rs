//! Kubeconfigs and tokens of a server are gone once it has ended, and readable only by its user
//! while it runs.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::ground;

/// A running verb that has written its kubeconfig, with its own folder for temporary files.
struct Running {
    child: Child,
    kubeconfig: PathBuf,
}

fn start(verb: &str, temporary: &Path, flags: &[&str]) -> Running {
    let mut command = Command::new(ground::binary());
    command
        .arg(verb)
        .args(flags)
        .env("TMPDIR", temporary)
        .env_remove("KUBECONFIG")
        .env("HOME", "/nowhere");
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let line = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .next()
        .unwrap()
        .unwrap();
    Running {
        child,
        kubeconfig: line.into(),
    }
}

impl Running {
    fn end(mut self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
        self.child.wait().unwrap();
    }
}

fn left(temporary: &Path) -> Vec<String> {
    let entries = fs::read_dir(temporary).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn every_signal_that_can_be_caught_removes_what_was_written() {
    for verb in ["apiserver", "demo"] {
        let temporary = tempfile::tempdir().unwrap();
        for signal in [
            Signal::SIGINT,
            Signal::SIGTERM,
            Signal::SIGHUP,
            Signal::SIGQUIT,
        ] {
            let running = start(verb, temporary.path(), &[]);
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(
                (
                    mode(&running.kubeconfig),
                    mode(running.kubeconfig.parent().unwrap())
                ),
                (0o600, 0o700)
            );
            running.end(signal);
            assert_eq!(
                left(temporary.path()),
                Vec::<String>::new(),
                "{verb} {signal}"
            );
        }
    }
}

#[test]
fn what_a_killed_process_left_is_removed_by_the_next() {
    for verb in ["apiserver", "demo"] {
        let temporary = tempfile::tempdir().unwrap();
        let other = start(verb, temporary.path(), &[]);
        start(verb, temporary.path(), &[]).end(Signal::SIGKILL);
        let killed = left(temporary.path());
        let next = start(verb, temporary.path(), &[]);
        assert!(other.kubeconfig.exists(), "what is in use stays");
        assert_eq!(
            left(temporary.path()).len(),
            killed.len(),
            "{killed:?}, now {:?}",
            left(temporary.path())
        );
        next.end(Signal::SIGTERM);
        other.end(Signal::SIGTERM);
        assert_eq!(left(temporary.path()), Vec::<String>::new(), "{verb}");
    }
}

#[test]
fn a_kubeconfig_that_others_could_read_is_closed_to_them() {
    let temporary = tempfile::tempdir().unwrap();
    let file = temporary.path().join("kubeconfig");
    fs::write(&file, "old").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    let running = start(
        "apiserver",
        temporary.path(),
        &["--kubeconfig", file.to_str().unwrap()],
    );
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(fs::read_to_string(&file).unwrap().contains("clusters"));
    running.end(Signal::SIGTERM);
}

#[test]
fn a_malformed_line_of_tokens_is_named_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens.csv");
    for line in [
        "hidden",
        "hidden,jane",
        "hidden,,1",
        "hidden,jane,1,\"dev",
        "hidden,jane,1,dev,ops",
    ] {
        fs::write(
            &file,
            format!("# users\nadmintoken,admin,1,\"system:masters\"\n{line}\n"),
        )
        .unwrap();
        let mut command = Command::new(ground::binary());
        let run = command
            .arg("apiserver")
            .arg("--token-auth-file")
            .arg(&file)
            .output()
            .unwrap();
        let said = String::from_utf8(run.stderr).unwrap();
        assert!(
            !run.status.success() && said.contains("tokens.csv:3: "),
            "{line}: {said}"
        );
        assert!(!said.contains("hidden"), "{said}");
    }
}
