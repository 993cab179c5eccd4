//! Charts that are artifacts of a registry, by tag, digest or range, as an `OCIRepository` names them.

use anyhow::Context as _;
use lode_oci::{Credentials, Descriptor, Manifest, Registry, Repository};
use lode_stdx::semver::{Range, Version};
use lode_stdx::{Digest, bare_url};

use super::{ChartFetcher, OCI, TIMEOUT, scheme};

/// Media types of a layer with a chart.
const LAYERS: [&str; 2] = [
    "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
    "application/tar+gzip",
];

/// What is wanted of a registry.
#[derive(Debug, Clone, Copy)]
pub(crate) enum WantedArtifact<'w> {
    /// The artifact with a digest.
    Digest(&'w str),
    /// The artifact with a tag.
    Tag(&'w str),
    /// The artifact with the newest version in a range.
    Range(&'w str),
}

impl ChartFetcher {
    /// Brings the chart that an artifact of a registry holds, in a layer of a media type or in the
    /// one that Helm writes.
    pub(crate) fn artifact(
        &self,
        url: &str,
        wanted: WantedArtifact<'_>,
        media_type: Option<&str>,
    ) -> anyhow::Result<Vec<u8>> {
        let base = url.strip_prefix(OCI).unwrap_or(url);
        let shown = format!("{wanted:?} of {}", bare_url(url));
        let key = ["artifact", url, &format!("{wanted:?} {media_type:?}")];
        let is_fixed = matches!(wanted, WantedArtifact::Digest(_));
        self.brought(&key, is_fixed, &shown, async {
            let mut registry = self.registry(base)?;
            let digest = digest(&mut registry, wanted).await?;
            let manifest = registry.manifest(digest).await?;
            let layer = layer(&manifest, media_type).context("the artifact has no such layer")?;
            let mut blob = registry.blob(layer, lode_chart::ARCHIVE_MAX).await?;
            let mut bytes = Vec::new();
            while let Some(piece) = blob.chunk().await? {
                bytes.extend_from_slice(&piece);
            }
            Ok(bytes)
        })
    }

    fn registry(&self, base: &str) -> anyhow::Result<Registry> {
        let repository = Repository::parse(base)?;
        let scheme = scheme(base);
        Ok(Registry::new(
            repository,
            Credentials::None,
            scheme,
            self.outbound(),
            TIMEOUT,
        ))
    }
}

async fn digest(registry: &mut Registry, wanted: WantedArtifact<'_>) -> anyhow::Result<Digest> {
    let tag = match wanted {
        WantedArtifact::Digest(digest) => return Ok(digest.parse()?),
        WantedArtifact::Tag(tag) => tag.to_owned(),
        WantedArtifact::Range(range) => newest(&registry.tags().await?, range)?,
    };
    Ok(registry.digest(&tag).await?)
}

/// Returns the tag with the newest version in a range.
fn newest(tags: &[String], range: &str) -> anyhow::Result<String> {
    let wanted = Range::parse(range).with_context(|| format!("the range \"{range}\""))?;
    let versions = tags.iter().filter_map(|tag| {
        let version = Version::parse(&tag.replace('_', "+")).ok()?;
        wanted.matches(&version).then_some((version, tag))
    });
    let newest = versions.max_by(|(one, tag), (other, other_tag)| {
        one.precedence(other).then_with(|| tag.cmp(other_tag))
    });
    let newest = newest.map(|(_, tag)| tag.clone());
    newest.with_context(|| format!("no tag is a version in the range \"{range}\""))
}

fn layer<'m>(manifest: &'m Manifest, media_type: Option<&str>) -> Option<&'m Descriptor> {
    let of = |wanted: &str| {
        let mut layers = manifest.layers.iter();
        layers.find(|layer| *layer.media_type == *wanted)
    };
    if let Some(wanted) = media_type {
        return of(wanted);
    }
    let known = LAYERS.iter().find_map(|wanted| of(wanted));
    known.or_else(|| manifest.layers.first())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_in_a_range_is_meant() {
        let tags: Vec<String> = ["1.0.0", "1.2.0_b", "2.0.0", "latest", "2.1.0-rc.1"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(newest(&tags, "1.x").unwrap(), "1.2.0_b");
        assert_eq!(newest(&tags, "*").unwrap(), "2.0.0");
        assert!(newest(&tags, "3.x").is_err());
        assert!(newest(&tags, "many").is_err());
    }
}
