//! The Go structs, compared with the published `OpenAPI` documents: two sources that must agree.

use std::collections::HashSet;

use lode_schema::{Schema, TypeRef, builtin, fields, fields::Sort, resources};

#[test]
fn structs_have_the_fields_that_the_published_documents_have() {
    let (schema, mut seen, mut differing) = (&builtin().schema, HashSet::new(), Vec::new());
    for (api_version, kind, ty) in builtin().kinds.iter() {
        let Some(id) = fields().of_kind(api_version, kind) else {
            continue;
        };
        compare(schema, ty, id, &mut seen, &mut differing);
    }
    println!(
        "fields: {} structs are the same",
        seen.len() - differing.len()
    );
    assert!(
        seen.len() > 500 && differing.is_empty(),
        "{} {differing:?}",
        seen.len()
    );
}

fn compare(
    schema: &Schema,
    ty: TypeRef,
    id: fields::Id,
    seen: &mut HashSet<&'static str>,
    differing: &mut Vec<&'static str>,
) {
    let found = fields().get(id);
    let atom = schema.atom(ty);
    match &found.sort {
        Sort::Pointer(to) => compare(schema, ty, *to, seen, differing),
        Sort::List { element, .. } => compare(
            schema,
            atom.list.as_ref().unwrap().element,
            *element,
            seen,
            differing,
        ),
        Sort::Map { value, .. } => {
            compare(
                schema,
                atom.map.as_ref().unwrap().element.unwrap(),
                *value,
                seen,
                differing,
            );
        }
        Sort::Struct(structure) if seen.insert(found.name) => {
            let theirs = &atom.map.as_ref().unwrap().fields;
            if !theirs
                .iter()
                .map(|field| &*field.name)
                .eq(structure.fields.iter().map(|field| field.name))
            {
                differing.push(found.name);
            }
            for field in &structure.fields {
                let below = atom
                    .map
                    .as_ref()
                    .unwrap()
                    .field(field.name)
                    .unwrap_or_else(|| panic!("{}", field.name));
                compare(schema, below.ty, field.ty, seen, differing);
            }
        }
        _ => {}
    }
}

#[test]
fn every_resource_can_be_read() {
    for resource in resources() {
        let version = match &*resource.group {
            "" => resource.version.to_string(),
            group => format!("{group}/{}", resource.version),
        };
        assert!(
            fields().of_kind(&version, &resource.kind).is_some(),
            "{version} {}",
            resource.kind
        );
    }
}
