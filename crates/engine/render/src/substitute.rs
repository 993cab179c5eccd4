//! Replacing `${…}` in an object's text (spec A6): the shell-like forms that Flux's fork of envsubst knows.
//!
//! Only braces count: `$name` stays, `$$` is a plain `$`. A missing variable is empty, or an error where strict, except
//! in forms that bring a default. Line breaks in values are removed. Errors show names, never values.

use lode_object::meta;
use lode_yaml::Node;

use crate::error::{Error, ObjectCause};
use crate::plan::Substitution;

/// Deepest nesting of expressions.
const NESTING_MAX: usize = 32;
/// Longest text that may come out.
const OUTPUT_MAX: usize = lode_yaml::TEXT_MAX;

/// Checks that every variable has a name that can be written in an expression.
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

/// Tells whether an object asks to be left alone.
pub(crate) fn is_disabled(object: &Node) -> bool {
    let says = |field: &str| object.at(&["metadata", field, meta::SUBSTITUTE]).and_then(Node::text) == Some("disabled");
    says("labels") || says("annotations")
}

/// Replaces every expression of a text.
pub(crate) fn replace(text: &str, substitution: &Substitution) -> Result<String, ObjectCause> {
    let mut replacer = Replacer { text, at: 0, substitution, depth: 0 };
    let mut out = String::with_capacity(text.len());
    while let Some(next) = replacer.rest().find('$') {
        out.push_str(&replacer.rest()[..next]);
        replacer.at += next;
        match replacer.rest().as_bytes() {
            [b'$', b'$', ..] => {
                out.push('$');
                replacer.at += 2;
            }
            [b'$', b'{', ..] => out.push_str(&replacer.expression()?),
            _ => {
                out.push('$');
                replacer.at += 1;
            }
        }
        if out.len() > OUTPUT_MAX {
            return Err(replacer.malformed());
        }
    }
    out.push_str(replacer.rest());
    Ok(out)
}

/// A place in the text being read.
struct Replacer<'t> {
    text: &'t str,
    at: usize,
    substitution: &'t Substitution,
    depth: usize,
}

/// What stands in the argument of a function.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Argument {
    /// Up to the closing brace.
    Whole,
    /// Up to a `:` or the closing brace.
    Number,
    /// Up to a `/` or the closing brace; `\/`, `\\` and `$$` are single characters.
    Part,
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

    fn malformed(&self) -> ObjectCause {
        let line = self.text[..self.at].bytes().filter(|byte| *byte == b'\n').count();
        ObjectCause::Expression(line as u32 + 1)
    }

    fn close(&mut self) -> Result<(), ObjectCause> {
        if self.eat("}") { Ok(()) } else { Err(self.malformed()) }
    }

    fn expression(&mut self) -> Result<String, ObjectCause> {
        self.at += 2;
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(self.malformed());
        }
        let value = if self.eat("#") {
            let name = self.name()?;
            self.close()?;
            self.value(name)?.len().to_string()
        } else {
            let name = self.name()?;
            let value = self.function(name)?;
            self.close()?;
            value
        };
        self.depth -= 1;
        Ok(value)
    }

    fn name(&mut self) -> Result<&'t str, ObjectCause> {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c == '_' || c.is_alphanumeric())).unwrap_or(rest.len());
        if end == 0 {
            return Err(self.malformed());
        }
        self.at += end;
        Ok(&rest[..end])
    }

    /// Returns a variable's value with its line breaks removed.
    fn value(&self, name: &str) -> Result<String, ObjectCause> {
        match self.substitution.vars.get(name) {
            Some(value) => Ok(value.replace('\n', "")),
            None if self.substitution.strict => Err(ObjectCause::VariableMissing(name.to_owned())),
            None => Ok(String::new()),
        }
    }

    /// Reads what follows a name, up to the closing brace, and applies it.
    fn function(&mut self, name: &str) -> Result<String, ObjectCause> {
        if [":=", ":-", ":?", ":+", "="].iter().any(|token| self.eat(token)) {
            let default = self.argument(Argument::Whole)?;
            let value = self.substitution.vars.get(name).map(|value| value.replace('\n', ""));
            return Ok(value.filter(|value| !value.is_empty()).unwrap_or(default));
        }
        if self.eat(":") {
            return self.part_of(name);
        }
        if self.eat("//") {
            return self.replaced(name, |value, from, to| value.replace(from, to));
        }
        for (token, replace) in ANCHORED {
            if self.eat(token) {
                return self.replaced(name, replace);
            }
        }
        for (token, trim) in TRIMS {
            if self.eat(token) {
                let pattern = self.argument(Argument::Whole)?;
                return if pattern.is_empty() { Err(self.malformed()) } else { Ok(trim(&self.value(name)?, &pattern)) };
            }
        }
        for (token, change) in CASES {
            if self.eat(token) {
                return Ok(change(&self.last_value(name)?));
            }
        }
        self.last_value(name)
    }

    /// Returns a variable's value where nothing but the closing brace follows.
    fn last_value(&self, name: &str) -> Result<String, ObjectCause> {
        if self.rest().starts_with('}') { self.value(name) } else { Err(self.malformed()) }
    }

    /// `${name:from}` and `${name:from:length}`, in bytes; numbers that are none change nothing.
    fn part_of(&mut self, name: &str) -> Result<String, ObjectCause> {
        let from = self.argument(Argument::Number)?;
        let length = if self.eat(":") { Some(self.argument(Argument::Whole)?) } else { None };
        if from.is_empty() || length.as_ref().is_some_and(String::is_empty) {
            return Err(self.malformed());
        }
        let value = self.value(name)?;
        let Ok(from) = from.parse::<usize>() else { return Ok(value) };
        let bytes = value.as_bytes();
        let Some(tail) = bytes.get(from..) else { return Ok(String::new()) };
        let end = match length.map(|length| length.parse::<i64>()) {
            None => tail.len(),
            Some(Ok(length)) if length >= 0 => tail.len().min(length as usize),
            Some(Ok(length)) => tail.len().saturating_sub(length.unsigned_abs() as usize),
            Some(Err(_)) => return Ok(value),
        };
        Ok(String::from_utf8_lossy(&tail[..end]).into_owned())
    }

    fn replaced(&mut self, name: &str, replace: fn(&str, &str, &str) -> String) -> Result<String, ObjectCause> {
        let from = self.argument(Argument::Part)?;
        if from.is_empty() || !self.eat("/") {
            return Err(self.malformed());
        }
        let to = self.argument(Argument::Part)?;
        let value = replace(&self.value(name)?, &from, &to);
        if value.len() > OUTPUT_MAX { Err(self.malformed()) } else { Ok(value) }
    }

    /// Reads an argument with the expressions in it, leaving what ends it.
    fn argument(&mut self, kind: Argument) -> Result<String, ObjectCause> {
        let mut out = String::new();
        while let Some(c) = self.rest().chars().next() {
            let rest = self.rest();
            let ends = c == '}' || (c == ':' && kind == Argument::Number) || (c == '/' && kind == Argument::Part);
            if ends {
                return Ok(out);
            }
            if rest.starts_with("${") {
                out.push_str(&self.expression()?);
            } else if kind == Argument::Part && ["\\/", "\\\\", "$$"].iter().any(|pair| rest.starts_with(pair)) {
                out.push_str(&rest[1..2]);
                self.at += 2;
            } else {
                out.push(c);
                self.at += c.len_utf8();
            }
        }
        Err(self.malformed())
    }
}

type Replace = fn(&str, &str, &str) -> String;
type Trim = fn(&str, &str) -> String;
type Change = fn(&str) -> String;

const ANCHORED: [(&str, Replace); 3] = [
    ("/#", |value, from, to| value.strip_prefix(from).map_or_else(|| value.to_owned(), |rest| format!("{to}{rest}"))),
    ("/%", |value, from, to| value.strip_suffix(from).map_or_else(|| value.to_owned(), |rest| format!("{rest}{to}"))),
    ("/", |value, from, to| value.replacen(from, to, 1)),
];

const TRIMS: [(&str, Trim); 4] = [
    ("##", |value, pattern| trim_front(value, pattern, true)),
    ("#", |value, pattern| trim_front(value, pattern, false)),
    ("%%", |value, pattern| trim_back(value, pattern, true)),
    ("%", |value, pattern| trim_back(value, pattern, false)),
];

const CASES: [(&str, Change); 4] = [
    ("^^", str::to_uppercase),
    (",,", str::to_lowercase),
    ("^", |value| with_first(value, |c| c.to_uppercase().collect())),
    (",", |value| with_first(value, |c| c.to_lowercase().collect())),
];

fn with_first(value: &str, change: fn(char) -> String) -> String {
    let mut chars = value.chars();
    chars.next().map_or_else(String::new, |first| change(first) + chars.as_str())
}

/// Removes the shortest or longest front that fits a pattern.
fn trim_front(value: &str, pattern: &str, longest: bool) -> String {
    let ends = (0..=value.len()).filter(|&at| value.is_char_boundary(at));
    let fits = |at: &usize| matches(pattern.as_bytes(), &value.as_bytes()[..*at]);
    let end = if longest { ends.rev().find(fits) } else { ends.into_iter().find(fits) };
    value[end.unwrap_or_default()..].to_owned()
}

fn trim_back(value: &str, pattern: &str, longest: bool) -> String {
    let starts = (0..=value.len()).filter(|&at| value.is_char_boundary(at));
    let fits = |at: &usize| matches(pattern.as_bytes(), &value.as_bytes()[*at..]);
    let start = if longest { starts.into_iter().find(fits) } else { starts.rev().find(fits) };
    value[..start.unwrap_or(value.len())].to_owned()
}

/// Tells whether a text fits a glob of `*`, `?`, `\x` and plain characters. Linear in text times stars, no recursion.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    loop {
        match (pattern.get(p), text.get(t)) {
            (Some(b'*'), _) => {
                star = Some((p + 1, t));
                p += 1;
            }
            (None, None) => return true,
            (Some(b'?'), Some(_)) => (p, t) = (p + 1, t + 1),
            (Some(b'\\'), Some(byte)) if pattern.get(p + 1) == Some(byte) => (p, t) = (p + 2, t + 1),
            (Some(wanted), Some(byte)) if wanted == byte && *wanted != b'\\' => (p, t) = (p + 1, t + 1),
            _ => {
                let Some((after, from)) = star.filter(|(_, from)| *from < text.len()) else { return false };
                star = Some((after, from + 1));
                (p, t) = (after, from + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        Substitution { vars: vars.into(), strict, always: false }
    }

    /// Outcomes of Flux's own substitution (`fluxcd/pkg/envsubst` v1.8.0), recorded by running it.
    #[test]
    fn expressions_come_out_as_flux_makes_them() {
        for line in include_str!("../tests/expressions.tsv").lines() {
            let (text, want) = line.split_once('\t').unwrap();
            let got = replace(text, &substitution(true));
            match want {
                "!missing" => assert!(matches!(got, Err(ObjectCause::VariableMissing(_))), "{text}: {got:?}"),
                "!malformed" => assert!(matches!(got, Err(ObjectCause::Expression(1))), "{text}: {got:?}"),
                want => assert_eq!(got.as_deref(), Ok(want), "{text}"),
            }
        }
    }

    #[test]
    fn without_strictness_a_missing_variable_is_empty() {
        assert_eq!(replace("a${missing}b", &substitution(false)).unwrap(), "ab");
    }

    #[test]
    fn line_breaks_of_values_vanish() {
        assert_eq!(replace("${lines}", &substitution(true)).unwrap(), "onetwo");
    }

    #[test]
    fn nesting_has_an_end() {
        let deep = "${x:=".repeat(40) + &"}".repeat(40);
        assert_eq!(replace(&deep, &substitution(true)), Err(ObjectCause::Expression(1)));
    }

    #[test]
    fn names_must_be_words() {
        for (name, good) in [("a_1", true), ("_", true), ("bad-name", false), ("1a", false), ("", false), ("ä", false)]
        {
            let substitution =
                Substitution { vars: [(name.to_owned(), String::new())].into(), ..Substitution::default() };
            assert_eq!(check_names(&substitution).is_ok(), good, "{name}");
        }
    }
}
