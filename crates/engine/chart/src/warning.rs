//! [`Warnings`]: what Helm prints on the side while it works.

/// Warnings, in order, without values of charts or users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Warnings {
    texts: Vec<String>,
    left_out: usize,
}

/// Most warnings that are kept.
const WARNINGS_MAX: usize = 100;

impl Warnings {
    /// Adds a warning; of too many only the number is kept.
    pub(crate) fn add(&mut self, text: impl FnOnce() -> String) {
        if self.texts.len() < WARNINGS_MAX {
            self.texts.push(text());
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// Adds all warnings of others.
    pub(crate) fn extend(&mut self, others: &Self) {
        for text in &others.texts {
            self.add(|| text.clone());
        }
        self.left_out = self.left_out.saturating_add(others.left_out);
    }

    /// Returns the warnings.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(String::as_str)
    }

    /// Returns how many more there were.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_are_counted() {
        let mut warnings = Warnings::default();
        for number in 0..WARNINGS_MAX + 3 {
            warnings.add(|| number.to_string());
        }
        assert_eq!(
            (warnings.iter().count(), warnings.left_out()),
            (WARNINGS_MAX, 3)
        );
    }
}
