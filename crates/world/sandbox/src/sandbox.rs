//! [`Sandbox`]: what is started, and how it ends.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lode_apiserver::{Config, Server};
use lode_cluster::Client;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::git::Git;
use crate::objects::{self, Objects};

/// What a sandbox begins with.
#[derive(Clone)]
pub struct Options {
    /// How the API is served.
    pub api: Config,
    /// Our own kinds are served.
    pub definitions: bool,
}

/// A cluster and a Git server; both end when this is dropped.
pub struct Sandbox {
    api: Server,
    git: Git,
    objects: Objects,
    kubeconfig: PathBuf,
    serving: JoinHandle<()>,
    _folder: TempDir,
}

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API does not start.
    #[error("start the API server")]
    Api(#[from] lode_apiserver::Error),
    /// The socket of the Git server cannot be had.
    #[error("listen for Git")]
    Git(#[source] std::io::Error),
    /// The kubeconfig cannot be written.
    #[error("write the kubeconfig")]
    Kubeconfig(#[source] std::io::Error),
    /// The kubeconfig cannot be used.
    #[error("connect to the API")]
    Connect(#[from] lode_cluster::Error),
    /// A definition is not taken.
    #[error("serve our own kinds")]
    Definition(#[from] objects::Error),
}

impl Default for Options {
    /// Our own kinds are served.
    fn default() -> Self {
        Self { api: Config::default(), definitions: true }
    }
}

impl Sandbox {
    /// Starts an API and a Git server on free ports.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn start(options: Options) -> Result<Self, Error> {
        let api = Server::start(options.api).await?;
        let folder = tempfile::Builder::new().prefix("lode-sandbox-").tempdir().map_err(Error::Kubeconfig)?;
        let kubeconfig = folder.path().join("kubeconfig");
        write_private(&kubeconfig, &api.kubeconfig()).map_err(Error::Kubeconfig)?;
        let client = Client::connect(Some(&kubeconfig), None).await?;
        let (git, serving) = Git::start().await.map_err(Error::Git)?;
        let sandbox = Self { api, git, objects: Objects::new(client), kubeconfig, serving, _folder: folder };
        if options.definitions {
            for definition in lode_api::crd::all() {
                sandbox.objects.define(&definition, DEFINITION_MAX).await?;
            }
        }
        Ok(sandbox)
    }

    /// Returns the API server.
    #[must_use]
    pub fn api(&self) -> &Server {
        &self.api
    }

    /// Returns the Git server.
    #[must_use]
    pub fn git(&self) -> &Git {
        &self.git
    }

    /// Returns the objects of the cluster.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Returns the path of a kubeconfig of who may do everything.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Writes a file that only its owner can read: who has it may do everything.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

/// How long a definition may take until it is served.
const DEFINITION_MAX: Duration = Duration::from_mins(1);
