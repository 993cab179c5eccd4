//! Functions pay for what they make before they make it, and none panics whatever it gets.

use std::cell::Cell;

use lode_stdx::budget::Limits;
use lode_template::function::Functions;
use lode_template::{
    Context, Environment, GoString, GoType, IntegerKind, List, Map, Random, TemplateError, Value,
};

use crate::execute::with_environment;

/// A budget that every honest call keeps within, and no greedy one.
const LITTLE: Limits = Limits {
    bytes: 1 << 20,
    nodes: 1 << 16,
    steps: 1 << 22,
};

fn call(name: &str, args: &[Value]) -> Result<Value, TemplateError> {
    with_environment(LITTLE, |environment| {
        let mut context = Context::new(environment);
        Functions::helm().call(name, &mut context, args)
    })
}

fn many(text: &str, count: usize) -> Value {
    Value::text(text.repeat(count))
}

#[test]
fn what_would_grow_too_large_is_refused_before_it_is_made() {
    let huge = Value::Int(i64::MAX / 4);
    let lines = many("a\n", 1000);
    for (name, args) in [
        ("repeat", vec![huge.clone(), "ab".into()]),
        ("indent", vec![Value::Int(1 << 30), lines.clone()]),
        ("nindent", vec![huge.clone(), lines.clone()]),
        ("until", vec![huge.clone()]),
        (
            "untilStep",
            vec![Value::Int(0), huge.clone(), Value::Int(1)],
        ),
        ("seq", vec![huge.clone()]),
        ("randAlphaNum", vec![huge.clone()]),
        ("randBytes", vec![huge.clone()]),
        (
            "replace",
            vec!["".into(), many("x", 10_000), many("y", 10_000)],
        ),
        (
            "regexReplaceAll",
            vec!["a".into(), many("a", 1000), many("$0", 10_000)],
        ),
        (
            "regexReplaceAllLiteral",
            vec!["".into(), many("a", 1000), many("b", 10_000)],
        ),
        (
            "regexFindAll",
            vec!["".into(), many("a", 1 << 18), Value::Int(-1)],
        ),
        (
            "wrapWith",
            vec![Value::Int(1), many("x", 1000), many("a", 10_000)],
        ),
        (
            "join",
            vec![many(",", 1000), Value::strings(vec!["a"; 10_000])],
        ),
        ("splitList", vec!["".into(), many("a", 1 << 18)]),
        (
            "derivePassword",
            vec![
                Value::Int(1),
                "pin".into(),
                "a".into(),
                "b".into(),
                "c".into(),
            ],
        ),
        ("mulf", vec![Value::Float(1e308); 100_000]),
        ("toYaml", vec![doubled(40)]),
        ("toJson", vec![doubled(40)]),
        ("toPrettyJson", vec![doubled(40)]),
        ("toYamlPretty", vec![doubled(40)]),
        (
            "toToml",
            vec![Map::from_entries(vec![("a".into(), doubled(40))]).into()],
        ),
        ("toString", vec![doubled(40)]),
        ("quote", vec![doubled(40)]),
        ("deepCopy", vec![doubled(40)]),
        ("deepEqual", vec![doubled(40), doubled(40)]),
        ("has", vec![doubled(40), Value::list(vec![doubled(40)])]),
        ("uniq", vec![Value::list(vec![doubled(40); 2])]),
        ("without", vec![Value::list(vec![Value::Nil]), doubled(40)]),
    ] {
        let refused = call(name, &args).is_err_and(|error| error.is_bound());
        assert!(refused, "{name}: {:?}", call(name, &args).err());
    }
}

/// Returns a small list that is as large as two to the power of `levels` when it is walked through.
fn doubled(levels: usize) -> Value {
    (0..levels).fold(Value::Int(1), |value, _| {
        Value::list(vec![value.clone(), value])
    })
}

#[test]
fn maps_that_contain_themselves_end() {
    let map = Map::new();
    map.insert("a".into(), map.clone().into()).unwrap();
    let value = [Value::from(map.clone())];
    assert_eq!(call("toYaml", &value).unwrap(), "".into());
    assert!(call("mustToJson", &value).is_err());
    assert!(call("deepCopy", &value).is_err());
    assert!(call("toToml", &value).is_err());
    let other = Map::new();
    other.insert("a".into(), other.clone().into()).unwrap();
    assert!(call("merge", &[map.clone().into(), other.clone().into()]).is_err());
    // So that both are freed.
    map.remove("a").unwrap();
    other.remove("a").unwrap();
}

/// Calls of every function with arguments of all kinds.
const CALLS: usize = 400;
/// Functions that take long enough to be tested on their own.
const SLOW: [&str; 6] = [
    "bcrypt",
    "derivePassword",
    "genPrivateKey",
    "htpasswd",
    "include",
    "tpl",
];

#[test]
fn no_function_panics_whatever_it_gets() {
    let functions = Functions::helm();
    let dice = Dice::default();
    for name in functions.names() {
        let makes_keys = name.starts_with("gen") && !name.ends_with("WithKey");
        let Some(signature) = functions.signature(name) else {
            continue;
        };
        if SLOW.contains(&name) || makes_keys {
            continue;
        }
        for _ in 0..CALLS {
            let more = if signature.is_variadic() {
                dice.below(4)
            } else {
                0
            };
            let args: Vec<Value> = (0..signature.required() + more)
                .filter_map(|at| signature.parameter(at))
                .map(|parameter| fitting(&dice, &parameter.of))
                .collect();
            with_environment(LITTLE, |environment| {
                let environment = Environment {
                    random: &dice,
                    ..*environment
                };
                let mut context = Context::new(&environment);
                // Errors are fine.
                drop(functions.call(name, &mut context, &args));
            });
        }
    }
}

/// Numbers that look random, and are the same in every run.
#[derive(Default)]
struct Dice(Cell<u64>);

impl Dice {
    fn next(&self) -> u64 {
        let next = self.0.get().wrapping_mul(6_364_136_223_846_793_005);
        self.0.set(next.wrapping_add(1_442_695_040_888_963_407));
        self.0.get() >> 33
    }

    fn below(&self, end: usize) -> usize {
        self.next() as usize % end
    }
}

impl Random for Dice {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.next() as u8;
        }
    }
}

const TEXTS: [&str; 24] = [
    "",
    "a",
    "abc def",
    "ä€😀",
    "\u{0}\u{1}",
    "1.5",
    "-7",
    "0x",
    "1e400",
    "99999999999999999999",
    "[a-z]+(b)?",
    "a{1000}",
    "(?i)\\b\\w",
    "$1${x}$",
    "2006-01-02T15:04:05Z07:00",
    "1h-3",
    "..//../a",
    "http://u:p@[::1]:8/%41?q#f",
    "a: [b, {c: d}]\n",
    "{\"a\": [1, null]}",
    "a = [[1]]\n[b]\n",
    "-----BEGIN RSA PRIVATE KEY-----\nAA==\n-----END RSA PRIVATE KEY-----",
    "YWI=",
    ">=1.2.x || ^0",
];
const BYTES: [&[u8]; 3] = [b"\xff\xfe", b"\xe2\x82", b"a\xf0\x9f\x98"];
const NUMBERS: [i64; 10] = [0, 1, -1, 2, 3, 64, 1000, -9, i64::MAX, i64::MIN];
const FLOATS: [f64; 8] = [0.0, -0.0, 1.5, 1e308, -1e-308, f64::NAN, f64::INFINITY, 0.5];

fn text(dice: &Dice) -> GoString {
    match dice.below(8) {
        0 => GoString::from(BYTES[dice.below(BYTES.len())]),
        _ => GoString::from(TEXTS[dice.below(TEXTS.len())]),
    }
}

fn fitting(dice: &Dice, of: &GoType) -> Value {
    match of {
        GoType::String => text(dice).into(),
        GoType::Bool => Value::Bool(dice.below(2) == 0),
        GoType::Integer(kind) => Value::integer(*kind, NUMBERS[dice.below(NUMBERS.len())]),
        GoType::Float64 => Value::Float(FLOATS[dice.below(FLOATS.len())]),
        GoType::Map(_) => map(dice, 2),
        GoType::Slice(_) => list(dice, 2),
        _ => anything(dice, 2),
    }
}

fn anything(dice: &Dice, depth: usize) -> Value {
    match dice.below(if depth == 0 { 8 } else { 11 }) {
        0 => Value::Nil,
        1 => Value::Bool(true),
        2 => Value::Int(NUMBERS[dice.below(NUMBERS.len())]),
        3 => Value::Float(FLOATS[dice.below(FLOATS.len())]),
        4 => Value::integer(IntegerKind::Uint64, -1),
        5 => Value::Bytes(b"\xffab".as_slice().into()),
        6 | 7 => text(dice).into(),
        8 => map(dice, depth - 1),
        9 => List::nil(GoType::Any).into(),
        _ => list(dice, depth - 1),
    }
}

fn list(dice: &Dice, depth: usize) -> Value {
    let count = dice.below(4);
    Value::list((0..count).map(|_| anything(dice, depth)).collect())
}

fn map(dice: &Dice, depth: usize) -> Value {
    let count = dice.below(4);
    let entries = (0..count).map(|_| (text(dice), anything(dice, depth)));
    Map::from_entries(entries.collect()).into()
}
