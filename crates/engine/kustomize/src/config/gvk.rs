//! [`Gvk`]: a pattern on group, version and kind.

use lode_object::GroupVersionKind;

use crate::error::Fault;
use crate::input::decode::Mapping;

/// A pattern on group, version and kind; `None` matches anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Gvk {
    pub(crate) group: Option<Box<str>>,
    pub(crate) version: Option<Box<str>>,
    pub(crate) kind: Option<Box<str>>,
}

impl Gvk {
    /// Reads the three as in settings; an empty one matches anything.
    pub(crate) fn read(fields: &mut Mapping<'_>) -> Result<Self, Fault> {
        let mut part = |name: &str| {
            let text = fields.text(name)?;
            Ok::<_, Fault>((!text.is_empty()).then(|| text.into()))
        };
        Ok(Self {
            group: part("group")?,
            version: part("version")?,
            kind: part("kind")?,
        })
    }

    /// Returns whether this pattern matches everything that the other one matches.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let covers =
            |own: &Option<Box<str>>, other: &Option<Box<str>>| own.is_none() || own == other;
        covers(&self.group, &other.group)
            && covers(&self.version, &other.version)
            && covers(&self.kind, &other.kind)
    }

    /// Reads `group/version/kind` with `-` for any.
    pub(crate) fn parse(text: &str) -> Self {
        let mut parts = text
            .trim()
            .rsplitn(3, '/')
            .map(|part| (part != "-").then(|| part.into()));
        let kind = parts.next().flatten();
        let version = parts.next().flatten();
        Self {
            group: parts.next().flatten(),
            version,
            kind,
        }
    }

    /// Returns whether the pattern matches.
    pub(crate) fn fits(&self, gvk: &GroupVersionKind) -> bool {
        let fits = |pattern: &Option<Box<str>>, text: &str| {
            pattern.as_deref().is_none_or(|pattern| pattern == text)
        };
        fits(&self.group, &gvk.group)
            && fits(&self.version, &gvk.version)
            && fits(&self.kind, &gvk.kind)
    }
}
