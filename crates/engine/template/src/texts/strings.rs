//! Texts: parts of them, and what is put around them.

use std::rc::Rc;

use crate::context::Context;
use crate::error::TemplateError;
use crate::function::TemplateFunction;
use crate::functions::args::{FunctionResult, int, part, text, written};
use crate::go::output::Output;
use crate::go::runes;
use crate::value::{GoString, Value};

/// The functions of this file.
pub(crate) const TABLE: &[TemplateFunction] = &[
    TemplateFunction::new("hello", "func() string", |_, _| Ok("Hello!".into())),
    TemplateFunction::new("trunc", "func(int, string) string", trunc),
    TemplateFunction::new("substr", "func(int, int, string) string", substr),
    TemplateFunction::new("trim", "func(string) string", trim),
    TemplateFunction::new("trimAll", "func(string, string) string", trim_all),
    TemplateFunction::new("trimall", "func(string, string) string", trim_all),
    TemplateFunction::new("trimPrefix", "func(string, string) string", trim_prefix),
    TemplateFunction::new("trimSuffix", "func(string, string) string", trim_suffix),
    TemplateFunction::new("upper", "func(string) string", upper),
    TemplateFunction::new("lower", "func(string) string", lower),
    TemplateFunction::new("repeat", "func(int, string) string", repeat),
    TemplateFunction::new("replace", "func(string, string, string) string", replace),
    TemplateFunction::new("indent", "func(int, string) string", indent),
    TemplateFunction::new("nindent", "func(int, string) string", nindent),
    TemplateFunction::new("nospace", "func(string) string", nospace),
    TemplateFunction::new("contains", "func(string, string) bool", contains),
    TemplateFunction::new("hasPrefix", "func(string, string) bool", |_, args| {
        Ok(text(args, 1).starts_with(text(args, 0)).into())
    }),
    TemplateFunction::new("hasSuffix", "func(string, string) bool", |_, args| {
        Ok(text(args, 1).ends_with(text(args, 0)).into())
    }),
    TemplateFunction::new("plural", "func(string, string, int) string", |_, args| {
        let at = usize::from(int(args, 2) != 1);
        Ok(Value::String(text(args, at).clone()))
    }),
];

/// Keeps the first bytes, or the last ones if the number is negative.
fn trunc(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let (count, whole) = (int(args, 0), text(args, 1));
    let kept = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let cut = if count < 0 {
        whole.len().checked_sub(kept).and_then(|at| whole.get(at..))
    } else {
        whole.get(..kept)
    };
    part(context, whole, cut.unwrap_or(whole))
}

/// Returns the bytes between two places.
fn substr(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let (start, end, whole) = (int(args, 0), int(args, 1), text(args, 2));
    let length = whole.len();
    let out_of = |range: String| {
        TemplateError::new(format!("runtime error: slice bounds out of range {range}"))
    };
    let at = |place: i64| usize::try_from(place).unwrap_or(usize::MAX);

    let cut = if start < 0 {
        let with = if end < 0 {
            String::new()
        } else {
            format!(" with length {length}")
        };
        let head = usize::try_from(end).ok().and_then(|end| whole.get(..end));
        head.ok_or_else(|| out_of(format!("[:{end}]{with}")))?
    } else if end < 0 || at(end) > length {
        let tail = whole.get(at(start)..);
        tail.ok_or_else(|| out_of(format!("[{start}:{length}]")))?
    } else {
        let middle = whole.get(at(start)..at(end));
        middle.ok_or_else(|| out_of(format!("[{start}:{end}]")))?
    };
    part(context, whole, cut)
}

fn trim(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let whole = text(args, 0);
    part(context, whole, trimmed(whole, runes::is_space))
}

fn trim_all(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let (cutset, whole) = (text(args, 0), text(args, 1));
    context.steps(1 + whole.len() * cutset.len() / 64)?;
    let is_cut = |rune: char| runes::runes(cutset).any(|(_, other)| other == rune);
    part(context, whole, trimmed(whole, is_cut))
}

fn trimmed(whole: &[u8], is_cut: impl Fn(char) -> bool) -> &[u8] {
    let mut rest = whole;
    while let Some((rune, width)) = runes::first(rest)
        && is_cut(rune)
    {
        rest = rest.get(width..).unwrap_or_default();
    }
    while let Some((rune, width)) = runes::last(rest)
        && is_cut(rune)
    {
        rest = rest.get(..rest.len() - width).unwrap_or_default();
    }
    rest
}

fn trim_prefix(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let (prefix, whole) = (text(args, 0), text(args, 1));
    let rest = whole.strip_prefix(prefix.as_bytes());
    part(context, whole, rest.unwrap_or(whole))
}

fn trim_suffix(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let (suffix, whole) = (text(args, 0), text(args, 1));
    let rest = whole.strip_suffix(suffix.as_bytes());
    part(context, whole, rest.unwrap_or(whole))
}

fn upper(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    written(context, &runes::upper(text(args, 0)))
}

fn lower(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    written(context, &runes::lower(text(args, 0)))
}

fn repeat(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let (count, unit) = (int(args, 0), text(args, 1));
    let times = usize::try_from(count).map_err(|_| negative_repeat())?;
    let length = unit
        .len()
        .checked_mul(times)
        .ok_or_else(|| TemplateError::new("strings: Repeat output length overflow"))?;
    context.bytes(length)?;
    Ok(Value::text(unit.repeat(times)))
}

fn negative_repeat() -> TemplateError {
    TemplateError::new("strings: negative Repeat count")
}

/// Replaces every occurrence; an empty text occurs before every rune and at the end.
fn replace(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let (old, new, whole) = (text(args, 0), text(args, 1), text(args, 2));
    context.steps(1 + whole.len() / 64)?;
    let mut out = Output::new(context);
    if old.is_empty() {
        let mut end = 0;
        for (at, _) in runes::runes(whole) {
            out.push(whole.get(end..at).unwrap_or_default())?;
            out.push(new)?;
            end = at;
        }
        out.push(whole.get(end..).unwrap_or_default())?;
        out.push(new)?;
        return Ok(out.into_value());
    }

    let (mut end, mut found_any) = (0, false);
    for at in memchr::memmem::find_iter(whole, old.as_bytes()) {
        out.push(whole.get(end..at).unwrap_or_default())?;
        out.push(new)?;
        end = at + old.len();
        found_any = true;
    }
    if !found_any {
        return Ok(Value::String(whole.clone()));
    }
    out.push(whole.get(end..).unwrap_or_default())?;
    Ok(out.into_value())
}

fn indent(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    indented(context, args, b"")
}

fn nindent(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    indented(context, args, b"\n")
}

/// Writes so many spaces before every line, empty lines included.
fn indented(context: &mut Context<'_>, args: &[Value], before: &[u8]) -> FunctionResult {
    let (count, whole) = (int(args, 0), text(args, 1));
    let width = usize::try_from(count).map_err(|_| negative_repeat())?;
    let lines = 1 + memchr::memchr_iter(b'\n', whole).count();
    let length = width
        .saturating_mul(lines)
        .saturating_add(whole.len() + before.len());
    context.steps(length / 64)?;
    context.bytes(length)?;

    // The spaces are there from the start, so that only lines are copied.
    let mut out: Rc<[u8]> = std::iter::repeat_n(b' ', length).collect();
    let room = Rc::get_mut(&mut out).unwrap_or_default();
    let (mut start, mut room) = (0, put(room, 0, before));
    for end in memchr::memchr_iter(b'\n', whole) {
        let line = whole.get(start..=end).unwrap_or_default();
        room = put(room, width, line);
        start = end + 1;
    }
    put(room, width, whole.get(start..).unwrap_or_default());
    Ok(Value::String(GoString::from(out)))
}

/// Copies bytes to behind a gap, and returns the room after them.
fn put<'r>(room: &'r mut [u8], gap: usize, bytes: &[u8]) -> &'r mut [u8] {
    let (_, room) = room.split_at_mut_checked(gap).unwrap_or_default();
    match room.split_at_mut_checked(bytes.len()) {
        Some((place, rest)) => {
            place.copy_from_slice(bytes);
            rest
        }
        None => &mut [],
    }
}

/// Removes white space. Bytes are looked at one by one, as if the text were Latin-1.
fn nospace(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let whole = text(args, 0);
    let is_kept = |byte: &u8| !runes::is_space(char::from(*byte));
    if whole.iter().all(is_kept) {
        return Ok(Value::String(whole.clone()));
    }
    let kept: String = whole
        .iter()
        .filter(|byte| is_kept(byte))
        .map(|byte| char::from(*byte))
        .collect();
    written(context, kept.as_bytes())
}

fn contains(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let (needle, whole) = (text(args, 0), text(args, 1));
    context.steps(1 + whole.len() / 64)?;
    Ok(memchr::memmem::find(whole, needle).is_some().into())
}
