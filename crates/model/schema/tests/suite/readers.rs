//! What the readers make of schemas, and what they refuse.

use lode_schema::{
    Builder, Format, Kinds, ListView, MapView, Scalar, Schema, Shape, TypeRef, builtin, openapi,
    plain, structural,
};
use serde_json::{Value, json};

fn read(schemas: &Value) -> (Schema, Kinds) {
    let (mut builder, mut kinds) = (Builder::default(), Kinds::default());
    openapi::read(schemas, &mut builder, &mut kinds).unwrap();
    (builder.finish(), kinds)
}

/// Returns the schema and type of one property.
fn property(property: &Value) -> (Schema, TypeRef) {
    let (schema, _) = read(&json!({"A": {"type": "object", "properties": {"p": property}}}));
    let ty = schema
        .map(schema.named("A").unwrap())
        .unwrap()
        .field("p")
        .unwrap()
        .ty;
    (schema, ty)
}

fn list(property_schema: &Value) -> (bool, Vec<Box<str>>) {
    let (schema, ty) = property(property_schema);
    let Shape::List(ListView { list, atomic }) = schema.shape(ty, &json!([])) else {
        panic!("no list")
    };
    (atomic, list.keys.to_vec())
}

#[test]
fn lists_are_merged_as_they_say() {
    let of = |words: Value| {
        let mut schema = json!({"type": "array", "items": {"type": "string"}});
        schema
            .as_object_mut()
            .unwrap()
            .extend(words.as_object().unwrap().clone());
        list(&schema)
    };
    let key = |name: &str| vec![Box::from(name)];
    assert_eq!(of(json!({})), (true, Vec::new()));
    assert_eq!(
        of(json!({"x-kubernetes-list-type": "atomic"})),
        (true, Vec::new())
    );
    assert_eq!(
        of(json!({"x-kubernetes-list-type": "set"})),
        (false, Vec::new())
    );
    let map = json!({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["b", "a"]});
    assert_eq!(of(map), (false, vec!["b".into(), "a".into()]));
    let merge = json!({"x-kubernetes-patch-strategy": "merge,retainKeys", "x-kubernetes-patch-merge-key": "name"});
    assert_eq!(of(merge), (false, key("name")));
    assert_eq!(
        of(json!({"x-kubernetes-patch-strategy": "merge"})),
        (false, Vec::new())
    );
    assert_eq!(
        of(json!({"x-kubernetes-patch-strategy": "retainKeys"})),
        (true, Vec::new())
    );
    let both = json!({"x-kubernetes-list-type": "atomic", "x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "name"});
    assert_eq!(of(both), (true, Vec::new()), "the list type says it first");
}

#[test]
fn scalars_know_their_sort_and_meaning() {
    for (schema, scalar, format) in [
        (
            json!({"type": "integer", "format": "int32"}),
            Scalar::Numeric,
            Format::Integer,
        ),
        (json!({"type": "number"}), Scalar::Numeric, Format::None),
        (json!({"type": "boolean"}), Scalar::Boolean, Format::None),
        (json!({"type": "string"}), Scalar::String, Format::None),
        (
            json!({"type": "string", "format": "byte"}),
            Scalar::String,
            Format::Bytes,
        ),
        (
            json!({"type": "string", "format": "date-time"}),
            Scalar::Untyped,
            Format::Time,
        ),
        (
            json!({"type": "string", "format": "int-or-string"}),
            Scalar::Untyped,
            Format::IntOrString,
        ),
        (
            json!({"format": "int-or-string", "oneOf": []}),
            Scalar::Untyped,
            Format::IntOrString,
        ),
    ] {
        let (types, ty) = property(&schema);
        let atom = types.atom(ty);
        assert_eq!(
            (atom.scalar, atom.format, &atom.map),
            (Some(scalar), format, &None),
            "{schema}"
        );
    }
    let (types, ty) = property(&json!({"type": "string", "enum": ["A", "B"]}));
    assert_eq!(&*types.atom(ty).values, ["A".into(), "B".into()]);
}

#[test]
fn maps_allow_what_they_declare() {
    let element = |schema: Value| {
        let (types, ty) = property(&schema);
        types
            .map(ty)
            .unwrap()
            .element
            .map(|element| types.atom(element).scalar)
    };
    let closed = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    assert_eq!(element(closed.clone()), None);
    assert_eq!(
        element(json!({"type": "object"})),
        Some(Some(Scalar::Untyped))
    );
    assert_eq!(
        element(json!({"type": "object", "additionalProperties": {"type": "integer"}})),
        Some(Some(Scalar::Numeric))
    );
    assert_eq!(
        element(json!({"type": "object", "additionalProperties": true})),
        Some(Some(Scalar::Untyped))
    );
    assert_eq!(
        element(json!({"type": "object", "additionalProperties": false})),
        None
    );
    let mut open = closed;
    open["x-kubernetes-preserve-unknown-fields"] = true.into();
    assert_eq!(element(open), Some(Some(Scalar::Untyped)));
}

#[test]
fn a_reference_may_say_otherwise_whether_it_is_atomic() {
    let part = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let (schema, _) = read(
        &json!({"Part": part, "A": {"type": "object", "required": ["plain"], "properties": {
            "plain": {"$ref": "#/components/schemas/Part"},
            "wrapped": {"allOf": [{"$ref": "#/components/schemas/Part"}], "default": {}},
            "atomic": {"$ref": "Part", "x-kubernetes-map-type": "atomic"},
        }}}),
    );
    let map = schema.map(schema.named("A").unwrap()).unwrap();
    let atomic = |name: &str| match schema.shape(map.field(name).unwrap().ty, &json!({})) {
        Shape::Map(MapView { atomic, .. }) => atomic,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (atomic("plain"), atomic("wrapped"), atomic("atomic")),
        (false, false, true)
    );
    assert!(map.field("plain").unwrap().required && !map.field("wrapped").unwrap().required);
    assert_eq!(schema.name(map.field("atomic").unwrap().ty), Some("Part"));
}

#[test]
fn zero_is_a_default_of_the_api_only_where_it_says_so() {
    let properties = json!({"zero": {"type": "integer", "default": 0}, "one": {"type": "integer", "default": 1}});
    let object = json!({"type": "object", "properties": properties});
    let (schema, _) = read(&json!({"A": object.clone()}));
    let map = schema.map(schema.named("A").unwrap()).unwrap();
    let field = |name: &str| map.field(name).unwrap().clone();
    assert_eq!(
        (field("zero").default, field("zero").assumed),
        (Some(json!(0)), true)
    );
    assert_eq!(
        (field("zero").api_default(), field("one").api_default()),
        (None, Some(&json!(1)))
    );
    let (schema, ty) = structural::read(&object, &builtin().schema).unwrap();
    assert_eq!(
        schema.map(ty).unwrap().field("zero").unwrap().api_default(),
        Some(&json!(0))
    );
}

#[test]
fn kinds_are_found_by_version_and_helpers_are_no_kinds() {
    let kind = |kinds: Value| json!({"type": "object", "x-kubernetes-group-version-kind": kinds});
    let (_, kinds) = read(&json!({
        "A": kind(json!([{"group": "", "version": "v1", "kind": "A"}])),
        "B": kind(json!([{"group": "x.io", "version": "v1", "kind": "B"}])),
        "C": kind(json!([{"group": "", "version": "v1", "kind": "C"}, {"group": "x.io", "version": "v1", "kind": "C"}])),
    }));
    assert!(kinds.get("v1", "A").is_some() && kinds.get("x.io/v1", "B").is_some());
    assert!(kinds.get("v1", "C").is_none() && kinds.get("v2", "A").is_none());
    assert_eq!(kinds.iter().count(), 2);
}

#[test]
fn words_that_mean_nothing_are_refused() {
    let refused = |schema: Value| {
        openapi::read(
            &json!({"A": schema}),
            &mut Builder::default(),
            &mut Kinds::default(),
        )
        .is_err()
    };
    assert!(refused(json!({"type": "thing"})));
    assert!(refused(
        json!({"type": "array", "x-kubernetes-list-type": "heap"})
    ));
    assert!(refused(
        json!({"type": "object", "x-kubernetes-map-type": "heap"})
    ));
    assert!(openapi::read(&json!([]), &mut Builder::default(), &mut Kinds::default()).is_err());
    let deep = (0..100).fold(
        json!({"type": "string"}),
        |inner, _| json!({"type": "array", "items": inner}),
    );
    assert!(refused(deep));
}

#[test]
fn a_custom_resource_has_what_all_objects_have() {
    let schema = json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "port": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]},
            "template": {"type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true},
        }},
    }});
    let (types, ty) = structural::read(&schema, &builtin().schema).unwrap();
    let field = |ty: TypeRef, name: &str| types.map(ty).unwrap().field(name).unwrap().ty;
    let meta = field(ty, "metadata");
    let owners = types
        .atom(field(meta, "ownerReferences"))
        .list
        .as_ref()
        .unwrap();
    assert_eq!(&*owners.keys, ["uid".into()]);
    let spec = field(ty, "spec");
    assert!(types.map(field(spec, "any")).unwrap().preserve_unknown);
    assert!(!types.map(spec).unwrap().preserve_unknown);
    assert_eq!(types.atom(field(spec, "port")).format, Format::IntOrString);
    assert_eq!(field(field(spec, "template"), "metadata"), meta);
    assert!(structural::read(&json!(1), &builtin().schema).is_err());
}

#[test]
fn the_plain_form_names_what_it_lacks() {
    let read = |types: Value| plain::read(&json!({"types": types}));
    assert!(plain::read(&json!({})).is_err());
    let used = read(
        json!([{"name": "a", "map": {"fields": [{"name": "x", "type": {"namedType": "b"}}]}}]),
    );
    assert_eq!(used.unwrap_err(), plain::Error::Undefined("b".to_owned()));
    assert_eq!(
        read(json!([{"name": "a", "scalar": "odd"}])).unwrap_err(),
        plain::Error::Scalar("odd".to_owned())
    );
    let deep = (0..100).fold(
        json!({"scalar": "string"}),
        |inner, _| json!({"list": {"elementType": inner}}),
    );
    assert_eq!(
        read(json!([{"name": "a", "list": {"elementType": deep}}])).unwrap_err(),
        plain::Error::TooDeep
    );
}

#[test]
fn unions_are_what_the_value_is() {
    let (schema, deduced) = (Schema::default(), TypeRef::DEDUCED);
    let shape = |value: Value| match schema.shape(deduced, &value) {
        Shape::Map(map) => format!("map {}", map.atomic),
        Shape::List(list) => format!("list {}", list.atomic),
        Shape::Scalar(scalar) => format!("{scalar:?}"),
        Shape::Nothing => "nothing".to_owned(),
    };
    assert_eq!(shape(json!({})), "map false");
    assert_eq!(shape(json!([])), "list true");
    assert_eq!(shape(json!("x")), "Untyped");
    assert_eq!(
        shape(Value::Null),
        "map false",
        "null is what the type has first"
    );
    assert_eq!(schema.name(deduced), Some("__untyped_deduced_"));
}

#[test]
fn what_is_taken_over_comes_with_all_it_uses() {
    let from = plain::read(&json!({"types": [
        {"name": "a", "map": {"fields": [{"name": "self", "type": {"namedType": "a"}}, {"name": "b", "type": {"namedType": "b"}}]}},
        {"name": "b", "list": {"elementType": {"scalar": "string"}, "elementRelationship": "associative"}},
        {"name": "unused", "scalar": "string"},
    ]}))
    .unwrap();
    let mut builder = Builder::default();
    let a = builder.import(&from, from.named("a").unwrap(), "a");
    let schema = builder.finish();
    let map = schema.map(a).unwrap();
    assert_eq!(map.field("self").unwrap().ty, a);
    let list = schema
        .atom(map.field("b").unwrap().ty)
        .list
        .as_ref()
        .unwrap();
    assert_eq!(schema.atom(list.element).scalar, Some(Scalar::String));
    assert!(!list.atomic && schema.named("unused").is_none());
    assert_eq!(
        schema.len(),
        5,
        "two that are always there, and three taken over"
    );
}
