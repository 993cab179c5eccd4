//! Recorded Go values, read as values of templates.

use lode_template::{
    Context, GoKind, GoString, GoType, IntegerKind, List, ListForm, Map, TemplateError, Value,
};
use serde_json::Value as Json;

use crate::objects::{Code, Method, Thing};

/// Reads a recorded value.
pub(crate) fn value(json: &Json) -> Value {
    let of = json["t"].as_str().unwrap_or("nil");
    // Complex numbers and what lies too deep were not recorded.
    if matches!(of, "nil" | "deep" | "complex128") {
        return Value::Nil;
    }
    let is_nil = json["nil"] == true;
    if json["opaque"] == true {
        return opaque(of, "");
    }
    if of.starts_with('*') {
        return pointer(of, json, is_nil);
    }
    if let Some(fields) = json["fields"].as_array() {
        return structure(of, fields);
    }
    match GoType::parse(of) {
        GoType::Map(types) => map(of, &types, json, is_nil),
        GoType::Slice(element) => slice(&element, json, is_nil),
        GoType::Array(_, element) => {
            let items = items(json);
            Value::List(List::with_form((*element).clone(), ListForm::Array, items))
        }
        GoType::Named(_) => named(of, json),
        scalar => basic(&scalar, &json["v"]),
    }
}

fn basic(of: &GoType, json: &Json) -> Value {
    match of {
        GoType::Bool => Value::Bool(json.as_bool().unwrap()),
        GoType::Integer(kind) => {
            let bits = json
                .as_i64()
                .unwrap_or_else(|| json.as_u64().unwrap() as i64);
            Value::integer(*kind, bits)
        }
        GoType::Float64 => Value::Float(number(json)),
        GoType::Float32 => Value::Float32(number(json) as f32),
        GoType::String => Value::text(json.as_str().unwrap()),
        other => panic!("a {other} as {json}"),
    }
}

fn number(json: &Json) -> f64 {
    match json.as_str() {
        Some(text) => text.parse().unwrap(),
        None => json.as_f64().unwrap(),
    }
}

fn items(json: &Json) -> Vec<Value> {
    let items = json["v"].as_array();
    items.map_or_else(Vec::new, |items| items.iter().map(value).collect())
}

fn slice(element: &GoType, json: &Json, is_nil: bool) -> Value {
    if is_nil {
        return Value::List(List::nil(element.clone()));
    }
    if *element == GoType::Integer(IntegerKind::Uint8) {
        let byte = |item: &Value| item.as_integer().map_or(0, |byte| byte.bits as u8);
        let bytes: Vec<u8> = items(json).iter().map(byte).collect();
        return Value::Bytes(bytes.into());
    }
    Value::List(List::typed(element.clone(), items(json)))
}

fn map(of: &str, types: &(GoType, GoType), json: &Json, is_nil: bool) -> Value {
    let (key, element) = types;
    let pairs: Vec<(Value, Value)> = json["kv"].as_array().map_or_else(Vec::new, |pairs| {
        pairs
            .iter()
            .map(|pair| (value(&pair[0]), value(&pair[1])))
            .collect()
    });
    if *key != GoType::String {
        return Value::object(Thing {
            type_name: of.to_owned(),
            kind: Some(GoKind::Map),
            is_nil,
            pairs: Some(pairs),
            ..Thing::default()
        });
    }
    if is_nil {
        return Map::nil(element.clone()).into();
    }
    let entries = pairs
        .into_iter()
        .map(|(key, value)| (key.as_text().cloned().unwrap_or_default(), value));
    Map::typed(element.clone(), entries.collect()).into()
}

/// A defined type.
fn named(of: &str, json: &Json) -> Value {
    let entries = || {
        let pairs = json["kv"].as_array().cloned().unwrap_or_default();
        let entry = |pair: &Json| {
            (
                GoString::from(pair[0]["v"].as_str().unwrap()),
                value(&pair[1]),
            )
        };
        pairs.iter().map(entry).collect::<Vec<_>>()
    };
    let underlying = match of {
        "common.Values" => return Map::from_entries(entries()).named("common.Values").into(),
        "engine.files" => {
            let element = GoType::slice(GoType::Integer(IntegerKind::Uint8));
            Value::Map(Map::typed(element, entries()))
        }
        "template.S" => Value::List(List::typed(GoType::String, items(json))),
        _ => match &json["v"] {
            Json::String(text) => Value::text(text.as_str()),
            Json::Number(number) => Value::Int(number.as_i64().unwrap()),
            _ => Value::Nil,
        },
    };
    Value::object(Thing {
        type_name: of.to_owned(),
        kind: Some(underlying.kind()),
        methods: methods(of),
        underlying: Some(underlying),
        ..Thing::default()
    })
}

fn pointer(of: &str, json: &Json, is_nil: bool) -> Value {
    let target = (!is_nil).then(|| value(&json["ptr"]));
    let text = match (of, is_nil) {
        ("*template.V", true) => Some("nilV".to_owned()),
        ("*template.W", true) => Some("nilW".to_owned()),
        _ => target.as_ref().and_then(|target| pointer_text(of, target)),
    };
    let interfaces = match of {
        "*bytes.Buffer" => vec!["fmt.Stringer"],
        _ => Vec::new(),
    };
    Value::object(Thing {
        type_name: of.to_owned(),
        kind: Some(GoKind::Pointer),
        is_nil,
        methods: methods(of),
        text,
        target,
        interfaces,
        ..Thing::default()
    })
}

/// What the `String` or `TemplateError` method of a pointer returns.
fn pointer_text(of: &str, target: &Value) -> Option<String> {
    let Value::Object(object) = target else {
        return None;
    };
    let field = |name: &str| {
        let fields = object.fields();
        fields
            .into_iter()
            .find(|(field, _)| *field == name)
            .map(|(_, value)| value)
    };
    let number = |name| field(name)?.as_integer().map(|integer| integer.bits);
    match of {
        "*template.V" => Some(format!("<{}>", number("j")?)),
        "*template.W" => Some(format!("[{}]", number("k")?)),
        "*errors.errorString" => Some(field("s")?.as_text()?.to_string()),
        "*bytes.Buffer" => match field("buf")? {
            Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            _ => None,
        },
        _ => None,
    }
}

fn structure(of: &str, fields: &[Json]) -> Value {
    let field = |field: &Json| {
        let (name, json) = (field[0].as_str().unwrap(), &field[1]);
        let value = match json["t"].as_str() {
            Some(of) if json["opaque"] == true => opaque(of, name),
            _ => value(json),
        };
        // Its capacity is not recorded.
        if name == "SICap" && !value.is_nil_of_any_type() {
            let items = value.as_list().unwrap().items().to_vec();
            let list = List::with_spare(GoType::Integer(IntegerKind::Int), items, 5);
            return (name.to_owned(), list.into());
        }
        (name.to_owned(), value)
    };
    let fields: Vec<(String, Value)> = fields.iter().map(field).collect();
    let bare = || Thing {
        type_name: of.to_owned(),
        fields: fields.clone(),
        ..Thing::default()
    };
    let text = pointer_text(&format!("*{of}"), &Value::object(bare()));
    let pointer = Thing {
        type_name: format!("*{of}"),
        kind: Some(GoKind::Pointer),
        target: Some(Value::object(bare())),
        ..Thing::default()
    };
    Value::object(Thing {
        text,
        methods: methods(&format!("*{of}")),
        pointer: Some(Value::object(pointer)),
        ..bare()
    })
}

/// A function, or a pointer that nothing follows.
fn opaque(of: &str, name: &str) -> Value {
    if !of.starts_with("func(") {
        return Value::object(Thing {
            type_name: of.to_owned(),
            kind: Some(GoKind::Pointer),
            is_nil: name.starts_with("Empty"),
            ..Thing::default()
        });
    }
    let code: Code = match name {
        "BinaryFunc" => |_, _, args| Ok(joined("[", args, "=", "]")),
        "VariadicFunc" => |_, _, args| Ok(joined("<", args, "+", ">")),
        "VariadicFuncInt" => |_, _, args| {
            let number = args[0].as_integer().unwrap().bits;
            Ok(joined(&format!("{number}=<"), &args[1..], "+", ">"))
        },
        "NilOKFunc" => |_, _, args| Ok(Value::Bool(args[0].is_nil_of_any_type())),
        "ErrFunc" => |_, _, _| Ok(Value::text("bla")),
        "PanicFunc" => |_, _, _| Err(TemplateError::new("test panic")),
        _ => |_, _, _| Ok(Value::text("result")),
    };
    Value::object(Thing {
        type_name: of.to_owned(),
        kind: Some(GoKind::Func),
        methods: vec![Method::new("", of, code)],
        ..Thing::default()
    })
}

fn joined(open: &str, args: &[Value], separator: &str, close: &str) -> Value {
    let texts: Vec<String> = args
        .iter()
        .map(|arg| arg.as_text().unwrap().to_string())
        .collect();
    Value::text(format!("{open}{}{close}", texts.join(separator)))
}

fn methods(of: &str) -> Vec<Method> {
    match of {
        "*template.T" => t_methods(),
        "*template.U" => vec![Method::new(
            "TrueFalse",
            "func(bool) string",
            |_, _, args| Ok(Value::text(if args[0].is_true() { "true" } else { "" })),
        )],
        "*template.I" | "template.S" => vec![Method::new("Method0", "func() string", m0)],
        "engine.files" => vec![
            Method::new("Get", "func(string) string", |files, _, args| {
                let bytes = file(files, &args[0]);
                Ok(Value::text(bytes.as_slice()))
            }),
            Method::new("GetBytes", "func(string) []uint8", |files, _, args| {
                Ok(Value::Bytes(file(files, &args[0]).into()))
            }),
        ],
        _ => Vec::new(),
    }
}

fn file(files: &Value, name: &Value) -> Vec<u8> {
    match files.as_map().unwrap().get(name.as_text().unwrap()) {
        Some(Value::Bytes(bytes)) => bytes.to_vec(),
        _ => Vec::new(),
    }
}

fn m0(_: &Value, _: &mut Context<'_>, _: &[Value]) -> Result<Value, TemplateError> {
    Ok(Value::text("M0"))
}

fn t_methods() -> Vec<Method> {
    vec![
        Method::new("Method0", "func() string", m0),
        Method::new("Method1", "func(int) int", |_, _, args| Ok(args[0].clone())),
        Method::new("Method2", "func(uint16, string) string", |_, _, args| {
            let number = args[0].as_integer().unwrap().bits;
            Ok(Value::text(format!(
                "Method2: {number} {}",
                args[1].as_text().unwrap()
            )))
        }),
        Method::new(
            "Method3",
            "func(interface {}) string",
            |_, context, args| {
                let mut out = b"Method3: ".to_vec();
                lode_template::print::value(context, &mut out, &args[0])?;
                Ok(Value::text(out))
            },
        ),
        Method::new("Copy", "func() *template.T", |target, _, _| {
            Ok(Value::object(Thing {
                type_name: "*template.T".to_owned(),
                kind: Some(GoKind::Pointer),
                target: Some(target.clone()),
                methods: t_methods(),
                ..Thing::default()
            }))
        }),
        Method::new("MAdd", "func(int, []int) []int", |_, _, args| {
            let add = args[0].as_integer().unwrap().bits;
            let items = args[1].as_list().unwrap().items().iter();
            let items = items.map(|item| Value::Int(item.as_integer().unwrap().bits + add));
            let element = GoType::Integer(IntegerKind::Int);
            Ok(List::typed(element, items.collect()).into())
        }),
        Method::new("MyError", "func(bool) (bool, error)", |_, _, args| {
            if args[0].is_true() {
                return Err(TemplateError::new("my error"));
            }
            Ok(Value::Bool(false))
        }),
        Method::new("GetU", "func() *template.U", |target, _, _| {
            let Value::Object(target) = target else {
                return Ok(Value::Nil);
            };
            Ok(target.field("U").unwrap_or_default())
        }),
    ]
}
