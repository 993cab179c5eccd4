//! [`DefaultTable`]: the rules of each type, and which types have no rules anywhere below.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use lode_schema::{Builtin, Schema, TypeId, TypeRef, builtin};
use serde_json::{Map, Value};

use super::{is_unset, rules};

/// Read once. Empty if the data file is malformed; a test checks that it is not.
pub(super) static TABLE: LazyLock<DefaultTable> =
    LazyLock::new(|| read(DATA, builtin()).unwrap_or_default());

/// The rules of each type.
#[derive(Default)]
pub(super) struct DefaultTable {
    rows: HashMap<TypeId, Vec<DefaultRow>>,
    rules: HashMap<TypeId, rules::DefaultRule>,
    /// Types that have a default somewhere below.
    concerned: HashSet<TypeId>,
}

/// The content of a row of the data file.
#[derive(Clone)]
struct DefaultRow {
    set: Map<String, Value>,
    when: Map<String, Value>,
    zero_is_unset: bool,
}

impl DefaultTable {
    pub(super) fn concerns(&self, ty: TypeRef) -> bool {
        self.concerned.contains(&ty.id())
    }

    pub(super) fn apply(&self, ty: TypeRef, object: &mut Map<String, Value>) {
        self.rows
            .get(&ty.id())
            .into_iter()
            .flatten()
            .for_each(|row| row.apply(object));
        if let Some(rule) = self.rules.get(&ty.id()) {
            rule(object);
        }
    }
}

impl DefaultRow {
    fn apply(&self, object: &mut Map<String, Value>) {
        if !self
            .when
            .iter()
            .all(|(field, values)| is_one_of(object.get(field), values))
        {
            return;
        }
        for (field, value) in &self.set {
            let found = object.get(field);
            if is_unset(found) || (self.zero_is_unset && is_zero(found)) {
                object.insert(field.clone(), value.clone());
            }
        }
    }
}

fn is_one_of(found: Option<&Value>, values: &Value) -> bool {
    let found = if is_unset(found) {
        &Value::Null
    } else {
        found.unwrap_or(&Value::Null)
    };
    values
        .as_array()
        .is_some_and(|values| values.contains(found))
}

fn is_zero(value: Option<&Value>) -> bool {
    value.and_then(Value::as_f64) == Some(0.0)
}

fn read(data: &str, types: &Builtin) -> Option<DefaultTable> {
    let document: Value = serde_json::from_str(data).ok()?;
    let mut table = DefaultTable::default();
    for row in document.get("rows")?.as_array()? {
        let map = |key: &str| {
            row.get(key)
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default()
        };
        let parsed = DefaultRow {
            set: map("set"),
            when: map("when"),
            zero_is_unset: row.get("zero").is_some(),
        };
        for name in row.get("of")?.as_array()?.iter().filter_map(Value::as_str) {
            table
                .rows
                .entry(named(&types.schema, name)?)
                .or_default()
                .push(parsed.clone());
        }
    }
    for (name, rule) in rules::RULES {
        table.rules.insert(named(&types.schema, name)?, *rule);
    }
    table.concerned = concerned(types, |id| {
        table.rows.contains_key(&id) || table.rules.contains_key(&id)
    });
    Some(table)
}

fn named(schema: &Schema, name: &str) -> Option<TypeId> {
    PREFIXES
        .iter()
        .find_map(|prefix| schema.named(&format!("{prefix}{name}")))
        .map(TypeRef::id)
}

/// Returns the types that have a default of their own or somewhere below.
fn concerned(types: &Builtin, has_rule: impl Fn(TypeId) -> bool) -> HashSet<TypeId> {
    let mut below: HashMap<TypeId, Vec<TypeId>> = HashMap::new();
    let mut open: Vec<TypeRef> = types.kinds.iter().map(|(_, _, ty)| ty).collect();
    let mut concerned = HashSet::new();
    while let Some(ty) = open.pop() {
        if below.contains_key(&ty.id()) {
            continue;
        }
        let atom = types.schema.atom(ty);
        let fields = atom.map.iter().flat_map(|map| &map.fields);
        if has_rule(ty.id()) || fields.clone().any(|field| field.api_default().is_some()) {
            concerned.insert(ty.id());
        }
        let elements = atom
            .map
            .iter()
            .filter_map(|map| map.element)
            .chain(atom.list.iter().map(|list| list.element));
        let next: Vec<TypeRef> = fields.map(|field| field.ty).chain(elements).collect();
        below.insert(ty.id(), next.iter().map(|ty| ty.id()).collect());
        open.extend(next);
    }
    loop {
        let reach = |(id, next): (&TypeId, &Vec<TypeId>)| {
            next.iter().any(|id| concerned.contains(id)).then_some(*id)
        };
        let more: Vec<TypeId> = below
            .iter()
            .filter_map(reach)
            .filter(|id| !concerned.contains(id))
            .collect();
        if more.is_empty() {
            return concerned;
        }
        concerned.extend(more);
    }
}

const DATA: &str = include_str!("../../data/defaults.json");
/// Prefixes of type names, which the data file omits.
const PREFIXES: [&str; 3] = [
    "io.k8s.api.",
    "io.k8s.apiextensions-apiserver.pkg.apis.",
    "io.k8s.kube-aggregator.pkg.apis.",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_and_rule_is_for_a_type_and_its_fields() {
        let table = read(DATA, builtin()).unwrap();
        assert!(table.rows.len() > 60 && table.rules.len() == rules::RULES.len());
        for (id, rows) in &table.rows {
            let map = builtin().schema.map(TypeRef::from(*id)).unwrap();
            for field in rows
                .iter()
                .flat_map(|row| row.set.keys().chain(row.when.keys()))
            {
                assert!(map.field(field).is_some(), "{field}");
            }
        }
    }

    #[test]
    fn a_type_without_defaults_below_is_not_walked() {
        let concerns =
            |version: &str, kind: &str| TABLE.concerns(builtin().kinds.get(version, kind).unwrap());
        assert!(concerns("apps/v1", "Deployment") && !concerns("v1", "ConfigMap"));
    }
}
