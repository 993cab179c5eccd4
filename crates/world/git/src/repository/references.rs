//! [`References`]: names and the objects they point to, and [`Watch`], which signals changes.
//!
//! Input: updates with their expected old values. Output: the result of each. An update is made
//! only if the name still points where the update expects, so two writers never overwrite each
//! other unnoticed; a watch sees the latest state, not every intermediate one.

use std::collections::BTreeMap;
use std::sync::Arc;

use gix_hash::ObjectId as Id;
use tokio::sync::watch;

use crate::id::ObjectId;

/// Most references of a repository.
const REFERENCES_MAX: usize = 100_000;
/// Longest name of a reference, in bytes.
const NAME_MAX: usize = 1024;

/// Names and the objects they point to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References(Arc<BTreeMap<String, Id>>);

/// A change of one reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The full name, such as `refs/heads/main`.
    pub name: String,
    /// The expected old value; nothing means that it must not exist.
    pub old: Option<ObjectId>,
    /// The new value; nothing removes it.
    pub new: Option<ObjectId>,
}

/// Why a reference was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not a valid name of a reference.
    #[error("not a valid branch or tag name")]
    Name,
    /// It was changed in the meantime.
    #[error("fetch first: the reference has changed in the meantime")]
    Stale,
    /// A name that is a folder of another name, or the other way round.
    #[error("the name conflicts with {0}")]
    Conflict(String),
    /// The object does not exist.
    #[error("missing necessary objects")]
    Missing,
    /// A branch can only point to a commit.
    #[error("a branch leads to a commit, and this is none")]
    NoCommit,
    /// The branch that HEAD refers to cannot be removed.
    #[error("deletion of the current branch prohibited")]
    Head,
    /// The limit of a repository's references is reached.
    #[error("more than {REFERENCES_MAX} references")]
    TooMany,
    /// Another update of the same set was refused.
    #[error("atomic push failed")]
    Atomic,
}

impl References {
    /// Returns the object that a name points to.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<ObjectId> {
        self.0.get(name).copied().map(ObjectId)
    }

    /// Returns all names in order, each with its object.
    pub fn iter(&self) -> impl Iterator<Item = (&str, ObjectId)> {
        self.0
            .iter()
            .map(|(name, id)| (name.as_str(), ObjectId(*id)))
    }

    fn apply(&mut self, update: &Update) -> Result<(), Refusal> {
        if self.get(&update.name) != update.old {
            return Err(Refusal::Stale);
        }
        let Some(new) = update.new else {
            Arc::make_mut(&mut self.0).remove(&update.name);
            return Ok(());
        };
        if update.old.is_none() {
            self.check_new(&update.name)?;
        }
        Arc::make_mut(&mut self.0).insert(update.name.clone(), new.0);
        Ok(())
    }

    fn check_new(&self, name: &str) -> Result<(), Refusal> {
        if self.0.len() >= REFERENCES_MAX {
            return Err(Refusal::TooMany);
        }
        let mut folders = name.match_indices('/').map(|(end, _)| &name[..end]);
        if let Some(folder) = folders.find(|folder| self.0.contains_key(*folder)) {
            return Err(Refusal::Conflict(folder.to_owned()));
        }
        let inside = format!("{name}/");
        match self.0.range(inside.clone()..).next() {
            Some((other, _)) if other.starts_with(&inside) => Err(Refusal::Conflict(other.clone())),
            _ => Ok(()),
        }
    }
}

/// Signals changes of references.
#[derive(Debug)]
pub struct Watch(watch::Receiver<References>);

impl Watch {
    /// Returns the current references, and marks them as seen.
    pub fn now(&mut self) -> References {
        self.0.borrow_and_update().clone()
    }

    /// Waits until the references differ from those last seen; nothing if the repository is gone.
    pub async fn changed(&mut self) -> Option<References> {
        self.0.changed().await.ok()?;
        Some(self.now())
    }
}

/// The references of one repository, changed by one writer at a time.
#[derive(Debug, Default)]
pub(crate) struct Board(watch::Sender<References>);

impl Board {
    pub(crate) fn now(&self) -> References {
        self.0.borrow().clone()
    }

    pub(crate) fn watch(&self) -> Watch {
        Watch(self.0.subscribe())
    }

    /// Makes the updates and returns the result of each; `atomic` makes all or none. Refusals that
    /// are already known are passed in.
    pub(crate) fn apply(
        &self,
        updates: &[Update],
        mut outcomes: Vec<Result<(), Refusal>>,
        atomic: bool,
    ) -> Vec<Result<(), Refusal>> {
        self.0.send_if_modified(|references| {
            let mut next = references.clone();
            for (update, outcome) in updates
                .iter()
                .zip(&mut outcomes)
                .filter(|(_, outcome)| outcome.is_ok())
            {
                *outcome = next.apply(update);
            }
            if atomic && outcomes.iter().any(Result::is_err) {
                outcomes
                    .iter_mut()
                    .filter(|outcome| outcome.is_ok())
                    .for_each(|it| *it = Err(Refusal::Atomic));
                return false;
            }
            let changed = *references != next;
            *references = next;
            changed
        });
        outcomes
    }
}

/// Returns whether a name is valid for a reference: Git's rules, and below `refs/` only.
pub(crate) fn is_name(name: &str) -> bool {
    let parts_fine = name.split('/').all(|part| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && part.strip_suffix(".lock").is_none()
    });
    let bad =
        |c: char| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    name.len() <= NAME_MAX
        && name.matches('/').count() >= 2
        && name.starts_with("refs/")
        && parts_fine
        && !name.contains(bad)
        && !name.contains("..")
        && !name.contains("@{")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: &str) -> ObjectId {
        digit.repeat(40).parse().unwrap()
    }

    fn update(name: &str, old: Option<ObjectId>, new: Option<ObjectId>) -> Update {
        Update {
            name: name.to_owned(),
            old,
            new,
        }
    }

    fn apply(board: &Board, updates: &[Update], atomic: bool) -> Vec<Result<(), Refusal>> {
        board.apply(updates, vec![Ok(()); updates.len()], atomic)
    }

    #[test]
    fn an_update_holds_only_if_it_knew_the_state() {
        let board = Board::default();
        let (a, b) = (id("a"), id("b"));
        assert_eq!(
            apply(&board, &[update("refs/heads/x", None, Some(a))], false),
            [Ok(())]
        );
        for (old, new) in [
            (None, Some(b)),
            (Some(b), Some(b)),
            (None, None),
            (Some(b), None),
        ] {
            assert_eq!(
                apply(&board, &[update("refs/heads/x", old, new)], false),
                [Err(Refusal::Stale)]
            );
        }
        assert_eq!(
            apply(&board, &[update("refs/heads/x", Some(a), Some(b))], false),
            [Ok(())]
        );
        assert_eq!(board.now().get("refs/heads/x"), Some(b));
        assert_eq!(
            apply(&board, &[update("refs/heads/x", Some(b), None)], false),
            [Ok(())]
        );
        assert_eq!(board.now(), References::default());
    }

    #[test]
    fn an_atomic_set_is_made_whole_or_not() {
        let board = Board::default();
        let a = id("a");
        let set = [
            update("refs/heads/x", None, Some(a)),
            update("refs/heads/y", Some(a), None),
        ];
        assert_eq!(
            apply(&board, &set, true),
            [Err(Refusal::Atomic), Err(Refusal::Stale)]
        );
        assert_eq!(board.now(), References::default());
        assert_eq!(apply(&board, &set, false), [Ok(()), Err(Refusal::Stale)]);
    }

    #[test]
    fn a_name_is_no_folder_of_another() {
        let board = Board::default();
        let new = |name: &str| apply(&board, &[update(name, None, Some(id("a")))], false).remove(0);
        new("refs/heads/a/b").unwrap();
        assert_eq!(
            new("refs/heads/a"),
            Err(Refusal::Conflict("refs/heads/a/b".to_owned()))
        );
        assert_eq!(
            new("refs/heads/a/b/c"),
            Err(Refusal::Conflict("refs/heads/a/b".to_owned()))
        );
        assert_eq!(
            (new("refs/heads/a-b"), new("refs/heads/a/c")),
            (Ok(()), Ok(()))
        );
    }

    #[test]
    fn names_follow_gits_rules() {
        for name in [
            "refs/heads/main",
            "refs/heads/fix/a-1",
            "refs/tags/v1.0.0",
            "refs/heads/ä",
        ] {
            assert!(is_name(name), "{name}");
        }
        let long = format!("refs/heads/{}", "x".repeat(NAME_MAX));
        for name in [
            "HEAD",
            "main",
            "refs/x",
            "refs/heads/",
            "refs/heads//a",
            "refs/heads/.a",
            "refs/heads/a.lock",
            "refs/heads/a..b",
            "refs/heads/a b",
            "refs/heads/a\n",
            "refs/heads/a^",
            "refs/heads/@{1}",
            "refs/heads/a.",
            "../refs/heads/a",
            &long,
        ] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[tokio::test]
    async fn a_watch_tells_of_changes_and_of_nothing_else() {
        let board = Board::default();
        let mut watch = board.watch();
        apply(
            &board,
            &[update("refs/heads/x", None, Some(id("a")))],
            false,
        );
        assert_eq!(
            watch.changed().await.unwrap().get("refs/heads/x"),
            Some(id("a"))
        );
        apply(
            &board,
            &[update("refs/heads/x", None, Some(id("b")))],
            false,
        );
        assert!(!watch.0.has_changed().unwrap());
        drop(board);
        assert_eq!(watch.changed().await, None);
    }
}
