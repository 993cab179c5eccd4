//! Clones and fetches.

use std::io::{Read as _, Write as _};
use std::path::Path;

use lode_git::{
    Access, Changes, Credentials, Gate, GitCache, Options, Reference, Repository, TransportError,
};

use super::{Clone, Serving, git};
use crate::repository::{at, draft, write};
use crate::{fetch, resolve};

/// Creates seven commits, one per day.
fn week(repository: &Repository) -> Vec<String> {
    let day = |n: i64| {
        let mut changes = Changes::default();
        changes.write(at(&format!("days/{n}")), format!("{n}"));
        let mut draft = draft(&format!("day {n}"));
        draft.time_seconds += n * 86_400;
        repository
            .commit("main", &changes, &draft)
            .unwrap()
            .to_string()
    };
    (0..7).map(day).collect()
}

fn commits(clone: &Clone) -> usize {
    clone.git(&["rev-list", "--count", "HEAD"]).parse().unwrap()
}

#[test]
fn a_clone_is_what_was_committed() {
    let serving = Serving::start();
    let repository = serving.repository("team/fleet");
    let mut changes = Changes::default();
    changes.write(at("apps/web/a.yaml"), "kind: ConfigMap\n");
    changes.write_as(at("run.sh"), "#!/bin/sh\n", true);
    changes.link(at("current"), "apps/web");
    changes.write(at("large"), "0123456789".repeat(50_000));
    repository
        .commit("main", &changes, &draft("first"))
        .unwrap();
    let last = write(&repository, "apps/web/b.yaml", "");
    let clone = serving.clone("team/fleet", "clone", &[]);
    clone.check();
    assert_eq!((clone.head(), commits(&clone)), (last.to_string(), 2));
    assert_eq!(clone.git(&["symbolic-ref", "HEAD"]), "refs/heads/main");
    assert_eq!(
        clone.git(&["ls-files"]),
        "apps/web/a.yaml\napps/web/b.yaml\ncurrent\nlarge\nrun.sh"
    );
    assert_eq!(clone.git(&["status", "--porcelain"]), "");
    assert_eq!(
        std::fs::read_to_string(clone.0.join("current/a.yaml")).unwrap(),
        "kind: ConfigMap\n"
    );
    git(
        &serving.folder,
        &[
            "clone",
            "-q",
            &format!("{}/team/fleet", serving.address),
            "bare-name",
        ],
    )
    .unwrap();
}

#[test]
fn the_sample_fleet_is_cloned_as_it_lies_here() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../examples");
    let serving = Serving::start();
    let mut changes = Changes::default();
    let mut folders = vec![examples.join("fleet")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(examples.join("fleet"))
                    .unwrap()
                    .to_str()
                    .unwrap();
                changes.write(at(name), std::fs::read(&path).unwrap());
            }
        }
    }
    assert!(changes.len() > 20);
    serving
        .repository("fleet")
        .commit("main", &changes, &draft("the sample fleet"))
        .unwrap();
    let clone = serving.clone("fleet", "clone", &[]);
    std::fs::remove_dir_all(clone.0.join(".git")).unwrap();
    git(
        &clone.0,
        &[
            "diff",
            "--no-index",
            "--stat",
            examples.join("fleet").to_str().unwrap(),
            ".",
        ],
    )
    .unwrap();
}

#[test]
fn an_empty_repository_is_cloned_with_its_branch() {
    let serving = Serving::start();
    serving
        .server
        .put("empty", Repository::new("trunk"), Access::default());
    let clone = serving.clone("empty", "clone", &[]);
    assert_eq!(clone.git(&["symbolic-ref", "HEAD"]), "refs/heads/trunk");
    let gone = git(&serving.folder, &["clone", "-q", &serving.url("gone"), "x"]).unwrap_err();
    assert!(gone.contains("not found"), "{gone}");
    serving.server.remove("empty");
    clone.try_git(&["fetch"]).unwrap_err();
}

#[test]
fn a_fetch_brings_what_is_new_and_no_more() {
    let serving = Serving::start();
    let repository = serving.repository("fleet");
    let mut changes = Changes::default();
    for n in 0..200 {
        changes.write(at(&format!("apps/{n}/file")), format!("{n}"));
    }
    repository.commit("main", &changes, &draft("all")).unwrap();
    let clone = serving.clone("fleet", "clone", &[]);
    let objects = |clone: &Clone| -> usize {
        let text = clone.git(&["count-objects", "-v"]);
        let number = |key: &str| -> usize {
            text.lines()
                .find_map(|line| line.strip_prefix(key))
                .unwrap()
                .trim()
                .parse()
                .unwrap()
        };
        number("count:") + number("in-pack:")
    };
    let before = objects(&clone);
    assert_eq!(before, 1 + 2 + 200 + 200);
    write(&repository, "apps/7/file", "new");
    clone.git(&["fetch", "-q"]);
    clone.check();
    assert_eq!(objects(&clone), before + 5, "a commit, three trees, a blob");
    clone.git(&["fetch", "-q"]);
    assert_eq!(objects(&clone), before + 5);
}

#[test]
fn histories_that_parted_find_where() {
    let serving = Serving::start();
    let repository = serving.repository("fleet");
    week(&repository);
    let clone = serving.clone("fleet", "clone", &[]);
    // More own commits than fit into one round of negotiation, and into an uncompressed request.
    for n in 0..120 {
        clone.git(&["commit", "-q", "--allow-empty", "-m", &format!("own {n}")]);
    }
    let last = write(&repository, "file", "theirs");
    clone.git(&["fetch", "-q"]);
    clone.check();
    assert_eq!(clone.git(&["rev-parse", "origin/main"]), last.to_string());
    // No common history at all.
    let other = Clone(serving.folder.join("other"));
    git(&serving.folder, &["init", "-q", "-b", "main", "other"]).unwrap();
    for n in 0..40 {
        other.git(&["commit", "-q", "--allow-empty", "-m", &format!("alien {n}")]);
    }
    other.git(&["fetch", "-q", &serving.url("fleet"), "main"]);
    other.check();
    assert_eq!(other.git(&["rev-list", "--count", "FETCH_HEAD"]), "8");
}

#[test]
fn a_shallow_clone_deepens_step_by_step() {
    let serving = Serving::start();
    let repository = serving.repository("fleet");
    week(&repository);
    let clone = serving.clone("fleet", "clone", &["--depth", "1"]);
    let expect = |count: usize| {
        clone.check();
        assert_eq!(commits(&clone), count);
    };
    expect(1);
    assert_eq!(clone.git(&["ls-files"]).lines().count(), 7);
    clone.git(&["fetch", "-q", "--depth", "3"]);
    expect(3);
    clone.git(&["fetch", "-q", "--deepen", "1"]);
    expect(4);
    write(&repository, "new", "x");
    clone.git(&["pull", "-q"]);
    expect(5);
    clone.git(&["fetch", "-q", "--depth", "2"]);
    clone.git(&["pull", "-q", "--depth", "2"]);
    expect(2);
    clone.git(&["fetch", "-q", "--unshallow"]);
    expect(8);
    assert_eq!(
        clone.git(&["rev-parse", "--is-shallow-repository"]),
        "false"
    );
}

#[test]
fn history_is_cut_by_time_and_by_reference() {
    let serving = Serving::start();
    let repository = serving.repository("fleet");
    let days = week(&repository);
    let since = serving.clone(
        "fleet",
        "since",
        &["--shallow-since", "2026-01-05T00:00:00Z"],
    );
    since.check();
    assert_eq!(
        since.git(&["rev-list", "--reverse", "HEAD"]).lines().next(),
        Some(days[3].as_str())
    );
    let id = days[4].parse().unwrap();
    let update = lode_git::Update {
        name: "refs/tags/v1".to_owned(),
        old: None,
        new: Some(id),
    };
    repository.update(&[update], false).remove(0).unwrap();
    let from = serving.clone("fleet", "from", &["--shallow-exclude", "v1"]);
    from.check();
    assert_eq!(commits(&from), 2);
}

#[test]
fn merges_are_cut_and_deepened_as_well() {
    let serving = Serving::start();
    serving.repository("fleet");
    let work = serving.clone("fleet", "work", &[]);
    work.commit("a", "1");
    for n in 0..3 {
        work.git(&["checkout", "-q", "-b", &format!("side-{n}")]);
        work.commit(&format!("side-{n}"), "x");
        work.commit(&format!("side-{n}"), "y");
        work.git(&["checkout", "-q", "main"]);
        work.commit("a", &format!("2-{n}"));
        work.git(&["merge", "-q", "--no-edit", &format!("side-{n}")]);
    }
    work.git(&["push", "-q", "origin", "main"]);
    let all = commits(&work);
    for depth in 1..6 {
        let clone = serving.clone(
            "fleet",
            &format!("depth-{depth}"),
            &["--depth", &depth.to_string()],
        );
        clone.check();
        let real = format!("real-{depth}");
        let source = format!("file://{}", work.0.display());
        let args = [
            "clone",
            "-q",
            "--depth",
            &depth.to_string(),
            "-b",
            "main",
            &source,
            &real,
        ];
        git(&serving.folder, &args).unwrap();
        assert_eq!(
            clone.git(&["rev-list", "--topo-order", "HEAD"]),
            git(
                &serving.folder.join(&real),
                &["rev-list", "--topo-order", "HEAD"]
            )
            .unwrap()
        );
        clone.git(&["fetch", "-q", "--unshallow"]);
        clone.check();
        assert_eq!(commits(&clone), all);
    }
}

#[test]
fn any_object_is_handed_out_by_its_id() {
    let serving = Serving::start();
    let repository = serving.repository("fleet");
    let days = week(&repository);
    let clone = Clone(serving.folder.join("clone"));
    git(&serving.folder, &["init", "-q", "clone"]).unwrap();
    let url = serving.url("fleet");
    clone.git(&["fetch", "-q", "--depth", "1", &url, &days[2]]);
    assert_eq!(clone.git(&["rev-parse", "FETCH_HEAD"]), days[2]);
    let unknown = clone
        .try_git(&["fetch", "-q", &url, &"12".repeat(20)])
        .unwrap_err();
    assert!(unknown.contains("not our ref"), "{unknown}");
}

#[test]
fn tags_come_with_what_they_point_to() {
    let serving = Serving::start();
    let repository = serving.repository("fleet");
    write(&repository, "a", "1");
    let work = serving.clone("fleet", "work", &[]);
    let other = serving.clone("fleet", "other", &[]);
    work.commit("a", "2");
    work.git(&["tag", "-a", "-m", "one", "v1.0.0"]);
    work.git(&["tag", "-a", "-m", "nested", "nested", "v1.0.0"]);
    work.git(&["tag", "light"]);
    work.git(&["push", "-q", "--tags", "origin", "main"]);
    other.git(&["fetch", "-q", "origin"]);
    other.check();
    assert_eq!(other.git(&["tag"]), "light\nnested\nv1.0.0");
    let listed = git(
        &serving.folder,
        &["ls-remote", "--tags", &serving.url("fleet")],
    )
    .unwrap();
    assert!(
        listed.contains(&format!("{}\trefs/tags/nested^{{}}", work.head())),
        "{listed}"
    );
    let tag = serving.clone("fleet", "tag", &["-b", "nested", "--depth", "1"]);
    assert_eq!((tag.head(), commits(&tag)), (work.head(), 1));
}

#[test]
fn what_is_not_offered_is_done_without() {
    let serving = Serving::start();
    let repository = serving.repository("fleet");
    week(&repository);
    let partial = serving.clone("fleet", "partial", &["--filter=blob:none"]);
    partial.check();
    assert_eq!(commits(&partial), 7);
    let mirror = serving.clone("fleet", "mirror", &["--mirror"]);
    write(&repository, "new", "x");
    mirror.git(&["remote", "update", "--prune"]);
    mirror.check();
    assert_eq!(
        mirror.git(&["rev-parse", "main"]),
        repository.find("main").unwrap().to_string()
    );
}

#[test]
fn our_own_client_is_served() {
    let serving = Serving::start();
    let repository = serving.repository("fleet");
    let days = week(&repository);
    let remote = crate::remote(&serving.url("fleet"));
    let cache = GitCache::open(serving.folder.join("cache")).unwrap();
    let go = |reference: &Reference| {
        let resolved = resolve(&remote, reference).unwrap();
        fetch(&remote, &resolved, &cache, &Options::default()).unwrap()
    };
    let main = Reference {
        branch: Some("main".to_owned()),
        ..Reference::default()
    };
    for step in 0..3 {
        let here = repository.snapshot("main", &Options::default()).unwrap();
        let there = go(&main);
        assert_eq!(
            (there.commit, there.tree == here.tree, there.subject),
            (here.commit, true, here.subject)
        );
        write(&repository, "days/3", &format!("step {step}"));
    }
    let pin = Reference {
        commit: Some(days[1].clone()),
        ..Reference::default()
    };
    assert_eq!(go(&pin).tree.len(), 2);
    let lost = Reference {
        commit: Some("12".repeat(20)),
        ..Reference::default()
    };
    let error = fetch(
        &remote,
        &resolve(&remote, &lost).unwrap(),
        &cache,
        &Options::default(),
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("commit \"{}\" not found", "12".repeat(20))
    );
}

#[test]
fn a_gate_asks_for_its_password() {
    let serving = Serving::start();
    let access = Access {
        read: Gate::basic("git", "secret"),
        write: Gate::Closed,
    };
    let repository = serving.repository_with("fleet", access);
    write(&repository, "a", "1");
    let mut remote = crate::remote(&serving.url("fleet"));
    let main = Reference {
        branch: Some("main".to_owned()),
        ..Reference::default()
    };
    let mut ask = |password: Option<&str>| {
        remote.credentials = password.map_or(Credentials::None, |password| Credentials::Basic {
            username: "git".to_owned(),
            password: password.to_owned(),
        });
        resolve(&remote, &main).map(drop)
    };
    assert_eq!(ask(None), Err(TransportError::Unauthenticated.into()));
    assert_eq!(
        ask(Some("wrong")),
        Err(TransportError::CredentialsRefused.into())
    );
    assert_eq!(ask(Some("secret")), Ok(()));
    let url = serving
        .url("fleet")
        .replace("http://", "http://git:secret@");
    git(&serving.folder, &["clone", "-q", &url, "clone"]).unwrap();
    let clone = Clone(serving.folder.join("clone"));
    clone.commit("a", "2");
    let closed = clone
        .try_git(&["push", "-q", "origin", "main"])
        .unwrap_err();
    assert!(closed.contains("403"), "{closed}");
}

#[test]
fn nonsense_is_answered_not_obeyed() {
    let serving = Serving::start();
    write(&serving.repository("fleet"), "a", "1");
    let ask = |head: &str, body: &str| {
        let mut stream =
            std::net::TcpStream::connect(serving.address.trim_start_matches("http://")).unwrap();
        let length = body.len();
        write!(
            stream,
            "{head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n"
        )
        .unwrap();
        write!(
            stream,
            "Content-Type: application/x-git-upload-pack-request\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    for (head, status) in [
        ("GET /fleet/HEAD", "404"),
        ("GET /fleet.git/info/refs", "404"),
        (
            "GET /../../etc/passwd/info/refs?service=git-upload-pack",
            "404",
        ),
        ("POST /fleet/info/refs?service=git-upload-pack", "405"),
        ("GET /fleet/git-upload-pack", "405"),
        ("POST /fleet/git-receive-pack", "415"),
    ] {
        assert!(
            ask(head, "").starts_with(&format!("HTTP/1.1 {status}")),
            "{head}"
        );
    }
    let malformed = ask("POST /fleet/git-upload-pack", "hello");
    assert!(
        malformed.contains("ERR upload-pack: the request is not in Git's protocol"),
        "{malformed}"
    );
    let unknown = ask("POST /fleet/git-upload-pack", "0011command=burn\n0000");
    assert!(unknown.contains("\"burn\" is not supported"), "{unknown}");
    let nothing = ask("POST /fleet/git-upload-pack", "0000");
    assert!(nothing.starts_with("HTTP/1.1 200"), "{nothing}");
    let old = git(
        &serving.folder,
        &[
            "-c",
            "protocol.version=0",
            "ls-remote",
            &serving.url("fleet"),
        ],
    )
    .unwrap_err();
    assert!(old.contains("protocol version 2 is needed"), "{old}");
}
