//! `lode reconcile`: asks the operator to reconcile an object now, and waits for the outcome.

use std::time::Duration;

use anyhow::bail;
use lode_api::kinds;
use lode_api::standing::{Standing, is_suspended, standing};
use lode_cluster::Client;
use lode_object::{NamespacedName, Value, meta};
use serde_json::json;

use crate::kinds::Noun;
use crate::report::Told;
use crate::session::ClusterPlace;
use crate::values::duration;
use crate::words::{self, Chosen, several};
use crate::{follow, output};

/// Which objects to reconcile.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which kind
    #[arg(value_parser = words::singular(kinds::ALL))]
    kind: Chosen,
    /// Name of the object
    #[arg(required = true, num_args = 1..=2)]
    name: Vec<String>,
    /// Reconcile the source of a Kustomization first
    #[arg(long)]
    with_source: bool,
    /// Longest time to wait for one object
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "5m")]
    timeout: Duration,
    #[command(flatten)]
    place: ClusterPlace,
}

/// Reconciles an object now.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let (noun, name) = args.kind.single(&args.name)?;
    if args.with_source && noun.row().source_ref.is_none() {
        let with = kinds::ALL.iter().filter(|row| row.source_ref.is_some());
        let with: Vec<String> = with.map(|row| several(row.names.kind)).collect();
        bail!(Told::new(
            format!("--with-source is for {}", with.join(", ")),
            "leave it out"
        ));
    }
    let session = args.place.connect().await?;
    let name = NamespacedName::new(&session.namespace, name);

    if args.with_source {
        let object = noun.read(&session.client, &name).await?;
        let (noun, source) = source(noun, &object, &name)?;
        reconcile(&session.client, noun, &source, args.timeout).await?;
    }
    reconcile(&session.client, noun, &name, args.timeout).await
}

/// Waits until a request is answered, and prints progress meanwhile.
pub(crate) async fn wait(
    client: &Client,
    (kind, name): (Noun, &NamespacedName),
    token: Option<&str>,
    timeout: Duration,
) -> anyhow::Result<()> {
    let shown = kind.shown(name);
    let mut last = String::new();
    let judge = |object: Option<&Value>| {
        let Some(object) = object else {
            return Some(Err(anyhow::anyhow!("{shown} was deleted")));
        };
        match standing(object, token) {
            Standing::Ready(message) => Some(Ok(message)),
            Standing::Failed(message) => Some(Err(failed(kind, name, &message))),
            Standing::Waiting(message) => {
                if !message.is_empty() && message != last {
                    output::talk(&format!("◎ {shown}: {message}"));
                    last = message;
                }
                None
            }
        }
    };
    let Some(outcome) = follow::until(client, (kind.resource(), name), timeout, judge).await else {
        let hint = "is `lode serve` running, and does it watch this namespace?";
        bail!(Told::new(
            format!(
                "{shown} was not ready after {}",
                lode_stdx::duration::format(timeout)
            ),
            hint
        ));
    };
    output::talk(&format!("✔ {shown}: {}", outcome?));
    Ok(())
}

async fn reconcile(
    client: &Client,
    kind: Noun,
    name: &NamespacedName,
    timeout: Duration,
) -> anyhow::Result<()> {
    let object = kind.read(client, name).await?;
    let shown = kind.shown(name);
    if is_suspended(&object) {
        let resume = format!(
            "lode resume {} {} -n {}",
            kind.singular(),
            name.name,
            name.namespace
        );
        bail!(Told::new(
            format!("{shown} is suspended"),
            format!("`{resume}` resumes it")
        ));
    }
    let token = jiff::Timestamp::now().to_string();
    kind.patch(
        client,
        name,
        &json!({"metadata": {"annotations": {meta::REQUESTED_AT: token}}}),
    )
    .await?;
    output::talk(&format!("► {shown}: reconcile requested"));
    wait(client, (kind, name), Some(&token), timeout).await
}

/// Returns the kind and name of the source that an object refers to.
fn source(
    noun: Noun,
    object: &Value,
    name: &NamespacedName,
) -> anyhow::Result<(Noun, NamespacedName)> {
    let [kind, namespace, source] = noun.row().source(object).unwrap_or_default();
    let Some(row) = kinds::source(kind) else {
        let message = format!("a source of kind {kind} is not known yet");
        bail!(Told::new(message, "reconcile without --with-source"));
    };
    let namespace = Some(namespace)
        .filter(|given| !given.is_empty())
        .unwrap_or(&name.namespace);
    Ok((Noun(row), NamespacedName::new(namespace, source)))
}

fn failed(kind: Noun, name: &NamespacedName, message: &str) -> anyhow::Error {
    let events = format!(
        "`kubectl -n {} events --for {}/{}` shows more",
        name.namespace,
        kind.singular(),
        name.name
    );
    Told::new(
        format!("{} is not ready: {message}", kind.shown(name)),
        events,
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toy;

    #[test]
    fn the_source_may_live_in_another_namespace() {
        let name = NamespacedName::new("team", "apps");
        let found = |kind: &str, namespace: &str| {
            let reference = json!({"kind": kind, "name": "fleet", "namespace": namespace});
            let object = json!({"spec": {"sourceRef": reference}});
            let found = source(Noun(&kinds::KUSTOMIZATION), &object, &name).ok()?;
            Some(found.0.shown(&found.1))
        };
        let own = found("GitRepository", "");
        assert_eq!(own.as_deref(), Some("GitRepository/team/fleet"));
        let other = found("GitRepository", "flux-system");
        assert_eq!(other.as_deref(), Some("GitRepository/flux-system/fleet"));
        assert_eq!(found("Bucket", ""), None);
        assert_eq!(found("Kustomization", ""), None);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_kind_is_reconciled_by_its_row() {
        let sandbox = toy::cluster().await;
        let client = sandbox.objects().client();
        let name = NamespacedName::new(toy::NAME.0, toy::NAME.1);

        // Simulates the controller's answer to the request.
        let answer = async {
            let token = loop {
                let object = toy::NOUN.read(client, &name).await.unwrap();
                let asked = &object["metadata"]["annotations"][meta::REQUESTED_AT];
                if asked.is_string() {
                    break asked.clone();
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            };
            let ready = json!({
                "type": "Ready", "status": "False", "reason": "TornOff", "message": "no arm",
                "lastTransitionTime": "2026-01-02T03:04:05Z",
            });
            let status = json!({"lastHandledReconcileAt": token, "conditions": [ready]});
            let target = lode_cluster::Target {
                namespace: &name.namespace,
                name: &name.name,
                manager: "test",
                dry_run: false,
            };
            let patch = json!({"status": status});
            client
                .merge(&toy::NOUN.resource(), target, "/status", &patch)
                .await
                .unwrap();
        };
        let timeout = Duration::from_mins(1);
        let (outcome, ()) = tokio::join!(reconcile(client, toy::NOUN, &name, timeout), answer);
        assert_eq!(
            outcome.unwrap_err().to_string(),
            "Toy/default/bear is not ready: TornOff: no arm"
        );
    }
}
