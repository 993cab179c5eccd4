//! Test: reports must equal those of Flux, scenario by scenario of the recordings.
//!
//! Steps that need Git or a cluster are replaced by what those would say; everything after that is our own. State
//! (conditions without messages, what the artifact was made with) must be equal; words are counted.

use std::sync::Arc;

use cases::Score;
use lode_api::GitRepository;
use lode_api::shared::Artifact;
use lode_git::{FetchError, ResolveError, TransportError};
use lode_net::{Egress, Rules};
use lode_object::NamespacedName;
use lode_runtime::{Draft, Failure};
use lode_yaml::{Dialect, Reader};
use serde_json::{Value, json};

use super::fetch::{unfetched, unresolved};
use super::validate::{authorize, check_signature, validate};
use super::{GitOrigin, include};
use crate::contents::SourceNotice;
use crate::facts::{AttemptDone, SeenFacts};
use crate::secret::SecretData;
use crate::status::{failed, succeeded, suspended};

const NOW: &str = "2026-01-02T03:04:05Z";

/// Returns the report about a repository at a URL.
type Said = fn(&str) -> Failure;

/// What the world answers in the scenarios that fail.
const WORLD: [(&str, Said); 5] = [
    ("s-semver-none", |url| {
        unresolved(&ResolveError::NoVersion(">=3".to_owned()), url)
    }),
    ("s-repository-missing", |url| {
        unresolved(&ResolveError::Remote(TransportError::NotFound), url)
    }),
    ("s-basic-auth-wrong", |url| {
        unresolved(
            &ResolveError::Remote(TransportError::CredentialsRefused),
            url,
        )
    }),
    ("s-sparse-missing", |url| {
        unfetched(&FetchError::Sparse("nothere".to_owned()), url)
    }),
    ("s-verify-without-keys", |_| {
        check_signature("4d1158622700f10edc5b80dab34dd56205ce3fce", false)
    }),
];

#[test]
fn statuses_are_those_that_flux_writes() {
    let Some(scenarios) = cases::json("flux/source.json") else {
        return;
    };
    let mut states = Score::of_all("statuses of sources", 16);
    let mut words = Score::new("statuses of sources, to the letter", 1);
    for scenario in scenarios.as_array().unwrap() {
        let name = scenario["name"].as_str().unwrap();
        let specs = specs(scenario);
        for (object, recorded) in scenario["expected"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|it| it["flux"].as_object())
            .flatten()
        {
            let Some(spec) = specs
                .iter()
                .find(|spec| object.ends_with(spec["metadata"]["name"].as_str().unwrap()))
            else {
                continue;
            };
            let ours = replay(name, spec, &recorded["status"], &specs);
            let theirs = recorded["status"].clone();
            let name = format!("{name} {object}");
            states.check(&name, &state(&ours), &state(&theirs));
            words.check(&name, &messages(&ours), &messages(&theirs));
        }
    }
    states.finish();
    words.finish();
}

/// Returns what is applied as sources, with the URL of the recording filled in.
fn specs(scenario: &Value) -> Vec<Value> {
    let name = scenario["name"].as_str().unwrap();
    let repository = scenario["repo"].as_str().unwrap_or(name);
    let mut specs = Vec::new();
    for text in scenario["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|step| step["apply"].as_str())
    {
        let text = text.replace("${URL}", &format!("http://127.0.0.1:1/{repository}.git"));
        let text = text.replace("${SHA}", "7aa289562a960ee26a62bc7be616cd99c6c4587c");
        let documents =
            Reader::new(text.as_bytes(), Dialect::V2).map(|document| document.unwrap().value);
        specs.extend(documents.filter(|object| object["kind"] == "GitRepository"));
    }
    specs
}

/// Returns the status that we would write where Flux wrote `recorded`.
fn replay(scenario: &str, spec: &Value, recorded: &Value, all: &[Value]) -> Value {
    let generation = if scenario == "s-suspended" {
        1
    } else {
        recorded["conditions"][0]["observedGeneration"]
            .as_i64()
            .unwrap()
    };
    let mut object = spec.clone();
    object["metadata"]["namespace"] = json!("ns");
    object["metadata"]["generation"] = json!(generation);
    object["status"] = json!({"observedGeneration": -1});
    if let Some(token) = recorded["lastHandledReconcileAt"].as_str() {
        object["metadata"]["annotations"] = json!({"reconcile.fluxcd.io/requestedAt": token});
    }
    let mut object = GitRepository::parse(&object).unwrap();
    let draft = Draft::new(&object, NOW);
    let draft = match outcome(scenario, &object, recorded, all) {
        Ok(artifact) => {
            let notice = SourceNotice::stored(&artifact);
            let done = AttemptDone {
                interval: None,
                artifact,
                url: None,
                made: None,
            };
            succeeded::<GitOrigin>(draft, done, &notice)
        }
        Err(failure) => failed(draft, &failure, &SeenFacts::default()),
    };
    object.status = draft.handled().status;
    if scenario == "s-suspended" {
        object.metadata.generation += 1;
        object.status = suspended(Draft::new(&object, NOW).observed()).status;
    }
    serde_json::to_value(&object.status).unwrap()
}

fn outcome(
    scenario: &str,
    object: &GitRepository,
    recorded: &Value,
    all: &[Value],
) -> Result<Artifact, Failure> {
    // Flux's scenarios were recorded with servers on loopback.
    let allow = vec!["127.0.0.0/8".parse().unwrap()];
    let plan = validate(
        object,
        &Egress::new(Rules {
            allow,
            ..Rules::default()
        }),
    )?;
    let nothing = SecretData::parse(&Value::Null, "ns/none".to_owned());
    let remote = authorize(&plan, Some(&nothing))?;
    if let Some((_, said)) = WORLD.iter().find(|(name, _)| *name == scenario) {
        return Err(said(remote.url()));
    }
    let own = NamespacedName::new("ns", &object.metadata.name);
    include::parts(&own, &plan.includes, |name| {
        let found = all
            .iter()
            .find(|spec| spec["metadata"]["name"] == *name.name)?;
        Some(Arc::new(GitRepository::parse(found).unwrap()))
    })?;
    Ok(serde_json::from_value(recorded["artifact"].clone()).unwrap())
}

fn state(status: &Value) -> Value {
    let mut status = status.clone();
    for condition in status["conditions"].as_array_mut().unwrap() {
        let condition = condition.as_object_mut().unwrap();
        condition.remove("message");
        condition.remove("lastTransitionTime");
    }
    if let Some(artifact) = status["artifact"].as_object_mut() {
        artifact.remove("lastUpdateTime");
    }
    status
}

fn messages(status: &Value) -> Vec<String> {
    let conditions = status["conditions"].as_array().unwrap().iter();
    conditions
        .map(|condition| {
            condition["message"]
                .as_str()
                .unwrap()
                .replace("127.0.0.1:1", "HOST")
        })
        .collect()
}
