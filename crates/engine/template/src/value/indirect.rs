//! What a value stands for: the target of a pointer, the built-in value of a defined type.

use super::{GoKind, Value};

/// How many pointers in a row are followed.
const POINTERS_MAX: usize = 16;

impl Value {
    /// Follows pointers to what they point to; nothing if one of them is nil.
    pub(crate) fn indirect(&self) -> Option<Self> {
        let mut value = self.clone();
        for _ in 0..POINTERS_MAX {
            let Self::Object(object) = &value else {
                break;
            };
            if matches!(object.kind(), GoKind::Pointer | GoKind::Interface) && object.is_nil() {
                return None;
            }
            match object.target() {
                Some(target) => value = target,
                None => break,
            }
        }
        Some(value)
    }

    /// Returns the built-in value of a defined type.
    pub(crate) fn plain(&self) -> Self {
        match self {
            Self::Object(object) => object.underlying().unwrap_or_else(|| self.clone()),
            value => value.clone(),
        }
    }
}
