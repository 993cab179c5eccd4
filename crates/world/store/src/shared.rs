//! Trees in memory, one per digest, kept while they are used and a little longer.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Duration;

use lode_stdx::{Digest, Lock};
use lode_tree::{ENTRY_BYTES, Entry, Tree};
use tokio::time::Instant;

/// How long a tree is kept after its last use.
const KEPT: Duration = Duration::from_secs(30);
/// Most unused trees kept.
const KEPT_MAX: usize = 8;
/// Most bytes of memory of the kept trees together, not counting the last one.
const KEPT_BYTES_MAX: u64 = 32 << 20;

type Slot = Arc<Lock<Weak<Tree>>>;

/// A recently used tree.
#[derive(Debug)]
struct Recent {
    used: Instant,
    digest: Digest,
    /// Keeps the tree alive.
    _tree: Arc<Tree>,
    /// Its bytes in memory.
    bytes: u64,
}

/// The trees in memory.
#[derive(Debug, Default)]
pub(crate) struct SharedTrees {
    slots: Lock<HashMap<Digest, Slot>>,
    recent: Lock<VecDeque<Recent>>,
}

impl SharedTrees {
    /// Returns a tree, loading it if it is not in memory. Concurrent requests for the same one wait
    /// for it.
    pub(crate) fn get<E>(
        &self,
        digest: Digest,
        make: impl FnOnce() -> Result<Tree, E>,
    ) -> Result<Arc<Tree>, E> {
        let slot = self.slot(digest);
        let mut held = slot.lock();
        let tree = match held.upgrade() {
            Some(tree) => tree,
            None => Arc::new(make()?),
        };
        *held = Arc::downgrade(&tree);
        drop(held);
        self.keep(digest, &tree);
        Ok(tree)
    }

    /// Returns a tree if it is in memory. Never waits.
    pub(crate) fn held(&self, digest: Digest) -> Option<Arc<Tree>> {
        let tree = self.slot(digest).try_lock()?.upgrade()?;
        self.keep(digest, &tree);
        Some(tree)
    }

    /// Drops trees that were not used for a while.
    pub(crate) fn trim(&self) {
        let mut recent = self.recent.lock();
        while recent
            .front()
            .is_some_and(|recent| recent.used.elapsed() > KEPT)
        {
            recent.pop_front();
        }
        drop(recent);
        let mut slots = self.slots.lock();
        slots.retain(|_, slot| {
            Arc::strong_count(slot) > 1
                || slot.try_lock().is_some_and(|held| held.strong_count() > 0)
        });
    }

    fn slot(&self, digest: Digest) -> Slot {
        let mut slots = self.slots.lock();
        Arc::clone(slots.entry(digest).or_default())
    }

    fn keep(&self, digest: Digest, tree: &Arc<Tree>) {
        let mut recent = self.recent.lock();
        let known = recent
            .iter()
            .position(|other| other.digest == digest)
            .and_then(|at| recent.remove(at));
        let bytes = known.map_or_else(|| in_memory(tree), |known| known.bytes);
        let mut held: u64 = recent.iter().map(|other| other.bytes).sum();
        while recent.len() >= KEPT_MAX
            || !recent.is_empty() && held.saturating_add(bytes) > KEPT_BYTES_MAX
        {
            held -= recent.pop_front().map_or(0, |oldest| oldest.bytes);
        }
        recent.push_back(Recent {
            used: Instant::now(),
            digest,
            _tree: Arc::clone(tree),
            bytes,
        });
        drop(recent);
        self.trim();
    }
}

fn in_memory(tree: &Tree) -> u64 {
    let bytes = |entry: &Entry| {
        if matches!(entry, Entry::File { .. }) {
            entry.size()
        } else {
            0
        }
    };
    tree.entries()
        .map(|(path, entry)| path.as_str().len() as u64 + ENTRY_BYTES + bytes(entry))
        .sum()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn many_users_share_one_tree() {
        let (shared, count) = (SharedTrees::default(), AtomicUsize::new(0));
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
        assert!(
            shared.held(Digest::of(b"one")).is_some() && shared.held(Digest::of(b"two")).is_none()
        );
    }

    #[test]
    fn only_the_last_few_outlive_their_users() {
        let shared = SharedTrees::default();
        let mut trees = Vec::new();
        for n in 0..20_u8 {
            let tree = shared
                .get(Digest::of(&[n]), || Ok::<_, Infallible>(Tree::default()))
                .unwrap();
            trees.push(Arc::downgrade(&tree));
        }
        assert_eq!(
            trees.iter().filter(|tree| tree.strong_count() > 0).count(),
            KEPT_MAX
        );
        shared.trim();
        assert_eq!(shared.slots.lock().len(), KEPT_MAX);
    }

    #[test]
    fn large_ones_make_room_for_one_another() {
        let shared = SharedTrees::default();
        let mut trees = Vec::new();
        for n in 0..4_u8 {
            let large = vec![n; (KEPT_BYTES_MAX / 3) as usize];
            let make = || Ok::<_, Infallible>(Tree::from_iter([("large", large)]));
            trees.push(Arc::downgrade(&shared.get(Digest::of(&[n]), make).unwrap()));
        }
        let held: Vec<_> = trees.iter().map(|tree| tree.strong_count() > 0).collect();
        assert_eq!(held, [false, false, true, true]);
    }

    #[test]
    fn a_failure_is_not_kept() {
        let shared = SharedTrees::default();
        shared.get(Digest::of(b"x"), || Err(())).unwrap_err();
        shared
            .get(Digest::of(b"x"), || Ok::<_, ()>(Tree::default()))
            .unwrap();
    }
}
