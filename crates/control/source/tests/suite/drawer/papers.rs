//! [`Papers`]: what lies in the drawer, and what was asked of it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use lode_stdx::Digest;
use tokio::sync::Notify;

/// Names of papers with the digests of their texts.
pub(crate) type Listing = BTreeMap<String, Digest>;

/// The papers in the drawer.
#[derive(Default)]
pub(crate) struct Papers {
    inside: Mutex<Inside>,
    /// A look that finds the drawer stuck waits here.
    pub(crate) freed: Notify,
}

#[derive(Default)]
struct Inside {
    texts: BTreeMap<String, String>,
    is_jammed: bool,
    is_stuck: bool,
    looks: usize,
    read: Vec<String>,
}

impl Papers {
    /// Writes a paper.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let mut inside = self.inside.lock().unwrap();
        inside.texts.insert(name.to_owned(), text.to_owned());
    }

    /// Makes looks into the drawer fail, or not.
    pub(crate) fn jam(&self, is_jammed: bool) {
        self.inside.lock().unwrap().is_jammed = is_jammed;
    }

    /// Makes looks into the drawer wait until they are freed.
    pub(crate) fn stick(&self) {
        self.inside.lock().unwrap().is_stuck = true;
    }

    /// Returns how many looks there were.
    pub(crate) fn looks(&self) -> usize {
        self.inside.lock().unwrap().looks
    }

    /// Returns the names of the papers that were read since the last call.
    pub(crate) fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.inside.lock().unwrap().read)
    }

    /// Looks into the drawer.
    pub(crate) async fn list(&self) -> Result<Listing, &'static str> {
        let is_stuck = {
            let mut inside = self.inside.lock().unwrap();
            inside.looks += 1;
            inside.is_stuck
        };
        if is_stuck {
            self.freed.notified().await;
        }

        let inside = self.inside.lock().unwrap();
        if inside.is_jammed {
            return Err("the drawer is jammed");
        }
        let texts = inside.texts.iter();
        Ok(texts
            .map(|(name, text)| (name.clone(), Digest::of(text.as_bytes())))
            .collect())
    }

    /// Reads a paper; nothing if it is gone.
    pub(crate) fn read(&self, name: &str) -> Option<String> {
        let mut inside = self.inside.lock().unwrap();
        inside.read.push(name.to_owned());
        inside.texts.get(name).cloned()
    }
}
