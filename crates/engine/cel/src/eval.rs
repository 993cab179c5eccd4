//! [`Expr::eval_bool`]: evaluates an expression with values.

use std::panic::{self, AssertUnwindSafe};

use kube_cel::cel::{ExecutionError, IdedExpr, Value as Cel, objects::ValueType};
use serde_json::Value;

use crate::{
    bounds::BUILT_BYTES_MAX,
    compile::Expr,
    functions::{FUNCTIONS, RANGE_MAX},
    input::{self, Measure},
    typed::Input,
    types,
};

/// Why an expression cannot be evaluated. No value of the input is included.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// An undefined name.
    #[error("\"{0}\" is not defined")]
    Undefined(String),
    /// A missing field.
    #[error("there is no field \"{0}\"")]
    NoField(String),
    /// A missing or invalid index or key.
    #[error("there is no such entry")]
    NoEntry,
    /// Values of incompatible types.
    #[error("values do not fit each other{0}")]
    Types(String),
    /// A division by zero, or a number out of range.
    #[error("a number is out of range")]
    Range,
    /// Invalid arguments of a function.
    #[error("function \"{0}\" does not take these arguments")]
    Function(String),
    /// The result is not a boolean.
    #[error("the expression is of type {0}, neither true nor false")]
    NotBool(&'static str),
    /// The input exceeds the limit.
    #[error("the object is too large for an expression")]
    TooLarge,
    /// For this input the evaluation could take too much time or memory.
    #[error("the expression is too costly for this object")]
    TooCostly,
    /// The evaluation panicked.
    #[error("the expression cannot be evaluated")]
    Broken,
}

impl Expr {
    /// Evaluates to a boolean.
    ///
    /// # Errors
    /// It cannot be evaluated, or the result has another type.
    pub fn eval_bool(&self, vars: &[(&str, &Value)]) -> Result<bool, EvalError> {
        match self.resolve(vars)? {
            Cel::Bool(truth) => Ok(truth),
            other => Err(EvalError::NotBool(type_name(&other))),
        }
    }

    /// Evaluates to a JSON value.
    ///
    /// # Errors
    /// It cannot be evaluated, or the result cannot be expressed in JSON.
    pub fn eval(&self, vars: &[(&str, &Value)]) -> Result<Value, EvalError> {
        input::to_json(&self.resolve(vars)?).ok_or_else(|| EvalError::Types(String::new()))
    }

    /// Evaluates typed values to a boolean.
    ///
    /// # Errors
    /// It cannot be evaluated, or the result has another type.
    pub fn test(&self, vars: &[(&str, &Input)]) -> Result<bool, EvalError> {
        match self.resolve_typed(vars)? {
            Cel::Bool(truth) => Ok(truth),
            other => Err(EvalError::NotBool(type_name(&other))),
        }
    }

    /// Evaluates typed values to a text.
    ///
    /// # Errors
    /// It cannot be evaluated, or the result has another type.
    pub fn text(&self, vars: &[(&str, &Input)]) -> Result<String, EvalError> {
        match self.resolve_typed(vars)? {
            Cel::String(text) => Ok(text.to_string()),
            other => Err(EvalError::Types(format!(
                ": {} where text is wanted",
                type_name(&other)
            ))),
        }
    }

    /// Returns whether it uses a variable.
    #[must_use]
    pub fn names(&self, variable: &str) -> bool {
        self.shape.variables.contains(variable)
    }

    /// Returns a variable it uses that is not declared.
    #[must_use]
    pub fn undeclared(&self, variables: &[&str]) -> Option<&str> {
        let named = self.shape.variables.iter().map(String::as_str);
        named
            .into_iter()
            .find(|name| !variables.contains(name) && !types::is_name(name))
    }

    fn resolve(&self, vars: &[(&str, &Value)]) -> Result<Cel, EvalError> {
        let used: Vec<_> = vars.iter().filter(|(name, _)| self.names(name)).collect();
        let mut measure = Measure::default();
        for (_, value) in &used {
            measure.add(value, self.limits.input_values);
        }
        self.check(&measure)?;
        self.run(
            used.into_iter()
                .map(|(name, value)| (*name, input::to_cel(value))),
        )
    }

    fn resolve_typed(&self, vars: &[(&str, &Input)]) -> Result<Cel, EvalError> {
        let used: Vec<_> = vars.iter().filter(|(name, _)| self.names(name)).collect();
        let mut measure = Measure::default();
        for (_, input) in &used {
            measure.unite(&input.measure);
        }
        self.check(&measure)?;
        self.run(
            used.into_iter()
                .map(|(name, input)| (*name, input.value.clone())),
        )
    }

    fn run<'v>(&self, vars: impl Iterator<Item = (&'v str, Cel)>) -> Result<Cel, EvalError> {
        let mut scope = FUNCTIONS.new_inner_scope();
        for (name, value) in vars {
            scope.add_variable_from_value(name, value);
        }
        let evaluate = || Cel::resolve(&self.ast as &IdedExpr, &scope);
        // Expressions known to crash the library are refused when compiling. If one remains, a
        // tenant's expression must not crash the process.
        let result =
            panic::catch_unwind(AssertUnwindSafe(evaluate)).map_err(|_| EvalError::Broken)?;
        result.map_err(|error| said(&error))
    }

    fn check(&self, input: &Measure) -> Result<(), EvalError> {
        if input.values > self.limits.input_values {
            return Err(EvalError::TooLarge);
        }

        let text = self.text_bytes as u64;
        let (mut longest, mut bytes) = (input.longest, input.bytes + text);
        if self.shape.ranges {
            longest = longest.max(RANGE_MAX as u64);
        }

        if self.shape.makers > 0 {
            longest = longest.max(input.longest_text).max(text);
            bytes = bytes.max(BUILT_BYTES_MAX as u64);
        }

        let steps = self.shape.steps(longest) > self.limits.steps;
        let copies = self.shape.copies(longest, input.bytes) > self.limits.copied_bytes;
        let built =
            bytes.saturating_mul(self.shape.growth.times(longest)) > self.limits.built_bytes;
        if steps || copies || built {
            return Err(EvalError::TooCostly);
        }

        Ok(())
    }
}

/// Converts a library error into our words, without the values it contains.
fn said(error: &ExecutionError) -> EvalError {
    use ExecutionError as E;
    match error {
        E::UndeclaredReference(name) => EvalError::Undefined(name.to_string()),
        E::NoSuchKey(name) => EvalError::NoField(name.to_string()),
        E::IndexOutOfBounds(_)
        | E::UnsupportedListIndex(_)
        | E::UnsupportedMapIndex(_)
        | E::UnsupportedIndex(..) => EvalError::NoEntry,
        E::UnexpectedType { got, want } => {
            EvalError::Types(format!(": {got} where {want} is wanted"))
        }
        E::UnsupportedBinaryOperator(operator, ..) | E::UnsupportedUnaryOperator(operator, _) => {
            EvalError::Types(format!(" in \"{operator}\""))
        }
        E::DivisionByZero(_) | E::RemainderByZero(_) | E::Overflow(..) => EvalError::Range,
        E::FunctionError { function, .. } => EvalError::Function(function.clone()),
        E::NotSupportedAsMethod { method, .. } => EvalError::Function(method.clone()),
        _ => EvalError::Types(String::new()),
    }
}

fn type_name(value: &Cel) -> &'static str {
    match value.type_of() {
        ValueType::List => "list",
        ValueType::Map => "map",
        ValueType::Int => "int",
        ValueType::UInt => "uint",
        ValueType::Float => "double",
        ValueType::String => "string",
        ValueType::Bytes => "bytes",
        ValueType::Bool => "bool",
        ValueType::Null => "null",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Limits;

    fn eval(text: &str, object: &Value) -> Result<bool, EvalError> {
        Expr::compile(text, Limits::default())
            .unwrap()
            .eval_bool(&fields(object))
    }

    fn fields(object: &Value) -> Vec<(&str, &Value)> {
        object
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, value)| (key.as_str(), value))
            .collect()
    }

    #[test]
    fn a_dependency_is_ready_by_its_conditions() {
        let text = "dep.status.conditions.filter(e, e.type == 'Ready').all(e, e.status == 'True')";
        let ready = |status: &str| {
            json!({"status": {"conditions": [
            {"type": "Healthy", "status": "False"}, {"type": "Ready", "status": status}]}})
        };
        let expr = Expr::compile(text, Limits::default()).unwrap();
        let this = json!({"metadata": {"labels": {"env": "prod"}}});
        assert_eq!(
            expr.eval_bool(&[("self", &this), ("dep", &ready("True"))]),
            Ok(true)
        );
        assert_eq!(
            expr.eval_bool(&[("self", &this), ("dep", &ready("False"))]),
            Ok(false)
        );
        let both = Expr::compile("self.metadata.labels.env == dep.env", Limits::default()).unwrap();
        assert_eq!(
            both.eval_bool(&[("self", &this), ("dep", &json!({"env": "prod"}))]),
            Ok(true)
        );
    }

    #[test]
    fn fields_of_the_object_are_variables() {
        let object = json!({"data": {"state": "done"}, "metadata": {"annotations": {"a.b/c": "x"}}, "spec": {}});
        for text in [
            "data.state == 'done'",
            "data['state'] != 'x' && metadata.annotations['a.b/c'] == 'x'",
            "has(data.state) && !has(data.other) && !has(spec.a)",
            "data.?other.orValue('none') == 'none' && data.?state.orValue('none') == 'done'",
            "data.?a.b.c.orValue(1) == 1 && !data.?a.hasValue() && data.?state == optional.of('done')",
            "'state' in data",
            "data.state.startsWith('do') && data.state.matches('^d.*e$')",
            "data.state.replace('d', 'g') == 'gone' && ['a', 'b'].join('-') == 'a-b'",
        ] {
            assert_eq!(eval(text, &object), Ok(true), "{text}");
        }
    }

    #[test]
    fn numbers_compare_whatever_their_type() {
        let object =
            json!({"n": 2, "u": u64::MAX, "f": 2.0, "half": 2.5, "status": {"replicas": 3}});
        for text in [
            "n == 2",
            "n == 2u",
            "n == 2.0",
            "f == 2",
            "n == f",
            "n < 2.5",
            "half > n",
            "u > n",
            "n + 1 == 3",
            "n <= f",
            "status.replicas > 2u",
            "status.replicas - 1 == n",
            "half >= 2u",
            "u > 2.5",
            "n in [2.0, 3.0]",
        ] {
            assert_eq!(eval(text, &object), Ok(true), "{text}");
        }
    }

    #[test]
    fn what_has_no_value_says_so_without_showing_any() {
        let object = json!({"data": {"password": "hush"}, "n": i64::MAX, "list": ["hush"]});
        for (text, said) in [
            ("status.phase == 'x'", "\"status\" is not defined"),
            ("data.other == 'x'", "there is no field \"other\""),
            (
                "data.password",
                "the expression is of type string, neither true nor false",
            ),
            ("n + 1 > 0", "a number is out of range"),
            ("n / 0 > 0", "a number is out of range"),
            ("-(-n - 1) > 0", "a number is out of range"),
            ("list[7] == 'x'", "there is no such entry"),
            (
                "quantity(data.password).sign() == 1",
                "function \"quantity\" does not take these arguments",
            ),
            ("nothing(data.password)", "\"nothing\" is not defined"),
        ] {
            assert_eq!(eval(text, &object).unwrap_err().to_string(), said, "{text}");
        }
        for text in [
            "data.password + 1 == 2",
            "data < list",
            "-data.password == 1",
            "data.password ? true : false",
            "list[data]",
        ] {
            let said = eval(text, &object).unwrap_err().to_string();
            assert!(!said.contains("hush"), "{text}: {said}");
        }
    }

    #[test]
    fn work_is_refused_before_it_is_done() {
        let list: Vec<u32> = (0..3000).collect();
        let object = json!({"l": list, "s": "x".repeat(100_000)});
        assert_eq!(eval("l.all(a, a >= 0)", &object), Ok(true));
        assert_eq!(
            eval("l.all(a, l.all(b, a + b >= 0))", &object),
            Err(EvalError::TooCostly)
        );
        let grown = ["s", "a", "b"].map(|name| [name; 10].join("+"));
        let grown = format!(
            "[{}].map(a, [{}].map(b, {})).size() > 0",
            grown[0], grown[1], grown[2]
        );
        assert_eq!(eval(&grown, &object), Err(EvalError::TooCostly));
        assert_eq!(
            eval("s.replace('x', s) == ''", &object),
            Err(EvalError::Function("replace".into()))
        );
        assert_eq!(
            eval("s.replace('', s) == ''", &object),
            Err(EvalError::Function("replace".into()))
        );
        let huge = Limits {
            input_values: 1000,
            ..Limits::default()
        };
        let expr = Expr::compile("l.size() > 0", huge).unwrap();
        assert_eq!(
            expr.eval_bool(&[("l", &object["l"])]),
            Err(EvalError::TooLarge)
        );
        assert_eq!(
            expr.eval_bool(&[("l", &json!([1])), ("unused", &object)]),
            Ok(true),
            "what is not named costs nothing"
        );
    }

    /// Each of these would take minutes or gigabytes on an object that is merely large.
    #[test]
    fn hostile_expressions_end_soon() {
        let list: Vec<u32> = (0..20_000).collect();
        let object = json!({"l": list, "s": "x".repeat(1 << 18), "t": vec!["y"; 2000]});
        let began = std::time::Instant::now();
        for text in [
            "l.map(x, x).size() > 0",
            "l.filter(x, x > 3).map(x, x + 1).filter(x, x > 1).size() > 0",
            "l.all(x, l.size() > 0)",
            "l.all(x, x in l)",
            "l.map(x, s).size() > 0",
            "t.map(x, s + x).size() > 0",
            "l.distinct().size() > 0",
            "sets.contains(l, l)",
            "l.sortBy(x, -x).size() > 0",
            "l.all(x, s.matches('^(x|xx)*y$'))",
            "t.all(x, x.matches('(x+x+)+y'))",
            "l.transformMap(i, x, s).size() > 0",
            "l.all(i, x, l.all(j, y, true))",
            "cel.bind(a, s+s, cel.bind(b, a+a, cel.bind(c, b+b, cel.bind(d, c+c, cel.bind(e, d+d, e+e+e))))).size() > 0",
            "cel.bind(e, cel.bind(d, cel.bind(c, cel.bind(b, s+s, b+b), c+c), d+d), (e+e)+(e+e)+(e+e)).size() > 0",
            "'%.99999999f'.format([1.0]) == ''",
            "'%s%s%s%s'.format([s, s, s, s]) == ''",
            "lists.range(100000000).size() > 0",
            "s.split('').size() > 0",
            "s.split('').map(x, s.split('')).size() > 0",
            "t.map(x, t.map(y, t.map(z, 1))).size() > 0",
            "lists.range(1000).map(x, lists.range(1000).map(y, lists.range(1000))).size() > 0",
        ] {
            drop(
                Expr::compile(text, Limits::default()).map(|expr| expr.eval_bool(&fields(&object))),
            );
            assert!(began.elapsed().as_secs() < 60, "{text} takes too long");
        }
    }

    #[test]
    fn an_expression_can_be_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Expr>();
    }
}
