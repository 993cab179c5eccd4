//! The end of a release: it is uninstalled, and its `HelmChart` is deleted (spec A11).

use std::sync::Arc;

use lode_api::HelmRelease;
use lode_deliver::DriftMode;
use lode_runtime::{Failure, Retry, is_account_gone, name_of};

use crate::acting::Acting;
use crate::controller::HelmReleases;
use crate::facts::Facts;
use crate::reasons::UNINSTALL_FAILED;
use crate::snapshot::History as _;
use crate::state::State;
use crate::steps;
use crate::validate;
use crate::working::Working;

impl HelmReleases {
    /// Uninstalls a release that is deleted, unless it is suspended, was never made, or its account is gone.
    ///
    /// # Errors
    /// It cannot be uninstalled.
    pub(crate) async fn remove_release(
        &self,
        object: &Arc<HelmRelease>,
        state: &mut State,
    ) -> Result<(), Failure> {
        if object.spec.suspend.unwrap_or_default() {
            return Ok(());
        }
        let facts = Facts::default();
        let mut working = Working::new(object, self.own.ambient().now_text());
        let mut ended = self.uninstall(object, state, &facts, &mut working).await;
        if ended.is_ok() {
            ended = self.delete_chart_object(object, &mut working).await;
        }
        for told in std::mem::take(&mut working.told) {
            // A failure is reported by the frame.
            if ended.is_ok() {
                self.own.emit(object, told);
            }
        }
        ended
    }

    async fn uninstall(
        &self,
        object: &Arc<HelmRelease>,
        state: &mut State,
        facts: &Facts,
        working: &mut Working,
    ) -> Result<(), Failure> {
        let namespace = object
            .status
            .storage_namespace
            .as_deref()
            .unwrap_or_default();
        let Some(latest) = object.status.history.latest() else {
            return Ok(());
        };
        // A release in another cluster was never made.
        if namespace.is_empty() || object.spec.kube_config.is_some() {
            return Ok(());
        }
        // Nobody can uninstall it if its account was deleted first.
        let (client, account) = (self.own.client(), self.options.account(object));
        if is_account_gone(client, &object.metadata.namespace, account).await? {
            return Ok(());
        }

        let applier = self.acting_for(object)?;
        let health = validate::health(object)?;
        let acting = Acting {
            kind: self,
            object,
            owner: name_of::<lode_api::helm_release::Spec>(object),
            facts,
            storage: self.storage(&applier, namespace, latest.name.to_string()),
            applier,
            namespace: latest.namespace.to_string(),
            rules: Vec::new(),
            exprs: health.exprs,
            hook_exprs: health.hook_exprs,
            drift: DriftMode::Ignore,
            interval: object.spec.interval().unwrap_or_default(),
        };
        let revisions = acting.storage.revisions().await;
        let revisions = revisions.map_err(|error| {
            Failure::new(UNINSTALL_FAILED, error.to_string()).with(Retry::Backoff)
        })?;
        let spec = object.spec.uninstall.as_deref();
        let own = spec.and_then(|spec| spec.timeout().ok().flatten());
        let timeout = own
            .or_else(|| object.spec.timeout().ok())
            .unwrap_or_default();
        let how = (steps::UNINSTALL, timeout);
        steps::remove(&acting, state, &revisions, working, how).await
    }
}
