//! `lode apiserver`: a Kubernetes API in this process, empty, in memory, until it is interrupted.
//!
//! Output: the path of a kubeconfig on stdout, once the API answers.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ArgAction;
use lode_apiserver::{Config, Server};

use crate::output;

/// Where the API listens, and who may use it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where to write the kubeconfig [default: a folder of its own, removed at the end]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Users by token, a line each: token,user,uid,"group,group"
    #[arg(long, value_name = "FILE")]
    token_auth_file: Option<PathBuf>,
    /// Run controllers: namespaces and dependents go, workloads are played
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    controllers: bool,
}

/// Serves the API until it is interrupted.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let tokens = match &args.token_auth_file {
        Some(file) => fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?,
        None => String::new(),
    };
    let config = Config { listen: args.listen, tokens, controllers: args.controllers, ..Config::default() };
    let server = Server::start(config).await.context("start the API server")?;
    let folder = tempfile::Builder::new().prefix("lode-apiserver-").tempdir().context("create a folder")?;
    let path = args.kubeconfig.unwrap_or_else(|| folder.path().join("kubeconfig"));
    write_private(&path, &server.kubeconfig()).with_context(|| format!("write {}", path.display()))?;
    output::data(&format!("{}\n", path.display()))?;
    output::talk(&format!(
        "the API listens at https://{}; try: kubectl --kubeconfig {} get all -A",
        server.address(),
        path.display()
    ));
    interrupted().await.context("wait for a signal")?;
    server.stop().await;
    Ok(())
}

/// Writes a file that only its owner can read: who has it may do everything.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

async fn interrupted() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
