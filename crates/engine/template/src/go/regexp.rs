//! Searching with Go's regular expressions.
//!
//! A pattern is compiled once and kept for the next call: charts use few patterns many times.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use regex::bytes::{Captures, Match, Regex, RegexBuilder};

use crate::context::Context;
use crate::error::TemplateError;
use crate::go::output::Output;
use crate::go::pattern::{self, RegexPattern};
use crate::go::runes;
use crate::go::runes::quoted;

/// Most bytes of a compiled pattern.
const SIZE_MAX: usize = 2 << 20;
/// Most bytes of the states that a search keeps.
const STATES_MAX: usize = 256 << 10;
/// Most patterns that are kept.
const KEPT_MAX: usize = 64;
/// Heaviest pattern that is kept.
const KEPT_WEIGHT_MAX: u64 = 4096;
/// Bytes that are searched in one step.
const BYTES_PER_STEP: usize = 256;

thread_local! {
    static KEPT: RefCell<HashMap<Box<[u8]>, Rc<Regex>>> = RefCell::new(HashMap::new());
}

/// A compiled pattern.
#[derive(Clone)]
pub(crate) struct Regexp(Rc<Regex>);

impl Regexp {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// Go's message, or the budget is spent.
    pub(crate) fn compile(context: &Context<'_>, text: &[u8]) -> Result<Self, TemplateError> {
        let kept = KEPT.with_borrow(|kept| kept.get(text).cloned());
        if let Some(kept) = kept {
            context.steps(1)?;
            return Ok(Self(kept));
        }

        let wrong = |why: String| TemplateError::new(format!("error parsing regexp: {why}"));
        let pattern = std::str::from_utf8(text).map_err(|error| {
            let rest = text.get(error.valid_up_to()..).unwrap_or_default();
            wrong(format!(
                "invalid UTF-8: `{}`",
                String::from_utf8_lossy(rest)
            ))
        })?;
        let RegexPattern {
            text: translated,
            weight,
        } = pattern::translate(pattern).map_err(wrong)?;
        // Whatever its weight, nothing larger than this is built.
        let cost = weight.min(SIZE_MAX as u64 / 8) as usize;
        context.steps(cost)?;
        context.bytes(cost)?;

        let built = RegexBuilder::new(&translated)
            .size_limit(SIZE_MAX)
            .dfa_size_limit(STATES_MAX)
            .build();
        let built = Rc::new(built.map_err(|error| wrong(refused(&error, pattern)))?);
        if weight <= KEPT_WEIGHT_MAX {
            keep(text, &built);
        }
        Ok(Self(built))
    }

    /// Returns whether there is a match.
    ///
    /// # Errors
    /// The budget is spent.
    pub(crate) fn is_match(
        &self,
        context: &Context<'_>,
        text: &[u8],
    ) -> Result<bool, TemplateError> {
        pay(context, text.len())?;
        Ok(self.0.is_match(text))
    }

    /// Returns the first match.
    ///
    /// # Errors
    /// The budget is spent.
    pub(crate) fn find<'t>(
        &self,
        context: &Context<'_>,
        text: &'t [u8],
    ) -> Result<Option<&'t [u8]>, TemplateError> {
        pay(context, text.len())?;
        Ok(self.0.find(text).map(|found| found.as_bytes()))
    }

    /// Returns where the matches are, at most `limit` of them.
    ///
    /// # Errors
    /// The budget is spent.
    pub(crate) fn find_all(
        &self,
        context: &Context<'_>,
        text: &[u8],
        limit: usize,
    ) -> Result<Vec<(usize, usize)>, TemplateError> {
        let mut found = Vec::new();
        pay(context, text.len())?;
        let whole = self
            .0
            .find_iter(text)
            .filter(|one| is_between_runes(text, one));
        for one in whole.take(limit) {
            found.push((one.start(), one.end()));
            context.nodes(1)?;
            // The next search may look at all that is left.
            pay(context, text.len() - one.end())?;
        }
        Ok(found)
    }

    /// Returns the text with every match replaced.
    ///
    /// # Errors
    /// The budget is spent.
    pub(crate) fn replace_all(
        &self,
        context: &Context<'_>,
        text: &[u8],
        replacement: Replacement<'_>,
    ) -> Result<Vec<u8>, TemplateError> {
        let (mut out, mut end) = (Output::new(context), 0);
        pay(context, text.len())?;

        match replacement {
            Replacement::Literal(literal) => {
                let whole = self.0.find_iter(text);
                for found in whole.filter(|found| is_between_runes(text, found)) {
                    out.push(text.get(end..found.start()).unwrap_or_default())?;
                    out.push(literal)?;
                    end = found.end();
                    pay(context, text.len() - end)?;
                }
            }
            Replacement::Template(template) => {
                for captures in self.0.captures_iter(text) {
                    let found = captures.get(0);
                    let Some(found) = found.filter(|found| is_between_runes(text, found)) else {
                        continue;
                    };
                    out.push(text.get(end..found.start()).unwrap_or_default())?;
                    expand(&mut out, template, &captures)?;
                    end = found.end();
                    pay(context, text.len() - end)?;
                }
            }
        }

        out.push(text.get(end..).unwrap_or_default())?;
        Ok(out.into_bytes())
    }
}

/// Returns whether a match is one for Go, which finds nothing inside of a rune.
fn is_between_runes(text: &[u8], found: &Match<'_>) -> bool {
    let at = found.start();
    let is_inside = |back: usize| {
        let start = at.checked_sub(back).and_then(|start| text.get(start..));
        start
            .and_then(runes::first)
            .is_some_and(|(_, width)| width > back)
    };
    !found.is_empty() || !(1..4).any(is_inside)
}

/// What takes the place of a match.
#[derive(Clone, Copy)]
pub(crate) enum Replacement<'r> {
    /// Exactly this.
    Literal(&'r [u8]),
    /// This, with `$1` and `${name}` replaced by what the groups matched.
    Template(&'r [u8]),
}

/// Returns the failure of Go's `MustCompile`.
pub(crate) fn must_compile(context: &Context<'_>, text: &[u8]) -> Result<Regexp, TemplateError> {
    Regexp::compile(context, text).map_err(|error| {
        if error.is_bound() {
            return error;
        }
        let raw = |text: &str| {
            !text
                .chars()
                .any(|c| c == '`' || c == '\u{feff}' || c.is_control() && c != '\t')
        };
        let shown = match std::str::from_utf8(text) {
            Ok(text) if raw(text) => format!("`{text}`"),
            _ => quoted(text),
        };
        TemplateError::new(format!("regexp: Compile({shown}): {error}"))
    })
}

fn keep(text: &[u8], regex: &Rc<Regex>) {
    KEPT.with_borrow_mut(|kept| {
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(text.into(), Rc::clone(regex));
    });
}

fn refused(error: &regex::Error, pattern: &str) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => format!("expression too large: `{pattern}`"),
        // What the translation lets through is refused for its nesting.
        _ => format!("expression nests too deeply: `{pattern}`"),
    }
}

fn pay(context: &Context<'_>, length: usize) -> Result<(), TemplateError> {
    context.steps(1 + length / BYTES_PER_STEP)
}

/// Appends a replacement with its variables replaced by groups.
fn expand(
    out: &mut Output<'_, '_>,
    template: &[u8],
    captures: &Captures<'_>,
) -> Result<(), TemplateError> {
    let mut rest = template;
    while let Some(dollar) = rest.iter().position(|byte| *byte == b'$') {
        let (head, tail) = rest.split_at(dollar);
        out.push(head)?;
        let behind = tail.get(1..).unwrap_or_default();
        if let Some(after) = behind.strip_prefix(b"$") {
            out.push(b"$")?;
            rest = after;
        } else if let Some((name, after)) = variable(behind) {
            out.push(group(name, captures))?;
            rest = after;
        } else {
            out.push(b"$")?;
            rest = behind;
        }
    }
    out.push(rest)
}

/// Reads the name of a variable after its `$`; returns it with the rest.
fn variable(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (braced, inner) = match text.strip_prefix(b"{") {
        Some(inner) => (true, inner),
        None => (false, text),
    };
    let is_part = |rune: char| rune == '_' || runes::is_letter(rune) || runes::is_digit(rune);
    let end = runes::runes(inner)
        .find(|(_, rune)| !is_part(*rune))
        .map_or(inner.len(), |(at, _)| at);
    let (name, rest) = inner.split_at(end);
    if name.is_empty() {
        return None;
    }
    if braced {
        return rest.strip_prefix(b"}").map(|rest| (name, rest));
    }
    Some((name, rest))
}

/// Returns what a group matched, by its number or name.
fn group<'t>(name: &[u8], captures: &Captures<'t>) -> &'t [u8] {
    let leads_with_zero = name.len() > 1 && name.starts_with(b"0");
    let text = std::str::from_utf8(name).unwrap_or_default();
    let number = text
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse::<usize>().ok())
        .flatten();
    let found = match number {
        Some(number) if !leads_with_zero => captures.get(number),
        _ => captures.name(text),
    };
    found.map_or(&[], |found| found.as_bytes())
}
