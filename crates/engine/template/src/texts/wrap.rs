//! Long texts: wrapped into lines, or abbreviated. Columns are bytes.

use crate::context::Context;
use crate::error::TemplateError;
use crate::function::TemplateFunction;
use crate::functions::args::{FunctionResult, int, part, text};
use crate::go::output::Output;
use crate::value::GoString;

/// The functions of this file.
pub(crate) const TABLE: &[TemplateFunction] = &[
    TemplateFunction::new("wrap", "func(int, string) string", |context, args| {
        wrapped(context, int(args, 0), text(args, 1), b"\n", false)
    }),
    TemplateFunction::new(
        "wrapWith",
        "func(int, string, string) string",
        |context, args| {
            let mark: &[u8] = match &**text(args, 1) {
                b"" => b"\n",
                mark => mark,
            };
            wrapped(context, int(args, 0), text(args, 2), mark, true)
        },
    ),
    TemplateFunction::new("abbrev", "func(int, string) string", |context, args| {
        let (width, whole) = (int(args, 0), text(args, 1));
        if width < 4 {
            return part(context, whole, whole);
        }
        abbreviated(context, whole, 0, width)
    }),
    TemplateFunction::new(
        "abbrevboth",
        "func(int, int, string) string",
        |context, args| {
            let (left, right, whole) = (int(args, 0), int(args, 1), text(args, 2));
            if right < 4 || left > 0 && right < 7 {
                return part(context, whole, whole);
            }
            abbreviated(context, whole, left, right)
        },
    ),
];

/// Breaks a text at spaces so that lines have at most `width` bytes; longer words are cut or stick
/// out.
fn wrapped(
    context: &Context<'_>,
    width: i64,
    whole: &[u8],
    mark: &[u8],
    cuts_words: bool,
) -> FunctionResult {
    let width = usize::try_from(width.max(1)).unwrap_or(usize::MAX);
    let mut out = Output::new(context);
    let mut rest = whole;
    while rest.len() > width {
        if let Some(behind) = rest.strip_prefix(b" ") {
            rest = behind;
            continue;
        }
        context.steps(1)?;

        let (line, behind) = line(rest, width, cuts_words);
        out.push(line)?;
        let Some(behind) = behind else {
            return Ok(out.into_value());
        };
        out.push(mark)?;
        rest = behind;
    }
    out.push(rest)?;
    Ok(out.into_value())
}

/// Returns the first line of a text longer than `width`, and what follows its break.
fn line(text: &[u8], width: usize, cuts_words: bool) -> (&[u8], Option<&[u8]>) {
    let (head, tail) = text.split_at_checked(width).unwrap_or((text, &[]));
    let window = text.get(..=width).unwrap_or(text);
    if let Some(space) = window.iter().rposition(|byte| *byte == b' ') {
        return (text.get(..space).unwrap_or_default(), text.get(space + 1..));
    }
    if cuts_words {
        return (head, Some(tail));
    }
    match memchr::memchr(b' ', tail) {
        Some(space) => (
            text.get(..width + space).unwrap_or_default(),
            tail.get(space + 1..),
        ),
        None => (text, None),
    }
}

const DOTS: &[u8] = b"...";

/// Shortens a text to `width` bytes, with dots for what is left out at either end.
fn abbreviated(context: &Context<'_>, whole: &GoString, left: i64, width: i64) -> FunctionResult {
    let length = whole.len() as i64;
    if length <= width {
        return part(context, whole, whole);
    }
    let mut left = left.min(length);
    if length - left < width - 3 {
        left = length - (width - 3);
    }

    let mut out = Output::new(context);
    if left <= 4 {
        out.push(slice(whole, 0, width - 3)?)?;
        out.push(DOTS)?;
        return Ok(out.into_value());
    }
    out.push(DOTS)?;
    if left + width - 3 < length {
        // What is left of the width belongs to the text after `left`, with dots at its end.
        let rest = slice(whole, left, length)?;
        if width - 3 >= 4 {
            out.push(slice(rest, 0, width - 6)?)?;
            out.push(DOTS)?;
        }
    } else {
        out.push(slice(whole, length - (width - 3), length)?)?;
    }
    Ok(out.into_value())
}

fn slice(text: &[u8], start: i64, end: i64) -> Result<&[u8], TemplateError> {
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    range
        .and_then(|(start, end)| text.get(start..end))
        .ok_or_else(|| {
            TemplateError::new(format!(
                "runtime error: slice bounds out of range [{start}:{end}]"
            ))
        })
}
