//! [`KeptYaml`]: texts that templates have read as YAML, and what they mean.
//!
//! A chart reads the same files in each run: definitions whose labels it sets, or profiles of values. The values
//! themselves are made for each run, because a template may change them.

use std::collections::BTreeMap;
use std::sync::Arc;

use lode_object::Value as Json;
use lode_stdx::Lock;
use lode_stdx::budget::{Budget, Exceeded, Limits};

/// Texts shorter than this are read again.
const LENGTH_MIN: usize = 1 << 10;
/// Bytes that reading all that is kept has cost, which is about what it holds.
const KEPT_MAX: u64 = 8 << 20;

/// What the texts that were read last mean.
#[derive(Debug, Default)]
pub(crate) struct KeptYaml(Lock<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// By their lengths, which tells most of them apart.
    texts: BTreeMap<usize, Vec<KeptText>>,
    bytes: u64,
}

#[derive(Debug, Clone)]
struct KeptText {
    text: Arc<[u8]>,
    json: Arc<Json>,
    /// What reading it has cost.
    spent: Limits,
}

impl KeptYaml {
    /// Returns about how many bytes are kept.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.0.lock().bytes
    }

    /// Returns what a text means, if it is known. It costs what it did at first.
    pub(super) fn find(&self, text: &[u8], budget: &Budget) -> Result<Option<Arc<Json>>, Exceeded> {
        if text.len() < LENGTH_MIN {
            return Ok(None);
        }
        let same_length = self.0.lock().texts.get(&text.len()).cloned();
        let mut kept = same_length.iter().flatten();
        let Some(found) = kept.find(|kept| *kept.text == *text) else {
            return Ok(None);
        };
        budget.spend(found.spent)?;
        Ok(Some(Arc::clone(&found.json)))
    }

    /// Keeps what a text means; the texts before it are forgotten if they are too many.
    pub(super) fn keep(&self, text: &[u8], json: &Arc<Json>, spent: Limits) {
        if text.len() < LENGTH_MIN || spent.bytes > KEPT_MAX {
            return;
        }
        let mut kept = self.0.lock();
        if kept.bytes + spent.bytes > KEPT_MAX {
            *kept = Kept::default();
        }
        kept.bytes += spent.bytes;
        kept.texts.entry(text.len()).or_default().push(KeptText {
            text: text.into(),
            json: Arc::clone(json),
            spent,
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SPENT: Limits = Limits {
        bytes: 3,
        nodes: 2,
        steps: 1,
    };

    #[test]
    fn a_text_that_is_known_costs_what_it_did() {
        let kept = KeptYaml::default();
        let (text, other) = ([b'a'; 2000], [b'b'; 2000]);
        let json = Arc::new(json!({"a": 1}));
        kept.keep(&text, &json, SPENT);
        let budget = Budget::new(Limits {
            nodes: 3,
            ..Limits::UNLIMITED
        });
        assert_eq!(kept.find(&other, &budget), Ok(None));
        assert_eq!(kept.find(&text, &budget), Ok(Some(json)));
        assert_eq!(budget.spent(), SPENT);
        assert!(kept.find(&text, &budget).is_err());
    }

    #[test]
    fn so_much_is_kept_and_no_more() {
        let kept = KeptYaml::default();
        let (json, budget) = (Arc::new(Json::Null), Budget::unlimited());
        let texts = [b'a', b'b', b'c'].map(|letter| vec![letter; 2000]);
        let spent = |bytes| Limits { bytes, ..SPENT };
        for text in &texts {
            kept.keep(text, &json, spent(KEPT_MAX / 2));
        }
        let found = texts
            .each_ref()
            .map(|text| kept.find(text, &budget).unwrap().is_some());
        assert_eq!(found, [false, false, true]);
        for (text, bytes) in [(vec![b'd'; 10], 1), (vec![b'd'; 2000], KEPT_MAX + 1)] {
            kept.keep(&text, &json, spent(bytes));
            assert_eq!(kept.find(&text, &budget), Ok(None));
        }
        assert_eq!(kept.held_bytes(), KEPT_MAX / 2);
    }
}
