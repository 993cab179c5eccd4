//! [`WriteLog`]: how objects were written, in the log of the action.

use std::collections::HashSet;

use lode_apply::{Desired, Error as ApplyError};
use lode_object::{Id, Value};
use serde_json::json;

use crate::acting::Acting;
use crate::action_log::{LINES_MAX, gvk_text, named};

/// What came of writing objects, to be logged.
pub(crate) struct WriteLog<'a> {
    /// All that were to be written, in order.
    pub(crate) objects: &'a [&'a Desired],
    /// Whether there was a revision before.
    pub(crate) is_upgrade: bool,
    /// Those that did not exist.
    pub(crate) created: HashSet<&'a Id>,
    pub(crate) error: Option<&'a ApplyError>,
    /// Whether the object that failed did not exist.
    pub(crate) is_failed_new: bool,
}

impl WriteLog<'_> {
    /// Logs in Helm's words what was done, up to the object that failed.
    pub(crate) fn write(&self, acting: &Acting<'_>) {
        let failed = match self.error {
            Some(ApplyError::Refused(faults)) => faults.first().map(|fault| &fault.id),
            // Nothing was written.
            Some(_) => return,
            None => None,
        };
        let ended = self.objects.iter().position(|it| Some(&it.id) == failed);
        let (done, rest) = self.objects.split_at(ended.unwrap_or(self.objects.len()));
        let is_update = self.is_upgrade || !done.iter().all(|it| self.has_created(it));
        self.log_how(acting, is_update);

        // Earlier lines would be dropped.
        for desired in done.iter().skip(done.len().saturating_sub(LINES_MAX)) {
            if !self.has_created(desired) {
                acting.log("Patched resource", &described(desired));
                continue;
            }
            acting.log("Created resource via patch", &described(desired));
            if is_update {
                let id = &desired.id;
                acting.log("created a new resource", &named(id, &id.namespace));
            }
        }
        if let Some(failed) = rest.first() {
            let mut attributes = described(failed);
            attributes["error"] = json!({});
            let step = if self.is_failed_new {
                "Error creating resource via patch"
            } else {
                "Error patching resource"
            };
            acting.log(step, &attributes);
        }
    }

    fn log_how(&self, acting: &Acting<'_>, is_update: bool) {
        let resources = json!({"resources": self.objects.len()});
        let mut how = json!({"dryRun": false, "fieldValidationDirective": "Strict",
            "forceConflicts": self.is_upgrade});
        if !is_update {
            acting.log("creating resource(s)", &resources);
        }
        acting.log("using server-side apply for resource creation", &how);
        if is_update {
            how["upgradeClientSideFieldManager"] = false.into();
            acting.log("using server-side apply for resource update", &how);
            acting.log("checking resources for changes", &resources);
        }
    }

    fn has_created(&self, desired: &Desired) -> bool {
        self.created.contains(&desired.id)
    }
}

fn described(desired: &Desired) -> Value {
    let id = &desired.id;
    json!({"gvk": gvk_text(&desired.gvk), "name": &*id.name, "namespace": &*id.namespace})
}
