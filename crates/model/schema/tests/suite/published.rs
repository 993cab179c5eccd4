//! The built-in types, compared with the schema in Kubernetes' own client library.

use cases::Score;
use lode_schema::{Atom, Schema, TypeRef, builtin, plain};
use lode_yaml::Dialect;

/// Types that both have with equal content.
const SAME_MIN: usize = 611;

fn published() -> Option<(Schema, Vec<String>)> {
    let text = cases::text("smd/k8s_builtin_schema.yaml.xz")?;
    let document = lode_yaml::parse(text.as_bytes(), Dialect::V3).unwrap();
    let names = document["types"]
        .as_array()
        .unwrap()
        .iter()
        .map(|ty| ty["name"].as_str().unwrap().to_owned());
    Some((plain::read(&document).unwrap(), names.collect()))
}

#[test]
fn types_are_as_the_client_library_has_them() {
    let Some((theirs, names)) = published() else {
        return;
    };
    let ours = &builtin().schema;
    let mut missing = 0;
    let mut score = Score::new("types of the client library", SAME_MIN);
    for name in &names {
        let their = theirs.named(name).unwrap();
        let Some(our) = ours.named(name) else {
            missing += 1;
            continue;
        };
        let difference = differs((ours, our), (&theirs, their), 0);
        score.add(difference.is_none(), || {
            format!("{name}{}", difference.unwrap_or_default())
        });
    }
    println!("types: {missing} are only theirs");
    score.finish();
}

/// Returns where two types differ; named types are compared by name.
fn differs(ours: (&Schema, TypeRef), theirs: (&Schema, TypeRef), depth: usize) -> Option<String> {
    let (a, b) = (ours.0.atom(ours.1), theirs.0.atom(theirs.1));
    if ours.1.atomic() != theirs.1.atomic() {
        return Some(format!(
            ": override {:?} not {:?}",
            ours.1.atomic(),
            theirs.1.atomic()
        ));
    }
    let names = (ours.0.name(ours.1), theirs.0.name(theirs.1));
    if a == ours.0.atom(TypeRef::ANY) && theirs.1 == TypeRef::ANY {
        // Their schema has no name for a type that ours names after its Go type.
        return None;
    }
    if depth > 0 && names.0.is_some() && names.1.is_some() {
        return (names.0 != names.1).then(|| format!(": {names:?}"));
    }
    if a.scalar != b.scalar {
        return Some(format!(": {:?} not {:?}", a.scalar, b.scalar));
    }
    lists((ours.0, a), (theirs.0, b), depth).or_else(|| maps((ours.0, a), (theirs.0, b), depth))
}

fn lists(
    (ours, a): (&Schema, &Atom),
    (theirs, b): (&Schema, &Atom),
    depth: usize,
) -> Option<String> {
    match (&a.list, &b.list) {
        (None, None) => None,
        (Some(a), Some(b)) if (a.atomic, &a.keys) == (b.atomic, &b.keys) => {
            differs((ours, a.element), (theirs, b.element), depth + 1).map(|why| format!("[]{why}"))
        }
        (a, b) => Some(format!(": list {a:?} not {b:?}")),
    }
}

fn maps(
    (ours, a): (&Schema, &Atom),
    (theirs, b): (&Schema, &Atom),
    depth: usize,
) -> Option<String> {
    let (a, b) = match (&a.map, &b.map) {
        (None, None) => return None,
        (Some(a), Some(b)) if a.atomic == b.atomic => (a, b),
        _ => return Some(": map".to_owned()),
    };
    let names = |fields: &[lode_schema::Field]| {
        fields
            .iter()
            .map(|field| field.name.clone())
            .collect::<Vec<_>>()
    };
    if names(&a.fields) != names(&b.fields) {
        let only = |a: &[lode_schema::Field], b: &[lode_schema::Field]| {
            names(a)
                .into_iter()
                .filter(|name| !names(b).contains(name))
                .collect::<Vec<_>>()
        };
        return Some(format!(
            ": only ours {:?}, only theirs {:?}",
            only(&a.fields, &b.fields),
            only(&b.fields, &a.fields)
        ));
    }
    let mut fields = a.fields.iter().zip(&b.fields);
    let field = fields.find_map(|(a, b)| {
        let default = (a.default != b.default)
            .then(|| format!(": default {:?} not {:?}", a.default, b.default));
        let ty = || differs((ours, a.ty), (theirs, b.ty), depth + 1);
        default.or_else(ty).map(|why| format!(".{}{why}", a.name))
    });
    let elements = || match (a.element, b.element) {
        (None, None) => None,
        (Some(a), Some(b)) => {
            differs((ours, a), (theirs, b), depth + 1).map(|why| format!(".*{why}"))
        }
        (a, b) => Some(format!(": element {a:?} not {b:?}")),
    };
    field.or_else(elements)
}
