//! Sequences of applies and updates by several managers, from the reference implementation.

use std::{borrow::Cow, collections::BTreeMap};

use cases::{Score, lines};
use lode_merge::{
    fields::Operation,
    filter::Filter,
    set::{Element, Set},
    typed::{Duplicates, Typed},
    updater::{Conflict, Convert, ConvertError, Error, Manager, Managers, Owned, Updater, Write},
};
use lode_schema::{Schema, TypeRef, plain};
use serde_json::{Map, Value, json};

#[test]
fn stories_end_as_the_reference_tells_them() {
    let mut score = Score::new("merge scenarios", 242);
    for case in lines("smd/merge.jsonl") {
        let told = tell(&case);
        score.add(told.is_ok(), || {
            format!("{}: {}", case["name"], told.unwrap_err())
        });
    }
    score.finish();
}

/// Sets by manager name, with their version and whether they were applied.
type Kept = BTreeMap<String, (Value, String, bool)>;

/// The state of a sequence.
struct Story<'c> {
    case: &'c Value,
    schema: Schema,
    live: Value,
    live_version: String,
    managers: Kept,
}

fn tell(case: &Value) -> Result<(), String> {
    let schema = plain::read(&case["parser"]["schema"]).map_err(|error| error.to_string())?;
    let mut story = Story {
        case,
        schema,
        live: Value::Null,
        live_version: String::new(),
        managers: Kept::new(),
    };
    for (at, step) in case["steps"].as_array().unwrap().iter().enumerate() {
        let told = match (&step["error"], story.step(step)) {
            (Value::String(expected), Err(error)) => {
                return ok(error.contains(expected), || format!("step {at}: {error}"));
            }
            (Value::String(expected), Ok(())) => Err(format!("no error, not {expected}")),
            (_, done) => done.and_then(|()| story.is_as(step)),
        };
        told.map_err(|error| format!("step {at}: {error}"))?;
    }
    if case["wantManaged"].is_object() {
        managers_are(&story.managers, &case["wantManaged"], false)
    } else {
        Ok(())
    }
}

impl Story<'_> {
    fn step(&mut self, step: &Value) -> Result<(), String> {
        if step["op"] == "changeSchema" {
            self.schema = plain::read(&step["schema"]).map_err(|error| error.to_string())?;
            return Ok(());
        }
        let (live, managers) = self.write(step)?;
        text(step, "apiVersion").clone_into(&mut self.live_version);
        (self.live, self.managers) = (live, managers);
        Ok(())
    }

    /// Returns the live object after a step, and its owners.
    fn write(&self, step: &Value) -> Result<(Value, Kept), String> {
        let (version, name) = (text(step, "apiVersion"), text(step, "manager"));
        let converter = converter(self.case, &self.schema);
        let ty = type_of(self.case, &self.schema, version);
        let live_type = match &*self.live_version {
            "" => ty,
            version => type_of(self.case, &self.schema, version),
        };
        let before = Typed::new(&self.live, &self.schema, live_type);
        let live = converter
            .convert(&before, version)
            .map_err(|error| error.to_string())?;
        let object = Typed::new(&step["object"], &self.schema, ty);
        let updates = step["op"] == "update";
        let duplicates = if updates {
            Duplicates::Allowed
        } else {
            Duplicates::Refused
        };
        object
            .validate(duplicates)
            .map_err(|error| error.to_string())?;
        let manager = named(name);
        let managers = managers(&self.managers);
        let config = match text(step, "op") {
            "extractApply" => extracted(&live, &object, &managers, &manager)?,
            _ => object.clone(),
        };
        let updater = Updater {
            converter: &*converter,
            filters: filters(self.case),
        };
        let write = Write {
            manager: &manager,
            version,
            force: step["op"] != "apply",
        };
        if updates {
            let managers = updater
                .update(&live, &object, managers, write)
                .map_err(|error| error.to_string())?;
            return Ok((step["object"].clone(), self.kept(&managers, name, false)));
        }
        match updater.apply(&live, &config, managers, write) {
            Ok(applied) => {
                conflicts_are(&[], &step["wantConflicts"])?;
                let after = applied.object.unwrap_or_else(|| (*live.value).clone());
                Ok((after, self.kept(&applied.managers, name, true)))
            }
            Err(Error::Conflicts(conflicts)) => {
                conflicts_are(&conflicts, &step["wantConflicts"])?;
                Ok(((*live.value).clone(), self.managers.clone()))
            }
            Err(error) => Err(error.to_string()),
        }
    }

    fn kept(&self, managers: &Managers<'_>, writer: &str, applied: bool) -> Kept {
        let before = |name: &str| {
            self.managers
                .get(name)
                .is_some_and(|(_, _, applied)| *applied)
        };
        let entry = |(manager, owned): (&Manager<'_>, &Owned<'_>)| {
            let applied = if manager.name == writer {
                applied
            } else {
                before(&manager.name)
            };
            (
                manager.name.to_string(),
                (owned.set.to_value(), owned.version.to_string(), applied),
            )
        };
        managers.iter().map(entry).collect()
    }

    fn is_as(&self, step: &Value) -> Result<(), String> {
        ok(same(&self.live, &step["live"]), || {
            format!("live {} not {}", self.live, step["live"])
        })?;
        managers_are(&self.managers, &step["managers"], true)
    }
}

/// At the end of a sequence the reference does not distinguish appliers and updaters.
fn managers_are(found: &Kept, expected: &Value, how: bool) -> Result<(), String> {
    let expected = expected.as_object().cloned().unwrap_or_default();
    let names: Vec<_> = found.keys().collect();
    ok(names == expected.keys().collect::<Vec<_>>(), || {
        format!("managers {names:?} not {:?}", expected.keys())
    })?;
    for (name, (set, version, applied)) in found {
        let expected = &expected[name];
        let right = Set::read(set).unwrap() == Set::read(&expected["fields"]).unwrap()
            && *version == expected["apiVersion"]
            && (!how || *applied == expected["applied"]);
        ok(right, || {
            format!("{name}: {set} {version} {applied} not {expected}")
        })?;
    }
    Ok(())
}

fn conflicts_are(found: &[Conflict<'_>], expected: &Value) -> Result<(), String> {
    let mut shown = Vec::new();
    for conflict in found {
        conflict.fields.for_each(|path| {
            let path: String = path.iter().map(ToString::to_string).collect();
            shown.push(format!("{} {path}", conflict.manager.name));
        });
    }
    let mut wanted: Vec<_> = expected
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    shown.sort();
    wanted.sort_unstable();
    ok(shown == wanted, || {
        format!("conflicts {shown:?} not {wanted:?}")
    })
}

fn extracted<'a>(
    live: &Typed<'a>,
    object: &Typed<'a>,
    managers: &Managers<'_>,
    manager: &Manager<'_>,
) -> Result<Typed<'a>, String> {
    if live.value.is_null() {
        return Ok(object.clone());
    }
    let leaves = managers
        .get(manager)
        .map(|owned| owned.set.leaves())
        .unwrap_or_default();
    let part = live.with(live.extract(&leaves));
    let merged = part.merge(object).map_err(|error| error.to_string())?;
    Ok(object.with(merged))
}

/// The managers of a sequence are distinguished only by name.
fn named(name: &str) -> Manager<'_> {
    Manager {
        name: name.into(),
        operation: Operation::Apply,
        api_version: "".into(),
        subresource: "".into(),
    }
}

fn managers(kept: &Kept) -> Managers<'_> {
    let mut managers = Managers::new();
    for (name, (set, version, _)) in kept {
        managers.insert(
            named(name),
            Owned {
                set: Set::read(set).unwrap(),
                version: version.into(),
            },
        );
    }
    managers
}

fn type_of(case: &Value, schema: &Schema, version: &str) -> TypeRef {
    schema
        .named(case["parser"]["type"].as_str().unwrap_or(version))
        .unwrap_or(TypeRef::DEDUCED)
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn ok(right: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if right { Ok(()) } else { Err(otherwise()) }
}

fn same(a: &Value, b: &Value) -> bool {
    Typed::new(a, &Schema::default(), TypeRef::ANY).equals(b)
}

fn filters(case: &Value) -> BTreeMap<Cow<'static, str>, Filter<'static>> {
    let mut filters = BTreeMap::new();
    for version in case["ignoreFilter"]
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
    {
        filters.insert(
            Cow::Owned(version.clone()),
            Filter::Except(ignored(case["name"].as_str().unwrap(), version)),
        );
    }
    filters
}

/// The filters of the cases are recorded only as addresses; these are the reference's filters.
fn ignored(name: &str, version: &str) -> Set<'static> {
    let letters = ["", "c", "cc", "ccc", "cccc"];
    let path = match (name.rsplit('/').next().unwrap(), version) {
        ("update_does_not_own_ignored" | "apply_does_not_own_ignored", _) => ["string"].to_vec(),
        ("update_does_not_own_deep_ignored" | "apply_does_not_own_deep_ignored", _) => {
            ["obj"].to_vec()
        }
        ("does_use_ignored_fields_versions", version) => [
            "mapOfMapsRecursive",
            letters[version[1..].parse::<usize>().unwrap()],
        ]
        .to_vec(),
        _ => ["mapOfMapsRecursive", "c"].to_vec(),
    };
    let mut set = Set::default();
    set.insert(&path.into_iter().map(Element::Field).collect::<Vec<_>>());
    set
}

/// The converters used in the reference's cases.
fn converter<'s>(case: &'s Value, schema: &'s Schema) -> Box<dyn Convert + 's> {
    let kind = case["converter"].as_str().unwrap();
    if kind == "dummyConverter" {
        Box::new(Same)
    } else {
        Box::new(Versions { kind, case, schema })
    }
}

/// All versions have the same fields.
struct Same;

impl Convert for Same {
    fn convert<'a>(
        &'a self,
        object: &'a Typed<'_>,
        _version: &str,
    ) -> Result<Typed<'a>, ConvertError> {
        Ok(object.borrowed())
    }
}

struct Versions<'s> {
    kind: &'s str,
    case: &'s Value,
    schema: &'s Schema,
}

impl Convert for Versions<'_> {
    fn convert<'a>(
        &'a self,
        object: &'a Typed<'_>,
        version: &str,
    ) -> Result<Typed<'a>, ConvertError> {
        let number: usize = version
            .get(1..)
            .and_then(|number| number.parse().ok())
            .ok_or(ConvertError::Missing)?;
        let from = object.schema.name(object.ty).unwrap_or_default();
        let value = match self.kind {
            "renamingConverter" => renamed(&object.value, from, version),
            "repeatingConverter" => repeated(&object.value, number, 0),
            _ if from == version => (*object.value).clone(),
            _ => relying(&object.value, number)?,
        };
        Ok(Typed {
            value: Cow::Owned(value),
            schema: self.schema,
            ty: type_of(self.case, self.schema, version),
        })
    }
}

/// Renames fields that end with one version to the other.
fn renamed(value: &Value, from: &str, to: &str) -> Value {
    match value {
        Value::Object(map) => {
            let name = |key: &String| {
                key.strip_suffix(from)
                    .map_or_else(|| key.clone(), |stem| format!("{stem}{to}"))
            };
            map.iter()
                .map(|(key, value)| (name(key), renamed(value, from, to)))
                .collect()
        }
        Value::Array(items) => items.iter().map(|item| renamed(item, from, to)).collect(),
        other => other.clone(),
    }
}

/// Repeats the first letter of every field below the root as often as the version says.
fn repeated(value: &Value, times: usize, depth: usize) -> Value {
    let Value::Object(map) = value else {
        return value.clone();
    };
    let name = |key: &String| {
        if depth == 0 {
            key.clone()
        } else {
            key[..1].repeat(times)
        }
    };
    map.iter()
        .map(|(key, value)| (name(key), repeated(value, times, depth + 1)))
        .collect()
}

/// The first version cannot represent an object without the one field of the second.
fn relying(value: &Value, version: usize) -> Result<Value, ConvertError> {
    let fields = ["required_field_bar", "field_foo_rely_on_bar"];
    let text = value.to_string();
    let text = match version {
        1 if !text.contains(fields[0]) => {
            return Err(ConvertError::Failed(
                "missing required field bar".to_owned(),
            ));
        }
        1 => text.replace(fields[0], fields[1]),
        2 => text.replace(fields[1], fields[0]),
        _ => return Err(ConvertError::Missing),
    };
    Ok(serde_json::from_str(&text).unwrap_or_else(|_| json!({})))
}
