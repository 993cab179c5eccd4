//! [`Operation`]: one operation, and what it is about.

use serde_json::Value;

use super::kinds::TestedKind;
use crate::replay::Call;

/// One operation.
pub(super) struct Operation {
    /// Name of the operation, for counting differences.
    pub(super) label: &'static str,
    /// Kind of the object.
    pub(super) kind: String,
    /// Method, path with placeholders, headers.
    pub(super) call: Call,
    pub(super) body: Body,
    /// Path of the object; empty if the operation has none, or if the object has no name yet.
    pub(super) about: String,
    /// Path of the neighbour.
    pub(super) other: String,
}

/// The body of a request.
pub(super) enum Body {
    None,
    /// A text with placeholders.
    Text {
        content_type: &'static str,
        text: String,
    },
    /// The object as each side returned it last, with an edit; this object if there is none.
    Edited {
        patch: Value,
        version: SentVersion,
        otherwise: Value,
    },
}

/// The resource version that is sent back.
#[derive(Clone, Copy)]
pub(super) enum SentVersion {
    /// The last one seen.
    Last,
    /// None.
    None,
    /// The first one of the object.
    First,
}

/// The object of an operation.
pub(super) struct Subject<'k> {
    pub(super) kind: &'k TestedKind,
    pub(super) name: String,
    pub(super) collection: String,
    pub(super) other: String,
}

/// The usual content type.
pub(super) const JSON: &str = "application/json";

impl Subject<'_> {
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.collection, self.name)
    }

    pub(super) fn operation(
        &self,
        label: &'static str,
        method: &str,
        path: String,
        body: Body,
    ) -> Operation {
        let call = Call::new(method, path).header("Accept", JSON);
        Operation {
            label,
            kind: self.kind.name.clone(),
            call,
            body,
            about: self.path(),
            other: self.other.clone(),
        }
    }

    pub(super) fn with_options(&self, sub: &str, options: &str) -> String {
        format!("{}{sub}?{options}", self.path())
    }
}

impl Operation {
    /// Returns the body that is sent equally to both sides.
    pub(super) fn text(&self) -> String {
        match &self.body {
            Body::None => String::new(),
            Body::Text { text, .. } => text.clone(),
            Body::Edited { patch, .. } => patch.to_string(),
        }
    }

    pub(super) fn accepting(mut self, accept: &str) -> Self {
        self.call.headers.clear();
        self.call = self.call.header("Accept", accept);
        self
    }
}
