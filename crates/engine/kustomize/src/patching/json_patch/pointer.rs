//! Paths of JSON patches: `/spec/containers/0`, with `~1` for a slash and `~0` for a tilde inside a
//! part.
//!
//! Text before the first slash is ignored, as in the library used by kustomize.

use lode_stdx::budget::{Exceeded, Meter};
use lode_yaml::Node;

use crate::config::fieldspec::width;

/// Bytes of a path parsed in one step.
const BYTES_PER_STEP: u64 = 16;

/// Why a path cannot be resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Missing {
    /// It has no slash.
    #[error("the path must start with /")]
    NoPath,
    /// The field or entry does not exist.
    #[error("there is nothing at this path")]
    Nothing,
    /// The index into a list is not a number.
    #[error("a list index must be a number")]
    NoIndex,
    /// The index is beyond the end of the list.
    #[error("the list has no such index")]
    OutOfBounds,
    /// The budget does not allow it.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
}

/// Returns the mapping or list that contains a path's target, and the last part.
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
    // The caller looks the last part up in the parent.
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

/// Returns the index into a list of this length; negative indices count from its end.
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
