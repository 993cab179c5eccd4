//! What is fetched, with whose credentials, and what ends a fetch.

use std::time::Duration;

use lode_fetch::{ChartRepository, FetchError};
use lode_net::{Egress, Outbound, Rules};
use lode_sandbox::{CHARTS_PASSWORD, CHARTS_USER, Charts, WebFault};
use lode_stdx::Digest;

const LIMIT: u64 = 1 << 20;

fn repository(url: &str) -> ChartRepository {
    within(url, Duration::from_secs(20))
}

fn within(url: &str, timeout: Duration) -> ChartRepository {
    let egress = Egress::new(Rules {
        allow: vec!["127.0.0.0/8".parse().unwrap()],
        ..Rules::default()
    });
    let outbound = Outbound {
        egress,
        ..Outbound::default()
    };
    ChartRepository::new(url, outbound, timeout).unwrap()
}

fn known(repository: ChartRepository, passes: bool) -> ChartRepository {
    let credentials = (CHARTS_USER, CHARTS_PASSWORD);
    repository.with_credentials(credentials, passes).unwrap()
}

/// Reads an index.
async fn index(repository: &ChartRepository) -> Result<(Digest, Vec<u8>), FetchError> {
    let mut download = repository.index(LIMIT).await?;
    let mut text = Vec::new();
    while let Some(chunk) = download.chunk().await? {
        text.extend_from_slice(&chunk);
    }
    Ok((download.digest(), text))
}

#[tokio::test]
async fn an_index_comes_with_its_digest_and_a_chart_is_below_it() {
    let server = Charts::start().await.unwrap();
    server.put("/team/index.yaml", "apiVersion: v1\n");
    server.put("/team/app-1.0.0.tgz", "chart");
    for url in [server.url("/team"), server.url("/team/")] {
        let repository = repository(&url);
        let (digest, text) = index(&repository).await.unwrap();
        assert_eq!(text, b"apiVersion: v1\n");
        assert_eq!(digest, Digest::of(&text));
        assert_eq!(
            repository.chart("app-1.0.0.tgz", LIMIT).await.unwrap(),
            b"chart"
        );
        let whole = server.url("/team/app-1.0.0.tgz");
        assert_eq!(repository.chart(&whole, LIMIT).await.unwrap(), b"chart");
    }
}

#[tokio::test]
async fn a_refusal_has_helms_words() {
    let server = Charts::start().await.unwrap();
    let repository = repository(&server.url("/private-x"));
    let error = index(&repository).await.unwrap_err();
    let expected = format!(
        "failed to fetch {} : 401 Unauthorized",
        server.url("/private-x/index.yaml")
    );
    assert_eq!(error.to_string(), expected);
    let error = repository.chart("../nothere.tgz", LIMIT).await.unwrap_err();
    let expected = format!(
        "failed to fetch {} : 404 Not Found",
        server.url("/nothere.tgz")
    );
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn credentials_go_elsewhere_only_if_they_are_to_be_passed() {
    let (server, other) = (
        Charts::start().await.unwrap(),
        Charts::start().await.unwrap(),
    );
    server.put("/private-x/index.yaml", "apiVersion: v1\n");
    other.put("/private-x/app.tgz", "chart");
    let url = server.url("/private-x");
    let chart = other.url("/private-x/app.tgz");

    let own = known(repository(&url), false);
    assert!(index(&own).await.is_ok());
    let error = own.chart(&chart, LIMIT).await.unwrap_err();
    assert!(error.to_string().ends_with("401 Unauthorized"), "{error}");
    assert!(other.take_requests().iter().all(|it| !it.has_credentials));

    let passed = known(repository(&url), true);
    assert_eq!(passed.chart(&chart, LIMIT).await.unwrap(), b"chart");
    server.fault("/moved", WebFault::Redirect(chart));
    let moved = passed.chart("moved.tgz", LIMIT).await.unwrap_err();
    assert!(
        moved.to_string().ends_with("401 Unauthorized"),
        "a redirect is not what the index names: {moved}"
    );
}

#[tokio::test]
async fn a_server_that_sends_too_much_or_too_slowly_is_left() {
    let server = Charts::start().await.unwrap();
    server.put("/index.yaml", vec![b'x'; 2 << 20]);
    let error = index(&repository(&server.url(""))).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("an index of more than 1048576 bytes"),
        "{error}"
    );

    let trickle = WebFault::Trickle {
        bytes: 1,
        pause: Duration::from_millis(50),
    };
    server.fault("/index.yaml", trickle);
    let slow = within(&server.url(""), Duration::from_millis(300));
    let error = index(&slow).await.unwrap_err();
    assert!(
        error.to_string().ends_with("no answer within 300ms"),
        "{error}"
    );
}

#[tokio::test]
async fn an_index_cannot_lead_to_a_metadata_address() {
    let server = Charts::start().await.unwrap();
    let repository = repository(&server.url(""));
    let direct = "http://169.254.169.254/latest/meta-data";
    server.fault("/moved", WebFault::Redirect(direct.to_owned()));
    for reference in [direct, "moved.tgz"] {
        let error = repository.chart(reference, LIMIT).await.unwrap_err();
        assert!(error.egress().is_some(), "{error}");
    }
    let file = repository
        .chart("file:///etc/passwd", LIMIT)
        .await
        .unwrap_err();
    assert!(matches!(file, FetchError::Reference { .. }), "{file}");
}
