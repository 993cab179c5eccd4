//! Registries that lie, are slow, or lead elsewhere.

use std::time::{Duration, Instant};

use lode_oci::{Credentials, Descriptor, Error, Registry, Repository, Scheme};
use lode_sandbox::{Registry as Server, RegistryAccess, WebFault};

use crate::{LIMIT, artifact, layer, open, outbound, pull};

#[tokio::test]
async fn a_manifest_that_was_changed_is_not_believed() {
    let server = Server::start(RegistryAccess::Open).await.unwrap();
    let digest = server.push("app", "v1", &artifact("x"));
    server.fault(&format!("/manifests/{digest}"), WebFault::Longer(1));
    let error = open(&server, "app").manifest(digest).await.unwrap_err();
    let is_named =
        matches!(error, Error::Changed { what: "manifest", wanted, .. } if wanted == digest);
    assert!(is_named, "{error}");
}

#[tokio::test]
async fn a_blob_of_other_bytes_or_another_size_is_not_believed() {
    let server = Server::start(RegistryAccess::Open).await.unwrap();
    server.push("app", "v1", &artifact("hello"));
    for (fault, is_size) in [
        (WebFault::Altered, false),
        (WebFault::Longer(1 << 20), true),
        (WebFault::Shorter(2), true),
    ] {
        server.heal();
        server.fault("/blobs/", fault.clone());
        let error = layer(&mut open(&server, "app"), "v1").await.unwrap_err();
        let fits = match error {
            Error::Size { .. } => is_size,
            Error::Changed { .. } => !is_size,
            _ => false,
        };
        assert!(fits, "{fault:?}: {error}");
    }
}

#[tokio::test]
async fn a_blob_over_the_limit_is_not_asked_for() {
    let server = Server::start(RegistryAccess::Open).await.unwrap();
    let digest = server.push("app", "v1", &artifact("hello"));
    let mut registry = open(&server, "app");
    let manifest = registry.manifest(digest).await.unwrap();
    server.take_requests();
    let large = Descriptor {
        size: LIMIT + 1,
        ..manifest.layers[0].clone()
    };
    let error = registry.blob(&large, LIMIT).await.err().unwrap();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    assert!(server.take_requests().is_empty());
}

#[tokio::test]
async fn a_digest_that_cannot_be_checked_is_refused() {
    let server = Server::start(RegistryAccess::Open).await.unwrap();
    let mut registry = open(&server, "app");
    for digest in ["sha512:00", "../../../secret", ""] {
        let descriptor = Descriptor {
            media_type: "x".into(),
            digest: digest.into(),
            size: 1,
        };
        let error = registry.blob(&descriptor, LIMIT).await.err().unwrap();
        assert!(matches!(error, Error::Digest { .. }), "{error}");
    }
    assert!(server.take_requests().is_empty());
}

#[tokio::test]
async fn a_registry_that_is_slow_costs_no_more_than_the_timeout() {
    let server = Server::start(RegistryAccess::Open).await.unwrap();
    server.push("app", "v1", &artifact(&"x".repeat(1000)));
    let trickle = WebFault::Trickle {
        bytes: 1,
        pause: Duration::from_millis(50),
    };
    for (part, fault) in [
        ("/manifests/", WebFault::Pause(Duration::from_mins(1))),
        ("/blobs/", trickle),
    ] {
        server.heal();
        server.fault(part, fault);
        let repository = Repository::parse(&format!("{}/app", server.host())).unwrap();
        let time = Duration::from_millis(500);
        let mut registry = Registry::new(
            repository,
            Credentials::None,
            Scheme::Http,
            outbound(),
            time,
        );
        let since = Instant::now();
        let error = layer(&mut registry, "v1").await.unwrap_err();
        assert!(
            error.to_string().ends_with("no answer within 500ms"),
            "{error}"
        );
        assert!(since.elapsed() < Duration::from_secs(10), "{part}");
    }
}

#[tokio::test]
async fn a_redirect_to_a_metadata_address_is_refused() {
    let server = Server::start(RegistryAccess::Open).await.unwrap();
    server.push("app", "v1", &artifact("x"));
    let target = "http://169.254.169.254/latest/meta-data".to_owned();
    server.fault("/blobs/", WebFault::Redirect(target));
    let error = layer(&mut open(&server, "app"), "v1").await.unwrap_err();
    assert!(error.to_string().contains("169.254.169.254"), "{error}");
    assert!(error.to_string().contains("--egress-allow"), "{error}");
}

#[tokio::test]
async fn a_manifest_of_megabytes_is_not_read() {
    let server = Server::start(RegistryAccess::Open).await.unwrap();
    server.push("app", "v1", &artifact("x"));
    server.fault("/manifests/sha256", WebFault::Longer(5 << 20));
    let error = pull(&mut open(&server, "app"), "v1").await.unwrap_err();
    assert!(
        error.to_string().contains("a manifest of more than"),
        "{error}"
    );
}

#[tokio::test]
async fn a_dropped_future_ends_its_request() {
    let server = Server::start(RegistryAccess::Open).await.unwrap();
    server.push("app", "v1", &artifact("x"));
    server.fault("/manifests/", WebFault::Pause(Duration::from_hours(1)));
    let mut registry = open(&server, "app");
    let wait = tokio::time::timeout(Duration::from_millis(100), registry.digest("v1"));
    assert!(wait.await.is_err());
    server.heal();
    assert!(open(&server, "app").digest("v1").await.is_ok());
}
