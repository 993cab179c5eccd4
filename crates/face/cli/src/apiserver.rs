//! `lode apiserver`: an empty in-memory Kubernetes API in this process, until it is interrupted.
//!
//! Output: the path of a kubeconfig on stdout, once the API answers.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use clap::ArgAction;
use lode_apiserver::{Config, Error, Server};
use lode_disk::{Scratch, private};
use lode_serve::Ending;

use crate::output;

/// Where the API listens, and who may use it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Address to listen on; port 0 picks a free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where to write the kubeconfig [default: a temporary folder, removed at the end]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// File with one user per line: token,user,uid,"group,group"
    #[arg(long, value_name = "FILE")]
    token_auth_file: Option<PathBuf>,
    /// Run controllers (namespace deletion, garbage collection, simulated workloads)
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    controllers: bool,
}

/// Serves the API until it is interrupted.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    // From here on a signal ends this function instead of the process, so that the folder is
    // removed.
    let mut ending = Ending::listen().context("catch signals")?;
    let tokens = match &args.token_auth_file {
        Some(file) => {
            fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?
        }
        None => String::new(),
    };
    let config = Config {
        listen: args.listen,
        tokens,
        controllers: args.controllers,
        ..Config::default()
    };
    let server =
        Server::start(config)
            .await
            .map_err(|error| match (error, &args.token_auth_file) {
                (Error::Tokens(error), Some(file)) => {
                    anyhow!("{}:{}: {}", file.display(), error.line, error.what)
                }
                (error, _) => anyhow::Error::from(error).context("start the API server"),
            })?;

    let folder = Scratch::create("lode-apiserver").context("create a folder")?;
    let path = args
        .kubeconfig
        .unwrap_or_else(|| folder.path().join("kubeconfig"));
    private::write(&path, server.kubeconfig().as_bytes())
        .with_context(|| format!("write {}", path.display()))?;
    output::data(&format!("{}\n", path.display()))?;
    output::talk(&format!(
        "the API listens at https://{}; try: kubectl --kubeconfig {} get all -A",
        server.address(),
        path.display()
    ));
    ending.asked().await;
    server.stop().await;
    Ok(())
}
