//! `lode suspend` and `lode resume`: whether the operator reconciles an object.

use std::time::Duration;

use anyhow::bail;
use lode_api::kinds;
use lode_object::NamespacedName;
use serde_json::json;

use crate::kinds::{Noun, name_of};
use crate::output;
use crate::reconcile::wait;
use crate::report::Told;
use crate::session::{ClusterPlace, Session};
use crate::values::duration;
use crate::words::{self, Chosen};

/// Which objects to suspend.
#[derive(Debug, clap::Args)]
pub(crate) struct SuspendArgs {
    #[command(flatten)]
    objects: Objects,
}

/// Which objects to resume.
#[derive(Debug, clap::Args)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    objects: Objects,
    /// Longest time to wait for one object
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "5m")]
    timeout: Duration,
    /// Do not wait
    #[arg(long)]
    no_wait: bool,
}

#[derive(Debug, clap::Args)]
struct Objects {
    /// Which kind
    #[arg(value_parser = words::singular(kinds::ALL))]
    kind: Chosen,
    /// Name of the object
    #[arg(required_unless_present = "all", num_args = 1..=2)]
    name: Vec<String>,
    /// All objects of the kind in the namespace
    #[arg(long, conflicts_with = "name")]
    all: bool,
    #[command(flatten)]
    place: ClusterPlace,
}

/// Suspends objects.
pub(crate) async fn suspend(args: SuspendArgs) -> anyhow::Result<()> {
    let session = args.objects.place.connect().await?;
    args.objects.set(&session, true).await.map(drop)
}

/// Resumes objects and waits until they are ready.
pub(crate) async fn resume(args: ResumeArgs) -> anyhow::Result<()> {
    let session = args.objects.place.connect().await?;
    let named = args.objects.set(&session, false).await?;
    if args.no_wait {
        return Ok(());
    }

    let mut failures = 0;
    for (noun, name) in &named {
        let ready = wait(&session.client, (*noun, name), None, args.timeout).await;
        if let Err(error) = ready {
            if named.len() == 1 {
                return Err(error);
            }
            failures += 1;
            output::talk(&format!("✗ {error}"));
        }
    }
    if failures > 0 {
        bail!(Told::new(
            format!("{failures} of {} objects are not ready", named.len()),
            "`lode get all` shows why"
        ));
    }
    Ok(())
}

impl Objects {
    /// Sets `spec.suspend` and returns the kinds and names of the objects.
    async fn set(
        &self,
        session: &Session,
        suspend: bool,
    ) -> anyhow::Result<Vec<(Noun, NamespacedName)>> {
        let named = self.named(session).await?;
        let word = if suspend { "suspended" } else { "resumed" };
        let patch = json!({"spec": {"suspend": suspend}});
        for (noun, name) in &named {
            noun.patch(&session.client, name, &patch).await?;
            output::talk(&format!("✔ {}: {word}", noun.shown(name)));
        }
        Ok(named)
    }

    /// Returns the named object, or all objects of the kinds.
    async fn named(&self, session: &Session) -> anyhow::Result<Vec<(Noun, NamespacedName)>> {
        if !self.all {
            let (noun, name) = self.kind.single(&self.name)?;
            return Ok(vec![(noun, NamespacedName::new(&session.namespace, name))]);
        }

        let mut named = Vec::new();
        for noun in &self.kind.nouns {
            let objects = noun.list(&session.client, &session.namespace).await?;
            if objects.is_empty() {
                let (plural, namespace) = (noun.names().plural, &session.namespace);
                output::talk(&format!("no {plural} in namespace {namespace}"));
            }
            named.extend(objects.iter().map(|object| (*noun, name_of(object))));
        }
        Ok(named)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::toy;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: ResumeArgs,
    }

    #[test]
    fn either_a_name_or_all_is_needed() {
        assert!(Line::try_parse_from(["resume", "ks", "apps"]).is_ok());
        assert!(
            Line::try_parse_from(["resume", "ks", "--all"])
                .unwrap()
                .args
                .objects
                .all
        );
        assert!(Line::try_parse_from(["resume", "ks"]).is_err());
        assert!(Line::try_parse_from(["resume", "ks", "apps", "--all"]).is_err());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_kind_is_suspended_and_resumed_by_its_row() {
        let sandbox = toy::cluster().await;
        let mut objects = Objects {
            kind: toy::parse(words::singular(toy::ROWS), "toys").unwrap(),
            name: vec![toy::NAME.1.to_owned()],
            all: false,
            place: toy::place(&sandbox),
        };
        let session = objects.place.connect().await.unwrap();
        let name = NamespacedName::new(toy::NAME.0, toy::NAME.1);
        let is_suspended = async || {
            let object = toy::NOUN.read(&session.client, &name).await.unwrap();
            lode_api::standing::is_suspended(&object)
        };

        let named = objects.set(&session, true).await.unwrap();
        assert_eq!(named, [(toy::NOUN, name.clone())]);
        assert!(is_suspended().await);

        (objects.all, objects.name) = (true, Vec::new());
        let named = objects.set(&session, false).await.unwrap();
        assert_eq!(named, [(toy::NOUN, name.clone())]);
        assert!(!is_suspended().await);
    }
}
