//! Repositories as users have them, served by Git's own `http-backend` over loopback.

#![expect(
    clippy::unwrap_used,
    clippy::similar_names,
    reason = "a test that cannot set up its world fails"
)]

mod contents;
mod egress;
mod repository;
mod resolving;
mod server;
mod serving;
mod transport;

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use lode_git::{
    Credentials, FetchError, FetchLimits, GitCache, Options, Reference, Remote, ResolveError,
    Resolved, Snapshot, TransportError,
};
use lode_net::{ClientCertificate, Egress, Proxy, Rules};
use lode_stdx::budget::{self, Budget};
use lode_tree::{Entry, RepoPath};
use tokio::runtime::{self, Runtime};

use server::{Behaviour, Server};

/// Waits for a network operation.
fn wait<F: Future>(future: F) -> F::Output {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
    RUNTIME.block_on(future)
}

fn resolve(remote: &Remote, reference: &Reference) -> Result<Resolved, ResolveError> {
    wait(lode_git::resolve(remote, reference))
}

fn fetch(
    remote: &Remote,
    resolved: &Resolved,
    cache: &GitCache,
    options: &Options,
) -> Result<Snapshot, FetchError> {
    wait(lode_git::fetch(remote, resolved, cache, options))
}

fn branch(name: &str) -> Reference {
    Reference {
        branch: Some(name.to_owned()),
        ..Reference::default()
    }
}

/// The servers of these tests are on loopback, which is refused by default.
fn loopback() -> Egress {
    let allow = vec!["127.0.0.0/8".parse().unwrap(), "localhost".parse().unwrap()];
    Egress::new(Rules {
        allow,
        ..Rules::default()
    })
}

fn remote(url: &str) -> Remote {
    let mut remote = Remote::new(url).unwrap();
    remote.timeout = Duration::from_secs(30);
    remote.egress = loopback();
    remote
}

fn cache() -> (tempfile::TempDir, GitCache) {
    let folder = tempfile::tempdir().unwrap();
    let cache = GitCache::open(folder.path().join("git")).unwrap();
    (folder, cache)
}

fn take(remote: &Remote, reference: &Reference) -> Result<Snapshot, FetchError> {
    let (_folder, cache) = cache();
    fetch(
        remote,
        &resolve(remote, reference).unwrap(),
        &cache,
        &Options::default(),
    )
}

fn text(snapshot: &Snapshot, path: &str) -> String {
    let blob = snapshot.tree.read(&RepoPath::parse(path).unwrap()).unwrap();
    String::from_utf8(blob.bytes.to_vec()).unwrap()
}

/// Half a megabyte that compresses badly.
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
fn a_force_push_is_just_another_commit() {
    let server = Server::start(Behaviour::default());
    let repository = server.repository("fleet");
    repository.push("file", "1");
    repository.push("gone", "1");
    let remote = remote(&server.url("fleet"));
    let (_folder, cache) = cache();
    let go = || {
        fetch(
            &remote,
            &resolve(&remote, &branch("main")).unwrap(),
            &cache,
            &Options::default(),
        )
        .unwrap()
    };
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
    let go = || {
        fetch(
            &remote,
            &resolve(&remote, &branch("main")).unwrap(),
            &cache,
            &Options::default(),
        )
        .unwrap()
    };
    go();
    let stores = std::fs::read_dir(folder.path().join("git"))
        .unwrap()
        .flatten();
    let store = stores
        .map(|entry| entry.path())
        .find(|path| path.is_dir())
        .unwrap();
    for pack in std::fs::read_dir(store.join("objects/pack"))
        .unwrap()
        .flatten()
    {
        std::fs::remove_file(pack.path()).unwrap();
    }
    assert_eq!(text(&go(), "file"), "1");
    repository.push("more", "2");
    for pack in std::fs::read_dir(store.join("objects/pack"))
        .unwrap()
        .flatten()
    {
        std::fs::remove_file(pack.path()).unwrap();
    }
    assert_eq!(
        text(&go(), "file"),
        "1",
        "also when only the newer commit is asked for"
    );
    std::fs::remove_dir_all(folder.path().join("git")).unwrap();
    assert_eq!(text(&go(), "more"), "2", "also when everything is gone");
}

#[test]
fn a_pin_never_reads_what_another_secret_was_shown() {
    let behaviour = Behaviour {
        authorization: Some("Bearer one".to_owned()),
        ..Behaviour::default()
    };
    let server = Server::start(behaviour);
    let commit = server.repository("fleet").push("file", "secret");
    let pin = Reference {
        commit: Some(commit),
        ..Reference::default()
    };
    let mut one = remote(&server.url("fleet"));
    one.credentials = Credentials::Bearer("one".to_owned());
    let (_folder, cache) = cache();
    let resolved = resolve(&one, &pin).unwrap();
    fetch(&one, &resolved, &cache, &Options::default()).unwrap();
    for credentials in [Credentials::None, Credentials::Bearer("two".to_owned())] {
        let mut other = one.clone();
        other.credentials = credentials;
        let refused = fetch(&other, &resolved, &cache, &Options::default()).unwrap_err();
        assert!(
            refused.to_string().starts_with("authentication required"),
            "{refused}"
        );
    }
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
    let asks = rustls::server::WebPkiClientVerifier::builder_with_provider(
        Arc::new(roots),
        Arc::clone(&provider),
    );
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(asks.allow_unauthenticated().build().unwrap())
        .with_single_cert(
            vec![own.der().clone()],
            own_key.serialize_der().try_into().unwrap(),
        )
        .unwrap();
    let server = Server::with(Behaviour::default(), Some(Arc::new(config)));
    server.repository("fleet").push("file", "1");
    let mut remote = remote(&server.url("fleet"));
    let unknown = resolve(&remote, &branch("main")).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "TLS failed: the server's certificate is of an unknown authority"
    );
    remote.ca = Some(b"no certificate".to_vec());
    let unreadable = resolve(&remote, &branch("main")).unwrap_err();
    assert_eq!(
        unreadable.to_string(),
        "the certificate authority cannot be read"
    );
    remote.ca = Some(authority.pem().into_bytes());
    assert_eq!(text(&take(&remote, &branch("main")).unwrap(), "file"), "1");
    remote.client_certificate = Some(ClientCertificate {
        certificate: client.pem().into_bytes(),
        key: client_key.serialize_pem().into_bytes(),
    });
    assert_eq!(text(&take(&remote, &branch("main")).unwrap(), "file"), "1");
}
