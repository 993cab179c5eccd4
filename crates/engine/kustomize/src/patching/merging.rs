//! [`Merging`]: how lists merge at each point of a build.
//!
//! Input: the kustomizations and objects met on the way. Output: the [`Schema`] for the steps of a
//! kustomization.

use std::sync::Arc;

use lode_object::GroupVersionKind;
use lode_stdx::budget::Budget;
use lode_yaml::{Node, Place};

use crate::error::{Fault, FileCause};
use crate::input::kustomization::Kustomization;
use crate::input::settings_file::settings_file;
use crate::input::source::BuildSource;
use crate::object::resource::Resource;
use crate::object::schema::{Beside, Schema};
use crate::transform::change::{ChangeStep, ObjectChange};

/// How lists merge, as known at this point of a build.
#[derive(Debug, Clone)]
pub(crate) struct Merging {
    /// The schema a kustomization set; the outermost one takes precedence, otherwise the first.
    schema: Option<Arc<Schema>>,
    /// What applies in addition to a schema that is loaded from now on.
    beside: Beside,
    /// Whether custom resource definitions among the objects apply.
    custom_lists: bool,
}

impl Merging {
    pub(crate) fn new(custom_lists: bool) -> Self {
        Self {
            schema: None,
            beside: Beside::Nothing,
            custom_lists,
        }
    }

    /// Records objects of kinds that are not built in: kustomize then searches the built-in table
    /// for them, and keeps it later.
    pub(crate) fn meet(&mut self, nodes: &[Node]) {
        let is_known = |node: &Node| {
            let text = |name: &str| node.get(name).and_then(Node::text).unwrap_or_default();
            Schema::builtin()
                .of_kind(&GroupVersionKind::new(text("apiVersion"), text("kind")))
                .is_some()
        };
        if self.beside == Beside::Nothing && !nodes.iter().all(is_known) {
            self.beside = Beside::BuiltinAbove;
        }
    }

    /// Takes over a kustomization's schema, unless one was taken before; returns whether it was
    /// taken.
    pub(crate) fn take(
        &mut self,
        source: &mut BuildSource<'_>,
        config: &Kustomization,
    ) -> Result<bool, Fault> {
        let Some(openapi) = config.openapi.as_ref().filter(|_| self.schema.is_none()) else {
            return Ok(false);
        };
        let get = |key: &str| {
            openapi
                .iter()
                .find(|(known, _)| known == key)
                .map(|(_, value)| value)
        };
        let fault =
            |place: Place, cause: &str| Fault::At(place, FileCause::Schema(cause.to_owned()));
        match (get("version"), get("path")) {
            (Some(_), Some(path)) => {
                Err(fault(path.place, "version and path cannot both be given"))
            }
            (Some(version), None) if version.text() == Some(BUILTIN_SCHEMA) => {
                self.schema = Some(Arc::clone(Schema::builtin()));
                Ok(true)
            }
            (Some(version), None) => {
                Err(fault(version.place, "the only version built in is v1.21.2"))
            }
            (None, Some(path)) => {
                let text = path.text().unwrap_or_default();
                let node = settings_file(source, &config.folder, text, path.place)?;
                let schema = Schema::with_openapi(&node, self.beside)
                    .map_err(|error| fault(path.place, &error.to_string()))?;
                self.schema = Some(Arc::new(schema));
                Ok(true)
            }
            (None, None) => Ok(false),
        }
    }

    /// Returns how lists merge in the next steps with these objects.
    pub(crate) fn before(
        &mut self,
        steps: &[ChangeStep],
        resources: &[Resource],
        budget: &Budget,
    ) -> Result<Arc<Schema>, Fault> {
        let schema = self.schema();
        if !steps.iter().any(|step| {
            matches!(
                step.change,
                ObjectChange::Strategic(_) | ObjectChange::Patch(_)
            )
        }) {
            return Ok(schema);
        }
        self.beside = Beside::BuiltinBelow;
        budget.steps(resources.len() as u64)?;
        let mut definitions = resources
            .iter()
            .filter(|resource| is_definition(resource))
            .peekable();
        if !self.custom_lists || definitions.peek().is_none() {
            return Ok(schema);
        }
        schema.cost().charge(budget)?;
        let mut schema = Schema::clone(&schema);
        for definition in definitions {
            definition.node.cost().charge(budget)?;
            // A definition that does not say what it defines says nothing about lists either;
            // refusing it is left to the cluster.
            let _ = schema.add_crd(&definition.node);
        }
        Ok(Arc::new(schema))
    }

    pub(crate) fn schema(&self) -> Arc<Schema> {
        self.schema
            .clone()
            .unwrap_or_else(|| Arc::clone(Schema::builtin()))
    }
}

const BUILTIN_SCHEMA: &str = "v1.21.2";

fn is_definition(resource: &Resource) -> bool {
    resource.kind() == "CustomResourceDefinition"
        && resource.api_version().starts_with("apiextensions.k8s.io/")
}
