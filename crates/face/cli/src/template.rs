//! `lode template`: prints what a Helm chart renders into.
//!
//! The output equals that of `helm template` 4.2.1 to the byte, and the flags are the same. There is
//! no cluster: `lookup` finds nothing, and flags that need one are refused, as are flags that fetch
//! charts or run programs.
//!
//! ```text
//! CHART → Source (folder | archive) → Chart; files and --set → values → Rendered → Shown (text | files)
//! ```

mod shown;
mod source;

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::available_parallelism;

use anyhow::{anyhow, bail};
use jiff::Timestamp;
use lode_chart::release::validate_name;
use lode_chart::{
    Capabilities, Chart, KubeVersion, ReleaseInfo, RenderError, RenderOptions, Supplied,
    expand_name,
};
use lode_stdx::budget::Budget;
use lode_template::Environment;
use serde_json::{Map, Value};

use crate::limits::ChartLimits;
use crate::output;
use crate::random::OsRandom;
use crate::report::Told;
use shown::{RenderedRelease, Showing};

/// What to render and how to show it.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own on the command line"
)]
pub(crate) struct Args {
    /// Name of the release, or the chart if no name follows: a folder or a packed chart
    #[arg(value_name = "NAME|CHART")]
    first: String,
    /// The chart, after a name
    #[arg(value_name = "CHART")]
    second: Option<String>,
    /// Namespace of the release
    #[arg(short, long, default_value = "default")]
    namespace: String,
    /// File with values, or `-` for stdin; may be repeated, later ones win
    #[arg(short = 'f', long, value_name = "FILE", value_delimiter = ',')]
    values: Vec<String>,
    /// Set values: `a.b=1,c={x,y},d[0]=z`; may be repeated
    #[arg(long, value_name = "LINE")]
    set: Vec<String>,
    /// Set texts, whatever they look like
    #[arg(long, value_name = "LINE")]
    set_string: Vec<String>,
    /// Set JSON values: `a={"b": 1}`, or one object
    #[arg(long, value_name = "LINE")]
    set_json: Vec<String>,
    /// Set contents of files: `a=FILE`
    #[arg(long, value_name = "LINE")]
    set_file: Vec<String>,
    /// Set a text in which nothing has a meaning
    #[arg(long, value_name = "LINE")]
    set_literal: Vec<String>,
    /// Print the custom resource definitions too
    #[arg(long)]
    include_crds: bool,
    /// Accepted for compatibility: without --include-crds no definitions are printed
    #[arg(long)]
    skip_crds: bool,
    /// Print only what these templates render: paths below the chart's folder, `*` and `?` allowed
    #[arg(short, long, value_name = "PATH")]
    show_only: Vec<String>,
    /// Version of Kubernetes that the templates see
    #[arg(long, value_name = "VERSION")]
    kube_version: Option<String>,
    /// API versions that the templates see, besides those that Helm knows
    #[arg(short, long, value_name = "VERSION", value_delimiter = ',')]
    api_versions: Vec<String>,
    /// Leave out hooks
    #[arg(long)]
    no_hooks: bool,
    /// Leave out hooks that are tests
    #[arg(long)]
    skip_tests: bool,
    /// Render as an upgrade, not as an installation
    #[arg(long)]
    is_upgrade: bool,
    /// Do not check the values with the charts' schemas
    #[arg(long)]
    skip_schema_validation: bool,
    /// Template for the name of the release
    #[arg(long, value_name = "TEMPLATE")]
    name_template: Option<String>,
    /// Generate the name of the release
    #[arg(short, long)]
    generate_name: bool,
    /// Write a file for each template into this folder instead
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
    /// Put the files into a folder with the release's name
    #[arg(long, requires = "output_dir")]
    release_name: bool,
    /// If the output is not YAML, print it nevertheless
    #[arg(long)]
    debug: bool,
    #[command(flatten)]
    limits: ChartLimits,
    #[command(flatten)]
    refused: RefusedFlags,
}

/// Flags of `helm template` that are recognised and refused, each with its reason.
#[derive(Debug, clap::Args)]
struct RefusedFlags {
    #[arg(long, hide = true)]
    validate: bool,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "client")]
    dry_run: Option<String>,
    #[arg(long, hide = true)]
    dependency_update: bool,
    #[arg(long, hide = true)]
    repo: Option<String>,
    #[arg(long, hide = true)]
    version: Option<String>,
    #[arg(long, hide = true)]
    post_renderer: Option<String>,
}

/// Renders and prints.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    args.refused.check()?;
    let budget = Budget::new(args.limits.limits());
    let (name, chart) = name_and_chart(args, &budget)?;
    let capabilities = capabilities(args)?;
    let values = values(args, &budget)?;
    let chart = source::load(chart, &budget)?;
    for warning in chart.warnings().iter() {
        output::talk(&format!("warning: {warning}"));
    }
    chart.check_installable()?;
    if chart.metadata().deprecated {
        output::talk("warning: this chart is deprecated");
    }
    chart.check_dependencies()?;
    validate_name(&name)?;

    let release = ReleaseInfo {
        name: &name,
        namespace: &args.namespace,
        revision: 1,
        is_upgrade: args.is_upgrade,
    };
    let outcome = render(args, &chart, &values, &release, &capabilities, &budget)?;
    let how = Showing {
        output_dir: args.output_dir.as_deref(),
        release_name: args.release_name,
        show_only: &args.show_only,
        no_hooks: args.no_hooks,
        skip_tests: args.skip_tests,
    };
    shown::show(&how, &name, &outcome)?;
    // Freeing everything would only delay the end of the process.
    std::mem::forget((outcome, chart));
    Ok(ExitCode::SUCCESS)
}

fn render(
    args: &Args,
    chart: &Chart,
    values: &Map<String, Value>,
    release: &ReleaseInfo<'_>,
    capabilities: &Capabilities,
    budget: &Budget,
) -> anyhow::Result<RenderedRelease> {
    let prepared = chart.prepare(values, budget)?;
    if !args.skip_schema_validation {
        prepared
            .check_schemas(&lode_chart::SchemaDocuments::new(), budget)
            .map_err(in_full)?;
    }
    let environment = Environment::without_cluster((Timestamp::now(), &OsRandom), budget);
    let rendered = prepared.render(
        release,
        capabilities,
        &RenderOptions {
            threads: available_parallelism().map_or(1, usize::from),
            ..RenderOptions::default()
        },
        &environment,
    );
    let rendered = rendered.map_err(|error| unreadable(error, args.debug))?;
    for warning in rendered.warnings.iter() {
        output::talk(&format!("warning: {warning}"));
    }
    let crds = if args.include_crds {
        prepared.crds()
    } else {
        Vec::new()
    };
    Ok(RenderedRelease { rendered, crds })
}

/// Shows the values that do not meet a schema: they are those of the user.
fn in_full(error: lode_chart::PrepareError) -> anyhow::Error {
    match &error {
        lode_chart::PrepareError::Schema(lode_chart::SchemaError::Violated(violations)) => {
            anyhow!("{}", violations.with_values().trim_end().to_owned())
        }
        _ => error.into(),
    }
}

/// Prints output that is not YAML if it is wanted.
fn unreadable(error: RenderError, debug: bool) -> anyhow::Error {
    let RenderError::Manifest { files, .. } = &error else {
        return error.into();
    };
    if !debug {
        return Told::new(
            error.to_string(),
            "--debug prints the output that is not YAML",
        )
        .into();
    }
    let mut text = String::new();
    for (path, content) in files
        .0
        .iter()
        .filter(|(_, content)| !content.trim().is_empty())
    {
        lode_chart::manifest::show(path, content, &mut text);
    }
    match output::data(&format!("{}\n", text.trim())) {
        Ok(()) => error.into(),
        Err(unwritten) => unwritten,
    }
}

/// Returns the name of the release and the chart.
fn name_and_chart<'a>(args: &'a Args, budget: &Budget) -> anyhow::Result<(String, &'a str)> {
    if let Some(chart) = &args.second {
        if args.generate_name {
            bail!("cannot set --generate-name and also specify a name");
        }
        if args.name_template.is_some() {
            bail!("cannot set --name-template and also specify a name");
        }
        return Ok((args.first.clone(), chart));
    }

    let name = match &args.name_template {
        Some(template) => expand_name(template, Timestamp::now(), &OsRandom, budget)?,
        // As in Helm, which has a name ready before it could generate one.
        None => "release-name".to_owned(),
    };
    Ok((name, &args.first))
}

fn capabilities(args: &Args) -> anyhow::Result<Capabilities> {
    let mut capabilities = Capabilities::default();
    if let Some(version) = &args.kube_version {
        let parsed = KubeVersion::parse(version);
        capabilities.kube_version =
            parsed.map_err(|error| anyhow!("invalid kube version '{version}': {error}"))?;
    }
    Ok(capabilities.with_api_versions(args.api_versions.iter().map(String::as_str)))
}

fn values(args: &Args, budget: &Budget) -> anyhow::Result<Map<String, Value>> {
    let contents: Vec<Vec<u8>> = args
        .values
        .iter()
        .map(|name| source::values_file(name))
        .collect::<Result<_, _>>()?;
    let files: Vec<(&str, &[u8])> = args
        .values
        .iter()
        .map(String::as_str)
        .zip(contents.iter().map(Vec::as_slice))
        .collect();
    let [set, set_string, set_json, set_file, set_literal] = [
        &args.set,
        &args.set_string,
        &args.set_json,
        &args.set_file,
        &args.set_literal,
    ]
    .map(|lines| lines.iter().map(String::as_str).collect::<Vec<_>>());
    let supplied = Supplied {
        files: &files,
        set_json: &set_json,
        set: &set,
        set_string: &set_string,
        set_file: &set_file,
        set_literal: &set_literal,
    };
    let read = |name: &str| {
        let content = source::values_file(name).map_err(|error| format!("{error:#}"))?;
        String::from_utf8(content).map_err(|_| format!("{name}: is not UTF-8"))
    };
    Ok(supplied.merge(&read, budget)?)
}

impl RefusedFlags {
    fn check(&self) -> anyhow::Result<()> {
        let is_server = self.dry_run.as_deref().is_some_and(|mode| mode != "client");
        for (is_set, flag, why) in [
            (
                self.validate,
                "validate",
                "it needs a cluster, and nothing here asks one",
            ),
            (
                is_server,
                "dry-run=server",
                "it needs a cluster, and nothing here asks one",
            ),
            (
                self.dependency_update,
                "dependency-update",
                "charts are not fetched: run `helm dependency update` first",
            ),
            (
                self.repo.is_some(),
                "repo",
                "charts are not fetched: name a folder or a packed chart",
            ),
            (
                self.version.is_some(),
                "version",
                "charts are not fetched: name a folder or a packed chart",
            ),
            (
                self.post_renderer.is_some(),
                "post-renderer",
                "no other programs are run",
            ),
        ] {
            if is_set {
                bail!(Told::new(format!("--{flag} is not supported"), why));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
