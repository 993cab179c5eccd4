//! The type of `Drawer`. Its schema leaves unknown fields alone, which is enough for a kind of tests.

use std::time::Duration;

use lode_api::names::{Column, Names, Scope};
use lode_api::schema::Field;
use lode_api::shared::Artifact;
use lode_api::{Conditions, FieldError, Kind, Resource, SourceStatus, Status};
use lode_object::Value;
use lode_stdx::duration;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// A whole object.
pub(crate) type Drawer = Resource<DrawerSpec>;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DrawerSpec {
    pub(crate) interval: Box<str>,
    /// The one paper that is stored as it is; all papers are stored as an archive if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) paper: Option<String>,
    /// Ending of the names that are left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ignore: Option<String>,
    /// Opens a locked drawer: not built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    pub(crate) suspend: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DrawerStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) artifact: Option<Artifact>,
    pub(crate) conditions: Conditions,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_handled_reconcile_at: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) observed_generation: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) observed_ignore: Option<String>,
}

impl Kind for DrawerSpec {
    const NAMES: Names = Names {
        group: "toys.lodestone.dev",
        version: "v1",
        kind: "Drawer",
        singular: "drawer",
        plural: "drawers",
        short: &[],
        categories: &[],
        component: "lodestone",
        scope: Scope::Namespaced,
    };
    const COLUMNS: &'static [Column] = &[];
    type Status = DrawerStatus;

    fn suspended(&self) -> bool {
        self.suspend
    }

    fn interval(&self) -> Result<Option<Duration>, FieldError> {
        // A drawer without an interval is looked into only when it changes or somebody asks.
        if self.interval.is_empty() {
            return Ok(None);
        }
        let read = duration::parse(&self.interval).map_err(|source| {
            let field = "spec.interval";
            FieldError::Duration { field, source }
        });
        read.map(Some)
    }
}

impl Field for DrawerSpec {
    fn schema() -> Value {
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
    }
}

impl Field for DrawerStatus {
    fn schema() -> Value {
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
    }
}

impl Status for DrawerStatus {
    fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    fn conditions_mut(&mut self) -> &mut Conditions {
        &mut self.conditions
    }

    fn observed_generation(&self) -> Option<i64> {
        self.observed_generation
    }

    fn observe_generation(&mut self, generation: i64) {
        self.observed_generation = Some(generation);
    }

    fn last_handled_reconcile_at(&self) -> Option<&str> {
        self.last_handled_reconcile_at.as_deref()
    }

    fn handle_reconcile_at(&mut self, token: &str) {
        self.last_handled_reconcile_at = Some(token.into());
    }
}

impl SourceStatus for DrawerStatus {
    fn artifact(&self) -> Option<&Artifact> {
        self.artifact.as_ref()
    }

    fn set_artifact(&mut self, artifact: Option<Artifact>) {
        self.artifact = artifact;
    }
}
