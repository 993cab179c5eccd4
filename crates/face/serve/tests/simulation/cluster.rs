//! [`Cluster`]: what one play is made of, and what is done to it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use lode_ambient::{Ambient, Source};
use lode_apiserver::Config;
use lode_net::{Egress, Rules, Sockets};
use lode_object::Value;
use lode_sandbox::{Options as Settings, Sandbox};
use lode_serve::Ending;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::chance::Chance;
use super::weather::Weather;

const SOURCE: (&str, &str) = ("source.toolkit.fluxcd.io/v1", "GitRepository");
const APP: (&str, &str) = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization");
const DEPLOYMENT: (&str, &str) = ("apps/v1", "Deployment");
const MAP: (&str, &str) = ("v1", "ConfigMap");
const NAME: (&str, &str) = ("default", "app");

/// How long anything may take, on the clock that is played.
const PATIENCE: Duration = Duration::from_mins(30);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// An API, a Git server, and the folder of an operator.
pub(crate) struct Cluster {
    pub(crate) seed: u64,
    sockets: Sockets,
    sandbox: Sandbox,
    weather: Arc<Weather>,
    chance: Chance,
    storage: TempDir,
    began: Instant,
}

/// An operator at work.
pub(crate) struct Operator(JoinHandle<()>);

impl Operator {
    /// Ends it where it is.
    pub(crate) fn kill(&self) {
        self.0.abort();
    }
}

impl Cluster {
    pub(crate) async fn start(seed: u64) -> Self {
        let began = Instant::now();
        let weather = Arc::new(Weather::new(seed, began));
        let sockets = Sockets::in_process();
        let settings = Settings {
            api: Config {
                sockets: sockets.clone(),
                clock: Arc::new(move || time_of_day(began)),
                faults: Some(weather.clone()),
                ..Config::default()
            },
            ..Settings::default()
        };
        Self {
            seed,
            sockets,
            sandbox: Sandbox::start(settings).await.unwrap(),
            weather,
            chance: Chance::new(!seed),
            storage: TempDir::new().unwrap(),
            began,
        }
    }

    /// Starts the operator.
    pub(crate) fn operator(&self) -> Operator {
        let rules = Rules {
            allow: vec!["127.0.0.0/8".parse().unwrap()],
            ..Rules::default()
        };
        let options = lode_serve::Options {
            kubeconfig: Some(self.sandbox.kubeconfig().to_owned()),
            storage_path: self.storage.path().to_owned(),
            egress: Egress::within(rules, Arc::new(self.sockets.clone())),
            sockets: self.sockets.clone(),
            ambient: Ambient::new(Played {
                began: self.began,
                chance: Chance::new(self.seed << 32),
            }),
            memory_budget: 1 << 30,
            ..lode_serve::Options::default()
        };
        Operator(tokio::spawn(async {
            lode_serve::run_until(options, Ending::never())
                .await
                .unwrap();
        }))
    }

    /// Commits a Deployment of so many replicas, and a ConfigMap where it is named; returns the revision.
    pub(crate) fn commit(&self, replicas: u32, map: Option<&str>) -> String {
        let labels = json!({"app": "web"});
        let deployment = json!({"apiVersion": DEPLOYMENT.0, "kind": DEPLOYMENT.1,
            "metadata": {"name": "web", "namespace": NAME.0},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]}}}});
        let map = map.map(|name| {
            json!({"apiVersion": MAP.0, "kind": MAP.1, "metadata": {"name": name, "namespace": NAME.0}}).to_string()
        });
        let files = [
            ("deployment.yaml", Some(deployment.to_string())),
            ("map.yaml", map),
        ];
        let files = files
            .each_ref()
            .map(|(path, text)| (*path, text.as_deref()));
        let made = self
            .sandbox
            .git()
            .commit("app", &files, "a change")
            .unwrap();
        format!("main@sha1:{made}")
    }

    /// Has the operator follow the repository.
    pub(crate) async fn follow(&self) {
        let source = json!({"apiVersion": SOURCE.0, "kind": SOURCE.1, "metadata": {"name": NAME.1, "namespace": NAME.0},
            "spec": {"interval": "10m", "url": self.sandbox.git().url("app"), "ref": {"branch": "main"}}});
        let app = json!({"apiVersion": APP.0, "kind": APP.1, "metadata": {"name": NAME.1, "namespace": NAME.0},
            "spec": {"interval": "10m", "prune": true, "wait": true, "timeout": "5m",
                "sourceRef": {"kind": SOURCE.1, "name": NAME.1}}});
        for object in [source, app] {
            self.sandbox
                .objects()
                .apply("somebody", &object)
                .await
                .unwrap();
        }
    }

    /// Asks for a look at the repository, as a webhook does.
    pub(crate) async fn ask(&self) {
        let at = format!("{}", self.now().as_millis());
        let patch = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": at}}});
        self.sandbox
            .objects()
            .patch("webhook", SOURCE, NAME, &patch)
            .await
            .unwrap();
    }

    /// Changes the number of replicas by hand.
    pub(crate) async fn edit(&self, replicas: u32) {
        let patch = json!({"spec": {"replicas": replicas}});
        let at = (NAME.0, "web");
        self.sandbox
            .objects()
            .patch("somebody", DEPLOYMENT, at, &patch)
            .await
            .unwrap();
    }

    /// Waits until a revision is applied and healthy.
    pub(crate) async fn healthy(&self, revision: &str) {
        self.until(&format!("{revision} healthy"), APP, NAME.1, |app| {
            let Some(app) = app else { return false };
            let ready = app["status"]["conditions"]
                .as_array()
                .into_iter()
                .flatten()
                .find(|condition| condition["type"] == "Ready");
            app["status"]["lastAppliedRevision"] == revision
                && ready.is_some_and(|ready| ready["status"] == "True")
        })
        .await;
    }

    /// Waits until the Deployment has so many replicas.
    pub(crate) async fn replicas(&self, replicas: u32) {
        self.until(
            &format!("{replicas} replicas"),
            DEPLOYMENT,
            "web",
            |object| object.is_some_and(|object| object["spec"]["replicas"] == replicas),
        )
        .await;
    }

    /// Waits until a ConfigMap is gone.
    pub(crate) async fn gone(&self, name: &str) {
        self.until(&format!("{name} gone"), MAP, name, |object| {
            object.is_none()
        })
        .await;
    }

    /// Lets time pass.
    pub(crate) async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Returns how long until something happens, by the seed.
    pub(crate) fn moment(&self) -> Duration {
        Duration::from_millis(self.chance.below(1500))
    }

    /// Returns how long it has been played.
    pub(crate) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Returns all requests of the operator so far.
    pub(crate) fn trace(&self) -> Vec<(u128, String)> {
        self.weather.trace()
    }

    async fn until(
        &self,
        what: &str,
        kind: (&str, &str),
        name: &str,
        is: impl Fn(Option<&Value>) -> bool,
    ) {
        let end = Instant::now() + PATIENCE;
        loop {
            let object = self
                .sandbox
                .objects()
                .get(kind, NAME.0, name)
                .await
                .unwrap();
            if is(object.as_ref()) {
                return;
            }
            assert!(
                Instant::now() < end,
                "seed {}: not {what} after {PATIENCE:?}: {object:#?}\n{:#?}",
                self.seed,
                self.trace()
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// The machine that the operator runs on.
struct Played {
    began: Instant,
    chance: Chance,
}

impl Source for Played {
    fn now(&self) -> Timestamp {
        time_of_day(self.began)
    }

    fn since_boot(&self) -> Duration {
        self.began.elapsed()
    }

    fn random(&self) -> u64 {
        self.chance.next()
    }
}

/// Returns the time of the day that is played.
fn time_of_day(began: Instant) -> Timestamp {
    let epoch = Timestamp::from_second(1_767_323_045).unwrap();
    epoch + began.elapsed()
}
