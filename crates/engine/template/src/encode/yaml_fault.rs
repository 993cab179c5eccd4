//! Faults of YAML in the words of the Go library, because templates can show them.
//!
//! The library counts lines from 0 and leaves the first one out; what the scanner finds is one
//! line further.

use lode_yaml::{Cause, Error, Syntax};

/// Returns what the Go library says.
pub(crate) fn message(error: &Error) -> String {
    let (text, by_scanner): (String, bool) = match &error.cause {
        Cause::Syntax(syntax) => {
            let (text, by_scanner) = syntax_message(*syntax);
            (text.to_owned(), by_scanner)
        }
        Cause::UnknownAlias(name) => return format!("yaml: unknown anchor '{name}' referenced"),
        Cause::BadMerge => {
            return "yaml: map merge requires map or sequence of maps as the value".into();
        }
        Cause::NotFinite => return "json: unsupported value: NaN".into(),
        Cause::AliasBomb => return "yaml: document contains excessive aliasing".into(),
        other => (other.to_string(), true),
    };
    let index = error.line.saturating_sub(1);
    match (index, by_scanner) {
        (0, _) => format!("yaml: {text}"),
        (index, true) => format!("yaml: line {}: {text}", index + 1),
        (index, false) => format!("yaml: line {index}: {text}"),
    }
}

/// Returns the message, and whether it comes from the scanner.
fn syntax_message(syntax: Syntax) -> (&'static str, bool) {
    match syntax {
        Syntax::KeyExpected => ("did not find expected key", false),
        Syntax::EntryExpected => ("did not find expected '-' indicator", false),
        Syntax::FlowMappingEnd => ("did not find expected ',' or '}'", false),
        Syntax::FlowSequenceEnd => ("did not find expected ',' or ']'", false),
        Syntax::ValueExpected => ("did not find expected node content", false),
        Syntax::DocumentStart => ("did not find expected <document start>", false),
        Syntax::UndefinedHandle => ("found undefined tag handle", false),
        Syntax::Version => ("found incompatible YAML document", false),
        syntax => (scanner_message(syntax), true),
    }
}

fn scanner_message(syntax: Syntax) -> &'static str {
    match syntax {
        Syntax::NotUtf8 => "invalid leading UTF-8 octet",
        Syntax::ControlCharacter => "control characters are not allowed",
        Syntax::ColonExpected => "could not find expected ':'",
        Syntax::ColonNotAllowed => "mapping values are not allowed in this context",
        Syntax::QuestionNotAllowed => "mapping keys are not allowed in this context",
        Syntax::EntryNotAllowed => "block sequence entries are not allowed in this context",
        Syntax::EndInQuotes => "found unexpected end of stream",
        Syntax::DocumentInQuotes => "found unexpected document indicator",
        Syntax::UnknownEscape => "found unknown escape character",
        Syntax::BadEscape => "found invalid Unicode character escape code",
        Syntax::BadTag => "did not find expected whitespace or line break",
        Syntax::BadIndentation => "found an indentation indicator equal to 0",
        Syntax::LineEndExpected => "did not find expected comment or line break",
        Syntax::BadAnchor => "did not find expected alphabetic or numeric character",
        Syntax::BadDirective => "found unknown directive name",
        _ => "found character that cannot start any token",
    }
}

#[cfg(test)]
mod tests {
    use lode_yaml::{Dialect, parse};

    use super::*;

    #[test]
    fn faults_are_told_as_by_the_library() {
        for (text, want) in [
            (
                "a: b: c",
                "yaml: mapping values are not allowed in this context",
            ),
            (
                "a:\n\t- b",
                "yaml: line 2: found character that cannot start any token",
            ),
            ("a: *x", "yaml: unknown anchor 'x' referenced"),
            (
                "- a\nb: c",
                "yaml: line 1: did not find expected '-' indicator",
            ),
            (
                "a: b\n c: d\n",
                "yaml: line 2: mapping values are not allowed in this context",
            ),
            ("%x", "yaml: found unknown directive name"),
        ] {
            let error = parse(text.as_bytes(), Dialect::V2).unwrap_err();
            assert_eq!(message(&error), want, "{text}");
        }
    }
}
