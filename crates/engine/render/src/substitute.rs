//! Replacing `${…}` in an object's text (spec A6): the shell-like forms of Flux's fork of envsubst.
//!
//! Braces are required: `$name` stays, `$$` is a plain `$`. A missing variable is empty, or an
//! error in strict mode, except in forms with a default. Line breaks in values are removed. Errors
//! show names, never values. Memory and work are charged in advance, since a few bytes can request
//! gigabytes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use lode_object::meta;
use lode_stdx::budget::{Budget, Exceeded, Meter};
use lode_yaml::Node;

use crate::error::{Error, ObjectCause};
use crate::glob::{Glob, Want};
use crate::plan::Substitution;

/// Deepest nesting of expressions.
const NESTING_MAX: usize = 32;
/// Bytes of a value examined in one step.
const BYTES_PER_STEP: u64 = 64;
/// How many times longer a text may become by changing its letter case.
const CASED_MAX: u64 = 3;

/// Variables as used by expressions.
pub(crate) struct Variables<'v> {
    /// Values without line breaks.
    values: BTreeMap<&'v str, Cow<'v, str>>,
    is_strict: bool,
}

/// Why an expression was not replaced, and its position in the text.
#[derive(Debug, PartialEq)]
pub(crate) struct Problem {
    pub(crate) at: usize,
    pub(crate) cause: ObjectCause,
}

/// Checks that every variable's name can be written in an expression.
pub(crate) fn check_names(substitution: &Substitution) -> Result<(), Error> {
    let is_good = |name: &str| {
        name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic())
            && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
    };
    match substitution.vars.keys().find(|name| !is_good(name)) {
        Some(name) => Err(Error::VariableName(name.clone())),
        None => Ok(()),
    }
}

/// Returns whether an object opts out of substitution.
pub(crate) fn is_disabled(object: &Node) -> bool {
    let says = |field: &str| {
        object
            .at(&["metadata", field, meta::SUBSTITUTE])
            .and_then(Node::text)
            == Some("disabled")
    };
    says("labels") || says("annotations")
}

impl<'v> Variables<'v> {
    /// Removes the line breaks from all values.
    pub(crate) fn new(substitution: &'v Substitution, budget: &Budget) -> Result<Self, Exceeded> {
        let bytes: usize = substitution
            .vars
            .values()
            .filter(|value| value.contains('\n'))
            .map(String::len)
            .sum();
        budget.bytes(bytes as u64)?;
        let without_breaks = |value: &'v String| {
            if value.contains('\n') {
                Cow::Owned(value.replace('\n', ""))
            } else {
                Cow::Borrowed(value.as_str())
            }
        };
        let values = substitution
            .vars
            .iter()
            .map(|(name, value)| (name.as_str(), without_breaks(value)));
        Ok(Self {
            values: values.collect(),
            is_strict: substitution.strict,
        })
    }
}

/// Replaces every expression of a text. With `hides_names`, errors show only names of known
/// variables: text that looks like an expression may be part of a secret.
pub(crate) fn replace(
    text: &str,
    (variables, hides_names): (&Variables<'_>, bool),
    budget: &Budget,
) -> Result<String, Problem> {
    let meter = Meter::new(budget);
    let mut replacer = Replacer {
        text,
        at: 0,
        variables,
        hides_names,
        depth: 0,
        meter: &meter,
    };
    let charged = meter
        .bytes(text.len() as u64)
        .and_then(|()| meter.steps(text.len() as u64 / BYTES_PER_STEP));
    charged.map_err(|exceeded| replacer.problem(0, exceeded))?;

    let mut out = String::with_capacity(text.len());
    while let Some(next) = replacer.rest().find('$') {
        out.push_str(&replacer.rest()[..next]);
        replacer.at += next;
        match replacer.rest().as_bytes() {
            [b'$', b'$', ..] => {
                out.push('$');
                replacer.at += 2;
            }
            [b'$', b'{', ..] => {
                let start = replacer.at;
                let value = replacer.expression()?;
                meter
                    .bytes(value.len() as u64)
                    .map_err(|exceeded| replacer.problem(start, exceeded))?;
                out.push_str(&value);
            }
            _ => {
                out.push('$');
                replacer.at += 1;
            }
        }
    }
    out.push_str(replacer.rest());
    Ok(out)
}

/// A position in the text being read.
struct Replacer<'t> {
    text: &'t str,
    at: usize,
    variables: &'t Variables<'t>,
    hides_names: bool,
    depth: usize,
    meter: &'t Meter<'t>,
}

/// The syntax of a function's argument.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Argument {
    /// Up to the closing brace.
    Whole,
    /// Up to a `:` or the closing brace.
    Number,
    /// Up to a `/` or the closing brace; `\/`, `\\` and `$$` are single characters.
    Part,
}

/// Why the innermost expression was not replaced.
enum Unreplaced {
    Malformed,
    Missing(String),
    Exceeded(Exceeded),
    /// A nested expression failed.
    Inner(Problem),
}

impl<'t> Replacer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn problem(&self, at: usize, stop: impl Into<Unreplaced>) -> Problem {
        let cause = match stop.into() {
            Unreplaced::Inner(problem) => return problem,
            Unreplaced::Malformed => {
                let is_shown =
                    |name: &str| !self.hides_names || self.variables.values.contains_key(name);
                ObjectCause::Expression(shown(&self.text[at..], is_shown))
            }
            Unreplaced::Missing(name) => ObjectCause::VariableMissing(name),
            Unreplaced::Exceeded(source) => ObjectCause::Exceeded {
                doing: "replace variables",
                source,
            },
        };
        Problem { at, cause }
    }

    fn close(&mut self) -> Result<(), Unreplaced> {
        if self.eat("}") {
            Ok(())
        } else {
            Err(Unreplaced::Malformed)
        }
    }

    fn expression(&mut self) -> Result<Cow<'t, str>, Problem> {
        let start = self.at;
        self.within().map_err(|stop| self.problem(start, stop))
    }

    fn within(&mut self) -> Result<Cow<'t, str>, Unreplaced> {
        self.at += 2;
        self.depth += 1;
        self.meter.steps(1)?;
        if self.depth > NESTING_MAX {
            return Err(Unreplaced::Malformed);
        }
        let value = if self.eat("#") {
            let name = self.name()?;
            self.close()?;
            self.value(name)?.len().to_string().into()
        } else {
            let name = self.name()?;
            let value = self.function(name)?;
            self.close()?;
            value
        };
        self.depth -= 1;
        Ok(value)
    }

    fn name(&mut self) -> Result<&'t str, Unreplaced> {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c == '_' || c.is_alphanumeric()))
            .unwrap_or(rest.len());
        if end == 0 {
            return Err(Unreplaced::Malformed);
        }
        self.at += end;
        Ok(&rest[..end])
    }

    /// Returns a variable's value.
    fn value(&self, name: &str) -> Result<&'t str, Unreplaced> {
        let variables: &'t Variables<'t> = self.variables;
        match variables.values.get(name) {
            Some(value) => Ok(value),
            None if variables.is_strict => Err(Unreplaced::Missing(name.to_owned())),
            None => Ok(""),
        }
    }

    /// Reads the part after a name up to the closing brace and applies it.
    fn function(&mut self, name: &str) -> Result<Cow<'t, str>, Unreplaced> {
        if [":=", ":-", ":?", ":+", "="]
            .iter()
            .any(|token| self.eat(token))
        {
            let default = self.argument(Argument::Whole)?;
            let variables: &'t Variables<'t> = self.variables;
            let value = variables
                .values
                .get(name)
                .map(|value| &**value)
                .filter(|value| !value.is_empty());
            return Ok(value.map_or(default.into(), Cow::Borrowed));
        }
        if self.eat(":") {
            return self.part_of(name);
        }
        if self.eat("//") {
            return self.all_replaced(name);
        }
        for (token, replace) in ANCHORED {
            if self.eat(token) {
                return self.once_replaced(name, replace);
            }
        }
        for (token, (is_front, want)) in TRIMS {
            if self.eat(token) {
                return self.trimmed(name, is_front, want);
            }
        }
        for (token, change) in CASES {
            if self.eat(token) {
                let value = self.last_value(name)?;
                self.meter.bytes(CASED_MAX * value.len() as u64)?;
                self.look_at(value)?;
                return Ok(change(value).into());
            }
        }
        self.last_value(name).map(Cow::Borrowed)
    }

    /// Returns a variable's value if only the closing brace follows.
    fn last_value(&self, name: &str) -> Result<&'t str, Unreplaced> {
        if self.rest().starts_with('}') {
            self.value(name)
        } else {
            Err(Unreplaced::Malformed)
        }
    }

    /// `${name:from}` and `${name:from:length}`, in bytes; invalid numbers change nothing.
    fn part_of(&mut self, name: &str) -> Result<Cow<'t, str>, Unreplaced> {
        let from = self.argument(Argument::Number)?;
        let length = if self.eat(":") {
            Some(self.argument(Argument::Whole)?)
        } else {
            None
        };
        if from.is_empty() || length.as_ref().is_some_and(String::is_empty) {
            return Err(Unreplaced::Malformed);
        }
        let value = self.value(name)?;
        let Ok(from) = from.parse::<usize>() else {
            return Ok(value.into());
        };
        let bytes = value.as_bytes();
        let Some(tail) = bytes.get(from..) else {
            return Ok("".into());
        };
        let end = match length.map(|length| length.parse::<i64>()) {
            None => tail.len(),
            Some(Ok(length)) if length >= 0 => tail.len().min(length as usize),
            Some(Ok(length)) => tail.len().saturating_sub(length.unsigned_abs() as usize),
            Some(Err(_)) => return Ok(value.into()),
        };
        // A part that ends inside a character is copied, and invalid bytes become one character of
        // three bytes.
        self.meter.bytes(end as u64 + REPLACEMENT_CHARACTERS)?;
        Ok(String::from_utf8_lossy(&tail[..end]))
    }

    /// `${name//from/to}`
    fn all_replaced(&mut self, name: &str) -> Result<Cow<'t, str>, Unreplaced> {
        let (from, to) = self.search_and_replacement()?;
        let value = self.value(name)?;
        self.look_at(value)?;
        let count = value.matches(from.as_str()).count() as u64;
        self.meter.steps(count)?;
        self.meter
            .bytes((value.len() as u64).saturating_add(count.saturating_mul(to.len() as u64)))?;
        Ok(value.replace(from.as_str(), &to).into())
    }

    /// `${name/from/to}`, `${name/#from/to}` and `${name/%from/to}`
    fn once_replaced(&mut self, name: &str, replace: Replace) -> Result<Cow<'t, str>, Unreplaced> {
        let (from, to) = self.search_and_replacement()?;
        let value = self.value(name)?;
        self.look_at(value)?;
        self.meter.bytes((value.len() + to.len()) as u64)?;
        Ok(replace(value, &from, &to).into())
    }

    fn search_and_replacement(&mut self) -> Result<(String, String), Unreplaced> {
        let from = self.argument(Argument::Part)?;
        if from.is_empty() || !self.eat("/") {
            return Err(Unreplaced::Malformed);
        }
        Ok((from, self.argument(Argument::Part)?))
    }

    /// Removes the shortest or longest prefix or suffix that matches a pattern.
    fn trimmed(
        &mut self,
        name: &str,
        is_front: bool,
        want: Want,
    ) -> Result<Cow<'t, str>, Unreplaced> {
        let pattern = self.argument(Argument::Whole)?;
        if pattern.is_empty() {
            return Err(Unreplaced::Malformed);
        }
        let value = self.value(name)?;
        let glob = Glob::new(&pattern, self.meter)?;
        Ok(Cow::Borrowed(if is_front {
            &value[glob.front(value, want, self.meter)?.unwrap_or_default()..]
        } else {
            &value[..glob.back(value, want, self.meter)?.unwrap_or(value.len())]
        }))
    }

    /// Charges examining a value.
    fn look_at(&self, value: &str) -> Result<(), Exceeded> {
        self.meter.steps(1 + value.len() as u64 / BYTES_PER_STEP)
    }

    /// Reads an argument with its nested expressions, up to its terminator.
    fn argument(&mut self, kind: Argument) -> Result<String, Unreplaced> {
        let mut out = String::new();
        while let Some(c) = self.rest().chars().next() {
            let rest = self.rest();
            let ends = c == '}'
                || (c == ':' && kind == Argument::Number)
                || (c == '/' && kind == Argument::Part);
            if ends {
                return Ok(out);
            }
            if rest.starts_with("${") {
                let value = self.expression().map_err(Unreplaced::Inner)?;
                self.meter.bytes(value.len() as u64)?;
                out.push_str(&value);
            } else if kind == Argument::Part
                && ["\\/", "\\\\", "$$"]
                    .iter()
                    .any(|pair| rest.starts_with(pair))
            {
                out.push_str(&rest[1..2]);
                self.at += 2;
            } else {
                out.push(c);
                self.at += c.len_utf8();
            }
        }
        Err(Unreplaced::Malformed)
    }
}

impl From<Exceeded> for Unreplaced {
    fn from(exceeded: Exceeded) -> Self {
        Self::Exceeded(exceeded)
    }
}

/// Bytes that the ends of a part may gain if they are not whole characters.
const REPLACEMENT_CHARACTERS: u64 = 18;
/// Longest variable name that a message shows.
const SHOWN_MAX: usize = 64;

/// Returns the start of an expression, up to its name and the character after it: the rest may
/// contain a value.
fn shown(expression: &str, is_shown: impl Fn(&str) -> bool) -> String {
    let inner = expression.strip_prefix("${").unwrap_or_default();
    let name_end = inner
        .find(|c: char| !(c == '_' || c.is_alphanumeric()))
        .unwrap_or(inner.len());
    if !is_shown(&inner[..name_end]) {
        return "${…}".to_owned();
    }
    let name: String = inner[..name_end].chars().take(SHOWN_MAX).collect();
    let sign = inner[name_end..]
        .chars()
        .next()
        .filter(char::is_ascii_punctuation);
    match sign {
        _ if inner.len() == name_end => format!("${{{name}, which is not closed"),
        Some('}') => format!("${{{name}}}"),
        Some(sign) => format!("${{{name}{sign}…}}"),
        None => format!("${{{name}…}}"),
    }
}

type Replace = fn(&str, &str, &str) -> String;
type TextChange = fn(&str) -> String;

const ANCHORED: [(&str, Replace); 3] = [
    ("/#", |value, from, to| {
        value
            .strip_prefix(from)
            .map_or_else(|| value.to_owned(), |rest| format!("{to}{rest}"))
    }),
    ("/%", |value, from, to| {
        value
            .strip_suffix(from)
            .map_or_else(|| value.to_owned(), |rest| format!("{rest}{to}"))
    }),
    ("/", |value, from, to| value.replacen(from, to, 1)),
];

/// Whether a prefix is trimmed, and which one.
const TRIMS: [(&str, (bool, Want)); 4] = [
    ("##", (true, Want::Longest)),
    ("#", (true, Want::Shortest)),
    ("%%", (false, Want::Longest)),
    ("%", (false, Want::Shortest)),
];

const CASES: [(&str, TextChange); 4] = [
    ("^^", str::to_uppercase),
    (",,", str::to_lowercase),
    ("^", |value| {
        with_first(value, |c| c.to_uppercase().collect())
    }),
    (",", |value| {
        with_first(value, |c| c.to_lowercase().collect())
    }),
];

fn with_first(value: &str, change: fn(char) -> String) -> String {
    let mut chars = value.chars();
    chars
        .next()
        .map_or_else(String::new, |first| change(first) + chars.as_str())
}

#[cfg(test)]
mod tests {
    use lode_stdx::budget::Limits;

    use super::*;

    fn variables(substitution: &Substitution) -> Variables<'_> {
        Variables::new(substitution, &Budget::unlimited()).unwrap()
    }

    fn replaced(text: &str, strict: bool) -> Result<String, ObjectCause> {
        let substitution = substitution(strict);
        replace(
            text,
            (&variables(&substitution), false),
            &Budget::unlimited(),
        )
        .map_err(|problem| problem.cause)
    }

    fn substitution(strict: bool) -> Substitution {
        let vars = [
            ("a", "Alpha beta"),
            ("e", ""),
            ("p", "/usr/local/lib.tar.gz"),
            ("u", "über"),
            ("q", "x-y-x"),
            ("star", "a*b"),
            ("n", "12345"),
            ("lines", "one\ntwo\n"),
        ];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Substitution {
            vars: vars.into(),
            strict,
            ..Substitution::default()
        }
    }

    /// Results of Flux's own substitution (`fluxcd/pkg/envsubst` v1.8.0), recorded by running it.
    #[test]
    fn expressions_come_out_as_flux_makes_them() {
        for line in include_str!("../tests/expressions.tsv").lines() {
            let (text, want) = line.split_once('\t').unwrap();
            let got = replaced(text, true);
            match want {
                "!missing" => assert!(
                    matches!(got, Err(ObjectCause::VariableMissing(_))),
                    "{text}: {got:?}"
                ),
                "!malformed" => assert!(
                    matches!(got, Err(ObjectCause::Expression(_))),
                    "{text}: {got:?}"
                ),
                want => assert_eq!(got.as_deref(), Ok(want), "{text}"),
            }
        }
    }

    #[test]
    fn without_strictness_a_missing_variable_is_empty() {
        assert_eq!(replaced("a${missing}b", false).unwrap(), "ab");
    }

    #[test]
    fn line_breaks_of_values_vanish() {
        assert_eq!(replaced("${lines}", true).unwrap(), "onetwo");
    }

    #[test]
    fn nesting_has_an_end() {
        let deep = "${x:=".repeat(40) + &"}".repeat(40);
        assert_eq!(
            replaced(&deep, true),
            Err(ObjectCause::Expression("${x:…}".to_owned()))
        );
    }

    #[test]
    fn a_problem_names_the_innermost_expression_and_no_value() {
        for (text, at, want) in [
            ("ab ${a-hunter2}", 3, "malformed expression ${a-…}"),
            ("${a:=${ hunter2}}", 5, "malformed expression ${…}"),
            ("$${a} ${a//hunter2", 6, "malformed expression ${a/…}"),
            ("${a", 0, "malformed expression ${a, which is not closed"),
            ("${}", 0, "malformed expression ${}"),
        ] {
            let substitution = substitution(true);
            let problem = replace(
                text,
                (&variables(&substitution), false),
                &Budget::unlimited(),
            )
            .unwrap_err();
            assert_eq!(
                (problem.at, problem.cause.to_string().as_str()),
                (at, want),
                "{text}"
            );
        }
    }

    #[test]
    fn what_an_expression_asks_for_is_charged_before_it_is_made() {
        let vars = [("v", "a".repeat(10_000)), ("w", "x".repeat(1_000))];
        let vars = vars.map(|(name, value)| (name.to_owned(), value)).into();
        let substitution = Substitution {
            vars,
            ..Substitution::default()
        };
        let budget = || {
            Budget::new(Limits {
                bytes: 100_000,
                steps: 100_000,
                ..Limits::UNLIMITED
            })
        };
        for (text, fits) in [
            ("${v}".repeat(9), true),
            ("${v}".repeat(11), false),
            ("${#v}".repeat(1_000), true),
            ("${v//a/b}".to_owned(), true),
            ("${v//a/bbbbbbbbbb}".to_owned(), false),
            ("${v//a/${w}}".to_owned(), false),
            ("${missing:=${missing:=${v//a/b}}}".to_owned(), true),
            ("${v//a/}".repeat(100), false),
            ("${v%%*b*b*b}".repeat(8), true),
            ("${v%%*b*b*b}".repeat(80), false),
            ("${v^^}".repeat(4), false),
        ] {
            let outcome = replace(&text, (&variables(&substitution), false), &budget());
            let begin: String = text.chars().take(30).collect();
            match outcome {
                Ok(_) => assert!(fits, "{begin}"),
                Err(problem) => {
                    let is_exceeded = matches!(problem.cause, ObjectCause::Exceeded { .. });
                    assert!(!fits && is_exceeded, "{begin}: {}", problem.cause);
                }
            }
        }
    }

    #[test]
    fn names_must_be_words() {
        for (name, good) in [
            ("a_1", true),
            ("_", true),
            ("bad-name", false),
            ("1a", false),
            ("", false),
            ("ä", false),
        ] {
            let substitution = Substitution {
                vars: [(name.to_owned(), String::new())].into(),
                ..Substitution::default()
            };
            assert_eq!(check_names(&substitution).is_ok(), good, "{name}");
        }
    }
}
