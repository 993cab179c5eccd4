//! Digests that Flux writes into the status, to the byte: a cluster that changes over from it finds its releases as it
//! left them.

use lode_api::helm_release::PostRenderer;
use lode_api::shared::CommonMetadata;
use lode_chart::json;
use lode_chart::release::{Event, Hook, Info, Release};
use lode_stdx::Digest;
use serde::Serialize;
use serde_json::{Map, Value};

/// Returns the digest of values: of their sorted YAML, and of nothing if there are none.
pub(crate) fn of_values(values: &Map<String, Value>) -> String {
    let text = if values.is_empty() {
        String::new()
    } else {
        lode_yaml::to_string(&Value::Object(values.clone()))
    };
    Digest::of(text.as_bytes()).to_string()
}

/// Returns the digest of post-renderers; nothing if there are none.
pub(crate) fn of_post_renderers(renderers: Option<&[PostRenderer]>) -> Option<String> {
    renderers.map(|renderers| of_line(&renderers))
}

/// Returns the digest of labels and annotations that are set everywhere; nothing if there are none.
pub(crate) fn of_common_metadata(metadata: Option<&CommonMetadata>) -> Option<String> {
    metadata.map(of_line)
}

/// Returns the digest of a record, without its tests, which users may run as they like.
pub(crate) fn of_release(release: &Release, oci_digest: Option<&str>) -> String {
    let is_test = |hook: &&Hook| hook.is_for(Event::Test);
    let hooks: Vec<&Hook> = release.hooks.iter().filter(|hook| !is_test(hook)).collect();
    of_line(&Observed {
        name: &release.name,
        version: release.version,
        info: &release.info,
        chart_metadata: release.chart.metadata(),
        config: Some(&release.config).filter(|config| !config.is_empty()),
        manifest: &release.manifest,
        hooks: Some(hooks).filter(|hooks| !hooks.is_empty()),
        namespace: &release.namespace,
        oci_digest: oci_digest.filter(|digest| !digest.is_empty()),
    })
}

/// A record as Flux observes it; the order of the fields is that of its JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Observed<'r> {
    name: &'r str,
    version: i64,
    info: &'r Info,
    chart_metadata: &'r lode_chart::Metadata,
    config: Option<&'r Map<String, Value>>,
    manifest: &'r str,
    hooks: Option<Vec<&'r Hook>>,
    namespace: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    oci_digest: Option<&'r str>,
}

/// Returns the digest of a value's JSON as a line, as Go's encoder writes it.
fn of_line(value: &impl Serialize) -> String {
    let mut text = json::text(value).unwrap_or_default();
    text.push('\n');
    Digest::of(text.as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values(values: &Value) -> Map<String, Value> {
        values.as_object().unwrap().clone()
    }

    #[test]
    fn digests_of_values_are_those_of_flux() {
        let digest = |of: Value| of_values(&values(&of));
        let nothing = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest(json!({})), nothing);
        let a = "sha256:b61d828fa39720c33d11b6b8629ef481725d28a4d493776d93459bf9cc6ed3ec";
        assert_eq!(digest(json!({"color": "a"})), a);
        let minus = "sha256:71e5582cdb4aed2a39fe9a1a4693f852a33eae205b615357a12e15fa55be362e";
        assert_eq!(digest(json!({"replicas": -1})), minus);
    }

    #[test]
    fn the_digest_of_common_metadata_is_that_of_flux() {
        let metadata = json!({"labels": {"team": "blue"}, "annotations": {"note": "hi"}});
        let metadata: CommonMetadata = serde_json::from_value(metadata).unwrap();
        let want = "sha256:aa826de8f4a45dad0382cdd8ffaa68a8bbe8c94e5f9f73f5a03340b99b9e17d0";
        assert_eq!(of_common_metadata(Some(&metadata)).as_deref(), Some(want));
        assert_eq!(of_common_metadata(None), None);
    }
}
