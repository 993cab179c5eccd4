//! [`Memory`]: one memory budget for the computations of all controllers.
//!
//! Work states how much it may need, waits until that much is free, and holds it while it runs.
//! With more tasks the process takes longer but does not grow. Namespaces take turns, and
//! [`fair`](crate::fair) says how many pieces of work each may have running. A namespace that has
//! none running is not overtaken, however much it requests; one that has some lets others pass
//! while it waits for its own. One piece of work always runs; one that needs more than the whole
//! budget is refused.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::sync::{Arc, MutexGuard};

use lode_stdx::Lock;
use tokio::sync::oneshot;

use crate::fair::Places;

/// A smaller budget is useless.
const TOTAL_MIN: u64 = 64 << 20;
/// One part in this many is reserved for others.
const LEFT_TO_OTHERS: u64 = 4;
/// The budget if the machine's memory is unknown.
const TOTAL_UNKNOWN: u64 = 512 << 20;

/// A budget of memory and of concurrent work. Clones share it.
#[derive(Debug, Clone)]
pub struct Memory(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    total: u64,
    places: Places,
    state: Lock<MemoryState>,
}

#[derive(Debug, Default)]
struct MemoryState {
    taken: u64,
    /// Running work, by namespace.
    running: HashMap<Arc<str>, Running>,
    /// Waiting work, by namespace.
    waiting: HashMap<Arc<str>, VecDeque<Waiter>>,
    /// The namespaces with waiting work, in the order of their turns.
    turns: VecDeque<Arc<str>>,
}

/// Whether the first waiter of a namespace may run.
enum WaiterTurn {
    Now,
    /// Others may pass it.
    Later,
    /// Nobody may pass it.
    First,
}

/// A namespace's running pieces of work, and the memory they hold.
#[derive(Debug, Default, Clone, Copy)]
struct Running {
    jobs: usize,
    bytes: u64,
}

#[derive(Debug)]
struct Waiter {
    bytes: u64,
    wake: oneshot::Sender<Reservation>,
}

/// Memory reserved for a piece of work; freed when dropped.
#[derive(Debug)]
pub struct Reservation {
    /// `None` after it was handed on.
    from: Option<Memory>,
    namespace: Arc<str>,
    bytes: u64,
}

/// Work that needs more memory than the whole budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("needs about {} MiB of memory, more than the whole budget ({} MiB, --memory-budget)", .bytes >> 20, .total >> 20)]
pub struct TooLarge {
    /// The requested memory.
    pub bytes: u64,
    /// The whole budget.
    pub total: u64,
}

impl Memory {
    /// Starts with everything free. `places` pieces of work run at once: as many as there are
    /// processors, since all of them compute.
    #[must_use]
    pub fn new(total: u64, places: usize) -> Self {
        let (total, places) = (total.max(TOTAL_MIN), Places::new(places));
        Self(Arc::new(Shared {
            total,
            places,
            state: Lock::default(),
        }))
    }

    /// Returns the size of the budget.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.total
    }

    /// Returns how much one namespace may hold: all except a part reserved for others, so that
    /// small work of many never waits for large work of one.
    #[must_use]
    pub fn for_one(&self) -> u64 {
        self.0.total - self.0.total / LEFT_TO_OTHERS
    }

    /// Waits until this much is free and it is the namespace's turn. Dropping the future gives up
    /// the place in line.
    ///
    /// # Errors
    /// The budget can never allow this much.
    pub async fn reserve(&self, namespace: &str, bytes: u64) -> Result<Reservation, TooLarge> {
        if bytes > self.0.total {
            return Err(TooLarge {
                bytes,
                total: self.0.total,
            });
        }
        let (wake, woken) = oneshot::channel();
        let woke = {
            let mut state = self.0.state.lock();
            let namespace: Arc<str> = namespace.into();
            let line = state.waiting.entry(namespace.clone()).or_default();
            line.push_back(Waiter { bytes, wake });
            if line.len() == 1 {
                state.turns.push_back(namespace);
            }
            self.serve(state)
        };
        drop(woke);
        // Each waiter is served before its budget is dropped.
        woken.await.map_err(|_| TooLarge {
            bytes,
            total: self.0.total,
        })
    }

    /// Serves as many waiters as there is room for; returns reservations whose waiters are gone, to
    /// be dropped outside the lock.
    fn serve(&self, mut state: MutexGuard<'_, MemoryState>) -> Vec<Reservation> {
        let mut unwanted = Vec::new();
        let mut turn = 0;
        while let Some(namespace) = state.turns.get(turn).cloned() {
            let Some(bytes) = state.first_of(&namespace) else {
                state.turns.remove(turn);
                continue;
            };
            match self.turn(&state, &namespace, bytes) {
                WaiterTurn::Now => {}
                WaiterTurn::Later => {
                    turn += 1;
                    continue;
                }
                WaiterTurn::First => break,
            }

            let Some(line) = state.waiting.get_mut(&namespace) else {
                break;
            };
            let Some(waiter) = line.pop_front() else {
                break;
            };
            let others_of_it_wait = !line.is_empty();
            state.turns.remove(turn);
            if others_of_it_wait {
                state.turns.push_back(namespace.clone());
            } else {
                state.waiting.remove(&namespace);
            }
            turn = 0;

            state.taken += bytes;
            let running = state.running.entry(namespace.clone()).or_default();
            running.jobs += 1;
            running.bytes += bytes;
            let reservation = Reservation {
                from: Some(self.clone()),
                namespace,
                bytes,
            };
            if let Err(reservation) = waiter.wake.send(reservation) {
                unwanted.push(reservation);
            }
        }
        unwanted
    }

    fn turn(&self, state: &MemoryState, namespace: &Arc<str>, bytes: u64) -> WaiterTurn {
        let held: usize = state.running.values().map(|running| running.jobs).sum();
        let own = state.running.get(namespace).copied().unwrap_or_default();
        let others_wait = || {
            state
                .waiting
                .iter()
                .any(|(other, line)| other != namespace && is_waited_in(line))
        };

        let is_greedy = own.jobs > 0 && own.bytes.saturating_add(bytes) > self.for_one();
        if is_greedy
            || !self
                .0
                .places
                .may_take(own.jobs, state.running.len(), held, others_wait)
        {
            return WaiterTurn::Later;
        }

        // One piece of work always runs, or a single large one would wait for ever.
        let fits = held == 0 || state.taken.saturating_add(bytes) <= self.0.total;
        match own.jobs {
            _ if fits => WaiterTurn::Now,
            0 => WaiterTurn::First,
            _ => WaiterTurn::Later,
        }
    }
}

/// Returns whether a line has a waiter that has not given up.
fn is_waited_in(line: &VecDeque<Waiter>) -> bool {
    line.iter().any(|waiter| !waiter.wake.is_closed())
}

impl MemoryState {
    /// Returns the request of the first waiter of a namespace; those that gave up are removed.
    fn first_of(&mut self, namespace: &Arc<str>) -> Option<u64> {
        let line = self.waiting.get_mut(namespace)?;
        while line.front().is_some_and(|waiter| waiter.wake.is_closed()) {
            line.pop_front();
        }
        let bytes = line.front().map(|waiter| waiter.bytes);
        if bytes.is_none() {
            self.waiting.remove(namespace);
        }
        bytes
    }

    fn ended(&mut self, namespace: &Arc<str>, bytes: u64) {
        self.taken = self.taken.saturating_sub(bytes);
        if let Some(running) = self.running.get_mut(namespace) {
            running.jobs -= 1;
            running.bytes = running.bytes.saturating_sub(bytes);
            if running.jobs == 0 {
                self.running.remove(namespace);
            }
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let Some(memory) = self.from.take() else {
            return;
        };
        let unwanted = {
            let mut state = memory.0.state.lock();
            state.ended(&self.namespace, self.bytes);
            memory.serve(state)
        };
        drop(unwanted);
    }
}

/// Returns half of the memory that this process may use: of its cgroup's limit, or else of the
/// machine's memory.
#[must_use]
pub fn half_of_memory() -> u64 {
    let read = |path: &str| fs::read_to_string(path).ok();
    let limit = cgroup_limit(&read("/proc/self/cgroup").unwrap_or_default(), read);
    let machine = read("/proc/meminfo").and_then(|text| machine_bytes(&text));
    let all = limit.into_iter().chain(machine).min();
    all.map_or(TOTAL_UNKNOWN, |all| all / 2)
}

/// Returns the smallest limit of the process's groups, version 1 and 2; inside a container its own
/// group is the root of the visible hierarchy.
fn cgroup_limit(groups: &str, read: impl Fn(&str) -> Option<String>) -> Option<u64> {
    let mut limits = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (mount, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            controllers if controllers.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };

        // A limit of a group above holds for those below it.
        let mut group = group.trim_end_matches('/');
        loop {
            limits.extend(
                read(&format!("{mount}{group}/{file}"))
                    .and_then(|text| text.trim().parse::<u64>().ok()),
            );
            let Some((above, _)) = group.rsplit_once('/') else {
                break;
            };
            group = above;
        }
    }
    limits.into_iter().min()
}

fn machine_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim()
        .strip_suffix("kB")?
        .trim()
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use std::sync::Mutex;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn now(reserve: impl Future<Output = Result<Reservation, TooLarge>>) -> Option<Reservation> {
        reserve.now_or_never().map(Result::unwrap)
    }

    #[tokio::test]
    async fn work_waits_until_there_is_room() {
        let memory = Memory::new(100 * MIB, 10);
        let first = memory.reserve("a", 60 * MIB).await.unwrap();
        let mut second = Box::pin(memory.reserve("a", 60 * MIB));
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        drop(second.await.unwrap());
        assert_eq!(memory.0.state.lock().taken, 0);
    }

    #[tokio::test]
    async fn what_can_never_fit_is_refused_by_figures() {
        let error = Memory::new(64 * MIB, 10)
            .reserve("a", 65 * MIB)
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("65 MiB") && error.to_string().contains("--memory-budget"),
            "{error}"
        );
        assert!(
            Memory::new(0, 10).reserve("a", TOTAL_MIN).await.is_ok(),
            "one always runs"
        );
    }

    #[tokio::test]
    async fn namespaces_take_turns_and_the_first_in_line_is_not_overtaken() {
        let memory = Memory::new(100 * MIB, 10);
        let held = memory.reserve("a", 100 * MIB).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for (namespace, mib) in [("greedy", 100), ("greedy", 1), ("greedy", 1), ("modest", 1)] {
            let (memory, order) = (memory.clone(), order.clone());
            let name = format!("{namespace} {mib}");
            tasks.push(tokio::spawn(async move {
                let reservation = memory.reserve(namespace, mib * MIB).await.unwrap();
                order.lock().unwrap().push(name);
                tokio::task::yield_now().await;
                drop(reservation);
            }));
            tokio::task::yield_now().await;
        }
        assert!(now(memory.reserve("late", MIB)).is_none());
        drop(held);
        futures::future::join_all(tasks).await;
        assert_eq!(
            *order.lock().unwrap(),
            ["greedy 100", "modest 1", "greedy 1", "greedy 1"]
        );
    }

    #[tokio::test]
    async fn who_comes_to_a_full_machine_runs_beside_the_one_that_fills_it() {
        let memory = Memory::new(400 * MIB, 2);
        let bombs = [
            now(memory.reserve("bombs", 100 * MIB)),
            now(memory.reserve("bombs", 100 * MIB)),
        ];
        assert!(bombs.iter().all(Option::is_some));
        let mut third = Box::pin(memory.reserve("bombs", 300 * MIB));
        assert!(third.as_mut().now_or_never().is_none());

        let honest = now(memory.reserve("honest", 10 * MIB)).expect("a place beside");
        assert!(now(memory.reserve("honest", 10 * MIB)).is_none(), "one");
        drop(bombs);
        assert!(
            now(memory.reserve("honest", 10 * MIB)).is_none(),
            "the other place is not for who holds one already"
        );
        drop((third.await.unwrap(), honest));
    }

    #[tokio::test]
    async fn one_namespace_leaves_some_of_the_memory_to_others() {
        let memory = Memory::new(100 * MIB, 8);
        let _large = memory.reserve("bombs", memory.for_one()).await.unwrap();
        assert!(now(memory.reserve("bombs", MIB)).is_none());
        assert!(now(memory.reserve("honest", 25 * MIB)).is_some());
    }

    #[tokio::test]
    async fn who_waits_for_its_own_memory_lets_others_pass() {
        let memory = Memory::new(100 * MIB, 8);
        let _first = memory.reserve("bombs", 60 * MIB).await.unwrap();
        let mut second = Box::pin(memory.reserve("bombs", 60 * MIB));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(now(memory.reserve("honest", 10 * MIB)).is_some());
        let mut large = Box::pin(memory.reserve("large", 60 * MIB));
        assert!(large.as_mut().now_or_never().is_none());
        assert!(
            now(memory.reserve("late", 10 * MIB)).is_none(),
            "who has nothing yet is not passed"
        );
    }

    #[tokio::test]
    async fn who_waits_no_more_keeps_nobody_from_the_last_place() {
        let memory = Memory::new(100 * MIB, 2);
        let _first = memory.reserve("a", 10 * MIB).await.unwrap();
        let other = memory.reserve("b", 80 * MIB).await.unwrap();
        let mut large = Box::pin(memory.reserve("large", 60 * MIB));
        assert!(large.as_mut().now_or_never().is_none());
        let mut second = Box::pin(memory.reserve("a", 10 * MIB));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(now(memory.reserve("gone", 10 * MIB)).is_none());
        drop((large, other));
        assert!(second.now_or_never().is_some());
    }

    #[tokio::test]
    async fn who_gives_up_leaves_the_line_and_nothing_is_lost() {
        let memory = Memory::new(100 * MIB, 1);
        let held = memory.reserve("a", MIB).await.unwrap();
        for _ in 0..100 {
            assert!(now(memory.reserve("b", 100 * MIB)).is_none());
        }
        let mut waits = Box::pin(memory.reserve("c", 100 * MIB));
        assert!(waits.as_mut().now_or_never().is_none());
        drop(held);
        drop(waits.await.unwrap());
        let state = memory.0.state.lock();
        assert_eq!(
            (
                state.taken,
                state.running.len(),
                state.turns.len(),
                state.waiting.len()
            ),
            (0, 0, 0, 0)
        );
    }

    #[test]
    fn the_limit_is_the_smallest_of_the_groups_above() {
        let files = |path: &str| {
            Some(match path {
                "/sys/fs/cgroup/pods/one/memory.max" => "max\n".to_owned(),
                "/sys/fs/cgroup/pods/memory.max" => "1073741824\n".to_owned(),
                "/sys/fs/cgroup/memory/x/memory.limit_in_bytes" => "2147483648\n".to_owned(),
                "/sys/fs/cgroup/memory/memory.limit_in_bytes" => "9223372036854771712\n".to_owned(),
                _ => return None,
            })
        };
        assert_eq!(cgroup_limit("0::/pods/one\n", files), Some(1 << 30));
        assert_eq!(
            cgroup_limit("5:cpu,memory:/x\n2:cpu:/\n", files),
            Some(2 << 30)
        );
        assert_eq!(cgroup_limit("0::/elsewhere\n", files), None);
        assert_eq!(
            cgroup_limit("5:memory:/hidden/by/the/container\n", files),
            Some(9_223_372_036_854_771_712)
        );
        assert_eq!(
            machine_bytes("MemFree: 1 kB\nMemTotal:   2048 kB\n"),
            Some(2 << 20)
        );
        assert!(half_of_memory() > 1 << 20);
    }

    #[tokio::test]
    async fn clones_share_one_budget_and_give_it_back_in_any_order() {
        let memory = Memory::new(100 * MIB, 10);
        let clone = memory.clone();
        let one = memory.reserve("a", 40 * MIB).await.unwrap();
        let other = clone.reserve("b", 40 * MIB).await.unwrap();
        assert!(now(memory.reserve("c", 40 * MIB)).is_none());
        drop(one);
        let third = now(clone.reserve("c", 40 * MIB)).expect("room again");
        drop(other);
        drop(third);
        assert_eq!(memory.0.state.lock().taken, 0);
        assert!(memory.0.state.lock().running.is_empty());
    }

    #[test]
    fn a_namespace_may_hold_all_but_the_part_of_others() {
        let memory = Memory::new(400 * MIB, 10);
        assert_eq!(memory.total(), 400 * MIB);
        assert_eq!(memory.for_one(), 300 * MIB);
        assert_eq!(Memory::new(1, 1).total(), TOTAL_MIN);
    }
}
