//! The proof that a replica without its Lease writes nothing: the leader is stopped again and again
//! during its work, and the API server's audit log shows which of its requests arrived afterwards.
//!
//! Run by `cargo xtask leader` and, with a few stops, by `cargo xtask e2e`; both enable the audit
//! log. Requests that a replica handed to its connection before the stop still arrive when it
//! resumes; each is printed with the time at which the gate let it pass. A request that passed the
//! gate after the stop fails the scenario, and so does one that arrived late without having passed
//! the gate.

use std::collections::{BTreeMap, HashMap};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use e2e::{Operator, Settings};
use jiff::Timestamp;
use lode_ambient::Ambient;
use lode_object::Value;
use serde_json::json;
use tokio::task::block_in_place;

use crate::manifests::config_map;
use crate::stage::{LONG, Stage};

const LEASE_DURATION: Duration = Duration::from_secs(3);
const RENEW_DEADLINE: Duration = Duration::from_secs(2);
/// A short Lease, so that many stops fit into a run.
const FLAGS: [&str; 5] = [
    "--enable-leader-election",
    "--leader-election-lease-duration=3s",
    "--leader-election-renew-deadline=2s",
    "--leader-election-retry-period=500ms",
    "--log-level=trace",
];
/// How soon another replica acts.
const TAKEN_OVER: Duration = Duration::from_secs(20);
/// Number of stops by default.
const STOPS: usize = 3;
const SEED: u64 = 20_261_129;
/// Number of objects that each push changes, and the pause between two pushes.
const OBJECTS: u64 = 40;
const REST: Duration = Duration::from_millis(200);
/// Users of the two replicas, by token.
const USERS: [&str; 2] = ["replica-a", "replica-b"];
/// How long a response may take to appear in the audit log.
const SETTLED: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn they_start_no_write_when_they_wake() {
    let Some(audit) = env::var_os("LODE_AUDIT_LOG").map(PathBuf::from) else {
        println!("not played: LODE_AUDIT_LOG names no audit log of an API server");
        return;
    };
    Stage::play("stopped-leaders", async |stage| {
        stage.stop()?;
        let stops = number("LODE_STOPS").map_or(STOPS, |stops| stops as usize);
        let mut random = Random(number("LODE_SEED").unwrap_or(SEED));
        println!("{stops} stops, seed {}", random.0);
        stage
            .world
            .delete("Lease", "default", "lode-leader-election")
            .await?;
        write(stage, 0)?;
        stage.repository.push("begin")?;
        stage.source().await?;
        stage
            .kustomization("apps", json!({"retryInterval": "1s"}))
            .await?;

        let mut pair = Pair::start(stage)?;
        let told = tokio::select! {
            never = push_for_ever(stage) => return never,
            told = pair.stop_again_and_again(stops, &mut random) => told?,
        };
        tokio::time::sleep(SETTLED).await;
        let arrived = Arrival::read(&audit)?;
        pair.read_checks()?;
        pair.report(&told, &arrived)?;

        let leader = pair.replicas.swap_remove(pair.leader).operator;
        stage.take_over(leader);
        write(stage, u64::MAX)?;
        let commit = stage.deliver("end").await?;
        stage.applied("apps", &commit).await.map(drop)
    })
    .await;
}

/// Two replicas, each with its own user.
struct Pair {
    replicas: Vec<Replica>,
    leader: usize,
    /// When the gate of which replica let each write pass, by audit id.
    checks: HashMap<String, Duration>,
}

struct Replica {
    settings: Settings,
    operator: Operator,
    /// Where this process's log begins: the file also contains those of earlier processes.
    log_from: u64,
}

/// One stop of a leader.
struct Stop {
    /// User of the stopped replica.
    user: &'static str,
    /// The prefix of its writes' audit ids.
    ids: String,
    /// When it was stopped, when it was resumed, and until when it may write, since boot.
    stopped: Duration,
    woken: Duration,
    valid_until: Duration,
    /// How long it took until the other replica led.
    taken_over: Duration,
}

impl Pair {
    fn start(stage: &Stage) -> anyhow::Result<Self> {
        let mut replicas = Vec::new();
        for user in USERS {
            let mut settings = stage.replica(user);
            settings.arguments = FLAGS.map(str::to_owned).to_vec();
            settings.kubeconfig = Some(as_user(stage, user)?);
            replicas.push(Replica::start(settings)?);
        }
        Ok(Self {
            replicas,
            leader: 0,
            checks: HashMap::new(),
        })
    }

    async fn stop_again_and_again(
        &mut self,
        stops: usize,
        random: &mut Random,
    ) -> anyhow::Result<Vec<Stop>> {
        let mut told = Vec::new();
        self.leader = self.elected(None).await?;
        for number in 1..=stops {
            let (first, other) = (self.leader, 1 - self.leader);
            self.replicas[other].waits().await?;
            tokio::time::sleep(Duration::from_millis(random.below(1_500))).await;

            self.replicas[first].operator.signal("STOP")?;
            let stopped = until_stopped(self.replicas[first].operator.pid()).await?;
            self.elected(Some(first)).await?;
            let taken_over = since_boot().saturating_sub(stopped);
            tokio::time::sleep(Duration::from_millis(random.below(500))).await;
            let woken = since_boot();
            self.replicas[first].operator.signal("CONT")?;

            let replica = &mut self.replicas[first];
            let status = block_in_place(|| replica.operator.wait())?;
            let log = replica.log()?;
            ensure!(
                !status.success() && log.contains("lost the Lease"),
                "stop {number}: it ended with {status}"
            );
            let checked = checks(&log);
            let valid_until = moments(&log, "may write", "until_us").max();
            told.push(Stop {
                user: USERS[first],
                ids: own_ids(&checked).context("it wrote")?,
                stopped,
                woken,
                valid_until: valid_until.context("it led")?,
                taken_over,
            });
            self.checks.extend(checked);
            println!(
                "stop {number}: {} after {:.2} s",
                USERS[first],
                taken_over.as_secs_f64()
            );
            let settings = replica.settings.clone();
            *replica = Replica::start(settings)?;
            self.leader = other;
        }
        Ok(told)
    }

    /// Reads from the logs of the running replicas what their gates let pass.
    fn read_checks(&mut self) -> anyhow::Result<()> {
        for replica in &self.replicas {
            self.checks.extend(checks(&replica.log()?));
        }
        Ok(())
    }

    /// Waits until a replica leads other than the stopped one.
    async fn elected(&self, stopped: Option<usize>) -> anyhow::Result<usize> {
        let since = Instant::now();
        loop {
            let leads = |at: &usize| Some(*at) != stopped && self.replicas[*at].operator.leads();
            if let Some(leader) = (0..self.replicas.len()).find(leads) {
                return Ok(leader);
            }
            ensure!(
                since.elapsed() < TAKEN_OVER,
                "nobody leads after {TAKEN_OVER:?}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn report(&self, stops: &[Stop], arrived: &BTreeMap<String, Arrival>) -> anyhow::Result<()> {
        let slowest = stops.iter().map(|stop| stop.taken_over).max();
        let (mut late, mut after_deadline, mut held_back, mut wrong) = (0, 0, 0, Vec::new());
        for stop in stops {
            let expired = stop.valid_until + LEASE_DURATION.saturating_sub(RENEW_DEADLINE);
            let own = &stop.ids;
            for (id, arrival) in arrived.iter().filter(|(id, _)| id.starts_with(own)) {
                if arrival.at < stop.valid_until {
                    continue;
                }
                if arrival.is_refused && !self.checks.contains_key(id) {
                    // The server received the head before the stop, and the gate held back the body
                    // after it.
                    held_back += 1;
                    continue;
                }
                after_deadline += 1;
                late += usize::from(arrival.at >= expired);
                let checked = self.checks.get(id);
                let text = format!(
                    "{} {} {}: arrived {:.3} s after the stop, {:.3} s after its time was over, passed the gate {}",
                    stop.user,
                    arrival.verb,
                    arrival.uri,
                    (arrival.at.saturating_sub(stop.stopped)).as_secs_f64(),
                    arrival.at.saturating_sub(stop.valid_until).as_secs_f64(),
                    checked.map_or_else(
                        || "never".to_owned(),
                        |at| format!(
                            "{:.3} s before the stop",
                            stop.stopped.as_secs_f64() - at.as_secs_f64()
                        )
                    ),
                );
                println!("late: {text}");
                if checked.is_none_or(|at| *at > stop.stopped) {
                    wrong.push(text);
                }
            }
            // Nothing passed between the end of its Lease and its own end.
            let own_checks = self.checks.iter().filter(|(id, _)| id.starts_with(own));
            let passed = own_checks
                .filter(|(_, at)| **at >= stop.valid_until)
                .count();
            if passed > 0 || stop.woken < expired {
                wrong.push(format!("{}: {passed} writes passed too late", stop.user));
            }
        }
        let unchecked = arrived.values().filter(|arrival| {
            let is_unchecked = !arrival.is_refused && !self.checks.contains_key(&arrival.id);
            if is_unchecked {
                println!(
                    "unchecked: {} {} {}",
                    arrival.user, arrival.verb, arrival.uri
                );
            }
            is_unchecked
        });
        let foreign = unchecked.count();
        println!("stops {}", stops.len());
        println!(
            "takeovers {}, the slowest after {:.2} s",
            stops.len(),
            slowest.unwrap_or_default().as_secs_f64()
        );
        println!("writes that arrived {}", arrived.len());
        println!("writes that passed the gate {}", self.checks.len());
        println!(
            "writes of a stopped replica that arrived after its renew deadline {after_deadline}"
        );
        println!("writes of a stopped replica that arrived after its Lease ran out {late}");
        println!("writes of a stopped replica whose body the gate held back {held_back}");
        println!("writes that passed the gate after the stop {}", wrong.len());
        println!("writes without a check {foreign}");
        ensure!(wrong.is_empty() && foreign == 0, "{wrong:#?}");
        ensure!(
            arrived.len() as u64 > OBJECTS * stops.len() as u64 / 2,
            "too few writes to prove anything"
        );
        Ok(())
    }
}

impl Replica {
    fn start(settings: Settings) -> anyhow::Result<Self> {
        let log = settings.storage.join("lode.log");
        let log_from = fs::metadata(log).map_or(0, |found| found.len());
        let operator = block_in_place(|| Operator::spawn(&settings))?;
        Ok(Self {
            settings,
            operator,
            log_from,
        })
    }

    /// Returns this process's log.
    fn log(&self) -> anyhow::Result<String> {
        let bytes = fs::read(&self.operator.log)?;
        let own = bytes.get(self.log_from as usize..).unwrap_or_default();
        Ok(String::from_utf8_lossy(own).into_owned())
    }

    async fn waits(&self) -> anyhow::Result<()> {
        let until = Instant::now() + LONG;
        while !self.log()?.contains("waiting: another replica leads") {
            ensure!(
                Instant::now() < until,
                "{} does not wait",
                self.operator.log.display()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

/// A write in the API server's audit log.
struct Arrival {
    user: String,
    verb: String,
    uri: String,
    /// Since boot.
    at: Duration,
    id: String,
    /// The server refused it.
    is_refused: bool,
}

impl Arrival {
    /// Reads the writes of both replicas, by audit id, without those to the Lease.
    fn read(audit: &Path) -> anyhow::Result<BTreeMap<String, Self>> {
        let text = fs::read_to_string(audit)
            .with_context(|| format!("read the audit log {}", audit.display()))?;
        // The audit log has wall-clock time; everything else is measured since boot.
        let booted = Timestamp::now() - since_boot();
        let mut arrived = BTreeMap::new();
        for line in text.lines() {
            let Ok(event) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            let text = |pointer: &str| {
                let value = event.pointer(pointer).and_then(Value::as_str);
                value.unwrap_or_default().to_owned()
            };
            let user = text("/user/username");
            let is_review = text("/objectRef/resource") == "subjectaccessreviews";
            if !USERS.contains(&&*user) || text("/objectRef/resource") == "leases" || is_review {
                continue;
            }
            let received: Timestamp = text("/requestReceivedTimestamp").parse()?;
            let arrival = Self {
                user,
                verb: text("/verb"),
                uri: text("/requestURI"),
                at: received.duration_since(booted).try_into()?,
                id: text("/auditID"),
                is_refused: event["responseStatus"]["code"].as_u64().unwrap_or(0) >= 400,
            };
            arrived.insert(arrival.id.clone(), arrival);
        }
        Ok(arrived)
    }
}

/// Waits until every thread of a process is stopped, which takes a moment on a busy machine;
/// returns the time.
async fn until_stopped(pid: u32) -> anyhow::Result<Duration> {
    let until = Instant::now() + LONG;
    loop {
        let mut threads = fs::read_dir(format!("/proc/{pid}/task"))?;
        let all = threads.all(|thread| {
            let stat = thread.and_then(|thread| fs::read_to_string(thread.path().join("stat")));
            // The state follows the program's name, which is in parentheses.
            stat.is_ok_and(|stat| {
                stat.rsplit_once(") ")
                    .is_some_and(|(_, rest)| rest.starts_with('T'))
            })
        });
        if all {
            return Ok(since_boot());
        }
        ensure!(Instant::now() < until, "{pid} does not stop");
        tokio::task::yield_now().await;
    }
}

/// Pushes changes of every object and requests fetches, without end.
async fn push_for_ever(stage: &Stage) -> anyhow::Result<()> {
    for round in 1.. {
        write(stage, round)?;
        block_in_place(|| stage.repository.push(&format!("round {round}")))?;
        let asked = Timestamp::now().to_string();
        let annotations = json!({"reconcile.fluxcd.io/requestedAt": asked});
        let patch = json!({"metadata": {"annotations": annotations}});
        stage
            .world
            .patch("GitRepository", &stage.namespace, "app", patch)
            .await?;
        tokio::time::sleep(REST).await;
    }
    Ok(())
}

fn write(stage: &Stage, round: u64) -> anyhow::Result<()> {
    let one = |n: u64| {
        config_map(
            &stage.namespace,
            &format!("object-{n}"),
            json!({"round": round.to_string()}),
        )
    };
    stage.write(
        "apps/objects.yaml",
        &(0..OBJECTS).map(one).collect::<Vec<_>>(),
    )
}

/// Writes a kubeconfig for a user whom the API server knows by a token.
fn as_user(stage: &Stage, user: &str) -> anyhow::Result<PathBuf> {
    let path = stage.ground.kubeconfig();
    let text = fs::read(path)?;
    let mut documents = lode_yaml::Reader::new(&text, lode_yaml::Dialect::V3);
    let first = documents.next().context("the kubeconfig is not empty")?;
    let mut config = first.context("read the kubeconfig")?.value;
    config["users"][0]["user"] = json!({"token": format!("{user}-token")});
    let cluster = &mut config["clusters"][0]["cluster"];
    if let Some(Value::String(file)) = cluster.get_mut("certificate-authority") {
        let folder = path.parent().context("a kubeconfig lies in a folder")?;
        *file = folder.join(&*file).display().to_string();
    }
    let storage = stage.replica(user).storage;
    fs::create_dir_all(&storage)?;
    let file = storage.join("kubeconfig");
    fs::write(&file, config.to_string())?;
    Ok(file)
}

/// Returns when the gate let each write pass, by audit id.
fn checks(log: &str) -> Vec<(String, Duration)> {
    let lines = log.lines().filter(|line| line.contains("write checked"));
    let parsed = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    parsed
        .filter_map(|line| {
            let at = Duration::from_micros(line["boot_us"].as_u64()?);
            Some((line["audit_id"].as_str()?.to_owned(), at))
        })
        .collect()
}

/// Returns the prefix of a process's audit ids.
fn own_ids(checks: &[(String, Duration)]) -> Option<String> {
    let (process, _) = checks.first()?.0.rsplit_once('-')?;
    Some(format!("{process}-"))
}

/// Returns the values of a time field in log lines with a message.
fn moments<'l>(
    log: &'l str,
    message: &'l str,
    field: &'l str,
) -> impl Iterator<Item = Duration> + 'l {
    let lines = log.lines().filter(move |line| line.contains(message));
    let parsed = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    parsed.filter_map(move |line| Some(Duration::from_micros(line[field].as_u64()?)))
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.parse().ok()
}

/// Random numbers from a seed, so that every run is the same.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Returns the time since boot, by which the operator's gate goes.
fn since_boot() -> Duration {
    Ambient::default().since_boot()
}
