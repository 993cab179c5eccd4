//! What an operator has cost: CPU time and API calls.

use std::time::Duration;

use e2e::{Calls, Operator};

use crate::print::{figure, line};

/// Waits until the operator makes no more calls, because events are written with a delay.
pub(crate) async fn idle(operator: &Operator) -> anyhow::Result<()> {
    let mut before = operator.calls()?;
    for _ in 0..120 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = operator.calls()?;
        if now == before {
            return Ok(());
        }
        before = now;
    }
    line("  (still busy after two minutes)");
    Ok(())
}

/// CPU time and API calls of an operator.
#[derive(Default)]
pub(crate) struct Costs {
    cpu: f64,
    calls: Calls,
}

impl Costs {
    pub(crate) fn of(operator: &Operator) -> anyhow::Result<Self> {
        Ok(Self {
            cpu: operator.cpu_seconds()?,
            calls: operator.calls()?,
        })
    }

    pub(crate) fn since(mut self, before: &Self) -> Self {
        for (verb, count) in &mut self.calls {
            *count -= before
                .calls
                .get(verb)
                .copied()
                .unwrap_or_default()
                .min(*count);
        }
        Self {
            cpu: self.cpu - before.cpu,
            calls: self.calls,
        }
    }

    pub(crate) fn print(&self, what: &str, count: usize) {
        figure("CPU", self.cpu, "s");
        figure(
            &format!("CPU per {what}"),
            self.cpu * 1000.0 / count as f64,
            "ms  (mark <= 5)",
        );
        let all: u64 = self.calls.values().sum();
        figure(
            &format!("API calls per {what}"),
            all as f64 / count as f64,
            "  (mark <= 9 at first)",
        );
        let writes = self.calls.iter().filter(|(verb, _)| is_write(verb));
        let writes: u64 = writes.map(|(_, calls)| calls).sum();
        figure(
            &format!("writes per {what}"),
            writes as f64 / count as f64,
            "",
        );
        for (verb, calls) in self.calls.iter().filter(|(_, calls)| **calls > 0) {
            figure(&format!("  {verb}"), *calls as f64, "");
        }
    }
}

/// Returns whether a call changes something; a create may be an event.
fn is_write(verb: &str) -> bool {
    matches!(verb, "apply" | "patch" | "create" | "update" | "delete")
}
