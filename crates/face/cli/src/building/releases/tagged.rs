//! The chart in an artifact that an `OCIRepository` of the output describes.

use anyhow::bail;
use lode_api::oci_repository::Spec;
use lode_api::{Kind as _, OCIRepository};
use lode_chart::Chart;
use lode_object::Value;

use super::chosen::ChartPlaces;
use super::known::wanted;
use crate::charts::WantedArtifact;

/// Loads the chart in it.
pub(super) fn chart(
    known: &[Value],
    name: (&str, &str),
    places: &ChartPlaces<'_>,
) -> anyhow::Result<Chart> {
    let found = wanted(known, &Spec::NAMES, name)?;
    let spec = OCIRepository::parse(found)?.spec;
    let reference = spec.r#ref.as_deref();
    let set = |field: Option<&Option<Box<str>>>| {
        field.and_then(|field| field.as_deref()).map(str::to_owned)
    };
    if set(reference.map(|it| &it.semver_filter)).is_some() {
        bail!("spec.ref.semverFilter is not supported");
    }
    let (digest, semver, tag) = (
        set(reference.map(|it| &it.digest)),
        set(reference.map(|it| &it.semver)),
        set(reference.map(|it| &it.tag)),
    );
    let artifact = match (&digest, &semver, &tag) {
        (Some(digest), _, _) => WantedArtifact::Digest(digest),
        (_, Some(range), _) => WantedArtifact::Range(range),
        (_, _, Some(tag)) => WantedArtifact::Tag(tag),
        _ => WantedArtifact::Tag("latest"),
    };
    let media_type = spec.layer_media_type();
    let packed = places.fetcher.artifact(&spec.url, artifact, media_type)?;
    Ok(Chart::from_archive(&packed, &places.budget)?)
}
