//! `.Capabilities`: what templates learn about the cluster, as values with Go's types.

use std::any::Any;
use std::borrow::Cow;
use std::rc::Rc;
use std::sync::LazyLock;

use lode_template::function::Signature;
use lode_template::{Context, GoKind, GoObject, GoString, TemplateError, Value};

use crate::capabilities::{Capabilities, HelmVersion, KubeVersion};

/// Returns the value of `.Capabilities`, which is a pointer.
pub(super) fn capabilities(capabilities: &Capabilities) -> Value {
    Value::object(Pointer(Rc::new(capabilities.clone())))
}

/// `*common.Capabilities`.
struct Pointer(Rc<Capabilities>);

/// `common.Capabilities`.
struct Struct(Rc<Capabilities>);

/// `common.KubeVersion`. Only one that is reached through the pointer has methods.
struct Kubernetes {
    version: KubeVersion,
    is_addressed: bool,
}

/// `common.VersionSet`.
struct VersionSet(Rc<Capabilities>);

/// `version.BuildInfo`.
struct Helm(HelmVersion);

impl GoObject for Pointer {
    fn type_name(&self) -> Cow<'static, str> {
        "*common.Capabilities".into()
    }

    fn kind(&self) -> GoKind {
        GoKind::Pointer
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn target(&self) -> Option<Value> {
        Some(Value::object(Struct(Rc::clone(&self.0))))
    }

    fn json(&self) -> Option<Value> {
        self.target()
    }
}

impl GoObject for Struct {
    fn type_name(&self) -> Cow<'static, str> {
        "common.Capabilities".into()
    }

    fn kind(&self) -> GoKind {
        GoKind::Struct
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    /// It is reached through the pointer only, so its fields have addresses.
    fn field(&self, name: &str) -> Option<Value> {
        field(&self.0, name, true)
    }

    /// Printing sees values without addresses.
    fn fields(&self) -> Vec<(&str, Value)> {
        let names = ["KubeVersion", "APIVersions", "HelmVersion"];
        let fields = names.into_iter();
        fields
            .filter_map(|name| Some((name, field(&self.0, name, false)?)))
            .collect()
    }
}

fn field(capabilities: &Rc<Capabilities>, name: &str, is_addressed: bool) -> Option<Value> {
    Some(match name {
        "KubeVersion" => Value::object(Kubernetes {
            version: capabilities.kube_version.clone(),
            is_addressed,
        }),
        "APIVersions" => Value::object(VersionSet(Rc::clone(capabilities))),
        "HelmVersion" => Value::object(Helm(capabilities.helm_version.clone())),
        _ => return None,
    })
}

impl GoObject for Kubernetes {
    fn type_name(&self) -> Cow<'static, str> {
        "common.KubeVersion".into()
    }

    fn kind(&self) -> GoKind {
        GoKind::Struct
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn field(&self, name: &str) -> Option<Value> {
        let fields = self.fields().into_iter();
        let is_exported = name != "normalizedVersion";
        fields
            .filter(|_| is_exported)
            .find(|(field, _)| *field == name)
            .map(|(_, value)| value)
    }

    fn fields(&self) -> Vec<(&str, Value)> {
        let KubeVersion {
            version,
            normalized,
            major,
            minor,
        } = &self.version;
        vec![
            ("Version", Value::text(&**version)),
            ("normalizedVersion", Value::text(&**normalized)),
            ("Major", Value::text(&**major)),
            ("Minor", Value::text(&**minor)),
        ]
    }

    fn method(&self, name: &str) -> Option<&Signature> {
        static TEXT: LazyLock<Signature> = LazyLock::new(|| Signature::parse("func() string"));
        let is_method = matches!(name, "String" | "GitVersion");
        (self.is_addressed && is_method).then_some(&TEXT)
    }

    fn call(&self, name: &str, _: &mut Context<'_>, _: &[Value]) -> Result<Value, TemplateError> {
        match name {
            "String" => Ok(Value::text(&*self.version.normalized)),
            "GitVersion" => Ok(Value::text(&*self.version.version)),
            other => Err(TemplateError::new(format!("no method {other}"))),
        }
    }

    fn text(&self) -> Option<GoString> {
        self.is_addressed
            .then(|| GoString::from(&*self.version.normalized))
    }

    fn passed(&self) -> Option<Value> {
        self.is_addressed.then(|| {
            Value::object(Self {
                version: self.version.clone(),
                is_addressed: false,
            })
        })
    }
}

impl GoObject for VersionSet {
    fn type_name(&self) -> Cow<'static, str> {
        "common.VersionSet".into()
    }

    fn kind(&self) -> GoKind {
        GoKind::Slice
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn method(&self, name: &str) -> Option<&Signature> {
        static HAS: LazyLock<Signature> = LazyLock::new(|| Signature::parse("func(string) bool"));
        (name == "Has").then_some(&HAS)
    }

    fn call(&self, _: &str, _: &mut Context<'_>, args: &[Value]) -> Result<Value, TemplateError> {
        let version = args.first().and_then(Value::as_text);
        let is_there = version
            .and_then(GoString::as_str)
            .is_some_and(|version| self.0.has(version));
        Ok(Value::Bool(is_there))
    }

    fn underlying(&self) -> Option<Value> {
        let versions = self.0.api_versions.iter();
        Some(Value::strings(versions.map(|version| &**version)))
    }
}

impl GoObject for Helm {
    fn type_name(&self) -> Cow<'static, str> {
        "version.BuildInfo".into()
    }

    fn kind(&self) -> GoKind {
        GoKind::Struct
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn fields(&self) -> Vec<(&str, Value)> {
        let HelmVersion {
            version,
            git_commit,
            git_tree_state,
            go_version,
            kube_client_version,
        } = &self.0;
        vec![
            ("Version", Value::text(&**version)),
            ("GitCommit", Value::text(&**git_commit)),
            ("GitTreeState", Value::text(&**git_tree_state)),
            ("GoVersion", Value::text(&**go_version)),
            ("KubeClientVersion", Value::text(&**kube_client_version)),
        ]
    }
}
