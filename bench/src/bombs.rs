//! Fifty honest Kustomizations, alone and next to a bomb of every kind: how long until they are
//! ready, and what it costs.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use e2e::{Operator, bombs};
use lode_object::Value;
use serde_json::json;

use crate::bare;
use crate::follow::until;
use crate::print::{figure, line};
use crate::stage::{Stage, application, kustomization, repository};

const ALONE: &str = "bench-bombs-alone";
const BESIDE: &str = "bench-bombs-beside";
const BOMBS: &str = "bench-bombs";
const HONEST: usize = 50;
/// Sources at a server that accepts connections and never answers.
const SLOW: usize = 16;
/// Memory budget of fetches and builds. The default is half of the machine's memory, which bombs
/// would use.
const MEMORY_BUDGET: &str = "128Mi";
/// Longest time for each bomb.
const GONE_OFF_MAX: Duration = Duration::from_mins(5);
/// How long the bombs run before the honest Kustomizations are created.
const HEAD_START: Duration = Duration::from_secs(3);

/// Runs both parts and prints their figures.
pub(crate) async fn run() -> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    stage
        .settings
        .arguments
        .push(format!("--memory-budget={MEMORY_BUDGET}"));
    line(&format!("with --memory-budget={MEMORY_BUDGET}"));
    for namespace in [ALONE, BESIDE, BOMBS] {
        stage.namespace(namespace).await?;
    }
    let operator = Operator::start(&stage.settings)?;

    line(&format!("{HONEST} Kustomizations of 4 objects, alone"));
    let alone = honest(&stage, ALONE).await?;
    figure("all Ready after", alone.as_secs_f64(), "s");
    figure("peak resident memory", operator.peak_mib()?, "MiB");

    line("the same beside a bomb of every kind");
    let silent = TcpListener::bind("127.0.0.1:0")?;
    plant(&stage, silent.local_addr()?.port()).await?;
    tokio::time::sleep(HEAD_START).await;
    let beside = honest(&stage, BESIDE).await?;
    figure("all Ready after", beside.as_secs_f64(), "s");
    figure(
        "ratio",
        beside.as_secs_f64() / alone.as_secs_f64(),
        "x  (mark <= 1.5)",
    );

    let start = Instant::now();
    all_gone_off(&stage).await?;
    figure(
        "every bomb has gone off after",
        start.elapsed().as_secs_f64(),
        "s more",
    );
    tell(&stage).await?;
    figure(
        "peak resident memory",
        operator.peak_mib()?,
        "MiB  (mark <= 300)",
    );
    ensure!(
        operator.metrics().is_ok(),
        "the operator is gone; see {}",
        operator.log.display()
    );
    operator.stop()?;
    for namespace in [ALONE, BESIDE, BOMBS] {
        stage.clear(namespace).await?;
    }
    Ok(())
}

/// Creates the honest Kustomizations in a namespace and returns the time until they are ready.
async fn honest(stage: &Stage, namespace: &'static str) -> anyhow::Result<Duration> {
    let folder = stage.git.repository(namespace)?;
    for number in 0..HONEST {
        for object in application(namespace, number) {
            let file = format!(
                "apps/{number}/{}.yaml",
                object["kind"].as_str().unwrap_or_default().to_lowercase()
            );
            folder.write(&file, &object.to_string())?;
        }
    }

    folder.push("begin")?;
    let start = Instant::now();
    stage
        .world
        .apply(repository(namespace, &folder.url, "1h"))
        .await?;

    let all =
        (0..HONEST).map(|n| kustomization(namespace, &format!("app-{n}"), &format!("./apps/{n}")));
    bare::apply(&stage.world, all.collect()).await?;
    until(
        &stage.world,
        ("Kustomization", namespace, HONEST),
        |object| {
            let conditions = object["status"]["conditions"]
                .as_array()
                .into_iter()
                .flatten();
            conditions
                .into_iter()
                .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        },
    )
    .await?;
    Ok(start.elapsed())
}

/// Pushes and applies all bombs.
async fn plant(stage: &Stage, silent: u16) -> anyhow::Result<()> {
    let folder = stage.git.repository("bombs")?;
    let mut kustomizations = Vec::new();
    for bomb in bombs::of_builds() {
        bomb.write(&folder)?;
        kustomizations.push((bomb.name, bomb.spec));
    }
    let kinds: Vec<String> = bombs::kinds(130, BOMBS)
        .iter()
        .map(Value::to_string)
        .collect();
    folder.write("many-kinds/all.yaml", &kinds.join("\n---\n"))?;
    folder.write(
        "health-checks/a.yaml",
        &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "h"}}).to_string(),
    )?;
    kustomizations.extend([
        ("many-kinds", json!({})),
        ("health-checks", bombs::hundred_health_checks()),
    ]);
    folder.push("bombs")?;

    let ignored = stage.git.repository("ignored")?;
    bombs::write_ignore_patterns(&ignored)?;
    ignored.push("patterns")?;
    let large = stage.git.repository("large")?;
    bombs::write_large_files(&large, 16, 31)?;
    large.push("large")?;

    stage
        .world
        .apply(repository(BOMBS, &folder.url, "1h"))
        .await?;
    let mut sources = vec![source("ignored", &ignored.url), source("large", &large.url)];
    let url = format!("http://127.0.0.1:{silent}/slow");
    sources.extend((0..SLOW).map(|number| source(&format!("slow-{number}"), &url)));
    bare::apply(&stage.world, sources).await?;
    let built = kustomizations.into_iter().map(|(name, spec)| {
        let mut object = kustomization(BOMBS, name, &format!("./{name}"));
        object["spec"]["targetNamespace"] = BOMBS.into();
        object["spec"]["retryInterval"] = "5s".into();
        for (field, value) in spec.as_object().into_iter().flatten() {
            object["spec"][field] = value.clone();
        }
        object
    });
    bare::apply(&stage.world, built.collect()).await.map(drop)
}

fn source(name: &str, url: &str) -> Value {
    json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": {"name": name, "namespace": BOMBS},
        "spec": {"interval": "1m", "timeout": "100000m", "url": url, "ref": {"branch": "main"}}})
}

/// Waits until every build that is a bomb has failed, and every other one has ended.
async fn all_gone_off(stage: &Stage) -> anyhow::Result<()> {
    let builds = bombs::of_builds();
    let builds = builds
        .iter()
        .map(|bomb| ("Kustomization", bomb.name, false));
    let others = [
        ("GitRepository", "ignored"),
        ("GitRepository", "large"),
        ("Kustomization", "many-kinds"),
    ];

    for (kind, name, may_succeed) in builds.chain(others.map(|(kind, name)| (kind, name, true))) {
        let ended = |found: Option<&Value>| {
            let ready = e2e::condition(found, "Ready");
            ready.is_some_and(|ready| {
                ready["status"] == "False" || may_succeed && ready["status"] == "True"
            })
        };
        let waited = stage
            .world
            .until((kind, BOMBS, name), GONE_OFF_MAX, ended)
            .await;
        waited.with_context(|| format!("{kind}/{name} does not end"))?;
    }
    Ok(())
}

/// Prints the message of each bomb.
async fn tell(stage: &Stage) -> anyhow::Result<()> {
    for kind in ["GitRepository", "Kustomization"] {
        for object in stage.world.list(kind, BOMBS, "").await? {
            let ready = e2e::condition(Some(&object), "Ready");
            let text = ready
                .and_then(|ready| ready["message"].as_str())
                .unwrap_or("nothing yet");
            let shown: String = text.chars().take(150).collect();
            line(&format!(
                "  {kind}/{}: {shown}",
                object["metadata"]["name"].as_str().unwrap_or_default()
            ));
        }
    }
    Ok(())
}
