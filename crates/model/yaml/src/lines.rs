//! [`Lines`]: on which line a field stands.

/// The lines of a document's top-level fields, of metadata's fields and of the entries of top-level lists, by JSON
/// pointer. Small on purpose: enough for messages about a configuration file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines(Vec<(Box<str>, u32)>);

impl Lines {
    /// Returns the line on which `pointer`, or the nearest field above it that is known, stands.
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

    /// Remembers a field's line.
    pub(crate) fn put(&mut self, pointer: String, line: u32) {
        self.0.push((pointer.into(), line));
    }
}
