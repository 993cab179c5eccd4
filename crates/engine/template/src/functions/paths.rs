//! Paths and URLs.

use crate::context::Context;
use crate::error::TemplateError;
use crate::function::TemplateFunction;
use crate::functions::args::{FunctionResult, map, nil_dereference, part, text, written};
use crate::go::path;
use crate::go::url::{Url, User};
use crate::value::{GoKind, GoString, Map, Value};

const TEXT: &str = "func(string) string";
const JUDGE: &str = "func(string) bool";

/// The functions of this file.
pub(crate) const TABLE: &[TemplateFunction] = &[
    TemplateFunction::new("base", TEXT, base),
    TemplateFunction::new("osBase", TEXT, base),
    TemplateFunction::new("dir", TEXT, dir),
    TemplateFunction::new("osDir", TEXT, dir),
    TemplateFunction::new("clean", TEXT, clean),
    TemplateFunction::new("osClean", TEXT, clean),
    TemplateFunction::new("ext", TEXT, ext),
    TemplateFunction::new("osExt", TEXT, ext),
    TemplateFunction::new("isAbs", JUDGE, |_, args| Ok(is_absolute(args))),
    TemplateFunction::new("osIsAbs", JUDGE, |_, args| Ok(is_absolute(args))),
    TemplateFunction::new(
        "urlParse",
        "func(string) map[string]interface {}",
        url_parse,
    ),
    TemplateFunction::new("urlJoin", "func(map[string]interface {}) string", url_join),
];

fn base(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    written(context, path::base(text(args, 0)))
}

fn dir(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    written(context, &path::dir(text(args, 0)))
}

fn clean(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let whole = text(args, 0);
    let cleaned = path::clean(whole);
    if cleaned == whole.as_bytes() {
        return part(context, whole, whole);
    }
    written(context, &cleaned)
}

fn ext(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    written(context, path::ext(text(args, 0)))
}

fn is_absolute(args: &[Value]) -> Value {
    text(args, 0).starts_with(b"/").into()
}

fn url_parse(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let whole = text(args, 0);
    context.bytes(2 * whole.len())?;
    context.nodes(PARTS)?;
    let url = Url::parse(whole)
        .map_err(|why| TemplateError::new(format!("unable to parse url: {why}")))?;
    let user = url.user.as_ref().map(User::to_text).unwrap_or_default();
    let entries = [
        ("scheme", url.scheme.as_slice()),
        ("host", &url.host),
        ("hostname", url.hostname()),
        ("path", &url.path),
        ("query", &url.query),
        ("opaque", &url.opaque),
        ("fragment", &url.fragment),
        ("userinfo", &user),
    ];
    let entries = entries.map(|(key, part)| (GoString::from_static(key), Value::text(part)));
    Ok(Map::from_entries(entries.into()).into())
}

/// Parts of a URL.
const PARTS: usize = 8;

fn url_join(context: &mut Context<'_>, args: &[Value]) -> FunctionResult {
    let map = map(args, 0);
    let part = |key: &str| match map.get(key) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(text.to_vec()),
        Some(Value::Nil) => Err(nil_dereference()),
        Some(other) if other.kind() == GoKind::String => Ok(Vec::new()),
        Some(other) => Err(TemplateError::new(format!(
            "unable to parse {key} key, must be of type string, but {} found",
            other.kind().as_str()
        ))),
    };

    let mut url = Url {
        scheme: part("scheme")?,
        host: part("host")?,
        path: part("path")?,
        query: part("query")?,
        opaque: part("opaque")?,
        fragment: part("fragment")?,
        user: None,
    };

    let user = part("userinfo")?;
    if !user.is_empty() {
        let sample = [b"proto://", user.as_slice(), b"@host"].concat();
        let parsed = Url::parse(&sample).map_err(|why| {
            TemplateError::new(format!("unable to parse userinfo in dict: {why}"))
        })?;
        url.user = parsed.user;
    }
    written(context, &url.to_text())
}
