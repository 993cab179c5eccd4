//! Scans TOML: keys, and values that are no lists or tables.

use crate::functions::moment::Moment;
use crate::go::runes::quoted;
use crate::go::time::Zone;
use crate::go::{number, parse_time};
use crate::value::Value;

/// What is wrong, and where.
#[derive(Debug)]
pub(crate) struct TomlFault {
    /// The line, from 1.
    pub(crate) line: usize,
    /// The key whose value was being read.
    pub(crate) key: String,
    /// What is wrong.
    pub(crate) message: String,
}

/// A text, and how far it was read.
pub(crate) struct Scanner<'t> {
    whole: &'t str,
    rest: &'t str,
    key: String,
}

impl<'t> Scanner<'t> {
    /// Starts at the beginning of a text.
    pub(crate) fn new(text: &'t str) -> Self {
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self {
            whole: rest,
            rest,
            key: String::new(),
        }
    }

    /// Sets the key that faults name, and returns the one before.
    pub(crate) fn enter(&mut self, key: String) -> String {
        std::mem::replace(&mut self.key, key)
    }

    /// Returns the key that faults name.
    pub(crate) fn current_key(&self) -> &str {
        &self.key
    }

    /// Returns whether everything was read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Returns a fault at the current position.
    pub(crate) fn fault(&self, message: &str) -> TomlFault {
        let read = self.whole.len() - self.rest.len();
        let lines = self
            .whole
            .get(..read)
            .unwrap_or_default()
            .matches('\n')
            .count();
        TomlFault {
            line: lines + 1,
            key: self.key.clone(),
            message: message.to_owned(),
        }
    }

    /// Returns a fault that shows what stands here.
    pub(crate) fn but_got(&self, message: &str) -> TomlFault {
        match self.rest.chars().next() {
            None => self.fault(&format!("{message}, but got end of file instead")),
            Some(letter) => self.fault(&format!("{message}, but got '{letter}'")),
        }
    }

    /// Skips a text, if it stands here.
    pub(crate) fn take(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Skips spaces and tabs.
    pub(crate) fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// Skips blanks, line breaks and comments.
    ///
    /// # Errors
    /// A comment holds a control character.
    pub(crate) fn skip_lines(&mut self) -> Result<(), TomlFault> {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
            if !self.rest.starts_with('#') {
                return Ok(());
            }
            self.comment()?;
        }
    }

    /// Skips the rest of a line, where nothing but a comment may stand.
    ///
    /// # Errors
    /// Something else stands there.
    pub(crate) fn end_line(&mut self) -> Result<(), TomlFault> {
        self.skip_blanks();
        if self.rest.starts_with('#') {
            self.comment()?;
        }
        let ends = self.rest.is_empty() || self.take("\n") || self.take("\r\n");
        if ends {
            return Ok(());
        }
        let letter = self.rest.chars().next().unwrap_or_default();
        Err(self.fault(&format!(
            "expected a top-level item to end with a newline, comment, or EOF, but got '{letter}' instead"
        )))
    }

    fn comment(&mut self) -> Result<(), TomlFault> {
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        let (comment, rest) = self.rest.split_at(end);
        let comment = comment.trim_end_matches('\r');
        let control = comment
            .bytes()
            .find(|byte| byte.is_ascii_control() && *byte != b'\t');
        if let Some(code) = control {
            return Err(self.fault(&format!(
                "TOML files cannot contain control characters: '0x{code:02x}'"
            )));
        }
        self.rest = rest;
        Ok(())
    }

    // === keys ===

    /// Reads a key, whose parts are joined by dots.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn key(&mut self) -> Result<Vec<String>, TomlFault> {
        let mut parts = vec![self.key_part()?];
        loop {
            self.skip_blanks();
            if !self.take(".") {
                return Ok(parts);
            }
            self.skip_blanks();
            parts.push(self.key_part()?);
        }
    }

    fn key_part(&mut self) -> Result<String, TomlFault> {
        if self.take("\"") {
            return self.basic();
        }
        if self.take("'") {
            return self.literal();
        }

        let is_bare = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
        let end = self.rest.find(|letter| !is_bare(letter));
        let (part, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        if part.is_empty() {
            let letter = self.rest.chars().next();
            return Err(match letter {
                Some('=') => self.fault("unexpected '=': key name appears blank"),
                Some('.') => self.fault("unexpected '.': keys cannot start with a '.'"),
                Some(letter) => self.fault(&format!("bare keys cannot contain '{letter}'")),
                None => self.fault("unexpected EOF"),
            });
        }
        self.rest = rest;
        Ok(part.to_owned())
    }

    /// Skips the sign between a key and its value.
    ///
    /// # Errors
    /// Something else stands there.
    pub(crate) fn expect_equals(&mut self) -> Result<(), TomlFault> {
        self.skip_blanks();
        if self.take("=") {
            self.skip_blanks();
            return Ok(());
        }
        Err(match self.rest.chars().next() {
            None => self.fault("unexpected EOF; expected key separator '='"),
            Some(letter) => {
                let shown = quoted(letter.to_string().as_bytes()).replace('"', "'");
                self.fault(&format!("expected '.' or '=', but got {shown} instead"))
            }
        })
    }

    // === texts ===

    /// Reads a text, a number, a date or a word.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn scalar(&mut self) -> Result<Value, TomlFault> {
        if self.take("\"\"\"") {
            return self.long(true).map(Value::from);
        }
        if self.take("'''") {
            return self.long(false).map(Value::from);
        }
        if self.take("\"") {
            return self.basic().map(Value::from);
        }
        if self.take("'") {
            return self.literal().map(Value::from);
        }

        let ends = |letter: char| matches!(letter, ',' | ']' | '}' | '#' | '\n' | '\r' | '\t');
        let mut end = self.rest.find(|letter| ends(letter) || letter == ' ');
        // A space may separate a date from a time.
        if let Some(at) = end
            && let Some((date, time)) = self.rest.split_at_checked(at)
            && date.len() == 10
            && date.as_bytes().get(4) == Some(&b'-')
            && time.as_bytes().get(1).is_some_and(u8::is_ascii_digit)
        {
            let rest = time.get(1..).unwrap_or_default();
            let time = rest.find(|letter| ends(letter) || letter == ' ');
            end = Some(at + 1 + time.unwrap_or(rest.len()));
        }
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        let value = self.word(word)?;
        self.rest = rest;
        Ok(value)
    }

    fn literal(&mut self) -> Result<String, TomlFault> {
        let end = self.rest.find(['\'', '\n']);
        match end.and_then(|end| self.rest.split_at_checked(end)) {
            Some((text, rest)) if rest.starts_with('\'') => {
                self.rest = rest.get(1..).unwrap_or_default();
                Ok(text.to_owned())
            }
            Some(_) => Err(self.fault("strings cannot contain newlines")),
            None => Err(self.fault("unexpected EOF; expected \"'\"")),
        }
    }

    fn basic(&mut self) -> Result<String, TomlFault> {
        let mut out = String::new();
        loop {
            match self.letter() {
                None => return Err(self.fault("unexpected EOF; expected '\"'")),
                Some('"') => return Ok(out),
                Some('\n') => return Err(self.fault("strings cannot contain newlines")),
                Some('\\') => out.push(self.escape()?),
                Some(letter) if letter.is_ascii_control() && letter != '\t' => {
                    let code = u32::from(letter);
                    return Err(self.fault(&format!(
                        "TOML files cannot contain control characters: '0x{code:02x}'"
                    )));
                }
                Some(letter) => out.push(letter),
            }
        }
    }

    /// Reads a text of several lines; only one in double quotes has escapes.
    fn long(&mut self, escapes: bool) -> Result<String, TomlFault> {
        let _ = self.take("\n") || self.take("\r\n");
        let end = if escapes { "\"\"\"" } else { "'''" };
        let mark = if escapes { '"' } else { '\'' };
        let mut out = String::new();
        loop {
            if self.take(end) {
                // Up to two more marks belong to the text.
                for _ in 0..2 {
                    if let Some(rest) = self.rest.strip_prefix(mark) {
                        out.push(mark);
                        self.rest = rest;
                    }
                }
                return Ok(out);
            }
            match self.letter() {
                None => return Err(self.fault(&format!("unexpected EOF; expected '{end}'"))),
                Some('\\') if escapes => {
                    let line_ends = self.rest.trim_start_matches([' ', '\t', '\r']);
                    if line_ends.starts_with('\n') {
                        self.rest = self.rest.trim_start();
                    } else {
                        out.push(self.escape()?);
                    }
                }
                Some(letter) => out.push(letter),
            }
        }
    }

    fn letter(&mut self) -> Option<char> {
        let mut letters = self.rest.chars();
        let letter = letters.next();
        self.rest = letters.as_str();
        letter
    }

    fn escape(&mut self) -> Result<char, TomlFault> {
        let letter = self.letter();
        let digits = match letter {
            Some('b') => return Ok('\x08'),
            Some('t') => return Ok('\t'),
            Some('n') => return Ok('\n'),
            Some('f') => return Ok('\x0C'),
            Some('r') => return Ok('\r'),
            Some('e') => return Ok('\x1B'),
            Some(letter @ ('"' | '\\')) => return Ok(letter),
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            other => {
                let shown = other.map(String::from).unwrap_or_default();
                return Err(self.fault(&format!("invalid escape in string '\\{shown}'")));
            }
        };
        let code = self.rest.get(..digits).unwrap_or_default();
        let letter = u32::from_str_radix(code, 16).ok().and_then(char::from_u32);
        let letter = letter.ok_or_else(|| {
            self.fault(&format!("Escaped character '\\u{code}' is not valid UTF-8"))
        })?;
        self.rest = self.rest.get(digits..).unwrap_or_default();
        Ok(letter)
    }

    // === words ===

    fn word(&self, word: &str) -> Result<Value, TomlFault> {
        match word {
            "true" => return Ok(true.into()),
            "false" => return Ok(false.into()),
            "inf" | "+inf" => return Ok(f64::INFINITY.into()),
            "-inf" => return Ok(f64::NEG_INFINITY.into()),
            "nan" | "+nan" | "-nan" => return Ok(f64::NAN.into()),
            "" if self.is_at_end() => return Err(self.fault("unexpected EOF; expected value")),
            "" => {
                let letter = self.rest.chars().next().unwrap_or_default();
                return Err(self.fault(&format!("expected value but found '{letter}' instead")));
            }
            _ => {}
        }
        if let Some(value) = date(word) {
            return Ok(value);
        }
        if let Some(value) = self.integer(word)? {
            return Ok(value);
        }
        let is_float = word
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-._eE".contains(&byte));
        // Digits stand on both sides of a point.
        let is_number = |part: &str| {
            let digits = part.trim_start_matches(['+', '-']);
            digits.starts_with(|letter: char| letter.is_ascii_digit())
        };
        let is_float = is_float && word.split('.').all(is_number) && !word.contains("_.");
        let float = is_float
            .then(|| number::parse_float(word.as_bytes()))
            .flatten();
        float.map(Value::Float).ok_or_else(|| {
            self.fault(&format!(
                "expected value but found {} instead",
                quoted(word.as_bytes())
            ))
        })
    }

    fn integer(&self, word: &str) -> Result<Option<Value>, TomlFault> {
        let digits = word.trim_start_matches(['+', '-']);
        let named = ["0x", "0o", "0b"]
            .iter()
            .any(|prefix| word.starts_with(prefix));
        if !named
            && !digits
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'_')
        {
            return Ok(None);
        }

        if digits.len() > 1 && digits.starts_with('0') && !named {
            let shown = quoted(word.as_bytes());
            return Err(self.fault(&format!(
                "Invalid integer {shown}: cannot have leading zeroes"
            )));
        }
        let number = number::parse_int(word.as_bytes(), 0);
        let number = number.ok_or_else(|| {
            let shown = quoted(word.as_bytes());
            self.fault(&format!("Invalid integer {shown}"))
        })?;
        Ok(Some(Value::Int64(number)))
    }
}

/// Reads a date, a time, or both.
fn date(word: &str) -> Option<Value> {
    if !word.starts_with(|letter: char| letter.is_ascii_digit()) || !word.contains(['-', ':']) {
        return None;
    }
    let word = word.replace('t', "T").replace('z', "Z").replace(' ', "T");
    let layouts: [&[u8]; 4] = [
        b"2006-01-02T15:04:05Z07:00",
        b"2006-01-02T15:04:05",
        b"2006-01-02",
        b"15:04:05",
    ];
    layouts.iter().find_map(|layout| {
        let time = parse_time::parse(layout, word.as_bytes(), &Zone::Utc).ok()?;
        Some(Moment::value(time))
    })
}
