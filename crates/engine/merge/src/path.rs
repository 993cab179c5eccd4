//! [`Path`]: the position of a value in an object, in the notation people use.
//!
//! `.spec.template.spec.containers[name=app].image`, `.data["nginx.conf"]`, `.spec.args[2]`.

use std::fmt;

use lode_object::Secrecy;
use lode_object::secrecy::HIDDEN;
use serde_json::Value;

/// Steps from the root of an object to a value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Path(Vec<Step>);

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A field of a map.
    Field(Box<str>),
    /// The list item whose field `key` has this value.
    Item {
        /// The field that identifies the items of the list.
        key: &'static str,
        /// Its value.
        value: Value,
    },
    /// A list item by its position.
    Index(usize),
}

impl Path {
    /// Returns a path with these steps.
    #[must_use]
    pub fn new(steps: Vec<Step>) -> Self {
        Self(steps)
    }

    /// Returns the steps, starting at the root.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Returns the value at this path in an object.
    #[must_use]
    pub fn find<'v>(&self, object: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(object, |at, step| match step {
            Step::Field(name) => at.get(&**name),
            Step::Item { key, value } => at
                .as_array()?
                .iter()
                .find(|item| item.get(*key) == Some(value)),
            Step::Index(index) => at.as_array()?.get(*index),
        })
    }

    /// Returns the path with only those words that may be shown.
    #[must_use]
    pub fn told(self, secrecy: &Secrecy) -> Self {
        let steps = self.0.into_iter().map(|step| match step {
            Step::Field(name) => Step::Field(secrecy.word(&name).into()),
            Step::Item { key, value } if secrecy.may_tell(&value) => Step::Item { key, value },
            Step::Item { key, .. } => Step::Item {
                key,
                value: HIDDEN.into(),
            },
            Step::Index(index) => Step::Index(index),
        });
        Self(steps.collect())
    }

    pub(crate) fn push(&mut self, step: Step) {
        self.0.push(step);
    }

    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(".");
        }
        for step in &self.0 {
            match step {
                Step::Field(name) if plain(name) => write!(f, ".{name}")?,
                Step::Field(name) => write!(f, "[{}]", Value::from(&**name))?,
                Step::Item {
                    key,
                    value: Value::String(text),
                } => write!(f, "[{key}={text}]")?,
                Step::Item { key, value } => write!(f, "[{key}={value}]")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

fn plain(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_with_dots_are_quoted() {
        let field = |name: &str| Step::Field(name.into());
        let item = Step::Item {
            key: "name",
            value: "app".into(),
        };
        let port = Step::Item {
            key: "port",
            value: 80.into(),
        };
        assert_eq!(
            Path::new(vec![field("spec"), item, field("image")]).to_string(),
            ".spec[name=app].image"
        );
        assert_eq!(
            Path::new(vec![field("data"), field("a.b/c"), Step::Index(2)]).to_string(),
            ".data[\"a.b/c\"][2]"
        );
        assert_eq!(
            Path::new(vec![field("ports"), port]).to_string(),
            ".ports[port=80]"
        );
        assert_eq!(Path::default().to_string(), ".");
    }

    #[test]
    fn a_path_finds_its_value() {
        let object = serde_json::json!({"spec": {"ports": [{"port": 80}, {"port": 81, "name": "b"}], "args": ["x", "y"]}});
        let field = |name: &str| Step::Field(name.into());
        let port = Step::Item {
            key: "port",
            value: 81.into(),
        };
        let found = |steps: Vec<Step>| Path::new(steps).find(&object).cloned();
        assert_eq!(
            found(vec![field("spec"), field("ports"), port, field("name")]),
            Some("b".into())
        );
        assert_eq!(
            found(vec![field("spec"), field("args"), Step::Index(1)]),
            Some("y".into())
        );
        assert_eq!(
            found(vec![field("spec"), field("none"), Step::Index(1)]),
            None
        );
    }
}
