//! Resolving references to commits.

use super::*;

#[test]
fn a_branch_becomes_a_tree() {
    let server = Server::start(Behaviour::default());
    let repository = server.repository("fleet");
    repository.push("apps/web.yaml", "kind: ConfigMap\n");
    let commit = repository.push("top.sh", "#!/bin/sh\n");
    let remote = remote(&server.url("fleet"));
    let resolved = resolve(&remote, &branch("main")).unwrap();
    assert_eq!(resolved.revision, format!("main@sha1:{commit}"));
    assert_eq!(resolved.commit, commit);
    assert!(
        server
            .requests()
            .iter()
            .all(|request| !String::from_utf8_lossy(&request.body).contains("command=fetch"))
    );
    let snapshot = take(&remote, &branch("main")).unwrap();
    assert_eq!(
        (snapshot.commit, snapshot.subject.as_str()),
        (commit, "write top.sh")
    );
    let names: Vec<_> = snapshot
        .tree
        .entries()
        .map(|(path, _)| path.to_string())
        .collect();
    assert_eq!(names, ["apps/web.yaml", "top.sh"]);
}

#[test]
fn what_is_held_is_not_fetched_again() {
    let server = Server::start(Behaviour::default());
    let repository = server.repository("fleet");
    let noise = noise();
    repository.push("large.txt", &noise);
    let remote = remote(&server.url("fleet"));
    let (_folder, cache) = cache();
    let go = || {
        let resolved = resolve(&remote, &branch("main")).unwrap();
        fetch(&remote, &resolved, &cache, &Options::default()).unwrap()
    };
    go();
    let first: usize = server
        .requests()
        .iter()
        .map(|request| request.answered)
        .sum();
    server.forget();
    assert_eq!(text(&go(), "large.txt"), noise);
    assert_eq!(server.requests().len(), 2, "greeting and references only");
    repository.push("small.txt", "one");
    server.forget();
    let snapshot = go();
    assert_eq!(
        (
            text(&snapshot, "small.txt").as_str(),
            text(&snapshot, "large.txt") == noise
        ),
        ("one", true)
    );
    let second: usize = server
        .requests()
        .iter()
        .map(|request| request.answered)
        .sum();
    println!("first fetch {first} bytes, second {second} bytes");
    assert!(second * 20 < first, "{second} of {first} bytes");
}

#[test]
fn tags_are_peeled_and_versions_chosen() {
    let server = Server::start(Behaviour::default());
    let repository = server.repository("fleet");
    let mut commits = Vec::new();
    for (n, tag) in [
        "v1.0.0",
        "v1.10.0",
        "v1.9.0",
        "v2.0.0-rc.1",
        "not-a-version",
        "v1.20",
    ]
    .into_iter()
    .enumerate()
    {
        commits.push(repository.push("file", &n.to_string()));
        let annotated: &[&str] = if n % 2 == 0 {
            &["tag", "-a", "-m", tag, tag]
        } else {
            &["tag", tag]
        };
        repository.git(annotated);
    }
    repository.git(&["tag", "-a", "-m", "of a tag", "nested", "v1.0.0"]);
    repository.git(&["push", "-q", "--tags", "origin"]);
    let remote = remote(&server.url("fleet"));
    let tag = |tag: &str| Reference {
        tag: Some(tag.to_owned()),
        ..Reference::default()
    };
    let semver = |range: &str| Reference {
        semver: Some(range.to_owned()),
        ..Reference::default()
    };
    for (reference, name, commit) in [
        (tag("v1.0.0"), "v1.0.0", &commits[0]),
        (tag("v1.10.0"), "v1.10.0", &commits[1]),
        (tag("nested"), "nested", &commits[0]),
        (semver("1.x"), "v1.10.0", &commits[1]),
        (semver("~1.9.0"), "v1.9.0", &commits[2]),
        (semver(">=1.0.0"), "v1.10.0", &commits[1]),
        (semver(">=2.0.0-0"), "v2.0.0-rc.1", &commits[3]),
    ] {
        let resolved = resolve(&remote, &reference).unwrap();
        assert_eq!(resolved.revision, format!("{name}@sha1:{commit}"));
        assert_eq!(take(&remote, &reference).unwrap().commit, *commit);
    }
    let none = resolve(&remote, &semver(">=3")).unwrap_err();
    assert_eq!(none.to_string(), "no match found for semver: >=3");
    assert!(matches!(
        resolve(&remote, &semver("main")),
        Err(ResolveError::Range(_))
    ));
}

#[test]
fn the_precedence_is_commit_name_semver_tag_branch() {
    let server = Server::start(Behaviour::default());
    let repository = server.repository("fleet");
    let old = repository.push("file", "1");
    repository.git(&["tag", "v1.0.0"]);
    let tagged = repository.push("file", "2");
    repository.git(&["tag", "v1.1.0"]);
    repository.git(&["tag", "other", "v1.0.0"]);
    let named = repository.push("file", "3");
    repository.git(&["push", "-q", "origin", "HEAD:refs/pull/1/head"]);
    let main = repository.push("file", "4");
    let remote = remote(&server.url("fleet"));
    let mut reference = branch("main");
    let expect = |reference: &Reference, revision: String| {
        assert_eq!(resolve(&remote, reference).unwrap().revision, revision);
        take(&remote, reference).unwrap().commit
    };
    assert_eq!(expect(&reference, format!("main@sha1:{main}")), main);
    reference.tag = Some("other".to_owned());
    assert_eq!(expect(&reference, format!("other@sha1:{old}")), old);
    reference.semver = Some("*".to_owned());
    assert_eq!(expect(&reference, format!("v1.1.0@sha1:{tagged}")), tagged);
    reference.name = Some("refs/pull/1/head".to_owned());
    assert_eq!(
        expect(&reference, format!("refs/pull/1/head@sha1:{named}")),
        named
    );
    reference.commit = Some(old.clone());
    assert_eq!(expect(&reference, format!("main@sha1:{old}")), old);
    let alone = Reference {
        commit: Some(old.clone()),
        ..Reference::default()
    };
    assert_eq!(expect(&alone, format!("sha1:{old}")), old);
    let nothing = resolve(&remote, &Reference::default()).unwrap_err();
    assert_eq!(nothing, ResolveError::Branch("master".to_owned()));
}

#[test]
fn what_is_missing_is_named() {
    let server = Server::start(Behaviour::default());
    let repository = server.repository("fleet");
    repository.push("file", "1");
    server.repository("empty");
    let (fleet, empty) = (remote(&server.url("fleet")), remote(&server.url("empty")));
    let words = |remote: &Remote, reference: &Reference| {
        resolve(remote, reference).unwrap_err().to_string()
    };
    assert_eq!(words(&fleet, &branch("gone")), "branch \"gone\" not found");
    assert_eq!(words(&fleet, &branch("mai")), "branch \"mai\" not found");
    assert_eq!(words(&fleet, &branch("a\nb")), "branch \"a\nb\" not found");
    let tag = Reference {
        tag: Some("v1".to_owned()),
        ..Reference::default()
    };
    assert_eq!(words(&fleet, &tag), "tag \"v1\" not found");
    let name = Reference {
        name: Some("refs/x".to_owned()),
        ..Reference::default()
    };
    assert_eq!(words(&fleet, &name), "reference \"refs/x\" not found");
    assert_eq!(words(&empty, &branch("main")), "the repository is empty");
    assert_eq!(
        words(&remote(&server.url("nothere")), &branch("main")),
        "repository not found"
    );
    let pin = |commit: &str| Reference {
        commit: Some(commit.to_owned()),
        ..Reference::default()
    };
    let lost = "1234567890123456789012345678901234567890";
    assert_eq!(
        take(&fleet, &pin(lost)).unwrap_err().to_string(),
        format!("commit \"{lost}\" not found")
    );
    assert!(matches!(
        resolve(&fleet, &pin("abc123")),
        Err(ResolveError::CommitId(_))
    ));
}

#[test]
fn the_older_protocol_serves_as_well() {
    let server = Server::start(Behaviour {
        old_protocol: true,
        ..Behaviour::default()
    });
    let repository = server.repository("fleet");
    let first = repository.push("file", "1");
    repository.git(&["tag", "-a", "-m", "one", "v1.0.0"]);
    repository.push("file", "2");
    let last = repository.push("dir/more", "3");
    server.repository("empty");
    let remote = remote(&server.url("fleet"));
    let semver = Reference {
        semver: Some("1.x".to_owned()),
        ..Reference::default()
    };
    let (_folder, cache) = cache();
    let go = |reference: &Reference| {
        fetch(
            &remote,
            &resolve(&remote, reference).unwrap(),
            &cache,
            &Options::default(),
        )
        .map(|it| it.commit)
    };
    assert_eq!(
        resolve(&remote, &semver).unwrap().revision,
        format!("v1.0.0@sha1:{first}")
    );
    assert_eq!(go(&semver).unwrap(), first);
    assert_eq!(go(&branch("main")).unwrap(), last);
    // Not at the tip of a reference: the older protocol does not serve it by id, but the branch's
    // history contains it.
    let middle = repository.git(&["rev-parse", "HEAD~1"]);
    let pin = Reference {
        commit: Some(middle.clone()),
        ..branch("main")
    };
    assert_eq!(go(&pin).unwrap(), middle);
    let lost = Reference {
        commit: Some("12".repeat(20)),
        ..Reference::default()
    };
    assert!(matches!(go(&lost), Err(FetchError::Commit(_))));
    let empty = self::remote(&server.url("empty"));
    assert_eq!(resolve(&empty, &branch("main")), Err(ResolveError::Empty));
}
