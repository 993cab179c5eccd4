//! Why a text was refused, with the position.

use lode_stdx::budget::Exceeded;

/// Why a text was refused, and where. The caller adds the file: `file:line:column: cause`.
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

/// The reason. No variant contains a value from the text, because it may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// The text does not follow YAML's grammar.
    #[error("{0}")]
    Syntax(Syntax),
    /// Larger than [`TEXT_MAX`](crate::TEXT_MAX).
    #[error("the text is longer than {max} bytes", max = crate::TEXT_MAX)]
    TooLong,
    /// Deeper than [`DEPTH_MAX`](crate::DEPTH_MAX).
    #[error("nested deeper than {max} levels", max = crate::DEPTH_MAX)]
    TooDeep,
    /// More nodes than [`NODES_MAX`](crate::NODES_MAX).
    #[error("the document has more than {max} nodes", max = crate::NODES_MAX)]
    TooManyNodes,
    /// Aliases, and tags that repeat a handle's prefix, add more than [`ALIAS_NODES_MAX`](crate::ALIAS_NODES_MAX) nodes or
    /// [`ALIAS_BYTES_MAX`](crate::ALIAS_BYTES_MAX) bytes of text.
    #[error("aliases and tags add more than {nodes} nodes or {bytes} bytes", nodes = crate::ALIAS_NODES_MAX, bytes = crate::ALIAS_BYTES_MAX)]
    AliasBomb,
    /// Reading or writing exceeds its budget.
    #[error("{0}")]
    Exceeded(#[from] Exceeded),
    /// An alias refers to an anchor that is not defined before it.
    #[error("alias *{0} has no anchor before it")]
    UnknownAlias(String),
    /// A key appears twice in one mapping.
    #[error("key \"{0}\" is defined twice in one mapping")]
    DuplicateKey(String),
    /// A key is not a text and the dialect does not convert it.
    #[error("a mapping key must be text: put it in quotes")]
    KeyNotText,
    /// `<<` with a value that is not a mapping.
    #[error("a merge (<<) takes a mapping or a list of mappings")]
    BadMerge,
    /// An infinite number or NaN, which JSON cannot express.
    #[error("infinite and not-a-number values are not allowed")]
    NotFinite,
    /// A scalar that does not match its tag.
    #[error("the value does not fit its tag {0}")]
    BadTag(String),
}

/// A violation of YAML's grammar, with what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Syntax {
    /// Bytes that are not UTF-8.
    #[error("the text is not valid UTF-8")]
    NotUtf8,
    /// A character that YAML forbids.
    #[error("a control character is not allowed here")]
    ControlCharacter,
    /// Something other than a key where the next key of a mapping should be.
    #[error("a key was expected here: check the indentation")]
    KeyExpected,
    /// Something else where the next `-` of a list should be.
    #[error("a list entry (-) was expected here: check the indentation")]
    EntryExpected,
    /// Neither `,` nor `}`.
    #[error("a , or }} was expected here")]
    FlowMappingEnd,
    /// Neither `,` nor `]`.
    #[error("a , or ] was expected here")]
    FlowSequenceEnd,
    /// Something that cannot be a value.
    #[error("a value was expected here")]
    ValueExpected,
    /// Content after a document's end without `---`.
    #[error("a document starts here without ---")]
    DocumentStart,
    /// A key that is not followed by `:` on its line.
    #[error("a : was expected after the key before this place")]
    ColonExpected,
    /// A `:` where a mapping is not allowed.
    #[error("a : is not allowed here: quote the text or check the indentation")]
    ColonNotAllowed,
    /// A `?` where a mapping is not allowed.
    #[error("a ? is not allowed here")]
    QuestionNotAllowed,
    /// A `-` where a list is not allowed.
    #[error("a list entry (-) is not allowed here")]
    EntryNotAllowed,
    /// A character that cannot start a value.
    #[error(
        "no value can start with this character: indent with spaces, quote a text that starts with @ or `"
    )]
    BadStart,
    /// A tab as indentation.
    #[error("a tab is used for indentation: use spaces")]
    Tab,
    /// Unterminated quotes.
    #[error("the text ends inside quotes")]
    EndInQuotes,
    /// `---` or `...` inside quotes.
    #[error("a document starts or ends inside quotes")]
    DocumentInQuotes,
    /// An escape that does not exist.
    #[error("unknown escape after \\")]
    UnknownEscape,
    /// An escape code that is not a character.
    #[error("a character code after \\ is wrong")]
    BadEscape,
    /// A tag's `!name!` without a `%TAG` directive.
    #[error("the tag's handle is not defined")]
    UndefinedHandle,
    /// A malformed tag.
    #[error("the tag is malformed")]
    BadTag,
    /// An anchor or a tag given twice.
    #[error("a value takes one anchor and one tag")]
    TooManyProperties,
    /// `|0`
    #[error("the block text's indentation number is wrong")]
    BadIndentation,
    /// Extra content on a line.
    #[error("a comment or the line's end was expected here")]
    LineEndExpected,
    /// `&` or `*` without a valid name.
    #[error("the name of an anchor or alias is malformed")]
    BadAnchor,
    /// A `%` line of an unknown form.
    #[error("the % directive is malformed")]
    BadDirective,
    /// A `%YAML` line of another version than 1.1.
    #[error("the %YAML version is not supported: only 1.1 is")]
    Version,
}

impl From<Syntax> for Cause {
    fn from(syntax: Syntax) -> Self {
        Self::Syntax(syntax)
    }
}
