//! Charts on the shared way, with a server of charts, a registry and a Git server.
//!
//! Several controllers run as in the operator: charts are made from the artifacts of others.

mod a_chart_comes_from_a_registry;
mod a_chart_is_packed_from_git;
mod a_chart_is_pulled;
mod credentials_go_where_they_may;
mod dependencies_are_brought;
mod many_charts_share_one_index;
mod the_chart_is_hostile;
mod the_source_is_not_there;
mod values_files_are_merged;
mod what_is_meant_is_not_there;

use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use lode_api::{Resource, helm_repository};
use lode_net::{Egress, Rules};
use lode_object::Value;
use lode_runtime::{Own, Sources, Store};
use lode_sandbox::{Charts, Options, Sandbox};
use lode_source::{
    GitOptions, GitOrigin, HelmChartOrigin, HelmChartOriginParts, HelmRepositoryOrigin, Indexes,
};
use serde_json::json;

use crate::played::{Played, eventually, named};

/// Three controllers of one cluster, and a server of charts.
struct Stage {
    charts: Played<HelmChartOrigin>,
    repositories: Played<HelmRepositoryOrigin>,
    git: Played<GitOrigin>,
    server: Charts,
    mirror: Arc<Store<Resource<helm_repository::Spec>>>,
    sources: Arc<Sources>,
}

impl Stage {
    async fn start() -> Self {
        let sandbox = Arc::new(Sandbox::start(Options::default()).await.unwrap());
        let allow = vec!["127.0.0.0/8".parse().unwrap()];
        let egress = Egress::new(Rules {
            allow,
            ..Rules::default()
        });
        let git = Played::start(sandbox.clone(), |stage| {
            let options = GitOptions {
                cache_dir: stage.folder.join("git"),
                egress: egress.clone(),
                ..GitOptions::default()
            };
            GitOrigin::open(stage.client, stage.objects, stage.memory, options).unwrap()
        });
        let git = git.await;

        // All controllers of an operator have one store.
        let store = git.artifacts.clone();
        let indexes = Arc::new(Indexes::new(store.clone(), git.memory.clone()));
        let repositories = Played::start_on(sandbox.clone(), Some(store.clone()), |stage| {
            let (client, indexes) = (stage.client, indexes.clone());
            HelmRepositoryOrigin::new(client, store.clone(), indexes, egress.clone(), 50 << 20)
        });
        let repositories = repositories.await;
        let mirror: Arc<Store<Resource<helm_repository::Spec>>> =
            Own::mirror(git.own.client(), "", "");
        let sources = Sources::new(store.clone(), git.memory.clone());
        let sources = sources.with(git.own.objects().clone()).with(mirror.clone());
        let sources = Arc::new(sources);

        let charts = Played::start_on(sandbox, Some(store.clone()), |stage| {
            HelmChartOrigin::new(HelmChartOriginParts {
                client: stage.client,
                repositories: mirror.clone(),
                sources: sources.clone(),
                store: store.clone(),
                indexes: indexes.clone(),
                memory: stage.memory,
                egress: egress.clone(),
                index_max: 50 << 20,
                chart_max: 10 << 20,
            })
        });
        Self {
            charts: charts.await,
            repositories,
            git,
            server: Charts::start().await.unwrap(),
            mirror,
            sources,
        }
    }

    /// Puts packages of versions of the chart `app` and their index below a folder.
    fn publish(&self, folder: &str, versions: &[&str]) {
        let mut index = "apiVersion: v1\nentries:\n  app:\n".to_owned();
        for version in versions {
            let package = format!("app-{version}.tgz");
            let color = format!("color: of-{version}\n");
            let files = [("values.yaml", &*color), ("values-a.yaml", "size: 7\n")];
            self.server.put(
                &format!("{folder}/{package}"),
                packed("app", version, &files),
            );
            let entry = format!(
                "  - apiVersion: v2\n    name: app\n    version: {version}\n    urls: [{package}]\n"
            );
            index.push_str(&entry);
        }
        self.server.put(&format!("{folder}/index.yaml"), index);
    }

    /// Makes the repository `charts` for a folder and fetches its index.
    async fn repository(&self, folder: &str, more: &Value) {
        let url = self.server.url(folder);
        self.repository_at("charts", &url, more).await;
    }

    async fn repository_at(&self, name: &str, url: &str, more: &Value) {
        let mut spec = json!({"interval": "1h", "url": url});
        for (field, value) in more.as_object().unwrap() {
            spec[field] = value.clone();
        }
        self.repositories.apply(name, &spec).await;
        self.fetched(name).await;
    }

    /// Fetches the index of a repository, and waits until charts see it.
    async fn fetched(&self, name: &str) {
        let live = self.repositories.ran(name).await;
        eventually(async || {
            let seen = self.mirror.get(&named(name));
            seen.is_some_and(|seen| {
                seen.metadata.resource_version == live.metadata.resource_version
            })
        })
        .await;
    }

    /// Commits files to a repository of Git and stores its artifact.
    async fn commit(&self, name: &str, files: &[(&str, &str)]) -> String {
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (*path, Some(*text)))
            .collect();
        let id = self
            .git
            .sandbox
            .git()
            .commit(name, &files, "change")
            .unwrap();
        let url = self.git.sandbox.git().url(name);
        let spec = json!({"interval": "1h", "url": url, "ref": {"branch": "main"}});
        self.git.apply(name, &spec).await;
        self.git.run(name).await;
        self.git.mirrored(name).await;
        id.to_string()
    }

    /// Makes the chart `app` of a source, with more fields.
    async fn chart(&self, source: (&str, &str), more: &Value) {
        let (kind, name) = source;
        let mut spec = json!({"interval": "1h", "chart": "app"});
        spec["sourceRef"] = json!({"kind": kind, "name": name});
        for (field, value) in more.as_object().unwrap() {
            spec[field] = value.clone();
        }
        self.charts.apply("app", &spec).await;
    }

    /// Reconciles the chart; returns what `Ready` says, as status, reason and message.
    async fn ready(&self) -> (String, String, String) {
        let live = self.charts.ran("app").await;
        let (state, reason, text) = crate::played::condition(&live, "Ready").unwrap();
        (format!("{state:?}"), reason, text)
    }

    /// Returns the chart in the artifact.
    async fn loaded(&self) -> lode_chart::Chart {
        let bytes = self.charts.bytes("app").await;
        lode_chart::Chart::from_archive(&bytes, &lode_stdx::budget::Budget::unlimited()).unwrap()
    }
}

/// Packs a chart.
fn packed(name: &str, version: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let metadata = format!("apiVersion: v2\nname: {name}\nversion: {version}\n");
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let all = [("Chart.yaml", &*metadata)]
        .into_iter()
        .chain(files.iter().copied());
    for (path, text) in all {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("{name}/{path}"), text.as_bytes())
            .unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}
