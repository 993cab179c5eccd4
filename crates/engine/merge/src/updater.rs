//! Ownership after a write: conflicts, shared fields, fields that are given up, and fields that are
//! removed because no manager owns them any more.
//!
//! An [`update`](Updater::update) owns the fields it changes and takes them from their owners. An
//! [`apply`](Updater::apply) owns all fields it contains, changed or not; it may change fields
//! owned by others only by force. A field that its last version contained and this one does not is
//! removed, unless another manager owns it.

mod conversion;
mod owner;
mod prune;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use serde_json::Value;

use crate::{
    filter::Filter,
    set::Set,
    typed::{Comparison, Typed, reconcile},
};

pub use conversion::{Convert, Versions};
pub use owner::{Conflict, ConvertError, Error, Manager, Managers, Owned};

use conversion::shown_in;

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
            Some(last) => prune::run(self.converter, &merged, (&managers, &last), version)?,
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
            let (Some(live), Some(new)) = (
                shown_in(self.converter, live, version)?,
                shown_in(self.converter, new, version)?,
            ) else {
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
            match shown_in(self.converter, live, &owned.version)? {
                Some(live) => reconcile(&mut owned.set, live.schema, live.ty),
                None => gone.push(manager.clone()),
            }
        }
        managers.retain(|manager, _| !gone.contains(manager));
        Ok(managers)
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
