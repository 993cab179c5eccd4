//! What prevents the operator from starting: no API server, no definitions of our kinds, missing
//! rights.
//!
//! Each obstacle is logged once with what to do about it, and then less and less often while it
//! lasts. The operator keeps checking, so nothing has to be restarted.

use std::time::Duration;

use lode_api::kinds::{self, Row};
use lode_cluster::{Client, Error, Resource};
use tokio::time::Instant;
use tracing::{error, info};

use crate::ending::Ending;

/// Shortest and longest time between two checks.
const LOOK: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(15));
/// Shortest and longest time between two messages about the same obstacle.
const SAY: (Duration, Duration) = (Duration::from_mins(1), Duration::from_mins(15));

/// Waits until our kinds can be read in a namespace, or in all if it is empty. Returns false if the
/// process was asked to end before that.
pub(crate) async fn are_gone(client: &Client, namespace: &str, ending: &mut Ending) -> bool {
    tokio::select! {
        () = gone(client, namespace) => true,
        () = ending.asked() => false,
    }
}

async fn gone(client: &Client, namespace: &str) {
    let mut said = Said::default();
    let mut wait = LOOK.0;
    while let Some(obstacle) = look(client, namespace).await {
        if said.is_due(&obstacle, Instant::now()) {
            error!(hint = obstacle.hint, "waiting: {}", obstacle.what);
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LOOK.1);
    }
    if said.obstacle.is_some() {
        info!("the obstacle is resolved");
    }
}

/// What prevents the start, and what a person can do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Obstacle {
    what: String,
    hint: &'static str,
}

/// The last message.
#[derive(Default)]
struct Said {
    obstacle: Option<Obstacle>,
    again: Option<(Instant, Duration)>,
}

impl Said {
    /// Returns whether an obstacle should be logged now, and remembers it if so.
    fn is_due(&mut self, obstacle: &Obstacle, now: Instant) -> bool {
        let pause = match self.again {
            Some((at, _)) if self.obstacle.as_ref() == Some(obstacle) && now < at => return false,
            Some((_, pause)) if self.obstacle.as_ref() == Some(obstacle) => (pause * 2).min(SAY.1),
            _ => SAY.0,
        };
        self.obstacle = Some(obstacle.clone());
        self.again = Some((now + pause, pause));
        true
    }
}

async fn look(client: &Client, namespace: &str) -> Option<Obstacle> {
    for Row { names, .. } in kinds::ALL {
        let resource = Resource::known(
            &names.api_version(),
            names.kind,
            names.plural,
            names.is_namespaced(),
        );
        if let Err(error) = client.list(&resource, namespace, "?limit=1").await {
            let kind = names.definition_name();
            return Some(obstacle(&error, &kind, client.host()));
        }
    }
    None
}

fn obstacle(error: &Error, kind: &str, host: &str) -> Obstacle {
    let (what, hint) = match error {
        error if error.is(404) => (
            format!("the API server does not serve {kind}"),
            "`lode install --crds-only` installs the definitions; `lode install` the operator too",
        ),
        error if error.is(401) => (
            format!("the API server at {host} does not accept our credentials: {error}"),
            "the kubeconfig's token or certificate may have expired",
        ),
        error if error.is(403) => (
            format!("missing permission to read {kind}: {error}"),
            "`lode install --export` shows the role that the operator's account needs",
        ),
        Error::Unreachable(_) => (
            format!("the API server at {host}: {error}"),
            "is it up, and is this its address? --kubeconfig, --context or KUBECONFIG name another",
        ),
        error => (
            format!("the API server at {host} does not list {kind}: {error}"),
            "its own log may say why",
        ),
    };
    Obstacle { what, hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_obstacle_is_said_once_and_then_ever_more_rarely() {
        let (mut said, start) = (Said::default(), Instant::now());
        let away = Obstacle {
            what: "away".to_owned(),
            hint: "",
        };
        let times: Vec<u64> = (0..7200)
            .filter(|second| said.is_due(&away, start + Duration::from_secs(*second)))
            .collect();
        assert_eq!(
            times,
            [0, 60, 180, 420, 900, 1800, 2700, 3600, 4500, 5400, 6300]
        );
    }

    #[test]
    fn another_obstacle_is_said_at_once() {
        let (mut said, now) = (Said::default(), Instant::now());
        let named = |what: &str| Obstacle {
            what: what.to_owned(),
            hint: "",
        };
        assert!(said.is_due(&named("away"), now) && !said.is_due(&named("away"), now));
        assert!(
            said.is_due(&named("no definitions"), now)
                && !said.is_due(&named("no definitions"), now)
        );
    }

    #[test]
    fn an_unreachable_server_is_named_with_what_to_do() {
        let error = Error::Unreachable("connection refused".to_owned());
        let obstacle = obstacle(&error, "kustomizations.x", "https://10.0.0.1:6443");
        assert!(
            obstacle.what.contains("https://10.0.0.1:6443")
                && obstacle.what.contains("connection refused")
        );
        assert!(obstacle.hint.contains("--kubeconfig"));
    }
}
