//! Objects in protobuf, compared with Go's JSON of the same objects.

use cases::{Archive, Score};
use lode_admit::protobuf::{Envelope, Error};
use lode_schema::fields;
use serde_json::Value;

/// Number of kinds that must be correct.
const RIGHT_MIN: usize = 185;

/// Returns name, JSON and protobuf of each kind.
fn kinds() -> Vec<(String, Value, Vec<u8>)> {
    let files = Archive::open("apiserver/pb.tar.xz")
        .unwrap_or_default()
        .files;
    let json = files
        .iter()
        .filter_map(|(path, bytes)| Some((path.strip_suffix(".json")?, bytes)));
    json.map(|(path, bytes)| {
        let name = path.rsplit('/').next().unwrap().to_owned();
        (
            name,
            serde_json::from_slice(bytes).unwrap(),
            files[&format!("{path}.pb")].clone(),
        )
    })
    .collect()
}

fn decoded(body: &[u8]) -> Result<Value, Error> {
    let envelope = Envelope::open(body)?;
    // An event of a watch is the only kind that does not name itself.
    let unnamed = envelope.kind.is_empty();
    let (version, kind) = if unnamed {
        ("v1", "WatchEvent")
    } else {
        (&*envelope.api_version, &*envelope.kind)
    };
    let mut object = envelope.object(fields().of_kind(version, kind).unwrap())?;
    if !unnamed {
        object["apiVersion"] = Value::from(version);
        object["kind"] = Value::from(kind);
    }
    Ok(object)
}

#[test]
fn every_field_of_every_kind_comes_out_as_go_writes_it() {
    let mut score = Score::new("kinds in protobuf", RIGHT_MIN);
    for (name, expected, body) in &kinds() {
        let found = decoded(body);
        let is_right = found.as_ref().is_ok_and(|object| object == expected);
        score.add(is_right, || match found {
            Ok(object) => {
                let difference = first_difference(&object, expected, String::new());
                format!("{name}: {difference}")
            }
            Err(error) => format!("{name}: {error}"),
        });
    }
    score.finish();
}

fn first_difference(ours: &Value, theirs: &Value, path: String) -> String {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<_> = a.keys().chain(b.keys()).collect();
            keys.sort();
            let differing = keys.into_iter().find(|key| a.get(*key) != b.get(*key));
            let Some(key) = differing else { return path };
            let null = Value::Null;
            first_difference(
                a.get(key).unwrap_or(&null),
                b.get(key).unwrap_or(&null),
                format!("{path}.{key}"),
            )
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let at = (0..a.len()).find(|at| a[*at] != b[*at]).unwrap_or(0);
            first_difference(&a[at], &b[at], format!("{path}[{at}]"))
        }
        _ => format!("{path}: {ours} not {theirs}")
            .chars()
            .take(300)
            .collect(),
    }
}

#[test]
fn a_body_cut_off_anywhere_is_an_error_or_an_object_and_never_a_panic() {
    for (_, _, body) in kinds().iter().filter(|(name, ..)| name == "core.v1.Pod") {
        for end in (0..body.len()).step_by(37) {
            let _ = decoded_if_known(&body[..end]);
            let mut changed = body.clone();
            changed[end] = changed[end].wrapping_add(0x55);
            let _ = decoded_if_known(&changed);
        }
    }
}

fn decoded_if_known(body: &[u8]) -> Result<Option<Value>, Error> {
    let envelope = Envelope::open(body)?;
    let ty = fields().of_kind(&envelope.api_version, &envelope.kind);
    ty.map(|ty| envelope.object(ty)).transpose()
}

/// Returns a message with one field.
fn message(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = content.len();
    while length > 0x7f {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend(content);
    bytes
}

fn body(api_version: &str, kind: &str, object: &[u8]) -> Vec<u8> {
    let type_meta = [
        message(1, api_version.as_bytes()),
        message(2, kind.as_bytes()),
    ]
    .concat();
    [
        b"k8s\0".to_vec(),
        message(1, &type_meta),
        message(2, object),
    ]
    .concat()
}

#[test]
fn what_was_never_set_is_written_where_go_writes_it() {
    let object = decoded(&body(
        "apps/v1",
        "Deployment",
        &message(1, &message(1, b"web")),
    ))
    .unwrap();
    let expected = serde_json::json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "status": {},
        "spec": {"selector": null, "strategy": {}, "template": {"metadata": {}, "spec": {"containers": null}}},
    });
    assert_eq!(object, expected);
}

#[test]
fn bodies_that_are_none_are_refused() {
    let opened = |body: &[u8]| Envelope::open(body).map(|_| ()).unwrap_err();
    assert_eq!(opened(b""), Error::Empty);
    assert_eq!(opened(b"{}"), Error::Prefix);
    assert_eq!(opened(b"k8s\0"), Error::EmptyBody);
    assert_eq!(opened(b"k8s\0\x0a\xff"), Error::Malformed);
    assert_eq!(
        decoded(&body("v1", "ConfigMap", &[0x08, 1])),
        Err(Error::WireType("metadata"))
    );
}

#[test]
fn a_schema_nested_without_end_is_refused() {
    let mut schema = Vec::new();
    for _ in 0..300 {
        schema = message(24 - 12, &schema);
        // `not` of a schema is field 28, which takes two bytes.
        schema.splice(0..1, [0xe2, 0x01]);
    }
    let version = message(4, &message(1, &schema));
    let object = message(2, &message(7, &version));
    assert_eq!(
        decoded(&body(
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            &object
        )),
        Err(Error::TooDeep)
    );
}
