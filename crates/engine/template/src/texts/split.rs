//! Texts in pieces.

use crate::context::Context;
use crate::error::TemplateError;
use crate::function::TemplateFunction;
use crate::functions::args::{int, text};
use crate::go::runes;
use crate::value::{GoString, GoType, List, Map, Value};

/// The functions of this file.
pub(crate) const TABLE: &[TemplateFunction] = &[
    TemplateFunction::new(
        "split",
        "func(string, string) map[string]string",
        |context, args| {
            let pieces = pieces(context, text(args, 1), text(args, 0), usize::MAX)?;
            Ok(numbered(&pieces))
        },
    ),
    TemplateFunction::new(
        "splitn",
        "func(string, int, string) map[string]string",
        |context, args| {
            // A negative number is no limit.
            let most = usize::try_from(int(args, 1)).unwrap_or(usize::MAX);
            let pieces = pieces(context, text(args, 2), text(args, 0), most)?;
            Ok(numbered(&pieces))
        },
    ),
    TemplateFunction::new(
        "splitList",
        "func(string, string) []string",
        |context, args| {
            let pieces = pieces(context, text(args, 1), text(args, 0), usize::MAX)?;
            let items = pieces.into_iter().map(Value::text).collect();
            Ok(List::typed(GoType::String, items).into())
        },
    ),
];

/// Cuts a text at a separator into at most `most` pieces; the last one is what is left. An empty
/// separator cuts after every rune.
fn pieces<'t>(
    context: &Context<'_>,
    whole: &'t [u8],
    separator: &[u8],
    most: usize,
) -> Result<Vec<&'t [u8]>, TemplateError> {
    context.steps(1 + whole.len() / 64)?;
    if most == 0 {
        return Ok(Vec::new());
    }
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut add = |piece: &'t [u8]| {
        context.nodes(1)?;
        context.bytes(piece.len())?;
        pieces.push(piece);
        Ok::<usize, TemplateError>(pieces.len())
    };

    if separator.is_empty() {
        let mut count = 0;
        for (at, _) in runes::runes(whole).skip(1) {
            if count + 1 >= most {
                break;
            }
            count = add(whole.get(start..at).unwrap_or_default())?;
            start = at;
        }
        if !whole.is_empty() {
            add(whole.get(start..).unwrap_or_default())?;
        }
        return Ok(pieces);
    }

    for at in memchr::memmem::find_iter(whole, separator).take(most - 1) {
        add(whole.get(start..at).unwrap_or_default())?;
        start = at + separator.len();
    }
    add(whole.get(start..).unwrap_or_default())?;
    Ok(pieces)
}

/// Returns pieces as a map with the keys `_0`, `_1` and so on.
fn numbered(pieces: &[&[u8]]) -> Value {
    let entries = pieces.iter().enumerate();
    let entries =
        entries.map(|(at, piece)| (GoString::from(format!("_{at}")), Value::text(*piece)));
    Map::typed(GoType::String, entries.collect()).into()
}
