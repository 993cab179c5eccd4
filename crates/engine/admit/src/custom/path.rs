//! [`Path`]: a position in an object, turned into a text only on demand.

use std::fmt;

/// A position in an object.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Path<'p> {
    /// The object itself.
    Root,
    /// A field.
    Field(&'p Path<'p>, &'p str),
    /// An item of a list.
    Index(&'p Path<'p>, usize),
    /// An entry of a map.
    Key(&'p Path<'p>, &'p str),
}

impl<'p> Path<'p> {
    pub(crate) fn field(&'p self, name: &'p str) -> Self {
        Self::Field(self, name)
    }

    pub(crate) fn index(&'p self, place: usize) -> Self {
        Self::Index(self, place)
    }

    pub(crate) fn key(&'p self, name: &'p str) -> Self {
        Self::Key(self, name)
    }

    /// Returns the text with map entries written like fields: `spec.labels.a`.
    pub(crate) fn dotted(&self) -> String {
        let mut out = String::new();
        self.write(&mut out, true);
        out
    }

    fn write(&self, out: &mut String, dotted: bool) {
        let (parent, step) = match self {
            Self::Root => return,
            Self::Field(parent, name) => (parent, (*name).to_owned()),
            Self::Key(parent, name) if dotted => (parent, (*name).to_owned()),
            Self::Key(parent, name) => (parent, format!("[{name}]")),
            Self::Index(parent, place) => (parent, format!("[{place}]")),
        };
        parent.write(out, dotted);
        let named = matches!(self, Self::Field(..)) || (dotted && matches!(self, Self::Key(..)));
        if named && !out.is_empty() {
            out.push('.');
        }
        out.push_str(&step);
    }
}

impl fmt::Display for Path<'_> {
    /// `spec.labels[a]`; the object itself is `<nil>`, as Kubernetes prints an absent path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.write(&mut out, false);
        f.write_str(if out.is_empty() { NOWHERE } else { &out })
    }
}

impl From<Path<'_>> for String {
    fn from(path: Path<'_>) -> Self {
        path.to_string()
    }
}

impl From<&Path<'_>> for String {
    fn from(path: &Path<'_>) -> Self {
        path.to_string()
    }
}

/// An absent path.
pub(crate) const NOWHERE: &str = "<nil>";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_maps_stand_in_brackets_or_behind_dots() {
        let (root, list) = (Path::Root, "list");
        let (spec, list) = (root.field("spec"), list);
        let list = spec.field(list);
        let item = list.index(2);
        let entry = item.key("a/b");
        let leaf = entry.field("c");
        assert_eq!(leaf.to_string(), "spec.list[2][a/b].c");
        assert_eq!(leaf.dotted(), "spec.list[2].a/b.c");
        assert_eq!(
            (root.to_string(), root.dotted()),
            ("<nil>".to_owned(), String::new())
        );
    }
}
