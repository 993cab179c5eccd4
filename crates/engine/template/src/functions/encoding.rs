//! JSON, YAML and TOML in templates.
//!
//! The plain functions answer an error with the empty text, or with a map or list that holds its
//! message; the `must` variants fail.

use crate::context::Context;
use crate::encode::json::{self, Style};
use crate::encode::json_read::{self, JsonWanted};
use crate::encode::{toml, toml_read, yaml};
use crate::error::TemplateError;
use crate::function::TemplateFunction;
use crate::functions::args::{FunctionResult, any, text};
use crate::go::output::Output;
use crate::value::{GoString, Map, Value};

const WRITE: &str = "func(interface {}) string";
const MUST_WRITE: &str = "func(interface {}) (string, error)";
const READ_MAP: &str = "func(string) map[string]interface {}";
const READ_LIST: &str = "func(string) []interface {}";

/// The functions of this file.
pub(crate) const TABLE: &[TemplateFunction] = &[
    TemplateFunction::new("toJson", WRITE, |context, args| {
        quiet(to_json(context, args, PLAIN))
    }),
    TemplateFunction::new("mustToJson", WRITE, |context, args| {
        to_json(context, args, PLAIN)
    }),
    TemplateFunction::new("toPrettyJson", WRITE, |context, args| {
        quiet(to_json(context, args, PRETTY))
    }),
    TemplateFunction::new("mustToPrettyJson", MUST_WRITE, |context, args| {
        to_json(context, args, PRETTY)
    }),
    TemplateFunction::new("toRawJson", WRITE, |context, args| {
        to_json(context, args, RAW)
    }),
    TemplateFunction::new("mustToRawJson", MUST_WRITE, |context, args| {
        to_json(context, args, RAW)
    }),
    TemplateFunction::new("fromJson", READ_MAP, |context, args| {
        map_or_error(json_read::read(context, text(args, 0), JsonWanted::Map))
    }),
    TemplateFunction::new("fromJsonArray", READ_LIST, |context, args| {
        list_or_error(json_read::read(context, text(args, 0), JsonWanted::List))
    }),
    TemplateFunction::new(
        "mustFromJson",
        "func(string) (interface {}, error)",
        |context, args| json_read::read(context, text(args, 0), JsonWanted::Any),
    ),
    TemplateFunction::new("toYaml", WRITE, |context, args| {
        quiet(yaml::write(context, any(args, 0)))
    }),
    TemplateFunction::new("mustToYaml", WRITE, |context, args| {
        yaml::write(context, any(args, 0)).map_err(|error| {
            if error.is_bound() {
                return error;
            }
            TemplateError::new(format!("error marshaling into JSON: {error}"))
        })
    }),
    TemplateFunction::new("toYamlPretty", WRITE, |context, args| {
        quiet(yaml::write_pretty(context, any(args, 0)))
    }),
    TemplateFunction::new("fromYaml", READ_MAP, |context, args| {
        map_or_error(yaml::read(context, text(args, 0), JsonWanted::Map))
    }),
    TemplateFunction::new("fromYamlArray", READ_LIST, |context, args| {
        list_or_error(yaml::read(context, text(args, 0), JsonWanted::List))
    }),
    TemplateFunction::new("toToml", WRITE, |context, args| {
        let answer = toml::write(context, any(args, 0));
        // Go panics here.
        if any(args, 0).is_nil() {
            return answer;
        }
        or_else(answer, |message| message.into())
    }),
    TemplateFunction::new("mustToToml", WRITE, |context, args| {
        toml::write(context, any(args, 0))
    }),
    TemplateFunction::new("fromToml", READ_MAP, |context, args| {
        map_or_error(toml_read::read(context, text(args, 0)))
    }),
];

const PLAIN: Style = Style {
    raw: false,
    pretty: false,
};
const PRETTY: Style = Style {
    raw: false,
    pretty: true,
};
const RAW: Style = Style {
    raw: true,
    pretty: false,
};

fn to_json(context: &Context<'_>, args: &[Value], style: Style) -> FunctionResult {
    let mut out = Output::new(context);
    json::write(&mut out, any(args, 0), style)?;
    Ok(out.into_value())
}

/// Answers a failure with another value, unless a bound was reached.
fn or_else(answer: FunctionResult, other: impl FnOnce(&str) -> Value) -> FunctionResult {
    match answer {
        Err(error) if !error.is_bound() => Ok(other(error.message())),
        answer => answer,
    }
}

fn quiet(answer: FunctionResult) -> FunctionResult {
    or_else(answer, |_| "".into())
}

fn map_or_error(answer: Result<Value, TemplateError>) -> FunctionResult {
    or_else(answer, |message| {
        let entry = (GoString::from_static("Error"), message.into());
        Map::from_entries(vec![entry]).into()
    })
}

fn list_or_error(answer: Result<Value, TemplateError>) -> FunctionResult {
    or_else(answer, |message| Value::list(vec![message.into()]))
}
