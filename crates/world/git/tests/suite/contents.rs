//! The contents of a tree, and the limits on it.

use super::*;

#[test]
fn what_is_too_large_is_said_with_the_limit() {
    let server = Server::start(Behaviour::default());
    let repository = server.repository("fleet");
    let noise = noise();
    repository.push("a/large", &noise);
    repository.push("b/small", "y");
    let remote = remote(&server.url("fleet"));
    let resolved = resolve(&remote, &branch("main")).unwrap();
    let go = |limits: FetchLimits| {
        let (_folder, cache) = cache();
        fetch(
            &remote,
            &resolved,
            &cache,
            &Options {
                limits,
                ..Options::default()
            },
        )
    };
    let words = |limits| go(limits).unwrap_err().to_string();
    let limits = FetchLimits::default();
    let pack = FetchLimits {
        pack_bytes: 100_000,
        ..limits
    };
    assert_eq!(words(pack), "a pack of more than 100000 bytes, the limit");
    let prefix = "the repository holds more than";
    for (budget, wanted) in [
        (
            budget::Limits {
                nodes: 3,
                ..budget::Limits::UNLIMITED
            },
            "the repository needs more than 3 values, the limit",
        ),
        (
            budget::Limits {
                bytes: 999,
                ..budget::Limits::UNLIMITED
            },
            "the repository needs more than 999 bytes, the limit",
        ),
        (
            budget::Limits {
                steps: 1,
                ..budget::Limits::UNLIMITED
            },
            "the repository needs more than 1 steps, the limit",
        ),
    ] {
        let (_folder, cache) = cache();
        let options = Options {
            budget: Arc::new(Budget::new(budget)),
            ..Options::default()
        };
        assert_eq!(
            fetch(&remote, &resolved, &cache, &options)
                .unwrap_err()
                .to_string(),
            wanted
        );
    }
    assert_eq!(
        words(FetchLimits {
            object_bytes: 200_000,
            ..limits
        }),
        format!("{prefix} 200000 bytes in one file, the limit")
    );
    let snapshot = go(FetchLimits {
        blob_bytes: 1000,
        ..limits
    })
    .unwrap();
    let large = snapshot
        .tree
        .entries()
        .find(|(path, _)| path.as_str() == "a/large")
        .unwrap();
    assert_eq!(large.1, &Entry::Large(noise.len() as u64));
    assert_eq!(text(&snapshot, "b/small"), "y");
}

#[test]
fn a_huge_file_stops_at_the_limit() {
    let server = Server::start(Behaviour::default());
    let repository = server.repository("fleet");
    let file = std::fs::File::create(repository.work.join("big.bin")).unwrap();
    file.set_len(128 << 20).unwrap();
    repository.commit("big");
    let remote = remote(&server.url("fleet"));
    let resolved = resolve(&remote, &branch("main")).unwrap();
    let (_folder, cache) = cache();
    let limits = FetchLimits {
        object_bytes: 4 << 20,
        ..FetchLimits::default()
    };
    let began = Instant::now();
    let error = fetch(
        &remote,
        &resolved,
        &cache,
        &Options {
            limits,
            ..Options::default()
        },
    )
    .unwrap_err();
    println!("refused after {:?}", began.elapsed());
    assert_eq!(
        error.to_string(),
        "the repository holds more than 4194304 bytes in one file, the limit"
    );
}

#[test]
fn sparse_folders_are_read_alone_and_must_exist() {
    let server = Server::start(Behaviour::default());
    let repository = server.repository("fleet");
    repository.push("a/deep/x", "1");
    repository.push("ab/y", "2");
    repository.push("top", "3");
    let remote = remote(&server.url("fleet"));
    let resolved = resolve(&remote, &branch("main")).unwrap();
    let (_folder, cache) = cache();
    let go = |folders: &[&str]| {
        let sparse = folders.iter().map(|&folder| folder.to_owned()).collect();
        fetch(
            &remote,
            &resolved,
            &cache,
            &Options {
                sparse,
                ..Options::default()
            },
        )
    };
    let names = |folders: &[&str]| -> Vec<String> {
        go(folders)
            .unwrap()
            .tree
            .entries()
            .map(|(path, _)| path.to_string())
            .collect()
    };
    assert_eq!(names(&["a"]), ["a/deep/x"]);
    assert_eq!(names(&["./a/deep", "ab/"]), ["a/deep/x", "ab/y"]);
    assert_eq!(names(&["."]).len(), 3);
    for folder in ["nothere", "a/nothere", "../a", "/a"] {
        assert!(
            matches!(go(&["ab", folder]), Err(FetchError::Sparse(name)) if name == folder),
            "{folder}"
        );
    }
}

#[test]
fn links_executables_and_submodules_are_what_they_are() {
    let server = Server::start(Behaviour::default());
    let repository = server.repository("fleet");
    for (name, target) in [
        ("loop-a", "loop-b"),
        ("loop-b", "loop-a"),
        ("out", "../../etc/passwd"),
        ("in", "run.sh"),
    ] {
        std::os::unix::fs::symlink(target, repository.work.join(name)).unwrap();
    }
    let commit = repository.push("run.sh", "#!/bin/sh");
    repository.git(&["update-index", "--chmod=+x", "run.sh"]);
    repository.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{commit},module"),
    ]);
    repository.git(&["commit", "-q", "-m", "odd"]);
    repository.git(&["push", "-q", "origin", "main"]);
    let snapshot = take(&remote(&server.url("fleet")), &branch("main")).unwrap();
    let at = |path: &str| RepoPath::parse(path).unwrap();
    assert_eq!(snapshot.tree.len(), 5, "no submodule");
    assert_eq!(text(&snapshot, "in"), "#!/bin/sh");
    assert!(matches!(
        snapshot.tree.read(&at("loop-a")),
        Err(lode_tree::Error::LinkLoop(_))
    ));
    assert!(matches!(
        snapshot.tree.read(&at("out")),
        Err(lode_tree::Error::Link { .. })
    ));
    let (_, run) = snapshot
        .tree
        .entries()
        .find(|(path, _)| path.as_str() == "run.sh")
        .unwrap();
    assert!(matches!(
        run,
        Entry::File {
            executable: true,
            ..
        }
    ));
}

#[test]
fn names_that_escape_are_refused_by_name() {
    let server = Server::start(Behaviour::default());
    let repository = server.repository("fleet");
    let blob = repository.object(&["hash-object", "-w", "--stdin"], b"x");
    let raw: Vec<u8> = (0..blob.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&blob[i..i + 2], 16).unwrap())
        .collect();
    for (n, name) in ["..", ".", ".git", "a/b", "/etc"].into_iter().enumerate() {
        let tree = [b"100644 ", name.as_bytes(), b"\0", &raw].concat();
        let tree = repository.object(
            &["hash-object", "-t", "tree", "-w", "--literally", "--stdin"],
            &tree,
        );
        repository.branch_of_tree(&format!("evil-{n}"), &tree);
        let error = take(&remote(&server.url("fleet")), &branch(&format!("evil-{n}"))).unwrap_err();
        assert!(
            matches!(error, FetchError::FileName(_)),
            "{name:?}: {error}"
        );
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    let twice = [b"100644 a\0".as_slice(), &raw, b"100644 a\0", &raw].concat();
    let tree = repository.object(
        &["hash-object", "-t", "tree", "-w", "--literally", "--stdin"],
        &twice,
    );
    repository.branch_of_tree("twice", &tree);
    assert!(matches!(
        take(&remote(&server.url("fleet")), &branch("twice")),
        Err(FetchError::FileName(_))
    ));
}

#[test]
fn a_name_that_no_path_can_have_is_left_out_and_told() {
    use std::os::unix::ffi::OsStrExt as _;
    let server = Server::start(Behaviour::default());
    let repository = server.repository("fleet");
    for name in [&b"Icon\r"[..], b"caf\xe9.txt", b"ctl\x01/inside.yaml"] {
        let path = repository.work.join(std::ffi::OsStr::from_bytes(name));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "x").unwrap();
    }
    repository.push("a.yaml", "a: 1");
    let tree = take(&remote(&server.url("fleet")), &branch("main"))
        .unwrap()
        .tree;
    let named = |entry: &Entry| !matches!(entry, Entry::Misnamed);
    let names: Vec<_> = tree
        .entries()
        .map(|(path, entry)| (path.as_str(), named(entry)))
        .collect();
    assert_eq!(
        names,
        [
            ("Icon\\r", false),
            ("a.yaml", true),
            ("caf\\xe9.txt", false),
            ("ctl\\u{1}", false)
        ]
    );
}

#[test]
fn paths_that_a_small_pack_repeats_without_end_stop_at_the_budget() {
    let server = Server::start(Behaviour::default());
    let repository = server.repository("fleet");
    let blob = repository.object(&["hash-object", "-w", "--stdin"], b"x");
    let raw = |id: &str| -> Vec<u8> {
        (0..id.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&id[i..i + 2], 16).unwrap())
            .collect()
    };
    // Twelve nested folders, each of which contains the next one eight times.
    let (mut id, mut mode) = (blob, "100644");
    for _ in 0..12 {
        let entries = (0..8).map(|n| {
            [
                mode.as_bytes(),
                b" ",
                n.to_string().as_bytes(),
                &[b'n'; 200],
                b"\0",
                &raw(&id),
            ]
            .concat()
        });
        let tree = entries.collect::<Vec<_>>().concat();
        id = repository.object(&["hash-object", "-t", "tree", "-w", "--stdin"], &tree);
        mode = "40000";
    }
    repository.branch_of_tree("bomb", &id);
    let error = take(&remote(&server.url("fleet")), &branch("bomb")).unwrap_err();
    assert!(matches!(error, FetchError::Exceeded(_)), "{error}");
}

#[test]
fn links_of_one_long_target_stop_at_the_budget() {
    let server = Server::start(Behaviour::default());
    let repository = server.repository("fleet");
    let blob = repository.object(&["hash-object", "-w", "--stdin"], &[b't'; 4_000]);
    let raw: Vec<u8> = (0..blob.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&blob[i..i + 2], 16).unwrap())
        .collect();
    let links =
        (0..1_000).map(|at| [b"120000 ", format!("{at:04}").as_bytes(), b"\0", &raw].concat());
    let tree = links.collect::<Vec<_>>().concat();
    let tree = repository.object(&["hash-object", "-t", "tree", "-w", "--stdin"], &tree);
    repository.branch_of_tree("links", &tree);
    let remote = remote(&server.url("fleet"));
    let resolved = resolve(&remote, &branch("links")).unwrap();
    let (_folder, cache) = cache();
    let budget = Arc::new(Budget::new(budget::Limits {
        bytes: 1 << 20,
        ..budget::Limits::UNLIMITED
    }));
    let fetched = fetch(
        &remote,
        &resolved,
        &cache,
        &Options {
            budget,
            ..Options::default()
        },
    )
    .map(|_| ());
    assert!(
        matches!(fetched, Err(FetchError::Exceeded(_))),
        "{fetched:?}"
    );
}
