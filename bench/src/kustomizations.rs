//! Many Kustomizations of four objects each, from one repository, `wait: true`.

use e2e::Operator;

use crate::bare;
use crate::fleet::Fleet;
use crate::print::{figure, line};
use crate::stage::{Stage, application, kustomization, repository};

const NAMESPACE: &str = "bench-fleet";
const BARE: &str = "bench-fleet-bare";

/// Runs all three parts and prints their figures.
pub(crate) async fn run(count: usize) -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    for namespace in [BARE, NAMESPACE] {
        stage.namespace(namespace).await?;
    }
    line(&format!(
        "bare loop: {} objects, 8 connections, one server-side apply each",
        count * 4
    ));
    let objects = (0..count).flat_map(|n| application(BARE, n)).collect();
    let bare = bare::apply(&stage.world, objects).await?;
    figure("time", bare.as_secs_f64(), "s");
    bare::settle(&stage.world, BARE).await?;

    let folder = stage.git.repository("fleet")?;
    for number in 0..count {
        for object in application(NAMESPACE, number) {
            let file = format!(
                "apps/{number}/{}.yaml",
                object["kind"].as_str().unwrap_or_default().to_lowercase()
            );
            folder.write(&file, &object.to_string())?;
        }
    }
    folder.push("fleet")?;
    let operator = Operator::start(&stage.settings)?;
    stage
        .world
        .apply(repository(NAMESPACE, &folder.url, "1h"))
        .await?;
    let source = ("GitRepository", NAMESPACE, "fleet");
    stage.world.ready(source, "True", "").await?;

    let one = |n| kustomization(NAMESPACE, &format!("app-{n}"), &format!("./apps/{n}"));
    let fleet = Fleet {
        stage: &stage,
        kind: "Kustomization",
        namespace: NAMESPACE,
        objects: (0..count).map(one).collect(),
        bare,
        memory: "MiB  (mark <= 60)",
    };
    fleet.measure(operator).await?;
    stage.clear(BARE).await?;
    stage.clear(NAMESPACE).await
}
