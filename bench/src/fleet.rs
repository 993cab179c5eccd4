//! [`Fleet`]: many objects of one kind from one source: all at once, again on request, after a restart.

use std::time::{Duration, Instant};

use e2e::Operator;
use lode_cluster::Target;
use lode_object::Value;
use serde_json::json;

use crate::bare;
use crate::costs::{Costs, idle};
use crate::follow::until;
use crate::print::{figure, line};
use crate::stage::Stage;

/// Longest time until all were looked at after a restart.
const WITHIN: Duration = Duration::from_mins(30);

/// What is measured.
pub(crate) struct Fleet<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) kind: &'static str,
    pub(crate) namespace: &'static str,
    /// The objects that the operator reconciles.
    pub(crate) objects: Vec<Value>,
    /// What a bare client needs for the same.
    pub(crate) bare: Duration,
    /// What the peak of memory is measured by.
    pub(crate) memory: &'static str,
}

impl Fleet<'_> {
    /// Measures all three parts and prints their figures; the source is there already.
    pub(crate) async fn measure(&self, operator: Operator) -> anyhow::Result<()> {
        self.first(&operator).await?;
        self.again(&operator).await?;
        operator.stop()?;
        self.restart().await
    }

    async fn first(&self, operator: &Operator) -> anyhow::Result<()> {
        let (count, kind) = (self.objects.len(), self.kind);
        line(&format!("{count} {kind}s of 4 objects, created at once"));
        let before = Costs::of(operator)?;
        let start = Instant::now();
        bare::apply(&self.stage.world, self.objects.clone()).await?;
        figure("created after", start.elapsed().as_secs_f64(), "s");
        self.until(is_ready).await?;

        let took = start.elapsed();
        figure("all Ready after", took.as_secs_f64(), "s");
        let ratio = took.as_secs_f64() / self.bare.as_secs_f64();
        figure("ratio to the bare loop", ratio, "x  (mark <= 2.0)");
        self.print_costs(operator, &before).await?;
        figure("peak resident memory", operator.peak_mib()?, self.memory);
        Ok(())
    }

    async fn again(&self, operator: &Operator) -> anyhow::Result<()> {
        line("all of it reconciled again on request, which a status write each answers");
        let before = Costs::of(operator)?;
        let start = Instant::now();
        let resource = self.stage.world.resource(self.kind);
        let patch =
            json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "again"}}});
        for object in &self.objects {
            let target = Target {
                namespace: self.namespace,
                name: object["metadata"]["name"].as_str().unwrap_or_default(),
                manager: "bench",
                dry_run: false,
            };
            let client = &self.stage.world.client;
            client.merge(&resource, target, "", &patch).await?;
        }
        self.until(|object| object["status"]["lastHandledReconcileAt"] == "again")
            .await?;
        figure("all answered after", start.elapsed().as_secs_f64(), "s");
        self.print_costs(operator, &before).await
    }

    async fn restart(&self) -> anyhow::Result<()> {
        line("the operator restarted: nothing to do, so nothing is written");
        let start = Instant::now();
        let operator = Operator::start(&self.stage.settings)?;
        let (end, controller) = (Instant::now() + WITHIN, self.kind.to_lowercase());
        loop {
            let runs = operator.metric("controller_runtime_reconcile_total")?;
            let own = runs
                .iter()
                .filter(|(labels, _)| labels.contains(&controller));
            let runs: f64 = own.map(|(_, value)| value).sum();
            if runs >= self.objects.len() as f64 || Instant::now() > end {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }

        figure("all looked at after", start.elapsed().as_secs_f64(), "s");
        self.print_costs(&operator, &Costs::default()).await?;
        figure("resident memory", operator.rss_mib()?, "MiB");
        operator.stop()
    }

    /// Waits until all objects have satisfied a condition.
    async fn until(&self, wanted: fn(&Value) -> bool) -> anyhow::Result<()> {
        let all = (self.kind, self.namespace, self.objects.len());
        until(&self.stage.world, all, wanted).await
    }

    /// Prints what was spent since, once the operator is idle.
    async fn print_costs(&self, operator: &Operator, before: &Costs) -> anyhow::Result<()> {
        idle(operator).await?;
        let costs = Costs::of(operator)?.since(before);
        costs.print(self.kind, self.objects.len());
        Ok(())
    }
}

fn is_ready(object: &Value) -> bool {
    let ready = e2e::condition(Some(object), "Ready");
    ready.is_some_and(|ready| ready["status"] == "True")
}
