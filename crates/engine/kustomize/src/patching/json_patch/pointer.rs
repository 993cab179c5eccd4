//! Paths of JSON patches: `/spec/containers/0`, with `~1` for a slash and `~0` for a tilde inside a part.
//!
//! What stands before the first slash is not looked at, as in the library kustomize uses.

use lode_stdx::budget::{Exceeded, Meter};
use lode_yaml::Node;

use crate::config::fieldspec::width;

/// Bytes of a path that are taken apart in one step.
const BYTES_PER_STEP: u64 = 16;

/// Why a path leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Missing {
    /// No slash in it.
    #[error("the path must start with /")]
    NoPath,
    /// There is no such field or entry.
    #[error("there is nothing at this path")]
    Nothing,
    /// A list is asked for something that is no number.
    #[error("a list index must be a number")]
    NoIndex,
    /// A list is shorter than asked for.
    #[error("the list has no such index")]
    OutOfBounds,
    /// The budget does not allow it.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
}

/// Returns the mapping or list a path ends in, and the last part.
pub(super) fn parent<'n>(
    object: &'n mut Node,
    path: &str,
    meter: &Meter<'_>,
) -> Result<(&'n mut Node, String), Missing> {
    meter.steps(path.len() as u64 / BYTES_PER_STEP)?;
    let (_, path) = path.split_once('/').ok_or(Missing::NoPath)?;
    let (above, last) = path
        .rsplit_once('/')
        .map_or((None, path), |(above, last)| (Some(above), last));
    let mut parts = above.into_iter().flat_map(|above| above.split('/'));
    let parent = parts.try_fold(object, |node, part| {
        child(node, &unescaped(part), meter)?.ok_or(Missing::Nothing)
    })?;
    if parent.text().is_some() {
        return Err(Missing::Nothing);
    }
    // Whoever asks for the parent looks for the last part in it.
    meter.steps(1 + width(parent))?;
    Ok((parent, unescaped(last)))
}

/// Returns a field or an entry; a field may be absent.
pub(super) fn child<'n>(
    node: &'n mut Node,
    key: &str,
    meter: &Meter<'_>,
) -> Result<Option<&'n mut Node>, Missing> {
    meter.steps(1 + width(node))?;
    match node.items().map(<[_]>::len) {
        Some(len) => {
            let at = index(key, len)?;
            Ok(node.items_mut().and_then(|items| items.get_mut(at)))
        }
        None if node.entries().is_some() => Ok(node.get_mut(key)),
        None => Err(Missing::Nothing),
    }
}

/// Returns the place in a list of this length; negative indices count from its end.
pub(super) fn index(part: &str, len: usize) -> Result<usize, Missing> {
    let index: i64 = part.parse().map_err(|_| Missing::NoIndex)?;
    let at = if index < 0 {
        index.saturating_add(len as i64)
    } else {
        index
    };
    usize::try_from(at)
        .ok()
        .filter(|at| *at < len)
        .ok_or(Missing::OutOfBounds)
}

fn unescaped(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}
