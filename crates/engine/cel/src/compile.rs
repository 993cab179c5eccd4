//! [`Expr::compile`]: compiles a text into an expression whose shape is within bounds.
//!
//! The parser recurses once per nesting level, with large frames, so it runs on a thread with its
//! own stack, and the text is bounded before. The result is shallow enough for any caller's stack.

use std::{panic, thread};

use kube_cel::cel::{ParseError, ParseErrors, common::ast::IdedExpr, parser::Parser};

use crate::error::Error;
use crate::{cost::ExprShape, rewrite::rewrite};

/// Limits of an expression and its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text.
    pub text_bytes: usize,
    /// Nesting levels; `a.b.c` and `a + b + c` have two each.
    pub depth: usize,
    /// Values in the input, including every entry of maps and lists.
    pub input_values: usize,
    /// Steps of an evaluation, estimated from the largest list and the nesting of macros.
    pub steps: u64,
    /// Bytes that an evaluation may build, estimated from the input and what is built from it.
    pub built_bytes: u64,
    /// Bytes that an evaluation may copy, estimated from the input and what loops refer to.
    pub copied_bytes: u64,
}

/// A compiled expression.
#[derive(Debug)]
pub struct Expr {
    pub(crate) ast: IdedExpr,
    pub(crate) shape: ExprShape,
    pub(crate) limits: Limits,
    pub(crate) text_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            text_bytes: 16 << 10,
            depth: 48,
            input_values: 200_000,
            steps: 2_000_000,
            built_bytes: 64 << 20,
            copied_bytes: 256 << 20,
        }
    }
}

impl Expr {
    /// Compiles an expression.
    ///
    /// # Errors
    /// It is not an expression, or exceeds a bound.
    pub fn compile(text: &str, limits: Limits) -> Result<Self, Error> {
        if text.len() > limits.text_bytes {
            return Err(Error::TooLong {
                bytes: text.len(),
                max: limits.text_bytes,
            });
        }
        if text.trim().is_empty() {
            return Err(Error::Syntax {
                line: 1,
                column: 1,
                what: "nothing here".to_owned(),
            });
        }
        let count = |byte: u8| text.bytes().filter(|found| *found == byte).count();
        if text.bytes().filter(u8::is_ascii_punctuation).count() > PUNCTUATION_MAX
            || count(b'?') > CONDITIONALS_MAX
        {
            return Err(Error::TooDeep);
        }
        on_own_stack(|| read(text, limits)).unwrap_or(Err(Error::Parser))
    }
}

/// Parses and measures; an expression that exceeds a bound is dropped here too, because dropping is
/// recursive as well.
fn read(text: &str, limits: Limits) -> Result<Expr, Error> {
    let parser = Parser::new().enable_optional_syntax(true);
    let mut ast = parser.parse(text).map_err(|errors| syntax(text, &errors))?;
    rewrite(&mut ast);
    let shape = ExprShape::of(&ast)?;
    if shape.depth > limits.depth {
        return Err(Error::TooDeep);
    }
    Ok(Expr {
        ast,
        shape,
        limits,
        text_bytes: text.len(),
    })
}

/// Returns a syntax error at the position where the parser failed, with a text that does not depend
/// on the parser.
fn syntax(text: &str, errors: &ParseErrors) -> Error {
    let Some(ParseError { pos, msg, .. }) = errors.errors.iter().min_by_key(|error| error.pos)
    else {
        return Error::Parser;
    };
    if msg.contains("ecursion") {
        return Error::TooDeep;
    }
    let (line, column) = (
        usize::try_from(pos.0).unwrap_or(1).max(1),
        usize::try_from(pos.1).unwrap_or(1).max(1),
    );
    let rest: String = text
        .lines()
        .nth(line - 1)
        .unwrap_or_default()
        .chars()
        .skip(column - 1)
        .collect();
    let word: String = rest
        .chars()
        .take_while(|c| c.is_alphanumeric() || matches!(c, '_'))
        .take(SHOWN_CHARS)
        .collect();
    let what = match (word.is_empty(), rest.chars().next()) {
        (false, _) => format!("\"{word}\" is not expected here"),
        (true, Some(character)) => format!("\"{character}\" is not expected here"),
        (true, None) => "the expression ends too early".to_owned(),
    };
    Error::Syntax { line, column, what }
}

/// Runs on a thread whose stack is sufficient for the deepest accepted text; `None` if that fails.
fn on_own_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new()
            .name("cel".to_owned())
            .stack_size(STACK_BYTES);
        let thread =
            thread.spawn_scoped(scope, || panic::catch_unwind(panic::AssertUnwindSafe(work)));
        thread.ok()?.join().ok()?.ok()
    })
}

/// Every nesting level and every link of a chain needs a punctuation character.
const PUNCTUATION_MAX: usize = 2000;
/// The parser fails at 96 nesting levels; nested conditionals reach that in another way.
const CONDITIONALS_MAX: usize = 32;
/// Stack for the deepest text in a debug build (measured: 180 KiB per bracket, 40 KiB per link).
/// Untouched pages cost nothing.
const STACK_BYTES: usize = 128 << 20;
const SHOWN_CHARS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> Error {
        Expr::compile(text, Limits::default()).expect_err(text)
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, said) in [
            (
                "data.state ==",
                "line 1, column 14: the expression ends too early",
            ),
            ("a b", "line 1, column 3: \"b\" is not expected here"),
            (
                "a &&\n  ) b",
                "line 2, column 3: \")\" is not expected here",
            ),
            ("", "line 1, column 1: nothing here"),
            ("Pod{a: 1}", "the literal \"Pod{…}\" is not supported"),
        ] {
            assert_eq!(error(text).to_string(), said, "{text}");
        }
    }

    #[test]
    fn malformed_text_is_an_error() {
        for text in [
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            "a.",
            ".",
            "a[",
            "a ? b",
            "a ? : b",
            "'open",
            "\"open",
            "'''open",
            "1..2",
            "a,b",
            "a.all(",
            "a.all(1, true)",
            "has(a)",
            "has(",
            "@",
            "#",
            "$x",
            "a =",
            "=",
            "&&",
            "! ",
            "- ",
            "\\",
            "'\\x'",
            "b'\\u00e9'",
            "'\\uD800'",
            "99999999999999999999",
            "1e",
            "0x",
            "a.map(x.y, x)",
            "\u{0}",
            "\u{feff}",
            "é",
            "in",
            "{1:}",
            "{a}",
            "[1,,2]",
            "a??b",
            "true ? 1",
            "/* */",
            "// only",
            "1 +",
            "18446744073709551616u",
        ] {
            let refused = Expr::compile(text, Limits::default());
            assert!(refused.is_err(), "{text:?}: {refused:?}");
        }
    }

    #[test]
    fn depth_is_bounded_whatever_makes_it() {
        let many = |part: &str, count: usize| part.repeat(count);
        for count in [12, 24, 40, 60, 300, 3000] {
            for text in [
                format!("{}1{}", many("(", count), many(")", count)),
                format!("{}1{}", many("[", count), many("]", count)),
                format!("{}{{}}{}", many("{1:", count), many("}", count)),
                format!("1{}", many("+1", count)),
                format!("a{}", many(".b", count)),
                format!("a{}", many("[0]", count)),
                format!("'a'{}", many(".size()", count)),
                format!("{}true{}", many("[1].all(x,", count), many(")", count)),
                format!("{}1", many("true?1:", count)),
                format!("{}1{}", many("size(", count), many(")", count)),
                format!("{}'a'", many("'a' in ", count)),
            ] {
                let found = Expr::compile(&text, Limits::default());
                match found {
                    // Whatever the result: this thread's stack must suffice.
                    Ok(expr) => drop(expr.eval(&[("a", &serde_json::json!({"b": 1}))])),
                    Err(Error::TooDeep | Error::TooLong { .. }) => {}
                    Err(other) => panic!("{count} {}: {other}", &text[..20]),
                }
            }
        }
        assert_eq!(
            error(&many("a", 20_000)),
            Error::TooLong {
                bytes: 20_000,
                max: 16 << 10
            }
        );
    }
}
