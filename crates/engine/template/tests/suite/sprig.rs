//! Sprig's own cases.

use std::cell::Cell;
use std::sync::Arc;

use cases::Score;
use lode_stdx::budget::Budget;
use lode_template::function::Functions;
use lode_template::{Environment, Map, MissingKey, Random, TemplateFile, Templates, Value};
use serde_json::Value as Json;

use crate::execute::{ENOUGH, with_environment};
use crate::recorded::value;

/// Whether a text has the shape of what is random.
type Fits = fn(&str) -> bool;

/// Cases whose value depends on randomness: their test, and the shape of what comes out.
const SHAPES: &[(&str, Fits)] = &[
    ("TestBcrypt", |text| {
        text.len() == 60 && text.starts_with("$2a$10$")
    }),
    ("TestGenPrivateKey", |text| {
        text == "Unknown type bad"
            || text.starts_with("-----BEGIN ") && text.ends_with(" PRIVATE KEY-----\n")
    }),
    ("TestRandBytes", |text| text.len() == 16),
    ("TestUUIDGeneration", |text| {
        text.len() == 36 && text.matches('-').count() == 4 && text.chars().nth(14) == Some('4')
    }),
    ("TestGenCAWithKey", is_certificate),
    ("TestGenSelfSignedCert", is_certificate),
    ("TestGenSelfSignedCertWithKey", is_certificate),
    ("TestGenSignedCert", is_certificate),
    ("TestGenSignedCertWithKey", is_certificate),
    ("TestRandomString", |text| text.chars().count() == 5),
    ("TestRandom", |text| text.chars().count() == 5),
    ("TestShuffle", |text| text.len() == 11),
    ("TestRandomInt", |text| {
        text.parse()
            .is_ok_and(|number: i64| (5..50).contains(&number))
    }),
];

/// Cases that differ on purpose: a part of their template, and why.
const DIFFERS: &[(&str, &str)] = &[
    (
        "htpasswd .Username .Password .HashAlgorithm",
        "a later sprig: 3.3.0 takes two arguments",
    ),
    (
        "semverCompare \"badConstraint\"",
        "semver 3.5, which Helm 4.2.1 has, quotes the constraint",
    ),
    ("expandenv", "Helm has no functions for the environment"),
    (
        "getHostByName",
        "Helm answers nothing unless it may ask the network",
    ),
];

/// Bytes that are different every time, and the same in every run.
#[derive(Default)]
struct Counter(Cell<u64>);

impl Random for Counter {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            // The numbers of Knuth's generator, of which the highest bits are random enough.
            let next = self.0.get().wrapping_mul(6_364_136_223_846_793_005);
            self.0.set(next.wrapping_add(1_442_695_040_888_963_407));
            *byte = (self.0.get() >> 56) as u8;
        }
    }
}

/// Cases that were right when this was written.
const FLOOR: usize = 323;

fn is_certificate(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("-----BEGIN CERTIFICATE-----\n") && text.ends_with("-----END CERTIFICATE-----")
}

#[test]
fn functions_do_what_those_of_sprig_do() {
    let functions = Arc::new(Functions::helm());
    let mut score = Score::new("sprig", FLOOR);
    for case in &cases::lines("template/sprig.jsonl") {
        let input = case["input"].as_str().unwrap();
        if DIFFERS.iter().any(|(part, _)| input.contains(part)) {
            continue;
        }
        let found = with_environment(ENOUGH, |environment| {
            let environment = Environment {
                random: &Counter::default(),
                ..*environment
            };
            run(&functions, &environment, case)
        });
        let expected = match case["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(case["output"].as_str().unwrap().to_owned()),
        };
        let name = format!("{} {input}", case["test"]);
        let test = case["test"].as_str().unwrap();
        match SHAPES.iter().find(|(name, _)| *name == test) {
            Some((_, fits)) => score.add(found.as_deref().is_ok_and(fits), || {
                format!("{name}: {found:?}")
            }),
            None => score.check(&name, &found, &expected),
        }
    }
    score.finish();
}

fn run(
    functions: &Arc<Functions>,
    environment: &Environment<'_>,
    case: &Json,
) -> Result<String, String> {
    let files = [TemplateFile {
        name: "test",
        text: case["input"].as_str().unwrap().as_bytes().into(),
    }];
    let templates = Templates::compile(Arc::clone(functions), &files, &Budget::unlimited())
        .map_err(|error| error.to_string())?;
    let data = data(functions, environment, &case["data"]);
    let output = templates.execute("test", data, MissingKey::Invalid, environment);
    output
        .map(|output| String::from_utf8_lossy(&output).into_owned())
        .map_err(|error| error.to_string())
}

/// Reads recorded data; times become those that templates make.
fn data(functions: &Functions, environment: &Environment<'_>, json: &Json) -> Value {
    let is_time = |json: &Json| json["t"] == "time.Time";
    let pairs = json["kv"].as_array().cloned().unwrap_or_default();
    if !pairs.iter().any(|pair| is_time(&pair[1])) {
        return value(json);
    }
    let entries = pairs.iter().map(|pair| {
        let key = value(&pair[0]).as_text().cloned().unwrap();
        let value = if is_time(&pair[1]) {
            time(functions, environment, &pair[1])
        } else {
            value(&pair[1])
        };
        (key, value)
    });
    Map::from_entries(entries.collect()).into()
}

/// Seconds from year 1, from which Go counts, to 1970.
const YEAR_1: i64 = 62_135_596_800;
/// Seconds before the clock that are recorded as a time of the clock itself.
const BEFORE_NOW: i64 = 2 * 3600 + 34 * 60 + 17;

fn time(functions: &Functions, environment: &Environment<'_>, json: &Json) -> Value {
    let field = |at: usize| json["fields"][at][1]["v"].clone();
    let is_recorded = field(0) == 0;
    let seconds = if is_recorded {
        field(1).as_i64().unwrap() - YEAR_1
    } else {
        environment.now.as_second() - BEFORE_NOW
    };
    let shown = jiff::Timestamp::from_second(seconds).unwrap();
    let shown = shown.strftime("%Y-%m-%d %H:%M:%S GMT").to_string();
    let args = [Value::text("2006-01-02 15:04:05 MST"), Value::text(shown)];
    let mut context = lode_template::Context::new(environment);
    functions.call("mustToDate", &mut context, &args).unwrap()
}
