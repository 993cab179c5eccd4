//! OCI repositories on the shared way, with a registry.

mod a_digest_is_pinned;
mod a_layer_is_selected;
mod a_moved_tag_is_a_new_artifact;
mod a_private_registry_asks_who_is_there;
mod a_range_of_versions_chooses_a_tag;
mod a_registry_is_slow;
mod a_registry_leads_elsewhere;
mod a_registry_lies;
mod a_tag_is_pulled;
mod files_are_ignored;
mod many_pull_at_once;
mod nothing_is_there;
mod what_is_in_a_layer_is_hostile;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use lode_net::{Egress, Rules};
use lode_sandbox::{OciArtifact, Options, Registry, RegistryAccess, Sandbox};
use lode_source::OciOrigin;
use serde_json::{Value, json};

use crate::played::Played;

/// Media type of the layers of Flux's artifacts.
const LAYER: &str = "application/vnd.cncf.flux.content.v1.tar+gzip";

/// A cluster with the controller, and a registry.
struct Stage {
    played: Played<OciOrigin>,
    registry: Registry,
}

impl Stage {
    async fn open() -> Self {
        Self::start(RegistryAccess::Open).await
    }

    async fn start(access: RegistryAccess) -> Self {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        let played = Played::start(sandbox, |stage| {
            let allow = vec!["127.0.0.0/8".parse().unwrap()];
            let egress = Egress::new(Rules {
                allow,
                ..Rules::default()
            });
            OciOrigin::new(stage.client, stage.artifacts, stage.memory, egress)
        });
        Self {
            played: played.await,
            registry: Registry::start(access).await.unwrap(),
        }
    }

    /// Makes an object for the repository `app`, with more fields.
    async fn apply(&self, more: &Value) {
        self.apply_for("app", "app", more).await;
    }

    async fn apply_for(&self, name: &str, repository: &str, more: &Value) {
        let url = format!("oci://{}/{repository}", self.registry.host());
        let mut spec = json!({"interval": "1h", "url": url, "insecure": true});
        for (field, value) in more.as_object().unwrap() {
            spec[field] = value.clone();
        }
        self.played.apply(name, &spec).await;
    }

    /// Pushes one layer with files to `app`; returns the revision that its tag has then.
    fn push(&self, tag: &str, files: &[(&str, &str)]) -> String {
        self.push_to("app", tag, files)
    }

    fn push_to(&self, repository: &str, tag: &str, files: &[(&str, &str)]) -> String {
        let artifact = of_layers(&[(LAYER, tar_gz(files))]);
        let digest = self.registry.push(repository, tag, &artifact);
        format!("{tag}@{digest}")
    }

    /// Makes a pull secret for a host.
    async fn pull_secret(&self, name: &str, host: &str, password: &str) {
        let login = json!({"auths": {host: {"username": "git", "password": password}}});
        self.played
            .make(&json!({
                "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
                "type": "kubernetes.io/dockerconfigjson",
                "data": {".dockerconfigjson": STANDARD.encode(login.to_string())},
            }))
            .await;
    }
}

fn of_layers(layers: &[(&str, Vec<u8>)]) -> OciArtifact {
    let layers = layers.iter();
    OciArtifact {
        config_type: "application/vnd.cncf.flux.config.v1+json".to_owned(),
        config: b"{}".to_vec(),
        layers: layers
            .map(|(media, bytes)| ((*media).to_owned(), bytes.clone()))
            .collect(),
        annotations: Vec::new(),
    }
}

fn tar_gz(files: &[(&str, &str)]) -> Vec<u8> {
    archive(|tar| {
        for (path, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, path, text.as_bytes()).unwrap();
        }
    })
}

/// Returns an archive of what is put in, whatever it is.
fn archive(put: impl FnOnce(&mut tar::Builder<GzEncoder<Vec<u8>>>)) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    put(&mut tar);
    tar.into_inner().unwrap().finish().unwrap()
}
