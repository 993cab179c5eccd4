//! Renders the chart of a release as its account: capabilities of the cluster, `lookup`, memory.

use std::sync::Arc;
use std::time::Duration;

use lode_chart::release::Hook;
use lode_chart::{Capabilities, Crd, KubeVersion};
use lode_object::Value;
use serde_json::Map;

use crate::acting::{Acting, ActionError};
use crate::action::ReleaseOrder;
use crate::computing::for_text;
use crate::lookup::ClusterLookup;
use crate::render::{RenderOrder, RenderedRelease};
use crate::state::State;

/// How old the list of API versions that templates see may be.
const VERSIONS_AGE_MAX: Duration = Duration::from_mins(1);

/// What is rendered of a release.
pub(crate) struct Rendering<'a> {
    pub(crate) version: i64,
    pub(crate) is_upgrade: bool,
    pub(crate) checks_schema: bool,
    /// Values that win over those of the chart.
    pub(crate) values: &'a Map<String, Value>,
}

/// Renders.
///
/// # Errors
/// The reason, in Helm's words.
pub(crate) async fn render(
    acting: &Acting<'_>,
    state: &mut State,
    order: &ReleaseOrder,
    rendering: Rendering<'_>,
) -> Result<RenderedRelease, ActionError> {
    let work = work(acting, order, rendering).await?;
    let kind = acting.kind;
    let rendering = async { Ok(work.render(&kind.computing, 0).await?) };
    let rendered: Result<_, ActionError> = kind
        .cancellation
        .unless(&kind.own, acting.object, rendering)
        .await;
    let rendered = rendered?;
    state.looked_up = Some(rendered.looked_up.clone());
    Ok(rendered)
}

/// Returns whether the last record would be another one by now, because of what its templates look up. It is rendered
/// only if an answer has changed: what is random in a template is no reason for another release.
///
/// # Errors
/// The cluster or the storage does not answer, or the chart cannot be rendered any more.
pub(crate) async fn renders_otherwise(
    acting: &Acting<'_>,
    state: &mut State,
    order: &ReleaseOrder,
) -> Result<bool, ActionError> {
    let before = state.looked_up.take();
    let (client, discovery) = (acting.applier.client(), acting.applier.discovery());
    if let Some(before) = &before {
        let lookup = ClusterLookup::new(client.clone(), discovery.clone());
        if lookup.again(before).await? == *before {
            state.looked_up = Some(before.clone());
            return Ok(false);
        }
    }
    let version = state.last.as_ref().map_or(0, |last| last.version);
    let Some(stored) = acting.storage.read(version).await? else {
        return Ok(true);
    };
    let last = stored.release;
    let rendering = Rendering {
        version,
        is_upgrade: version > 1,
        checks_schema: false,
        values: &last.config,
    };
    let rendered = render(acting, state, order, rendering).await?;
    if before.is_none() {
        // What the answers were is not known: they count from here on.
        return Ok(false);
    }
    let hooks = |hooks: &[Hook]| -> Vec<String> {
        hooks.iter().map(|hook| hook.manifest.clone()).collect()
    };
    Ok(rendered.manifest != last.manifest || hooks(&rendered.hooks) != hooks(&last.hooks))
}

/// Returns the definitions of the chart.
///
/// # Errors
/// The values do not fit.
pub(crate) async fn definitions(
    acting: &Acting<'_>,
    order: &ReleaseOrder,
) -> Result<Vec<Crd>, ActionError> {
    if !order.chart.has_crds() {
        return Ok(Vec::new());
    }
    let rendering = Rendering {
        version: 1,
        is_upgrade: false,
        checks_schema: false,
        values: &order.values.table,
    };
    let work = work(acting, order, rendering).await?;
    let namespace = &acting.object.metadata.namespace;
    let crds = acting.kind.computing.run(
        (namespace, for_text(0)),
        move |budget| work.crds(budget),
        |not_run| not_run,
    );
    Ok(crds.await?)
}

async fn work(
    acting: &Acting<'_>,
    order: &ReleaseOrder,
    rendering: Rendering<'_>,
) -> Result<RenderOrder, ActionError> {
    let discovery = acting.applier.discovery();
    let capabilities = Capabilities {
        kube_version: kube_version(acting).await?,
        api_versions: discovery.api_versions(VERSIONS_AGE_MAX).await?,
        ..Capabilities::default()
    };
    let ambient = acting.kind.own.ambient().clone();
    Ok(RenderOrder {
        object: acting.object.clone(),
        chart: order.chart.clone(),
        values: Arc::new(rendering.values.clone()),
        name: acting.storage.name.clone(),
        namespace: acting.namespace.clone(),
        revision: rendering.version,
        is_upgrade: rendering.is_upgrade,
        checks_schema: rendering.checks_schema,
        capabilities,
        now: ambient.now(),
        ambient,
        lookup: ClusterLookup::new(acting.applier.client().clone(), discovery.clone()),
    })
}

/// Returns the version of the server, which is asked once, however many releases begin together.
async fn kube_version(acting: &Acting<'_>) -> Result<KubeVersion, ActionError> {
    let client = acting.kind.own.client();
    let ask = async || {
        let answer = client.read("/version", "application/json").await?;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let text = lode_object::json::text(&answer, "/gitVersion");
        KubeVersion::parse(text).map_err(|error| format!("server version: {error}").into())
    };
    acting.kind.kube_version.get_or_try_init(ask).await.cloned()
}
