//! Reads the data file of [`Fields`]; `e2e/fields/main.go` documents its lines.

use std::collections::{BTreeMap, HashMap};

use super::{Field, Fields, Id, Member, Sort, Special, Struct, Type};

/// Returns the table, or nothing if the text is malformed.
pub(super) fn read(text: &'static str) -> Option<Fields> {
    let mut reader = FieldsReader::default();
    let mut open: Option<Id> = None;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_ascii_whitespace();
        if line.starts_with(' ') {
            let field = reader.raw_field(words)?;
            reader.structs.get_mut(&open?.0)?.push(field);
            continue;
        }
        match words.next()? {
            "kind" => {
                let (version, kind) = (words.next()?, words.next()?);
                let id = reader.id(words.next()?)?;
                reader.kinds.entry(version).or_default().insert(kind, id);
            }
            "struct" => {
                let id = reader.id(words.next()?)?;
                reader.structs.insert(id.0, Vec::new());
                open = Some(id);
            }
            word => reader.define(word, words.next()?, words.next())?,
        }
    }
    reader.finish()
}

#[derive(Default)]
struct FieldsReader {
    /// By number; `None` until it is defined.
    types: Vec<(&'static str, Option<Sort>)>,
    ids: HashMap<&'static str, Id>,
    structs: BTreeMap<u32, Vec<RawField>>,
    kinds: HashMap<&'static str, HashMap<&'static str, Id>>,
}

/// A field as in the file; an inlined one has no name.
struct RawField {
    name: Option<&'static str>,
    number: u32,
    ty: Id,
    omit_empty: bool,
    omit_zero: bool,
}

impl FieldsReader {
    /// Returns the type with this spelling; a type without a name is defined by its spelling.
    fn id(&mut self, spelled: &'static str) -> Option<Id> {
        if let Some(id) = self.ids.get(spelled) {
            return Some(*id);
        }
        let id = Id(self.types.len() as u32);
        self.ids.insert(spelled, id);
        let named = spelled.contains('.')
            && !spelled.starts_with(['*', '['])
            && !spelled.starts_with("map[");
        self.types.push((if named { spelled } else { "" }, None));
        if !named {
            let sort = self.sort(spelled, false)?;
            self.types[id.0 as usize].1 = Some(sort);
        }
        Some(id)
    }

    fn sort(&mut self, spelled: &'static str, wrapped: bool) -> Option<Sort> {
        if let Some(to) = spelled.strip_prefix('*') {
            return Some(Sort::Pointer(self.id(to)?));
        }
        if let Some(element) = spelled.strip_prefix("[]") {
            return Some(Sort::List {
                element: self.id(element)?,
                wrapped,
            });
        }
        if let Some((key, value)) = spelled
            .strip_prefix("map[")
            .and_then(|rest| rest.split_once(']'))
        {
            return Some(Sort::Map {
                key: self.id(key)?,
                value: self.id(value)?,
            });
        }
        Some(match spelled {
            "bool" => Sort::Bool,
            "string" => Sort::String,
            "int32" => Sort::Int32,
            "int64" => Sort::Int64,
            "float64" => Sort::Float64,
            "bytes" => Sort::Bytes,
            _ => return None,
        })
    }

    fn define(
        &mut self,
        word: &str,
        name: &'static str,
        underlying: Option<&'static str>,
    ) -> Option<()> {
        let id = self.id(name)?;
        let sort = match word {
            "special" => Sort::Special(Special::of(name)?),
            "named" => self.sort(underlying?, false)?,
            "wrapped" => self.sort(underlying?, true)?,
            _ => return None,
        };
        self.types[id.0 as usize].1 = Some(sort);
        Some(())
    }

    fn raw_field(&mut self, mut words: impl Iterator<Item = &'static str>) -> Option<RawField> {
        let name = Some(words.next()?).filter(|name| *name != "-");
        let number = words.next()?.parse().ok()?;
        let ty = self.id(words.next()?)?;
        let flags = words.next().unwrap_or_default();
        Some(RawField {
            name,
            number,
            ty,
            omit_empty: flags.contains('e'),
            omit_zero: flags.contains('z'),
        })
    }

    fn finish(mut self) -> Option<Fields> {
        for id in self.structs.keys() {
            self.types[*id as usize].1 = Some(Sort::Struct(self.structure(Id(*id))?));
        }
        let types = self
            .types
            .into_iter()
            .map(|(name, sort)| Some(Type { name, sort: sort? }));
        Some(Fields {
            types: types.collect::<Option<_>>()?,
            ids: self.ids,
            kinds: self.kinds,
        })
    }

    fn structure(&self, id: Id) -> Option<Struct> {
        let mut fields = Vec::new();
        self.flatten(id, &mut Vec::new(), &mut fields)?;
        // If two fields have the same name, the outer one counts, as in Go.
        fields.sort_by(|a, b| a.name.cmp(b.name).then(a.via.len().cmp(&b.via.len())));
        fields.dedup_by_key(|field| field.name);
        let position = |name: &str| fields.binary_search_by(|field| field.name.cmp(name)).ok();
        let mut members = Vec::new();
        for raw in self.structs.get(&id.0)?.iter().filter(|raw| raw.number > 0) {
            let member = match raw.name {
                Some(name) => Member::Field(position(name)?),
                None => Member::Inline(raw.ty),
            };
            members.push((raw.number, member));
        }
        members.sort_by_key(|(number, _)| *number);
        let always = (0..fields.len())
            .filter(|at| self.is_always_written(&fields[*at]))
            .collect();
        Some(Struct {
            fields: fields.into(),
            members: members.into(),
            always,
        })
    }

    fn flatten(&self, id: Id, via: &mut Vec<&'static str>, fields: &mut Vec<Field>) -> Option<()> {
        for raw in self.structs.get(&id.0)? {
            let &RawField {
                name,
                ty,
                omit_empty,
                omit_zero,
                ..
            } = raw;
            if let Some(name) = name {
                fields.push(Field {
                    name,
                    ty,
                    omit_empty,
                    omit_zero,
                    via: via.as_slice().into(),
                });
                continue;
            }
            let (embedded, _) = self.types[ty.0 as usize];
            via.push(embedded.rsplit('.').next()?);
            self.flatten(ty, via, fields)?;
            via.pop();
        }
        Some(())
    }

    /// Go never treats a struct as empty.
    fn is_always_written(&self, field: &Field) -> bool {
        let is_struct = || {
            let special = matches!(self.types[field.ty.0 as usize].1, Some(Sort::Special(_)));
            special || self.structs.contains_key(&field.ty.0)
        };
        !field.omit_zero && (!field.omit_empty || is_struct())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_defined_makes_no_table() {
        assert!(read("struct a.A\n  name 1 string e\nkind v1 A a.A\n").is_some());
        for text in [
            "struct a.A\n  name 1 a.B\n",
            "struct a.A\n  name 1 complex\n",
            "  name 1 string\n",
            "special a.A\n",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
