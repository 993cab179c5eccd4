//! Pushes.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lode_git::{Access, Gate, Options, ServerLimits};

use super::{Clone, Serving};
use crate::repository::write;

#[test]
fn a_push_is_taken_and_told() {
    let serving = Serving::start();
    let repository = serving.repository("fleet");
    let mut watch = repository.watch();
    let clone = serving.clone("fleet", "clone", &[]);
    let first = clone.commit("apps/web.yaml", "kind: ConfigMap\n");
    clone.git(&["push", "-q", "origin", "main"]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let seen = runtime
        .block_on(async { tokio::time::timeout(Duration::from_secs(10), watch.changed()).await });
    assert_eq!(
        seen.unwrap()
            .unwrap()
            .get("refs/heads/main")
            .unwrap()
            .to_string(),
        first
    );
    let snapshot = repository.snapshot("main", &Options::default()).unwrap();
    assert_eq!(
        (snapshot.commit, snapshot.subject.as_str()),
        (first, "write apps/web.yaml")
    );
    // Commits made here reach the clone, and the other way round.
    let ours = write(&repository, "apps/ours.yaml", "x");
    clone.git(&["pull", "-q"]);
    assert_eq!(clone.head(), ours.to_string());
    let second = clone.commit("apps/theirs.yaml", "y");
    clone.git(&["push", "-q", "origin", "main"]);
    let again = serving.clone("fleet", "again", &[]);
    again.check();
    assert_eq!(again.head(), second);
}

#[test]
fn branches_and_tags_come_and_go() {
    let serving = Serving::start();
    let repository = serving.repository("fleet");
    write(&repository, "a", "1");
    let clone = serving.clone("fleet", "clone", &[]);
    let names = || -> Vec<String> {
        repository
            .references()
            .iter()
            .map(|(name, _)| name.to_owned())
            .collect()
    };
    clone.git(&["tag", "-a", "-m", "one", "v1.0.0"]);
    clone.git(&["tag", "light"]);
    clone.git(&[
        "push",
        "-q",
        "origin",
        "HEAD:refs/heads/fix/a",
        "HEAD:refs/pull/1/head",
        "v1.0.0",
        "light",
    ]);
    assert_eq!(
        names(),
        [
            "refs/heads/fix/a",
            "refs/heads/main",
            "refs/pull/1/head",
            "refs/tags/light",
            "refs/tags/v1.0.0"
        ]
    );
    clone.git(&["push", "-q", "origin", ":fix/a", ":light"]);
    assert_eq!(
        names(),
        ["refs/heads/main", "refs/pull/1/head", "refs/tags/v1.0.0"]
    );
    for (refspec, words) in [
        (":main", "deletion of the current branch prohibited"),
        ("HEAD:refs/heads/main/x", "conflicts with refs/heads/main"),
        ("v1.0.0:refs/heads/tagged", "a branch leads to a commit"),
    ] {
        let refused = clone
            .try_git(&["push", "-q", "origin", refspec])
            .unwrap_err();
        assert!(refused.contains(words), "{refused}");
    }
    assert_eq!(names().len(), 3);
}

#[test]
fn a_branch_is_overwritten_by_force_only() {
    let serving = Serving::start();
    let repository = serving.repository("fleet");
    write(&repository, "a", "1");
    let [one, two] = ["one", "two"].map(|name| serving.clone("fleet", name, &[]));
    let first = one.commit("a", "one");
    one.git(&["push", "-q", "origin", "main"]);
    let second = two.commit("a", "two");
    let main = || {
        repository
            .references()
            .get("refs/heads/main")
            .unwrap()
            .to_string()
    };
    let refused = two.try_git(&["push", "-q", "origin", "main"]).unwrap_err();
    assert!(refused.contains("fetch first"), "{refused}");
    let stale = format!("--force-with-lease=main:{second}");
    two.try_git(&["push", "-q", &stale, "origin", "main"])
        .unwrap_err();
    assert_eq!(main(), first);
    two.git(&["push", "-q", "--force", "origin", "main"]);
    assert_eq!(main(), second);
    // Overwritten commits can still be fetched by id.
    assert_eq!(
        repository
            .snapshot(&first, &Options::default())
            .unwrap()
            .commit,
        first
    );
}

#[test]
fn an_atomic_push_is_all_or_nothing() {
    let serving = Serving::start();
    let repository = serving.repository("fleet");
    write(&repository, "a", "1");
    let clone = serving.clone("fleet", "clone", &[]);
    let specs = ["HEAD:refs/heads/x", "HEAD:refs/heads/main/y"];
    clone
        .try_git(&["push", "-q", "--atomic", "origin", specs[0], specs[1]])
        .unwrap_err();
    assert_eq!(repository.references().get("refs/heads/x"), None);
    clone
        .try_git(&["push", "-q", "origin", specs[0], specs[1]])
        .unwrap_err();
    assert!(
        repository.references().get("refs/heads/x").is_some(),
        "the rest is taken without --atomic"
    );
}

#[test]
fn deltas_of_every_kind_are_resolved() {
    let serving = Serving::start();
    let repository = serving.repository("fleet");
    let clone = serving.clone("fleet", "clone", &[]);
    let lines = |n: usize| {
        let lines: Vec<_> = (0..5000)
            .map(|line| format!("line {line} {}\n", line * n % 977))
            .collect();
        lines.concat()
    };
    // Versions of one large file: a chain of deltas, in a pack larger than git sends in one piece.
    for n in 0..30 {
        clone.commit("large", &(lines(3) + &lines(n)));
    }
    std::fs::write(clone.0.join("noise"), crate::noise().repeat(6)).unwrap();
    clone.commit("small", "x");
    clone.git(&["push", "-q", "origin", "main"]);
    // A thin pack: its delta is based on an existing object.
    clone.commit("large", &(lines(3) + &lines(29) + "more\n"));
    clone.git(&["push", "-q", "origin", "main"]);
    let again = serving.clone("fleet", "again", &[]);
    again.check();
    assert_eq!(again.head(), clone.head());
    assert_eq!(repository.history("main", 100).unwrap().len(), 32);
}

#[test]
fn a_shallow_clone_pushes_as_well() {
    let serving = Serving::start();
    let repository = serving.repository("fleet");
    for n in 0..5 {
        write(&repository, "a", &n.to_string());
    }
    let clone = serving.clone("fleet", "clone", &["--depth", "2"]);
    let head = clone.commit("b", "new");
    clone.git(&["push", "-q", "origin", "main"]);
    assert_eq!(repository.history(&head, 100).unwrap().len(), 6);
    // Objects with dangling references are refused.
    let other = serving.repository("other");
    let refused = clone
        .try_git(&["push", "-q", &serving.url("other"), "main"])
        .unwrap_err();
    assert!(
        refused.contains("missing or has an unexpected kind"),
        "{refused}"
    );
    assert_eq!(other.references().iter().count(), 0);
}

#[test]
fn a_push_past_the_limits_is_refused() {
    let limits = ServerLimits {
        pack_bytes: 200_000,
        object_bytes: 1_000_000,
        unpacked_bytes: 1_500_000,
    };
    let serving = Serving::with(limits);
    let repository = serving.repository("fleet");
    let push = |clone: &Clone| {
        clone
            .try_git(&["push", "-q", "origin", "main"])
            .map_err(|words| words.to_lowercase())
    };
    let clone = serving.clone("fleet", "noise", &[]);
    clone.commit("noise", &crate::noise());
    let refused = push(&clone).unwrap_err();
    assert!(refused.contains("413"), "{refused}");
    let clone = serving.clone("fleet", "zeros", &[]);
    clone.commit("zeros", &"0".repeat(1_000_001));
    assert!(
        push(&clone)
            .unwrap_err()
            .contains("more than 1000000 bytes")
    );
    let clone = serving.clone("fleet", "many", &[]);
    clone.commit("one", &"1".repeat(800_000));
    clone.commit("two", &"2".repeat(800_000));
    assert!(
        push(&clone)
            .unwrap_err()
            .contains("more than 1500000 bytes")
    );
    assert_eq!(repository.references().iter().count(), 0);
    clone.git(&["reset", "-q", "--hard", "HEAD~1"]);
    push(&clone).unwrap();
}

#[test]
fn a_push_needs_the_password_that_reading_does_not() {
    let serving = Serving::start();
    let access = Access {
        read: Gate::Open,
        write: Gate::basic("ada", "secret"),
    };
    let repository = serving.repository_with("fleet", access);
    let clone = serving.clone("fleet", "clone", &[]);
    let head = clone.commit("a", "1");
    let with = |user: &str| {
        serving
            .url("fleet")
            .replace("http://", &format!("http://{user}@"))
    };
    for url in [serving.url("fleet"), with("ada:wrong"), with("eve:secret")] {
        clone.try_git(&["push", "-q", &url, "main"]).unwrap_err();
    }
    assert_eq!(repository.references().iter().count(), 0);
    clone.git(&["push", "-q", &with("ada:secret"), "main"]);
    assert_eq!(repository.find("main").unwrap().to_string(), head);
}

#[test]
fn clones_are_whole_while_pushes_land() {
    let serving = Serving::start();
    let repository = serving.repository("fleet");
    write(&repository, "start", "0");
    let pushers: Vec<Clone> = (0..2)
        .map(|n| serving.clone("fleet", &format!("push-{n}"), &[]))
        .collect();
    std::thread::scope(|scope| {
        for (n, pusher) in pushers.iter().enumerate() {
            scope.spawn(move || {
                let branch = format!("HEAD:refs/heads/branch-{n}");
                for step in 0..8 {
                    pusher.commit(&format!("dir-{n}/{step}"), "x");
                    pusher.git(&["push", "-q", "origin", &branch]);
                    // Both push the same branch: one of them loses, and nothing breaks.
                    drop(pusher.try_git(&[
                        "push",
                        "-q",
                        "--force",
                        "origin",
                        "HEAD:refs/heads/both",
                    ]));
                }
            });
        }
        for n in 0..4 {
            let (serving, repository) = (&serving, &repository);
            scope.spawn(move || {
                for step in 0..4 {
                    write(repository, &format!("main/{n}"), &step.to_string());
                    let clone = serving.clone("fleet", &format!("clone-{n}-{step}"), &[]);
                    clone.check();
                }
            });
        }
    });
    let clone = serving.clone("fleet", "last", &[]);
    clone.check();
    assert_eq!(clone.git(&["rev-list", "--count", "origin/branch-0"]), "9");
    assert_eq!(clone.git(&["rev-list", "--count", "origin/main"]), "17");
}

#[test]
fn a_broken_pack_changes_nothing() {
    let serving = Serving::start();
    let repository = serving.repository("fleet");
    let clone = serving.clone("fleet", "clone", &[]);
    let head = clone.commit("a", "1");
    let objects = clone.git(&["rev-list", "--objects", "--no-object-names", "HEAD"]);
    std::fs::write(clone.0.join("list"), objects + "\n").unwrap();
    let pack = run(&clone.0, "git pack-objects -q --stdout <list");
    let line = format!("{} {head} refs/heads/main\0report-status", "0".repeat(40));
    let send = |pack: &[u8]| {
        let request = [format!("{:04x}{line}0000", line.len() + 4).as_bytes(), pack].concat();
        post(
            &format!("{}/git-receive-pack", serving.url("fleet")),
            &request,
        )
    };
    let sum = |bytes: &[u8]| {
        std::fs::write(clone.0.join("bytes"), bytes).unwrap();
        let hex = String::from_utf8(run(&clone.0, "sha1sum bytes")).unwrap();
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        [bytes, &(0..40).step_by(2).map(byte).collect::<Vec<u8>>()].concat()
    };
    let body = &pack[..pack.len() - 20];
    let mut count = body.to_vec();
    count[11] += 1;
    let mut flipped = body.to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    for broken in [
        &pack[..pack.len() - 1],
        b"PACK",
        &sum(&count),
        &sum(&flipped),
        &sum(&body[..body.len() - 3]),
        &sum(&[body, b"more"].concat()),
        &sum(b"PACK\0\0\0\x02\0\0\0\0"),
    ] {
        let report = send(broken);
        assert!(report.contains("ng refs/heads/main"), "{report}");
        assert_eq!(repository.references().iter().count(), 0);
    }
    assert!(send(&pack).contains("ok refs/heads/main"));
}

fn run(folder: &Path, script: &str) -> Vec<u8> {
    let output = Command::new("sh")
        .args(["-c", script])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{script}");
    output.stdout
}

fn post(url: &str, body: &[u8]) -> String {
    let (host, path) = url.trim_start_matches("http://").split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(
        stream,
        "POST /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    )
    .unwrap();
    write!(
        stream,
        "Content-Type: application/x-git-receive-pack-request\r\n\r\n"
    )
    .unwrap();
    stream.write_all(body).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
