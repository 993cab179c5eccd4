//! Health by the user's own expressions (`healthCheckExprs`, RFC 0009).

use std::fmt;

use lode_cel::{Expr, Limits};
use lode_object::json::int;
use serde_json::Value;

use crate::status::{Health, Status};

/// The three expressions; only `current` is required.
#[derive(Debug, Clone, Copy, Default)]
pub struct Exprs<'e> {
    /// True while the object is progressing.
    pub in_progress: Option<&'e str>,
    /// True if it cannot become ready by itself.
    pub failed: Option<&'e str>,
    /// True if it is in its desired state.
    pub current: Option<&'e str>,
}

/// Compiled expressions for one group and kind.
#[derive(Debug)]
pub struct Checks(Vec<(Which, Expr)>);

/// Why expressions cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// `current` is missing.
    #[error("health check expression \"current\" is missing")]
    NoCurrent,
    /// One of them is not an expression.
    #[error("health check expression \"{field}\": {source}")]
    Compile {
        /// Its field.
        field: &'static str,
        /// The reason.
        source: lode_cel::Error,
    },
}

impl Checks {
    /// Compiles the expressions; an empty one counts as absent.
    ///
    /// # Errors
    /// `current` is missing, or one of them is not an expression.
    pub fn compile(exprs: &Exprs<'_>) -> Result<Self, CheckError> {
        let given = |text: Option<&str>| text.is_some_and(|text| !text.is_empty());
        if !given(exprs.current) {
            return Err(CheckError::NoCurrent);
        }
        // The order is the RFC's.
        let all = [
            (Which::InProgress, exprs.in_progress),
            (Which::Failed, exprs.failed),
            (Which::Current, exprs.current),
        ];
        let compiled = all
            .into_iter()
            .filter(|(_, text)| given(*text))
            .map(|(which, text)| {
                let compiled = Expr::compile(text.unwrap_or_default(), Limits::default());
                compiled
                    .map(|expr| (which, expr))
                    .map_err(|source| CheckError::Compile {
                        field: which.field(),
                        source,
                    })
            });
        Ok(Self(compiled.collect::<Result<_, _>>()?))
    }

    /// Returns the object's health: in progress while its controller has not observed it, then what
    /// the first true expression says, and in progress if none is true. If an expression fails,
    /// health is unknown.
    #[must_use]
    pub fn evaluate(&self, object: &Value) -> Health {
        let generation = |pointer: &str| int(object, pointer);
        let observed =
            generation("/status/observedGeneration").zip(generation("/metadata/generation"));
        if observed.is_some_and(|(observed, generation)| observed != generation) {
            return Health::progress("LatestGenerationNotObserved", "");
        }

        let fields: Vec<(&str, &Value)> = object
            .as_object()
            .into_iter()
            .flat_map(|map| map.iter().map(|(key, value)| (key.as_str(), value)))
            .collect();
        for (which, expr) in &self.0 {
            match expr.eval_bool(&fields) {
                Ok(true) => return Health::new(which.status(), "", ""),
                Ok(false) => {}
                Err(error) => {
                    return Health::unknown(format!(
                        "health check expression \"{which}\": {error}"
                    ));
                }
            }
        }
        Health::progress("", "")
    }
}

/// Which of the three expressions.
#[derive(Debug, Clone, Copy)]
enum Which {
    InProgress,
    Failed,
    Current,
}

impl Which {
    fn field(self) -> &'static str {
        match self {
            Self::InProgress => "inProgress",
            Self::Failed => "failed",
            Self::Current => "current",
        }
    }

    fn status(self) -> Status {
        match self {
            Self::InProgress => Status::InProgress,
            Self::Failed => Status::Failed,
            Self::Current => Status::Current,
        }
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.field())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checks() -> Checks {
        Checks::compile(&Exprs {
            in_progress: Some("status.phase == 'Pending'"),
            failed: Some("status.phase == 'Broken' || status.errors > 2"),
            current: Some("status.phase == 'Done' && data.state == 'done'"),
        })
        .unwrap()
    }

    fn status(object: &Value) -> Status {
        checks().evaluate(object).status
    }

    #[test]
    fn the_first_true_expression_decides() {
        let object = |phase: &str, state: &str| json!({"status": {"phase": phase, "errors": 0}, "data": {"state": state}});
        assert_eq!(status(&object("Pending", "done")), Status::InProgress);
        assert_eq!(status(&object("Broken", "done")), Status::Failed);
        assert_eq!(status(&object("Done", "done")), Status::Current);
        assert_eq!(
            status(&object("Done", "not")),
            Status::InProgress,
            "none is true"
        );
    }

    #[test]
    fn an_unseen_generation_is_progress_whatever_the_expressions_say() {
        let object = |observed: Value| json!({"metadata": {"generation": 2}, "status": {"phase": "Broken", "observedGeneration": observed}});
        assert_eq!(status(&object(json!(1))), Status::InProgress);
        assert_eq!(status(&object(json!(2))), Status::Failed);
    }

    #[test]
    fn an_expression_that_fails_is_told_with_its_name() {
        let health = checks().evaluate(&json!({"data": {}}));
        assert_eq!(health.status, Status::Unknown);
        assert!(
            health
                .message
                .starts_with("health check expression \"inProgress\": "),
            "{}",
            health.message
        );
    }

    #[test]
    fn what_cannot_be_compiled_is_refused() {
        assert_eq!(
            Checks::compile(&Exprs::default()).unwrap_err(),
            CheckError::NoCurrent
        );
        let bad = Exprs {
            current: Some("true"),
            failed: Some("status.("),
            ..Exprs::default()
        };
        let error = Checks::compile(&bad).unwrap_err().to_string();
        assert!(
            error.starts_with("health check expression \"failed\": "),
            "{error}"
        );
    }
}
