//! Repositories in memory, compared with the result of the same changes in the git program.

use std::time::Instant;

use lode_git::{
    Author, Changes, CommitError, Draft, EditError, FetchError, HistoryError, ObjectId, Options,
    Repository, Update,
};
use lode_tree::{Entry, RepoPath, Tree};

use crate::server;
use crate::serving::random::Dice;

/// 2026-01-02T03:04:05Z, also used for the test's git commits.
const TIME: i64 = 1_767_323_045;

pub(crate) fn at(path: &str) -> RepoPath {
    RepoPath::parse(path).unwrap()
}

pub(crate) fn draft(message: &str) -> Draft {
    let author = Author {
        name: "Ada".to_owned(),
        email: "ada@example.com".to_owned(),
    };
    Draft {
        author,
        message: message.to_owned(),
        time_seconds: TIME,
        onto: None,
    }
}

pub(crate) fn write(repository: &Repository, path: &str, text: &str) -> ObjectId {
    let mut changes = Changes::default();
    changes.write(at(path), text);
    repository
        .commit("main", &changes, &draft(&format!("write {path}")))
        .unwrap()
}

fn tree(repository: &Repository, revision: &str) -> Tree {
    repository
        .snapshot(revision, &Options::default())
        .unwrap()
        .tree
}

fn files(tree: &Tree) -> Vec<String> {
    let show = |entry: &Entry| match entry {
        Entry::File { blob, executable } => {
            format!(
                "{}{}",
                String::from_utf8_lossy(&blob.bytes),
                if *executable { "*" } else { "" }
            )
        }
        other => format!("{other:?}"),
    };
    tree.entries()
        .map(|(path, entry)| format!("{path}={}", show(entry)))
        .collect()
}

#[test]
fn commits_are_those_git_makes() {
    let repository = Repository::new("main");
    let folder = tempfile::tempdir().unwrap();
    let real = server::Repository::create(folder.path(), "real");
    let mut changes = Changes::default();
    for (path, text) in [
        ("a/b/c.yaml", "1"),
        ("a/b.yaml", "2"),
        ("a.yaml", "3"),
        ("a-b", ""),
        ("z/ü", "4"),
    ] {
        changes.write(at(path), text);
        let file = real.work.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    changes.write_as(at("run.sh"), "#!/bin/sh\n", true);
    changes.link(at("z/link"), "../a.yaml");
    std::fs::write(real.work.join("run.sh"), "#!/bin/sh\n").unwrap();
    std::os::unix::fs::symlink("../a.yaml", real.work.join("z/link")).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(real.work.join("run.sh"), executable).unwrap();
    real.git(&["add", "-A"]);
    real.git(&["commit", "-q", "-m", "first\n\nbody"]);
    let first = repository
        .commit("main", &changes, &draft("first\n\nbody"))
        .unwrap();
    assert_eq!(first.to_string(), real.git(&["rev-parse", "HEAD"]));

    // A folder becomes a file, a file a folder, and the last file of a folder is removed.
    let mut changes = Changes::default();
    changes.delete(at("a"));
    changes.delete(at("z/ü"));
    changes.delete(at("a-b"));
    changes.write(at("a-b/c"), "5");
    changes.delete(at("never/there"));
    real.git(&["rm", "-rq", "a", "z/ü", "a-b"]);
    std::fs::create_dir_all(real.work.join("a-b")).unwrap();
    std::fs::write(real.work.join("a-b/c"), "5").unwrap();
    real.git(&["add", "-A"]);
    real.git(&["commit", "-q", "-m", "second"]);
    let second = repository
        .commit("main", &changes, &draft("second"))
        .unwrap();
    assert_eq!(second.to_string(), real.git(&["rev-parse", "HEAD"]));
    assert_eq!(
        files(&tree(&repository, "main")),
        [
            "a-b/c=5",
            "a.yaml=3",
            "run.sh=#!/bin/sh\n*",
            "z/link=Link(\"../a.yaml\")"
        ]
    );
    assert_eq!(tree(&repository, &first.to_string()).len(), 7);

    let mut all = Changes::default();
    all.delete(RepoPath::root());
    let empty = repository.commit("main", &all, &draft("empty")).unwrap();
    real.git(&["rm", "-rq", "."]);
    real.git(&["commit", "-q", "-m", "empty"]);
    assert_eq!(empty.to_string(), real.git(&["rev-parse", "HEAD"]));
}

#[test]
fn a_file_stays_executable_when_it_is_written_again() {
    let repository = Repository::new("main");
    let mut changes = Changes::default();
    changes.write_as(at("run.sh"), "1", true);
    repository.commit("main", &changes, &draft("one")).unwrap();
    write(&repository, "run.sh", "2");
    assert_eq!(files(&tree(&repository, "main")), ["run.sh=2*"]);
}

#[test]
fn what_cannot_be_committed_is_said() {
    let repository = Repository::new("main");
    let first = write(&repository, "a/b", "1");
    let commit = |change: &dyn Fn(&mut Changes)| {
        let mut changes = Changes::default();
        change(&mut changes);
        repository
            .commit("main", &changes, &draft("no"))
            .unwrap_err()
    };
    assert_eq!(commit(&|_| ()), CommitError::Unchanged);
    assert_eq!(
        commit(&|it| it.write(at("a/b"), "1")),
        CommitError::Unchanged
    );
    assert_eq!(
        commit(&|it| it.delete(at("nothere"))),
        CommitError::Unchanged
    );
    assert_eq!(
        commit(&|it| it.write(at("a"), "1")),
        CommitError::Edit(EditError::Folder(at("a")))
    );
    assert_eq!(
        commit(&|it| it.write(RepoPath::root(), "1")),
        CommitError::Edit(EditError::Root)
    );
    let deep = at(&"x/".repeat(300));
    assert_eq!(
        commit(&|it| it.write(deep.clone(), "1")),
        CommitError::Edit(EditError::Deep(deep.clone()))
    );
    assert_eq!(repository.references().get("refs/heads/main"), Some(first));
    let mut changes = Changes::default();
    changes.write(at("x"), "1");
    let stale = Draft {
        onto: Some("12".repeat(20).parse().unwrap()),
        ..draft("x")
    };
    assert_eq!(
        repository.commit("main", &changes, &stale),
        Err(CommitError::Moved)
    );
    let onto = Draft {
        onto: Some(first),
        ..draft("x")
    };
    repository.commit("main", &changes, &onto).unwrap();
    let name = repository
        .commit("a..b", &changes, &draft("x"))
        .unwrap_err();
    assert_eq!(name.to_string(), "not a valid branch or tag name");
}

#[test]
fn a_revert_undoes_one_commit_and_keeps_the_others() {
    let repository = Repository::new("main");
    write(&repository, "apps/web.yaml", "v1");
    let bad = {
        let mut changes = Changes::default();
        changes.write(at("apps/web.yaml"), "v2");
        changes.write(at("apps/new/file"), "new");
        repository.commit("main", &changes, &draft("bad")).unwrap()
    };
    write(&repository, "apps/other.yaml", "other");
    let undone = repository
        .revert("main", bad, &draft("revert \"bad\""))
        .unwrap();
    assert_eq!(
        files(&tree(&repository, "main")),
        ["apps/other.yaml=other", "apps/web.yaml=v1"]
    );
    assert_eq!(
        repository.revert("main", bad, &draft("again")),
        Err(CommitError::Unchanged)
    );
    let redone = repository
        .revert("main", undone, &draft("revert \"revert\""))
        .unwrap();
    assert_eq!(
        files(&tree(&repository, &redone.to_string())),
        [
            "apps/new/file=new",
            "apps/other.yaml=other",
            "apps/web.yaml=v2"
        ]
    );
    write(&repository, "apps/web.yaml", "v3");
    let conflict = repository
        .revert("main", bad, &draft("too late"))
        .unwrap_err();
    assert_eq!(
        conflict.to_string(),
        "later commits changed the same: apps/web.yaml"
    );
    let first = repository.history("main", 100).unwrap().pop().unwrap();
    assert_eq!(
        repository.revert("main", first.id, &draft("x")),
        Err(CommitError::Parents(first.id))
    );
    let unknown: ObjectId = "12".repeat(20).parse().unwrap();
    assert_eq!(
        repository.revert("main", unknown, &draft("x")),
        Err(CommitError::NotFound(unknown.to_string()))
    );
}

#[test]
fn a_revert_keeps_later_edits_of_the_same_file_as_git_does() {
    let repository = Repository::new("main");
    let folder = tempfile::tempdir().unwrap();
    let real = server::Repository::create(folder.path(), "real");
    let lines = |change: &dyn Fn(usize) -> Option<&'static str>| -> String {
        let line = |n: usize| change(n).map_or_else(|| format!("line {n}\n"), str::to_owned);
        (0..20).map(line).collect::<Vec<_>>().concat()
    };
    let change = |text: &str| {
        let id = write(&repository, "web.yaml", text);
        std::fs::write(real.work.join("web.yaml"), text).unwrap();
        real.git(&["add", "-A"]);
        real.git(&["commit", "-q", "-m", "write web.yaml"]);
        (id, real.git(&["rev-parse", "HEAD"]))
    };
    change(&lines(&|_| None));
    let (bad, real_bad) = change(&lines(&|n| (n == 5).then_some("image: bad\n")));
    change(&lines(&|n| match n {
        5 => Some("image: bad\n"),
        15 => Some("replicas: 3\nmore: yes\n"),
        0 => Some(""),
        _ => None,
    }));
    repository.revert("main", bad, &draft("revert")).unwrap();
    real.git(&["revert", "--no-edit", &real_bad]);
    assert_eq!(
        text_of(&repository, "web.yaml"),
        std::fs::read_to_string(real.work.join("web.yaml")).unwrap()
    );
    assert!(text_of(&repository, "web.yaml").contains("line 5\n"));
    // The line directly after the undone one has changed since: neither implementation merges that.
    let (worse, real_worse) = change(&(text_of(&repository, "web.yaml") + "a\nb\n"));
    change(&text_of(&repository, "web.yaml").replace("b\n", "c\n"));
    assert!(matches!(
        repository.revert("main", worse, &draft("revert")),
        Err(CommitError::Conflict(_))
    ));
    assert!(
        !std::process::Command::new("git")
            .args(["revert", "--no-edit", &real_worse])
            .current_dir(&real.work)
            .envs(server::FIXED)
            .output()
            .unwrap()
            .status
            .success()
    );
}

#[test]
fn a_revert_merges_when_git_does_and_as_git_does() {
    let folder = tempfile::tempdir().unwrap();
    let real = server::Repository::create(folder.path(), "real");
    let mut dice = Dice(3);
    let (mut clean, mut conflicts) = (0, 0);
    for round in 0..30 {
        let repository = Repository::new("main");
        real.git(&["checkout", "-q", "--orphan", &format!("round-{round}")]);
        let mut lines: Vec<String> = (0..12).map(|n| format!("line {n}\n")).collect();
        let mut commit = |dice: &mut Dice, edits: usize| {
            for edit in 0..edits {
                let at = dice.roll(lines.len());
                match dice.roll(3) {
                    0 => drop(lines.remove(at)),
                    1 => lines.insert(at, format!("new {round} {edit} {at}\n")),
                    _ => lines[at] = format!("changed {round} {edit} {at}\n"),
                }
            }
            let id = write(&repository, "file", &lines.concat());
            std::fs::write(real.work.join("file"), lines.concat()).unwrap();
            real.git(&["add", "-A"]);
            real.git(&["commit", "-q", "--allow-empty", "-m", "x"]);
            (id, real.git(&["rev-parse", "HEAD"]))
        };
        commit(&mut dice, 0);
        let (ours, gits) = commit(&mut dice, 2);
        commit(&mut dice, 2);
        let reverted = crate::serving::git(&real.work, &["revert", "--no-edit", &gits]);
        match repository.revert("main", ours, &draft("revert")) {
            Ok(_) => {
                clean += 1;
                reverted.unwrap();
                let text = std::fs::read_to_string(real.work.join("file")).unwrap();
                assert_eq!(text_of(&repository, "file"), text, "round {round}");
            }
            Err(error) => {
                conflicts += 1;
                assert!(
                    matches!(error, CommitError::Conflict(_) | CommitError::Unchanged),
                    "{error}"
                );
                assert!(reverted.is_err(), "round {round}");
                real.git(&["reset", "-q", "--hard"]);
            }
        }
    }
    assert!(
        clean > 5 && conflicts > 5,
        "{clean} clean, {conflicts} conflicts"
    );
}

fn text_of(repository: &Repository, path: &str) -> String {
    let tree = tree(repository, "main");
    String::from_utf8(tree.read(&at(path)).unwrap().bytes.to_vec()).unwrap()
}

#[test]
fn a_restore_makes_everything_as_it_was() {
    let repository = Repository::new("main");
    let good = write(&repository, "a", "1");
    write(&repository, "a", "2");
    write(&repository, "b", "3");
    repository.restore("main", good, &draft("back")).unwrap();
    assert_eq!(
        tree(&repository, "main"),
        tree(&repository, &good.to_string())
    );
    assert_eq!(
        repository.restore("main", good, &draft("back")),
        Err(CommitError::Unchanged)
    );
}

#[test]
fn history_is_told_newest_first() {
    let repository = Repository::new("main");
    let ids: Vec<ObjectId> = (0..5)
        .map(|n| write(&repository, "file", &n.to_string()))
        .collect();
    let history = repository.history("main", 3).unwrap();
    assert_eq!(
        history.iter().map(|commit| commit.id).collect::<Vec<_>>(),
        [ids[4], ids[3], ids[2]]
    );
    let last = &history[0];
    assert_eq!(
        (
            last.subject.as_str(),
            last.author.name.as_str(),
            last.time_seconds
        ),
        ("write file", "Ada", TIME)
    );
    assert_eq!(last.parents, [ids[3]]);
    assert_eq!(repository.history("HEAD", 100).unwrap().len(), 5);
    assert_eq!(
        repository.history("gone", 1),
        Err(HistoryError::NotFound("gone".to_owned()))
    );
    assert!(matches!(
        repository.snapshot("gone", &Options::default()),
        Err(FetchError::Commit(_))
    ));
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let repository = Repository::new("main");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let repository = repository.clone();
            scope.spawn(move || {
                for n in 0..10 {
                    write(&repository, &format!("{writer}/{n}"), "x");
                }
            });
        }
    });
    assert_eq!(tree(&repository, "main").len(), 40);
    assert_eq!(repository.history("main", 100).unwrap().len(), 40);
}

#[test]
fn a_branch_is_removed_but_not_the_one_head_means() {
    let repository = Repository::new("main");
    let id = write(&repository, "a", "1");
    let update = |name: &str, old, new| {
        let update = Update {
            name: name.to_owned(),
            old,
            new,
        };
        repository
            .update(&[update], false)
            .remove(0)
            .map_err(|refusal| refusal.to_string())
    };
    assert_eq!(update("refs/heads/x", None, Some(id)), Ok(()));
    assert_eq!(update("refs/heads/x", Some(id), None), Ok(()));
    assert!(
        update("refs/heads/main", Some(id), None)
            .unwrap_err()
            .contains("current branch")
    );
    assert!(
        update("refs/heads/y", None, Some("12".repeat(20).parse().unwrap()))
            .unwrap_err()
            .contains("missing")
    );
    assert!(
        update("main", None, Some(id))
            .unwrap_err()
            .contains("not a valid branch or tag name")
    );
}

#[test]
fn ten_thousand_files_are_committed_and_changed_quickly() {
    let repository = Repository::new("main");
    let mut changes = Changes::default();
    for n in 0..10_000 {
        changes.write(
            at(&format!("apps/{}/{}/deployment.yaml", n / 100, n % 100)),
            format!("replicas: {n}\n"),
        );
    }
    let began = Instant::now();
    repository.commit("main", &changes, &draft("all")).unwrap();
    let all = began.elapsed();
    let began = Instant::now();
    write(&repository, "apps/50/50/deployment.yaml", "replicas: 0\n");
    println!(
        "10,000 files committed in {all:?}, one of them changed in {:?}",
        began.elapsed()
    );
    assert!(began.elapsed() * 10 < all, "a change costs what it changes");
    assert_eq!(tree(&repository, "main").len(), 10_000);
}
