//! Signatures of functions, read from Go's notation.

use crate::error::TemplateError;
use crate::value::GoType;

/// What a function takes and returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    text: Box<str>,
    parameters: Vec<Parameter>,
    /// The type that each further argument has.
    variadic: Option<Parameter>,
    results: Vec<GoType>,
}

/// One parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its type.
    pub of: GoType,
}

impl Signature {
    /// Reads a signature such as `func(int, ...string) (string, error)`.
    ///
    /// What is not in this form is a function without parameters and results.
    pub fn parse(text: &str) -> Self {
        let (parameters, results) = text
            .strip_prefix("func(")
            .and_then(|rest| rest.split_once(')'))
            .unwrap_or_default();
        let mut parameters: Vec<&str> = types(parameters).collect();
        let variadic = parameters
            .last()
            .and_then(|last| last.strip_prefix("..."))
            .map(Parameter::parse);
        if variadic.is_some() {
            parameters.pop();
        }

        let results = results.trim();
        let results = results
            .strip_prefix('(')
            .and_then(|results| results.strip_suffix(')'))
            .unwrap_or(results);
        Self {
            text: text.into(),
            parameters: parameters.into_iter().map(Parameter::parse).collect(),
            variadic,
            results: types(results).map(GoType::parse).collect(),
        }
    }

    /// Returns the signature as Go writes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the number of arguments that must be given.
    pub fn required(&self) -> usize {
        self.parameters.len()
    }

    /// Returns whether any number of further arguments may be given.
    pub fn is_variadic(&self) -> bool {
        self.variadic.is_some()
    }

    /// Returns the parameter that an argument is for.
    pub fn parameter(&self, index: usize) -> Option<&Parameter> {
        self.parameters.get(index).or(self.variadic.as_ref())
    }

    /// Checks that a template can use the results: one, or one and an error.
    pub(crate) fn check_results(&self, name: &str) -> Result<(), TemplateError> {
        let message = match self.results.as_slice() {
            [_] => return Ok(()),
            [_, second] if *second == GoType::named("error") => return Ok(()),
            [_, second] => format!(
                "invalid function signature for {name}: second return value should be error; is {second}"
            ),
            results => format!(
                "function {name} has {} return values; should be 1 or 2",
                results.len()
            ),
        };
        Err(TemplateError::new(message))
    }

    /// Returns the types of the results.
    pub fn results(&self) -> &[GoType] {
        &self.results
    }
}

impl Parameter {
    fn parse(text: &str) -> Self {
        Self {
            of: GoType::parse(text),
        }
    }
}

fn types(text: &str) -> impl Iterator<Item = &str> {
    text.split(", ").filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::IntegerKind;

    #[test]
    fn parameters_and_results_are_read() {
        let signature = Signature::parse("func(int, ...map[string]interface {}) (string, error)");
        assert_eq!((signature.required(), signature.is_variadic()), (1, true));
        let of = |index| &signature.parameter(index).unwrap().of;
        assert_eq!(*of(0), GoType::Integer(IntegerKind::Int));
        assert_eq!(*of(2), GoType::map(GoType::String, GoType::Any));
        assert_eq!(
            signature.results(),
            [GoType::String, GoType::named("error")]
        );

        let none = Signature::parse("func() time.Time");
        assert!(none.required() == 0 && none.parameter(0).is_none());
    }
}
