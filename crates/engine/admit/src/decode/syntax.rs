//! Syntax errors in JSON, in the words of Go's scanner.

/// Returns the syntax error of a text, if Go does not accept it as JSON.
#[must_use]
pub fn syntax_error(text: &[u8]) -> Option<String> {
    let mut scanner = Scanner { open: Vec::new() };
    let mut step = SyntaxStep::Value;
    for byte in text {
        step = match scanner.next(step, *byte) {
            Ok(step) => step,
            Err(context) => return Some(format!("invalid character {} {context}", quoted(*byte))),
        };
    }
    // A number may end at the end of the text.
    let may_end = matches!(
        step,
        SyntaxStep::End
            | SyntaxStep::Zero
            | SyntaxStep::Digits
            | SyntaxStep::Fraction
            | SyntaxStep::Exponent
    );
    let ended = may_end && scanner.open.is_empty();
    (!ended).then(|| "unexpected end of JSON input".to_owned())
}

struct Scanner {
    /// Open brackets, outermost first.
    open: Vec<Open>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    ObjectKey,
    ObjectValue,
    Array,
}

/// What may come next.
#[derive(Clone, Copy)]
enum SyntaxStep {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    End,
    Text,
    Escape,
    Hex(u8),
    Sign,
    Zero,
    Digits,
    Point,
    Fraction,
    ExponentStart,
    ExponentSign,
    Exponent,
    /// A word, and how much of it was read.
    Word(&'static str, usize),
}

type Next = Result<SyntaxStep, String>;

impl Scanner {
    fn next(&mut self, step: SyntaxStep, byte: u8) -> Next {
        let is_space = matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        match step {
            SyntaxStep::Value | SyntaxStep::ValueOrEnd | SyntaxStep::Key | SyntaxStep::KeyOrEnd
                if is_space =>
            {
                Ok(step)
            }
            SyntaxStep::ValueOrEnd if byte == b']' => self.end(byte),
            SyntaxStep::Value | SyntaxStep::ValueOrEnd => self.value(byte),
            SyntaxStep::KeyOrEnd if byte == b'}' => {
                self.open.pop();
                Ok(SyntaxStep::End)
            }
            SyntaxStep::Key | SyntaxStep::KeyOrEnd if byte == b'"' => Ok(SyntaxStep::Text),
            SyntaxStep::Key | SyntaxStep::KeyOrEnd => {
                Err("looking for beginning of object key string".to_owned())
            }
            SyntaxStep::End => self.end(byte),
            SyntaxStep::Text | SyntaxStep::Escape | SyntaxStep::Hex(_) => text(step, byte),
            SyntaxStep::Word(word, at) if word.as_bytes().get(at) == Some(&byte) => {
                Ok(if at + 1 == word.len() {
                    SyntaxStep::End
                } else {
                    SyntaxStep::Word(word, at + 1)
                })
            }
            SyntaxStep::Word(word, at) => Err(format!(
                "in literal {word} (expecting {})",
                quoted(word.as_bytes()[at])
            )),
            _ => number(step, byte).unwrap_or_else(|| self.end(byte)),
        }
    }

    fn value(&mut self, byte: u8) -> Next {
        Ok(match byte {
            b'{' => {
                self.open.push(Open::ObjectKey);
                SyntaxStep::KeyOrEnd
            }
            b'[' => {
                self.open.push(Open::Array);
                SyntaxStep::ValueOrEnd
            }
            b'"' => SyntaxStep::Text,
            b'-' => SyntaxStep::Sign,
            b'0' => SyntaxStep::Zero,
            b'1'..=b'9' => SyntaxStep::Digits,
            b't' => SyntaxStep::Word("true", 1),
            b'f' => SyntaxStep::Word("false", 1),
            b'n' => SyntaxStep::Word("null", 1),
            _ => return Err("looking for beginning of value".to_owned()),
        })
    }

    /// After a value, or a key.
    fn end(&mut self, byte: u8) -> Next {
        if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            return Ok(SyntaxStep::End);
        }
        let context = match (self.open.last_mut(), byte) {
            (Some(open @ Open::ObjectKey), b':') => {
                *open = Open::ObjectValue;
                return Ok(SyntaxStep::Value);
            }
            (Some(open @ Open::ObjectValue), b',') => {
                *open = Open::ObjectKey;
                return Ok(SyntaxStep::Key);
            }
            (Some(Open::Array), b',') => return Ok(SyntaxStep::Value),
            (Some(Open::ObjectValue), b'}') | (Some(Open::Array), b']') => {
                self.open.pop();
                return Ok(SyntaxStep::End);
            }
            (Some(Open::ObjectKey), _) => "after object key",
            (Some(Open::ObjectValue), _) => "after object key:value pair",
            (Some(Open::Array), _) => "after array element",
            (None, _) => "after top-level value",
        };
        Err(context.to_owned())
    }
}

fn text(step: SyntaxStep, byte: u8) -> Next {
    match (step, byte) {
        (SyntaxStep::Text, b'"') => Ok(SyntaxStep::End),
        (SyntaxStep::Text, b'\\') => Ok(SyntaxStep::Escape),
        (SyntaxStep::Text, ..0x20) => Err("in string literal".to_owned()),
        (SyntaxStep::Escape, b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"') => {
            Ok(SyntaxStep::Text)
        }
        (SyntaxStep::Escape, b'u') => Ok(SyntaxStep::Hex(0)),
        (SyntaxStep::Escape, _) => Err("in string escape code".to_owned()),
        (SyntaxStep::Hex(_), byte) if !byte.is_ascii_hexdigit() => {
            Err("in \\u hexadecimal character escape".to_owned())
        }
        (SyntaxStep::Hex(at), _) if at < 3 => Ok(SyntaxStep::Hex(at + 1)),
        _ => Ok(SyntaxStep::Text),
    }
}

/// Returns nothing if the number ends before the byte.
fn number(step: SyntaxStep, byte: u8) -> Option<Next> {
    Some(Ok(match (step, byte) {
        (SyntaxStep::Sign, b'0') => SyntaxStep::Zero,
        (SyntaxStep::Sign, b'1'..=b'9') | (SyntaxStep::Digits, b'0'..=b'9') => SyntaxStep::Digits,
        (SyntaxStep::Sign, _) => return Some(Err("in numeric literal".to_owned())),
        (SyntaxStep::Zero | SyntaxStep::Digits, b'.') => SyntaxStep::Point,
        (SyntaxStep::Zero | SyntaxStep::Digits | SyntaxStep::Fraction, b'e' | b'E') => {
            SyntaxStep::ExponentStart
        }
        (SyntaxStep::Point | SyntaxStep::Fraction, b'0'..=b'9') => SyntaxStep::Fraction,
        (SyntaxStep::Point, _) => {
            return Some(Err("after decimal point in numeric literal".to_owned()));
        }
        (SyntaxStep::ExponentStart, b'+' | b'-') => SyntaxStep::ExponentSign,
        (
            SyntaxStep::ExponentStart | SyntaxStep::ExponentSign | SyntaxStep::Exponent,
            b'0'..=b'9',
        ) => SyntaxStep::Exponent,
        (SyntaxStep::ExponentStart | SyntaxStep::ExponentSign, _) => {
            return Some(Err("in exponent of numeric literal".to_owned()));
        }
        _ => return None,
    }))
}

/// A byte as Go shows it.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => "'\\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        b'\\' => "'\\\\'".to_owned(),
        0x07 => "'\\a'".to_owned(),
        0x08 => "'\\b'".to_owned(),
        0x0b => "'\\v'".to_owned(),
        0x0c => "'\\f'".to_owned(),
        b'\n' | b'\r' | b'\t' => format!("'{}'", byte.escape_ascii()),
        0x20..0x7f | 0xa1..=0xac | 0xae.. => format!("'{}'", char::from(byte)),
        0x7f.. => format!("'\\u{byte:04x}'").replace("u007f", "x7f"),
        _ => format!("'\\x{byte:02x}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_in_gos_words() {
        for (text, message) in [
            (
                "{bad json",
                "invalid character 'b' looking for beginning of object key string",
            ),
            ("", "unexpected end of JSON input"),
            (
                "notjson",
                "invalid character 'o' in literal null (expecting 'u')",
            ),
            (
                "{\"a\":1,}",
                "invalid character '}' looking for beginning of object key string",
            ),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            (
                "{\"a\":1 \"b\"}",
                "invalid character '\"' after object key:value pair",
            ),
            ("[1 2]", "invalid character '2' after array element"),
            (
                "[1,]",
                "invalid character ']' looking for beginning of value",
            ),
            ("{} x", "invalid character 'x' after top-level value"),
            ("01", "invalid character '1' after top-level value"),
            ("-a", "invalid character 'a' in numeric literal"),
            (
                "1.a",
                "invalid character 'a' after decimal point in numeric literal",
            ),
            (
                "1ea",
                "invalid character 'a' in exponent of numeric literal",
            ),
            ("\"\\x\"", "invalid character 'x' in string escape code"),
            (
                "\"\\u12g4\"",
                "invalid character 'g' in \\u hexadecimal character escape",
            ),
            ("\"a\nb\"", "invalid character '\\n' in string literal"),
            (
                "\u{e9}",
                "invalid character '\u{c3}' looking for beginning of value",
            ),
            ("\"a", "unexpected end of JSON input"),
        ] {
            assert_eq!(
                syntax_error(text.as_bytes()).as_deref(),
                Some(message),
                "{text}"
            );
        }
    }

    #[test]
    fn json_has_no_fault() {
        for text in [
            "{}",
            " [1, -0.5e+3, \"\\u00e9\\n\", true, null, {\"a\": {}}] ",
            "0",
            "12",
            "1.5",
        ] {
            assert_eq!(syntax_error(text.as_bytes()), None, "{text}");
        }
    }
}
