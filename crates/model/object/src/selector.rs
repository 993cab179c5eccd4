//! [`LabelSelector`]: selects objects by their labels.
//!
//! Parsed from the text of a query (`app=web,tier in (a,b),!old`) or from the form used in objects
//! (`matchLabels`, `matchExpressions`). Source of the rules: Kubernetes, `labels.Parse` and
//! `metav1.LabelSelector`.

use serde_json::Value;

/// Selects objects by their labels; all requirements must hold. Without requirements, every object
/// is selected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

/// A requirement for one label.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: Box<str>,
    operator: Operator,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Operator {
    In(Vec<Box<str>>),
    NotIn(Vec<Box<str>>),
    Exists,
    Absent,
    Greater(i64),
    Less(i64),
}

/// A malformed selector, in the words of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An unexpected token.
    #[error("found '{found}', expected: {expected}")]
    Unexpected {
        /// The token found; empty at the end.
        found: Box<str>,
        /// What was expected.
        expected: &'static str,
    },
    /// A bound is not an integer.
    #[error("for 'Gt', 'Lt' operators, the value must be an integer: {0:?}")]
    NotANumber(Box<str>),
    /// An unknown operator, or one without the values it needs.
    #[error("{0:?} is not a valid label selector operator")]
    Operator(Box<str>),
    /// More requirements or values than allowed.
    #[error("more than {SELECTOR_MAX} requirements or values")]
    TooLong,
}

impl LabelSelector {
    /// Parses the text form.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut reader = SelectorReader { rest: text };
        let mut requirements = Vec::new();
        if reader.peek().is_empty() {
            return Ok(Self::default());
        }
        loop {
            requirements.push(reader.requirement()?);
            if requirements.len() > SELECTOR_MAX {
                return Err(Error::TooLong);
            }
            match reader.next() {
                "" => return Ok(Self(requirements)),
                "," if reader.peek().is_empty() => return unexpected("", "identifier after ','"),
                "," => {}
                other => return unexpected(other, ", or 'end of string'"),
            }
        }
    }

    /// Reads the form used in objects; there null selects nothing, which the caller must handle.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn from_value(value: &Value) -> Result<Self, Error> {
        let mut requirements = Vec::new();
        for (key, value) in value
            .get("matchLabels")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let operator = Operator::In(vec![value.as_str().unwrap_or_default().into()]);
            requirements.push(Requirement {
                key: key.as_str().into(),
                operator,
            });
        }
        for expression in value
            .get("matchExpressions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let text = |key: &str| {
                expression
                    .get(key)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            let values = expression
                .get("values")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            let values: Vec<Box<str>> = values.filter_map(Value::as_str).map(Into::into).collect();
            let operator = match text("operator") {
                "In" if !values.is_empty() => Operator::In(values),
                "NotIn" if !values.is_empty() => Operator::NotIn(values),
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::Absent,
                other => return Err(Error::Operator(other.into())),
            };
            requirements.push(Requirement {
                key: text("key").into(),
                operator,
            });
        }
        if requirements.len() > SELECTOR_MAX {
            Err(Error::TooLong)
        } else {
            Ok(Self(requirements))
        }
    }

    /// Returns whether every object is selected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether an object with these labels is selected.
    pub fn matches<'l>(&self, label: impl Fn(&str) -> Option<&'l str>) -> bool {
        self.0
            .iter()
            .all(|requirement| requirement.holds(label(&requirement.key)))
    }
}

impl Requirement {
    fn holds(&self, value: Option<&str>) -> bool {
        let among = |values: &[Box<str>], value: &str| values.iter().any(|other| **other == *value);
        let number = |value: &str| value.parse::<i64>().ok();
        match (&self.operator, value) {
            (Operator::In(values), Some(value)) => among(values, value),
            (Operator::NotIn(values), Some(value)) => !among(values, value),
            (Operator::Greater(bound), Some(value)) => {
                number(value).is_some_and(|value| value > *bound)
            }
            (Operator::Less(bound), Some(value)) => {
                number(value).is_some_and(|value| value < *bound)
            }
            (Operator::Exists, value) => value.is_some(),
            (Operator::Absent, value) => value.is_none(),
            (Operator::NotIn(_), None) => true,
            (_, None) => false,
        }
    }
}

/// Reads words and punctuation.
struct SelectorReader<'t> {
    rest: &'t str,
}

impl<'t> SelectorReader<'t> {
    fn requirement(&mut self) -> Result<Requirement, Error> {
        if self.peek() == "!" {
            self.next();
            let key = self.word("identifier")?;
            return Ok(Requirement {
                key,
                operator: Operator::Absent,
            });
        }
        let key = self.word("!, identifier, or 'end of string'")?;
        let operator = match self.peek() {
            "" | "," => Operator::Exists,
            _ => match self.next() {
                "=" | "==" => Operator::In(vec![self.value()]),
                "!=" => Operator::NotIn(vec![self.value()]),
                "in" => Operator::In(self.values()?),
                "notin" => Operator::NotIn(self.values()?),
                ">" | "gt" => Operator::Greater(self.number()?),
                "<" | "lt" => Operator::Less(self.number()?),
                other => return unexpected(other, "in, notin, =, ==, !=, gt, lt"),
            },
        };
        Ok(Requirement { key, operator })
    }

    fn word(&mut self, expected: &'static str) -> Result<Box<str>, Error> {
        match self.next() {
            word if is_word(word) => Ok(word.into()),
            other => unexpected(other, expected),
        }
    }

    /// A value may be missing: `app=` means the empty value.
    fn value(&mut self) -> Box<str> {
        if is_word(self.peek()) {
            self.next().into()
        } else {
            Box::default()
        }
    }

    fn number(&mut self) -> Result<i64, Error> {
        let value = self.value();
        value.parse().map_err(|_| Error::NotANumber(value))
    }

    fn values(&mut self) -> Result<Vec<Box<str>>, Error> {
        let open = self.next();
        if open != "(" {
            return unexpected(open, "'('");
        }
        let mut values = Vec::new();
        loop {
            values.push(self.value());
            if values.len() > SELECTOR_MAX {
                return Err(Error::TooLong);
            }
            match self.next() {
                "," => {}
                ")" => return Ok(values),
                other => return unexpected(other, "',', or ')'"),
            }
        }
    }

    fn peek(&self) -> &'t str {
        let rest = self.rest.trim_start();
        let end = match rest.chars().next() {
            None => 0,
            Some('(' | ')' | ',') => 1,
            Some(first) if is_sign(first) => {
                let two = rest.get(..2).unwrap_or_default();
                if matches!(two, "==" | "!=") { 2 } else { 1 }
            }
            Some(_) => rest
                .find(|next: char| next.is_whitespace() || is_special(next))
                .unwrap_or(rest.len()),
        };
        &rest[..end]
    }

    fn next(&mut self) -> &'t str {
        let token = self.peek();
        self.rest = &self.rest.trim_start()[token.len()..];
        token
    }
}

fn is_sign(next: char) -> bool {
    matches!(next, '!' | '=' | '<' | '>')
}

fn is_special(next: char) -> bool {
    is_sign(next) || matches!(next, '(' | ')' | ',')
}

fn is_word(token: &str) -> bool {
    token.chars().next().is_some_and(|first| !is_special(first))
}

fn unexpected<T>(found: &str, expected: &'static str) -> Result<T, Error> {
    Err(Error::Unexpected {
        found: found.into(),
        expected,
    })
}

/// Most requirements of a selector, and most values of one of them.
const SELECTOR_MAX: usize = 1000;

#[cfg(test)]
mod tests {
    use cases::Score;
    use serde_json::{Value, json};

    use super::*;

    fn matches(selector: &str, labels: &[(&str, &str)]) -> bool {
        let selector = LabelSelector::parse(selector).unwrap();
        selector.matches(|key| {
            labels
                .iter()
                .find(|(name, _)| *name == key)
                .map(|(_, value)| *value)
        })
    }

    #[test]
    fn every_operator_selects() {
        let labels = [("app", "web"), ("n", "3"), ("empty", "")];
        for selector in [
            "",
            "app",
            "app=web",
            "app == web , n",
            "app in (api,web)",
            "!old",
            "old!=x",
            "n>2",
            "n lt 4",
            "empty=",
        ] {
            assert!(matches(selector, &labels), "{selector}");
        }
        for selector in [
            "old",
            "app=api",
            "app!=web",
            "app notin (web)",
            "!app",
            "n>3",
            "app>1",
            "app=",
        ] {
            assert!(!matches(selector, &labels), "{selector}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = |text: &str| LabelSelector::parse(text).unwrap_err().to_string();
        assert_eq!(
            error("bad sel ("),
            "found 'sel', expected: in, notin, =, ==, !=, gt, lt"
        );
        assert_eq!(error("a in b"), "found 'b', expected: '('");
        assert_eq!(error("a,"), "found '', expected: identifier after ','");
        assert_eq!(error("a=b c"), "found 'c', expected: , or 'end of string'");
    }

    #[test]
    fn objects_carry_selectors_too() {
        let value = json!({"matchLabels": {"app": "web"}, "matchExpressions": [
            {"key": "tier", "operator": "NotIn", "values": ["db"]}, {"key": "old", "operator": "DoesNotExist"}]});
        let selector = LabelSelector::from_value(&value).unwrap();
        assert!(selector.matches(|key| (key == "app").then_some("web")));
        assert!(!selector.matches(|key| if key == "tier" {
            Some("db")
        } else {
            (key == "app").then_some("web")
        }));
        let wrong = json!({"matchExpressions": [{"key": "tier", "operator": "In"}]});
        assert_eq!(
            LabelSelector::from_value(&wrong),
            Err(Error::Operator("In".into()))
        );
    }

    #[test]
    fn a_real_server_selects_the_same() {
        let mut score = Score::of_all("label selectors", 9);
        let mut objects: Vec<Value> = Vec::new();
        for step in cases::own_requests() {
            if step["scenario"] != "objects are selected by their labels" {
                continue;
            }
            let Some(selector) = asked(&step["pathSent"]) else {
                objects.push(step["resp"].clone());
                continue;
            };

            let names = |objects: &mut dyn Iterator<Item = &Value>| {
                let mut names: Vec<Value> = objects
                    .map(|object| object["metadata"]["name"].clone())
                    .collect();
                names.sort_by_key(Value::to_string);
                names
            };
            let found = LabelSelector::parse(&selector).ok().map(|selector| {
                let matching = |object: &&Value| {
                    selector.matches(|key| object["metadata"]["labels"].get(key)?.as_str())
                };
                names(&mut objects.iter().filter(matching))
            });
            let items = step["resp"]["items"].as_array();
            let expected = items.map(|items| names(&mut items.iter()));
            score.check(&selector, &found, &expected);
        }
        score.finish();
    }

    /// Returns the selector that a path asks for.
    fn asked(path: &Value) -> Option<String> {
        let (_, selector) = path.as_str()?.split_once("labelSelector=")?;
        let codes = [("%3D", "="), ("%20", " "), ("%3E", ">"), ("%3C", "<")];
        let decoded = codes
            .into_iter()
            .fold(selector.to_owned(), |text, (code, letter)| {
                text.replace(code, letter)
            });
        Some(decoded)
    }
}
