//! Trees in memory, each digest once, as long as somebody uses it and a little longer.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use lode_stdx::Digest;
use lode_tree::Tree;

/// How long a tree is kept after its last use.
const KEPT: Duration = Duration::from_secs(30);
/// Trees kept that nobody uses.
const KEPT_MAX: usize = 8;

type Slot = Arc<Mutex<Weak<Tree>>>;

/// The trees in memory.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    slots: Mutex<HashMap<Digest, Slot>>,
    recent: Mutex<VecDeque<(Instant, Digest, Arc<Tree>)>>,
}

impl Shared {
    /// Returns a tree, making it if nobody holds it. Others who ask for the same meanwhile wait for it.
    pub(crate) fn get<E>(&self, digest: Digest, make: impl FnOnce() -> Result<Tree, E>) -> Result<Arc<Tree>, E> {
        let slot = self.slot(digest);
        let mut held = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let tree = match held.upgrade() {
            Some(tree) => tree,
            None => Arc::new(make()?),
        };
        *held = Arc::downgrade(&tree);
        drop(held);
        self.keep(digest, &tree);
        Ok(tree)
    }

    /// Returns a tree if somebody holds it. It never waits.
    pub(crate) fn held(&self, digest: Digest) -> Option<Arc<Tree>> {
        let tree = self.slot(digest).try_lock().ok()?.upgrade()?;
        self.keep(digest, &tree);
        Some(tree)
    }

    /// Drops what was not used for a while.
    pub(crate) fn trim(&self) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        while recent.front().is_some_and(|(used, ..)| used.elapsed() > KEPT) {
            recent.pop_front();
        }
        drop(recent);
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots
            .retain(|_, slot| Arc::strong_count(slot) > 1 || slot.try_lock().is_ok_and(|held| held.strong_count() > 0));
    }

    fn slot(&self, digest: Digest) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(digest).or_default())
    }

    fn keep(&self, digest: Digest, tree: &Arc<Tree>) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|(_, other, _)| *other != digest);
        if recent.len() >= KEPT_MAX {
            recent.pop_front();
        }
        recent.push_back((Instant::now(), digest, Arc::clone(tree)));
        drop(recent);
        self.trim();
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn many_users_share_one_tree() {
        let (shared, count) = (Shared::default(), AtomicUsize::new(0));
        let make = || {
            count.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(Tree::default())
        };
        std::thread::scope(|scope| {
            for _ in 0..50 {
                scope.spawn(|| shared.get(Digest::of(b"one"), make));
            }
        });
        assert_eq!(count.load(Ordering::Relaxed), 1);
        assert!(shared.held(Digest::of(b"one")).is_some() && shared.held(Digest::of(b"two")).is_none());
    }

    #[test]
    fn only_the_last_few_outlive_their_users() {
        let shared = Shared::default();
        let mut trees = Vec::new();
        for n in 0..20_u8 {
            let tree = shared.get(Digest::of(&[n]), || Ok::<_, Infallible>(Tree::default())).unwrap();
            trees.push(Arc::downgrade(&tree));
        }
        assert_eq!(trees.iter().filter(|tree| tree.strong_count() > 0).count(), KEPT_MAX);
        shared.trim();
        assert_eq!(shared.slots.lock().unwrap().len(), KEPT_MAX);
    }

    #[test]
    fn a_failure_is_not_kept() {
        let shared = Shared::default();
        shared.get(Digest::of(b"x"), || Err(())).unwrap_err();
        shared.get(Digest::of(b"x"), || Ok::<_, ()>(Tree::default())).unwrap();
    }
}
