//! `lode build`: prints the objects that a folder builds into.
//!
//! Without `--flux` the output equals that of `kustomize build` 5.8.1 to the byte, and the flags
//! are the same; with `--flux` the folder is built as a Flux Kustomization builds it. Nothing is
//! written to stdout or the disk unless everything was built. Several folders are built in parallel
//! and printed in the order of the arguments.
//!
//! ```text
//! PATH → Place (disk | archive | Git) → Loader → kustomize | render → Output (text | json | files | impact)
//! ```

pub(crate) mod disk;
mod flux;
mod form;
mod impact;
mod outcome;
mod place;
mod readable;
mod releases;
mod remote;
pub(crate) mod root;
mod supply;
mod wanted;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use anyhow::bail;
use clap::ValueEnum;
use lode_kustomize::{Options, Order, Restrictions};
use lode_net::Egress;
use lode_render::{ChartRenderer, Charts};
use lode_tree::{Loader, RepoPath};

use crate::building::flux::Checkout;
use crate::building::form::PrintedForm;
use crate::building::outcome::Outcome;
use crate::building::place::BuildPlace;
use crate::building::readable::{readable, relative};
use crate::building::releases::ChartPlaces;
use crate::building::supply::{ChartFlags, ChartSupply};
use crate::building::wanted::WantedKustomization;
use crate::charts::ChartFetcher;
use crate::egress;
use crate::limits::{BuildLimits, ChartLimits};
use crate::output;
use crate::report::Told;

/// What to build and how to show it.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own on the command line"
)]
pub(crate) struct Args {
    /// Folders with a kustomization file; also FOLDER inside an archive (`app.tar.gz//FOLDER`) or a repository
    /// (`https://host/repository.git//FOLDER?ref=main`)
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<String>,
    /// Write to this file, or one file per object into this folder; `json` or `yaml` instead
    /// selects the format on stdout
    #[arg(short, long, value_name = "FILE|FOLDER|json|yaml")]
    output: Option<String>,
    /// Whether files outside the kustomization's folder, but inside the root, may be read
    #[arg(long, value_enum, default_value_t = LoadRestrictor::RootOnly)]
    load_restrictor: LoadRestrictor,
    /// Folder that no path and no link may leave [default: the Git checkout that contains PATH,
    /// else the current folder if it contains PATH]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Order of the objects if the kustomization does not set one [default: legacy; with --flux:
    /// none]
    #[arg(long, value_enum)]
    reorder: Option<Reorder>,
    /// Label objects with `app.kubernetes.io/managed-by`
    #[arg(long)]
    enable_managedby_label: bool,
    /// Merge lists of custom kinds as their definitions say, if the definitions are part of the
    /// build; kustomize replaces such lists
    #[arg(long, conflicts_with = "flux")]
    merge_custom_lists: bool,
    /// Keep comments, key order and quotes of the files
    #[arg(long, conflicts_with = "flux")]
    keep_comments: bool,
    /// Build as Flux does: also folders without a kustomization file, with the settings of
    /// --kustomization on top
    #[arg(long)]
    flux: bool,
    /// Fail on fields that an object's kind does not have; without this flag they are reported, and
    /// the operator drops them
    #[arg(long, requires = "flux")]
    strict_fields: bool,
    /// File with a Flux Kustomization: build what the operator would build, or fail as it would.
    /// PATH is then the root of the source, or the folder that `spec.path` names
    #[arg(short, long, value_name = "FILE", requires = "flux")]
    kustomization: Option<PathBuf>,
    /// Which Kustomization to use if the file has several: NAME or NAMESPACE/NAME
    #[arg(long, value_name = "NAME", requires = "kustomization")]
    name: Option<String>,
    /// File with the `ConfigMap`s and Secrets that the Kustomization takes variables from; may be
    /// repeated
    #[arg(long, value_name = "FILE", requires = "kustomization")]
    substitute_from: Vec<PathBuf>,
    /// Print a comment with file and line above each object
    #[arg(long)]
    origin: bool,
    /// Instead of the objects, list those that would change if one of these files changed
    #[arg(long, value_name = "FILE", num_args = 1..)]
    explain_impact: Vec<PathBuf>,
    /// Print behind each `HelmRelease` what it would install: its chart lies in this repository, or
    /// is fetched as the sources in the output say; values come from objects of the output
    #[arg(long, conflicts_with = "explain_impact")]
    helm: bool,
    #[command(flatten)]
    charts: ChartFlags,
    #[command(flatten)]
    egress: egress::Flags,
    #[command(flatten)]
    limits: BuildLimits,
    #[command(flatten)]
    chart_limits: ChartLimits,
    #[command(flatten)]
    refused: RefusedFlags,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LoadRestrictor {
    /// Files must be in the kustomization's folder or below it
    #[value(name = "LoadRestrictionsRootOnly")]
    RootOnly,
    /// Files may be anywhere in the root
    #[value(name = "LoadRestrictionsNone")]
    None,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Reorder {
    /// Kinds that others depend on first, then by name
    Legacy,
    /// In the order they were read
    None,
}

/// Flags of `kustomize build` that are recognised and refused, each with its reason.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own on the command line"
)]
struct RefusedFlags {
    #[arg(long, hide = true)]
    enable_alpha_plugins: bool,
    #[arg(long, hide = true)]
    enable_exec: bool,
    #[arg(long, hide = true)]
    enable_star: bool,
    #[arg(long, hide = true)]
    as_current_user: bool,
    #[arg(long, hide = true)]
    network: bool,
    #[arg(long, hide = true)]
    network_name: Option<String>,
    #[arg(long, hide = true)]
    mount: Vec<String>,
    #[arg(short, long, hide = true)]
    env: Vec<String>,
    #[arg(long, hide = true)]
    helm_command: Option<String>,
}

/// Builds and prints.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    args.refused.check()?;
    let outcomes = outcomes(args)?;
    for warning in outcomes.iter().flat_map(|outcome| &outcome.warnings) {
        output::talk(&format!("warning: {}", relative(warning)));
    }
    output::data(&text(args, &outcomes)?)?;
    // Freeing everything that was built would only delay the end of the process.
    std::mem::forget(outcomes);
    Ok(ExitCode::SUCCESS)
}

fn outcomes(args: &Args) -> anyhow::Result<Vec<Outcome>> {
    let read = |file: &PathBuf| {
        WantedKustomization::read(file, args.name.as_deref(), &args.substitute_from)
    };
    let wanted = args.kustomization.as_ref().map(read).transpose()?;
    let egress = if args.charts.offline {
        egress::nowhere()
    } else {
        args.egress.policy()
    };
    let fetcher = ChartFetcher::new(&egress, args.charts.offline);
    each(&args.paths, |path| {
        one(args, path, wanted.as_ref(), (&egress, &fetcher))
    })
}

/// Writes files if asked to, and returns the text for stdout.
fn text(args: &Args, outcomes: &[Outcome]) -> anyhow::Result<String> {
    if args.explain_impact.is_empty() {
        PrintedForm::new(args.output.as_deref(), args.origin).write(outcomes)
    } else {
        impact::text(outcomes, &args.explain_impact)
    }
}

fn one(
    args: &Args,
    path: &str,
    wanted: Option<&WantedKustomization>,
    (egress, fetcher): (&Egress, &ChartFetcher),
) -> anyhow::Result<Outcome> {
    let reads_any_file = args.flux || matches!(args.load_restrictor, LoadRestrictor::None);
    let place = BuildPlace::find(path, args.root.as_deref(), reads_any_file, egress)?;
    let sources = args.origin || !args.explain_impact.is_empty();
    // What the operator does with `--enable-helm-charts`.
    let renderer = args.charts.enable_helm.then(ChartRenderer::of_source);
    let charts = renderer.as_ref().map(|renderer| renderer as &dyn Charts);
    let budget = args.limits.budget();
    let follow = |mut outcome, loader: &dyn Loader, top: &RepoPath| {
        followed(args, &mut outcome, (loader, top, fetcher))?;
        Ok(outcome)
    };
    if let Some(wanted) = wanted {
        let path = wanted.object.spec.path.as_deref().unwrap_or_default();
        let checkout = Checkout::of(place, path)?;
        let cost = (sources, (charts, &budget));
        let outcome = flux::build(&checkout, wanted, cost, args.strict_fields)?;
        return follow(outcome, &checkout.tree, &RepoPath::root());
    }

    let top = place.top();
    let (loader, folder) = place.loader()?;
    if args.flux {
        let cost = (sources, (charts, &budget));
        let built = flux::plain(&*loader, &folder, cost, args.strict_fields);
        let outcome = built.map_err(|error| readable(&error))?;
        return follow(outcome, &*loader, &top);
    }
    let supply = ChartSupply {
        flags: &args.charts,
        limits: args.chart_limits.limits(),
        fetcher,
    };
    let outcome = supply.build(|charts| {
        let budget = Arc::new(args.limits.budget());
        let (options, cost) = (args.options(), (charts, &*budget));
        let build = lode_kustomize::build_with_charts(&*loader, &folder, &options, cost);
        let build = build.map_err(|error| readable(&lode_render::Error::Build(error).into()))?;
        Ok(Outcome::plain(build, sources, args.keep_comments, &budget))
    })?;
    follow(outcome, &*loader, &top)
}

/// Adds what releases install, if that is asked for.
fn followed(
    args: &Args,
    outcome: &mut Outcome,
    (loader, top, fetcher): (&dyn Loader, &RepoPath, &ChartFetcher),
) -> anyhow::Result<()> {
    if args.helm {
        let limits = args.chart_limits.limits();
        releases::follow(outcome, ChartPlaces::new(loader, top, fetcher, limits))?;
    }
    Ok(())
}

/// Calls `act` for every path, on as many threads as there are processors; results keep the order
/// of the paths.
fn each<T: Send>(
    paths: &[String],
    act: impl Fn(&str) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    if let [path] = paths {
        return Ok(vec![act(path)?]);
    }
    let threads = thread::available_parallelism().map_or(1, Into::into);
    let act = |path: &String| {
        let outcome = act(path);
        outcome.map_err(|error| error.context(format!("build {path}")))
    };
    lode_stdx::threads::map(threads, paths, act)
        .into_iter()
        .collect()
}

impl Args {
    fn options(&self) -> Options {
        Options {
            restrictions: match self.load_restrictor {
                LoadRestrictor::RootOnly => Restrictions::RootOnly,
                LoadRestrictor::None => Restrictions::None,
            },
            order: match self.reorder {
                Some(Reorder::None) => Order::None,
                Some(Reorder::Legacy) | None => Order::Legacy,
            },
            managed_by: self.enable_managedby_label,
            custom_lists: self.merge_custom_lists,
            comments: self.keep_comments,
            ..Options::default()
        }
    }
}

impl RefusedFlags {
    fn check(&self) -> anyhow::Result<()> {
        let given = [
            (
                "--helm-command",
                self.helm_command.is_some(),
                "no other program is ever run",
            ),
            (
                "--enable-alpha-plugins",
                self.enable_alpha_plugins,
                PROGRAMS,
            ),
            ("--enable-exec", self.enable_exec, PROGRAMS),
            ("--enable-star", self.enable_star, PROGRAMS),
            ("--as-current-user", self.as_current_user, PROGRAMS),
            ("--network", self.network, PROGRAMS),
            ("--network-name", self.network_name.is_some(), PROGRAMS),
            ("--mount", !self.mount.is_empty(), PROGRAMS),
            ("--env", !self.env.is_empty(), PROGRAMS),
        ];
        match given.into_iter().find(|(_, is_given, _)| *is_given) {
            Some((flag, _, reason)) => bail!(Told::new(
                format!("{flag} is not supported: {reason}"),
                "leave it out"
            )),
            None => Ok(()),
        }
    }
}

const PROGRAMS: &str = "a build never runs programs or containers";

#[cfg(test)]
mod tests;
