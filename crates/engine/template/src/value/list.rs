//! Slices and arrays.

use std::rc::Rc;

use super::{GoKind, GoType, Value, dismantle, is_last_of_container};

/// A slice or an array. Its items do not change; functions return new lists.
#[derive(Clone)]
pub struct List(Rc<Data>);

/// How Go stores the items of a [`List`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListForm {
    /// A slice.
    Slice,
    /// A nil slice: empty, and null in JSON.
    Nil,
    /// An array.
    Array,
}

struct Data {
    element: GoType,
    form: ListForm,
    /// How far the slice can be extended over what lies behind it.
    spare: u32,
    items: Vec<Value>,
}

impl List {
    /// Returns a `[]interface {}`.
    pub fn new(items: Vec<Value>) -> Self {
        Self::typed(GoType::Any, items)
    }

    /// Returns a slice whose element type is `element`, which all items must have.
    pub fn typed(element: GoType, items: Vec<Value>) -> Self {
        Self::with_form(element, ListForm::Slice, items)
    }

    /// Returns the nil slice of an element type.
    pub fn nil(element: GoType) -> Self {
        Self::with_form(element, ListForm::Nil, Vec::new())
    }

    /// Returns a slice or an array.
    pub fn with_form(element: GoType, form: ListForm, items: Vec<Value>) -> Self {
        Self(Rc::new(Data {
            element,
            form,
            spare: 0,
            items,
        }))
    }

    /// Returns a slice that can be extended by so many zero values.
    pub fn with_spare(element: GoType, items: Vec<Value>, spare: u32) -> Self {
        Self(Rc::new(Data {
            element,
            form: ListForm::Slice,
            spare,
            items,
        }))
    }

    /// Returns by how many items the slice can be extended.
    pub fn spare(&self) -> usize {
        self.0.spare as usize
    }

    /// Returns the items.
    pub fn items(&self) -> &[Value] {
        &self.0.items
    }

    /// Returns an item.
    pub fn get(&self, index: usize) -> Option<&Value> {
        self.0.items.get(index)
    }

    /// Returns the number of items.
    pub fn len(&self) -> usize {
        self.0.items.len()
    }

    /// Returns whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.0.items.is_empty()
    }

    /// Returns whether this is a nil slice.
    pub fn is_nil(&self) -> bool {
        self.0.form == ListForm::Nil
    }

    /// Returns the type of the elements.
    pub fn element(&self) -> &GoType {
        &self.0.element
    }

    /// Returns whether both are the same slice.
    pub fn is_same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn kind(&self) -> GoKind {
        match self.0.form {
            ListForm::Array => GoKind::Array,
            ListForm::Slice | ListForm::Nil => GoKind::Slice,
        }
    }

    pub(super) fn type_of(&self) -> GoType {
        match self.0.form {
            ListForm::Array => GoType::array(self.len(), self.0.element.clone()),
            ListForm::Slice | ListForm::Nil => GoType::slice(self.0.element.clone()),
        }
    }

    pub(super) fn equals_by(&self, other: &Self, same: impl Fn(&Value, &Value) -> bool) -> bool {
        self.0.form == other.0.form
            && self.0.element == other.0.element
            && self.len() == other.len()
            && self
                .items()
                .iter()
                .zip(other.items())
                .all(|(a, b)| same(a, b))
    }

    /// Returns whether nobody else has this one.
    pub(super) fn is_last(&self) -> bool {
        Rc::strong_count(&self.0) == 1
    }

    /// Moves the items out if nobody else has this list.
    pub(super) fn take_items(&mut self, into: &mut Vec<Value>) {
        if let Some(data) = Rc::get_mut(&mut self.0) {
            into.append(&mut data.items);
        }
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        if self.items.iter().any(is_last_of_container) {
            dismantle(std::mem::take(&mut self.items));
        }
    }
}
