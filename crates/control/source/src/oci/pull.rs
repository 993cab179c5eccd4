//! Pulls one layer of an artifact: as a tree of files, or as the file that it is.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;

use lode_api::oci_repository::LayerOperation;
use lode_api::reasons;
use lode_oci::{Blob, Descriptor, Error, Manifest, Registry};
use lode_runtime::{Failure, Memory};
use lode_stdx::budget::Budget;
use lode_stdx::{Digest, printable};
use lode_store::{ReadError, Store};
use lode_tree::Tree;

use super::find::or_denied;
use super::validate::OciPlan;
use crate::contents::{IgnoreRules, SourceContents};
use crate::download::Download;
use crate::step::{self, broken, with_flag};

/// Bytes of memory that unpacking may need: one file at a time, and the names of all.
const UNPACK_BYTES: u64 = 64 << 20;
/// Most bytes of an artifact's annotations: they go into the status.
const ANNOTATION_BYTES_MAX: usize = 64 << 10;

/// What an artifact's maker says of it, by key.
pub(crate) type Annotations = BTreeMap<Box<str>, Box<str>>;

/// What pulling needs besides the registry.
pub(crate) struct PullMeans<'a> {
    pub(crate) plan: &'a OciPlan,
    pub(crate) url: &'a str,
    pub(crate) ignore: Option<String>,
    pub(crate) namespace: &'a str,
    pub(crate) store: &'a Arc<Store>,
    pub(crate) memory: &'a Memory,
    pub(crate) budget: &'a Arc<Budget>,
}

/// Pulls the layer that is meant.
pub(crate) async fn layer(
    registry: &mut Registry,
    digest: Digest,
    means: &PullMeans<'_>,
) -> Result<(SourceContents, Annotations), Failure> {
    let manifest = registry.manifest(digest).await;
    let manifest = manifest.map_err(|error| {
        or_denied(&error, |error| {
            let text = format!("failed to pull artifact from '{}': {error}", means.url);
            step::fetch(reasons::OCI_ARTIFACT_PULL_FAILED, text)
        })
    })?;
    check_annotations(&manifest)?;
    let layer = selected(&manifest, means.plan)?;

    let limit = means.budget.limits().bytes;
    let blob = registry.blob(layer, limit).await;
    let blob = blob.map_err(|error| or_denied(&error, unbrought))?;
    let file = downloaded(blob, means).await?;

    let contents = match means.plan.operation {
        LayerOperation::Copy => SourceContents::File(Box::new(BufReader::new(file))),
        LayerOperation::Extract => SourceContents::Tree {
            tree: unpacked(file, means).await?,
            ignore: IgnoreRules::SourceIgnore(means.ignore.clone()),
        },
    };
    Ok((contents, harmless(&manifest.annotations)))
}

/// Returns the layer with the media type that is asked for, or the first one.
fn selected<'m>(manifest: &'m Manifest, plan: &OciPlan) -> Result<&'m Descriptor, Failure> {
    let first = manifest.layers.first();
    let first = first.ok_or_else(|| failed("no layers found in artifact".to_owned()))?;
    let Some(wanted) = plan.media_type.as_deref() else {
        return Ok(first);
    };
    let mut layers = manifest.layers.iter();
    layers
        .find(|layer| &*layer.media_type == wanted)
        .ok_or_else(|| {
            failed(format!(
                "failed to find layer with media type '{wanted}' in artifact"
            ))
        })
}

fn check_annotations(manifest: &Manifest) -> Result<(), Failure> {
    let pairs = manifest.annotations.iter();
    let bytes: usize = pairs.map(|(key, text)| key.len() + text.len()).sum();
    if bytes <= ANNOTATION_BYTES_MAX {
        return Ok(());
    }
    Err(failed(format!(
        "failed to parse artifact manifest: annotations of {bytes} bytes are more than {ANNOTATION_BYTES_MAX}, the limit"
    )))
}

/// Returns annotations as people may see them: a stranger wrote them.
fn harmless(annotations: &Annotations) -> Annotations {
    let shown = |text: &str| printable(text).to_string().into();
    annotations
        .iter()
        .map(|(key, text)| (shown(key), shown(text)))
        .collect()
}

/// Writes a blob to a file without a name. Its digest is that of the manifest.
async fn downloaded(mut blob: Blob, means: &PullMeans<'_>) -> Result<File, Failure> {
    let mut download = Download::begin(means.store)?;
    loop {
        let next = blob.chunk().await;
        let next = next.map_err(|error| or_denied(&error, unbrought))?;
        let Some(bytes) = next else {
            return download.end().await;
        };
        let charged = means.budget.bytes(bytes.len() as u64);
        charged.map_err(|exceeded| failed(format!("artifact {}", with_flag(&exceeded))))?;
        download.write(&bytes).await?;
    }
}

fn unbrought(error: &Error) -> Failure {
    failed(format!(
        "failed to extract the first layer from artifact: {error}"
    ))
}

/// Unpacks a file once there is memory for it.
async fn unpacked(file: File, means: &PullMeans<'_>) -> Result<Tree, Failure> {
    let bytes = UNPACK_BYTES.min(means.memory.for_one());
    let place = means.memory.reserve(means.namespace, bytes).await;
    let place = place.map_err(|error| failed(error.to_string()))?;
    let (store, budget) = (means.store.clone(), means.budget.clone());
    let work = move || {
        let input = BufReader::new(file);
        lode_store::read_foreign_archive(input, &mut store.spool(), &budget)
    };
    let read = place.compute(work).await;
    let read = read.map_err(broken(
        step::fetch,
        reasons::OCI_ARTIFACT_LAYER_OPERATION_FAILED,
    ))?;
    read.map_err(|error| {
        let said = match &error {
            ReadError::Exceeded(exceeded) => format!("archive {}", with_flag(exceeded)),
            _ => error.to_string(),
        };
        failed(format!(
            "failed to extract layer contents from artifact: {said}"
        ))
    })
}

fn failed(text: String) -> Failure {
    step::fetch(reasons::OCI_ARTIFACT_LAYER_OPERATION_FAILED, text)
}
