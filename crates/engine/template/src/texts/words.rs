//! Words of a text: their case, their first letters.
//!
//! `camelcase`, `snakecase` and `kebabcase` cut texts into words as the library does that sprig
//! uses, so that `HTTPServer2xx` comes out the same.

use crate::context::Context;
use crate::function::TemplateFunction;
use crate::functions::args::{FunctionResult, text, written};
use crate::go::runes::{self, is_letter, is_lower, is_number, is_punctuation, is_space, is_upper};
use crate::value::Value;

/// The functions of this file.
pub(crate) const TABLE: &[TemplateFunction] = &[
    TemplateFunction::new("title", "func(string) string", |context, args| {
        written(context, &title(text(args, 0)))
    }),
    TemplateFunction::new("untitle", "func(string) string", |context, args| {
        written(context, &untitle(text(args, 0)))
    }),
    TemplateFunction::new("swapcase", "func(string) string", |context, args| {
        written(context, &swap_case(text(args, 0)))
    }),
    TemplateFunction::new("initials", "func(string) string", |context, args| {
        written(context, &initials(text(args, 0)))
    }),
    TemplateFunction::new("camelcase", "func(string) string", |context, args| {
        written(context, &camel_case(text(args, 0)))
    }),
    TemplateFunction::new("snakecase", "func(string) string", |context, args| {
        delimited(context, args, '_')
    }),
    TemplateFunction::new("kebabcase", "func(string) string", |context, args| {
        delimited(context, args, '-')
    }),
];

fn delimited(context: &mut Context<'_>, args: &[Value], connector: char) -> FunctionResult {
    let whole = text(args, 0);
    context.steps(1 + whole.len() / 8)?;
    written(context, &lower_words(whole, connector))
}

/// Makes the first letter of each word a capital.
fn title(text: &[u8]) -> Vec<u8> {
    let mut before = ' ';
    runes::map(text, |rune| {
        let starts = is_separator(before);
        before = rune;
        if starts { runes::to_title(rune) } else { rune }
    })
}

fn is_separator(rune: char) -> bool {
    if rune.is_ascii() {
        return !rune.is_ascii_alphanumeric() && rune != '_';
    }
    !is_letter(rune) && !runes::is_digit(rune) && is_space(rune)
}

/// Makes the first letter of each word small.
fn untitle(text: &[u8]) -> Vec<u8> {
    let mut starts = true;
    runes::map(text, |rune| {
        if is_space(rune) {
            starts = true;
            return rune;
        }
        let changed = if starts { runes::to_lower(rune) } else { rune };
        starts = false;
        changed
    })
}

fn swap_case(text: &[u8]) -> Vec<u8> {
    let mut after_space = true;
    runes::map(text, |rune| {
        if is_upper(rune) || runes::is_title(rune) {
            after_space = false;
            runes::to_lower(rune)
        } else if is_lower(rune) {
            let starts = std::mem::replace(&mut after_space, false);
            if starts {
                runes::to_title(rune)
            } else {
                runes::to_upper(rune)
            }
        } else {
            after_space = is_space(rune);
            rune
        }
    })
}

/// Returns the first letter of each word. Bytes are looked at one by one, as if the text were
/// Latin-1.
fn initials(text: &[u8]) -> Vec<u8> {
    let (mut out, mut after_gap) = (Vec::new(), true);
    for &byte in text {
        let rune = char::from(byte);
        if is_space(rune) {
            after_gap = true;
        } else if std::mem::replace(&mut after_gap, false) {
            runes::push(&mut out, rune);
        }
    }
    out
}

fn is_connector(rune: char) -> bool {
    rune == '-' || rune == '_' || is_space(rune)
}

/// Joins words, each with a capital first. Connectors at both ends stay.
fn camel_case(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = runes::runes(text).map(|(_, rune)| rune).peekable();
    while let Some(connector) = rest.next_if(|rune| is_connector(*rune)) {
        runes::push(&mut out, connector);
    }
    let Some(first) = rest.next() else {
        // Of nothing but connectors, the library writes the last one twice.
        if let Some((last, _)) = runes::last(text) {
            runes::push(&mut out, last);
        }
        return out;
    };

    // In a word that begins with a capital, capitals that follow it directly become small.
    let mut in_capitals = is_upper(first);
    let mut before = runes::to_upper(first);
    for rune in rest {
        let mut current = rune;
        if is_connector(current) && is_connector(before) {
            runes::push(&mut out, before);
            before = current;
            continue;
        }
        if is_connector(before) {
            in_capitals = is_upper(current);
            current = runes::to_upper(current);
        } else {
            if in_capitals {
                if is_upper(current) {
                    current = runes::to_lower(current);
                } else {
                    in_capitals = false;
                }
            }
            runes::push(&mut out, before);
        }
        before = current;
    }
    runes::push(&mut out, before);
    out
}

// === words with connectors ===

/// What a word consists of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WordKind {
    /// Nothing is left.
    None,
    /// Digits.
    Number,
    /// Capitals, or a capital with small letters.
    Capital,
    /// Letters.
    Letters,
    /// Spaces, `-` and `_`.
    Connector,
    /// Other punctuation.
    Punctuation,
    /// Anything else.
    Other,
}

impl WordKind {
    /// Returns whether a connector separates this word from the one before.
    fn is_apart(self) -> bool {
        !matches!(self, Self::None | Self::Connector | Self::Punctuation)
    }

    fn goes_on_with_number(self) -> bool {
        matches!(self, Self::Letters | Self::Number)
    }
}

/// Reads the words of a text one after another.
struct Words<'t> {
    rest: &'t [u8],
    kind: WordKind,
    word: &'t [u8],
    out: Vec<u8>,
    connector: char,
}

/// Returns a text in small letters, with its words joined by a connector.
fn lower_words(text: &[u8], connector: char) -> Vec<u8> {
    let mut words = Words {
        rest: text,
        kind: WordKind::None,
        word: &[],
        out: Vec::with_capacity(text.len() + text.len() / 4),
        connector,
    };
    words.next();
    while !words.rest.is_empty() {
        words.step();
    }
    words.write(words.kind, words.word);
    words.out
}

impl<'t> Words<'t> {
    fn next(&mut self) {
        let (kind, word, rest) = next_word(self.rest);
        (self.kind, self.word, self.rest) = (kind, word, rest);
    }

    fn step(&mut self) {
        let (before, last) = (self.kind, self.word);
        if before != WordKind::Connector {
            self.write(before, last);
        }
        self.next();
        match before {
            WordKind::Number => self.after_number(),
            WordKind::Connector => self.write(before, last),
            WordKind::Punctuation => {}
            _ if self.kind == WordKind::Number => self.number_after_letters(),
            // An invalid end of the text separates too, as in the library.
            _ if !matches!(self.kind, WordKind::Connector | WordKind::Punctuation) => {
                self.connect();
            }
            _ => {}
        }
    }

    /// Letters belong to the number before them: `20x`.
    fn after_number(&mut self) {
        while self.kind.goes_on_with_number() {
            self.write(self.kind, self.word);
            self.next();
        }
        if self.kind.is_apart() {
            self.connect();
        }
    }

    /// A number belongs to the word before it, as in `Bld4`, unless letters follow it: `http_2xx`.
    fn number_after_letters(&mut self) {
        if self.rest.is_empty() {
            return;
        }
        let number = self.word;
        self.next();
        if self.kind == WordKind::Letters {
            self.connect();
            self.write(WordKind::Number, number);
            self.after_number();
            return;
        }
        self.write(WordKind::Number, number);
        if !matches!(self.kind, WordKind::Connector | WordKind::Punctuation) {
            self.connect();
        }
    }

    fn connect(&mut self) {
        runes::push(&mut self.out, self.connector);
    }

    fn write(&mut self, kind: WordKind, word: &'t [u8]) {
        if !matches!(kind, WordKind::Capital | WordKind::Connector) {
            return self.out.extend_from_slice(word);
        }
        for (_, rune) in runes::runes(word) {
            let written = if is_connector(rune) {
                self.connector
            } else {
                runes::to_lower(rune)
            };
            runes::push(&mut self.out, written);
        }
    }
}

/// Returns whether a rune is a letter of an alphabet: Chinese characters are not.
fn is_alphabet(rune: char) -> bool {
    let is_chinese = matches!(
        rune,
        '\u{3400}'..='\u{4D85}' | '\u{4E00}'..='\u{9FCC}' | '\u{20000}'..='\u{2B81D}'
    );
    is_letter(rune) && !is_chinese
}

/// Splits the first word off. Bytes that are no runes belong to what stands before them.
fn next_word(text: &[u8]) -> (WordKind, &[u8], &[u8]) {
    let Some((first, width)) = valid_rune(text) else {
        return (WordKind::None, text, &[]);
    };

    let behind = text.get(width..).unwrap_or_default();
    let small = |rune: char| is_alphabet(rune) && !is_upper(rune);
    let (kind, length) = if is_connector(first) {
        (WordKind::Connector, run(behind, is_connector))
    } else if is_punctuation(first) {
        (WordKind::Punctuation, run(behind, is_punctuation))
    } else if is_upper(first) {
        (WordKind::Capital, capital_run(behind))
    } else if is_alphabet(first) {
        (WordKind::Letters, run(behind, small))
    } else if is_number(first) {
        (WordKind::Number, run(behind, is_number))
    } else {
        let is_other = |rune: char| {
            !(is_connector(rune) || is_alphabet(rune) || is_number(rune) || is_punctuation(rune))
        };
        (WordKind::Other, run(behind, is_other))
    };

    let (word, rest) = text.split_at(width + length);
    (kind, word, rest)
}

/// Returns the length of the runes at the start of a text that fit.
fn run(text: &[u8], fits: impl Fn(char) -> bool) -> usize {
    let mut length = 0;
    while let Some(rest) = text.get(length..).filter(|rest| !rest.is_empty()) {
        match valid_rune(rest) {
            Some((rune, width)) if fits(rune) => length += width,
            Some(_) => break,
            None => return text.len(),
        }
    }
    length
}

/// Returns the length of what belongs to a capital: small letters, or more capitals without the
/// last one if a small letter follows it.
fn capital_run(text: &[u8]) -> usize {
    let capitals = run(text, is_upper);
    let behind = text.get(capitals..).unwrap_or_default();
    let small = |rune: char| is_alphabet(rune) && !is_upper(rune);
    if capitals == 0 {
        return run(text, small);
    }
    let followed = valid_rune(behind).is_some_and(|(rune, _)| small(rune));
    let last = text
        .get(..capitals)
        .and_then(runes::last)
        .map_or(0, |(_, width)| width);
    if followed { capitals - last } else { capitals }
}

/// Returns the first rune that is one, and the bytes up to its end.
fn valid_rune(text: &[u8]) -> Option<(char, usize)> {
    runes::runes(text)
        .find(|(_, rune)| *rune != char::REPLACEMENT_CHARACTER)
        .map(|(at, rune)| (rune, at + rune.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    #[test]
    fn words_are_joined_by_capitals() {
        for (text, want) in [
            ("http_server", "HttpServer"),
            ("_camel_case", "_CamelCase"),
            ("no_https", "NoHttps"),
            ("_complex__case_", "_Complex_Case_"),
            ("all", "All"),
            ("GOLANG_IS_GREAT", "GolangIsGreat"),
            ("GOLANG", "Golang"),
            ("a", "A"),
            ("好", "好"),
            (
                "FROM CamelCase to snake/kebab-case",
                "FromCamelCaseToSnake/kebabCase",
            ),
            ("", ""),
            ("__", "___"),
        ] {
            assert_eq!(shown(&camel_case(text.as_bytes())), want, "{text}");
        }
    }

    #[test]
    fn words_are_joined_by_connectors() {
        for (text, want) in [
            ("FirstName", "first_name"),
            ("HTTPServer", "http_server"),
            ("NoHTTPS", "no_https"),
            ("GO_PATH", "go_path"),
            ("GO PATH", "go_path"),
            ("GO-PATH", "go_path"),
            ("http2xx", "http_2xx"),
            ("HTTP20xOK", "http_20x_ok"),
            ("Duration2m3s", "duration_2m3s"),
            ("Bld4Floor3rd", "bld4_floor_3rd"),
            (" _-_ ", "_____"),
            ("a1b2c3d", "a_1b2c3d"),
            ("A//B%%2c", "a//b%%2c"),
            ("HTTP状态码404/502Error", "http_状态码404/502_error"),
            ("中文（字符）", "中文（字符）"),
            ("Abc123", "abc123"),
            ("", ""),
        ] {
            assert_eq!(shown(&lower_words(text.as_bytes(), '_')), want, "{text}");
        }
        assert_eq!(shown(&lower_words(b"FirstName", '-')), "first-name");
    }

    #[test]
    fn letters_change_their_case() {
        assert_eq!(
            shown(&title("hello wor-ld o'brien ǆx".as_bytes())),
            "Hello Wor-Ld O'Brien ǅx"
        );
        assert_eq!(shown(&untitle(b"First TRY")), "first tRY");
        assert_eq!(shown(&swap_case(b"This Is a.Test")), "tHIS iS A.tEST");
        assert_eq!(shown(&initials(b"First  Try\tx")), "FTx");
    }
}
