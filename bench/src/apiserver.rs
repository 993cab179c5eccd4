//! The embedded API server compared with the real one with etcd, in alternating turns of one run:
//! time to ready, memory with many objects, creates, server-side applies and watch events per
//! second.
//!
//! The same client sends the same requests to both over TLS. Its own time is included on both
//! sides, so the true ratios are larger. The real server runs as in the test cluster: etcd does not
//! flush.

mod client;
mod launched;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use hyper::body::Body as _;
use lode_object::Value;
use serde_json::json;

use self::launched::{Launched, launch_ours, launch_real};
use crate::print::{figure, line};
use crate::stage::application;

/// Options of the benchmark.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Binary of `lode` [default: the one next to this program]
    #[arg(long)]
    lode: Option<PathBuf>,
    /// Number of objects at the end
    #[arg(long, default_value_t = 10_000)]
    objects: usize,
    /// Number of turns
    #[arg(long, default_value_t = 5)]
    turns: usize,
    /// Number of watchers
    #[arg(long, default_value_t = 100)]
    watchers: usize,
    /// Number of changes per turn that they watch
    #[arg(long, default_value_t = 200)]
    changes: usize,
}

const NAMESPACE: &str = "bench";
/// Number of connections, as in the other benchmarks.
const CONNECTIONS: usize = 8;
/// Longest wait for the last event.
const EVENTS_MAX: Duration = Duration::from_mins(2);

/// Units done and the time they took, over all turns.
#[derive(Clone, Copy, Default)]
struct Rate {
    units: usize,
    time: Duration,
}

/// One side with its measurements.
struct Side {
    name: &'static str,
    launched: Launched,
    creates: Rate,
    applies: Rate,
    events: Rate,
}

/// Measures both sides and prints figures and ratios.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let lode = match &args.lode {
        Some(lode) => lode.clone(),
        None => std::env::current_exe()?.with_file_name("lode"),
    };
    let (real, ours) = (launch_real().await?, launch_ours(&lode).await?);
    let mut sides = [
        Side::new("kube-apiserver", real),
        Side::new("lode apiserver", ours),
    ];
    for side in &sides {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
        side.launched
            .client
            .post("/api/v1/namespaces", &namespace)
            .await?;
    }
    let objects: Vec<Value> = (0..args.objects / 4)
        .flat_map(|number| application(NAMESPACE, number))
        .collect();
    for turn in objects.chunks(objects.len().div_ceil(args.turns)) {
        for side in &mut sides {
            side.creates += side
                .write(turn.to_vec(), WriteManner::Create)
                .await
                .context(side.name)?;
        }
    }
    let memory: Vec<f64> = sides
        .iter()
        .map(|side| side.launched.memory_mib())
        .collect::<Result<_, _>>()?;
    for turn in 0..args.turns {
        let part = objects.len().div_ceil(args.turns * 2);
        let applied: Vec<Value> = objects
            .iter()
            .take(part)
            .cloned()
            .map(|object| labelled(object, turn))
            .collect();
        for side in &mut sides {
            side.applies += side
                .write(applied.clone(), WriteManner::Apply)
                .await
                .context(side.name)?;
        }
    }
    for turn in 0..args.turns {
        for side in &mut sides {
            side.events += side
                .fan_out(args.watchers, args.changes, turn)
                .await
                .context(side.name)?;
        }
    }
    print(&args, &sides, &memory);
    Ok(())
}

fn print(args: &Args, sides: &[Side; 2], memory: &[f64]) {
    for (side, memory) in sides.iter().zip(memory) {
        line(side.name);
        figure(
            "ready after",
            side.launched.ready.as_secs_f64() * 1000.0,
            "ms",
        );
        figure(
            &format!("resident memory with {} objects", args.objects),
            *memory,
            "MiB",
        );
        if let Some(store) = side.launched.store_mib() {
            figure("  and of its etcd", store, "MiB");
        }
        figure("creates", side.creates.per_second(), "/s");
        figure(
            "server-side applies that change something",
            side.applies.per_second(),
            "/s",
        );
        figure(
            &format!("events to {} watchers", args.watchers),
            side.events.per_second(),
            "/s",
        );
    }
    let [real, ours] = sides;
    let ratio = |rate: fn(&Side) -> Rate| rate(ours).per_second() / rate(real).per_second();
    line("lode apiserver against kube-apiserver");
    let started = real.launched.ready.as_secs_f64() / ours.launched.ready.as_secs_f64();
    figure("ready", started, "x faster  (mark: ready <= 200 ms)");
    figure("memory", memory[0] / memory[1], "x less  (mark: <= 60 MiB)");
    figure("creates", ratio(|side| side.creates), "x  (mark >= 5)");
    figure("applies", ratio(|side| side.applies), "x  (mark >= 5)");
    figure("events", ratio(|side| side.events), "x  (mark >= 5)");
}

/// How objects are written.
#[derive(Clone, Copy)]
enum WriteManner {
    Create,
    Apply,
}

impl Side {
    fn new(name: &'static str, launched: Launched) -> Self {
        let none = Rate::default();
        Self {
            name,
            launched,
            creates: none,
            applies: none,
            events: none,
        }
    }

    /// Writes objects over eight connections.
    async fn write(&self, objects: Vec<Value>, how: WriteManner) -> anyhow::Result<Rate> {
        let bodies: Vec<(String, Value)> = objects
            .into_iter()
            .map(|object| (path(&object, how), object))
            .collect();
        let (bodies, next) = (Arc::new(bodies), Arc::new(AtomicUsize::new(0)));
        let clients = self.launched.client.several(CONNECTIONS).await?;
        let start = Instant::now();
        let mut workers = tokio::task::JoinSet::new();
        for client in clients {
            let (bodies, next) = (bodies.clone(), next.clone());
            workers.spawn(async move {
                while let Some((path, body)) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match how {
                        WriteManner::Create => client.post(path, body).await?,
                        WriteManner::Apply => client.patch(path, client::APPLY, body).await?,
                    };
                }
                anyhow::Ok(())
            });
        }
        while let Some(worker) = workers.join_next().await {
            worker.context("a worker")??;
        }
        Ok(Rate {
            units: bodies.len(),
            time: start.elapsed(),
        })
    }

    /// Opens many watches of a namespace while one object in it changes; the clock stops when the
    /// last watcher has the last event.
    async fn fan_out(&self, watchers: usize, changes: usize, turn: usize) -> anyhow::Result<Rate> {
        let client = &self.launched.client;
        let path = format!("/api/v1/namespaces/{NAMESPACE}/configmaps");
        let list: Value = serde_json::from_slice(&client.get(&format!("{path}?limit=1")).await?)?;
        let version = list["metadata"]["resourceVersion"]
            .as_str()
            .context("a list has a resource version")?;
        let mut running = tokio::task::JoinSet::new();
        for client in client.several(watchers).await? {
            let stream = client
                .open(&format!("{path}?watch=1&resourceVersion={version}"))
                .await?;
            running.spawn(count(stream, changes));
        }
        let start = Instant::now();
        for change in 0..changes {
            let patch = json!({"data": {"change": format!("{turn}-{change}")}});
            client
                .patch(&format!("{path}/app-0"), client::MERGE, &patch)
                .await?;
        }
        while let Some(watcher) = running.join_next().await {
            watcher.context("a watcher")??;
        }
        Ok(Rate {
            units: watchers * changes,
            time: start.elapsed(),
        })
    }
}

/// Reads a watch until it has this many events.
async fn count(mut stream: hyper::body::Incoming, events: usize) -> anyhow::Result<()> {
    let read = async {
        let mut seen = 0;
        while seen < events {
            let frame =
                std::future::poll_fn(|context| std::pin::Pin::new(&mut stream).poll_frame(context))
                    .await;
            let frame = frame
                .context("the watch ended early")?
                .context("read the watch")?;
            seen += frame
                .data_ref()
                .map_or(0, |data| data.split(|byte| *byte == b'\n').count() - 1);
        }
        anyhow::Ok(seen)
    };
    let seen = tokio::time::timeout(EVENTS_MAX, read)
        .await
        .context("events do not come")??;
    ensure!(seen == events, "{seen} events instead of {events}");
    Ok(())
}

/// Returns the path of the collection for a create, or of the object for an apply.
fn path(object: &Value, how: WriteManner) -> String {
    let (folder, resource) = match object["kind"].as_str() {
        Some("Deployment") => ("/apis/apps/v1", "deployments"),
        Some("Service") => ("/api/v1", "services"),
        Some("ServiceAccount") => ("/api/v1", "serviceaccounts"),
        _ => ("/api/v1", "configmaps"),
    };
    let collection = format!("{folder}/namespaces/{NAMESPACE}/{resource}");
    match how {
        WriteManner::Create => collection,
        WriteManner::Apply => {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            format!("{collection}/{name}?fieldManager=bench&force=true")
        }
    }
}

fn labelled(mut object: Value, turn: usize) -> Value {
    object["metadata"]["labels"]["turn"] = turn.to_string().into();
    object
}

impl Rate {
    fn per_second(self) -> f64 {
        self.units as f64 / self.time.as_secs_f64()
    }
}

impl std::ops::AddAssign for Rate {
    fn add_assign(&mut self, other: Self) {
        self.units += other.units;
        self.time += other.time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_of_turns_add_up() {
        let mut rate = Rate {
            units: 10,
            time: Duration::from_secs(1),
        };
        rate += Rate {
            units: 20,
            time: Duration::from_secs(2),
        };
        assert!((rate.per_second() - 10.0).abs() < f64::EPSILON);
    }

    #[test]
    fn an_apply_names_its_object() {
        let [_, _, _, deployment] = application(NAMESPACE, 7);
        assert_eq!(
            path(&deployment, WriteManner::Create),
            "/apis/apps/v1/namespaces/bench/deployments"
        );
        assert!(
            path(&deployment, WriteManner::Apply)
                .starts_with("/apis/apps/v1/namespaces/bench/deployments/app-7?")
        );
    }
}
