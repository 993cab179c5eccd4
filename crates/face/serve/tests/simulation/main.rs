//! The whole operator on a clock that the test holds: commit, healthy, live edit, kill.
//!
//! Everything runs on one thread: the operator as `lode serve` runs it, an API, a Git server. Their connections stay within
//! the process (`lode_net::Sockets`), so the kernel decides nothing: the runtime could not even open a socket. The clock
//! stands still while anything is at work and jumps to the next timer when nothing is, so that a minute of waiting costs no
//! time. A seed
//! decides what varies: how long each request takes, which fail, when the operator is killed. A seed that fails, fails
//! again: `LODE_SEED=17 LODE_SEEDS=1 cargo test -p lode-serve --test simulation`.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot set up its world fails"
)]

mod chance;
mod cluster;
mod weather;

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant as RealTime};

use self::cluster::Cluster;

/// How many seeds a plain run plays.
const SEEDS: u64 = 10;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |value| value.parse().unwrap())
}

#[test]
fn a_commit_gets_healthy_is_kept_and_survives_a_kill_whatever_the_seed() {
    let began = RealTime::now();
    let played = Mutex::new(Duration::ZERO);
    let seeds = every_seed(|seed| {
        let trace = play(seed);
        let requests = trace.lines.len();
        assert!(requests > 30, "seed {seed}: {requests} requests");
        *played.lock().unwrap() += trace.took;
    });
    println!(
        "{seeds} seeds: {:.1} s played in {:.1} s",
        played.lock().unwrap().as_secs_f64(),
        began.elapsed().as_secs_f64()
    );
}

#[test]
fn a_seed_plays_the_same_again() {
    let requests = AtomicU64::new(0);
    let seeds = every_seed(|seed| {
        let (one, other) = (play(seed), play(seed));
        let mut both = one.lines.iter().zip(&other.lines);
        if let Some(at) = both.position(|(one, other)| one != other) {
            let from = at.saturating_sub(5);
            panic!(
                "seed {seed} parts at request {at}:\n{:#?}\n{:#?}",
                &one.lines[from..=at],
                &other.lines[from..=at]
            );
        }
        assert_eq!(one.lines.len(), other.lines.len(), "seed {seed}");
        assert_eq!(one.took, other.took, "seed {seed}");
        requests.fetch_add(one.lines.len() as u64, Ordering::Relaxed);
    });
    let requests = requests.into_inner();
    println!("{seeds} seeds: {requests} requests at the same times again");
}

/// Does something with every seed of this run, on all processors; returns how many there are.
fn every_seed(act: impl Fn(u64) + Sync) -> u64 {
    let (first, seeds) = (number("LODE_SEED", 1), number("LODE_SEEDS", SEEDS));
    let next = AtomicU64::new(first);
    let act_on_some = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + seeds {
                return;
            }
            act(seed);
        }
    };

    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(act_on_some);
        }
    });
    seeds
}

/// What was seen of one play.
struct Trace {
    /// Every request of the operator, with its time in milliseconds. Those of the same millisecond are in order of their
    /// text: the clock does not tell them apart.
    lines: Vec<(u128, String)>,
    took: Duration,
}

/// Plays the scenario with one seed.
fn play(seed: u64) -> Trace {
    // Without I/O: whatever opened a socket would panic.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let trace = runtime.block_on(async {
        let cluster = Cluster::start(seed).await;
        story(&cluster).await;
        Trace {
            lines: cluster.trace(),
            took: cluster.now(),
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    trace
}

async fn story(cluster: &Cluster) {
    let mut operator = cluster.operator();
    let first = cluster.commit(2, Some("one"));
    cluster.follow().await;
    cluster.healthy(&first).await;

    cluster.edit(5).await;
    cluster.replicas(2).await;

    // The second commit takes an object away; somewhere on its way the operator is killed.
    let second = cluster.commit(3, None);
    cluster.ask().await;
    cluster.pass(cluster.moment()).await;
    operator.kill();
    let requests = cluster.trace().len();
    cluster.pass(Duration::from_mins(1)).await;
    assert_eq!(
        cluster.trace().len(),
        requests,
        "seed {}: who was killed asks for nothing",
        cluster.seed
    );

    operator = cluster.operator();
    cluster.healthy(&second).await;
    cluster.replicas(3).await;
    cluster.gone("one").await;
    operator.kill();
}
