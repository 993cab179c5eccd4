//! Names of releases that are made by a template.

use std::sync::Arc;

use jiff::Timestamp;
use lode_stdx::budget::Budget;
use lode_template::function::Functions;
use lode_template::{Environment, MissingKey, Random, TemplateFile, Templates, Value};

/// Why a name could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NameError(String);

/// Returns what a template such as `web-{{ randAlpha 6 | lower }}` makes.
///
/// # Errors
/// The template fails, or the budget is exceeded.
pub fn expand(
    template: &str,
    now: Timestamp,
    random: &dyn Random,
    budget: &Budget,
) -> Result<String, NameError> {
    let file = TemplateFile {
        name: NAME,
        text: template.as_bytes().into(),
    };
    let templates = Templates::compile(Arc::new(Functions::helm()), &[file], budget);
    let templates = templates.map_err(|error| NameError(error.to_string()))?;

    let environment = Environment::without_cluster((now, random), budget);
    let name = templates.execute(NAME, Value::Nil, MissingKey::default(), &environment);
    let name = name.map_err(|error| NameError(error.to_string()))?;
    Ok(String::from_utf8_lossy(&name).into_owned())
}

/// The name of the template in errors.
const NAME: &str = "name-template";
