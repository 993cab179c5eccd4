//! Facts about Kubernetes kinds, carried as text tables beside this file and read once.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use lode_object::GroupVersionKind;

use crate::field::Path;

/// A pattern on group, version and kind; `None` fits anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Gvk {
    pub(crate) group: Option<Box<str>>,
    pub(crate) version: Option<Box<str>>,
    pub(crate) kind: Option<Box<str>>,
}

/// A field that names an object of another kind.
pub(crate) struct Reference {
    /// The kind that is named.
    pub(crate) referred: Gvk,
    /// The kind that names it.
    pub(crate) referring: Gvk,
    pub(crate) path: Path,
    /// The path as written, for messages.
    pub(crate) shown: String,
}

/// A field that takes labels or annotations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LabelField {
    pub(crate) gvk: Gvk,
    pub(crate) path: String,
    pub(crate) create: bool,
}

/// Which fields a label or annotation goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LabelTable {
    Selectors,
    Labels,
    Annotations,
}

/// Tells whether a kind's objects have no namespace.
pub(crate) fn is_cluster_scoped(api_version: &str, kind: &str) -> bool {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    CLUSTER_SCOPED.contains(&(group, kind))
}

/// Returns the fields by which a kind names others.
pub(crate) fn references(kind: &str) -> &'static [Reference] {
    REFERENCES.get(kind).map_or(&[], Vec::as_slice)
}

/// Returns the default fields of a table.
pub(crate) fn label_fields(table: LabelTable) -> impl Iterator<Item = &'static LabelField> {
    LABELS.iter().filter(move |(of, _)| *of == table).map(|(_, field)| field)
}

impl Gvk {
    /// Reads `group/version/kind` with `-` for any.
    fn parse(text: &str) -> Self {
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

static CLUSTER_SCOPED: LazyLock<HashSet<(&str, &str)>> = LazyLock::new(|| {
    let row = |line: &'static str| line.split_once(' ').map(|(group, kind)| (group.trim_matches('-'), kind));
    rows(include_str!("tables/cluster-scoped.txt")).filter_map(row).collect()
});

static REFERENCES: LazyLock<HashMap<String, Vec<Reference>>> = LazyLock::new(|| {
    let mut all: HashMap<String, Vec<Reference>> = HashMap::new();
    for line in rows(include_str!("tables/references.txt")) {
        let mut columns = line.split(" | ");
        let (Some(referred), Some(referring), Some(path)) = (columns.next(), columns.next(), columns.next()) else {
            continue;
        };
        let fields: Vec<(Gvk, String)> = match referring.strip_prefix("@pods ") {
            Some(kinds) => kinds.split(' ').map(|kind| pod_field(kind, path)).collect(),
            None => vec![(Gvk::parse(referring), path.to_owned())],
        };
        for (referring, shown) in fields {
            let kind = referring.kind.clone().unwrap_or_default().into_string();
            let reference = Reference { referred: Gvk::parse(referred), referring, path: Path::parse(&shown), shown };
            all.entry(kind).or_default().push(reference);
        }
    }
    all
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

static LABELS: LazyLock<Vec<(LabelTable, LabelField)>> = LazyLock::new(|| {
    let row = |line: &str| {
        let mut columns = line.split('|').map(str::trim);
        let table = match columns.next()? {
            "selectors" => LabelTable::Selectors,
            "labels" => LabelTable::Labels,
            _ => LabelTable::Annotations,
        };
        let (gvk, path) = (Gvk::parse(columns.next()?), columns.next()?.to_owned());
        Some((table, LabelField { gvk, path, create: columns.next() == Some("create") }))
    };
    rows(include_str!("tables/labels.txt")).filter_map(row).collect()
});

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
        assert_eq!(REFERENCES.values().map(Vec::len).sum::<usize>(), 167 - 1, "one row stands twice in the source");
        assert_eq!(LABELS.len(), 22 + 10 + 9);
    }
}
