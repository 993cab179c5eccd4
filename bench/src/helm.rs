//! `bench helm`: charts rendered compared with the real helm, in the same run.
//!
//! The commands `helm` and `helm-loop` come from `cargo xtask client`, the charts from the shared
//! corpus: kube-prometheus-stack, and those that render into the most bytes. Processes take turns,
//! so that other load on the machine affects both. In one process a chart is loaded once on both
//! sides, and a global value differs in each rendering.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use lode_chart::{
    Capabilities, Chart, ChartFile, LIMITS, Prepared, ReleaseInfo, RenderOptions, RenderedChart,
    SchemaDocuments,
};
use lode_stdx::budget::Budget;
use lode_template::{Environment, Random};
use serde_json::json;

use crate::peer::{engine_loop, mebibytes, millis, row, turns};
use crate::print;

/// The programs to compare with.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The real command (`cargo xtask client helm` prints its path)
    #[arg(long, env = "HELM_BIN", value_name = "FILE")]
    helm: PathBuf,
    /// The loop around its packages (`cargo xtask client helm-loop`)
    #[arg(long, env = "HELM_LOOP_BIN", value_name = "FILE")]
    helm_loop: PathBuf,
    /// How many charts besides kube-prometheus-stack
    #[arg(long, default_value_t = 5)]
    charts: usize,
}

/// Rounds of a comparison of processes.
const ROUNDS: usize = 5;
/// Time for one chart in a loop of ours.
const LOOP: Duration = Duration::from_secs(1);
/// The chart that is always measured.
const STACK: &str = "kube-prometheus-stack";

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let lode = std::env::current_exe()
        .context("find this program")?
        .with_file_name("lode");
    if !lode.exists() {
        bail!(
            "{} is not there: build it with the same profile",
            lode.display()
        );
    }

    let unpacked = tempfile::tempdir().context("make a folder")?;
    cases::unpack(&cases::folder().join(cases::CHARTS))
        .context("open the charts")?
        .unpack(unpacked.path())
        .context("unpack the charts")?;
    let charts = largest(&unpacked.path().join("helm/charts"), args.charts)?;
    processes(args, &lode, &charts)?;
    in_process(args, &charts)
}

/// One chart of the corpus.
struct Measured {
    name: String,
    folder: PathBuf,
    chart: Chart,
    /// Bytes that it renders into.
    length: usize,
}

/// Returns kube-prometheus-stack and the charts that render into the most bytes.
fn largest(folder: &Path, count: usize) -> anyhow::Result<Vec<Measured>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).context("list the charts")? {
        let folder = entry?.path().join("chart");
        let Ok(chart) = load(&folder) else {
            continue;
        };
        // Some charts need values, and library charts render nothing.
        let Ok(length) = render(&chart, 0) else {
            continue;
        };
        all.push(Measured {
            name: chart.name().to_owned(),
            folder,
            chart,
            length,
        });
    }
    all.sort_by_key(|measured| (measured.name != STACK, std::cmp::Reverse(measured.length)));
    all.truncate(count + 1);
    Ok(all)
}

fn processes(args: &Args, lode: &Path, charts: &[Measured]) -> anyhow::Result<()> {
    print::line("a process each (helm | lode | ratio)");
    for measured in charts {
        let folder = measured.folder.to_str().context("a name in UTF-8")?;
        let arguments = ["template", "rel", folder, "-n", "ns1"];
        let (ours, theirs) = turns((lode, &arguments), (&args.helm, &arguments), ROUNDS)?;
        let name = &measured.name;
        row(
            &format!("{name}, ms"),
            millis(theirs.time),
            millis(ours.time),
        );
        row(&format!("{name}, MiB"), mebibytes(theirs), mebibytes(ours));
    }
    Ok(())
}

fn in_process(args: &Args, charts: &[Measured]) -> anyhow::Result<()> {
    let folders: Vec<&str> = charts
        .iter()
        .filter_map(|measured| measured.folder.to_str())
        .collect();
    let theirs = engine_loop(&args.helm_loop, &folders)?;

    print::line("again and again in one process, shortest rendering (helm | lode | ratio)");
    for (measured, folder) in charts.iter().zip(folders) {
        let ours = shortest(&measured.chart)?;
        let what = format!("{}, {} kB, ms", measured.name, measured.length / 1000);
        match theirs.get(folder) {
            Some(micros) => row(&what, *micros as f64 / 1e3, millis(ours)),
            None => print::line(&format!("  {what}: helm's loop failed")),
        }
    }
    Ok(())
}

fn shortest(chart: &Chart) -> anyhow::Result<Duration> {
    let begin = Instant::now();
    let (mut shortest, mut round) = (Duration::MAX, 0);
    while round < 3 || begin.elapsed() < LOOP {
        let start = Instant::now();
        render(chart, round)?;
        shortest = shortest.min(start.elapsed());
        round += 1;
    }
    Ok(shortest)
}

/// Renders a chart as `helm-loop` does and returns the length of what it renders.
fn render(chart: &Chart, round: u64) -> anyhow::Result<usize> {
    let values = json!({"global": {"benchmarkRound": round}});
    let values = values.as_object().cloned().unwrap_or_default();
    let budget = Budget::new(LIMITS);
    let prepared = chart.prepare(&values, &budget)?;
    prepared.check_schemas(&SchemaDocuments::new(), &budget)?;

    let release = ReleaseInfo {
        name: "rel",
        namespace: "ns1",
        revision: 1,
        is_upgrade: false,
    };
    let rendered = rendered(&prepared, &release, &budget)?;
    let manifests = rendered.manifests.iter().map(|one| one.content.len());
    let hooks = rendered.hooks.iter().map(|hook| hook.manifest.len());
    Ok(manifests.chain(hooks).sum())
}

/// Renders a chart that values were prepared for, without a cluster.
pub(crate) fn rendered(
    prepared: &Prepared<'_>,
    release: &ReleaseInfo<'_>,
    budget: &Budget,
) -> anyhow::Result<RenderedChart> {
    let environment = Environment {
        now: Timestamp::now(),
        random: &SystemRandom,
        cluster: None,
        resolve_host: None,
        used_time: None,
        is_lint: false,
        budget,
    };
    let (capabilities, options) = (Capabilities::default(), RenderOptions::default());
    Ok(prepared.render(release, &capabilities, &options, &environment)?)
}

/// Where passwords and keys come from.
struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        lode_ambient::random_bytes(bytes);
    }
}

fn load(folder: &Path) -> anyhow::Result<Chart> {
    let mut files = Vec::new();
    read(folder, "", &mut files)?;
    Ok(Chart::from_files(files, &Budget::new(LIMITS))?)
}

fn read(folder: &Path, prefix: &str, files: &mut Vec<ChartFile>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder).context("list a chart")? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{prefix}{name}");
        if path.is_dir() {
            read(&path, &format!("{name}/"), files)?;
        } else {
            files.push(ChartFile::new(name, &std::fs::read(&path)?));
        }
    }
    Ok(())
}
