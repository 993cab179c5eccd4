//! Maps with string keys. They are changed in place, and all clones see it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::rc::Rc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use super::{GoString, GoType, Value, dismantle, is_last_of_container, prefix};
use crate::error::TemplateError;

/// A map with string keys, sorted by key as Go ranges over it. A clone is the same map.
#[derive(Clone)]
pub struct Map(Rc<Data>);

struct Data {
    element: GoType,
    /// The name of a defined type, such as `common.Values`.
    name: Option<&'static str>,
    is_nil: bool,
    /// Sorted by key: small maps are searched and printed faster than a tree.
    entries: RefCell<Vec<(GoString, Value)>>,
}

impl Map {
    /// Returns an empty `map[string]interface {}`.
    pub fn new() -> Self {
        Self::from_entries(Vec::new())
    }

    /// Returns a `map[string]interface {}`; the last of entries with the same key wins.
    pub fn from_entries(entries: Vec<(GoString, Value)>) -> Self {
        Self::typed(GoType::Any, entries)
    }

    /// Returns a map whose values all have the type `element`.
    pub fn typed(element: GoType, mut entries: Vec<(GoString, Value)>) -> Self {
        if !entries.is_sorted_by(|(a, _), (b, _)| a < b) {
            // Stable, so that of equal keys the last one given is last.
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            entries.reverse();
            entries.dedup_by(|(a, _), (b, _)| a == b);
            entries.reverse();
        }
        Self::with(element, None, false, entries)
    }

    /// Returns the nil map of an element type: empty, and null in JSON.
    pub fn nil(element: GoType) -> Self {
        Self::with(element, None, true, Vec::new())
    }

    /// Returns the same entries as a map of a defined type over `map[string]interface {}`, such as
    /// `common.Values`. The new map is another one.
    #[must_use]
    pub fn named(&self, name: &'static str) -> Self {
        Self::with(GoType::Any, Some(name), false, self.entries())
    }

    fn with(
        element: GoType,
        name: Option<&'static str>,
        is_nil: bool,
        entries: Vec<(GoString, Value)>,
    ) -> Self {
        Self(Rc::new(Data {
            element,
            name,
            is_nil,
            entries: RefCell::new(entries),
        }))
    }

    /// Returns the value of a key.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<Value> {
        let entries = self.0.entries.borrow();
        let index = find(&entries, key.as_ref()).ok()?;
        entries.get(index).map(|(_, value)| value.clone())
    }

    /// Returns the value of a key. `seen_at` is where it was last; it need not be right.
    pub(crate) fn get_by(&self, key: &[u8], prefix: u64, seen_at: &AtomicU32) -> Option<Value> {
        let entries = self.0.entries.borrow();
        let guess = seen_at.load(Relaxed) as usize;
        if let Some((found, value)) = entries.get(guess)
            && found.prefix() == prefix
            && found.len() == key.len()
            && (key.len() <= size_of_val(&prefix) || found.as_bytes() == key)
        {
            return Some(value.clone());
        }

        let index = find_by(&entries, key, prefix).ok()?;
        seen_at.store(index as u32, Relaxed);
        entries.get(index).map(|(_, value)| value.clone())
    }

    /// Returns whether there is a key.
    pub fn contains_key(&self, key: impl AsRef<[u8]>) -> bool {
        find(&self.0.entries.borrow(), key.as_ref()).is_ok()
    }

    /// Sets a key of a map that nothing else has yet. Functions that change a map of the template
    /// use [`crate::Context::set`], which also charges the budget.
    ///
    /// # Errors
    /// The map is nil, or [`Map::read`] is running.
    pub fn insert(&self, key: GoString, value: Value) -> Result<(), TemplateError> {
        if self.0.is_nil {
            return Err(TemplateError::new("assignment to entry in nil map"));
        }
        let mut entries = self.0.entries.try_borrow_mut().map_err(|_| being_read())?;
        match find(&entries, &key) {
            Ok(index) => {
                if let Some(entry) = entries.get_mut(index) {
                    entry.1 = value;
                }
            }
            Err(index) => entries.insert(index, (key, value)),
        }
        Ok(())
    }

    /// Removes a key, if it is there.
    ///
    /// # Errors
    /// [`Map::read`] is running.
    pub fn remove(&self, key: impl AsRef<[u8]>) -> Result<Option<Value>, TemplateError> {
        let mut entries = self.0.entries.try_borrow_mut().map_err(|_| being_read())?;
        let found = find(&entries, key.as_ref());
        Ok(found.ok().map(|index| entries.remove(index).1))
    }

    /// Returns the number of keys.
    pub fn len(&self) -> usize {
        self.0.entries.borrow().len()
    }

    /// Returns whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether this is a nil map.
    pub fn is_nil(&self) -> bool {
        self.0.is_nil
    }

    /// Returns the entries as they are now, sorted by key.
    pub fn entries(&self) -> Vec<(GoString, Value)> {
        self.0.entries.borrow().clone()
    }

    /// Returns the keys as they are now, sorted.
    pub fn keys(&self) -> Vec<GoString> {
        self.read(|entries| entries.iter().map(|(key, _)| key.clone()).collect())
    }

    /// Calls `f` with the entries, sorted by key, without copying them. Inside, this map cannot be
    /// changed.
    pub fn read<R>(&self, f: impl FnOnce(&[(GoString, Value)]) -> R) -> R {
        f(&self.0.entries.borrow())
    }

    /// Returns the type of the values.
    pub fn element(&self) -> &GoType {
        &self.0.element
    }

    /// Returns whether both are the same map.
    pub fn is_same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// Returns whether this is a `map[string]interface {}` or a defined type over it, which Go
    /// passes as one.
    pub fn is_of_any(&self) -> bool {
        matches!(self.0.element, GoType::Any)
    }

    /// Empties the map, so that a map that contains itself is freed.
    pub(crate) fn clear(&self) {
        let entries = self.0.entries.try_borrow_mut();
        // Dropped after the borrow has ended: an entry may be this map.
        let entries = entries.map(|mut entries| std::mem::take(&mut *entries));
        drop(entries);
    }

    pub(super) fn type_name(&self) -> Cow<'static, str> {
        match (self.0.name, &self.0.element) {
            (Some(name), _) => name.into(),
            (None, GoType::Any) => "map[string]interface {}".into(),
            (None, element) => format!("map[string]{element}").into(),
        }
    }

    pub(crate) fn type_of(&self) -> GoType {
        match self.0.name {
            Some(name) => GoType::named(name),
            None => GoType::map(GoType::String, self.0.element.clone()),
        }
    }

    pub(super) fn equals_by(&self, other: &Self, same: impl Fn(&Value, &Value) -> bool) -> bool {
        let is_equal =
            |((a, x), (b, y)): (&(GoString, Value), &(GoString, Value))| a == b && same(x, y);
        self.0.is_nil == other.0.is_nil
            && self.0.name == other.0.name
            && self.0.element == other.0.element
            && self.len() == other.len()
            && self.read(|a| other.read(|b| a.iter().zip(b).all(is_equal)))
    }

    /// Returns whether nobody else has this one.
    pub(super) fn is_last(&self) -> bool {
        Rc::strong_count(&self.0) == 1
    }

    /// Moves the values out if nobody else has this map.
    pub(super) fn take_values(&mut self, into: &mut Vec<Value>) {
        if let Some(data) = Rc::get_mut(&mut self.0) {
            into.extend(data.entries.get_mut().drain(..).map(|(_, value)| value));
        }
    }
}

impl Default for Map {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        let entries = self.entries.get_mut();
        if entries.iter().any(|(_, value)| is_last_of_container(value)) {
            dismantle(entries.drain(..).map(|(_, value)| value).collect());
        }
    }
}

fn find(entries: &[(GoString, Value)], key: &[u8]) -> Result<usize, usize> {
    find_by(entries, key, prefix(key))
}

/// Most keys differ in their first bytes, which compare as one number.
fn find_by(entries: &[(GoString, Value)], key: &[u8], prefix: u64) -> Result<usize, usize> {
    entries.binary_search_by(|(found, _)| match found.prefix().cmp(&prefix) {
        Ordering::Equal => found.as_bytes().cmp(key),
        unequal => unequal,
    })
}

fn being_read() -> TemplateError {
    TemplateError::new("the map is changed while it is read")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(map: &Map) -> String {
        let keys = map.keys();
        keys.iter()
            .map(GoString::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn keys_are_sorted_and_the_last_one_given_wins() {
        let entry = |key: &str, value| (GoString::from(key), Value::Int(value));
        let map = Map::from_entries(vec![entry("b", 1), entry("a", 2), entry("b", 3)]);
        assert_eq!(keys(&map), "a b");
        assert_eq!(map.get("b"), Some(Value::Int(3)));
    }

    #[test]
    fn clones_are_the_same_map() {
        let map = Map::new();
        let clone = map.clone();
        clone.insert("a".into(), Value::Nil).unwrap();
        assert!(map.contains_key("a") && map.is_same(&clone));
        assert!(map.remove("a").unwrap().is_some() && clone.is_empty());
    }

    #[test]
    fn nil_maps_and_maps_being_read_are_not_changed() {
        let nil = Map::nil(GoType::Any);
        assert!(nil.insert("a".into(), Value::Nil).is_err());
        let map = Map::new();
        let changed = map.read(|_| map.insert("a".into(), Value::Nil));
        assert!(changed.is_err() && map.is_empty());
    }

    #[test]
    fn a_map_that_contains_itself_can_be_freed() {
        let map = Map::new();
        map.insert("a".into(), map.clone().into()).unwrap();
        map.clear();
        assert_eq!(Rc::strong_count(&map.0), 1);
    }
}
