//! The fields of an entry, in the order and with the omissions of Helm's JSON.
//!
//! Pure tables: `write` follows them for each entry.

/// What a value must be, and how it is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum IndexShape {
    /// A text; numbers and booleans in YAML become texts.
    Text,
    /// True or false.
    Flag,
    /// A time in RFC 3339; without one the beginning of Go's time.
    Time,
    /// Items of one shape.
    List(&'static IndexShape),
    /// Texts by name.
    Texts,
    /// Fields of a table.
    Table(&'static [IndexField]),
    /// Anything.
    Any,
}

/// A field of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct IndexField {
    pub(super) name: &'static str,
    pub(super) shape: IndexShape,
    /// Whether it is written although it is empty.
    pub(super) is_always: bool,
}

/// An entry: what Chart.yaml says, and what the repository adds.
pub(super) const ENTRY: IndexShape = IndexShape::Table(&[
    some("name", IndexShape::Text),
    some("home", IndexShape::Text),
    some("sources", IndexShape::List(&IndexShape::Text)),
    some("version", IndexShape::Text),
    some("description", IndexShape::Text),
    some("keywords", IndexShape::List(&IndexShape::Text)),
    some("maintainers", IndexShape::List(&MAINTAINER)),
    some("icon", IndexShape::Text),
    some("apiVersion", IndexShape::Text),
    some("condition", IndexShape::Text),
    some("tags", IndexShape::Text),
    some("appVersion", IndexShape::Text),
    some("deprecated", IndexShape::Flag),
    some("annotations", IndexShape::Texts),
    some("kubeVersion", IndexShape::Text),
    some("dependencies", IndexShape::List(&DEPENDENCY)),
    some("type", IndexShape::Text),
    always("urls", IndexShape::List(&IndexShape::Text)),
    always("created", IndexShape::Time),
    some("removed", IndexShape::Flag),
    some("digest", IndexShape::Text),
    some("checksum", IndexShape::Text),
    some("engine", IndexShape::Text),
    some("tillerVersion", IndexShape::Text),
    some("url", IndexShape::Text),
]);

const MAINTAINER: IndexShape = IndexShape::Table(&[
    some("name", IndexShape::Text),
    some("email", IndexShape::Text),
    some("url", IndexShape::Text),
]);

const DEPENDENCY: IndexShape = IndexShape::Table(&[
    always("name", IndexShape::Text),
    some("version", IndexShape::Text),
    always("repository", IndexShape::Text),
    some("condition", IndexShape::Text),
    some("tags", IndexShape::List(&IndexShape::Text)),
    some("enabled", IndexShape::Flag),
    some("import-values", IndexShape::List(&IndexShape::Any)),
    some("alias", IndexShape::Text),
]);

/// The fields before the entries.
pub(super) const HEAD: &[IndexField] = &[
    some("serverInfo", IndexShape::Any),
    always("apiVersion", IndexShape::Text),
    always("generated", IndexShape::Time),
];

/// The fields behind the entries.
pub(super) const TAIL: &[IndexField] = &[
    some("publicKeys", IndexShape::List(&IndexShape::Text)),
    some("annotations", IndexShape::Texts),
];

const fn some(name: &'static str, shape: IndexShape) -> IndexField {
    IndexField {
        name,
        shape,
        is_always: false,
    }
}

const fn always(name: &'static str, shape: IndexShape) -> IndexField {
    IndexField {
        name,
        shape,
        is_always: true,
    }
}
