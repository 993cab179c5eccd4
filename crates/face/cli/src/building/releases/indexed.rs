//! The repository of charts that a `HelmRepository` of the output describes.

use lode_api::helm_repository::Spec;
use lode_api::{HelmRepository, Kind as _};
use lode_object::Value;

use super::known::wanted;

/// Returns its URL.
pub(super) fn url(known: &[Value], name: (&str, &str)) -> anyhow::Result<String> {
    let found = wanted(known, &Spec::NAMES, name)?;
    Ok(HelmRepository::parse(found)?.spec.url.to_string())
}
