//! Facts about Kubernetes kinds, carried as text tables beside this file and read once.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use lode_object::GroupVersionKind;

use crate::decode::Mapping;
use crate::error::Fault;
use crate::fieldspec::FieldSpec;

/// A pattern on group, version and kind; `None` fits anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Gvk {
    pub(crate) group: Option<Box<str>>,
    pub(crate) version: Option<Box<str>>,
    pub(crate) kind: Option<Box<str>>,
}

/// How a field of a type merges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MergeField {
    /// The keys of a merged list; none in it: a set of scalars. `None`: no merged list.
    pub(crate) keys: Option<Vec<&'static str>>,
    /// The type of the field, or of the list's entries.
    pub(crate) inner: Option<&'static str>,
}

/// Tells whether a kind's objects have no namespace.
pub(crate) fn is_cluster_scoped(api_version: &str, kind: &str) -> bool {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    CLUSTER_SCOPED.contains(&(group, kind))
}

/// Returns the fields that name objects of a kind, with that kind.
pub(crate) fn references() -> impl Iterator<Item = (Gvk, FieldSpec)> {
    rows(include_str!("tables/references.txt")).filter_map(|line| {
        let mut columns = line.split(" | ");
        let (referred, referring, path) = (columns.next()?, columns.next()?, columns.next()?);
        let fields: Vec<(Gvk, String)> = match referring.strip_prefix("@pods ") {
            Some(kinds) => kinds.split(' ').map(|kind| pod_field(kind, path)).collect(),
            None => vec![(Gvk::parse(referring), path.to_owned())],
        };
        let field = move |(gvk, path): (Gvk, String)| (Gvk::parse(referred), FieldSpec::new(gvk, &path, false));
        Some(fields.into_iter().map(field))
    }).flatten()
}

/// Returns the fields that settings go to, with the setting.
pub(crate) fn settings() -> impl Iterator<Item = (&'static str, FieldSpec)> {
    let field = |line: &'static str| {
        let mut columns = line.split('|').map(str::trim);
        let (setting, gvk, path) = (columns.next()?, Gvk::parse(columns.next()?), columns.next()?);
        Some((setting, FieldSpec::new(gvk, path, columns.next() == Some("create"))))
    };
    rows(include_str!("tables/labels.txt")).chain(rows(include_str!("tables/fields.txt"))).filter_map(field)
}

/// Returns the type under which a kind's lists merge; unknown kinds have none.
pub(crate) fn merge_type(gvk: &GroupVersionKind) -> Option<&'static str> {
    MERGE.kinds.get(&(&*gvk.group, &*gvk.version, &*gvk.kind)).copied()
}

/// Returns how a field of a type merges.
pub(crate) fn merge_field(of: &str, field: &str) -> Option<&'static MergeField> {
    MERGE.fields.get(of)?.get(field)
}

impl Gvk {
    /// Reads the three as settings write them; an empty one fits anything.
    pub(crate) fn read(fields: &mut Mapping<'_>) -> Result<Self, Fault> {
        let mut part = |name: &str| Ok(Some(fields.text(name)?).filter(|text| !text.is_empty()).map(Into::into));
        Ok(Self { group: part("group")?, version: part("version")?, kind: part("kind")? })
    }

    /// Tells whether everything the other pattern fits, this one fits too.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let covers = |own: &Option<Box<str>>, other: &Option<Box<str>>| own.is_none() || own == other;
        covers(&self.group, &other.group) && covers(&self.version, &other.version) && covers(&self.kind, &other.kind)
    }

    /// Reads `group/version/kind` with `-` for any.
    pub(crate) fn parse(text: &str) -> Self {
        let mut parts = text.trim().rsplitn(3, '/').map(|part| (part != "-").then(|| part.into()));
        let kind = parts.next().flatten();
        let version = parts.next().flatten();
        Self { group: parts.next().flatten(), version, kind }
    }

    /// Tells whether the pattern fits.
    pub(crate) fn fits(&self, gvk: &GroupVersionKind) -> bool {
        let fits = |pattern: &Option<Box<str>>, text: &str| pattern.as_deref().is_none_or(|pattern| pattern == text);
        fits(&self.group, &gvk.group) && fits(&self.version, &gvk.version) && fits(&self.kind, &gvk.kind)
    }
}

struct MergeTable {
    kinds: HashMap<(&'static str, &'static str, &'static str), &'static str>,
    fields: HashMap<&'static str, HashMap<&'static str, MergeField>>,
}

static CLUSTER_SCOPED: LazyLock<HashSet<(&str, &str)>> = LazyLock::new(|| {
    let row = |line: &'static str| line.split_once(' ').map(|(group, kind)| (group.trim_matches('-'), kind));
    rows(include_str!("tables/cluster-scoped.txt")).filter_map(row).collect()
});

fn pod_field(kind: &str, path: &str) -> (Gvk, String) {
    let spec = match kind {
        "Pod" => "spec",
        "PodTemplate" => "template/spec",
        "CronJob" => "spec/jobTemplate/spec/template/spec",
        _ => "spec/template/spec",
    };
    (Gvk { kind: Some(kind.into()), ..Gvk::default() }, format!("{spec}/{path}"))
}

static MERGE: LazyLock<MergeTable> = LazyLock::new(|| {
    let mut table = MergeTable { kinds: HashMap::new(), fields: HashMap::new() };
    for line in rows(include_str!("tables/merge-keys.txt")) {
        match line.strip_prefix("kind ") {
            Some(kind) => merge_kind(kind, &mut table),
            None => merge_row(line, &mut table),
        }
    }
    table
});

fn merge_kind(line: &'static str, table: &mut MergeTable) {
    let Some((gvk, name)) = line.split_once(' ') else { return };
    let mut parts = gvk.split('/');
    let (Some(group), Some(versions), Some(kind)) = (parts.next(), parts.next(), parts.next()) else { return };
    for version in versions.split(',') {
        table.kinds.insert((group.trim_matches('-'), version, kind), name);
    }
}

fn merge_row(line: &'static str, table: &mut MergeTable) {
    let Some((field, how)) = line.split_once(' ') else { return };
    let (Some((of, field)), Some((how, inner))) = (field.split_once('.'), how.rsplit_once(' ')) else { return };
    let keys = how.strip_prefix('[').and_then(|keys| keys.strip_suffix(']'));
    let keys = keys.map(|keys| keys.split_whitespace().collect());
    let inner = (inner != "-").then_some(inner);
    table.fields.entry(of).or_default().insert(field, MergeField { keys, inner });
}

fn rows(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read() {
        assert!(is_cluster_scoped("v1", "Namespace") && is_cluster_scoped("storage.k8s.io/v1", "StorageClass"));
        assert!(!is_cluster_scoped("v1", "ConfigMap") && !is_cluster_scoped("example.com/v1", "Namespace"));
        assert_eq!(references().count(), 167 - 1, "one row stands twice in the source");
        assert_eq!(settings().count(), (22 + 10 + 9) + 15);
        assert!(
            MERGE
                .fields
                .values()
                .flat_map(HashMap::values)
                .all(|field| { field.inner.is_none_or(|inner| MERGE.fields.contains_key(inner)) })
        );
    }

    #[test]
    fn lists_of_containers_merge_by_name() {
        let deployment = merge_type(&GroupVersionKind::new("apps/v1", "Deployment")).unwrap();
        let mut of = deployment;
        for field in ["spec", "template", "spec"] {
            of = merge_field(of, field).unwrap().inner.unwrap();
        }
        assert_eq!(merge_field(of, "containers").unwrap().keys, Some(vec!["name"]));
        assert_eq!(merge_type(&GroupVersionKind::new("example.com/v1", "Deployment")), None);
    }
}
