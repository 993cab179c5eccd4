//! Repositories as users have them, served by Git's own `http-backend` over loopback.

#![expect(clippy::unwrap_used, clippy::similar_names, reason = "a test that cannot set up its world fails")]

mod egress;
mod repository;
mod server;
mod serving;

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use lode_git::{
    Cache, ClientCertificate, Credentials, FetchError, Limits, Options, Proxy, Reference, Remote, ResolveError,
    Resolved, Snapshot, TransportError,
};
use lode_net::{Egress, Rules};
use lode_stdx::budget::{self, Budget};
use lode_tree::{Entry, RepoPath};
use tokio::runtime::{self, Runtime};

use server::{Behaviour, Server};

/// Waits for what is asked over the network.
fn wait<F: Future>(future: F) -> F::Output {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
    RUNTIME.block_on(future)
}

fn resolve(remote: &Remote, reference: &Reference) -> Result<Resolved, ResolveError> {
    wait(lode_git::resolve(remote, reference))
}

fn fetch(remote: &Remote, resolved: &Resolved, cache: &Cache, options: &Options) -> Result<Snapshot, FetchError> {
    wait(lode_git::fetch(remote, resolved, cache, options))
}

fn branch(name: &str) -> Reference {
    Reference { branch: Some(name.to_owned()), ..Reference::default() }
}

/// The servers of these tests are on loopback, which is refused unless it is allowed.
fn loopback() -> Egress {
    let allow = vec!["127.0.0.0/8".parse().unwrap(), "localhost".parse().unwrap()];
    Egress::new(Rules { allow, ..Rules::default() })
}

fn remote(url: &str) -> Remote {
    let mut remote = Remote::new(url).unwrap();
    remote.timeout = Duration::from_secs(30);
    remote.egress = loopback();
    remote
}

fn cache() -> (tempfile::TempDir, Cache) {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::open(folder.path().join("git")).unwrap();
    (folder, cache)
}

fn take(remote: &Remote, reference: &Reference) -> Result<Snapshot, FetchError> {
    let (_folder, cache) = cache();
    fetch(remote, &resolve(remote, reference).unwrap(), &cache, &Options::default())
}

fn text(snapshot: &Snapshot, path: &str) -> String {
    let blob = snapshot.tree.read(&RepoPath::parse(path).unwrap()).unwrap();
    String::from_utf8(blob.bytes.to_vec()).unwrap()
}

/// Half a megabyte that does not compress well.
pub(crate) fn noise() -> String {
    let mut text = String::new();
    let mut state = 1_u64;
    while text.len() < 500_000 {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        text.push_str(&state.to_string());
    }
    text
}

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
    assert!(server.requests().iter().all(|request| !String::from_utf8_lossy(&request.body).contains("command=fetch")));
    let snapshot = take(&remote, &branch("main")).unwrap();
    assert_eq!((snapshot.commit, snapshot.subject.as_str()), (commit, "write top.sh"));
    let names: Vec<_> = snapshot.tree.entries().map(|(path, _)| path.to_string()).collect();
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
    let first: usize = server.requests().iter().map(|request| request.answered).sum();
    server.forget();
    assert_eq!(text(&go(), "large.txt"), noise);
    assert_eq!(server.requests().len(), 2, "greeting and references only");
    repository.push("small.txt", "one");
    server.forget();
    let snapshot = go();
    assert_eq!((text(&snapshot, "small.txt").as_str(), text(&snapshot, "large.txt") == noise), ("one", true));
    let second: usize = server.requests().iter().map(|request| request.answered).sum();
    println!("first fetch {first} bytes, second {second} bytes");
    assert!(second * 20 < first, "{second} of {first} bytes");
}

#[test]
fn tags_are_peeled_and_versions_chosen() {
    let server = Server::start(Behaviour::default());
    let repository = server.repository("fleet");
    let mut commits = Vec::new();
    for (n, tag) in ["v1.0.0", "v1.10.0", "v1.9.0", "v2.0.0-rc.1", "not-a-version", "v1.20"].into_iter().enumerate() {
        commits.push(repository.push("file", &n.to_string()));
        let annotated: &[&str] = if n % 2 == 0 { &["tag", "-a", "-m", tag, tag] } else { &["tag", tag] };
        repository.git(annotated);
    }
    repository.git(&["tag", "-a", "-m", "of a tag", "nested", "v1.0.0"]);
    repository.git(&["push", "-q", "--tags", "origin"]);
    let remote = remote(&server.url("fleet"));
    let tag = |tag: &str| Reference { tag: Some(tag.to_owned()), ..Reference::default() };
    let semver = |range: &str| Reference { semver: Some(range.to_owned()), ..Reference::default() };
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
    assert!(matches!(resolve(&remote, &semver("main")), Err(ResolveError::Range(_))));
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
    assert_eq!(expect(&reference, format!("refs/pull/1/head@sha1:{named}")), named);
    reference.commit = Some(old.clone());
    assert_eq!(expect(&reference, format!("main@sha1:{old}")), old);
    let alone = Reference { commit: Some(old.clone()), ..Reference::default() };
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
    let words = |remote: &Remote, reference: &Reference| resolve(remote, reference).unwrap_err().to_string();
    assert_eq!(words(&fleet, &branch("gone")), "branch \"gone\" not found");
    assert_eq!(words(&fleet, &branch("mai")), "branch \"mai\" not found");
    assert_eq!(words(&fleet, &branch("a\nb")), "branch \"a\nb\" not found");
    let tag = Reference { tag: Some("v1".to_owned()), ..Reference::default() };
    assert_eq!(words(&fleet, &tag), "tag \"v1\" not found");
    let name = Reference { name: Some("refs/x".to_owned()), ..Reference::default() };
    assert_eq!(words(&fleet, &name), "reference \"refs/x\" not found");
    assert_eq!(words(&empty, &branch("main")), "the repository is empty");
    assert_eq!(words(&remote(&server.url("nothere")), &branch("main")), "repository not found");
    let pin = |commit: &str| Reference { commit: Some(commit.to_owned()), ..Reference::default() };
    let lost = "1234567890123456789012345678901234567890";
    assert_eq!(take(&fleet, &pin(lost)).unwrap_err().to_string(), format!("commit \"{lost}\" not found"));
    assert!(matches!(resolve(&fleet, &pin("abc123")), Err(ResolveError::CommitId(_))));
}

#[test]
fn the_older_protocol_serves_as_well() {
    let server = Server::start(Behaviour { old_protocol: true, ..Behaviour::default() });
    let repository = server.repository("fleet");
    let first = repository.push("file", "1");
    repository.git(&["tag", "-a", "-m", "one", "v1.0.0"]);
    repository.push("file", "2");
    let last = repository.push("dir/more", "3");
    server.repository("empty");
    let remote = remote(&server.url("fleet"));
    let semver = Reference { semver: Some("1.x".to_owned()), ..Reference::default() };
    let (_folder, cache) = cache();
    let go = |reference: &Reference| {
        fetch(&remote, &resolve(&remote, reference).unwrap(), &cache, &Options::default()).map(|it| it.commit)
    };
    assert_eq!(resolve(&remote, &semver).unwrap().revision, format!("v1.0.0@sha1:{first}"));
    assert_eq!(go(&semver).unwrap(), first);
    assert_eq!(go(&branch("main")).unwrap(), last);
    // Not at the tip of a reference: the older protocol does not hand it out, the branch's history has it.
    let middle = repository.git(&["rev-parse", "HEAD~1"]);
    let pin = Reference { commit: Some(middle.clone()), ..branch("main") };
    assert_eq!(go(&pin).unwrap(), middle);
    let lost = Reference { commit: Some("12".repeat(20)), ..Reference::default() };
    assert!(matches!(go(&lost), Err(FetchError::Commit(_))));
    let empty = self::remote(&server.url("empty"));
    assert_eq!(resolve(&empty, &branch("main")), Err(ResolveError::Empty));
}

#[test]
fn a_force_push_is_just_another_commit() {
    let server = Server::start(Behaviour::default());
    let repository = server.repository("fleet");
    repository.push("file", "1");
    repository.push("gone", "1");
    let remote = remote(&server.url("fleet"));
    let (_folder, cache) = cache();
    let go = || fetch(&remote, &resolve(&remote, &branch("main")).unwrap(), &cache, &Options::default()).unwrap();
    go();
    repository.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let commit = repository.push("file", "other");
    let snapshot = go();
    assert_eq!((snapshot.commit, snapshot.tree.len()), (commit, 1));
}

#[test]
fn a_lost_object_is_fetched_again() {
    let server = Server::start(Behaviour::default());
    let repository = server.repository("fleet");
    repository.push("file", "1");
    let remote = remote(&server.url("fleet"));
    let (folder, cache) = cache();
    let go = || fetch(&remote, &resolve(&remote, &branch("main")).unwrap(), &cache, &Options::default()).unwrap();
    go();
    let stores = std::fs::read_dir(folder.path().join("git")).unwrap().flatten();
    let store = stores.map(|entry| entry.path()).find(|path| path.is_dir()).unwrap();
    for pack in std::fs::read_dir(store.join("objects/pack")).unwrap().flatten() {
        std::fs::remove_file(pack.path()).unwrap();
    }
    assert_eq!(text(&go(), "file"), "1");
    repository.push("more", "2");
    for pack in std::fs::read_dir(store.join("objects/pack")).unwrap().flatten() {
        std::fs::remove_file(pack.path()).unwrap();
    }
    assert_eq!(text(&go(), "file"), "1", "also when only the newer commit is asked for");
    std::fs::remove_dir_all(folder.path().join("git")).unwrap();
    assert_eq!(text(&go(), "more"), "2", "also when everything is gone");
}

#[test]
fn a_pin_never_reads_what_another_secret_was_shown() {
    let behaviour = Behaviour { authorization: Some("Bearer one".to_owned()), ..Behaviour::default() };
    let server = Server::start(behaviour);
    let commit = server.repository("fleet").push("file", "secret");
    let pin = Reference { commit: Some(commit), ..Reference::default() };
    let mut one = remote(&server.url("fleet"));
    one.credentials = Credentials::Bearer("one".to_owned());
    let (_folder, cache) = cache();
    let resolved = resolve(&one, &pin).unwrap();
    fetch(&one, &resolved, &cache, &Options::default()).unwrap();
    for credentials in [Credentials::None, Credentials::Bearer("two".to_owned())] {
        let mut other = one.clone();
        other.credentials = credentials;
        let refused = fetch(&other, &resolved, &cache, &Options::default()).unwrap_err();
        assert!(refused.to_string().starts_with("authentication required"), "{refused}");
    }
}

#[test]
fn credentials_open_what_they_should() {
    let basic = Behaviour { authorization: Some("Basic Z2l0OnNlY3JldA==".to_owned()), ..Behaviour::default() };
    let server = Server::start(basic);
    server.repository("fleet").push("file", "1");
    let mut remote = remote(&server.url("fleet"));
    let words = |remote: &Remote| resolve(remote, &branch("main")).map(drop).map_err(|error| error.to_string());
    assert_eq!(words(&remote), Err("authentication required".to_owned()));
    let with = |password: &str| Credentials::Basic { username: "git".to_owned(), password: password.to_owned() };
    remote.credentials = with("hunter2");
    assert_eq!(words(&remote), Err("authentication required: the server refused the credentials".to_owned()));
    remote.credentials = with("secret");
    assert_eq!(words(&remote), Ok(()));
    let inside = format!("{}/fleet.git", server.address.replace("http://", "http://git:secret@"));
    assert_eq!(words(&self::remote(&inside)), Ok(()));
}

#[test]
fn a_proxy_is_asked_instead() {
    let server = Server::start(Behaviour::default());
    server.repository("fleet").push("file", "1");
    let mut remote = remote("http://git.example/fleet.git");
    let address = server.address.clone();
    remote.proxy = Some(Proxy { address, username: Some("me".to_owned()), password: Some("hunter2".to_owned()) });
    assert_eq!(text(&take(&remote, &branch("main")).unwrap(), "file"), "1");
    for request in server.requests() {
        assert_eq!(request.header("proxy-authorization"), Some("Basic bWU6aHVudGVyMg=="));
    }
    remote.proxy = Some(Proxy { address: "not an address".to_owned(), username: None, password: None });
    let unusable = resolve(&remote, &branch("main")).unwrap_err();
    assert_eq!(unusable.to_string(), "the proxy's address cannot be used");
}

#[test]
fn a_redirect_to_another_port_carries_no_credentials() {
    let target = Server::start(Behaviour::default());
    let commit = target.repository("fleet").push("file", "1");
    let source = Server::start(Behaviour { redirect: Some(target.address.clone()), ..Behaviour::default() });
    let mut remote = remote(&source.url("fleet"));
    remote.credentials = Credentials::Bearer("hunter2".to_owned());
    assert_eq!(take(&remote, &branch("main")).unwrap().commit, commit);
    assert!(source.requests().iter().all(|request| request.header("authorization") == Some("Bearer hunter2")));
    assert!(!target.requests().is_empty());
    for request in target.requests() {
        assert_eq!(request.header("authorization"), None);
    }
}

#[test]
fn a_redirect_on_the_same_host_keeps_them() {
    let behaviour = Behaviour { authorization: Some("Bearer token".to_owned()), ..Behaviour::default() };
    let server = Server::start(behaviour);
    server.repository("fleet").push("file", "1");
    for (to, wanted) in [
        ("ftp://127.0.0.1", "redirect refused: it leads away from http and https"),
        ("http://127.0.0.1/login?next=", "redirect refused: it leads to something else than a repository"),
    ] {
        let source = Server::start(Behaviour { redirect: Some(to.to_owned()), ..Behaviour::default() });
        let error = resolve(&remote(&source.url("fleet")), &branch("main")).unwrap_err();
        assert_eq!(error.to_string(), wanted);
    }
    let circle = Server::start(Behaviour { redirect: Some(String::new()), ..Behaviour::default() });
    let error = resolve(&remote(&circle.url("fleet")), &branch("main")).unwrap_err();
    assert_eq!(error.to_string(), "redirect refused: they may lead in a circle");
}

#[test]
fn servers_that_fail_are_told_apart() {
    let ask = |server: &Server| resolve(&remote(&server.url("x")), &branch("main")).unwrap_err().to_string();
    for (status, words) in [
        (403, "access to the repository is forbidden"),
        (404, "repository not found"),
        (503, "the server answered with HTTP status 503"),
    ] {
        assert_eq!(ask(&Server::start(Behaviour { status: Some(status), ..Behaviour::default() })), words);
    }
    let page = Server::start(Behaviour { page: true, ..Behaviour::default() });
    assert!(ask(&page).starts_with("the server does not speak Git's protocol here"));
    let refused = resolve(&remote(&format!("{}/x", server::nobody())), &branch("main")).unwrap_err();
    assert_eq!(refused, ResolveError::Remote(TransportError::Refused));
    let cut = Server::start(Behaviour { cut: Some(40), ..Behaviour::default() });
    cut.repository("x").push("file", "1");
    assert_eq!(ask(&cut), "connection broke off in the middle of an answer");
}

#[test]
fn silence_ends_in_time() {
    let (_listener, address) = server::deaf();
    let silent = Server::start(Behaviour { silent: true, ..Behaviour::default() });
    for url in [format!("{address}/x"), silent.url("x")] {
        let mut remote = remote(&url);
        remote.timeout = Duration::from_millis(300);
        let began = Instant::now();
        let error = resolve(&remote, &branch("main")).unwrap_err();
        assert_eq!(error, ResolveError::Remote(TransportError::Timeout(remote.timeout)));
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn waiting_for_a_server_holds_no_thread() {
    let (_listener, address) = server::deaf();
    let silent = Server::start(Behaviour { silent: true, ..Behaviour::default() });
    let runtime = runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    let (began, main) = (Instant::now(), branch("main"));
    runtime.block_on(async {
        let mut remotes = Vec::new();
        for n in 0..64 {
            let mut remote = remote(&if n % 2 == 0 { format!("{address}/x") } else { silent.url("x") });
            remote.timeout = Duration::from_secs(1);
            remotes.push(remote);
        }
        let asked = remotes.iter().map(|remote| lode_git::resolve(remote, &main));
        for answer in futures::future::join_all(asked).await {
            assert_eq!(answer, Err(ResolveError::Remote(TransportError::Timeout(Duration::from_secs(1)))));
        }
    });
    assert!(began.elapsed() < Duration::from_secs(20), "64 waited at the same time: {:?}", began.elapsed());
}

#[test]
fn an_operation_that_nobody_waits_for_any_more_hangs_up() {
    let (listener, address) = server::deaf();
    let (remote, main) = (remote(&format!("{address}/x")), branch("main"));
    wait(async {
        let asked = tokio::spawn(async move { lode_git::resolve(&remote, &main).await });
        let accept = tokio::task::spawn_blocking(move || listener.accept().unwrap().0);
        let mut stream = accept.await.unwrap();
        asked.abort();
        let end = tokio::task::spawn_blocking(move || {
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            std::io::copy(&mut stream, &mut std::io::sink())
        });
        end.await.unwrap().expect("the connection is closed, long before the operation's own timeout");
    });
}

#[test]
fn a_timeout_of_ages_is_no_trouble() {
    let mut remote = remote(&format!("{}/x", server::nobody()));
    remote.timeout = Duration::MAX;
    assert_eq!(resolve(&remote, &branch("main")), Err(ResolveError::Remote(TransportError::Refused)));
}

#[test]
fn what_is_too_large_is_said_with_the_limit() {
    let server = Server::start(Behaviour::default());
    let repository = server.repository("fleet");
    let noise = noise();
    repository.push("a/large", &noise);
    repository.push("b/small", "y");
    let remote = remote(&server.url("fleet"));
    let resolved = resolve(&remote, &branch("main")).unwrap();
    let go = |limits: Limits| {
        let (_folder, cache) = cache();
        fetch(&remote, &resolved, &cache, &Options { limits, ..Options::default() })
    };
    let words = |limits| go(limits).unwrap_err().to_string();
    let limits = Limits::default();
    let pack = Limits { pack_bytes: 100_000, ..limits };
    assert_eq!(words(pack), "a pack of more than 100000 bytes, the limit");
    let prefix = "the repository holds more than";
    for (budget, wanted) in [
        (
            budget::Limits { nodes: 3, ..budget::Limits::UNLIMITED },
            "the repository needs more than 3 values, the limit",
        ),
        (
            budget::Limits { bytes: 999, ..budget::Limits::UNLIMITED },
            "the repository needs more than 999 bytes, the limit",
        ),
        (budget::Limits { steps: 1, ..budget::Limits::UNLIMITED }, "the repository needs more than 1 steps, the limit"),
    ] {
        let (_folder, cache) = cache();
        let options = Options { budget: Arc::new(Budget::new(budget)), ..Options::default() };
        assert_eq!(fetch(&remote, &resolved, &cache, &options).unwrap_err().to_string(), wanted);
    }
    assert_eq!(
        words(Limits { object_bytes: 200_000, ..limits }),
        format!("{prefix} 200000 bytes in one file, the limit")
    );
    let snapshot = go(Limits { blob_bytes: 1000, ..limits }).unwrap();
    let large = snapshot.tree.entries().find(|(path, _)| path.as_str() == "a/large").unwrap();
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
    let limits = Limits { object_bytes: 4 << 20, ..Limits::default() };
    let began = Instant::now();
    let error = fetch(&remote, &resolved, &cache, &Options { limits, ..Options::default() }).unwrap_err();
    println!("refused after {:?}", began.elapsed());
    assert_eq!(error.to_string(), "the repository holds more than 4194304 bytes in one file, the limit");
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
        fetch(&remote, &resolved, &cache, &Options { sparse, ..Options::default() })
    };
    let names = |folders: &[&str]| -> Vec<String> {
        go(folders).unwrap().tree.entries().map(|(path, _)| path.to_string()).collect()
    };
    assert_eq!(names(&["a"]), ["a/deep/x"]);
    assert_eq!(names(&["./a/deep", "ab/"]), ["a/deep/x", "ab/y"]);
    assert_eq!(names(&["."]).len(), 3);
    for folder in ["nothere", "a/nothere", "../a", "/a"] {
        assert!(matches!(go(&["ab", folder]), Err(FetchError::Sparse(name)) if name == folder), "{folder}");
    }
}

#[test]
fn links_executables_and_submodules_are_what_they_are() {
    let server = Server::start(Behaviour::default());
    let repository = server.repository("fleet");
    for (name, target) in [("loop-a", "loop-b"), ("loop-b", "loop-a"), ("out", "../../etc/passwd"), ("in", "run.sh")] {
        std::os::unix::fs::symlink(target, repository.work.join(name)).unwrap();
    }
    let commit = repository.push("run.sh", "#!/bin/sh");
    repository.git(&["update-index", "--chmod=+x", "run.sh"]);
    repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},module")]);
    repository.git(&["commit", "-q", "-m", "odd"]);
    repository.git(&["push", "-q", "origin", "main"]);
    let snapshot = take(&remote(&server.url("fleet")), &branch("main")).unwrap();
    let at = |path: &str| RepoPath::parse(path).unwrap();
    assert_eq!(snapshot.tree.len(), 5, "no submodule");
    assert_eq!(text(&snapshot, "in"), "#!/bin/sh");
    assert!(matches!(snapshot.tree.read(&at("loop-a")), Err(lode_tree::Error::LinkLoop(_))));
    assert!(matches!(snapshot.tree.read(&at("out")), Err(lode_tree::Error::Link { .. })));
    let (_, run) = snapshot.tree.entries().find(|(path, _)| path.as_str() == "run.sh").unwrap();
    assert!(matches!(run, Entry::File { executable: true, .. }));
}

#[test]
fn names_that_escape_are_refused_by_name() {
    let server = Server::start(Behaviour::default());
    let repository = server.repository("fleet");
    let blob = repository.object(&["hash-object", "-w", "--stdin"], b"x");
    let raw: Vec<u8> = (0..blob.len()).step_by(2).map(|i| u8::from_str_radix(&blob[i..i + 2], 16).unwrap()).collect();
    for (n, name) in ["..", ".", ".git", "a/b", "/etc"].into_iter().enumerate() {
        let tree = [b"100644 ", name.as_bytes(), b"\0", &raw].concat();
        let tree = repository.object(&["hash-object", "-t", "tree", "-w", "--literally", "--stdin"], &tree);
        repository.branch_of_tree(&format!("evil-{n}"), &tree);
        let error = take(&remote(&server.url("fleet")), &branch(&format!("evil-{n}"))).unwrap_err();
        assert!(matches!(error, FetchError::FileName(_)), "{name:?}: {error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
    let twice = [b"100644 a\0".as_slice(), &raw, b"100644 a\0", &raw].concat();
    let tree = repository.object(&["hash-object", "-t", "tree", "-w", "--literally", "--stdin"], &twice);
    repository.branch_of_tree("twice", &tree);
    assert!(matches!(take(&remote(&server.url("fleet")), &branch("twice")), Err(FetchError::FileName(_))));
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
    let tree = take(&remote(&server.url("fleet")), &branch("main")).unwrap().tree;
    let named = |entry: &Entry| !matches!(entry, Entry::Misnamed);
    let names: Vec<_> = tree.entries().map(|(path, entry)| (path.as_str(), named(entry))).collect();
    assert_eq!(names, [("Icon\\r", false), ("a.yaml", true), ("caf\\xe9.txt", false), ("ctl\\u{1}", false)]);
}

#[test]
fn paths_that_a_small_pack_repeats_without_end_stop_at_the_budget() {
    let server = Server::start(Behaviour::default());
    let repository = server.repository("fleet");
    let blob = repository.object(&["hash-object", "-w", "--stdin"], b"x");
    let raw = |id: &str| -> Vec<u8> {
        (0..id.len()).step_by(2).map(|i| u8::from_str_radix(&id[i..i + 2], 16).unwrap()).collect()
    };
    // Twelve folders within one another, each of which holds the next one eight times.
    let (mut id, mut mode) = (blob, "100644");
    for _ in 0..12 {
        let entries =
            (0..8).map(|n| [mode.as_bytes(), b" ", n.to_string().as_bytes(), &[b'n'; 200], b"\0", &raw(&id)].concat());
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
    let raw: Vec<u8> = (0..blob.len()).step_by(2).map(|i| u8::from_str_radix(&blob[i..i + 2], 16).unwrap()).collect();
    let links = (0..1_000).map(|at| [b"120000 ", format!("{at:04}").as_bytes(), b"\0", &raw].concat());
    let tree = links.collect::<Vec<_>>().concat();
    let tree = repository.object(&["hash-object", "-t", "tree", "-w", "--stdin"], &tree);
    repository.branch_of_tree("links", &tree);
    let remote = remote(&server.url("fleet"));
    let resolved = resolve(&remote, &branch("links")).unwrap();
    let (_folder, cache) = cache();
    let budget = Arc::new(Budget::new(budget::Limits { bytes: 1 << 20, ..budget::Limits::UNLIMITED }));
    let fetched = fetch(&remote, &resolved, &cache, &Options { budget, ..Options::default() }).map(|_| ());
    assert!(matches!(fetched, Err(FetchError::Exceeded(_))), "{fetched:?}");
}

#[test]
fn a_private_authority_is_trusted_when_given() {
    let issued = |names: Vec<String>, by: Option<&rcgen::Issuer<'_, rcgen::KeyPair>>| {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut about = rcgen::CertificateParams::new(names).unwrap();
        let certificate = if let Some(issuer) = by {
            about.signed_by(&key, issuer).unwrap()
        } else {
            about.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            about.self_signed(&key).unwrap()
        };
        (about, certificate, key)
    };
    let (about, authority, key) = issued(vec![], None);
    let issuer = rcgen::Issuer::new(about, key);
    let (_, own, own_key) = issued(vec!["127.0.0.1".to_owned()], Some(&issuer));
    let (_, client, client_key) = issued(vec!["client".to_owned()], Some(&issuer));

    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let asks = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(asks.allow_unauthenticated().build().unwrap())
        .with_single_cert(vec![own.der().clone()], own_key.serialize_der().try_into().unwrap())
        .unwrap();
    let server = Server::with(Behaviour::default(), Some(Arc::new(config)));
    server.repository("fleet").push("file", "1");
    let mut remote = remote(&server.url("fleet"));
    let unknown = resolve(&remote, &branch("main")).unwrap_err();
    assert_eq!(unknown.to_string(), "TLS failed: the server's certificate is of an unknown authority");
    remote.ca = Some(b"no certificate".to_vec());
    let unreadable = resolve(&remote, &branch("main")).unwrap_err();
    assert_eq!(unreadable.to_string(), "the certificate authority cannot be read");
    remote.ca = Some(authority.pem().into_bytes());
    assert_eq!(text(&take(&remote, &branch("main")).unwrap(), "file"), "1");
    remote.client_certificate = Some(ClientCertificate {
        certificate: client.pem().into_bytes(),
        key: client_key.serialize_pem().into_bytes(),
    });
    assert_eq!(text(&take(&remote, &branch("main")).unwrap(), "file"), "1");
}
