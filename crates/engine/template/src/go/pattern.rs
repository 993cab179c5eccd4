//! Go's syntax of regular expressions, rewritten into that of the `regex` crate.
//!
//! Both have the same roots and differ in details: Go's `\d`, `\w`, `\s` and `\b` know ASCII only,
//! it has octal escapes and `\Q…\E`, a brace that is no count stands for itself, and brackets and
//! doubled marks inside of a class do too. What Go refuses is refused here, with its message.

use crate::go::runes;

/// A pattern in the syntax of the `regex` crate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RegexPattern {
    /// The text.
    pub(crate) text: String,
    /// An upper bound on the size of the compiled pattern, in states of a machine: counts multiply.
    pub(crate) weight: u64,
}

/// Rewrites a pattern.
///
/// # Errors
/// Go's message, without `error parsing regexp: `.
pub(crate) fn translate(pattern: &str) -> Result<RegexPattern, String> {
    let mut translator = Translator {
        whole: pattern,
        rest: pattern,
        out: String::with_capacity(pattern.len() + 16),
        weight: pattern.len() as u64 + 1,
        depth: 0,
        names: Vec::new(),
        item: Preceding::None,
    };
    while !translator.rest.is_empty() {
        translator.step()?;
    }
    if translator.depth > 0 {
        return Err(format!("missing closing ): `{pattern}`"));
    }
    Ok(RegexPattern {
        text: translator.out,
        weight: translator.weight,
    })
}

/// Largest count of a repetition.
const REPEAT_MAX: u32 = 1000;

/// What stands before the current position.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Preceding<'p> {
    /// Nothing that can be repeated.
    None,
    /// Something that can be repeated.
    Some,
    /// A repetition, which begins this rest of the pattern.
    Repeat(&'p str),
}

struct Translator<'p> {
    whole: &'p str,
    rest: &'p str,
    out: String,
    weight: u64,
    /// Open groups.
    depth: usize,
    /// Names of groups.
    names: Vec<&'p str>,
    item: Preceding<'p>,
}

impl Translator<'_> {
    fn step(&mut self) -> Result<(), String> {
        let Some(letter) = self.rest.chars().next() else {
            return Ok(());
        };
        match letter {
            '\\' => self.escape(),
            '[' => self.class(),
            '(' => self.open(),
            ')' => self.close(),
            '|' => {
                self.take(1);
                self.item = Preceding::None;
                Ok(())
            }
            '*' | '+' | '?' => self.repeat(1),
            '{' => {
                if let Some((length, least, most)) = count(self.rest) {
                    return self.counted(length, least, most);
                }
                self.replace(1, "\\{");
                Ok(())
            }
            letter => {
                self.take(letter.len_utf8());
                self.item = Preceding::Some;
                Ok(())
            }
        }
    }

    /// Takes over bytes as they are.
    fn take(&mut self, length: usize) {
        let (head, rest) = self
            .rest
            .split_at_checked(length)
            .unwrap_or((self.rest, ""));
        self.out.push_str(head);
        self.rest = rest;
    }

    /// Takes over bytes as something else, which can be repeated.
    fn replace(&mut self, length: usize, with: &str) {
        self.out.push_str(with);
        self.rest = self.rest.get(length..).unwrap_or_default();
        self.item = Preceding::Some;
    }

    // === repetition ===

    fn repeat(&mut self, length: usize) -> Result<(), String> {
        let before = self.rest;
        let lazy = usize::from(
            before
                .get(length..)
                .is_some_and(|rest| rest.starts_with('?')),
        );
        let length = length + lazy;
        let operator = before.get(..length).unwrap_or_default();

        match self.item {
            Preceding::None => {
                return Err(format!(
                    "missing argument to repetition operator: `{operator}`"
                ));
            }
            Preceding::Repeat(start) => {
                let both = start.len() - before.len() + length;
                let both = start.get(..both).unwrap_or_default();
                return Err(format!("invalid nested repetition operator: `{both}`"));
            }
            Preceding::Some => {}
        }

        self.item = Preceding::Repeat(before);
        self.take(length);
        Ok(())
    }

    fn counted(&mut self, length: usize, least: u32, most: Option<u32>) -> Result<(), String> {
        let largest = most.unwrap_or(least);
        if largest > REPEAT_MAX || least > REPEAT_MAX || most.is_some_and(|most| most < least) {
            let shown = self.rest.get(..length).unwrap_or_default();
            return Err(format!("invalid repeat count: `{shown}`"));
        }
        self.weight = self.weight.saturating_mul(u64::from(largest.max(1)));
        self.repeat(length)
    }

    // === groups ===

    fn open(&mut self) -> Result<(), String> {
        if self.rest.starts_with("(?") {
            return self.open_flagged();
        }
        self.take(1);
        self.enter();
        Ok(())
    }

    fn enter(&mut self) {
        self.depth += 1;
        self.item = Preceding::None;
    }

    fn open_flagged(&mut self) -> Result<(), String> {
        let rest = self.rest;
        if rest.starts_with("(?P<") || rest.starts_with("(?<") {
            return self.open_named();
        }

        let mut seen_flag = false;
        for (at, letter) in rest.char_indices().skip(2) {
            match letter {
                'i' | 'm' | 's' | 'U' => seen_flag = true,
                '-' if !rest.get(2..at).unwrap_or_default().contains('-') => seen_flag = false,
                ':' | ')' => {
                    let negated = rest.get(2..at).unwrap_or_default().contains('-');
                    if (negated || letter == ')') && !seen_flag {
                        return Err(perl_syntax(rest, at + 1));
                    }
                    self.take(at + 1);
                    if letter == ':' {
                        self.enter();
                    } else {
                        self.item = Preceding::None;
                    }
                    return Ok(());
                }
                other => return Err(perl_syntax(rest, at + other.len_utf8())),
            }
        }
        Err(perl_syntax(rest, rest.len()))
    }

    fn open_named(&mut self) -> Result<(), String> {
        let rest = self.rest;
        let begin = if rest.starts_with("(?P<") { 4 } else { 3 };
        let end = rest.find('>');
        let Some(name) = end.and_then(|end| rest.get(begin..end)) else {
            return Err(format!("invalid named capture: `{rest}`"));
        };
        let is_word = |letter: char| letter == '_' || letter.is_ascii_alphanumeric();
        let length = begin + name.len() + 1;
        if name.is_empty() || !name.chars().all(is_word) {
            let shown = rest.get(..length).unwrap_or_default();
            return Err(format!("invalid named capture: `{shown}`"));
        }
        // A name that another group has, or that begins with a digit, is only known to Go.
        let is_new = !self.names.contains(&name);
        if is_new && !name.starts_with(|letter: char| letter.is_ascii_digit()) {
            self.names.push(name);
            self.take(length);
        } else {
            self.replace(length, "(");
        }
        self.enter();
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        let Some(depth) = self.depth.checked_sub(1) else {
            return Err(format!("unexpected ): `{}`", self.whole));
        };
        self.depth = depth;
        self.take(1);
        self.item = Preceding::Some;
        Ok(())
    }

    // === escapes ===

    fn escape(&mut self) -> Result<(), String> {
        if let Some(quoted) = self.rest.strip_prefix("\\Q") {
            let (literal, rest) = quoted.split_once("\\E").unwrap_or((quoted, ""));
            self.out.push_str(&regex::escape(literal));
            if !literal.is_empty() {
                self.item = Preceding::Some;
            }
            self.rest = rest;
            return Ok(());
        }
        let after = self.rest.chars().nth(1);
        match after {
            Some('b') => self.replace(2, r"(?-u:\b)"),
            Some('B') => self.replace(2, r"(?-u:\B)"),
            Some('A' | 'z') => {
                self.take(2);
                self.item = Preceding::Some;
            }
            // The end of a quote that never began is nothing.
            Some('E') => self.rest = self.rest.get(2..).unwrap_or_default(),
            _ => {
                let (length, text) = escaped(self.rest)?;
                self.replace(length, &text);
            }
        }
        Ok(())
    }

    // === classes ===

    fn class(&mut self) -> Result<(), String> {
        let start = self.rest;
        let missing = || format!("missing closing ]: `{start}`");
        self.take(1);
        if self.rest.starts_with('^') {
            self.take(1);
        }

        let mut first = true;
        loop {
            let letter = self.rest.chars().next().ok_or_else(missing)?;
            if letter == ']' && !first {
                break;
            }
            first = false;
            if self.set()? {
                continue;
            }
            self.range(start)?;
        }
        self.take(1);
        self.item = Preceding::Some;
        Ok(())
    }

    /// Takes over `[:name:]`, `\d` or `\pN`, which are sets of their own.
    fn set(&mut self) -> Result<bool, String> {
        if self.rest.starts_with("[:")
            && let Some(end) = self.rest.find(":]")
        {
            let name = self.rest.get(..end + 2).unwrap_or_default();
            let plain = name.trim_start_matches("[:").trim_start_matches('^');
            if !POSIX.contains(&plain.trim_end_matches(":]")) {
                return Err(format!("invalid character class range: `{name}`"));
            }
            self.take(end + 2);
            return Ok(true);
        }

        let is_set = self.rest.starts_with('\\')
            && matches!(
                self.rest.as_bytes().get(1),
                Some(b'd' | b'D' | b'w' | b'W' | b's' | b'S' | b'p' | b'P')
            );
        if is_set {
            let (length, text) = escaped(self.rest)?;
            self.replace(length, &text);
        }
        Ok(is_set)
    }

    /// Takes over a letter, or a range of letters.
    fn range(&mut self, class: &str) -> Result<(), String> {
        let start = self.rest;
        let low = self.letter(class)?;
        let is_range =
            self.rest.starts_with('-') && !self.rest.starts_with("-]") && self.rest.len() > 1;
        if is_range {
            self.rest = self.rest.get(1..).unwrap_or_default();
            self.out.push('-');
            let high = self.letter(class)?;
            if high < low {
                let shown = start.get(..start.len() - self.rest.len());
                return Err(format!(
                    "invalid character class range: `{}`",
                    shown.unwrap_or_default()
                ));
            }
        }
        Ok(())
    }

    /// Takes over one letter of a class, and returns it.
    fn letter(&mut self, class: &str) -> Result<char, String> {
        let Some(letter) = self.rest.chars().next() else {
            return Err(format!("missing closing ]: `{class}`"));
        };
        let (length, letter) = match letter {
            '\\' => escaped_letter(self.rest)?,
            letter => (letter.len_utf8(), letter),
        };
        self.out.push_str(&literal(letter));
        self.rest = self.rest.get(length..).unwrap_or_default();
        Ok(letter)
    }
}

/// Names of the classes of POSIX.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

fn perl_syntax(rest: &str, length: usize) -> String {
    let shown = rest.get(..length).unwrap_or(rest);
    format!("invalid or unsupported Perl syntax: `{shown}`")
}

/// Reads a count such as `{2}`, `{2,}` or `{2,3}`; returns its length and its bounds.
fn count(text: &str) -> Option<(usize, u32, Option<u32>)> {
    let end = text.find('}')?;
    let inner = text.get(1..end)?;
    let number = |digits: &str| {
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit())
            && !(digits.len() > 1 && digits.starts_with('0'));
        (plain && !digits.is_empty()).then(|| digits.parse().unwrap_or(u32::MAX))
    };
    let (least, most) = match inner.split_once(',') {
        None => (number(inner)?, Some(number(inner)?)),
        Some((least, "")) => (number(least)?, None),
        Some((least, most)) => (number(least)?, Some(number(most)?)),
    };
    Some((end + 1, least, most))
}

/// Reads an escape outside of a class, or one that is a set; returns its length and what stands
/// for it.
fn escaped(text: &str) -> Result<(usize, String), String> {
    let set = match text.as_bytes().get(1) {
        Some(b'd') => "[0-9]",
        Some(b'D') => "[^0-9]",
        Some(b'w') => "[0-9A-Za-z_]",
        Some(b'W') => "[^0-9A-Za-z_]",
        Some(b's') => r"[\t\n\x0C\r ]",
        Some(b'S') => r"[^\t\n\x0C\r ]",
        Some(b'p' | b'P') => {
            let length = property_length(text);
            let shown = text.get(..length).unwrap_or(text);
            return if regex::Regex::new(shown).is_ok() {
                Ok((length, shown.to_owned()))
            } else {
                Err(format!("invalid character class range: `{shown}`"))
            };
        }
        _ => {
            let (length, letter) = escaped_letter(text)?;
            return Ok((length, literal(letter)));
        }
    };
    Ok((2, set.to_owned()))
}

/// Returns the length of `\pN` or `\p{Name}`.
fn property_length(text: &str) -> usize {
    match text.get(2..).and_then(|rest| rest.chars().next()) {
        Some('{') => text.find('}').map_or(text.len(), |end| end + 1),
        Some(letter) => 2 + letter.len_utf8(),
        None => text.len(),
    }
}

/// Reads an escape that stands for one letter; returns its length and the letter.
fn escaped_letter(text: &str) -> Result<(usize, char), String> {
    let Some(letter) = text.chars().nth(1) else {
        return Err("trailing backslash at end of expression: ``".to_owned());
    };
    let single = match letter {
        'a' => '\x07',
        'f' => '\x0C',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0B',
        'x' => return hexadecimal(text),
        '0'..='7' => return octal(text),
        letter if letter.is_ascii() && !letter.is_ascii_alphanumeric() && letter != '_' => letter,
        '_' => '_',
        letter => {
            let shown = text.get(..1 + letter.len_utf8()).unwrap_or(text);
            return Err(format!("invalid escape sequence: `{shown}`"));
        }
    };
    Ok((2, single))
}

/// Reads `\7`, which would be a reference back unless more digits follow, `\07` or `\123`.
fn octal(text: &str) -> Result<(usize, char), String> {
    let digits = text
        .bytes()
        .skip(1)
        .take(3)
        .take_while(|digit| (b'0'..=b'7').contains(digit))
        .count();
    let number = text.get(1..=digits).unwrap_or_default();
    let is_reference = digits == 1 && number != "0";
    match u32::from_str_radix(number, 8).ok().and_then(char::from_u32) {
        Some(letter) if !is_reference => Ok((digits + 1, letter)),
        _ => Err(format!(
            "invalid escape sequence: `{}`",
            text.get(..2).unwrap_or(text)
        )),
    }
}

/// Reads `\x7F` or `\x{10FFFF}`.
fn hexadecimal(text: &str) -> Result<(usize, char), String> {
    let rest = text.get(2..).unwrap_or_default();
    let (number, length) = match rest.strip_prefix('{') {
        Some(inner) => {
            let end = inner.find('}').unwrap_or(inner.len());
            (inner.get(..end).unwrap_or_default(), end + 4)
        }
        None => (rest.get(..2).unwrap_or_default(), 4),
    };
    let plain = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_hexdigit());
    let letter = plain
        .then(|| u32::from_str_radix(number, 16).ok())
        .flatten()
        .and_then(char::from_u32);
    letter.map(|letter| (length, letter)).ok_or_else(|| {
        let shown = text.get(..length.min(text.len())).unwrap_or(text);
        format!("invalid escape sequence: `{shown}`")
    })
}

/// Returns a letter as it is written wherever it may stand.
fn literal(letter: char) -> String {
    if letter.is_ascii_alphanumeric() || !letter.is_ascii() || letter == '_' {
        return letter.to_string();
    }
    if letter.is_ascii_graphic() {
        // Marks that are nothing special may be escaped, but `\<` and `\>` are word boundaries.
        return match letter {
            '<' | '>' => letter.to_string(),
            letter => format!("\\{letter}"),
        };
    }
    format!("\\x{:02X}", u32::from(letter))
}

/// Returns a text as a pattern that matches exactly it, as Go's `QuoteMeta`.
pub(crate) fn quote_meta(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        if br"\.+*?()|[]{}^$".contains(&byte) {
            runes::push(&mut out, '\\');
        }
        out.push(byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(pattern: &str) -> String {
        translate(pattern).unwrap().text
    }

    #[test]
    fn what_differs_is_rewritten() {
        for (pattern, want) in [
            (r"^a+b*?$", r"^a+b*?$"),
            (r"\d\W", r"[0-9][^0-9A-Za-z_]"),
            (r"[\s\d-]", r"[[\t\n\x0C\r ][0-9]\-]"),
            (r"\bx\B", r"(?-u:\b)x(?-u:\B)"),
            (r"a{,2}{x}", r"a\{,2}\{x}"),
            (r"a{2,3}", r"a{2,3}"),
            (r"[a&&b~~[]", r"[a\&\&b\~\~\[]"),
            (r"[]a]", r"[\]a]"),
            (r"\Qa.b\E+", r"a\.b+"),
            (r"\<\012\x{20AC}", "<\\x0A€"),
            (r"[[:alpha:]_]", r"[[:alpha:]_]"),
            (r"(?i:a)(?P<n>b)(?s)", r"(?i:a)(?P<n>b)(?s)"),
            (r"\pL\p{Greek}", r"\pL\p{Greek}"),
            (r"a-z #", r"a-z #"),
            (r"(?P<n>a)(?<n>b)(?<1>c)", r"(?P<n>a)(b)(c)"),
        ] {
            assert_eq!(text(pattern), want, "{pattern}");
            assert!(regex::bytes::Regex::new(want).is_ok(), "{want}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused_in_its_words() {
        for (pattern, want) in [
            ("(a", "missing closing ): `(a`"),
            ("a)", "unexpected ): `a)`"),
            ("x[a", "missing closing ]: `[a`"),
            ("*", "missing argument to repetition operator: `*`"),
            ("a|+?", "missing argument to repetition operator: `+?`"),
            ("a**", "invalid nested repetition operator: `**`"),
            ("a{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("a{2,1}", "invalid repeat count: `{2,1}`"),
            (r"\y", r"invalid escape sequence: `\y`"),
            (r"(a)\1", r"invalid escape sequence: `\1`"),
            ("\\", "trailing backslash at end of expression: ``"),
            ("[z-a]", "invalid character class range: `z-a`"),
            (r"\p{Foo}", r"invalid character class range: `\p{Foo}`"),
            ("(?!a)", "invalid or unsupported Perl syntax: `(?!`"),
            ("a(?i", "invalid or unsupported Perl syntax: `(?i`"),
            ("(?x)a", "invalid or unsupported Perl syntax: `(?x`"),
            ("(?<!a)", "invalid named capture: `(?<!a)`"),
            ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
        ] {
            assert_eq!(translate(pattern).unwrap_err(), want, "{pattern}");
        }
    }

    #[test]
    fn counts_multiply_the_weight() {
        assert!(translate("(a{100}){100}").unwrap().weight > 10_000);
        assert!(translate("a+b+").unwrap().weight < 10);
    }

    #[test]
    fn texts_become_patterns_of_themselves() {
        assert_eq!(quote_meta(b"1.2.3[x]"), br"1\.2\.3\[x\]");
    }
}
