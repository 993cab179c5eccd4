//! What a loop goes over.

use super::frame::Slot;
use crate::value::{GoString, GoType, IntegerKind, List, Value};

/// A loop that runs, and what is restored when it goes on or ends.
pub(super) struct Loop {
    pub(super) items: Items,
    pub(super) at: usize,
    pub(super) dot: Slot,
    pub(super) dots: usize,
    pub(super) scopes: usize,
    pub(super) variables: usize,
    /// Steps of one repetition.
    pub(super) cost: usize,
}

/// What is left to loop over. A map is looped over as it was at the start.
pub(super) enum Items {
    List(List),
    Bytes(std::rc::Rc<[u8]>),
    Map {
        entries: std::vec::IntoIter<(GoString, Value)>,
        is_interface: bool,
    },
    Pairs(std::vec::IntoIter<(Value, Value)>),
    Count(IntegerKind, u64),
}

impl Items {
    /// Returns the next index and item.
    pub(super) fn next(&mut self, at: usize) -> Option<(Value, Slot)> {
        let index = || Value::Int(at as i64);
        match self {
            Self::List(list) => {
                let item = list.get(at)?.clone();
                let is_interface = *list.element() == GoType::Any;
                Some((index(), Slot::item(item, is_interface)))
            }
            Self::Bytes(bytes) => {
                let byte = *bytes.get(at)?;
                Some((index(), Slot::item(Value::byte(byte), false)))
            }
            Self::Map {
                entries,
                is_interface,
            } => {
                let (key, value) = entries.next()?;
                Some((Value::String(key), Slot::item(value, *is_interface)))
            }
            Self::Pairs(pairs) => {
                let (key, value) = pairs.next()?;
                Some((key, Slot::item(value, false)))
            }
            Self::Count(kind, count) => {
                let number = at as u64;
                let item = Value::integer(*kind, at as i64);
                (number < *count).then(|| (Value::Nil, Slot::item(item, false)))
            }
        }
    }
}

/// How often a `range` over an integer runs.
pub(super) fn repetitions(value: &Value) -> Option<(IntegerKind, u64)> {
    let integer = value.as_integer()?;
    let count = if integer.kind.is_signed() {
        u64::try_from(integer.bits).unwrap_or_default()
    } else {
        integer.unsigned()
    };
    Some((integer.kind, count))
}
