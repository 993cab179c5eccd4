//! Syntax errors in JSON, in the words of Go's scanner.

/// Returns the syntax error of a text, if Go does not accept it as JSON.
#[must_use]
pub fn syntax_error(text: &[u8]) -> Option<String> {
    let mut scanner = Scanner { open: Vec::new() };
    let mut step = Step::Value;
    for byte in text {
        step = match scanner.next(step, *byte) {
            Ok(step) => step,
            Err(context) => return Some(format!("invalid character {} {context}", quoted(*byte))),
        };
    }
    // A number may end at the end of the text.
    let may_end = matches!(
        step,
        Step::End | Step::Zero | Step::Digits | Step::Fraction | Step::Exponent
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
enum Step {
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

type Next = Result<Step, String>;

impl Scanner {
    fn next(&mut self, step: Step, byte: u8) -> Next {
        let is_space = matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        match step {
            Step::Value | Step::ValueOrEnd | Step::Key | Step::KeyOrEnd if is_space => Ok(step),
            Step::ValueOrEnd if byte == b']' => self.end(byte),
            Step::Value | Step::ValueOrEnd => self.value(byte),
            Step::KeyOrEnd if byte == b'}' => {
                self.open.pop();
                Ok(Step::End)
            }
            Step::Key | Step::KeyOrEnd if byte == b'"' => Ok(Step::Text),
            Step::Key | Step::KeyOrEnd => {
                Err("looking for beginning of object key string".to_owned())
            }
            Step::End => self.end(byte),
            Step::Text | Step::Escape | Step::Hex(_) => text(step, byte),
            Step::Word(word, at) if word.as_bytes().get(at) == Some(&byte) => {
                Ok(if at + 1 == word.len() {
                    Step::End
                } else {
                    Step::Word(word, at + 1)
                })
            }
            Step::Word(word, at) => Err(format!(
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
                Step::KeyOrEnd
            }
            b'[' => {
                self.open.push(Open::Array);
                Step::ValueOrEnd
            }
            b'"' => Step::Text,
            b'-' => Step::Sign,
            b'0' => Step::Zero,
            b'1'..=b'9' => Step::Digits,
            b't' => Step::Word("true", 1),
            b'f' => Step::Word("false", 1),
            b'n' => Step::Word("null", 1),
            _ => return Err("looking for beginning of value".to_owned()),
        })
    }

    /// After a value, or a key.
    fn end(&mut self, byte: u8) -> Next {
        if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            return Ok(Step::End);
        }
        let context = match (self.open.last_mut(), byte) {
            (Some(open @ Open::ObjectKey), b':') => {
                *open = Open::ObjectValue;
                return Ok(Step::Value);
            }
            (Some(open @ Open::ObjectValue), b',') => {
                *open = Open::ObjectKey;
                return Ok(Step::Key);
            }
            (Some(Open::Array), b',') => return Ok(Step::Value),
            (Some(Open::ObjectValue), b'}') | (Some(Open::Array), b']') => {
                self.open.pop();
                return Ok(Step::End);
            }
            (Some(Open::ObjectKey), _) => "after object key",
            (Some(Open::ObjectValue), _) => "after object key:value pair",
            (Some(Open::Array), _) => "after array element",
            (None, _) => "after top-level value",
        };
        Err(context.to_owned())
    }
}

fn text(step: Step, byte: u8) -> Next {
    match (step, byte) {
        (Step::Text, b'"') => Ok(Step::End),
        (Step::Text, b'\\') => Ok(Step::Escape),
        (Step::Text, ..0x20) => Err("in string literal".to_owned()),
        (Step::Escape, b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"') => Ok(Step::Text),
        (Step::Escape, b'u') => Ok(Step::Hex(0)),
        (Step::Escape, _) => Err("in string escape code".to_owned()),
        (Step::Hex(_), byte) if !byte.is_ascii_hexdigit() => {
            Err("in \\u hexadecimal character escape".to_owned())
        }
        (Step::Hex(at), _) if at < 3 => Ok(Step::Hex(at + 1)),
        _ => Ok(Step::Text),
    }
}

/// Returns nothing if the number ends before the byte.
fn number(step: Step, byte: u8) -> Option<Next> {
    Some(Ok(match (step, byte) {
        (Step::Sign, b'0') => Step::Zero,
        (Step::Sign, b'1'..=b'9') | (Step::Digits, b'0'..=b'9') => Step::Digits,
        (Step::Sign, _) => return Some(Err("in numeric literal".to_owned())),
        (Step::Zero | Step::Digits, b'.') => Step::Point,
        (Step::Zero | Step::Digits | Step::Fraction, b'e' | b'E') => Step::ExponentStart,
        (Step::Point | Step::Fraction, b'0'..=b'9') => Step::Fraction,
        (Step::Point, _) => return Some(Err("after decimal point in numeric literal".to_owned())),
        (Step::ExponentStart, b'+' | b'-') => Step::ExponentSign,
        (Step::ExponentStart | Step::ExponentSign | Step::Exponent, b'0'..=b'9') => Step::Exponent,
        (Step::ExponentStart | Step::ExponentSign, _) => {
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
