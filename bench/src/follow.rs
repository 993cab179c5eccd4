//! Waits for objects with a watch: polling a thousand of them, or an inventory of ten
//! thousand, would take API server time from what is measured.

use std::collections::HashSet;
use std::time::Duration;

use e2e::World;
use lode_cluster::{Head, Sink, Subject};
use lode_object::Value;
use tokio::sync::watch;

const WITHIN: Duration = Duration::from_mins(30);

/// Waits until this many objects of a kind have satisfied a condition in a namespace.
pub(crate) async fn until(
    world: &World,
    (kind, namespace, count): (&str, &str, usize),
    wanted: fn(&Value) -> bool,
) -> anyhow::Result<()> {
    let subject = Subject {
        resource: world.resource(kind),
        namespace: namespace.into(),
        labels: "".into(),
        fields: "".into(),
    };
    let (number, mut done) = watch::channel(0);
    let sink = Waiting {
        wanted,
        done: HashSet::new(),
        number,
    };
    let watching = tokio::spawn(lode_cluster::watch(world.client.clone(), subject, sink));
    let all = tokio::time::timeout(WITHIN, done.wait_for(|done| *done >= count))
        .await
        .is_ok();
    watching.abort();
    anyhow::ensure!(all, "{} of {count} after {WITHIN:?}", *done.borrow());
    Ok(())
}

/// Those that have satisfied the condition.
struct Waiting {
    wanted: fn(&Value) -> bool,
    done: HashSet<String>,
    number: watch::Sender<usize>,
}

impl Sink for Waiting {
    fn restart(&mut self) {}

    fn applied(&mut self, head: &Head<'_>, object: &[u8]) {
        if serde_json::from_slice(object).is_ok_and(|object| (self.wanted)(&object)) {
            self.done.insert(head.name.to_string());
            self.number.send_replace(self.done.len());
        }
    }

    fn deleted(&mut self, _: &Head<'_>, _: &[u8]) {}

    fn synced(&mut self, _: &str) {}
}
