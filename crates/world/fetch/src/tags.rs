//! [`TaggedCharts`]: charts that are artifacts of a registry; their versions are its tags.
//!
//! A tag cannot have a `+`, so it has a `_` where the version has one.

use std::fmt::Write as _;
use std::time::Duration;

use lode_net::Outbound;
use lode_oci::{Credentials, Descriptor, Error, Manifest, Registry, Repository, Scheme};
use lode_stdx::Digest;
use lode_stdx::semver::{Range, Version};

use crate::shelf_error::ShelfError;

/// Media types of the layer with the chart; the second one is that of the first Helm that had it.
const LAYERS: [&str; 2] = [
    "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
    "application/tar+gzip",
];

/// Charts below a path of a registry.
pub struct TaggedCharts {
    /// Host and path, without `oci://`.
    pub base: String,
    /// What opens the registry.
    pub credentials: Credentials,
    /// Where connections may lead.
    pub outbound: Outbound,
    /// How the registry is reached.
    pub scheme: Scheme,
    /// Time for one operation.
    pub timeout: Duration,
}

/// A version of a chart in a registry.
#[derive(Debug)]
pub(crate) struct TaggedChart {
    pub(crate) version: String,
    repository: Repository,
}

impl TaggedCharts {
    /// Finds a version. One that is written out is not looked for: bringing it shows whether it is there.
    pub(crate) async fn find(&self, name: &str, range: &str) -> Result<TaggedChart, ShelfError> {
        let repository = Repository::parse(&format!("{}/{name}", self.base));
        let repository = repository.map_err(|error| ShelfError::Pull(error.to_string()))?;
        let version = if Version::parse_strict(range).is_ok() {
            range.to_owned()
        } else {
            self.newest(&repository, name, range).await?
        };
        Ok(TaggedChart {
            version,
            repository,
        })
    }

    async fn newest(
        &self,
        repository: &Repository,
        name: &str,
        range: &str,
    ) -> Result<String, ShelfError> {
        let url = format!("oci://{}/{name}", self.base);
        let pull =
            |text: String| ShelfError::Pull(format!("could not get tags for {name:?}: {text}"));
        let tags = self.registry(repository).tags().await;
        let tags = tags.map_err(|error| match error.egress() {
            Some(refused) => ShelfError::Denied(refused.clone()),
            None => pull(format!(
                "could not fetch tags for {url:?}: {}",
                answer(&error)
            )),
        })?;
        let versions = versions(&tags);
        if versions.is_empty() {
            return Err(pull(format!(
                "unable to locate any tags in provided repository: {url}"
            )));
        }
        newest(versions, range).map_err(ShelfError::Pull)
    }

    /// Brings a chart of at most `limit` bytes.
    pub(crate) async fn bring(
        &self,
        chart: &TaggedChart,
        limit: u64,
    ) -> Result<Vec<u8>, ShelfError> {
        let TaggedChart {
            version,
            repository,
        } = chart;
        let brought = self.brought(repository, version, limit).await;
        brought.map_err(|error| match error {
            ShelfError::Pull(text) => {
                let name = repository.name().rsplit('/').next().unwrap_or_default();
                let base = &self.base;
                ShelfError::Pull(format!(
                    "failed to get 'oci://{base}/{name}:{version}': {text}"
                ))
            }
            other => other,
        })
    }

    async fn brought(
        &self,
        repository: &Repository,
        version: &str,
        limit: u64,
    ) -> Result<Vec<u8>, ShelfError> {
        let mut registry = self.registry(repository);
        let digest = reference(&mut registry, version).await?;
        let told = |error: Error| match error.egress() {
            Some(refused) => ShelfError::Denied(refused.clone()),
            None => ShelfError::Pull(answer(&error)),
        };
        let manifest = registry.manifest(digest).await.map_err(told)?;
        let layer = layer(&manifest).ok_or_else(|| {
            let [wanted, _] = LAYERS;
            ShelfError::Pull(format!(
                "manifest does not contain a layer with mediatype {wanted}"
            ))
        })?;

        let mut blob = registry.blob(layer, limit).await.map_err(told)?;
        let mut bytes = Vec::new();
        while let Some(piece) = blob.chunk().await.map_err(told)? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    fn registry(&self, repository: &Repository) -> Registry {
        Registry::new(
            repository.clone(),
            self.credentials.clone(),
            self.scheme,
            self.outbound.clone(),
            self.timeout,
        )
    }
}

/// Asks which artifact has the tag of a version.
async fn reference(registry: &mut Registry, version: &str) -> Result<Digest, ShelfError> {
    let tag = version.replace('+', "_");
    let digest = registry.digest(&tag).await;
    digest.map_err(|error| {
        if let Some(refused) = error.egress() {
            return ShelfError::Denied(refused.clone());
        }
        let why = if error.is_status(404) {
            format!("{}:{tag}: not found", registry.repository())
        } else {
            answer(&error)
        };
        ShelfError::Pull(format!(
            "failed to perform \"FetchReference\" on source: {why}"
        ))
    })
}

fn layer(manifest: &Manifest) -> Option<&Descriptor> {
    LAYERS.iter().find_map(|wanted| {
        let mut layers = manifest.layers.iter();
        layers.find(|layer| *layer.media_type == **wanted)
    })
}

/// Returns what a registry answered, in the words of the client that Helm uses.
fn answer(error: &Error) -> String {
    let Error::Refused(refusal) = error else {
        return error.to_string();
    };
    let mut text = format!(
        "{} \"{}\": response status code {}",
        refusal.method, refusal.url, refusal.status
    );
    for (at, said) in refusal.said.iter().enumerate() {
        let between = if at == 0 { ": " } else { "; " };
        let code = said.code.to_lowercase().replace('_', " ");
        // Writing to a text cannot fail.
        let _ = write!(text, "{between}{code}: {}", said.message);
    }
    text
}

/// Returns the tags that are versions, as versions.
fn versions(tags: &[String]) -> Vec<(Version, String)> {
    let texts = tags.iter().filter(|tag| !tag.starts_with('v'));
    let texts = texts.map(|tag| tag.replace('_', "+"));
    texts
        .filter_map(|text| Some((Version::parse_strict(&text).ok()?, text)))
        .collect()
}

/// Returns the newest version in a range; of equal ones, the last in the alphabet.
fn newest(versions: Vec<(Version, String)>, range: &str) -> Result<String, String> {
    let wanted = Range::parse(if range.is_empty() { "*" } else { range });
    let wanted = wanted.map_err(|_| format!("improper constraint: {range:?}"))?;
    let fits = versions
        .into_iter()
        .filter(|(version, _)| wanted.matches(version));
    let newest = fits.max_by(|(one, text), (other, other_text)| {
        one.precedence(other).then_with(|| text.cmp(other_text))
    });
    newest.map(|(_, text)| text).ok_or_else(|| {
        format!("could not locate a version matching provided version string {range}")
    })
}

#[cfg(test)]
mod tests {
    use lode_oci::{Refusal, Said};

    use super::*;

    fn chosen(tags: &[&str], range: &str) -> Result<String, String> {
        let tags: Vec<_> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        newest(versions(&tags), range)
    }

    #[test]
    fn tags_are_versions_with_another_sign() {
        let tags = ["1.0.0", "1.2.0_b1", "v9.0.0", "2.0.0-rc.1", "latest", "1.3"];
        assert_eq!(chosen(&tags, "*").as_deref(), Ok("1.2.0+b1"));
        assert_eq!(chosen(&tags, "").as_deref(), Ok("1.2.0+b1"));
        assert_eq!(chosen(&tags, ">=1-0").as_deref(), Ok("2.0.0-rc.1"));
        assert_eq!(
            chosen(&tags, "3.x").unwrap_err(),
            "could not locate a version matching provided version string 3.x"
        );
    }

    #[test]
    fn a_refusal_is_told_in_lower_case() {
        let refusal = Refusal {
            method: "GET",
            url: "http://host/v2/app/tags/list".into(),
            status: 404,
            said: vec![Said {
                code: "NAME_UNKNOWN".into(),
                message: "repository name not known to registry".into(),
            }],
        };
        assert_eq!(
            answer(&Error::Refused(Box::new(refusal))),
            "GET \"http://host/v2/app/tags/list\": response status code 404: name unknown: repository name not known \
             to registry"
        );
    }
}
