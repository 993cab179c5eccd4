//! Two tenants in separate namespaces try to read, change, delete or learn about each other's
//! objects.
//!
//! Both make the same [`attempts`] at the same time against one operator. A test checks that the
//! attempts use every field of the kinds that could name something ([`fields`]).

mod attempts;
#[cfg(test)]
mod fields;
#[cfg(test)]
mod fields_of_releases;
#[cfg(test)]
mod means;
mod releases;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use e2e::condition;
use lode_cluster::Target;
use lode_object::Value;
use serde_json::json;

use crate::canary;
use crate::flow::{holds, over};
use crate::manifests::config_map;
use crate::stage::{LONG, Stage};
use attempts::{Attempt, Sides};

/// Kinds that are compared at the end.
const KINDS: [&str; 9] = [
    "ConfigMap",
    "Secret",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "GitRepository",
    "HelmChart",
    "Kustomization",
    "HelmRelease",
];
/// Kinds whose status the operator writes.
const OUR_KINDS: [&str; 4] = ["GitRepository", "HelmChart", "Kustomization", "HelmRelease"];
/// Attempts whose Kustomizations claim another's objects, and so try to delete them at their end.
const CLAIMS: [&str; 4] = [
    "forged-inventory",
    "forged-owner",
    "forged-delete",
    "forged-namespace",
];
/// Attempts that claim another's release, and so try to uninstall it at their end.
const CLAIMED_RELEASES: [&str; 2] = ["forged-release", "forged-rollback"];
/// Folder of the victims' chart in the repository of both.
const THEIR_CHART: &str = "theirs";

/// Objects with what shows that they were changed: uid, and the resource version or the generation.
type Things = BTreeMap<(&'static str, String), (Value, Value)>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_gets_nothing_of_another_by_any_field() {
    Stage::play("two-tenants", async |stage| {
        stage.restart_with(&[
            "--default-service-account=tenant",
            "--no-cross-namespace-refs",
        ])?;
        let (left, right) = (
            stage.namespace.clone(),
            format!("{}-other", stage.namespace),
        );
        stage.add_namespace(&right).await?;
        let private = private_repository(stage)?;
        their_chart(stage)?;
        let mut sides = [
            sides(&left, &right, &private),
            sides(&right, &left, &private),
        ];
        for side in &sides {
            settle(stage, side).await?;
        }
        for side in &mut sides {
            let theirs = stage
                .world
                .ready(("GitRepository", &side.other, &side.prize), "True", "")
                .await?;
            side.artifact = theirs["status"]["artifact"].clone();
            for kind in ["Kustomization", "HelmRelease"] {
                let what = (kind, &*side.other, &*side.prize);
                stage.world.ready(what, "True", "").await?;
            }
        }
        let before = [things(stage, &left).await?, things(stage, &right).await?];

        let tried = [all_attempts(&sides[0]), all_attempts(&sides[1])];
        for (side, attempts) in sides.iter().zip(&tried) {
            for attempt in attempts {
                for (file, text) in &attempt.files {
                    stage
                        .repository
                        .write(&format!("{}/{}/{file}", side.own, attempt.name), text)?;
                }
            }
        }
        stage.repository.push("what is tried")?;
        for (side, attempts) in sides.iter().zip(&tried) {
            begin(stage, side, attempts).await?;
        }
        let mut faults = Vec::new();
        for (side, attempts) in sides.iter().zip(&tried) {
            for attempt in attempts {
                if let Err(error) = is_denied(stage, side, attempt).await {
                    faults.push(format!("{}/{}: {error:#}", side.own, attempt.name));
                }
            }
        }
        ensure!(faults.is_empty(), "{}", faults.join("\n"));

        for side in &sides {
            go_with_claims(stage, side).await?;
            go_with_claimed_releases(stage, side).await?;
        }
        for (namespace, before) in [&left, &right].into_iter().zip(before) {
            is_untouched(stage, namespace, before).await?;
        }
        for (side, attempts) in sides.iter().zip(&tried) {
            leave_releases(stage, side, attempts).await?;
        }
        Ok(())
    })
    .await;
}

/// Returns everything that one side tries.
fn all_attempts(sides: &Sides) -> Vec<Attempt> {
    let mut all = attempts::all(sides);
    all.extend(releases::all(sides));
    all
}

fn sides(own: &str, other: &str, private_url: &str) -> Sides {
    Sides {
        own: own.to_owned(),
        other: other.to_owned(),
        prize: format!("of-{other}"),
        private_url: private_url.to_owned(),
        artifact: Value::Null,
    }
}

/// Creates a repository that requires the secret as its password and contains it.
fn private_repository(stage: &Stage) -> anyhow::Result<String> {
    let private = stage.git.repository("private")?;
    let map = config_map(
        "",
        "${name}",
        json!({"color": "blue", "plan": stage.canary}),
    );
    private.write(
        "a.yaml",
        &map.to_string()
            .replace("\"namespace\":\"\",", "")
            .replace(",\"namespace\":\"\"", ""),
    )?;
    private.push("private")?;
    stage.git.guard("private", "owner", &stage.canary);
    Ok(private.url)
}

/// Commits the chart that each side has released.
fn their_chart(stage: &Stage) -> anyhow::Result<()> {
    let map = config_map("", "NAME", json!({"color": "blue"})).to_string();
    let map = map.replace("\"namespace\":\"\",", "");
    let map = map.replace(",\"namespace\":\"\"", "");
    let packed = "apiVersion: v2\nname: theirs\nversion: 1.0.0\n";
    let template = map.replace("NAME", "{{ .Release.Name }}-released");
    for (file, text) in [("Chart.yaml", packed), ("templates/a.yaml", &*template)] {
        stage
            .repository
            .write(&format!("{THEIR_CHART}/{file}"), text)?;
    }
    stage.repository.push("theirs").map(drop)
}

/// Gives the other side its account, with all rights in its namespace and none outside, and the
/// objects to be attacked.
async fn settle(stage: &Stage, side: &Sides) -> anyhow::Result<()> {
    let Sides {
        own,
        other,
        prize,
        private_url,
        ..
    } = side;
    let api = "rbac.authorization.k8s.io";
    let metadata = |name: &str| json!({"name": name, "namespace": other});
    let account = |name: &str| json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(name)});
    let subject = |name: &str| json!({"kind": "ServiceAccount", "name": name, "namespace": other});
    let kubeconfig = format!(
        "{{clusters: [], contexts: [], users: [{{user: {{token: {}}}}}]}}",
        stage.canary
    );
    let marked = |name: &str| {
        let mut map = config_map(other, name, json!({"color": "blue"}));
        map["metadata"]["labels"] = json!({"kustomize.toolkit.fluxcd.io/name": name, "kustomize.toolkit.fluxcd.io/namespace": own});
        // The plain name is taken by the other tenant's own object.
        map["metadata"]["name"] = json!(format!("{name}-of-{own}"));
        map
    };
    for object in [
        account("tenant"),
        account(prize),
        json!({"apiVersion": format!("{api}/v1"), "kind": "Role", "metadata": metadata("tenant"),
            "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}),
        json!({"apiVersion": format!("{api}/v1"), "kind": "RoleBinding", "metadata": metadata("tenant"),
            "roleRef": {"apiGroup": api, "kind": "Role", "name": "tenant"},
            "subjects": [subject("tenant"), subject(prize)]}),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata(prize), "stringData": {"username": "owner",
            "password": stage.canary, "canary": stage.canary, "value": kubeconfig}}),
        marked("forged-owner"),
        marked("forged-delete"),
        source(other, "app", &json!({"url": stage.repository.url})),
        source(
            other,
            prize,
            &json!({"url": private_url, "secretRef": {"name": prize}}),
        ),
        kustomization(
            other,
            prize,
            &json!({"path": "./", "targetNamespace": other, "sourceRef": {"kind": "GitRepository", "name": prize},
                "postBuild": {"substitute": {"name": prize}}}),
        ),
        of_kind(
            "HelmRelease",
            other,
            prize,
            &json!({"chart": {"spec": {"chart": format!("./{THEIR_CHART}"),
                "sourceRef": {"kind": "GitRepository", "name": "app"}}}}),
        ),
    ] {
        stage.world.apply(object).await?;
    }
    Ok(())
}

fn source(namespace: &str, name: &str, spec: &Value) -> Value {
    let plain = json!({"interval": "1h", "ref": {"branch": "main"}});
    json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": {"name": name, "namespace": namespace}, "spec": over(plain, spec)})
}

fn of_kind(kind: &str, namespace: &str, name: &str, spec: &Value) -> Value {
    let version = match kind {
        "HelmRelease" => "helm.toolkit.fluxcd.io/v2",
        _ => "source.toolkit.fluxcd.io/v1",
    };
    json!({"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace},
        "spec": over(json!({"interval": "1h"}), spec)})
}

fn kustomization(namespace: &str, name: &str, spec: &Value) -> Value {
    let plain = json!({"interval": "1h", "retryInterval": "1h", "timeout": "30s", "prune": true,
        "path": format!("./{namespace}/{name}"), "sourceRef": {"kind": "GitRepository", "name": "app"}});
    json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": name, "namespace": namespace}, "spec": over(plain, spec)})
}

/// Makes one side try everything.
async fn begin(stage: &Stage, side: &Sides, attempts: &[Attempt]) -> anyhow::Result<()> {
    let own = &*side.own;
    stage.world.reconcile(("GitRepository", own, "app")).await?;
    stage
        .world
        .apply(source(
            own,
            "forged",
            &json!({"url": stage.repository.url, "suspend": true}),
        ))
        .await?;
    forge(
        stage,
        ("GitRepository", own, "forged"),
        &json!({"artifact": side.artifact}),
    )
    .await?;
    for Attempt {
        name,
        kind,
        spec,
        status,
        ..
    } in attempts
    {
        let mut spec = spec.clone();
        if spec["url"] == "" {
            spec["url"] = json!(stage.repository.url);
        }
        let object = |namespace: &str, name: &str, spec: &Value| match *kind {
            "Kustomization" => kustomization(namespace, name, spec),
            "GitRepository" => source(namespace, name, spec),
            kind => of_kind(kind, namespace, name, spec),
        };
        if status.is_null() {
            stage.world.apply(object(own, name, &spec)).await?;
            continue;
        }
        // It is created suspended, so that the status is in it when it is first reconciled.
        stage
            .world
            .apply(object(
                own,
                name,
                &over(spec.clone(), &json!({"suspend": true})),
            ))
            .await?;
        forge(stage, (kind, own, name), status).await?;
        stage
            .world
            .apply(object(own, name, &over(spec, &json!({"suspend": false}))))
            .await?;
    }
    Ok(())
}

/// Forges a status, as anyone with all rights in a namespace can, repeatedly until it stays: the
/// operator's own first write may replace it.
async fn forge(stage: &Stage, what: (&str, &str, &str), status: &Value) -> anyhow::Result<()> {
    let (kind, namespace, name) = what;
    let end = Instant::now() + LONG;
    let mut steady = 0;
    while steady < STEADY {
        let Some(found) = stage.world.get(kind, namespace, name).await? else {
            return Ok(());
        };
        let wanted = status.as_object().into_iter().flatten();
        let stays = wanted
            .into_iter()
            .all(|(field, value)| found["status"][field] == *value);
        let is_looked_after = found["metadata"]["finalizers"].is_array();
        steady = if stays && is_looked_after {
            steady + 1
        } else {
            0
        };
        if !stays {
            let target = Target {
                namespace,
                name,
                manager: "tenant",
                dry_run: false,
            };
            let resource = stage.world.resource(kind);
            stage
                .world
                .client
                .merge(&resource, target, "/status", &json!({"status": status}))
                .await?;
        }
        ensure!(
            Instant::now() < end,
            "the status of {kind}/{namespace}/{name} does not stay: {}",
            found["status"]
        );
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    Ok(())
}

/// How often in a row a forged status must be found unchanged.
const STEADY: u32 = 5;

/// Waits until an attempt is refused as expected.
async fn is_denied(stage: &Stage, side: &Sides, attempt: &Attempt) -> anyhow::Result<()> {
    let message = |object: Option<&Value>| {
        let ready = condition(object, "Ready").filter(|ready| ready["status"] == "False")?;
        let text = ready["message"].as_str()?.to_owned();
        attempt
            .answer
            .iter()
            .all(|part| text.contains(&**part))
            .then_some(text)
    };
    let what = (attempt.kind, &*side.own, attempt.name);
    let found = stage
        .world
        .until(what, LONG, |object| message(object).is_some())
        .await;
    let found = found.with_context(|| format!("wanted {:?}", attempt.answer))?;
    let text = message(found.as_ref()).context("it was answered")?;
    println!("{} {}: {text}", side.own, attempt.name);
    ensure!(
        canary::found_in(&stage.canary, &text).is_none(),
        "the secret is shown: {text}"
    );
    Ok(())
}

/// Deletes the Kustomizations that claim another's objects: nothing is deleted with them, and they
/// stay until they claim nothing any more.
async fn go_with_claims(stage: &Stage, side: &Sides) -> anyhow::Result<()> {
    for name in CLAIMS {
        stage.world.delete("Kustomization", &side.own, name).await?;
    }
    for name in CLAIMS {
        let refused = format!("User \"system:serviceaccount:{}:tenant\" cannot", side.own);
        let text = stage
            .told_in(&side.own, name, "PruneFailed", &[&refused])
            .await?;
        println!("{} deletes {name}: {text}", side.own);
        ensure!(
            stage
                .world
                .get("Kustomization", &side.own, name)
                .await?
                .is_some(),
            "{name} went"
        );
        forge(
            stage,
            ("Kustomization", &side.own, name),
            &json!({"inventory": null}),
        )
        .await?;
    }
    for name in CLAIMS {
        stage
            .world
            .until(("Kustomization", &side.own, name), LONG, |found| {
                found.is_none()
            })
            .await?;
    }
    Ok(())
}

/// Deletes the releases that claim another's: nothing of it goes with them, and they stay until they are left alone.
async fn go_with_claimed_releases(stage: &Stage, side: &Sides) -> anyhow::Result<()> {
    for name in CLAIMED_RELEASES {
        stage.world.delete("HelmRelease", &side.own, name).await?;
        let refused = side.account("tenant");
        let text = stage
            .told_in(&side.own, name, "UninstallFailed", &[&refused])
            .await?;
        println!("{} deletes {name}: {text}", side.own);
        let found = stage.world.get("HelmRelease", &side.own, name).await?;
        ensure!(found.is_some(), "{name} went");
    }
    Ok(())
}

/// Suspends all releases of the attempts: some left objects where their account may not delete them.
async fn leave_releases(stage: &Stage, side: &Sides, attempts: &[Attempt]) -> anyhow::Result<()> {
    let releases = attempts
        .iter()
        .filter(|attempt| attempt.kind == "HelmRelease");
    for Attempt { name, .. } in releases {
        let what = ("HelmRelease", &*side.own, *name);
        let suspend = json!({"spec": {"suspend": true}});
        stage.world.patch_as("tenant", what, suspend).await?;
    }
    Ok(())
}

/// Returns the objects in a namespace.
async fn things(stage: &Stage, namespace: &str) -> anyhow::Result<Things> {
    let mut things = Things::new();
    for kind in KINDS {
        for object in stage.world.list(kind, namespace, "").await? {
            let metadata = &object["metadata"];
            // For its own kinds the operator writes the status, so the generation is compared.
            let changed = if OUR_KINDS.contains(&kind) {
                "generation"
            } else {
                "resourceVersion"
            };
            let name = metadata["name"].as_str().unwrap_or_default().to_owned();
            things.insert(
                (kind, name),
                (metadata["uid"].clone(), metadata[changed].clone()),
            );
        }
    }
    Ok(things)
}

/// Fails if any object from before has changed or is gone, or if a foreign object was added.
async fn is_untouched(stage: &Stage, namespace: &str, before: Things) -> anyhow::Result<()> {
    let after = things(stage, namespace).await?;
    ensure!(
        before.len() > KINDS.len(),
        "there is something to lose: {before:?}"
    );
    for (thing, was) in before {
        ensure!(
            after.get(&thing) == Some(&was),
            "{thing:?} of {namespace} was {was:?}, is {:?}",
            after.get(&thing)
        );
    }
    let intruder = after.keys().find(|(_, name)| name.starts_with("intruder"));
    ensure!(
        intruder.is_none(),
        "somebody else made {intruder:?} in {namespace}"
    );
    for kind in ["ClusterRole", "ClusterRoleBinding"] {
        let found = stage
            .world
            .get(kind, "", &format!("intruder-{namespace}"))
            .await?;
        ensure!(found.is_none(), "{namespace} made a {kind}");
    }
    let found = stage
        .world
        .get("Namespace", "", namespace)
        .await?
        .context("the namespace is there")?;
    holds(&found["status"].to_string(), &["Active"])?;
    ensure!(
        found["metadata"]["labels"]["owner"].is_null(),
        "the namespace {namespace} was changed"
    );
    Ok(())
}
