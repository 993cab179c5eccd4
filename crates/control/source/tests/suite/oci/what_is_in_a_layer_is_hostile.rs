//! A layer holds what no artifact may hold: names that lead out, links, a bomb.

use serde_json::json;
use tar::{EntryType, Header};

use super::{LAYER, Stage, archive, of_layers};
use crate::played::{condition, names};

/// Returns an archive with one entry that has any name.
fn entry(name: &str, kind: EntryType) -> Vec<u8> {
    archive(|tar| {
        let mut header = Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_mode(0o644);
        if kind.is_symlink() || kind.is_hard_link() {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        tar.append(&header, &b""[..]).unwrap();
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_lead_out_and_hard_links_fail_the_artifact() {
    let stage = Stage::open().await;
    stage.apply(&json!({})).await;
    for (name, kind) in [
        ("../up", EntryType::Regular),
        ("/etc/passwd", EntryType::Regular),
        ("a/../../b", EntryType::Regular),
        ("hard", EntryType::Link),
        ("pipe", EntryType::Fifo),
    ] {
        stage
            .registry
            .push("app", "latest", &of_layers(&[(LAYER, entry(name, kind))]));
        let live = stage.played.ran("app").await;
        let (_, reason, text) = condition(&live, "FetchFailed").unwrap();
        assert_eq!(reason, "OCIArtifactLayerOperationFailed", "{name}: {text}");
        assert!(live.status.artifact.is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn symbolic_links_are_left_out() {
    let stage = Stage::open().await;
    let link = entry("link", EntryType::Symlink);
    stage
        .registry
        .push("app", "latest", &of_layers(&[(LAYER, link)]));
    stage.apply(&json!({})).await;
    stage.played.run("app").await;
    assert_eq!(names(&*stage.played.tree("app").await), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bomb_stops_at_its_bound() {
    let stage = Stage::open().await;
    let zeros = archive(|tar| {
        for n in 0..5 {
            let mut header = Header::new_gnu();
            header.set_size(16 << 20);
            header.set_mode(0o644);
            let zeros = std::io::Read::take(std::io::repeat(0), 16 << 20);
            tar.append_data(&mut header, format!("{n}"), zeros).unwrap();
        }
    });
    assert!(zeros.len() < 2 << 20);
    stage
        .registry
        .push("app", "latest", &of_layers(&[(LAYER, zeros)]));
    stage.apply(&json!({})).await;
    let live = stage.played.ran("app").await;
    let (_, _, text) = condition(&live, "FetchFailed").unwrap();
    assert!(text.ends_with("(--fetch-bytes-max)"), "{text}");
}
