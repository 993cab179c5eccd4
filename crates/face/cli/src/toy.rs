//! A kind that only the tests know, through its row: a verb handles it like any other kind.
//!
//! The definition is the one of `docs/adding-a-kind.md`, as the tests of `lode-api` build it.

use std::time::Duration;

use clap::builder::TypedValueParser;
use lode_api::kinds::{Detail, Form, Row};
use lode_api::names::{Names, Scope};
use lode_object::Value;
use lode_sandbox::{Options, Sandbox};
use serde_json::json;

use crate::kinds::Noun;
use crate::session::{Access, ClusterPlace};
use crate::words::Chosen;

/// The rows of a program that serves no other kind.
pub(crate) const ROWS: &[Row] = &[Row {
    names: Names {
        group: "toys.lodestone.dev",
        version: "v1",
        kind: "Toy",
        singular: "toy",
        plural: "toys",
        short: &[],
        categories: &["all"],
        component: "lodestone",
        scope: Scope::Namespaced,
    },
    definition,
    words: &[],
    is_source: false,
    source_ref: None,
    revision: None,
    details: &[Detail {
        head: "COLOR",
        pointer: "/spec/color",
        form: Form::Text,
    }],
}];
/// The kind.
pub(crate) const NOUN: Noun = Noun(&ROWS[0]);
/// Namespace and name of the one object.
pub(crate) const NAME: (&str, &str) = ("default", "bear");

fn definition() -> Value {
    serde_json::from_str(include_str!("../../../model/api/tests/toy.json")).unwrap()
}

/// Starts a cluster with the kind and one object of it.
pub(crate) async fn cluster() -> Sandbox {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let objects = sandbox.objects();
    let definition = (NOUN.row().definition)();
    objects
        .define(&definition, Duration::from_mins(1))
        .await
        .unwrap();
    let bear = json!({
        "apiVersion": NOUN.names().api_version(), "kind": "Toy",
        "metadata": {"namespace": NAME.0, "name": NAME.1},
        "spec": {"color": "red"},
    });
    objects.apply("test", &bear).await.unwrap();
    sandbox
}

/// Returns the object's place, as flags name it.
pub(crate) fn place(sandbox: &Sandbox) -> ClusterPlace {
    ClusterPlace {
        access: Access {
            kubeconfig: Some(sandbox.kubeconfig().to_owned()),
            context: None,
        },
        namespace: Some(NAME.0.to_owned()),
    }
}

/// Parses a word as on the command line.
pub(crate) fn parse(parser: impl TypedValueParser<Value = Chosen>, word: &str) -> Option<Chosen> {
    let line = clap::Command::new("lode").arg(clap::Arg::new("kind").value_parser(parser));
    let mut read = line.try_get_matches_from(["lode", word]).ok()?;
    read.remove_one("kind")
}
