//! The fields of an entry, in the order and with the omissions of Helm's JSON.
//!
//! Pure tables: `write` follows them for each entry.

/// What a value must be, and how it is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// A text; numbers and booleans in YAML become texts.
    Text,
    /// True or false.
    Flag,
    /// A time in RFC 3339; without one the beginning of Go's time.
    Time,
    /// Items of one shape.
    List(&'static Shape),
    /// Texts by name.
    Texts,
    /// Fields of a table.
    Table(&'static [Field]),
    /// Anything.
    Any,
}

/// A field of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// Whether it is written although it is empty.
    pub(super) is_always: bool,
}

/// An entry: what Chart.yaml says, and what the repository adds.
pub(super) const ENTRY: Shape = Shape::Table(&[
    some("name", Shape::Text),
    some("home", Shape::Text),
    some("sources", Shape::List(&Shape::Text)),
    some("version", Shape::Text),
    some("description", Shape::Text),
    some("keywords", Shape::List(&Shape::Text)),
    some("maintainers", Shape::List(&MAINTAINER)),
    some("icon", Shape::Text),
    some("apiVersion", Shape::Text),
    some("condition", Shape::Text),
    some("tags", Shape::Text),
    some("appVersion", Shape::Text),
    some("deprecated", Shape::Flag),
    some("annotations", Shape::Texts),
    some("kubeVersion", Shape::Text),
    some("dependencies", Shape::List(&DEPENDENCY)),
    some("type", Shape::Text),
    always("urls", Shape::List(&Shape::Text)),
    always("created", Shape::Time),
    some("removed", Shape::Flag),
    some("digest", Shape::Text),
    some("checksum", Shape::Text),
    some("engine", Shape::Text),
    some("tillerVersion", Shape::Text),
    some("url", Shape::Text),
]);

const MAINTAINER: Shape = Shape::Table(&[
    some("name", Shape::Text),
    some("email", Shape::Text),
    some("url", Shape::Text),
]);

const DEPENDENCY: Shape = Shape::Table(&[
    always("name", Shape::Text),
    some("version", Shape::Text),
    always("repository", Shape::Text),
    some("condition", Shape::Text),
    some("tags", Shape::List(&Shape::Text)),
    some("enabled", Shape::Flag),
    some("import-values", Shape::List(&Shape::Any)),
    some("alias", Shape::Text),
]);

/// The fields before the entries.
pub(super) const HEAD: &[Field] = &[
    some("serverInfo", Shape::Any),
    always("apiVersion", Shape::Text),
    always("generated", Shape::Time),
];

/// The fields behind the entries.
pub(super) const TAIL: &[Field] = &[
    some("publicKeys", Shape::List(&Shape::Text)),
    some("annotations", Shape::Texts),
];

const fn some(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        is_always: false,
    }
}

const fn always(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        is_always: true,
    }
}
