//! Finds the artifact that is meant: chooses a tag, and asks for its digest.

use lode_api::reasons;
use lode_oci::{Error, Registry};
use lode_runtime::Failure;
use lode_stdx::Digest;
use lode_stdx::semver::{Range, Version};
use regex::RegexBuilder;

use super::validate::{ArtifactChoice, OciPlan};
use crate::step;

/// Media type of a chart, whose tags have `_` where versions have `+`.
const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
/// Largest compiled pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// An artifact in a registry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FoundOciArtifact {
    pub(crate) digest: Digest,
    /// The revision as the status shows it: the tag, if one was asked for, and the digest.
    pub(crate) revision: String,
    /// Its whole name.
    pub(crate) name: String,
}

/// Finds the artifact that is meant.
pub(crate) async fn artifact(
    registry: &mut Registry,
    plan: &OciPlan,
    url: &str,
) -> Result<FoundOciArtifact, Failure> {
    let untagged = |text: &dyn std::fmt::Display| {
        let text = format!("failed to determine the artifact tag for '{url}': {text}");
        step::fetch(reasons::READ_OPERATION_FAILED, text)
    };
    let tag = match &plan.choice {
        ArtifactChoice::Digest(text) => return pinned(registry, text),
        ArtifactChoice::Tag(tag) => tag.clone(),
        ArtifactChoice::Range { range, filter } => {
            let tags = registry.tags().await;
            let tags = tags.map_err(|error| or_denied(&error, |error| untagged(error)))?;
            let is_chart = plan.media_type.as_deref() == Some(CHART);
            let tag = highest(&tags, range, filter.as_deref(), is_chart);
            tag.map_err(|text| untagged(&text))?
        }
    };

    let digest = registry.digest(&tag).await;
    let digest = digest.map_err(|error| or_denied(&error, |error| undetermined(error)))?;
    Ok(FoundOciArtifact {
        digest,
        revision: format!("{tag}@{digest}"),
        name: format!("{}:{tag}", registry.repository()),
    })
}

/// Returns the artifact with a digest; nobody has to be asked.
fn pinned(registry: &Registry, text: &str) -> Result<FoundOciArtifact, Failure> {
    let digest: Digest = text.parse().map_err(|error| undetermined(&error))?;
    Ok(FoundOciArtifact {
        digest,
        revision: digest.to_string(),
        name: format!("{}@{digest}", registry.repository()),
    })
}

fn undetermined(error: &dyn std::fmt::Display) -> Failure {
    let text = format!("failed to determine artifact digest: {error}");
    step::fetch(reasons::OCI_ARTIFACT_PULL_FAILED, text)
}

/// Returns the failure of a request; one that the egress policy forbids is reported as such.
pub(crate) fn or_denied(error: &Error, otherwise: impl FnOnce(&Error) -> Failure) -> Failure {
    match error.egress() {
        Some(refused) => step::denied(refused),
        None => otherwise(error),
    }
}

/// Returns the tag of the highest version in a range; of equal ones, the last in the alphabet.
fn highest(
    tags: &[String],
    range: &str,
    filter: Option<&str>,
    is_chart: bool,
) -> Result<String, String> {
    let filter = filter.map(compiled).transpose()?;
    let wanted = Range::parse(range)
        .map_err(|_| format!("semver '{range}' parse error: improper constraint: {range:?}"))?;

    let versions = tags.iter().filter_map(|tag| {
        let matches = filter.as_ref().is_none_or(|filter| filter.is_match(tag));
        let text = if is_chart {
            tag.replace('_', "+")
        } else {
            tag.clone()
        };
        let version = Version::parse_strict(&text).ok().filter(|_| matches)?;
        wanted.matches(&version).then_some((version, tag))
    });
    let newest = versions.max_by(|(one, tag), (other, other_tag)| {
        one.precedence(other).then_with(|| tag.cmp(other_tag))
    });
    let (_, tag) = newest.ok_or_else(|| format!("no match found for semver: {range}"))?;
    Ok(tag.clone())
}

/// Compiles a pattern; its time is linear in the text, whatever it says.
fn compiled(pattern: &str) -> Result<regex::Regex, String> {
    let built = RegexBuilder::new(pattern)
        .size_limit(PATTERN_BYTES_MAX)
        .build();
    built.map_err(|error| {
        let said = error.to_string();
        let said = said.lines().last().unwrap_or_default();
        let said = said.trim_start_matches("error: ");
        let said = if said == "unclosed group" {
            "missing closing )"
        } else {
            said
        };
        format!("error parsing regexp: {said}: `{pattern}`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(tags: &[&str], range: &str, filter: Option<&str>) -> Result<String, String> {
        let tags: Vec<_> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        highest(&tags, range, filter, false)
    }

    #[test]
    fn the_highest_version_in_the_range_is_chosen() {
        let tags = [
            "1.0.0",
            "v1.10.0",
            "1.9.0",
            "2.0.0",
            "1.11",
            "2.1.0-rc.1",
            "latest",
        ];
        for (range, expected) in [
            ("1.x", "v1.10.0"),
            (">=1.0.0", "2.0.0"),
            (">=1.0.0-0", "2.1.0-rc.1"),
            ("<1.5", "1.0.0"),
        ] {
            assert_eq!(
                chosen(&tags, range, None).as_deref(),
                Ok(expected),
                "{range}"
            );
        }
    }

    #[test]
    fn only_tags_that_match_the_filter_count() {
        let tags = ["1.0.0-dev.1", "1.0.0-dev.2", "1.0.0-prod.1"];
        let found = chosen(&tags, ">=1.0.0-0", Some(".*-dev.*"));
        assert_eq!(found.as_deref(), Ok("1.0.0-dev.2"));
    }

    #[test]
    fn what_cannot_be_chosen_says_why() {
        for (range, filter, expected) in [
            ("3.x", None, "no match found for semver: 3.x"),
            (
                "a.b",
                None,
                "semver 'a.b' parse error: improper constraint: \"a.b\"",
            ),
            (
                "1.x",
                Some("("),
                "error parsing regexp: missing closing ): `(`",
            ),
        ] {
            let text = chosen(&["1.0.0"], range, filter).unwrap_err();
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn tags_of_charts_have_an_underscore_for_a_plus() {
        let tags = ["1.0.0_a".to_owned(), "1.0.0_b".to_owned()];
        assert_eq!(highest(&tags, "1.x", None, true).as_deref(), Ok("1.0.0_b"));
        assert!(highest(&tags, "1.x", None, false).is_err());
    }
}
