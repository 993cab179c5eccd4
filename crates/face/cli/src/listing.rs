//! [`Listing`]: the objects of one kind, to be shown.

use lode_api::kinds::Row;
use lode_object::Value;

use crate::kinds::Noun;

/// The objects of one kind.
pub(crate) struct Listing {
    /// Name of the kind in lower case, singular.
    pub(crate) singular: String,
    /// API group of the kind.
    pub(crate) group: String,
    /// The kind's row; none for a kind that Lodestone does not serve.
    pub(crate) row: Option<&'static Row>,
    /// The objects as the API server returned them.
    pub(crate) objects: Vec<Value>,
}

impl Listing {
    pub(crate) fn new(noun: Noun, objects: Vec<Value>) -> Self {
        Self {
            singular: noun.singular().to_owned(),
            group: noun.names().group.to_owned(),
            row: Some(noun.row()),
            objects,
        }
    }
}
