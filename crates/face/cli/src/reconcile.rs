//! `lode reconcile`: asks the operator to reconcile an object now, and waits for the outcome.

use std::time::Duration;

use anyhow::bail;
use lode_cluster::Client;
use lode_object::{NamespacedName, Value, meta};
use serde_json::json;

use crate::kinds::{Noun, is_suspended, text};
use crate::readiness::{Standing, standing};
use crate::report::Told;
use crate::session::Place;
use crate::values::duration;
use crate::{follow, output};

/// What to reconcile.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which kind
    #[arg(value_enum)]
    kind: Noun,
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
    place: Place,
}

/// Reconciles an object now.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let name = single(args.kind, &args.name)?.to_owned();
    let session = args.place.connect().await?;
    let name = NamespacedName::new(&session.namespace, &name);
    if args.with_source {
        if args.kind != Noun::Kustomization {
            bail!(Told::new(
                "--with-source is for Kustomizations",
                "leave it out"
            ));
        }
        let object = args.kind.read(&session.client, &name).await?;
        let source = source(&object, &name)?;
        reconcile(&session.client, Noun::Source, &source, args.timeout).await?;
    }
    reconcile(&session.client, args.kind, &name, args.timeout).await
}

/// Returns the name of `source git NAME` and `source NAME`: the first form is that of flux.
pub(crate) fn single(kind: Noun, words: &[String]) -> anyhow::Result<&str> {
    match words {
        [name] => Ok(name),
        [git, name] if kind == Noun::Source && git == "git" => Ok(name),
        _ => bail!(Told::new(
            "one name is needed",
            "only `source git NAME` has two words"
        )),
    }
}

/// Waits until a request is answered, telling what goes on meanwhile.
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
        let hint = "is `lode serve` running, and does it look after this namespace?";
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
            format!("`{resume}` ends that")
        ));
    }
    let token = jiff::Timestamp::now().to_string();
    kind.patch(
        client,
        name,
        &json!({"metadata": {"annotations": {meta::REQUESTED_AT: token}}}),
    )
    .await?;
    output::talk(&format!("► {shown}: asked for a reconcile"));
    wait(client, (kind, name), Some(&token), timeout).await
}

fn source(object: &Value, name: &NamespacedName) -> anyhow::Result<NamespacedName> {
    let part = |part: &str| text(object, &format!("/spec/sourceRef/{part}"));
    if part("kind") != "GitRepository" {
        let message = format!("a source of kind {} is not known yet", part("kind"));
        bail!(Told::new(message, "reconcile without --with-source"));
    }
    let namespace = Some(part("namespace"))
        .filter(|given| !given.is_empty())
        .unwrap_or(&name.namespace);
    Ok(NamespacedName::new(namespace, part("name")))
}

fn failed(kind: Noun, name: &NamespacedName, message: &str) -> anyhow::Error {
    let events = format!(
        "`kubectl -n {} events --for {}/{}` tells more",
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

    #[test]
    fn the_two_words_of_flux_for_a_source_are_taken() {
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            single(Noun::Source, &words(&["git", "fleet"])).unwrap(),
            "fleet"
        );
        assert_eq!(single(Noun::Source, &words(&["fleet"])).unwrap(), "fleet");
        assert!(single(Noun::Kustomization, &words(&["git", "fleet"])).is_err());
    }

    #[test]
    fn the_source_may_live_in_another_namespace() {
        let name = NamespacedName::new("team", "apps");
        let object = |namespace: &str| json!({"spec": {"sourceRef": {"kind": "GitRepository", "name": "fleet", "namespace": namespace}}});
        assert_eq!(
            source(&object(""), &name).unwrap().to_string(),
            "team/fleet"
        );
        assert_eq!(
            source(&object("flux-system"), &name).unwrap().to_string(),
            "flux-system/fleet"
        );
        assert!(
            source(
                &json!({"spec": {"sourceRef": {"kind": "Bucket", "name": "b"}}}),
                &name
            )
            .is_err()
        );
    }
}
