//! Methods of the objects that functions return: a name and a signature each.

use crate::function::Signature;

/// The methods of a type.
pub(crate) struct Methods(Vec<(&'static str, Signature)>);

impl Methods {
    /// Reads pairs of a name and a signature as Go writes it.
    pub(crate) fn new(rows: &[(&'static str, &str)]) -> Self {
        let rows = rows.iter();
        let rows = rows.map(|(name, signature)| (*name, Signature::parse(signature)));
        Self(rows.collect())
    }

    /// Returns the signature of a method.
    pub(crate) fn get(&self, name: &str) -> Option<&Signature> {
        let row = self.0.iter().find(|(method, _)| *method == name);
        row.map(|(_, signature)| signature)
    }
}
