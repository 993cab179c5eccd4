//! Ownership after a write: conflicts, shared fields, fields that are given up, and fields that are
//! removed because no manager owns them any more.
//!
//! An [`update`](Updater::update) owns the fields it changes and takes them from their owners. An
//! [`apply`](Updater::apply) owns all fields it contains, changed or not; it may change fields
//! owned by others only by force. A field that its last version contained and this one does not is
//! removed, unless another manager owns it.

mod prune;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use lode_schema::{Schema, TypeRef};
use serde_json::Value;

use crate::{
    fields::Operation,
    filter::Filter,
    set::Set,
    typed::{Comparison, Errors, Typed, reconcile},
};

/// Who wrote and how: an applier has one set, an updater one for each version it wrote in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Manager<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// How it wrote.
    pub operation: Operation,
    /// The API version it wrote in; empty for an applier.
    pub api_version: Cow<'a, str>,
    /// The subresource it wrote to; may be empty.
    pub subresource: Cow<'a, str>,
}

/// The fields a manager owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owned<'a> {
    /// Its fields.
    pub set: Set<'a>,
    /// The API version of these fields.
    pub version: Cow<'a, str>,
}

/// All managers of an object.
pub type Managers<'a> = BTreeMap<Manager<'a>, Owned<'a>>;

/// Converts an object to another API version.
pub trait Convert {
    /// Returns the object in `version`; borrowed if nothing changes.
    ///
    /// # Errors
    /// There is no such version, or the object cannot be converted to it.
    fn convert<'a>(
        &'a self,
        object: &'a Typed<'_>,
        version: &str,
    ) -> Result<Typed<'a>, ConvertError>;
}

/// Why an object could not be converted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// The version no longer exists: managers that owned fields in it own nothing.
    #[error("no such version")]
    Missing,
    /// The conversion failed.
    #[error("{0}")]
    Failed(String),
}

/// Versions that have the same fields, like those of a custom resource without conversion: only
/// `apiVersion` differs, and the type of each version.
#[derive(Debug, Clone, Copy)]
pub struct Versions<'s>(pub &'s [(&'s str, &'s Schema, TypeRef)]);

impl Convert for Versions<'_> {
    fn convert<'a>(
        &'a self,
        object: &'a Typed<'_>,
        version: &str,
    ) -> Result<Typed<'a>, ConvertError> {
        let known = self.0.iter().find(|(other, ..)| *other == version);
        let (_, schema, ty) = *known.ok_or(ConvertError::Missing)?;
        let mut value = Cow::Borrowed(&*object.value);
        if value.get(API_VERSION).is_some_and(|old| old != version) {
            value.to_mut()[API_VERSION] = version.into();
        }
        Ok(Typed { value, schema, ty })
    }
}

/// A field owned by another manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict<'a> {
    /// The owner.
    pub manager: Manager<'a>,
    /// The fields.
    pub fields: Set<'a>,
}

/// Why a write failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error<'a> {
    /// Other managers own fields it would change, and it has no force.
    #[error("fields are owned by others")]
    Conflicts(Vec<Conflict<'a>>),
    /// The applied object cannot be merged.
    #[error("failed to merge config: {0}")]
    Merge(#[source] Errors),
    /// The object cannot be converted to a version in which a manager wrote.
    #[error("failed to convert the object: {0}")]
    Convert(#[source] ConvertError),
}

/// The result of an apply.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied<'a> {
    /// The new object; `None` if it equals the old one.
    pub object: Option<Value>,
    /// Its managers.
    pub managers: Managers<'a>,
}

/// A write.
#[derive(Debug, Clone, Copy)]
pub struct Write<'w, 'a> {
    /// The manager that writes.
    pub manager: &'w Manager<'a>,
    /// The API version of the written object and of the live one.
    pub version: &'w str,
    /// Whether an apply may take fields owned by others.
    pub force: bool,
}

/// Determines ownership.
pub struct Updater<'u> {
    /// How objects are converted to other versions.
    pub converter: &'u dyn Convert,
    /// The fields that do not count, by API version.
    pub filters: BTreeMap<Cow<'u, str>, Filter<'u>>,
}

impl Updater<'_> {
    /// Returns the managers after `new` was written over `live`.
    ///
    /// # Errors
    /// The object cannot be converted to a version in which a manager wrote.
    pub fn update<'a>(
        &'a self,
        live: &'a Typed<'_>,
        new: &'a Typed<'_>,
        managers: Managers<'a>,
        write: Write<'_, 'a>,
    ) -> Result<Managers<'a>, Error<'a>> {
        let Write {
            version, manager, ..
        } = write;
        let managers = self.reconciled(live, managers)?;
        let (mut managers, compared) = self.take(
            managers,
            live,
            new,
            Write {
                force: true,
                ..write
            },
        )?;
        let mut set = managers
            .remove(manager)
            .map(|owned| owned.set)
            .unwrap_or_default();
        set.subtract(&compared.removed);
        set.unite(compared.modified);
        set.unite(compared.added);
        self.filter(version, &mut set);
        if !set.is_empty() {
            managers.insert(
                manager.clone(),
                Owned {
                    set,
                    version: version.to_owned().into(),
                },
            );
        }
        Ok(managers)
    }

    /// Returns the object and its managers after `config` was applied.
    ///
    /// # Errors
    /// Other managers own fields that would change and the write has no force; `config` has a list
    /// item that is duplicated or has no keys; the object cannot be converted to a version in which
    /// a manager wrote.
    pub fn apply<'a>(
        &'a self,
        live: &'a Typed<'_>,
        config: &'a Typed<'_>,
        managers: Managers<'a>,
        write: Write<'_, 'a>,
    ) -> Result<Applied<'a>, Error<'a>> {
        let Write {
            version, manager, ..
        } = write;
        let mut managers = self.reconciled(live, managers)?;
        let merged = live.with(live.merge(config).map_err(Error::Merge)?);
        let mut set = config.field_set();
        self.filter(version, &mut set);
        let last = managers.insert(
            manager.clone(),
            Owned {
                set,
                version: version.to_owned().into(),
            },
        );
        let pruned = match last.filter(|last| !last.set.is_empty()) {
            Some(last) => prune::run(self, &merged, (&managers, &last), version)?,
            None => None,
        };
        let new = pruned.map_or(merged, |pruned| live.with(pruned));
        let (managers, _) = self.take(managers, live, &new, write)?;
        let object = (!live.equals(&new.value)).then(|| new.value.into_owned());
        Ok(Applied { object, managers })
    }

    /// Removes changed and removed fields from all other managers.
    fn take<'a, 't>(
        &'t self,
        mut managers: Managers<'a>,
        live: &'t Typed<'_>,
        new: &'t Typed<'_>,
        write: Write<'_, '_>,
    ) -> Result<(Managers<'a>, Comparison<'t>), Error<'a>> {
        let mut compared = live.compare(new);
        self.filter_comparison(write.version, &mut compared);
        let versions: BTreeSet<String> = managers
            .iter()
            .filter(|(manager, _)| *manager != write.manager)
            .map(|(_, owned)| owned.version.clone().into_owned())
            .collect();
        let mut conflicts = Vec::new();
        let mut left = Vec::new();
        for version in &versions {
            let others = managers
                .iter()
                .filter(|(manager, owned)| *manager != write.manager && owned.version == *version);
            if version == write.version {
                without(others, &compared, &mut conflicts, &mut left);
                continue;
            }
            let (Some(live), Some(new)) =
                (self.convert(live, version)?, self.convert(new, version)?)
            else {
                left.extend(others.map(|(manager, _)| (manager.clone(), Set::default())));
                continue;
            };
            let mut compared = live.compare(&new);
            self.filter_comparison(version, &mut compared);
            without(others, &compared, &mut conflicts, &mut left);
        }
        if !write.force && !conflicts.is_empty() {
            return Err(Error::Conflicts(conflicts));
        }
        for (manager, set) in left {
            if let Some(owned) = managers.get_mut(&manager) {
                owned.set = set;
            }
        }
        managers.retain(|_, owned| !owned.set.is_empty());
        Ok((managers, compared))
    }

    /// Adapts every set to the current types.
    fn reconciled<'a>(
        &self,
        live: &Typed<'_>,
        mut managers: Managers<'a>,
    ) -> Result<Managers<'a>, Error<'a>> {
        let mut gone = Vec::new();
        for (manager, owned) in &mut managers {
            match self.convert(live, &owned.version)? {
                Some(live) => reconcile(&mut owned.set, live.schema, live.ty),
                None => gone.push(manager.clone()),
            }
        }
        managers.retain(|manager, _| !gone.contains(manager));
        Ok(managers)
    }

    /// Returns the object in a version; `None` if there is no such version.
    fn convert<'t>(
        &'t self,
        object: &'t Typed<'_>,
        version: &str,
    ) -> Result<Option<Typed<'t>>, Error<'static>> {
        match self.converter.convert(object, version) {
            Ok(object) => Ok(Some(object)),
            Err(ConvertError::Missing) => Ok(None),
            Err(error) => Err(Error::Convert(error)),
        }
    }

    fn filter<'a>(&'a self, version: &str, set: &mut Set<'a>) {
        if let Some(filter) = self.filters.get(version) {
            filter.apply(set);
        }
    }

    fn filter_comparison<'t>(&'t self, version: &str, compared: &mut Comparison<'t>) {
        for set in [
            &mut compared.removed,
            &mut compared.modified,
            &mut compared.added,
        ] {
            self.filter(version, set);
        }
    }
}

/// Returns the fields that managers keep, and which of the changed ones they own.
fn without<'m, 'a: 'm>(
    managers: impl Iterator<Item = (&'m Manager<'a>, &'m Owned<'a>)>,
    compared: &Comparison<'_>,
    conflicts: &mut Vec<Conflict<'a>>,
    left: &mut Vec<(Manager<'a>, Set<'a>)>,
) {
    for (manager, owned) in managers {
        let mut fields = owned.set.intersection(&compared.modified);
        fields.unite(owned.set.intersection(&compared.added));
        let mut set = owned.set.clone();
        set.subtract(&fields);
        set.subtract(&compared.removed);
        if !fields.is_empty() {
            conflicts.push(Conflict {
                manager: manager.clone(),
                fields,
            });
        }
        left.push((manager.clone(), set));
    }
}

/// The field with the version of an object.
const API_VERSION: &str = "apiVersion";
