//! What a repository hands out as a chart is an attack.

use std::io::Read as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use lode_sandbox::WebFault;
use serde_json::json;

use super::Stage;

/// Puts an archive in the place of a package.
fn put(stage: &Stage, name: &str, size: u64) {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    tar.append(&header, std::io::repeat(0).take(size)).unwrap();
    stage.server.put(
        "/app-1.0.0.tgz",
        tar.into_inner().unwrap().finish().unwrap(),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_lead_out_and_bombs_are_refused() {
    let stage = Stage::start().await;
    stage.publish("", &["1.0.0"]);
    stage.repository("", &json!({})).await;
    stage.chart(("HelmRepository", "charts"), &json!({})).await;
    for (name, size, expected) in [
        (
            "app/../../up",
            0,
            "chart illegally references parent directory",
        ),
        (
            "app//etc/passwd",
            0,
            "chart illegally contains absolute paths",
        ),
        ("app/zeros", 6 << 20, "is larger than the maximum file size"),
        ("app/a.txt", 1, "no 'Chart.yaml' found"),
    ] {
        put(&stage, name, size);
        let (_, reason, text) = stage.ready().await;
        assert_eq!(reason, "ChartPullError");
        assert!(text.contains(expected), "{text}");
        assert_eq!(stage.charts.files("app"), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_package_that_is_too_large_is_not_read_to_its_end() {
    let stage = Stage::start().await;
    stage.publish("", &["1.0.0"]);
    stage.repository("", &json!({})).await;
    stage.server.put("/app-1.0.0.tgz", vec![0; 11 << 20]);
    stage.chart(("HelmRepository", "charts"), &json!({})).await;
    let (_, reason, text) = stage.ready().await;
    assert_eq!(reason, "ChartPullError");
    assert!(
        text.contains("a chart of more than 10485760 bytes, the limit"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_package_at_the_metadata_address_is_not_asked_for() {
    let stage = Stage::start().await;
    stage.publish("", &["1.0.0"]);
    stage.repository("", &json!({})).await;
    let to = "http://169.254.169.254/latest/meta-data".to_owned();
    stage.server.fault(".tgz", WebFault::Redirect(to.clone()));
    stage.chart(("HelmRepository", "charts"), &json!({})).await;
    assert_eq!(stage.ready().await.1, "AccessDenied");
    stage.server.heal();
    let index = format!(
        "apiVersion: v1\nentries:\n  app:\n  - {{apiVersion: v2, name: app, version: 1.0.0, urls: ['{to}']}}\n"
    );
    stage.server.put("/index.yaml", index);
    stage.fetched("charts").await;
    assert_eq!(stage.ready().await.1, "AccessDenied");
}
