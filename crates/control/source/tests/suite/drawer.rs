//! `Drawer`: a kind of source whose contents are papers in memory.
//!
//! It differs from Git where other kinds will: its revision is the digest of a listing, it reads only what changed, its
//! artifact may be one file, and its ignore rules are its own.

mod kind;
mod origin;
mod papers;

use std::sync::Arc;
use std::time::Duration;

use lode_sandbox::{Options, Sandbox};
use serde_json::{Value, json};

pub(crate) use self::kind::{Drawer, DrawerSpec, DrawerStatus};
pub(crate) use self::origin::DrawerOrigin;
pub(crate) use self::papers::Papers;
use crate::played::Played;

/// Starts a cluster that serves drawers, and their controller.
pub(crate) async fn play(papers: &Arc<Papers>) -> Played<DrawerOrigin> {
    let options = Options {
        definitions: false,
        ..Options::default()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let definition = lode_api::definition::of::<DrawerSpec>();
    let defined = sandbox
        .objects()
        .define(&definition, Duration::from_secs(30));
    defined.await.unwrap();
    Played::start(sandbox, |_| DrawerOrigin(papers.clone())).await
}

/// Returns the specification of a drawer that is looked into every hour, with more fields.
pub(crate) fn spec(more: &Value) -> Value {
    let mut spec = json!({"interval": "1h"});
    for (field, value) in more.as_object().unwrap() {
        spec[field] = value.clone();
    }
    spec
}
