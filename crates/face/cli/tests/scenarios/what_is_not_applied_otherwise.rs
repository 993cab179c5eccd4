//! What cannot be applied as written is refused with an error that names it; it is never applied in
//! another form.

use anyhow::ensure;
use serde_json::json;

use crate::flow::{holds, inventory_of};
use crate::manifests::config_map;
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_s_value_that_is_no_text_is_refused_and_an_empty_one_is_empty() {
    Stage::play("typed-secret", async |stage| {
        let ns = stage.namespace.clone();
        let secret = |values: &str| {
            format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: login, namespace: {ns}}}\nstringData:\n{values}")
        };
        stage.repository.write("apps/login.yaml", &secret("  user: me\n  password:\n"))?;
        let commit = stage.repository.push("begin")?;
        stage.source().await?;
        stage.kustomization("apps", json!({})).await?;
        stage.applied("apps", &commit).await?;
        let data = json!({"user": "bWU=", "password": ""});
        ensure!(stage.object("Secret", "login").await?["data"] == data);

        for (value, shown) in
            [("0123", "83"), ("1.10", "1.1"), ("1e3", "1000"), ("true", "true"), ("{a: hunter2}", "hunter2")]
        {
            stage.repository.write("apps/login.yaml", &secret(&format!("  user: me\n  password: {value}\n")))?;
            let commit = stage.deliver(value).await?;
            stage.attempted("apps", &commit).await?;
            let text = stage.complains("apps", "stringData.password").await?;
            println!("{value}: {text}");
            holds(&text, &[&format!("Secret/{ns}/login"), "put the value in quotes", "apps/login.yaml:1"])?;
            ensure!(!text.contains(shown) && !text.contains(value), "the value is shown: {text}");
            ensure!(stage.object("Secret", "login").await?["data"] == data, "{value} was applied as something");
        }
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exported_object_is_refused_the_same_whether_it_exists_or_not() {
    Stage::play("typed-export", async |stage| {
        let ns = stage.namespace.clone();
        let live = stage
            .world
            .apply(config_map(&ns, "settings", json!({"color": "blue"})))
            .await?;
        let uid = live["metadata"]["uid"].clone();
        let mut texts = Vec::new();
        stage.repository.write("apps/settings.yaml", "# soon\n")?;
        stage.repository.push("begin")?;
        stage.source().await?;
        stage.kustomization("apps", json!({"force": true})).await?;
        for field in ["resourceVersion", "uid"] {
            let mut exported = config_map(&ns, "settings", json!({"color": "red"}));
            exported["metadata"][field] = live["metadata"][field].clone();
            stage.write("apps/settings.yaml", &[exported])?;
            stage.deliver(field).await?;
            let text = stage
                .complains("apps", &format!("metadata.{field}"))
                .await?;
            holds(
                &text,
                &[
                    &format!("ConfigMap/{ns}/settings"),
                    "remove it from the file",
                    "apps/settings.yaml:1",
                ],
            )?;
            let found = stage.object("ConfigMap", "settings").await?;
            ensure!(
                found["metadata"]["uid"] == uid && found["data"]["color"] == "blue",
                "{found}"
            );
            texts.push(text);
        }

        stage.world.delete("ConfigMap", &ns, "settings").await?;
        stage.reconcile("apps").await?;
        let text = stage.complains("apps", "metadata.uid").await?;
        ensure!(texts.last() == Some(&text), "{text}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_without_objects_leaves_an_empty_inventory() {
    Stage::play("typed-empty", async |stage| {
        stage.repository.write("apps/README.md", "nothing yet\n")?;
        let commit = stage.repository.push("begin")?;
        stage.source().await?;
        stage.kustomization("apps", json!({})).await?;
        let found = stage.applied("apps", &commit).await?;
        ensure!(
            found["status"]["inventory"] == json!({"entries": []}),
            "{}",
            found["status"]
        );
        stage.write(
            "apps/a.yaml",
            &[config_map(&stage.namespace, "a", json!({}))],
        )?;
        let commit = stage.deliver("one").await?;
        ensure!(inventory_of(&stage.applied("apps", &commit).await?).len() == 1);
        Ok(())
    })
    .await;
}
