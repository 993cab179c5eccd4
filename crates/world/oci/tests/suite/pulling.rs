//! Tags, manifests, indexes and blobs.

use lode_oci::{Registry, Repository, Scheme};
use lode_sandbox::{Registry as Server, RegistryAccess, WebFault};
use serde_json::json;

use crate::{LIMIT, artifact, layer, open, outbound, pull};

#[tokio::test]
async fn a_tag_leads_to_a_digest_a_manifest_and_a_layer() {
    let server = Server::start(RegistryAccess::Open).await.unwrap();
    let digest = server.push("team/app", "v1", &artifact("hello"));
    let mut registry = open(&server, "team/app");
    assert_eq!(registry.digest("v1").await, Ok(digest));
    let manifest = registry.manifest(digest).await.unwrap();
    assert_eq!(&*manifest.annotations["made"], "today");
    assert_eq!(&*manifest.layers[0].media_type, "text/plain");
    assert_eq!(layer(&mut registry, "v1").await.unwrap(), b"hello");
    let asked: Vec<_> = server
        .take_requests()
        .into_iter()
        .map(|it| it.method)
        .collect();
    assert_eq!(
        asked[..2],
        ["HEAD", "GET"],
        "a look costs one request without a body"
    );
}

#[tokio::test]
async fn a_tag_that_moves_has_another_digest() {
    let server = Server::start(RegistryAccess::Open).await.unwrap();
    let one = server.push("app", "v1", &artifact("one"));
    let two = server.push("app", "v1", &artifact("two"));
    assert_ne!(one, two);
    let mut registry = open(&server, "app");
    assert_eq!(registry.digest("v1").await, Ok(two));
    let old = registry.manifest(one).await.unwrap();
    assert_ne!(old, registry.manifest(two).await.unwrap());
}

#[tokio::test]
async fn what_is_missing_is_told_in_the_registrys_words() {
    let server = Server::start(RegistryAccess::Open).await.unwrap();
    server.push("app", "v1", &artifact("x"));
    let host = server.host();
    for (name, tag, words) in [
        ("app", "v9", "MANIFEST_UNKNOWN: manifest unknown"),
        (
            "other",
            "v1",
            "NAME_UNKNOWN: repository name not known to registry",
        ),
    ] {
        let error = open(&server, name).digest(tag).await.unwrap_err();
        let expected = format!("GET http://{host}/v2/{name}/manifests/{tag}: {words}");
        assert_eq!(error.to_string(), expected);
        assert!(error.is_status(404));
    }
}

#[tokio::test]
async fn all_pages_of_tags_are_read() {
    let server = Server::start(RegistryAccess::Open).await.unwrap();
    let made = artifact("x");
    let tags: Vec<String> = (0..2500).map(|n| format!("1.0.{n}")).collect();
    for tag in &tags {
        server.push("app", tag, &made);
    }
    let mut registry = open(&server, "app");
    let mut found = registry.tags().await.unwrap();
    found.sort();
    let mut expected = tags;
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(server.take_requests().len(), 3);
}

#[tokio::test]
async fn an_index_leads_to_the_manifest_for_linux_on_amd64() {
    let server = Server::start(RegistryAccess::Open).await.unwrap();
    let arm = server.push("app", "arm", &artifact("arm"));
    let amd = server.push("app", "amd", &artifact("amd"));
    let child = |digest: lode_stdx::Digest, architecture: &str| {
        json!({"mediaType": "m", "digest": digest.to_string(), "size": 1,
            "platform": {"os": "linux", "architecture": architecture}})
    };
    let kind = "application/vnd.oci.image.index.v1+json";
    let index =
        json!({"schemaVersion": 2, "manifests": [child(arm, "arm64"), child(amd, "amd64")]});
    server.put_manifest("app", Some("v1"), (kind, index.to_string().as_bytes()));
    let mut registry = open(&server, "app");
    assert_eq!(layer(&mut registry, "v1").await.unwrap(), b"amd");

    let only = json!({"schemaVersion": 2, "manifests": [child(arm, "arm64")]});
    server.put_manifest("app", Some("v2"), (kind, only.to_string().as_bytes()));
    let error = pull(&mut registry, "v2").await.unwrap_err().to_string();
    assert!(
        error.starts_with("no child with platform linux/amd64"),
        "{error}"
    );
}

#[tokio::test]
async fn a_registry_that_speaks_plain_http_is_found_where_that_is_allowed() {
    let server = Server::start(RegistryAccess::Open).await.unwrap();
    let digest = server.push("app", "v1", &artifact("x"));
    let repository = Repository::parse(&format!("{}/app", server.host())).unwrap();
    let of = |scheme| {
        let time = std::time::Duration::from_secs(20);
        let none = lode_oci::Credentials::None;
        Registry::new(repository.clone(), none, scheme, outbound(), time)
    };
    for scheme in [
        Scheme::Http,
        Scheme::Either,
        Scheme::EitherWithoutCredentials,
    ] {
        assert_eq!(of(scheme).digest("v1").await, Ok(digest), "{scheme:?}");
    }
    assert!(of(Scheme::Https).digest("v1").await.is_err());
}

#[tokio::test]
async fn a_fault_that_passes_is_not_told() {
    let server = Server::start(RegistryAccess::Open).await.unwrap();
    let digest = server.push("app", "v1", &artifact("x"));
    server.fault("/manifests/", WebFault::Status(503, 2));
    let mut registry = open(&server, "app");
    assert_eq!(registry.digest("v1").await, Ok(digest));
    server.fault("/manifests/", WebFault::Status(503, 100));
    let error = registry.digest("v1").await.unwrap_err();
    assert!(error.is_status(503), "{error}");
}

#[tokio::test]
async fn a_blob_may_come_from_another_server() {
    let server = Server::start(RegistryAccess::Basic).await.unwrap();
    let digest = server.push("app", "v1", &artifact("hello"));
    let store = lode_sandbox::Charts::start().await.unwrap();
    store.put("/blob", "hello");
    server.fault("/blobs/", WebFault::Redirect(store.url("/blob")));
    let mut registry = crate::with(&server, "app", crate::login::basic());
    let manifest = registry.manifest(digest).await.unwrap();
    let mut blob = registry.blob(&manifest.layers[0], LIMIT).await.unwrap();
    assert_eq!(blob.chunk().await.unwrap().unwrap(), b"hello"[..]);
    assert_eq!(blob.chunk().await.unwrap(), None);
    let asked = store.take_requests();
    assert!(!asked[0].has_credentials, "they are for the registry alone");
}
