//! [`KnownTexts`]: what texts mean that were read before.
//!
//! Reading a text again costs the budget what it did at first, so that the outcome never depends on what is known.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::Arc;

use crate::Lock;
use crate::budget::{Budget, Exceeded, Limits};

/// The text read last under each key, and what it means. Shared between threads; bounded by what it holds.
pub struct KnownTexts<K, X, T: ?Sized> {
    held_max: u64,
    kept: Lock<Kept<K, X, T>>,
}

struct Kept<K, X, T: ?Sized> {
    texts: HashMap<K, KnownText<X, T>>,
    held: u64,
}

struct KnownText<X, T: ?Sized> {
    text: X,
    meaning: Arc<T>,
    /// About how many bytes both hold.
    held: u64,
    /// What reading the text has cost.
    spent: Limits,
}

impl<K, X, T: ?Sized> KnownTexts<K, X, T>
where
    K: Eq + Hash,
    X: Clone + Deref<Target: AsRef<[u8]>>,
{
    /// Starts empty; at most `held_max` bytes are kept.
    #[must_use]
    pub fn new(held_max: u64) -> Self {
        Self {
            held_max,
            kept: Lock::new(Kept {
                texts: HashMap::new(),
                held: 0,
            }),
        }
    }

    /// Returns about how many bytes are kept.
    pub fn held(&self) -> u64 {
        self.kept.lock().held
    }

    /// Returns what a text means, if it was the last one under its key. It costs what it did at first.
    ///
    /// # Errors
    /// The budget is exceeded.
    pub fn find<Q: Eq + Hash + ?Sized>(
        &self,
        key: &Q,
        text: &[u8],
        budget: &Budget,
    ) -> Result<Option<Arc<T>>, Exceeded>
    where
        K: Borrow<Q>,
    {
        let (known, meaning, spent) = match self.kept.lock().texts.get(key) {
            Some(known) => (known.text.clone(), known.meaning.clone(), known.spent),
            None => return Ok(None),
        };
        if (*known).as_ref() != text {
            return Ok(None);
        }
        budget.spend(spent)?;
        Ok(Some(meaning))
    }

    /// Keeps what a text means; the texts before it are forgotten if they are too many.
    pub fn keep(&self, key: K, text: X, meaning: Arc<T>, (held, spent): (u64, Limits)) {
        let mut kept = self.kept.lock();
        if let Some(old) = kept.texts.remove(&key) {
            kept.held -= old.held;
        }
        if held > self.held_max {
            return;
        }
        if kept.held + held > self.held_max {
            kept.texts.clear();
            kept.held = 0;
        }
        kept.held += held;
        let known = KnownText {
            text,
            meaning,
            held,
            spent,
        };
        kept.texts.insert(key, known);
    }
}

/// Without the content, which may be secret.
impl<K, X, T: ?Sized> fmt::Debug for KnownTexts<K, X, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.kept.lock().held;
        write!(f, "KnownTexts({held} bytes)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPENT: Limits = Limits {
        bytes: 3,
        nodes: 2,
        steps: 1,
    };

    type Known = KnownTexts<String, Arc<String>, u32>;

    fn keep(known: &Known, key: &str, text: &str, held: u64) {
        let text = Arc::new(text.to_owned());
        known.keep(key.to_owned(), text, Arc::new(7), (held, SPENT));
    }

    fn is_known(known: &Known, key: &str, text: &str) -> bool {
        let found = known.find(key, text.as_bytes(), &Budget::unlimited());
        found.unwrap().is_some()
    }

    #[test]
    fn a_text_is_known_as_long_as_it_is_the_last_one_of_its_key() {
        let known = Known::new(10);
        keep(&known, "x", "secret", 6);
        assert!(is_known(&known, "x", "secret"));
        assert!(!is_known(&known, "x", "other"));
        assert!(!is_known(&known, "y", "secret"));
        assert_eq!(format!("{known:?}"), "KnownTexts(6 bytes)");
        keep(&known, "x", "other", 5);
        assert!(!is_known(&known, "x", "secret"));
        assert!(is_known(&known, "x", "other"));
        assert_eq!(known.held(), 5);
    }

    #[test]
    fn a_text_that_is_known_costs_what_it_did() {
        let known = Known::new(10);
        keep(&known, "x", "text", 4);
        let budget = Budget::new(Limits {
            nodes: 3,
            ..Limits::UNLIMITED
        });
        assert!(known.find("x", b"text", &budget).unwrap().is_some());
        assert_eq!(budget.spent(), SPENT);
        assert!(known.find("x", b"text", &budget).is_err());
    }

    #[test]
    fn so_much_is_kept_and_no_more() {
        let known = Known::new(10);
        for key in ["x", "y", "z"] {
            keep(&known, key, "text", 5);
        }
        let found = ["x", "y", "z"].map(|key| is_known(&known, key, "text"));
        assert_eq!(found, [false, false, true]);
        keep(&known, "large", "text", 11);
        assert!(!is_known(&known, "large", "text"));
        assert_eq!(known.held(), 5);
    }
}
