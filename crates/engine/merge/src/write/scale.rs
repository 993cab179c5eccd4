//! [`Scaled`]: an object's scale is written through a separate endpoint that shows one field under
//! another name; an owner of the field there owns it in the object.

use serde_json::Value;

use super::{Refusal, managed::ManagedState, refusal};
use crate::{
    set::{Element, Set},
    updater::Owned,
};

/// The position of an object's replicas.
#[derive(Debug, Clone, Copy)]
pub struct Scaled<'s> {
    /// The API version the object is written in.
    pub api_version: &'s str,
    /// The path to the replicas in each version. Entries in other versions are dropped.
    pub replicas: &'s [(&'s str, &'s [&'s str])],
}

impl Scaled<'_> {
    /// Writes the owners of an object's replicas into its scale.
    ///
    /// # Errors
    /// The entries of the object cannot be read.
    pub fn owners_of_scale(&self, parent: &Value, scale: &mut Value) -> Result<(), Refusal> {
        let mut state = ManagedState::read(parent).map_err(|error| refusal::undecodable(&error))?;
        state.managers.retain(|_, owned| {
            self.path(&owned.version)
                .is_some_and(|path| owned.set.has(&path))
        });
        for owned in state.managers.values_mut() {
            *owned = Owned {
                set: only(&[Element::Field("spec"), Element::Field("replicas")]),
                version: SCALE.into(),
            };
        }
        state.write(scale);
        Ok(())
    }

    /// Updates an object's owners after a write to its scale; `before` is the object before the
    /// write.
    ///
    /// # Errors
    /// The entries of either cannot be read.
    pub fn owners_of_parent(
        &self,
        before: &Value,
        scale: &Value,
        parent: &mut Value,
    ) -> Result<(), Refusal> {
        let read =
            |object| ManagedState::read(object).map_err(|error| refusal::undecodable(&error));
        let (mut state, mut scaled) = (read(before)?, read(scale)?);
        state.managers.retain(|manager, owned| {
            let Some(path) = self.path(&owned.version) else {
                return false;
            };
            if owned.set.has(&path) && scaled.managers.remove(manager).is_none() {
                owned.set.subtract(&only(&path));
            }
            !owned.set.is_empty()
        });
        let in_scale = [Element::Field("spec"), Element::Field("replicas")];
        scaled.managers.retain(|_, owned| owned.set.has(&in_scale));
        for (manager, _) in scaled.managers {
            let set = self
                .path(self.api_version)
                .map(|path| only(&path))
                .unwrap_or_default();
            state.managers.insert(
                manager,
                Owned {
                    set,
                    version: self.api_version.into(),
                },
            );
        }
        state.write(parent);
        Ok(())
    }

    fn path(&self, version: &str) -> Option<Vec<Element<'_>>> {
        let (_, names) = self.replicas.iter().find(|(other, _)| *other == version)?;
        Some(names.iter().map(|name| Element::Field(name)).collect())
    }
}

fn only<'a>(path: &[Element<'a>]) -> Set<'a> {
    let mut set = Set::default();
    set.insert(path);
    set
}

/// The API version of scales.
const SCALE: &str = "autoscaling/v1";
