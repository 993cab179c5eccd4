//! Feeds mutated inputs to a library until the time is up or something fails.
//!
//! A target defines its inputs and what must hold for each; the loop here measures, and keeps
//! failures under `target/fuzz/`. A panic, a run slower than [`SLOWEST`], a run that holds more memory
//! than its budget allows, and a broken law are failures. Memory is counted for the whole process, so
//! targets with a budget run on one thread. Inputs depend only on the seed, so a run can be repeated. Left out on purpose:
//! coverage, which the stable toolchain does not provide.

mod build;
mod chart;
mod mutate;
mod template;
mod yaml;

use std::any::Any;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use lode_stdx::Lock;
use peak_alloc::PeakAlloc;

use self::mutate::Mutator;
use crate::workspace;

/// `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to fuzz
    target: FuzzTarget,
    /// Duration
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Seed of the inputs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Check only this input, such as one that was kept
    #[arg(long)]
    input: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FuzzTarget {
    /// Readers, writers and edits of YAML
    Yaml,
    /// Whole builds of kustomizations
    Build,
    /// Parser and machine of templates
    Template,
    /// Packed charts: loading, values, schemas, rendering
    Chart,
}

impl FuzzTarget {
    fn seeds(self) -> Result<Vec<String>> {
        match self {
            Self::Yaml => yaml::seeds(),
            Self::Build => build::seeds(),
            Self::Template => Ok(template::seeds()),
            Self::Chart => Ok(chart::seeds()),
        }
    }

    fn input(self, mutator: &mut Mutator<'_>) -> String {
        match self {
            Self::Yaml => mutator.text(),
            Self::Build | Self::Template | Self::Chart => mutator.whole(),
        }
    }

    /// Checks an input; the error says which law does not hold.
    fn check(self, text: &str) -> Result<(), String> {
        match self {
            Self::Yaml => yaml::check(text),
            Self::Build => build::check(text),
            Self::Template => template::check(text),
            Self::Chart => chart::check(text),
        }
    }

    const fn pieces(self) -> &'static [&'static str] {
        match self {
            Self::Yaml | Self::Build => &mutate::YAML_PIECES,
            Self::Template | Self::Chart => &template::PIECES,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Build => "build",
            Self::Template => "template",
            Self::Chart => "chart",
        }
    }

    /// Returns the bytes that one run may have, if it has a budget.
    const fn budget(self) -> Option<u64> {
        match self {
            Self::Yaml | Self::Build => None,
            Self::Template => Some(template::LIMITS.bytes),
            Self::Chart => Some(chart::LIMITS.bytes),
        }
    }

    const fn threads(self) -> u64 {
        if self.budget().is_some() { 1 } else { 2 }
    }
}

/// Counts what is allocated.
#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// A run may hold this many times its budget of bytes: what is charged is estimated.
const HELD_MAX: u64 = 4;
/// A run that takes more CPU time has failed.
const SLOWEST: Duration = Duration::from_secs(2);

/// What the threads share.
struct Run<'s> {
    target: FuzzTarget,
    seeds: &'s [String],
    until: Instant,
    done: AtomicU64,
    failed: AtomicBool,
    slowest: Lock<(Duration, String)>,
    /// Most bytes that one run has held, where that is measured.
    most: AtomicU64,
    /// The reason and the input.
    failure: Lock<Option<(String, String)>>,
}

pub(crate) fn main(args: &Args) -> Result<ExitCode> {
    if let Some(input) = &args.input {
        return once(args.target, input);
    }
    let seeds = args.target.seeds()?;
    let start = Instant::now();
    let run = Run {
        target: args.target,
        seeds: &seeds,
        until: start + Duration::from_secs(args.seconds),
        done: AtomicU64::new(0),
        failed: AtomicBool::new(false),
        slowest: Lock::default(),
        most: AtomicU64::new(0),
        failure: Lock::default(),
    };
    eprintln!(
        "fuzz {}: {} seeds, peak memory {} kB",
        args.target.name(),
        seeds.len(),
        peak_memory_kb()
    );
    panic::set_hook(Box::new(|_| {}));
    thread::scope(|scope| {
        let threads = args.target.threads();
        for number in 0..threads {
            let run = &run;
            scope.spawn(move || run.work(args.seed.wrapping_mul(threads).wrapping_add(number)));
        }
    });
    drop(panic::take_hook());
    run.report(start.elapsed())
}

/// Checks one input, and prints what it costs.
fn once(target: FuzzTarget, input: &Path) -> Result<ExitCode> {
    let text = fs::read_to_string(input).with_context(|| format!("read {}", input.display()))?;
    // What is computed once for all runs does not count.
    let _ = target.check("");
    ALLOCATED.reset_peak_usage();
    let (before, start) = (ALLOCATED.current_usage(), cpu_time());
    let outcome = target.check(&text);
    let held = ALLOCATED.peak_usage().saturating_sub(before);
    println!(
        "{:?} of CPU time, {held} bytes held",
        cpu_time().saturating_sub(start)
    );
    match outcome {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(problem) => {
            println!("FAILED: {problem}");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Returns how long this thread has run, as Linux counts it: the time of the day on other systems, or on a busy machine,
/// says less of an input.
fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|nanos| nanos.parse().ok());
    nanos.map_or(Duration::ZERO, Duration::from_nanos)
}

impl Run<'_> {
    fn work(&self, seed: u64) {
        let mut mutator = Mutator::new(seed, self.seeds, self.target.pieces());
        while Instant::now() < self.until && !self.failed.load(Ordering::Relaxed) {
            let text = self.target.input(&mut mutator);
            ALLOCATED.reset_peak_usage();
            let (before, start) = (ALLOCATED.current_usage(), cpu_time());
            let outcome = panic::catch_unwind(AssertUnwindSafe(|| self.target.check(&text)));
            let took = cpu_time().saturating_sub(start);
            self.done.fetch_add(1, Ordering::Relaxed);
            let held = ALLOCATED.peak_usage().saturating_sub(before) as u64;
            self.most.fetch_max(held, Ordering::Relaxed);
            let budget = self.target.budget();
            let problem = match outcome {
                Ok(Ok(())) if budget.is_some_and(|budget| held > HELD_MAX * budget) => {
                    Some(format!("held {held} bytes"))
                }
                Ok(Ok(())) if took > SLOWEST => Some(format!("took {took:?}")),
                Ok(Ok(())) => None,
                Ok(Err(problem)) => Some(problem),
                Err(panic) => Some(format!("panicked: {}", message(&*panic))),
            };
            if let Some(problem) = problem {
                self.failed.store(true, Ordering::Relaxed);
                *self.failure.lock() = Some((problem, text));
                return;
            }
            let mut slowest = self.slowest.lock();
            if took > slowest.0 {
                *slowest = (took, text);
            }
        }
    }

    fn report(&self, took: Duration) -> Result<ExitCode> {
        let done = self.done.load(Ordering::Relaxed);
        let rate = done as f64 / took.as_secs_f64();
        println!(
            "{done} runs in {:.0} s: {rate:.0}/s, peak memory {} kB",
            took.as_secs_f64(),
            peak_memory_kb()
        );
        if let Some(budget) = self.target.budget() {
            let most = self.most.load(Ordering::Relaxed);
            println!("one run held {most} bytes at most; its budget is {budget}");
        }
        let (slowest, text) = &*self.slowest.lock();
        println!(
            "slowest: {slowest:?}, {} bytes, kept as {}",
            text.len(),
            self.keep("slowest", text)?.display()
        );
        let failure = self.failure.lock();
        let Some((problem, text)) = &*failure else {
            return Ok(ExitCode::SUCCESS);
        };
        println!(
            "FAILED: {problem}\nkept as {}",
            self.keep("failed", text)?.display()
        );
        Ok(ExitCode::FAILURE)
    }

    fn keep(&self, why: &str, text: &str) -> Result<PathBuf> {
        let folder = workspace::root().join("target/fuzz");
        fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        let path = folder.join(format!("{}-{why}", self.target.name()));
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a message")
}

/// Returns the peak memory of this process, as Linux counts it; 0 on other systems.
fn peak_memory_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or_default()
}
