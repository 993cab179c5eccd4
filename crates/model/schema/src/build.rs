//! [`Builder`]: builds a [`Schema`] type by type.

use std::collections::HashMap;

use crate::types::{Atom, List, Map, Scalar, Schema, TypeId, TypeRef};

/// Builds a [`Schema`] type by type. A type may be used before it is defined.
#[derive(Debug)]
pub struct Builder {
    atoms: Vec<Option<Atom>>,
    names: HashMap<Box<str>, TypeId>,
    /// Scalars without a name.
    scalars: Vec<TypeId>,
}

impl Builder {
    /// Returns the type of a name, which must be defined before [`finish`](Self::finish).
    pub fn declare(&mut self, name: &str) -> TypeRef {
        if let Some(id) = self.names.get(name) {
            return TypeRef::from(*id);
        }
        let id = TypeId(self.atoms.len() as u32);
        self.atoms.push(None);
        self.names.insert(name.into(), id);
        TypeRef::from(id)
    }

    /// Defines the type of a name, unless it is already defined.
    pub fn define(&mut self, name: &str, atom: Atom) -> TypeRef {
        let ty = self.declare(name);
        if let Some(slot) = self.atoms.get_mut(ty.id.0 as usize) {
            slot.get_or_insert(atom);
        }
        ty
    }

    /// Returns whether the type of a name is defined.
    #[must_use]
    pub fn is_defined(&self, name: &str) -> bool {
        self.names
            .get(name)
            .is_some_and(|id| self.atoms.get(id.0 as usize).is_some_and(Option::is_some))
    }

    /// Adds a type that has no name; equal scalars are one type.
    pub fn inline(&mut self, atom: Atom) -> TypeRef {
        let scalar = atom.list.is_none() && atom.map.is_none();
        if scalar
            && let Some(id) = self
                .scalars
                .iter()
                .find(|id| self.atoms[id.0 as usize].as_ref() == Some(&atom))
        {
            return TypeRef::from(*id);
        }
        let ty = self.add(atom);
        if scalar {
            self.scalars.push(ty.id);
        }
        ty
    }

    fn add(&mut self, atom: Atom) -> TypeRef {
        let id = TypeId(self.atoms.len() as u32);
        self.atoms.push(Some(atom));
        TypeRef::from(id)
    }

    /// Copies a type and all types it uses from another schema, under a name.
    pub fn import(&mut self, from: &Schema, ty: TypeRef, name: &str) -> TypeRef {
        let mut taken = HashMap::from([
            (TypeRef::ANY.id, TypeRef::ANY.id),
            (TypeRef::DEDUCED.id, TypeRef::DEDUCED.id),
        ]);
        let root = self.declare(name);
        taken.insert(ty.id, root.id);
        let mut waiting = vec![ty.id];
        while let Some(id) = waiting.pop() {
            let mut atom = from.atom(TypeRef::from(id)).clone();
            for used in uses(&mut atom) {
                used.id = *taken.entry(used.id).or_insert_with_key(|old| {
                    waiting.push(*old);
                    let new = TypeId(self.atoms.len() as u32);
                    self.atoms.push(None);
                    new
                });
            }
            if let Some(slot) = taken
                .get(&id)
                .and_then(|id| self.atoms.get_mut(id.0 as usize))
            {
                *slot = Some(atom);
            }
        }
        root
    }

    /// Returns the names that are used but not defined.
    pub fn undefined(&self) -> impl Iterator<Item = &str> {
        let missing = |id: &TypeId| self.atoms.get(id.0 as usize).is_some_and(Option::is_none);
        self.names
            .iter()
            .filter(move |(_, id)| missing(id))
            .map(|(name, _)| &**name)
    }

    /// Returns the schema. Types that were never defined allow anything.
    #[must_use]
    pub fn finish(self) -> Schema {
        let atoms = self
            .atoms
            .into_iter()
            .map(|atom| atom.unwrap_or_else(any))
            .collect();
        Schema {
            atoms,
            names: self.names,
        }
    }
}

impl Default for Schema {
    fn default() -> Self {
        Builder::default().finish()
    }
}

impl Default for Builder {
    fn default() -> Self {
        let names = [
            (ANY.into(), TypeRef::ANY.id),
            (DEDUCED.into(), TypeRef::DEDUCED.id),
        ];
        Self {
            atoms: vec![Some(any()), Some(deduced())],
            names: names.into(),
            scalars: Vec::new(),
        }
    }
}

/// Returns the types that a type uses.
fn uses(atom: &mut Atom) -> impl Iterator<Item = &mut TypeRef> {
    let list = atom.list.iter_mut().map(|list| &mut list.element);
    let map = atom.map.iter_mut().flat_map(|map| {
        map.fields
            .iter_mut()
            .map(|field| &mut field.ty)
            .chain(&mut map.element)
    });
    list.chain(map)
}

/// Returns the type that allows anything and changes as a whole.
pub(crate) fn any() -> Atom {
    let map = Map {
        element: Some(TypeRef::ANY),
        atomic: true,
        preserve_unknown: true,
        ..Map::default()
    };
    untyped(map)
}

/// Returns the type that allows anything, with granular maps and atomic lists.
fn deduced() -> Atom {
    let map = Map {
        element: Some(TypeRef::DEDUCED),
        preserve_unknown: true,
        ..Map::default()
    };
    untyped(map)
}

/// Anything, with maps of this sort: any scalar, or an atomic list.
fn untyped(map: Map) -> Atom {
    let list = List {
        element: TypeRef::ANY,
        atomic: true,
        keys: Box::default(),
    };
    Atom {
        scalar: Some(Scalar::Untyped),
        list: Some(list),
        map: Some(map),
        ..Atom::default()
    }
}

/// The name of [`TypeRef::ANY`].
const ANY: &str = "__untyped_atomic_";
/// The name of [`TypeRef::DEDUCED`].
const DEDUCED: &str = "__untyped_deduced_";
