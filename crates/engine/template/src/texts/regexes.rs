//! Regular expressions.

use crate::context::Context;
use crate::function::TemplateFunction;
use crate::functions::args::{FunctionResult, int, text, written};
use crate::go::pattern::quote_meta;
use crate::go::regexp::{Regexp, Replacement, must_compile};
use crate::value::{GoType, List, Value};

/// The functions of this file.
pub(crate) const TABLE: &[TemplateFunction] = &[
    TemplateFunction::new(
        "regexMatch",
        "func(string, string) bool",
        |context, args| match Regexp::compile(context, text(args, 0)) {
            Ok(regexp) => Ok(regexp.is_match(context, text(args, 1))?.into()),
            Err(error) if error.is_bound() => Err(error),
            Err(_) => Ok(false.into()),
        },
    ),
    TemplateFunction::new(
        "mustRegexMatch",
        "func(string, string) (bool, error)",
        |context, args| {
            let regexp = Regexp::compile(context, text(args, 0))?;
            Ok(regexp.is_match(context, text(args, 1))?.into())
        },
    ),
    TemplateFunction::new(
        "regexFind",
        "func(string, string) string",
        |context, args| {
            let regexp = must_compile(context, text(args, 0))?;
            find(context, &regexp, args)
        },
    ),
    TemplateFunction::new(
        "mustRegexFind",
        "func(string, string) (string, error)",
        |context, args| {
            let regexp = Regexp::compile(context, text(args, 0))?;
            find(context, &regexp, args)
        },
    ),
    TemplateFunction::new(
        "regexFindAll",
        "func(string, string, int) []string",
        |context, args| {
            let regexp = must_compile(context, text(args, 0))?;
            find_all(context, &regexp, args)
        },
    ),
    TemplateFunction::new(
        "mustRegexFindAll",
        "func(string, string, int) ([]string, error)",
        |context, args| {
            let regexp = Regexp::compile(context, text(args, 0))?;
            find_all(context, &regexp, args)
        },
    ),
    TemplateFunction::new(
        "regexReplaceAll",
        "func(string, string, string) string",
        |context, args| {
            let regexp = must_compile(context, text(args, 0))?;
            replace(context, &regexp, args, Replacement::Template(text(args, 2)))
        },
    ),
    TemplateFunction::new(
        "mustRegexReplaceAll",
        "func(string, string, string) (string, error)",
        |context, args| {
            let regexp = Regexp::compile(context, text(args, 0))?;
            replace(context, &regexp, args, Replacement::Template(text(args, 2)))
        },
    ),
    TemplateFunction::new(
        "regexReplaceAllLiteral",
        "func(string, string, string) string",
        |context, args| {
            let regexp = must_compile(context, text(args, 0))?;
            replace(context, &regexp, args, Replacement::Literal(text(args, 2)))
        },
    ),
    TemplateFunction::new(
        "mustRegexReplaceAllLiteral",
        "func(string, string, string) (string, error)",
        |context, args| {
            let regexp = Regexp::compile(context, text(args, 0))?;
            replace(context, &regexp, args, Replacement::Literal(text(args, 2)))
        },
    ),
    TemplateFunction::new(
        "regexSplit",
        "func(string, string, int) []string",
        |context, args| {
            let regexp = must_compile(context, text(args, 0))?;
            split(context, &regexp, args)
        },
    ),
    TemplateFunction::new(
        "mustRegexSplit",
        "func(string, string, int) ([]string, error)",
        |context, args| {
            let regexp = Regexp::compile(context, text(args, 0))?;
            split(context, &regexp, args)
        },
    ),
    TemplateFunction::new("regexQuoteMeta", "func(string) string", |context, args| {
        written(context, &quote_meta(text(args, 0)))
    }),
];

fn find(context: &Context<'_>, regexp: &Regexp, args: &[Value]) -> FunctionResult {
    let found = regexp.find(context, text(args, 1))?;
    written(context, found.unwrap_or_default())
}

/// Returns a number of matches as a limit: a negative one is none.
fn limit(args: &[Value]) -> usize {
    usize::try_from(int(args, 2)).unwrap_or(usize::MAX)
}

fn find_all(context: &Context<'_>, regexp: &Regexp, args: &[Value]) -> FunctionResult {
    let whole = text(args, 1);
    let found = regexp.find_all(context, whole, limit(args))?;
    if found.is_empty() {
        return Ok(List::nil(GoType::String).into());
    }
    let mut items = Vec::with_capacity(found.len());
    for (start, end) in found {
        items.push(written(context, whole.get(start..end).unwrap_or_default())?);
    }
    Ok(List::typed(GoType::String, items).into())
}

fn replace(
    context: &Context<'_>,
    regexp: &Regexp,
    args: &[Value],
    replacement: Replacement<'_>,
) -> FunctionResult {
    Ok(Value::text(regexp.replace_all(
        context,
        text(args, 1),
        replacement,
    )?))
}

/// Returns what is between the matches, in at most so many pieces.
fn split(context: &Context<'_>, regexp: &Regexp, args: &[Value]) -> FunctionResult {
    let (whole, most) = (text(args, 1), limit(args));
    if most == 0 {
        return Ok(List::nil(GoType::String).into());
    }
    if !text(args, 0).is_empty() && whole.is_empty() {
        return Ok(Value::strings([""]));
    }

    let (mut pieces, mut start, mut end) = (Vec::new(), 0, 0);
    for (from, to) in regexp.find_all(context, whole, most)? {
        if pieces.len() + 1 == most {
            break;
        }
        end = from;
        // An empty match at the start separates nothing.
        if to != 0 {
            pieces.push(written(context, whole.get(start..end).unwrap_or_default())?);
        }
        start = to;
    }
    if end != whole.len() {
        pieces.push(written(context, whole.get(start..).unwrap_or_default())?);
    }
    Ok(List::typed(GoType::String, pieces).into())
}
