//! [`Resources`]: the objects of a build in order, with an index of their current and former
//! identities.
//!
//! The index is built on demand and dropped when names may have changed unnoticed, so a build's
//! cost grows with its objects and not with their square.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher as _};

use lode_stdx::budget::Budget;

use crate::error::{Error, Fault};
use crate::generator::generate;
use crate::object::behavior::Behavior;
use crate::object::resource::{Identity, Resource};

/// Most objects in one build.
const OBJECTS_MAX: usize = 100_000;

/// Steps for determining an object's identity and looking it up.
const NAME_STEPS: u64 = 8;

/// The objects of a build.
#[derive(Default)]
pub(crate) struct Resources {
    all: Vec<Resource>,
    index: Option<ResourceIndex>,
    /// The objects that may have become empty since the last check.
    touched: Touched,
}

/// Which objects were changed.
enum Touched {
    Some(Vec<usize>),
    All,
}

impl Default for Touched {
    fn default() -> Self {
        Self::Some(Vec::new())
    }
}

/// Positions of objects by digests of their identities; a hit must be verified.
#[derive(Default)]
struct ResourceIndex {
    /// By every name an object has or had.
    any: HashMap<u64, IndexPlaces>,
    /// By every bare name an object has or had.
    names: HashMap<u64, IndexPlaces>,
}

/// Positions in order, each once.
enum IndexPlaces {
    One(usize),
    Many(Vec<usize>),
}

impl IndexPlaces {
    fn insert(&mut self, at: usize) {
        match self {
            Self::One(only) if *only == at => {}
            Self::One(only) => *self = Self::Many(vec![(*only).min(at), (*only).max(at)]),
            Self::Many(places) => {
                if let Err(gap) = places.binary_search(&at) {
                    places.insert(gap, at);
                }
            }
        }
    }

    fn as_slice(&self) -> &[usize] {
        match self {
            Self::One(only) => std::slice::from_ref(only),
            Self::Many(places) => places,
        }
    }
}

impl Resources {
    /// Returns the objects in order.
    pub(crate) fn all(&self) -> &[Resource] {
        &self.all
    }

    /// Returns the objects for modification, including their names.
    pub(crate) fn all_mut(&mut self) -> &mut Vec<Resource> {
        self.index = None;
        self.touched = Touched::All;
        &mut self.all
    }

    /// Returns the objects for modification of everything except their identities; none may become
    /// empty.
    pub(crate) fn contents_mut(&mut self) -> &mut [Resource] {
        &mut self.all
    }

    /// Returns one object for modification; [`Resources::renamed`] must follow if its name changes.
    pub(crate) fn content_mut(&mut self, at: usize) -> Option<&mut Resource> {
        if let Touched::Some(places) = &mut self.touched {
            places.push(at);
        }
        self.all.get_mut(at)
    }

    /// Records that an object was renamed, together with its former name.
    pub(crate) fn renamed(&mut self, at: usize) {
        if let (Some(index), Some(resource)) = (&mut self.index, self.all.get(at)) {
            index.put(at, resource);
        }
    }

    /// Drops the index: identities may have changed although no object was modified.
    pub(crate) fn forget_names(&mut self) {
        self.index = None;
    }

    pub(crate) fn into_all(self) -> Vec<Resource> {
        self.all
    }

    /// Adds an object; a duplicate name is an error.
    pub(crate) fn append(&mut self, resource: Resource) -> Result<(), Fault> {
        if self.all.len() >= OBJECTS_MAX {
            return Err(Fault::Known(Error::TooMany(OBJECTS_MAX)));
        }
        let name = resource.current();
        if let Some(twin) = self.current(&name) {
            return Err(Fault::Duplicate {
                id: Box::new(resource.id()),
                first: twin.place,
                second: resource.place,
            });
        }
        let at = self.all.len();
        self.indexed().put(at, &resource);
        self.all.push(resource);
        Ok(())
    }

    /// Adds the objects of a base.
    pub(crate) fn append_all(&mut self, other: Self, budget: &Budget) -> Result<(), Fault> {
        if self.all.is_empty() {
            *self = other;
            return self.refuse_twins(budget);
        }
        budget.steps(NAME_STEPS * other.all.len() as u64)?;
        other
            .all
            .into_iter()
            .try_for_each(|resource| self.append(resource))
    }

    /// Adds a generated object, or merges it into the one with its name.
    pub(crate) fn absorb(
        &mut self,
        made: Resource,
        behavior: Behavior,
        budget: &Budget,
    ) -> Result<(), Fault> {
        let found = self.called(&made.current(), budget)?;
        match (found.as_slice(), behavior) {
            ([], Behavior::Create) => self.append(made),
            ([at], Behavior::Merge | Behavior::Replace) => {
                generate::combine(&mut self.all[*at], made, behavior, budget)
            }
            ([], _) => Err(generator_fault(
                &made,
                "there is no object of this name to merge into or replace",
            )),
            ([at], Behavior::Create) => {
                let first = self.all[*at].place;
                Err(Fault::Duplicate {
                    id: Box::new(made.id()),
                    first,
                    second: made.place,
                })
            }
            _ => Err(generator_fault(
                &made,
                "several objects of this name are there",
            )),
        }
    }

    /// Returns the positions of objects that have or had this identity.
    pub(crate) fn called(&mut self, name: &Identity, budget: &Budget) -> Result<Vec<usize>, Fault> {
        self.charge_index(budget)?;
        let places = self.indexed().any(name).to_vec();
        let names: usize = places.iter().map(|at| 1 + self.all[*at].past.len()).sum();
        budget.steps(names as u64)?;

        // A name that was changed without being recorded is still in the index.
        let is_called =
            |at: &usize| !self.all[*at].node.is_nothing() && self.all[*at].is_or_was(name);
        Ok(places.into_iter().filter(is_called).collect())
    }

    /// Returns the positions of objects that may have or have had this bare name.
    pub(crate) fn named(&mut self, name: &str, budget: &Budget) -> Result<Vec<usize>, Fault> {
        self.charge_index(budget)?;
        let places = self
            .indexed()
            .names
            .get(&digest(name))
            .map_or(&[][..], IndexPlaces::as_slice);
        Ok(places.to_vec())
    }

    /// Removes objects that became empty.
    pub(crate) fn drop_empty(&mut self) {
        let is_empty = |at: usize| {
            self.all
                .get(at)
                .is_some_and(|resource| resource.node.is_nothing())
        };
        let any = match std::mem::take(&mut self.touched) {
            Touched::Some(places) => places.into_iter().any(is_empty),
            Touched::All => (0..self.all.len()).any(is_empty),
        };
        if any {
            self.all.retain(|resource| !resource.node.is_nothing());
            self.index = None;
        }
    }

    /// Refuses two objects with the same name; an object deleted by a patch does not count.
    pub(crate) fn refuse_twins(&self, budget: &Budget) -> Result<(), Fault> {
        budget.steps(NAME_STEPS * self.all.len() as u64)?;
        let mut seen: HashMap<Identity, &Resource> = HashMap::with_capacity(self.all.len());
        for resource in self
            .all
            .iter()
            .filter(|resource| !resource.node.is_nothing())
        {
            if let Some(first) = seen.insert(resource.current(), resource) {
                let id = Box::new(resource.id());
                return Err(Fault::Duplicate {
                    id,
                    first: first.place,
                    second: resource.place,
                });
            }
        }
        Ok(())
    }

    fn current(&mut self, name: &Identity) -> Option<&Resource> {
        let places = self.indexed().any(name).to_vec();
        places
            .into_iter()
            .map(|at| &self.all[at])
            .find(|resource| resource.current() == *name)
    }

    /// Charges building the index, if there is none.
    fn charge_index(&self, budget: &Budget) -> Result<(), Fault> {
        let objects = if self.index.is_none() {
            self.all.len()
        } else {
            0
        };
        Ok(budget.steps(NAME_STEPS * objects as u64)?)
    }

    fn indexed(&mut self) -> &mut ResourceIndex {
        let all = &self.all;
        self.index.get_or_insert_with(|| {
            let mut index = ResourceIndex::default();
            all.iter()
                .enumerate()
                .for_each(|(at, resource)| index.put(at, resource));
            index
        })
    }
}

impl ResourceIndex {
    fn put(&mut self, at: usize, resource: &Resource) {
        let current = resource.current();
        for name in resource.past.iter().chain([&current]) {
            self.names
                .entry(digest(&*name.name))
                .or_insert(IndexPlaces::One(at))
                .insert(at);
            self.any
                .entry(digest(name))
                .or_insert(IndexPlaces::One(at))
                .insert(at);
        }
    }

    fn any(&self, name: &Identity) -> &[usize] {
        self.any
            .get(&digest(name))
            .map_or(&[], IndexPlaces::as_slice)
    }
}

fn digest(name: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

fn generator_fault(made: &Resource, cause: &str) -> Fault {
    let cause = crate::error::FileCause::Generator {
        name: made.name().to_owned(),
        cause: cause.to_owned(),
    };
    Fault::At(made.place, cause)
}

#[cfg(test)]
mod tests {
    use lode_stdx::budget::Limits;
    use lode_yaml::{Node, Place};
    use serde_json::json;

    use super::*;

    fn resource(name: &str, line: u32) -> Resource {
        let value = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
        Resource::new(
            Node::from_value(&value),
            Place {
                line,
                ..Place::default()
            },
        )
    }

    #[test]
    fn making_the_index_of_names_is_charged_whoever_asks_for_it() {
        let mut all = Resources::default();
        (0..100).for_each(|at| all.append(resource(&format!("a{at}"), at)).unwrap());
        let budget = Budget::new(Limits {
            steps: 10 * 100 * NAME_STEPS,
            ..Limits::UNLIMITED
        });
        let mut looks = (0..1_000).map(|_| {
            all.all_mut();
            all.named("b", &budget)
        });
        assert!(looks.any(|look| look.is_err()));
    }

    #[test]
    fn twins_are_named_with_both_places() {
        let mut all = Resources::default();
        all.append(resource("a", 1)).unwrap();
        all.append(resource("b", 2)).unwrap();
        let Err(Fault::Duplicate { first, second, .. }) = all.append(resource("a", 3)) else {
            panic!("a twin came in")
        };
        assert_eq!((first.line, second.line), (1, 3));
    }

    #[test]
    fn a_former_name_finds_its_object() {
        let mut all = Resources::default();
        all.append(resource("a", 1)).unwrap();
        let former = resource("a", 1).current();
        let first = all.content_mut(0).unwrap();
        first.remember();
        first.set_name("b".to_owned());
        all.renamed(0);
        let budget = Budget::unlimited();
        assert_eq!(all.called(&former, &budget).unwrap(), [0]);
        assert_eq!(
            all.called(&resource("b", 1).current(), &budget).unwrap(),
            [0]
        );
        all.append(resource("a", 2)).unwrap();
        assert_eq!(all.called(&former, &budget).unwrap(), [0, 1]);
        assert_eq!(all.named("a", &budget).unwrap(), [0, 1]);
    }
}
