//! The values of a release: those of `valuesFrom` in order, and the object's own over them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lode_api::HelmRelease;
use lode_api::helm_release::ValuesReference;
use lode_chart::Supplied;
use lode_chart::values::{self, set};
use lode_stdx::budget::{Budget, Exceeded};
use serde_json::{Map, Value};

/// Key of an object with values if a reference names none.
const KEY: &str = "values.yaml";

/// Returns an object of the release's namespace by kind and name.
pub type FoundValues<'f> = &'f dyn Fn(&str, &str) -> Option<Value>;

/// Why there are no values. No text contains one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValuesError {
    /// An object that does not exist.
    #[error("could not find {kind} '{name}'")]
    Object {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
    },
    /// A key that the object does not have, or whose content is not a text.
    #[error("missing key '{key}' in {kind} '{name}'")]
    Key {
        /// The object's kind.
        kind: String,
        /// Its name.
        name: String,
        /// The key.
        key: String,
    },
    /// What the key holds is not what it should be.
    #[error("unable to merge value from key '{key}' in {kind} '{name}': {reason}")]
    Content {
        /// The object's kind.
        kind: String,
        /// Its name.
        name: String,
        /// The key.
        key: String,
        /// The reason.
        reason: String,
    },
    /// The object's own values.
    #[error("values: {0}")]
    Own(String),
    /// The budget is exceeded.
    #[error("reading values {0}")]
    Exceeded(#[from] Exceeded),
}

/// Puts the values of a release together.
///
/// # Errors
/// An object that is not optional is missing, or values are malformed.
pub fn values(
    object: &HelmRelease,
    find: FoundValues<'_>,
    budget: &Budget,
) -> Result<Map<String, Value>, ValuesError> {
    let mut all = Map::new();
    for reference in &object.spec.values_from {
        match content(reference, find) {
            Ok(text) => add(reference, &text, &mut all, budget)?,
            Err(_) if reference.optional == Some(true) => {}
            Err(error) => return Err(error),
        }
    }
    if let Some(own) = &object.spec.values {
        let text = [own.text()];
        let supplied = Supplied {
            set_json: &text,
            ..Supplied::default()
        };
        let no_files = |name: &str| Err(name.to_owned());
        let own = supplied.merge(&no_files, budget);
        values::merge(
            &mut all,
            own.map_err(|error| ValuesError::Own(error.to_string()))?,
        );
    }
    match budget.refused() {
        Some(exceeded) => Err(exceeded.into()),
        None => Ok(all),
    }
}

fn key(reference: &ValuesReference) -> &str {
    reference.values_key.as_deref().unwrap_or(KEY)
}

fn content(reference: &ValuesReference, find: FoundValues<'_>) -> Result<String, ValuesError> {
    let (kind, name) = (reference.kind.to_string(), reference.name.to_string());
    let Some(object) = find(&kind, &name) else {
        return Err(ValuesError::Object { kind, name });
    };
    let key = key(reference);
    let text = |field: &str| object.get(field)?.get(key)?.as_str().map(str::to_owned);
    let found = if kind == "Secret" {
        text("stringData").or_else(|| {
            let bytes = STANDARD.decode(text("data")?.split_whitespace().collect::<String>());
            String::from_utf8(bytes.ok()?).ok()
        })
    } else {
        text("data")
    };
    found.ok_or_else(|| ValuesError::Key {
        kind,
        name,
        key: key.to_owned(),
    })
}

fn add(
    reference: &ValuesReference,
    text: &str,
    all: &mut Map<String, Value>,
    budget: &Budget,
) -> Result<(), ValuesError> {
    let failed = |reason: String| ValuesError::Content {
        kind: reference.kind.to_string(),
        name: reference.name.to_string(),
        key: key(reference).to_owned(),
        reason,
    };
    let path = reference.target_path.as_deref().unwrap_or_default();
    if path.is_empty() {
        let read = values::read(text.as_bytes(), budget);
        values::merge(all, read.map_err(|error| failed(error.to_string()))?);
        return Ok(());
    }
    let set = match quoted(text) {
        _ if reference.literal == Some(true) => {
            set::literal(&format!("{path}={text}"), all, budget)
        }
        Some(inner) => set::texts(&format!("{path}={inner}"), all, budget),
        None => set::typed(&format!("{path}={text}"), all, budget),
    };
    set.map_err(|error| failed(error.to_string()))
}

/// Returns what is in quotes.
fn quoted(text: &str) -> Option<&str> {
    ['\'', '"'].into_iter().find_map(|quote| {
        let is_quoted = text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
        is_quoted.then(|| text.trim_matches(quote))
    })
}
