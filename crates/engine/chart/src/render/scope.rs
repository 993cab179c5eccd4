//! What each chart's templates see: `.Values`, `.Chart`, `.Files` and the others.

use lode_stdx::budget::{Exceeded, Meter};
use lode_template::{GoString, GoType, Map, Value};
use serde_json::Value as Json;

use super::files::FilesObject;
use super::objects;
use super::release_info::ReleaseInfo;
use crate::capabilities::Capabilities;
use crate::dependencies::Active;
use crate::metadata::{Dependency, Maintainer};
use crate::prepare::Prepared;

/// The data of all charts in use, each chart before its subcharts.
pub(super) struct Scopes(Vec<(Map, String)>);

/// What all charts see.
struct Shared<'m> {
    release: Value,
    capabilities: Value,
    meter: Meter<'m>,
}

impl Scopes {
    pub(super) fn new(
        prepared: &Prepared<'_>,
        release: &ReleaseInfo<'_>,
        capabilities: &Capabilities,
        meter: Meter<'_>,
    ) -> Result<Self, Exceeded> {
        let shared = Shared {
            release: release_map(release),
            capabilities: objects::capabilities(capabilities),
            meter,
        };
        let values = table(prepared.values(), &shared.meter)?;
        let mut scopes = Self(Vec::new());
        scopes.add(&prepared.chart, "", &values, true, &shared)?;
        Ok(scopes)
    }

    /// Returns the data of a chart, and the folder of its templates.
    pub(super) fn of(&self, chart: usize) -> (Map, String) {
        self.0.get(chart).cloned().unwrap_or_default()
    }

    /// Adds a chart and its subcharts, and returns the chart's data.
    fn add(
        &mut self,
        chart: &Active<'_>,
        prefix: &str,
        values: &Map,
        is_root: bool,
        shared: &Shared<'_>,
    ) -> Result<Map, Exceeded> {
        let folder = format!("{prefix}{}", chart.name);
        let subcharts = Map::new();
        let data = Map::from_entries(vec![
            ("Capabilities".into(), shared.capabilities.clone()),
            ("Chart".into(), chart_map(chart, is_root).into()),
            (
                "Files".into(),
                Value::object(FilesObject::new(&chart.chart.files)),
            ),
            ("Release".into(), shared.release.clone()),
            ("Subcharts".into(), subcharts.clone().into()),
            ("Values".into(), values.named(VALUES).into()),
        ]);
        let data = data.named(VALUES);
        shared
            .meter
            .nodes(SCOPE_NODES + chart.chart.files.len() as u64)?;
        self.0.push((data.clone(), format!("{folder}/templates")));

        let prefix = format!("{folder}/charts/");
        for child in &chart.children {
            let values = values.get(child.name.as_bytes());
            let values = values
                .as_ref()
                .and_then(Value::as_map)
                .cloned()
                .unwrap_or_default();
            let below = self.add(child, &prefix, &values, false, shared)?;
            // Nobody reads the map yet, so it can be changed.
            let _ = subcharts.insert(GoString::from(&*child.name), below.into());
        }
        Ok(data)
    }
}

/// Go's type of values.
const VALUES: &str = "common.Values";
/// Values that a chart's data consists of, besides its own values and files.
const SCOPE_NODES: u64 = 64;

fn release_map(release: &ReleaseInfo<'_>) -> Value {
    let entries = vec![
        ("IsInstall".into(), Value::Bool(!release.is_upgrade)),
        ("IsUpgrade".into(), Value::Bool(release.is_upgrade)),
        ("Name".into(), Value::text(release.name)),
        ("Namespace".into(), Value::text(release.namespace)),
        ("Revision".into(), Value::Int(release.revision)),
        ("Service".into(), Value::text("Helm")),
    ];
    Map::from_entries(entries).into()
}

/// Returns Chart.yaml as a map with the names of Go's fields.
fn chart_map(chart: &Active<'_>, is_root: bool) -> Map {
    let metadata = chart.metadata();
    let annotations = metadata.annotations.iter();
    let annotations = annotations.map(|(key, value)| (GoString::from(&**key), text(value)));
    let annotations = if metadata.annotations.is_empty() {
        Map::nil(GoType::String)
    } else {
        Map::typed(GoType::String, annotations.collect())
    };
    Map::from_entries(vec![
        ("APIVersion".into(), text(&metadata.api_version)),
        ("Annotations".into(), annotations.into()),
        ("AppVersion".into(), text(&metadata.app_version)),
        ("Condition".into(), text(&metadata.condition)),
        ("Dependencies".into(), list(metadata.declared(), dependency)),
        ("Deprecated".into(), Value::Bool(metadata.deprecated)),
        ("Description".into(), text(&metadata.description)),
        ("Home".into(), text(&metadata.home)),
        ("Icon".into(), text(&metadata.icon)),
        ("IsRoot".into(), Value::Bool(is_root)),
        (
            "Keywords".into(),
            list(&metadata.keywords, |word| text(word)),
        ),
        ("KubeVersion".into(), text(&metadata.kube_version)),
        (
            "Maintainers".into(),
            list(&metadata.maintainers, maintainer),
        ),
        ("Name".into(), text(&metadata.name)),
        (
            "Sources".into(),
            list(&metadata.sources, |source| text(source)),
        ),
        ("Tags".into(), text(&metadata.tags)),
        ("Type".into(), text(&metadata.kind)),
        ("Version".into(), text(&metadata.version)),
    ])
}

fn maintainer(maintainer: &Maintainer) -> Value {
    let Maintainer { name, email, url } = maintainer;
    let entries = [("Name", name), ("Email", email), ("URL", url)];
    let entries = entries.map(|(key, value)| (key.into(), text(value)));
    Map::from_entries(entries.into()).into()
}

fn dependency(dependency: &Dependency) -> Value {
    Map::from_entries(vec![
        ("Alias".into(), text(&dependency.alias)),
        ("Condition".into(), text(&dependency.condition)),
        ("Enabled".into(), Value::Bool(dependency.enabled)),
        (
            "ImportValues".into(),
            list(&dependency.import_values, import),
        ),
        ("Name".into(), text(&dependency.name)),
        ("Repository".into(), text(&dependency.repository)),
        ("Tags".into(), list(&dependency.tags, |tag| text(tag))),
        ("Version".into(), text(&dependency.version)),
    ])
    .into()
}

/// Returns where values were imported from, as processed dependencies say it.
fn import(import: &Json) -> Value {
    let entries = import.as_object().into_iter().flatten();
    let entries = entries.map(|(key, value)| {
        (
            GoString::from(&**key),
            text(value.as_str().unwrap_or_default()),
        )
    });
    Map::typed(GoType::String, entries.collect()).into()
}

fn text(text: &str) -> Value {
    Value::text(text)
}

fn list<T>(items: &[T], value: impl Fn(&T) -> Value) -> Value {
    Value::list(items.iter().map(value).collect())
}

fn table(json: &serde_json::Map<String, Json>, meter: &Meter<'_>) -> Result<Map, Exceeded> {
    let mut entries = Vec::with_capacity(json.len());
    for (key, json) in json {
        meter.bytes(key.len() as u64)?;
        entries.push((GoString::from(&**key), value(json, meter)?));
    }
    Ok(Map::from_entries(entries))
}

/// Returns a value with Go's type: integers come from `--set`, all other numbers are floats.
fn value(json: &Json, meter: &Meter<'_>) -> Result<Value, Exceeded> {
    meter.nodes(1)?;
    Ok(match json {
        Json::Null => Value::Nil,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Int64(number),
            None => Value::Float(number.as_f64().unwrap_or(f64::INFINITY)),
        },
        Json::String(text) => {
            meter.bytes(text.len() as u64)?;
            Value::text(&**text)
        }
        Json::Array(items) => {
            let items = items.iter().map(|item| value(item, meter));
            Value::list(items.collect::<Result<_, _>>()?)
        }
        Json::Object(map) => table(map, meter)?.into(),
    })
}
