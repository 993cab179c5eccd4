//! Who asks: anonymously, with a name and password, with a token.

use lode_oci::Credentials;
use lode_sandbox::{
    REGISTRY_PASSWORD, REGISTRY_USER, Registry as Server, RegistryAccess, WebFault,
};

use crate::{artifact, layer, open, with};

/// Returns the name and password that open a registry of a test.
pub(crate) fn basic() -> Credentials {
    Credentials::Basic {
        username: REGISTRY_USER.to_owned(),
        password: REGISTRY_PASSWORD.to_owned(),
    }
}

fn wrong() -> Credentials {
    Credentials::Basic {
        username: REGISTRY_USER.to_owned(),
        password: "hunter2".to_owned(),
    }
}

#[tokio::test]
async fn a_name_and_password_open_a_registry_that_asks_for_them() {
    let server = Server::start(RegistryAccess::Basic).await.unwrap();
    server.push("app", "v1", &artifact("hello"));
    let mut registry = with(&server, "app", basic());
    assert_eq!(layer(&mut registry, "v1").await.unwrap(), b"hello");
    let without = server
        .take_requests()
        .iter()
        .filter(|it| !it.has_credentials)
        .count();
    assert_eq!(
        without, 1,
        "they are sent once they are asked for, then at once"
    );

    for credentials in [
        Credentials::None,
        wrong(),
        Credentials::Bearer("t".to_owned()),
    ] {
        let error = with(&server, "app", credentials)
            .digest("v1")
            .await
            .unwrap_err();
        let expected = "UNAUTHORIZED: authentication required";
        assert!(
            error.is_status(401) && error.to_string().ends_with(expected),
            "{error}"
        );
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn a_token_is_fetched_for_everybody_and_opens_more_for_whoever_is_known() {
    let server = Server::start(RegistryAccess::Token).await.unwrap();
    server.push("open/app", "v1", &artifact("open"));
    server.push("team/private/app", "v1", &artifact("closed"));
    let mut anyone = open(&server, "open/app");
    assert_eq!(layer(&mut anyone, "v1").await.unwrap(), b"open");
    let tokens = |requests: Vec<lode_sandbox::WebRequest>| {
        requests.iter().filter(|it| it.path == "/token").count()
    };
    assert_eq!(
        tokens(server.take_requests()),
        1,
        "one token serves all requests"
    );

    let mut known = with(&server, "team/private/app", basic());
    assert_eq!(layer(&mut known, "v1").await.unwrap(), b"closed");
    let refused = open(&server, "team/private/app").digest("v1").await;
    assert!(refused.unwrap_err().is_status(401));
}

#[tokio::test]
async fn a_refused_login_is_told_by_the_token_service() {
    let server = Server::start(RegistryAccess::Token).await.unwrap();
    server.push("app", "v1", &artifact("x"));
    let error = with(&server, "app", wrong())
        .digest("v1")
        .await
        .unwrap_err();
    let expected = format!(
        "GET http://{}/token: UNAUTHORIZED: wrong credentials",
        server.host()
    );
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn a_token_that_is_not_accepted_any_more_is_fetched_again() {
    let server = Server::start(RegistryAccess::Token).await.unwrap();
    let digest = server.push("app", "v1", &artifact("x"));
    let mut registry = open(&server, "app");
    registry.digest("v1").await.unwrap();
    server.fault("/manifests/", WebFault::Status(401, 1));
    let again = registry.manifest(digest).await;
    // The fault comes without a challenge, as from a proxy on the way: there is nothing to log in to.
    assert!(again.unwrap_err().is_status(401));
    assert!(
        registry.manifest(digest).await.is_ok(),
        "and the next request starts again"
    );
}
