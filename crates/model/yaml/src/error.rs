//! Why a text is no YAML we take, with the place.

/// Why a text was refused, and where. The caller puts the file in front: `file:line:column: cause`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {cause}")]
pub struct Error {
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// What is wrong.
    pub cause: Cause,
}

/// What is wrong with a text. No variant holds a value from the text: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// The text does not follow YAML's grammar.
    #[error("{0}")]
    Syntax(&'static str),
    /// Larger than [`TEXT_MAX`](crate::TEXT_MAX).
    #[error("the text is longer than {max} bytes", max = crate::TEXT_MAX)]
    TooLong,
    /// Deeper than [`DEPTH_MAX`](crate::DEPTH_MAX).
    #[error("nested deeper than {max} levels", max = crate::DEPTH_MAX)]
    TooDeep,
    /// More nodes than [`NODES_MAX`](crate::NODES_MAX).
    #[error("the document has more than {max} nodes", max = crate::NODES_MAX)]
    TooManyNodes,
    /// Aliases add more than [`ALIAS_NODES_MAX`](crate::ALIAS_NODES_MAX) nodes.
    #[error("aliases add more than {max} nodes", max = crate::ALIAS_NODES_MAX)]
    AliasBomb,
    /// An alias names an anchor that does not stand before it.
    #[error("alias *{0} names no anchor that stands before it")]
    UnknownAlias(String),
    /// A key stands twice in one mapping.
    #[error("key \"{0}\" stands twice in one mapping")]
    DuplicateKey(String),
    /// A key is no text and the dialect does not turn it into one.
    #[error("a mapping key must be text: put it in quotes")]
    KeyNotText,
    /// `<<` with something that is no mapping.
    #[error("a merge (<<) takes a mapping or a list of mappings")]
    BadMerge,
    /// An infinite number or none at all, which JSON cannot say.
    #[error("infinite and not-a-number values are not allowed")]
    NotFinite,
    /// A scalar that is not what its tag says.
    #[error("the value does not fit its tag {0}")]
    BadTag(String),
}

/// Says a scanner's or parser's finding in our own words.
pub(crate) fn syntax(error: &libyaml_safer::Error) -> Cause {
    let problem = error.problem();
    let said = WORDS.iter().find(|(theirs, _)| problem.contains(theirs)).map(|(_, ours)| *ours);
    Cause::Syntax(said.unwrap_or("the text is no valid YAML"))
}

/// What the scanner says (a part of it) and what we say.
const WORDS: [(&str, &str); 26] = [
    ("did not find expected key", "a key was expected here: check the indentation"),
    ("did not find expected '-'", "a list entry (-) was expected here: check the indentation"),
    ("did not find expected ',' or '}'", "a , or } was expected here"),
    ("did not find expected ',' or ']'", "a , or ] was expected here"),
    ("did not find expected node content", "a value was expected here"),
    ("did not find expected <document start>", "a document starts here without ---"),
    ("could not find expected ':'", "a : was expected after the key before this place"),
    ("mapping values are not allowed", "a : is not allowed here: quote the text or check the indentation"),
    ("mapping keys are not allowed", "a ? is not allowed here"),
    ("block sequence entries are not allowed", "a list entry (-) is not allowed here"),
    (
        "that cannot start any token",
        "no value can start with this character: indent with spaces, quote a text that starts with @ or `",
    ),
    ("found a tab character", "a tab is used for indentation: use spaces"),
    ("unexpected end of stream", "the text ends inside quotes"),
    ("unexpected document indicator", "a document starts or ends inside quotes"),
    ("unknown escape character", "unknown escape after \\"),
    ("escape", "a character code after \\ is wrong"),
    ("undefined tag handle", "the tag's handle is not defined"),
    ("tag", "the tag is malformed"),
    ("indentation indicator", "the block text's indentation number is wrong"),
    ("comment or line break", "a comment or the line's end was expected here"),
    ("alphabetic or numeric", "the name of an anchor or alias is malformed"),
    ("directive", "the % directive is malformed"),
    ("version number", "the %YAML version is malformed"),
    ("incompatible YAML document", "the %YAML version is not supported"),
    ("UTF-8", "the text is not valid UTF-8"),
    ("control characters are not allowed", "a control character is not allowed here"),
];
