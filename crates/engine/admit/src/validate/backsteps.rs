//! Paths that must stay inside their folder.

use super::{At, Errors};

/// Checks a path that must not leave its folder.
pub(super) fn no_backsteps(path: &At<'_, '_>, errors: &mut Errors) {
    if path.text().split('/').any(|part| part == "..") {
        errors.push(path.invalid("must not contain '..'"));
    }
}
