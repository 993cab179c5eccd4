//! Parses paths.

use serde_json::Value;

use super::{Filter, FilterOperator, JsonPath, JsonPathStep, Malformed, Slice, To};

impl JsonPath {
    /// Reads a path.
    pub(crate) fn parse(text: &str) -> Result<Self, Malformed> {
        if text.is_empty() || text.len() > LEN_MAX {
            return Err(Malformed);
        }
        steps(text, 0).map(Self)
    }
}

fn steps(mut rest: &str, depth: usize) -> Result<Vec<JsonPathStep>, Malformed> {
    if depth > DEPTH_MAX {
        return Err(Malformed);
    }
    let mut steps = Vec::new();
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("[?(") {
            let (inside, after) = filter_end(after)?;
            steps.push(JsonPathStep::Filter(Box::new(filter(inside, depth)?)));
            rest = after;
        } else if let Some(after) = rest.strip_prefix("..") {
            if steps.last() == Some(&JsonPathStep::Descent) {
                return Err(Malformed);
            }
            steps.push(JsonPathStep::Descent);
            rest = if after.starts_with(is_word) {
                field(after, &mut steps)
            } else {
                after
            };
        } else if let Some(after) = rest.strip_prefix('.') {
            rest = field(after, &mut steps);
        } else if let Some(after) = rest.strip_prefix('[') {
            let (inside, after) = after.split_once(']').ok_or(Malformed)?;
            bracket(inside, depth, &mut steps)?;
            rest = after;
        } else {
            rest = match first {
                ' ' | '@' | '$' => &rest[1..],
                '"' | '\'' => quoted(rest, first, &mut steps)?,
                _ => literal(rest, &mut steps)?,
            };
        }
    }
    Ok(steps)
}

/// Reads a name up to its end; a backslash escapes the next character.
fn field<'t>(text: &'t str, steps: &mut Vec<JsonPathStep>) -> &'t str {
    let mut escaped = false;
    let end = text.find(|letter: char| {
        let ends = !escaped && ends_word(letter);
        escaped = !escaped && letter == '\\';
        ends
    });
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    steps.push(if name == "*" {
        JsonPathStep::Wildcard
    } else {
        JsonPathStep::Field(name.replace('\\', "").into())
    });
    rest
}

fn bracket(inside: &str, depth: usize, steps: &mut Vec<JsonPathStep>) -> Result<(), Malformed> {
    if inside.contains(',') {
        let parts = inside.split(',').map(|part| {
            let mut path = Vec::new();
            bracket(part.trim_matches(' '), depth + 1, &mut path).map(|()| JsonPath(path))
        });
        steps.push(JsonPathStep::Union(parts.collect::<Result<_, _>>()?));
        return Ok(());
    }
    let key = inside
        .strip_prefix('\'')
        .and_then(|inside| inside.strip_suffix('\''))
        .filter(|key| !key.is_empty());
    match key {
        Some(key) => {
            let rest = field(key, steps);
            steps.extend(self::steps(rest, depth + 1)?);
        }
        None => steps.push(JsonPathStep::Slice(slice(inside).ok_or(Malformed)?)),
    }
    Ok(())
}

fn slice(inside: &str) -> Option<Slice> {
    if inside == "*" {
        return Some(Slice {
            from: 0,
            to: To::End,
            step: 1,
        });
    }
    let mut parts = inside.split(':');
    let from = parts.next()?;
    let from = if from.is_empty() {
        0
    } else {
        from.parse().ok()?
    };
    let to = match parts.next() {
        None => To::One,
        Some("") => To::End,
        Some(to) => To::Before(to.parse().ok()?),
    };
    let step = match parts.next() {
        None | Some("") => 1,
        Some(step) => step.parse().ok().filter(|step| *step > 0)?,
    };
    parts.next().is_none().then_some(Slice { from, to, step })
}

/// Returns the content of a filter and the rest. A parenthesis in a text does not end it.
fn filter_end(text: &str) -> Result<(&str, &str), Malformed> {
    let mut quote = None;
    for (place, letter) in text.char_indices() {
        match (quote, letter) {
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            (None, ')') => {
                let after = text[place + 1..].strip_prefix(']').ok_or(Malformed)?;
                return Ok((&text[..place], after));
            }
            _ => {}
        }
    }
    Err(Malformed)
}

fn filter(inside: &str, depth: usize) -> Result<Filter, Malformed> {
    let path = |text: &str| steps(text, depth + 1).map(JsonPath);
    let is_operator = |letter: char| matches!(letter, '!' | '<' | '>' | '=');
    let Some(start) = inside.find(is_operator) else {
        return Ok(Filter {
            left: path(inside)?,
            compare: None,
        });
    };
    let (left, rest) = inside.split_at(start);
    let (operator, right) =
        rest.split_at(rest.find(|letter| !is_operator(letter)).ok_or(Malformed)?);
    let operator = match operator {
        "==" => FilterOperator::Equal,
        "!=" => FilterOperator::NotEqual,
        "<" => FilterOperator::Less,
        "<=" => FilterOperator::LessOrEqual,
        ">" => FilterOperator::Greater,
        ">=" => FilterOperator::GreaterOrEqual,
        _ => return Err(Malformed),
    };
    if left.is_empty() || right.is_empty() {
        return Err(Malformed);
    }
    Ok(Filter {
        left: path(left)?,
        compare: Some((operator, path(right)?)),
    })
}

fn quoted<'t>(
    text: &'t str,
    quote: char,
    steps: &mut Vec<JsonPathStep>,
) -> Result<&'t str, Malformed> {
    let mut escaped = false;
    let end = text[1..].find(|letter: char| {
        let ends = !escaped && letter == quote;
        escaped = !escaped && letter == '\\';
        ends
    });
    let (inside, rest) = text[1..].split_at(end.ok_or(Malformed)?);
    steps.push(JsonPathStep::Literal(inside.replace('\\', "").into()));
    Ok(&rest[1..])
}

/// Reads a number or a boolean. A bare name is invalid, because names begin with a dot.
fn literal<'t>(text: &'t str, steps: &mut Vec<JsonPathStep>) -> Result<&'t str, Malformed> {
    let numeric = |letter: char| letter.is_ascii_digit() || matches!(letter, '+' | '-' | '.');
    let end = if text.starts_with(numeric) {
        text.find(|letter| !numeric(letter))
    } else {
        text.find(ends_word)
    };
    let (word, rest) = text.split_at(end.unwrap_or(text.len()));
    let value = match word {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        word => {
            let whole = word.parse::<i64>().map(Value::from).ok();
            whole
                .or_else(|| word.parse::<f64>().map(Value::from).ok())
                .ok_or(Malformed)?
        }
    };
    steps.push(JsonPathStep::Literal(value));
    Ok(rest)
}

fn is_word(letter: char) -> bool {
    letter == '_' || letter.is_alphanumeric()
}

fn ends_word(letter: char) -> bool {
    matches!(
        letter,
        ' ' | '\t' | '\r' | '\n' | '.' | ',' | '[' | ']' | '$' | '@' | '{' | '}'
    )
}

/// Longest path in bytes.
const LEN_MAX: usize = 4096;
/// Deepest nesting of paths.
const DEPTH_MAX: usize = 16;
