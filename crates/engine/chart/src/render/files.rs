//! `.Files`: the files of a chart that templates can read.

use std::any::Any;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lode_template::function::Signature;
use lode_template::{
    Context, GoKind, GoObject, GoString, GoType, IntegerKind, Map, TemplateError, Value,
};

use super::glob;
use crate::file::{ChartFile, base};

/// Files by path, with the methods that templates call.
pub(super) struct FilesObject(BTreeMap<Arc<str>, Arc<[u8]>>);

impl FilesObject {
    pub(super) fn new(files: &[ChartFile]) -> Self {
        let files = files
            .iter()
            .map(|file| (Arc::clone(&file.name), Arc::clone(&file.data)));
        Self(files.collect())
    }

    fn glob(&self, context: &Context<'_>, pattern: &str) -> Result<Self, TemplateError> {
        context.steps(pattern.len() * PATTERN_STEPS)?;
        let compiled = glob::compile(pattern)
            .map_err(|glob::TooLarge| TemplateError::bound("the pattern of Glob is too large"))?;
        context.nodes(self.0.len())?;
        let names = self.0.keys().map(|name| name.len());
        context.steps(names.sum())?;

        let is_match = |name: &str| compiled.as_ref().is_none_or(|regex| regex.is_match(name));
        let files = self.0.iter().filter(|(name, _)| is_match(name));
        Ok(Self(
            files
                .map(|(name, data)| (Arc::clone(name), Arc::clone(data)))
                .collect(),
        ))
    }

    /// Returns the files as YAML, by the last part of their paths.
    fn yaml(
        &self,
        context: &Context<'_>,
        text: impl Fn(&[u8]) -> String,
    ) -> Result<Value, TemplateError> {
        let mut map = serde_json::Map::new();
        for (name, data) in &self.0 {
            context.nodes(1)?;
            context.bytes(data.len() * YAML_BYTES_PER_BYTE)?;
            map.insert(base(name).to_owned(), text(data).into());
        }
        let yaml = lode_yaml::to_string(&serde_json::Value::Object(map));
        Ok(Value::text(yaml.trim_end_matches('\n')))
    }

    fn lines(&self, context: &Context<'_>, name: &str) -> Result<Value, TemplateError> {
        let Some(data) = self.0.get(name) else {
            return Ok(Value::strings::<GoString>([]));
        };
        let Some(last) = data.last() else {
            return Err(TemplateError::new("runtime error: index out of range [-1]"));
        };
        let data = if *last == b'\n' {
            &data[..data.len() - 1]
        } else {
            data
        };
        let lines = data.split(|byte| *byte == b'\n');
        context.nodes(lines.clone().count())?;
        context.bytes(data.len())?;
        Ok(Value::strings(lines))
    }
}

/// Work for each byte of a pattern: it is compiled into states of a few dozen bytes.
const PATTERN_STEPS: usize = 16;
/// Memory for each byte of a file while it becomes YAML.
const YAML_BYTES_PER_BYTE: usize = 4;

const BYTES: GoType = GoType::Integer(IntegerKind::Uint8);

impl GoObject for FilesObject {
    fn type_name(&self) -> Cow<'static, str> {
        "engine.files".into()
    }

    fn kind(&self) -> GoKind {
        GoKind::Map
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn method(&self, name: &str) -> Option<&Signature> {
        static METHODS: LazyLock<BTreeMap<&str, Signature>> = LazyLock::new(|| {
            let methods = [
                ("Get", "func(string) string"),
                ("GetBytes", "func(string) []uint8"),
                ("Glob", "func(string) engine.files"),
                ("AsConfig", "func() string"),
                ("AsSecrets", "func() string"),
                ("Lines", "func(string) []string"),
            ];
            methods
                .map(|(name, signature)| (name, Signature::parse(signature)))
                .into()
        });
        METHODS.get(name)
    }

    fn call(
        &self,
        name: &str,
        context: &mut Context<'_>,
        args: &[Value],
    ) -> Result<Value, TemplateError> {
        let text = args
            .first()
            .and_then(Value::as_text)
            .cloned()
            .unwrap_or_default();
        let text = text.to_str_lossy();
        let data = self.0.get(&*text);

        match name {
            "Get" => {
                context.bytes(data.map_or(0, |data| data.len()))?;
                let data = data.map_or(GoString::EMPTY, |data| GoString::from(&**data));
                Ok(Value::String(data))
            }
            "GetBytes" => {
                context.bytes(data.map_or(0, |data| data.len()))?;
                let data = data.map_or_else(|| Rc::from([]), |data| Rc::from(&**data));
                Ok(Value::Bytes(data))
            }
            "Glob" => self.glob(context, &text).map(Value::object),
            "AsConfig" => self.yaml(context, |data| String::from_utf8_lossy(data).into_owned()),
            "AsSecrets" => self.yaml(context, |data| STANDARD.encode(data)),
            "Lines" => self.lines(context, &text),
            other => Err(TemplateError::new(format!("no method {other}"))),
        }
    }

    fn underlying(&self) -> Option<Value> {
        let entries = self
            .0
            .iter()
            .map(|(name, data)| (GoString::from(&**name), Value::Bytes(Rc::from(&**data))));
        Some(Map::typed(GoType::slice(BYTES), entries.collect()).into())
    }
}
