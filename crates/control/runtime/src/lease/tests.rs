//! A candidate's decisions case by case, and that no two ever write at the same time, under random
//! disturbances.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use lode_object::Value;
use serde_json::json;

use super::candidate::{Candidate, CandidateStep, Event, Loss, Moment};
use super::record::{self, Record};
use super::timings::{Timings, UnfitTimings};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn moment(second: u64) -> Moment {
    Moment {
        boot: seconds(second),
        wall: Timestamp::from_second(1_790_000_000 + second as i64).unwrap(),
        chance: 0.0,
    }
}

fn held_by(holder: &str, second: u64) -> Record {
    let spec = record::held(None, holder, seconds(15), moment(second).wall);
    Record {
        version: second.to_string(),
        spec,
    }
}

fn candidate() -> Candidate {
    Candidate::new("me".to_owned(), Timings::default())
}

/// Returns a candidate that has led since a second.
fn leader(second: u64) -> Candidate {
    let mut candidate = candidate();
    assert_eq!(
        candidate.next(moment(second), Event::Due),
        CandidateStep::Read
    );
    let step = candidate.next(moment(second), Event::Read(None));
    assert!(matches!(step, CandidateStep::Write { version: None, .. }));
    let written = Event::Written {
        begun: seconds(second),
        record: held_by("me", second),
    };
    assert_eq!(
        candidate.next(moment(second), written),
        CandidateStep::Rest(seconds(2))
    );
    candidate
}

fn version(step: &CandidateStep) -> &str {
    match step {
        CandidateStep::Write { version, .. } => version.as_deref().unwrap_or("none"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_leads_may_write_until_the_renew_deadline_from_before_the_renewal() {
    let mut leader = leader(100);
    assert_eq!(leader.valid_until(), Some(seconds(110)));
    assert_eq!(version(&leader.next(moment(102), Event::Due)), "100");
    // A slow response: its Lease may be as old as the request.
    let written = Event::Written {
        begun: seconds(102),
        record: held_by("me", 102),
    };
    assert_eq!(
        leader.next(moment(111), written),
        CandidateStep::Rest(seconds(0))
    );
    assert_eq!(leader.valid_until(), Some(seconds(112)));
}

#[test]
fn a_held_lease_is_taken_only_after_it_stood_still_for_as_long_as_it_lasts() {
    let mut waits = candidate();
    let mut look = |second, found: Record| {
        waits.next(moment(second), Event::Due);
        waits.next(moment(second), Event::Read(Some(found)))
    };
    assert_eq!(
        look(100, held_by("other", 1)),
        CandidateStep::Rest(seconds(2))
    );
    assert_eq!(
        look(114, held_by("other", 1)),
        CandidateStep::Rest(seconds(1))
    );
    // It was renewed: all waiting starts again, whatever its times say.
    assert_eq!(
        look(115, held_by("other", 999_999)),
        CandidateStep::Rest(seconds(2))
    );
    assert_eq!(
        look(129, held_by("other", 999_999)),
        CandidateStep::Rest(seconds(1))
    );
    assert_eq!(version(&look(130, held_by("other", 999_999))), "999999");
}

#[test]
fn another_version_of_the_same_spec_is_no_renewal() {
    let mut waits = candidate();
    let mut touched = held_by("other", 1);
    waits.next(moment(100), Event::Due);
    waits.next(moment(100), Event::Read(Some(touched.clone())));
    touched.version = "2".to_owned();
    waits.next(moment(115), Event::Due);
    let step = waits.next(moment(115), Event::Read(Some(touched)));
    assert_eq!(version(&step), "2");
}

#[test]
fn a_lease_lasts_as_long_as_it_says_and_as_ours_at_least() {
    for (says, lasts) in [
        (json!(0), 15),
        (json!(null), 15),
        (json!(1), 15),
        (json!(-5), 15),
        (json!(40), 40),
        (json!(i32::MAX), i32::MAX as u64),
        (json!(1_u64 << 31), 1 << 31),
    ] {
        let mut record = held_by("other", 1);
        record.spec["leaseDurationSeconds"] = says.clone();
        let mut waits = candidate();
        let mut look = |second| {
            waits.next(moment(second), Event::Due);
            waits.next(moment(second), Event::Read(Some(record.clone())))
        };
        look(100);
        assert!(matches!(look(99 + lasts), CandidateStep::Rest(_)), "{says}");
        assert!(
            matches!(look(100 + lasts), CandidateStep::Write { .. }),
            "{says}"
        );
    }
}

#[test]
fn a_lease_that_says_it_lasts_for_ever_is_waited_for() {
    let mut record = held_by("other", 1);
    record.spec["leaseDurationSeconds"] = json!(u64::MAX);
    let mut waits = candidate();
    waits.next(moment(100), Event::Due);
    let step = waits.next(moment(100), Event::Read(Some(record)));
    assert_eq!(step, CandidateStep::Rest(seconds(2)));
}

#[test]
fn a_lease_that_was_let_go_of_is_taken_at_once() {
    let mut waits = candidate();
    let spec = record::released(&held_by("other", 1), moment(100).wall);
    let free = Record {
        version: "3".to_owned(),
        spec,
    };
    waits.next(moment(100), Event::Due);
    assert_eq!(
        version(&waits.next(moment(100), Event::Read(Some(free)))),
        "3"
    );
}

#[test]
fn who_leads_and_finds_the_lease_in_other_hands_has_lost() {
    for holder in ["other", ""] {
        let mut leader = leader(100);
        leader.next(moment(102), Event::Due);
        assert_eq!(
            leader.next(moment(102), Event::Conflict),
            CandidateStep::Read
        );
        let step = leader.next(moment(102), Event::Read(Some(held_by(holder, 101))));
        let holder = holder.to_owned();
        assert_eq!(step, CandidateStep::Lost(Loss::Taken { holder }));
        assert_eq!(leader.valid_until(), None);
    }
}

#[test]
fn a_lease_of_ours_that_somebody_edited_or_deleted_is_renewed() {
    let mut leader = leader(100);
    leader.next(moment(102), Event::Due);
    leader.next(moment(102), Event::Conflict);
    let mut edited = held_by("me", 101);
    edited.spec["renewTime"] = json!("2999-01-01T00:00:00.000000Z");
    let step = leader.next(moment(102), Event::Read(Some(edited)));
    assert_eq!(version(&step), "101");
    leader.next(moment(102), Event::Conflict);
    leader.next(moment(104), Event::Due);
    leader.next(moment(104), Event::Conflict);
    assert_eq!(
        version(&leader.next(moment(104), Event::Read(None))),
        "none"
    );
}

#[test]
fn a_renewal_that_does_not_come_in_time_is_the_end() {
    let mut leader = leader(100);
    leader.next(moment(102), Event::Due);
    let fails = || Event::Failed { is_passing: true };
    assert_eq!(leader.patience(seconds(104)), seconds(8));
    assert_eq!(
        leader.next(moment(103), fails()),
        CandidateStep::Rest(seconds(2))
    );
    leader.next(moment(105), Event::Due);
    assert_eq!(
        leader.next(moment(111), fails()),
        CandidateStep::Rest(seconds(1))
    );
    leader.next(moment(112), Event::Due);
    assert_eq!(leader.patience(seconds(112)), Duration::ZERO);
    assert_eq!(
        leader.next(moment(112), fails()),
        CandidateStep::Lost(Loss::NotRenewed)
    );
}

#[test]
fn a_write_whose_answer_was_lost_is_ours_all_the_same() {
    let mut waits = candidate();
    waits.next(moment(100), Event::Due);
    waits.next(moment(100), Event::Read(None));
    waits.next(moment(110), Event::Failed { is_passing: true });
    waits.next(moment(112), Event::Due);
    let step = waits.next(moment(112), Event::Read(Some(held_by("me", 101))));
    assert_eq!(version(&step), "101");
    assert_eq!(waits.valid_until(), None, "nothing is written on a guess");
}

#[test]
fn refusals_that_do_not_pass_are_met_ever_more_rarely() {
    let mut waits = candidate();
    let rests: Vec<CandidateStep> = (0..6)
        .map(|_| waits.next(moment(100), Event::Failed { is_passing: false }))
        .collect();
    assert_eq!(
        rests,
        [2, 4, 8, 16, 30, 30].map(|rest| CandidateStep::Rest(seconds(rest)))
    );
}

#[test]
fn storms_of_conflicts_end_each_try_after_one_more_look() {
    let mut waits = candidate();
    for second in [100, 102, 104] {
        assert_eq!(waits.next(moment(second), Event::Due), CandidateStep::Read);
        waits.next(moment(second), Event::Read(None));
        let step = waits.next(moment(second), Event::Conflict);
        assert_eq!(step, CandidateStep::Rest(seconds(2)));
    }
}

#[test]
fn times_that_do_not_fit_are_refused() {
    let timings = |lease_duration, renew_deadline, retry_period| Timings {
        lease_duration,
        renew_deadline,
        retry_period,
    };
    let half = Duration::from_millis(500);
    for (timings, wanted) in [
        (Timings::default(), Ok(())),
        (timings(seconds(35), seconds(30), seconds(5)), Ok(())),
        (timings(seconds(3), seconds(2), half), Ok(())),
        (
            timings(seconds(10), seconds(10), seconds(2)),
            Err(UnfitTimings::Deadline),
        ),
        (
            timings(seconds(15), seconds(6), seconds(5)),
            Err(UnfitTimings::Retry),
        ),
        (
            timings(seconds(15), seconds(10), Duration::ZERO),
            Err(UnfitTimings::NoPause),
        ),
        (
            timings(half, half / 2, half / 9),
            Err(UnfitTimings::Duration),
        ),
        (
            timings(seconds(1 << 31), seconds(9), seconds(2)),
            Err(UnfitTimings::Duration),
        ),
    ] {
        assert_eq!(timings.check(), wanted, "{timings:?}");
    }
}

/// A server that loses and delays messages, and replicas that are stopped and whose clocks agree
/// only in their speed.
struct Weather {
    random: u64,
    now_ms: u64,
    order: u64,
    events: BTreeMap<(u64, u64), (usize, u64, Post)>,
    lease: Option<Record>,
    version: u64,
    replicas: Vec<Replica>,
    elections: u64,
}

struct Replica {
    candidate: Candidate,
    /// How far its clock is ahead.
    ahead: Duration,
    /// What is awaited; responses to anything earlier are ignored.
    awaits: u64,
    stopped_until_ms: u64,
    begun: Duration,
    /// The time until which it may write, on the simulated clock.
    window_end_ms: u64,
    incarnation: u64,
}

/// A message in transit.
enum Post {
    Request(Option<(Value, Option<String>)>),
    Answer(Event),
}

impl Weather {
    fn new(seed: u64) -> Self {
        let mut weather = Self {
            random: seed,
            now_ms: 0,
            order: 0,
            events: BTreeMap::new(),
            lease: None,
            version: 0,
            replicas: Vec::new(),
            elections: 0,
        };
        for number in 0..3 {
            let ahead = Duration::from_millis(weather.below(10_000_000));
            weather.replicas.push(Replica {
                candidate: Candidate::new(format!("{number}-0"), Timings::default()),
                ahead,
                awaits: 0,
                stopped_until_ms: 0,
                begun: Duration::ZERO,
                window_end_ms: 0,
                incarnation: 0,
            });
            let wait = weather.below(5_000);
            weather.post(number, wait, Post::Answer(Event::Due));
        }
        weather
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % bound
    }

    /// Mostly short, at times very long.
    fn delay(&mut self) -> u64 {
        match self.below(20) {
            0 => self.below(30_000),
            1..4 => self.below(4_000),
            _ => self.below(100),
        }
    }

    fn post(&mut self, replica: usize, wait_ms: u64, post: Post) {
        let awaits = self.replicas[replica].awaits;
        self.order += 1;
        let key = (self.now_ms + wait_ms, self.order);
        self.events.insert(key, (replica, awaits, post));
    }

    fn step(&mut self) {
        let ((now_ms, _), (number, awaits, post)) = self.events.pop_first().unwrap();
        self.now_ms = now_ms;
        match post {
            Post::Request(request) => {
                let event = self.serve(request);
                let delay = self.delay();
                if self.below(20) > 0 {
                    self.events.insert(
                        (now_ms + delay, self.order + 1),
                        (number, awaits, Post::Answer(event)),
                    );
                    self.order += 1;
                }
            }
            Post::Answer(_) if awaits != self.replicas[number].awaits => {}
            Post::Answer(event) => {
                let stopped_until = self.replicas[number].stopped_until_ms;
                if stopped_until > now_ms {
                    self.post(number, stopped_until - now_ms, Post::Answer(event));
                } else {
                    self.decide(number, event);
                }
            }
        }
    }

    fn serve(&mut self, request: Option<(Value, Option<String>)>) -> Event {
        if self.below(15) == 0 {
            return Event::Failed { is_passing: true };
        }
        // Occasionally somebody edits the Lease and sets arbitrary times.
        if self.below(50) == 0
            && let Some(lease) = &mut self.lease
        {
            self.version += 1;
            lease.version = self.version.to_string();
            lease.spec["renewTime"] = json!(format!("2999-01-01T00:00:{:09}Z", self.version));
        }
        let Some((spec, version)) = request else {
            return Event::Read(self.lease.clone());
        };
        if version != self.lease.as_ref().map(|lease| lease.version.clone()) {
            return Event::Conflict;
        }
        self.version += 1;
        let record = Record {
            version: self.version.to_string(),
            spec,
        };
        self.lease = Some(record.clone());
        Event::Written {
            begun: Duration::ZERO,
            record,
        }
    }

    fn decide(&mut self, number: usize, mut event: Event) {
        if self.below(40) == 0 {
            self.replicas[number].stopped_until_ms = self.now_ms + self.below(40_000);
        }
        if let Event::Written { begun, .. } = &mut event {
            *begun = self.replicas[number].begun;
        }
        let boot = Duration::from_millis(self.now_ms) + self.replicas[number].ahead;
        let wall = Timestamp::from_millisecond(self.below(1_000_000_000_000) as i64).unwrap();
        let chance = self.below(1000) as f64 / 1000.0;
        let now = Moment { boot, wall, chance };

        let replica = &mut self.replicas[number];
        replica.awaits += 1;
        let step = replica.candidate.next(now, event);
        let valid_until = replica.candidate.valid_until();
        let end = valid_until.map_or(Duration::ZERO, |end| end.saturating_sub(replica.ahead));
        replica.window_end_ms = end.as_millis() as u64;
        if replica.window_end_ms > self.now_ms {
            self.elections += 1;
            self.nobody_else_writes(number);
        }
        match step {
            CandidateStep::Rest(rest) if self.below(60) == 0 => self.let_go(number, wall, rest),
            CandidateStep::Rest(rest) => {
                self.post(number, rest.as_millis() as u64, Post::Answer(Event::Due));
            }
            CandidateStep::Read => self.ask(number, boot, None),
            CandidateStep::Write { spec, version } => self.ask(number, boot, Some((spec, version))),
            CandidateStep::Lost(_) => self.restart(number),
        }
    }

    fn nobody_else_writes(&self, number: usize) {
        for (other, replica) in self.replicas.iter().enumerate() {
            assert!(
                other == number || replica.window_end_ms <= self.now_ms,
                "{number} and {other} write at {} ms",
                self.now_ms
            );
        }
    }

    fn ask(&mut self, number: usize, boot: Duration, request: Option<(Value, Option<String>)>) {
        self.replicas[number].begun = boot;
        let patience = self.replicas[number].candidate.patience(boot);
        let delay = self.delay();
        if self.below(20) > 0 {
            self.post(number, delay, Post::Request(request));
        }
        let late = Event::Failed { is_passing: true };
        self.post(number, patience.as_millis() as u64, Post::Answer(late));
    }

    fn let_go(&mut self, number: usize, wall: Timestamp, rest: Duration) {
        let Some((spec, version)) = self.replicas[number].candidate.release(wall) else {
            self.post(number, rest.as_millis() as u64, Post::Answer(Event::Due));
            return;
        };
        self.restart(number);
        let delay = self.delay();
        self.post(number, delay, Post::Request(Some((spec, Some(version)))));
        self.replicas[number].awaits += 1;
        self.post(number, 1_000, Post::Answer(Event::Due));
    }

    fn restart(&mut self, number: usize) {
        let replica = &mut self.replicas[number];
        replica.incarnation += 1;
        let identity = format!("{number}-{}", replica.incarnation);
        replica.candidate = Candidate::new(identity, Timings::default());
        replica.window_end_ms = 0;
        replica.awaits += 1;
        self.post(number, 1_000, Post::Answer(Event::Due));
    }
}

#[test]
fn no_two_replicas_ever_write_at_the_same_time() {
    let mut elections = 0;
    for seed in 0..60 {
        let mut weather = Weather::new(seed);
        for _ in 0..4_000 {
            weather.step();
        }
        assert!(
            weather.elections > 100,
            "seed {seed}: {}",
            weather.elections
        );
        elections += weather.elections;
    }
    println!("{elections} renewals and takeovers");
}

#[test]
fn what_a_person_can_do_depends_on_the_refusal() {
    let refused = |code, reason: &'static str, message: &str| {
        let status = lode_cluster::Status::new(code, reason, message);
        lode_cluster::Error::Refused(Box::new(status))
    };
    let forbidden = super::hint(&refused(403, "Forbidden", "leases is forbidden")).unwrap();
    assert!(forbidden.contains("coordination.k8s.io"), "{forbidden}");
    assert!(forbidden.contains("--enable-leader-election=false"));
    let missing = super::hint(&refused(404, "NotFound", "namespaces \"lode\" not found")).unwrap();
    assert!(missing.contains("RUNTIME_NAMESPACE"), "{missing}");
    let unserved = super::hint(&refused(404, "", "404 page not found")).unwrap();
    assert!(unserved.contains("does without Leases"), "{unserved}");
    assert_eq!(super::hint(&refused(500, "", "broken")), None);
}

#[test]
fn a_holder_s_name_is_shown_up_to_a_bound_and_between_characters() {
    assert_eq!(super::shown("somebody"), "somebody");
    let long = "é".repeat(super::SHOWN_MAX);
    let shown = super::shown(&long);
    assert!(shown.len() <= super::SHOWN_MAX);
    assert!(long.starts_with(shown) && shown.ends_with('é'));
}

#[test]
fn no_two_identities_are_the_same() {
    let (one, other) = (super::identity(), super::identity());
    assert_ne!(one, other);
    let host = |identity: &str| identity.rsplit_once('_').unwrap().0.to_owned();
    assert_eq!(host(&one), host(&other), "both name this machine");
}
