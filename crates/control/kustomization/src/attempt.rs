//! One attempt: source, dependencies, build, delivery (spec A4, steps 3 to 11).

use std::sync::Arc;

use lode_api::{Kustomization, Status as _, conditions, reasons};
use lode_apply::{Applier, Correction, OnFault, Set};
use lode_deliver::{
    BuiltObjects, DeliveryEnd, DeliveryTerms, DriftMode, HealthChecks, WantedObjects, deliver,
    hold_last_applied, touch_up,
};
use lode_object::{NamespacedName, meta};
use lode_runtime::{Failure, Retry, Told, check_dependencies, is_asked, name_of, read_elsewhere};
use lode_tree::ReadSet;
use tokio::time::Instant;

use crate::build::{self, Unbuilt};
use crate::controller::Kustomizations;
use crate::facts::Facts;
use crate::gather;
use crate::job::Job;
use crate::owner::Delivering;
use crate::state::State;
use crate::unserved;
use crate::validate::Checked;

impl Kustomizations {
    /// Brings the revision of the source about, or goes on with it.
    pub(crate) async fn bring(
        &self,
        object: &Arc<Kustomization>,
        state: &mut State,
        checked: &Checked,
        facts: &Facts,
    ) -> Result<DeliveryEnd, Failure> {
        let applier = self.acting_for(object)?;
        let (artifact, from) = gather::artifact(&self.sources, &checked.source, &self.options)?;
        self.check_dependencies(object, checked, &applier, &artifact.revision)
            .await?;
        let job = Job {
            owner: name_of(object),
            checked,
            facts,
            applier,
            artifact,
            from,
        };
        job.doing("Fetching manifests");
        let terms = self.terms(object, &job);
        let owner = Delivering {
            kind: self,
            object,
            job: &job,
            build_bytes: state.last_build.bytes,
        };
        state.delivery.load(&terms).await;

        let wanted = match self.wanted(object, &job, state).await {
            Ok(wanted) => wanted,
            Err(failure) => {
                if failure.retry != Retry::Dropped {
                    hold_last_applied(&terms, &owner, &mut state.delivery).await;
                }
                return Err(failure);
            }
        };
        let is_under_way = state.delivery.attempt().is_some();
        if !is_under_way && wanted.is_same() && is_touch_up(object, state, job.revision()) {
            return touch_up(&terms, &owner, &mut state.delivery).await;
        }
        state
            .delivery
            .begin(job.revision(), object.metadata.generation);
        self.tell_build(object, state, &wanted, job.revision());

        let AttemptGoal {
            objects,
            spec,
            reads,
            ..
        } = wanted;
        let inputs = objects.inputs.clone();
        let end = deliver(&terms, &owner, &mut state.delivery, objects).await;
        // What was read says something only together with what it gave.
        if state.delivery.inputs() == inputs {
            state.last_build.remember(&inputs, &spec, reads);
        }
        end
    }

    /// Returns what holds for a delivery of the objects of a Kustomization.
    fn terms<'a>(&'a self, object: &'a Kustomization, job: &'a Job<'_>) -> DeliveryTerms<'a> {
        let (spec, checked) = (&object.spec, job.checked);
        let is_warned = |mode: &str| mode.eq_ignore_ascii_case("warn");
        // What has ended is due as often as a reconcile by the clock, whose time is spread.
        let percent = u32::from(self.options.interval_jitter_percent.min(100));
        DeliveryTerms {
            owner: &job.owner,
            kind: &self.group_kind,
            uid: &object.metadata.uid,
            keeper: &self.records,
            applier: &job.applier,
            revision: job.revision(),
            inventory: object
                .status
                .inventory
                .as_ref()
                .map(|inventory| &*inventory.entries),
            custom_stage_kinds: &self.build.custom_stage_kinds,
            rules: &checked.rules,
            exprs: &checked.exprs,
            checks: if spec.wait.unwrap_or_default() {
                HealthChecks::All
            } else {
                HealthChecks::Named(&spec.health_checks)
            },
            drift: match object.metadata.annotation(meta::DRIFT) {
                Some(mode) if is_warned(mode) => DriftMode::Warn,
                _ => DriftMode::Correct,
            },
            correction: Correction::Apply,
            on_fault: OnFault::Stop,
            prune: spec.prune,
            force: spec.force.unwrap_or_default(),
            is_asked: is_asked(object),
            interval: checked.interval,
            rerun_every: checked.interval / 100 * (100 - percent),
            timeout: checked.timeout,
        }
    }

    /// Returns whether all dependencies are ready, by way of a failure if one is not.
    async fn check_dependencies(
        &self,
        object: &Kustomization,
        checked: &Checked,
        applier: &Applier,
        revision: &str,
    ) -> Result<(), Failure> {
        let (client, namespace) = (applier.client(), &object.metadata.namespace);
        let read = read_elsewhere(&self.own, client, namespace, &checked.dependencies).await?;
        let find = |name: &NamespacedName| {
            read.get(name)
                .cloned()
                .unwrap_or_else(|| self.own.objects().get(name))
        };
        let is_current = |found: &Kustomization| {
            source(object) != source(found)
                || found.status.last_applied_revision.as_deref() == Some(revision)
        };
        check_dependencies(object, &checked.dependencies, find, is_current)
    }

    /// Returns who applies, reads and deletes for a Kustomization: its account, where it has one.
    pub(crate) fn acting_for(&self, object: &Kustomization) -> Result<Applier, Failure> {
        let account = self.options.account(object);
        Ok(self
            .applier
            .acting_for(&object.metadata.namespace, account)?)
    }

    /// Finds out what is wanted, building only when something that was read has changed.
    async fn wanted(
        &self,
        object: &Arc<Kustomization>,
        job: &Job<'_>,
        state: &mut State,
    ) -> Result<AttemptGoal, Failure> {
        if object.spec.kube_config.is_some() {
            job.building();
            gather::refuse_remote_cluster(self.own.client(), object).await?;
        }
        let vars = gather::variables(self.own.client(), object)
            .await
            .inspect_err(|_| job.building())?;
        job.facts.secrets(vars.secrets.clone());
        let spec = build::inputs(object, &vars, &self.build);
        let inputs = format!("{spec} {}", job.artifact.digest);
        if state.delivery.inputs() == inputs && state.delivery.has_objects() {
            job.building();
            return Ok(AttemptGoal::same(inputs, spec));
        }
        let tree = gather::tree(&self.sources, &job.artifact, &job.from);
        let tree = self.cancellation.unless(&self.own, object, tree).await?;
        let last = &state.last_build;
        if last.holds(state.delivery.inputs(), &spec, &tree) {
            job.building();
            return Ok(AttemptGoal::same(inputs, spec));
        }

        let built = self.build_within(object, tree, vars, last.bytes).await;
        if let Err(Unbuilt::Refused { text_digest, .. }) = &built {
            // Flux is refused such an object by the server, after the build, and its history tells of it.
            job.facts.built(text_digest);
        }
        let built = built.map_err(Failure::from);
        let is_artifact_s_fault = |failure: &Failure| failure.reason == reasons::ARTIFACT_FAILED;
        if !built.as_ref().is_err_and(is_artifact_s_fault) {
            job.building();
        }
        let build::Built {
            set,
            text_digest,
            reads,
            dropped,
            bytes,
        } = built?;
        state.last_build.bytes = bytes;
        let built = Some(BuiltObjects { set, text_digest });
        Ok(AttemptGoal {
            objects: WantedObjects { inputs, built },
            spec,
            reads: Some(reads),
            dropped,
        })
    }

    /// Tells what of a build its author should look at, once for each revision.
    fn tell_build(
        &self,
        object: &Kustomization,
        state: &mut State,
        wanted: &AttemptGoal,
        revision: &str,
    ) {
        if let Some(built) = &wanted.objects.built {
            self.tell_dropped(object, state, &wanted.dropped, revision);
            self.tell_unserved(object, state, &built.set, revision);
        }
    }

    fn tell_dropped(
        &self,
        object: &Kustomization,
        state: &mut State,
        dropped: &[String],
        revision: &str,
    ) {
        let of = format!("{revision} {}", object.metadata.generation);
        if dropped.is_empty() || state.told_dropped == of {
            return;
        }
        state.told_dropped = of;

        let text = format!(
            "fields that their kinds do not have were dropped:\n{}\nhint: correct or remove them; --strict-fields \
             refuses them",
            dropped.join("\n")
        );
        let told = Told::warning(reasons::UNKNOWN_FIELDS, text);
        self.own.emit(object, told.at(revision));
    }

    fn tell_unserved(&self, object: &Kustomization, state: &mut State, set: &Set, revision: &str) {
        let of = format!("{revision} {}", object.metadata.generation);
        if state.told_unserved == of {
            return;
        }
        state.told_unserved = of;
        if let Some(text) = unserved::text(set) {
            let told = Told::warning(reasons::KIND_NOT_SERVED, text);
            self.own.emit(object, told.at(revision));
        }
    }
}

/// What an attempt is to bring about, and what it was made from.
struct AttemptGoal {
    objects: WantedObjects,
    /// Digest of everything the objects are made from but the source.
    spec: String,
    /// What of the source was read, if something was built.
    reads: Option<ReadSet>,
    /// Fields that were dropped because the types of their objects do not have them.
    dropped: Vec<String>,
}

impl AttemptGoal {
    /// The objects of the last time, made from this by now.
    fn same(inputs: String, spec: String) -> Self {
        Self {
            objects: WantedObjects {
                inputs,
                built: None,
            },
            spec,
            reads: None,
            dropped: Vec::new(),
        }
    }

    fn is_same(&self) -> bool {
        self.objects.built.is_none()
    }
}

/// Nothing is new and nothing is due: what woke us can only be the cluster.
fn is_touch_up(object: &Kustomization, state: &State, revision: &str) -> bool {
    state.due.is_some_and(|due| due > Instant::now())
        && object
            .status
            .conditions()
            .is(conditions::READY, conditions::State::True)
        && object.status.last_applied_revision.as_deref() == Some(revision)
        && object.status.observed_generation() == Some(object.metadata.generation)
        && !is_asked(object)
}

/// Returns kind, namespace and name of the source.
fn source(object: &Kustomization) -> (&str, &str, &str) {
    let reference = &object.spec.source_ref;
    let own = &*object.metadata.namespace;
    (
        &reference.kind,
        reference.namespace.as_deref().unwrap_or(own),
        &reference.name,
    )
}
