//! The lexer: tokens of a template, found one at a time.

use super::grammar::Grammar;
use super::node::Span;

/// A token: its kind and where it is. A keyword or name is read from the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LexToken {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// Its text is [`Lexer::error`].
    Error,
    Bool,
    /// A printable ASCII character without another meaning, such as a comma.
    Char,
    CharConstant,
    Comment,
    Complex,
    Assign,
    Declare,
    End,
    Field,
    Identifier,
    LeftDelimiter,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelimiter,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Dot,
    Nil,
    /// A keyword other than `nil`.
    Keyword(Keyword),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

/// Bytes of a trim marker: the minus and the space beside it.
const TRIM_MARKER: usize = 2;

pub(super) struct Lexer<'s> {
    text: &'s [u8],
    delimiters: Grammar<'s>,
    at: usize,
    start: usize,
    paren_depth: usize,
    is_inside: bool,
    /// Whether comments are tokens; the parser does not want them.
    keeps_comments: bool,
    /// What is wrong; nothing follows an error.
    pub(super) error: String,
    is_failed: bool,
}

/// Returns all tokens, for tests.
pub(super) fn tokens(text: &[u8], delimiters: Grammar<'_>) -> Vec<(&'static str, String)> {
    let mut lexer = Lexer::new(text, delimiters);
    lexer.keeps_comments = true;
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next();
        let text = match token.kind {
            TokenKind::Error => lexer.error.clone(),
            TokenKind::End => "EOF".to_owned(),
            _ => String::from_utf8_lossy(token.span.of(text)).into_owned(),
        };
        tokens.push((token.kind.name(), text));
        if matches!(token.kind, TokenKind::Error | TokenKind::End) {
            return tokens;
        }
    }
}

impl<'s> Lexer<'s> {
    pub(super) fn new(text: &'s [u8], delimiters: Grammar<'s>) -> Self {
        Self {
            text,
            delimiters,
            at: 0,
            start: 0,
            paren_depth: 0,
            is_inside: false,
            keeps_comments: false,
            error: String::new(),
            is_failed: false,
        }
    }

    /// Returns the next token; after the last one, ends without end.
    pub(super) fn next(&mut self) -> LexToken {
        if self.is_failed {
            return LexToken {
                kind: TokenKind::End,
                span: Span::new(self.start, self.start),
            };
        }
        if self.is_inside {
            self.inside()
        } else {
            self.outside()
        }
    }

    fn rest(&self) -> &'s [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn emit(&mut self, kind: TokenKind) -> LexToken {
        let span = Span::new(self.start, self.at);
        self.start = self.at;
        LexToken { kind, span }
    }

    fn fail(&mut self, message: impl Into<String>) -> LexToken {
        self.error = message.into();
        self.is_failed = true;
        LexToken {
            kind: TokenKind::Error,
            span: Span::new(self.start, self.start),
        }
    }

    /// The character at the position, and its width; a byte that is not UTF-8 is U+FFFD.
    fn peek(&self) -> Option<(char, usize)> {
        let rest = self.rest();
        let first = *rest.first()?;
        if first.is_ascii() {
            return Some((char::from(first), 1));
        }
        let start = rest.get(..4).unwrap_or(rest);
        let valid = start.utf8_chunks().next()?.valid();
        match valid.chars().next() {
            Some(c) => Some((c, c.len_utf8())),
            None => Some((char::REPLACEMENT_CHARACTER, 1)),
        }
    }

    fn advance(&mut self) -> Option<char> {
        let (c, width) = self.peek()?;
        self.at += width;
        Some(c)
    }

    fn accept(&mut self, valid: &[u8]) -> bool {
        let is_valid = self.rest().first().is_some_and(|byte| valid.contains(byte));
        self.at += usize::from(is_valid);
        is_valid
    }

    fn accept_run(&mut self, valid: &[u8]) {
        while self.accept(valid) {}
    }

    // === Text and delimiters ===

    /// Text up to the next action or comment.
    fn outside(&mut self) -> LexToken {
        loop {
            let left = self.delimiters.left.as_bytes();
            let Some(length) = find_delimiter(self.rest(), left) else {
                self.at = self.text.len();
                let kind = if self.at > self.start {
                    TokenKind::Text
                } else {
                    TokenKind::End
                };
                return self.emit(kind);
            };

            let end = self.at + length;
            let after = self.text.get(end + left.len()..).unwrap_or_default();
            let text = self.text.get(self.start..end).unwrap_or_default();
            let kept = if has_left_trim(after) {
                text.trim_ascii_end_go()
            } else {
                text
            };
            self.at = self.start + kept.len();
            if !kept.is_empty() {
                let token = self.emit(TokenKind::Text);
                self.at = end;
                self.start = end;
                return token;
            }
            self.at = end;
            self.start = end;
            if let Some(token) = self.left_delimiter() {
                return token;
            }
        }
    }

    /// The left delimiter, or nothing if a comment is skipped.
    fn left_delimiter(&mut self) -> Option<LexToken> {
        let width = self.delimiters.left.len();
        let after = self.text.get(self.at + width..).unwrap_or_default();
        let trim = if has_left_trim(after) { TRIM_MARKER } else { 0 };
        if after.get(trim..).unwrap_or_default().starts_with(b"/*") {
            self.at += width + trim;
            self.start = self.at;
            return self.comment();
        }

        self.at += width;
        let token = self.emit(TokenKind::LeftDelimiter);
        self.is_inside = true;
        self.at += trim;
        self.start = self.at;
        self.paren_depth = 0;
        Some(token)
    }

    fn comment(&mut self) -> Option<LexToken> {
        let Some(length) = find(self.rest().get(2..).unwrap_or_default(), b"*/") else {
            return Some(self.fail("unclosed comment"));
        };
        self.at += 2 + length + 2;
        let Some(trims) = self.at_right_delimiter() else {
            return Some(self.fail("comment ends before closing delimiter"));
        };
        let token = self.emit(TokenKind::Comment);
        self.after_right_delimiter(trims);
        self.keeps_comments.then_some(token)
    }

    /// Whether a right delimiter comes next, and whether it trims.
    fn at_right_delimiter(&self) -> Option<bool> {
        let right = self.delimiters.right.as_bytes();
        let rest = self.rest();
        if has_right_trim(rest)
            && rest
                .get(TRIM_MARKER..)
                .is_some_and(|r| r.starts_with(right))
        {
            return Some(true);
        }
        rest.starts_with(right).then_some(false)
    }

    fn after_right_delimiter(&mut self, trims: bool) {
        self.at += self.delimiters.right.len();
        if trims {
            self.at += TRIM_MARKER;
            let spaces = self.rest().iter().take_while(|byte| is_space_byte(**byte));
            self.at += spaces.count();
        }
        self.start = self.at;
    }

    fn right_delimiter(&mut self, trims: bool) -> LexToken {
        if trims {
            self.at += TRIM_MARKER;
            self.start = self.at;
        }
        self.at += self.delimiters.right.len();
        let token = self.emit(TokenKind::RightDelimiter);
        if trims {
            let spaces = self.rest().iter().take_while(|byte| is_space_byte(**byte));
            self.at += spaces.count();
            self.start = self.at;
        }
        self.is_inside = false;
        token
    }

    // === Actions ===

    fn inside(&mut self) -> LexToken {
        if let Some(trims) = self.at_right_delimiter() {
            if self.paren_depth == 0 {
                return self.right_delimiter(trims);
            }
            return self.fail("unclosed left paren");
        }
        let Some((c, width)) = self.peek() else {
            return self.fail("unclosed action");
        };
        if is_space(c) {
            return self.space();
        }
        if is_name(c) && !c.is_ascii_digit() {
            return self.identifier();
        }
        if matches!(c, '+' | '-' | '0'..='9') {
            return self.number();
        }
        self.at += width;
        self.punctuation(c)
    }

    fn punctuation(&mut self, c: char) -> LexToken {
        match c {
            '=' => self.emit(TokenKind::Assign),
            ':' if self.accept(b"=") => self.emit(TokenKind::Declare),
            ':' => self.fail("expected :="),
            '|' => self.emit(TokenKind::Pipe),
            '"' => self.quoted(b'"', "unterminated quoted string", TokenKind::String),
            '\'' => self.quoted(
                b'\'',
                "unterminated character constant",
                TokenKind::CharConstant,
            ),
            '`' => self.raw_string(),
            '$' => self.field_or_variable(TokenKind::Variable),
            '.' if self.rest().first().is_some_and(u8::is_ascii_digit) => {
                self.at -= 1;
                self.number()
            }
            '.' if self.rest().is_empty() => self.number_after_point(),
            '.' => self.field_or_variable(TokenKind::Field),
            '(' => {
                self.paren_depth += 1;
                self.emit(TokenKind::LeftParen)
            }
            ')' => match self.paren_depth.checked_sub(1) {
                Some(depth) => {
                    self.paren_depth = depth;
                    self.emit(TokenKind::RightParen)
                }
                None => self.fail("unexpected right paren"),
            },
            ' '..='~' => self.emit(TokenKind::Char),
            c => self.fail(format!("unrecognized character in action: {}", unicode(c))),
        }
    }

    /// Go reads a point at the very end as a number, which is none.
    fn number_after_point(&mut self) -> LexToken {
        self.at -= 1;
        self.number()
    }

    fn space(&mut self) -> LexToken {
        let spaces = self
            .rest()
            .iter()
            .take_while(|byte| is_space_byte(**byte))
            .count();
        self.at += spaces;
        // The last space may belong to a trim marker.
        self.at -= 1;
        if self.at_right_delimiter() == Some(true) {
            if spaces == 1 {
                return self.right_delimiter(true);
            }
            return self.emit(TokenKind::Space);
        }
        self.at += 1;
        self.emit(TokenKind::Space)
    }

    fn identifier(&mut self) -> LexToken {
        self.names();
        if let Some(token) = self.bad_end() {
            return token;
        }
        let word = self.text.get(self.start..self.at).unwrap_or_default();
        let kind = match word {
            b"true" | b"false" => TokenKind::Bool,
            b"nil" => TokenKind::Nil,
            word => Keyword::of(word).map_or(TokenKind::Identifier, TokenKind::Keyword),
        };
        self.emit(kind)
    }

    /// After the point or the dollar.
    fn field_or_variable(&mut self, kind: TokenKind) -> LexToken {
        if self.at_terminator() {
            return match kind {
                TokenKind::Variable => self.emit(kind),
                _ => self.emit(TokenKind::Dot),
            };
        }
        self.names();
        match self.bad_end() {
            Some(token) => token,
            None => self.emit(kind),
        }
    }

    fn names(&mut self) {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        self.at += self.rest().iter().take_while(|byte| is_plain(byte)).count();
        while let Some((c, width)) = self.peek().filter(|(c, _)| is_name(*c)) {
            debug_assert!(is_name(c));
            self.at += width;
        }
    }

    fn bad_end(&mut self) -> Option<LexToken> {
        if self.at_terminator() {
            return None;
        }
        let c = self.peek().map_or(char::REPLACEMENT_CHARACTER, |(c, _)| c);
        Some(self.fail(format!("bad character {}", unicode(c))))
    }

    /// Whether a name may end here.
    fn at_terminator(&self) -> bool {
        match self.rest().first() {
            None => true,
            Some(byte) if is_space_byte(*byte) || b".,|:)(".contains(byte) => true,
            Some(_) => self.rest().starts_with(self.delimiters.right.as_bytes()),
        }
    }

    fn quoted(&mut self, quote: u8, unterminated: &str, kind: TokenKind) -> LexToken {
        loop {
            // Characters of more bytes have none of these in them.
            let plain = memchr::memchr3(quote, b'\\', b'\n', self.rest());
            self.at += plain.unwrap_or(self.rest().len());
            match self.advance() {
                Some('\\') if !matches!(self.advance(), None | Some('\n')) => {}
                None | Some('\n' | '\\') => return self.fail(unterminated),
                Some(c) if c == char::from(quote) => return self.emit(kind),
                Some(_) => {}
            }
        }
    }

    fn raw_string(&mut self) -> LexToken {
        match memchr::memchr(b'`', self.rest()) {
            Some(length) => {
                self.at += length + 1;
                self.emit(TokenKind::RawString)
            }
            None => self.fail("unterminated raw quoted string"),
        }
    }

    fn number(&mut self) -> LexToken {
        let is_fine = self.scan_number();
        let mut is_complex = false;
        let is_fine = is_fine && {
            is_complex = matches!(self.rest().first(), Some(b'+' | b'-'));
            !is_complex || self.scan_number() && self.text.get(self.at - 1) == Some(&b'i')
        };
        if is_fine {
            return self.emit(if is_complex {
                TokenKind::Complex
            } else {
                TokenKind::Number
            });
        }
        let mut quoted = Vec::new();
        crate::print::quote(
            &mut quoted,
            self.text.get(self.start..self.at).unwrap_or_default(),
        );
        let quoted = String::from_utf8_lossy(&quoted).into_owned();
        self.fail(format!("bad number syntax: {quoted}"))
    }

    fn scan_number(&mut self) -> bool {
        const DECIMAL: &[u8] = b"0123456789_";
        const HEXADECIMAL: &[u8] = b"0123456789abcdefABCDEF_";
        self.accept(b"+-");
        let mut digits = DECIMAL;
        if self.accept(b"0") {
            if self.accept(b"xX") {
                digits = HEXADECIMAL;
            } else if self.accept(b"oO") {
                digits = b"01234567_";
            } else if self.accept(b"bB") {
                digits = b"01_";
            }
        }
        self.accept_run(digits);
        if self.accept(b".") {
            self.accept_run(digits);
        }
        let has_exponent =
            digits == DECIMAL && self.accept(b"eE") || digits == HEXADECIMAL && self.accept(b"pP");
        if has_exponent {
            self.accept(b"+-");
            self.accept_run(DECIMAL);
        }
        self.accept(b"i");
        match self.peek() {
            Some((c, width)) if is_name(c) => {
                self.at += width;
                false
            }
            _ => true,
        }
    }
}

impl TokenKind {
    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Bool => "bool",
            Self::Char => "char",
            Self::CharConstant => "charconst",
            Self::Comment => "comment",
            Self::Complex => "complex",
            Self::Assign => "=",
            Self::Declare => ":=",
            Self::End => "EOF",
            Self::Field => "field",
            Self::Identifier => "identifier",
            Self::LeftDelimiter => "left delim",
            Self::LeftParen => "(",
            Self::Number => "number",
            Self::Pipe => "pipe",
            Self::RawString => "raw string",
            Self::RightDelimiter => "right delim",
            Self::RightParen => ")",
            Self::Space => "space",
            Self::String => "string",
            Self::Text => "text",
            Self::Variable => "variable",
            Self::Dot => ".",
            Self::Nil => "nil",
            Self::Keyword(keyword) => keyword.as_str(),
        }
    }

    /// Whether an error shows the token as a word in angle brackets.
    pub(super) fn is_keyword(self) -> bool {
        matches!(self, Self::Dot | Self::Nil | Self::Keyword(_))
    }
}

impl Keyword {
    const ALL: [Self; 10] = [
        Self::Block,
        Self::Break,
        Self::Continue,
        Self::Define,
        Self::Else,
        Self::End,
        Self::If,
        Self::Range,
        Self::Template,
        Self::With,
    ];

    fn of(word: &[u8]) -> Option<Self> {
        let keyword = Self::ALL
            .iter()
            .find(|keyword| keyword.as_str().as_bytes() == word);
        keyword.copied()
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Break => "break",
            Self::Continue => "continue",
            Self::Define => "define",
            Self::Else => "else",
            Self::End => "end",
            Self::If => "if",
            Self::Range => "range",
            Self::Template => "template",
            Self::With => "with",
        }
    }
}

/// Trimming of what the grammar calls space, which has no form feed.
trait TrimEnd {
    fn trim_ascii_end_go(&self) -> &[u8];
}

impl TrimEnd for [u8] {
    fn trim_ascii_end_go(&self) -> &[u8] {
        let spaces = self.iter().rev().take_while(|byte| is_space_byte(**byte));
        let end = self.len() - spaces.count();
        self.get(..end).unwrap_or_default()
    }
}

/// A character as Go's `%#U` prints it.
fn unicode(c: char) -> String {
    let number = u32::from(c);
    if crate::print::is_print(c) {
        return format!("U+{number:04X} '{c}'");
    }
    format!("U+{number:04X}")
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_space_byte(byte: u8) -> bool {
    is_space(char::from(byte))
}

fn is_name(c: char) -> bool {
    c == '_' || c.is_alphabetic() || c.is_ascii_digit() || !c.is_ascii() && c.is_numeric()
}

fn has_left_trim(after: &[u8]) -> bool {
    matches!(after, [b'-', space, ..] if is_space_byte(*space))
}

fn has_right_trim(rest: &[u8]) -> bool {
    matches!(rest, [space, b'-', ..] if is_space_byte(*space))
}

/// As [`find`], without its preparations: actions are near each other, and few other bytes are like their start.
fn find_delimiter(text: &[u8], delimiter: &[u8]) -> Option<usize> {
    let first = *delimiter.first()?;
    let mut starts = memchr::memchr_iter(first, text);
    starts.find(|at| {
        let rest = text.get(*at..);
        rest.is_some_and(|rest| rest.starts_with(delimiter))
    })
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, what)
}
