//! Facts about Kubernetes kinds, in data files next to this file, read once.

use crate::config::fieldspec::FieldSpec;
use crate::config::gvk::Gvk;

/// Returns the fields that refer to objects of a kind, with that kind.
pub(crate) fn references() -> impl Iterator<Item = (Gvk, FieldSpec)> {
    rows(include_str!("tables/references.txt"))
        .filter_map(|line| {
            let mut columns = line.split(" | ");
            let (referred, referring, path) = (columns.next()?, columns.next()?, columns.next()?);
            let fields: Vec<(Gvk, String)> = match referring.strip_prefix("@pods ") {
                Some(kinds) => kinds.split(' ').map(|kind| pod_field(kind, path)).collect(),
                None => vec![(Gvk::parse(referring), path.to_owned())],
            };
            let field = move |(gvk, path): (Gvk, String)| {
                (Gvk::parse(referred), FieldSpec::new(gvk, &path, false))
            };
            Some(fields.into_iter().map(field))
        })
        .flatten()
}

/// Returns the fields that settings apply to, with the setting.
pub(crate) fn settings() -> impl Iterator<Item = (&'static str, FieldSpec)> {
    let field = |line: &'static str| {
        let mut columns = line.split('|').map(str::trim);
        let (setting, gvk, path) = (
            columns.next()?,
            Gvk::parse(columns.next()?),
            columns.next()?,
        );
        Some((
            setting,
            FieldSpec::new(gvk, path, columns.next() == Some("create")),
        ))
    };
    rows(include_str!("tables/labels.txt"))
        .chain(rows(include_str!("tables/fields.txt")))
        .filter_map(field)
}

fn pod_field(kind: &str, path: &str) -> (Gvk, String) {
    let spec = match kind {
        "Pod" => "spec",
        "PodTemplate" => "template/spec",
        "CronJob" => "spec/jobTemplate/spec/template/spec",
        _ => "spec/template/spec",
    };
    (
        Gvk {
            kind: Some(kind.into()),
            ..Gvk::default()
        },
        format!("{spec}/{path}"),
    )
}

fn rows(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read() {
        assert_eq!(
            references().count(),
            167 - 1,
            "one row stands twice in the source"
        );
        assert_eq!(settings().count(), (22 + 10 + 9) + 15);
    }
}
