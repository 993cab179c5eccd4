//! Lists in which entries lack a key or are duplicated, merged by kustomize's own steps.
//!
//! Kustomize inserts entries one by one into a list that it searches by some of the keys; an entry
//! without its key can then displace others. The result here is the same. The work grows with the
//! square of the list's length.

use std::collections::HashSet;

use lode_yaml::{Content, Node, Text};

use super::{Against, DIRECTIVE, Error, Merger, PatchAt, is_empty, named};
use crate::patching::strategic::{Directive, Fate, Lists, StrategicCause, Unknown};

/// An entry, by its index in [`Steps::nodes`].
type EntryNumber = usize;

/// The lists during a merge.
pub(super) struct Steps<'m, 's> {
    merger: &'m Merger<'s>,
    at: PatchAt,
    keys: Vec<Text>,
    nodes: Vec<Node>,
    items: Vec<EntryNumber>,
    /// The patch's entries; `None` if it does not mention the list.
    patch: Option<Vec<EntryNumber>>,
    /// The list comes from the patch: what is removed from one is removed from the other.
    is_itself: bool,
}

/// What identifies an entry.
struct EntryKey<'k> {
    keys: &'k [Text],
    values: &'k [Text],
}

impl<'m, 's> Steps<'m, 's> {
    pub(super) fn new(
        merger: &'m Merger<'s>,
        items: Vec<Node>,
        (against, keys): (Against<'_>, &[Box<str>]),
        at: PatchAt,
    ) -> Self {
        let mut nodes = items;
        let items = (0..nodes.len()).collect();
        let patch = match against {
            Against::Patch(patch) => {
                let first = nodes.len();
                nodes.extend_from_slice(patch);
                Some((first..nodes.len()).collect())
            }
            Against::Nothing | Against::Itself => None,
        };
        let keys = if keys.is_empty() {
            vec![Text::default()]
        } else {
            keys.iter().map(Text::new).collect()
        };
        Self {
            merger,
            at,
            keys,
            nodes,
            items,
            patch,
            is_itself: matches!(against, Against::Itself),
        }
    }

    pub(super) fn run(mut self) -> Result<Vec<Node>, Error> {
        let mut values = self.all_values();
        if self.keys.len() > 1 {
            complete(&mut values);
        }
        let mut set: Vec<EntryNumber> = Vec::new();
        let mut last_keys = self.keys.clone();
        for of in &values {
            let (keys, of) = counting(&values, of, &self.keys);
            self.one(
                &mut set,
                &EntryKey {
                    keys: &keys,
                    values: &of,
                },
            )?;
            last_keys = keys;
        }
        let items = std::mem::take(&mut self.items);
        let all = match self.merger.options.lists {
            _ if values.is_empty() => items,
            Lists::Prepend => self.append(set, &items, &last_keys)?,
            Lists::Append => self.append(items, &set, &last_keys)?,
        };
        let copied = |item: EntryNumber| {
            let node = &self.nodes[item];
            // An entry can be in the list more than once.
            let charged = node.cost().charge_meter(self.merger.meter);
            charged
                .map(|()| node.clone())
                .map_err(|exceeded| Error::at(node, exceeded.into()))
        };
        all.into_iter().map(copied).collect()
    }

    /// Merges the entries with these values and stores the result.
    fn one(&mut self, set: &mut Vec<EntryNumber>, key: &EntryKey<'_>) -> Result<(), Error> {
        let Some(item) = self
            .merged(key)?
            .filter(|item| !is_empty(&self.nodes[*item]))
        else {
            let mut items = std::mem::take(&mut self.items);
            self.put(&mut items, key, None)?;
            self.items = items;
            return Ok(());
        };
        let node = &mut self.nodes[item];
        for (name, value) in key.keys.iter().zip(key.values) {
            if !name.is_empty() && !value.is_empty() && node.get(name).is_none() {
                node.insert(name, Node::string(value.clone()));
            }
        }
        self.put(set, key, Some(item))
    }

    /// Returns the distinct key values of all entries, in the order of the result.
    fn all_values(&self) -> Vec<Vec<Text>> {
        let patch = self.patch.as_deref().unwrap_or_default();
        let (first, second) = match self.merger.options.lists {
            Lists::Prepend => (patch, self.items.as_slice()),
            Lists::Append => (self.items.as_slice(), patch),
        };
        let mut seen = HashSet::new();
        let values = first.iter().chain(second).map(|item| self.values(*item));
        values
            .filter(|values| seen.insert(values.clone()))
            .collect()
    }

    fn values(&self, item: EntryNumber) -> Vec<Text> {
        let node = &self.nodes[item];
        let value = |key: &Text| match node.get(key) {
            _ if key.is_empty() => text(node),
            Some(value) if !value.is_nothing() => text(value),
            _ => Text::default(),
        };
        self.keys.iter().map(value).collect()
    }

    /// Merges the first entries on both sides that have these values.
    fn merged(&mut self, key: &EntryKey<'_>) -> Result<Option<EntryNumber>, Error> {
        let (keys, values) = counting(&[key.values.to_vec()], key.values, key.keys);
        let key = EntryKey {
            keys: &keys,
            values: &values,
        };
        let there = self.find(&self.items, &key);
        let patch = self
            .patch
            .as_deref()
            .and_then(|patch| self.find(patch, &key));
        let (at, merger) = (self.at, self.merger);
        let stays = |fate: Fate, item: EntryNumber| (fate == Fate::Stays).then_some(item);
        match (there, patch) {
            (None, None) => Ok(None),
            (Some(item), None) if self.is_itself => Ok(stays(
                merger.fresh(&mut self.nodes[item], at, Unknown::Refused)?,
                item,
            )),
            (Some(item), None) => Ok(stays(merger.settle(&mut self.nodes[item], at)?, item)),
            (None, Some(item)) => Ok(stays(
                merger.fresh(&mut self.nodes[item], at, Unknown::Left)?,
                item,
            )),
            (Some(there), Some(patch)) => self.combined(there, patch),
        }
    }

    /// When an entry is replaced, the old one stays in the list and comes back at the end.
    fn combined(
        &mut self,
        there: EntryNumber,
        patch: EntryNumber,
    ) -> Result<Option<EntryNumber>, Error> {
        let said = self.nodes[patch]
            .get(DIRECTIVE)
            .and_then(Node::text)
            .and_then(named);
        if said == Some(Directive::Replace) || self.nodes[patch].text().is_some() {
            let fate = self
                .merger
                .fresh(&mut self.nodes[patch], self.at, Unknown::Refused)?;
            return Ok((fate == Fate::Stays).then_some(patch));
        }
        let mut from = std::mem::replace(&mut self.nodes[patch], Node::null());
        let fate = self
            .merger
            .combine(&mut self.nodes[there], &from, self.at)?;
        if said.is_some() {
            from.remove(DIRECTIVE);
        }
        self.nodes[patch] = from;
        Ok((fate == Fate::Stays).then_some(there))
    }

    fn find(&self, list: &[EntryNumber], key: &EntryKey<'_>) -> Option<EntryNumber> {
        let primary = key.keys.first().map(Text::as_str).unwrap_or_default();
        if primary.is_empty() {
            let value = key.values.first().cloned().unwrap_or_default();
            return list
                .iter()
                .copied()
                .find(|item| text(&self.nodes[*item]) == value);
        }
        let fits = |item: &EntryNumber| {
            let node = &self.nodes[*item];
            let has = |(name, value): (&Text, &Text)| {
                node.get(name).is_some_and(|found| text(found) == *value)
            };
            node.entries().is_some() && key.keys.iter().zip(key.values).all(has)
        };
        list.iter().copied().find(fits)
    }

    /// Puts an entry in place of those with the same values, otherwise at the end; without an
    /// entry, removes those.
    fn put(
        &self,
        list: &mut Vec<EntryNumber>,
        key: &EntryKey<'_>,
        new: Option<EntryNumber>,
    ) -> Result<(), Error> {
        let by_fields = key.keys.first().is_some_and(|key| !key.is_empty())
            && key.values.first().is_some_and(|value| !value.is_empty());
        let mut found = false;
        let mut all = Vec::with_capacity(list.len() + 1);
        for item in list.drain(..) {
            let node = &self.nodes[item];
            if is_empty(node) {
                continue;
            }
            if by_fields && node.entries().is_none() {
                all.push(item);
            } else if self.fits(item, key)? {
                found = true;
                all.extend(new);
            } else if !key.values.is_empty() {
                all.push(item);
            }
        }
        *list = all;
        if !found {
            list.extend(new.filter(|new| !self.nodes[*new].is_null()));
        }
        Ok(())
    }

    /// Returns whether an entry has the values; for keys without a value the answer for the key
    /// before counts.
    fn fits(&self, item: EntryNumber, key: &EntryKey<'_>) -> Result<bool, Error> {
        let node = &self.nodes[item];
        let mut fits = false;
        for (number, name) in key.keys.iter().enumerate() {
            if let Some(value) = key.values.get(number) {
                fits = match &node.content {
                    Content::Scalar(found) if name.is_empty() => found == value,
                    Content::Mapping(_) if !name.is_empty() => node
                        .get(name)
                        .is_some_and(|found| value.is_empty() || text(found) == *value),
                    _ => return Err(self.bad_entry(item)),
                };
            }
            if !fits {
                return Ok(false);
            }
        }
        Ok(fits)
    }

    /// Inserts all entries of a list into another.
    fn append(
        &self,
        mut to: Vec<EntryNumber>,
        from: &[EntryNumber],
        keys: &[Text],
    ) -> Result<Vec<EntryNumber>, Error> {
        let by_text = keys.first().is_some_and(Text::is_empty);
        for item in from {
            let node = &self.nodes[*item];
            let mut values = Vec::new();
            if by_text {
                values.push(text(node));
            }
            for key in keys.iter().filter(|_| !by_text) {
                if node.entries().is_none() && !node.is_null() {
                    return Err(self.bad_entry(*item));
                }
                match node.get(key) {
                    Some(value) => values.push(text(value)),
                    None => to.push(*item),
                }
            }
            let key = EntryKey {
                keys,
                values: &values,
            };
            if keys.len() > 1 {
                self.put(&mut to, &key, None)?;
            }
            self.put(&mut to, &key, Some(*item))?;
        }
        Ok(to)
    }

    fn bad_entry(&self, item: EntryNumber) -> Error {
        let is_set = self.keys.first().is_some_and(Text::is_empty);
        Error::at(
            &self.nodes[item],
            StrategicCause::Entries(if is_set { "texts" } else { "keys" }),
        )
    }
}

/// Drops keys for which no entry has a value, and the missing values.
fn counting(all: &[Vec<Text>], values: &[Text], keys: &[Text]) -> (Vec<Text>, Vec<Text>) {
    let counts = |at: usize| {
        all.iter()
            .any(|values| values.get(at).is_some_and(|value| !value.is_empty()))
    };
    let counts: Vec<bool> = (0..keys.len()).map(counts).collect();
    if !counts.contains(&true) {
        return (keys.to_vec(), values.to_vec());
    }
    let kept = |of: &[Text]| {
        of.iter()
            .zip(&counts)
            .filter(|(_, counts)| **counts)
            .map(|(text, _)| text.clone())
            .collect()
    };
    (kept(keys), kept(values))
}

/// Fills in values from entries that differ only in missing some.
fn complete(all: &mut [Vec<Text>]) {
    for one in 0..all.len() {
        let values = all[one].clone();
        for other in 0..all.len() {
            if let Some(both) = united(&values, &all[other]) {
                all[one].clone_from(&both);
                all[other] = both;
            }
        }
    }
}

/// Returns the combined values of two entries that agree in at least one and conflict in none.
fn united(a: &[Text], b: &[Text]) -> Option<Vec<Text>> {
    let agree = a.iter().zip(b).any(|(a, b)| a == b);
    let both = a
        .iter()
        .zip(b)
        .map(|(a, b)| match (a.is_empty(), b.is_empty()) {
            (false, false) if a != b => None,
            (true, _) => Some(b.clone()),
            _ => Some(a.clone()),
        });
    both.collect::<Option<_>>().filter(|_| agree)
}

fn text(node: &Node) -> Text {
    node.text().map(Text::new).unwrap_or_default()
}
