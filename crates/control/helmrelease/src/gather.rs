//! Reads what a run needs: dependencies, the source of the chart, the chart itself.

use std::sync::Arc;

use lode_api::shared::Artifact;
use lode_api::{HelmRelease, reasons};
use lode_apply::Applier;
use lode_chart::Chart;
use lode_object::NamespacedName;
use lode_runtime::{Failure, Lack, Unmet, first_unmet, not_found, read_elsewhere};
use lode_stdx::semver::Version;
use lode_store::Owner;

use crate::charts::SharedChart;
use crate::controller::HelmReleases;
use crate::reasons::{CHART_MUTATE_ERROR, SOURCE_NOT_READY};
use crate::validate::CheckedRelease;

/// The kind of source whose revision is a digest.
const OCI: &str = "OCIRepository";
/// How many digits of a digest a version gets.
const DIGITS: usize = 12;

/// A chart, and what its source says of it.
pub(crate) struct FoundChart {
    pub(crate) chart: Arc<SharedChart>,
    /// Digest of the artifact it is from, if its source tells one.
    pub(crate) oci_digest: Option<String>,
}

impl HelmReleases {
    /// Checks that all dependencies are ready.
    ///
    /// # Errors
    /// One is not: its change starts the next run.
    pub(crate) async fn check_dependencies(
        &self,
        object: &HelmRelease,
        checked: &CheckedRelease,
        applier: &Applier,
    ) -> Result<(), Failure> {
        let (client, namespace) = (applier.client(), &object.metadata.namespace);
        let read = read_elsewhere(&self.own, client, namespace, &checked.dependencies).await?;
        let find = |name: &NamespacedName| match read.get(name) {
            Some(read) => read.clone(),
            None => self.own.objects().get(name),
        };
        let Some(Unmet { name, lack }) = first_unmet(object, &checked.dependencies, find, |_| true)
        else {
            return Ok(());
        };
        let text = match lack {
            Lack::Absent => {
                let not_found = not_found::<lode_api::helm_release::Spec>(name);
                format!("unable to get '{name}' dependency: {not_found}")
            }
            Lack::NotByExpression => {
                format!("dependency '{name}' is not ready according to readyExpr eval")
            }
            Lack::NotReady | Lack::NotCurrent => format!("dependency '{name}' is not ready"),
        };
        Err(Failure::waiting(reasons::DEPENDENCY_NOT_READY, text))
    }

    /// Finds the artifact with the chart of a release, and whose artifacts it may be among.
    ///
    /// # Errors
    /// There is none yet: its coming starts the next run.
    pub(crate) fn artifact(&self, checked: &CheckedRelease) -> Result<(Artifact, Owner), Failure> {
        let (kind, name) = (&*checked.source.kind, &checked.source.name);
        let Some(found) = self.sources.find(kind, name) else {
            let text = format!(
                "could not get Source object: {kind}.source.toolkit.fluxcd.io \"{}\" not found",
                name.name
            );
            return Err(Failure::waiting(reasons::ARTIFACT_FAILED, text));
        };
        let unready = |why: &str| {
            let text = format!("{kind} '{name}' is not ready: {why}");
            Failure::waiting(SOURCE_NOT_READY, text)
        };
        if let Some(why) = &found.unready {
            return Err(unready(why));
        }
        let artifact = found
            .artifact
            .ok_or_else(|| unready("does not have an artifact"))?;
        let NamespacedName { namespace, name } = name;
        let owner = Owner::new(&kind.to_lowercase(), namespace, name, &found.uid);
        let owner =
            owner.map_err(|error| Failure::new(reasons::ARTIFACT_FAILED, error.to_string()))?;
        Ok((artifact, owner))
    }

    /// Loads the chart of a release.
    ///
    /// # Errors
    /// The artifact cannot be read, is no chart, or is of another version than its tag says.
    pub(crate) async fn chart(
        &self,
        object: &HelmRelease,
        checked: &CheckedRelease,
        (artifact, owner): (&Artifact, &Owner),
    ) -> Result<FoundChart, Failure> {
        let is_digest = &*checked.source.kind == OCI;
        let revision = artifact.revision.to_string();
        let named = revision.clone();
        let version = move |chart: &Chart| {
            if is_digest {
                pinned(&chart.metadata().version, &named).map(Some)
            } else {
                Ok(None)
            }
        };
        let loaded = self
            .charts
            .load(&self.sources, &self.computing, artifact, owner, version);
        let chart = self.cancellation.unless(&self.own, object, loaded).await?;
        let oci_digest = is_digest.then(|| digest(&revision).to_owned());
        Ok(FoundChart { chart, oci_digest })
    }
}

/// Returns what the status says of a revision: its digest if its tag is a version, else all of it.
fn digest(revision: &str) -> &str {
    match revision.split_once('@') {
        Some((tag, digest)) if version(tag).is_some() => digest,
        _ => revision,
    }
}

/// Returns the version of a chart with a part of the digest it was pulled by, so that a tag that moves is noticed.
///
/// # Errors
/// The tag is another version than the chart, or one of them cannot be read.
fn pinned(chart: &str, revision: &str) -> Result<String, Failure> {
    let failed = |text: String| Failure::new(CHART_MUTATE_ERROR, text);
    let own = version(chart).ok_or_else(|| failed(format!("invalid chart version {chart}")))?;
    let (tag, digest) = revision.split_once('@').unwrap_or(("", revision));
    if let Some(tagged) = version(tag)
        && core(&tagged) != core(&own)
    {
        let text = format!("artifact revision {tag} does not match chart version {chart}");
        return Err(failed(text));
    }
    let hex = digest.split_once(':').map_or(digest, |(_, hex)| hex);
    let hex = hex.get(..DIGITS).unwrap_or(hex);
    let bare = chart.split_once('+').map_or(chart, |(bare, _)| bare);
    Ok(format!("{bare}+{hex}"))
}

fn version(text: &str) -> Option<Version> {
    Version::parse(text).ok()
}

/// Returns what of a version counts in a comparison: not what follows `+`.
fn core(version: &Version) -> String {
    let text = version.to_string();
    text.split_once('+')
        .map_or(text.clone(), |(core, _)| core.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:4210d489995c77c780232990fa0bec49cb41353e55ce7309d5554045de1dd349";

    #[test]
    fn a_chart_of_a_registry_says_what_it_was_pulled_by() {
        let of = |revision: &str| pinned("1.0.0", revision).unwrap();
        assert_eq!(of(&format!("1.0.0@{DIGEST}")), "1.0.0+4210d489995c");
        assert_eq!(of(&format!("latest@{DIGEST}")), "1.0.0+4210d489995c");
        assert_eq!(of(DIGEST), "1.0.0+4210d489995c");
        let failure = pinned("1.0.0", &format!("2.0.0@{DIGEST}")).unwrap_err();
        let want = "artifact revision 2.0.0 does not match chart version 1.0.0";
        assert_eq!(failure.message, want);

        assert_eq!(digest(&format!("1.0.0@{DIGEST}")), DIGEST);
        let latest = format!("latest@{DIGEST}");
        assert_eq!(digest(&latest), latest);
    }
}
