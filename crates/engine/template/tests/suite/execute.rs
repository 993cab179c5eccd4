//! Go's own cases for running templates.

use std::sync::Arc;

use cases::Score;
use jiff::Timestamp;
use lode_stdx::budget::{Budget, Limits};
use lode_template::function::{Functions, TemplateFunction};
use lode_template::parse::Grammar;
use lode_template::{
    Environment, GoKind, GoString, GoType, Map, MissingKey, Random, TemplateError, Templates,
    Value, print,
};
use serde_json::Value as Json;

use crate::objects::Thing;
use crate::recorded::value;

/// Cases that need what is left out on purpose: complex numbers, channels, iterators.
const LEFT_OUT: [&str; 2] = ["complex", "chan"];

pub(crate) struct NoRandom;

impl Random for NoRandom {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// Calls `f` with an environment that may spend `limits`.
pub(crate) fn with_environment<R>(limits: Limits, f: impl FnOnce(&Environment<'_>) -> R) -> R {
    let budget = Budget::new(limits);
    f(&Environment {
        now: Timestamp::from_second(1_700_000_000).unwrap(),
        random: &NoRandom,
        cluster: None,
        resolve_host: None,
        used_time: None,
        is_lint: false,
        budget: &budget,
    })
}

pub(crate) const ENOUGH: Limits = Limits {
    bytes: 256 << 20,
    nodes: 4 << 20,
    steps: 64 << 20,
};

#[test]
fn templates_run_as_in_go() {
    let Some(table) = cases::json("template/texttemplate-cases.json") else {
        return;
    };
    let big = value(&cases::json("template/texttemplate-tval.json").unwrap());
    let functions = Arc::new(Functions::new(TEST_FUNCTIONS));
    let mut score = Score::new("text/template", FLOOR);
    for case in table.as_array().unwrap() {
        let flags: Vec<&str> = case["flags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|flag| flag.as_str().unwrap())
            .collect();
        let of = case["data"].as_str().unwrap();
        if LEFT_OUT.iter().any(|left_out| flags.contains(left_out))
            || of.starts_with("iter.")
            || of == "complex128"
        {
            continue;
        }

        let data = match of {
            "tVal" => big.clone(),
            "cmpStruct" => comparison_data(),
            "nil" => Value::Nil,
            _ => value(&case["value"]),
        };
        let name = case["name"].as_str().unwrap();
        let found = run(&functions, case, name, data);
        let expected = if case["ok"] == true {
            Ok(case["output"].as_str().unwrap().to_owned())
        } else {
            Err(case["error"].as_str().unwrap().to_owned())
        };
        score.check(&format!("{name} {}", case["input"]), &found, &expected);
    }
    score.finish();
}

/// Cases that were right when this was written.
const FLOOR: usize = 355;

fn run(functions: &Arc<Functions>, case: &Json, name: &str, data: Value) -> Result<String, String> {
    let delimiters = case["delims"].as_array();
    let grammar = match delimiters {
        Some(delimiters) => Grammar {
            left: delimiters[0].as_str().unwrap(),
            right: delimiters[1].as_str().unwrap(),
            ..Grammar::default()
        },
        None => Grammar::default(),
    };
    let mut templates = Templates::new(Arc::clone(functions));
    let budget = Budget::unlimited();
    let text = case["input"].as_str().unwrap();
    templates
        .add(name, text.as_bytes(), grammar, &budget)
        .map_err(|error| error.to_string())?;
    for (name, text) in case["associated"].as_object().into_iter().flatten() {
        let text = text.as_str().unwrap();
        let added = templates.add(name, text.as_bytes(), Grammar::default(), &budget);
        added.map_err(|error| error.to_string())?;
    }
    let templates = templates.linked();
    with_environment(ENOUGH, |environment| {
        let output = templates.execute(name, data, MissingKey::Invalid, environment);
        output
            .map(|output| String::from_utf8(output).unwrap())
            .map_err(|error| error.to_string())
    })
}

/// The struct of Go's cases for comparisons.
fn comparison_data() -> Value {
    use lode_template::IntegerKind::Uint;
    let empty_map = |is_nil| {
        Value::object(Thing {
            type_name: "map[int]int".to_owned(),
            kind: Some(GoKind::Map),
            is_nil,
            pairs: Some(Vec::new()),
            ..Thing::default()
        })
    };
    let pointer = |of: &str, is_nil: bool, target: Option<Value>| {
        Value::object(Thing {
            type_name: of.to_owned(),
            kind: Some(GoKind::Pointer),
            is_nil,
            target,
            ..Thing::default()
        })
    };
    let v = || {
        Value::object(Thing {
            type_name: "template.V".to_owned(),
            fields: vec![("j".to_owned(), Value::Int(0))],
            ..Thing::default()
        })
    };
    let fields = vec![
        ("Uthree".to_owned(), Value::integer(Uint, 3)),
        ("Ufour".to_owned(), Value::integer(Uint, 4)),
        ("NegOne".to_owned(), Value::Int(-1)),
        ("Three".to_owned(), Value::Int(3)),
        (
            "Ptr".to_owned(),
            pointer("*int", false, Some(Value::Int(0))),
        ),
        ("NilPtr".to_owned(), pointer("*int", true, None)),
        ("NonNilMap".to_owned(), empty_map(false)),
        ("Map".to_owned(), empty_map(true)),
        ("V1".to_owned(), v()),
        ("V2".to_owned(), v()),
        (
            "Iface1".to_owned(),
            pointer("*strings.Builder", false, None),
        ),
        ("NilIface".to_owned(), Value::Nil),
    ];
    let data = Thing {
        type_name: "struct".to_owned(),
        fields,
        ..Thing::default()
    };
    pointer("*struct", false, Some(Value::object(data)))
}

/// The functions of Go's cases.
const TEST_FUNCTIONS: &[TemplateFunction] = &[
    TemplateFunction::new("add", "func(...int) int", |_, args| {
        Ok(Value::Int(
            args.iter().map(|arg| arg.as_integer().unwrap().bits).sum(),
        ))
    }),
    TemplateFunction::new("dddArg", "func(int, ...string) string", |context, args| {
        let rest = args[1..].to_vec();
        let list = lode_template::List::typed(GoType::String, rest);
        print::println(context, &[args[0].clone(), list.into()]).map(Value::text)
    }),
    TemplateFunction::new("die", "func() bool", |_, _| Err(TemplateError::new("die"))),
    TemplateFunction::new("echo", "func(interface {}) interface {}", |_, args| {
        Ok(args[0].clone())
    }),
    TemplateFunction::new("makemap", "func(...string) map[string]string", |_, args| {
        let pair = |pair: &[Value]| (pair[0].as_text().unwrap().clone(), pair[1].clone());
        Ok(Map::typed(GoType::String, args.chunks(2).map(pair).collect()).into())
    }),
    TemplateFunction::new("mapOfThree", "func() interface {}", |_, _| {
        let of = GoType::Integer(lode_template::IntegerKind::Int);
        Ok(Map::typed(of, vec![("three".into(), Value::Int(3))]).into())
    }),
    TemplateFunction::new("oneArg", "func(string) string", |_, args| {
        Ok(Value::text(format!("oneArg={}", text(&args[0]))))
    }),
    TemplateFunction::new("returnInt", "func() int", |_, _| Ok(Value::Int(7))),
    TemplateFunction::new(
        "stringer",
        "func(fmt.Stringer) string",
        |_, args| match &args[0] {
            Value::Object(object) => Ok(object.text().unwrap().into()),
            other => panic!("{other:?} as a Stringer"),
        },
    ),
    TemplateFunction::new("twoArgs", "func(string, string) string", |_, args| {
        Ok(Value::text(format!(
            "twoArgs={}{}",
            text(&args[0]),
            text(&args[1])
        )))
    }),
    TemplateFunction::new("typeOf", "func(interface {}) string", |_, args| {
        Ok(Value::text(args[0].type_name()))
    }),
    TemplateFunction::new("valueString", "func(string) string", |_, _| {
        Ok(Value::text("value is ignored"))
    }),
    TemplateFunction::new("vfunc", "func(template.V, *template.V) string", |_, _| {
        Ok(Value::text("vfunc"))
    }),
    TemplateFunction::new("zeroArgs", "func() string", |_, _| {
        Ok(Value::text("zeroArgs"))
    }),
];

fn text(value: &Value) -> &GoString {
    value.as_text().unwrap()
}
