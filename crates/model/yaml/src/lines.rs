//! [`Lines`]: the line numbers of fields.

/// The lines of a document's top-level fields, of the fields of its metadata, and of the entries of
/// top-level lists, by JSON pointer. Deliberately small: enough for messages about a configuration
/// file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines(Vec<(Box<str>, u32)>);

impl Lines {
    /// Returns the line of `pointer`, or of its nearest known ancestor.
    #[must_use]
    pub fn of(&self, pointer: &str) -> Option<u32> {
        let mut pointer = pointer;
        loop {
            if let Some((_, line)) = self.0.iter().find(|(known, _)| **known == *pointer) {
                return Some(*line);
            }
            pointer = pointer.rsplit_once('/')?.0;
        }
    }

    /// Records a field's line.
    pub(crate) fn put(&mut self, pointer: String, line: u32) {
        self.0.push((pointer.into(), line));
    }
}
