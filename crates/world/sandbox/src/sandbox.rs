//! [`Sandbox`]: starts and stops the parts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lode_apiserver::{AuthorityError, Config, Server};
use lode_cluster::Client;
use lode_disk::{Scratch, private};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::faults::{self, FaultPlan, Faults};
use crate::git::Git;
use crate::objects::{self, Objects};

/// Settings of a sandbox.
#[derive(Clone)]
pub struct Options {
    /// Settings of the API. Its faults apply to requests that [`Sandbox::faults`] does not strike; Git is served over
    /// the same sockets.
    pub api: Config,
    /// Whether our own kinds are served.
    pub definitions: bool,
}

/// A cluster and a Git server; both end when this is dropped.
pub struct Sandbox {
    api: Server,
    plan: Arc<FaultPlan>,
    git: Git,
    objects: Objects,
    kubeconfig: PathBuf,
    serving: JoinHandle<()>,
    _folder: Scratch,
}

/// Why the sandbox could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API could not start.
    #[error("start the API server")]
    Api(#[from] lode_apiserver::Error),
    /// The client certificate of the test's own requests could not be created.
    #[error("make a certificate")]
    Certificate(#[from] AuthorityError),
    /// The socket of the Git server could not be opened.
    #[error("listen for Git")]
    Git(#[source] std::io::Error),
    /// The kubeconfig cannot be written.
    #[error("write the kubeconfig")]
    Kubeconfig(#[source] std::io::Error),
    /// The kubeconfig cannot be used.
    #[error("connect to the API")]
    Connect(#[from] lode_cluster::Error),
    /// A definition was refused.
    #[error("serve our own kinds")]
    Definition(#[from] objects::Error),
}

impl Default for Options {
    /// With our own kinds.
    fn default() -> Self {
        Self {
            api: Config::default(),
            definitions: true,
        }
    }
}

impl Sandbox {
    /// Starts an API and a Git server on free ports.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn start(options: Options) -> Result<Self, Error> {
        let sockets = options.api.sockets.clone();
        let (plan, clock) = FaultPlan::new(options.api.clock, options.api.faults);
        let api = Server::start(Config {
            clock: clock.clone(),
            faults: Some(plan.clone()),
            ..options.api
        })
        .await?;
        let folder = Scratch::create("lode-sandbox").map_err(Error::Kubeconfig)?;
        let kubeconfig = folder.path().join("kubeconfig");
        private::write(&kubeconfig, api.kubeconfig().as_bytes()).map_err(Error::Kubeconfig)?;
        let own = folder.path().join("own.kubeconfig");
        private::write(&own, own_kubeconfig(&api)?.as_bytes()).map_err(Error::Kubeconfig)?;
        let client = Client::connect_over(&sockets, None, Some(&own), None).await?;
        let (git, serving) = Git::start(&sockets, clock).await.map_err(Error::Git)?;
        let sandbox = Self {
            api,
            plan,
            git,
            objects: Objects::new(client),
            kubeconfig,
            serving,
            _folder: folder,
        };
        if options.definitions {
            for definition in lode_api::kinds::definitions() {
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

    /// Returns the handle that injects faults.
    #[must_use]
    pub fn faults(&self) -> Faults<'_> {
        Faults {
            plan: &self.plan,
            api: &self.api,
        }
    }

    /// Returns the objects of the cluster.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Returns the path of a kubeconfig of the user who may do everything.
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

/// Returns a kubeconfig of a user who may do everything and is not affected by faults.
fn own_kubeconfig(api: &Server) -> Result<String, AuthorityError> {
    let (certificate, key) = api.client_certificate(faults::OWN_USER, &["system:masters"])?;
    let encoded = |pem: &str| STANDARD.encode(pem);
    let cluster = json!({"server": format!("https://{}", api.address()),
        "certificate-authority-data": encoded(api.certificate())});
    let user =
        json!({"client-certificate-data": encoded(&certificate), "client-key-data": encoded(&key)});
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "own",
        "clusters": [{"name": "own", "cluster": cluster}], "users": [{"name": "own", "user": user}],
        "contexts": [{"name": "own", "context": {"cluster": "own", "user": "own"}}]});
    Ok(config.to_string())
}

/// Longest time until a definition is served.
const DEFINITION_MAX: Duration = Duration::from_mins(1);
