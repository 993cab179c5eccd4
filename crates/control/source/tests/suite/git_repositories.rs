//! Git repositories on the shared way, with a Git server.

use std::time::Duration;

use lode_api::conditions::State;
use lode_git::Update;
use lode_net::{Egress, Rules};
use lode_runtime::{EventKind, Next, Priority};
use lode_sandbox::{Options, Sandbox};
use lode_source::{GitOptions, GitOrigin};
use lode_tree::RepoPath;
use serde_json::{Value, json};

use crate::played::{Played, condition, eventually, named, names, reason};

/// Starts a cluster with a Git server and the controller.
async fn play() -> Played<GitOrigin> {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    Played::start(sandbox, |stage| {
        let allow = vec!["127.0.0.0/8".parse().unwrap()];
        let options = GitOptions {
            cache_dir: stage.folder.join("git"),
            egress: Egress::new(Rules {
                allow,
                ..Rules::default()
            }),
            ..GitOptions::default()
        };
        GitOrigin::open(stage.client, stage.objects, stage.memory, options).unwrap()
    })
    .await
}

/// Puts a commit on `main` of a repository; returns its id.
fn commit(played: &Played<GitOrigin>, name: &str, files: &[(&str, &str)], message: &str) -> String {
    let files: Vec<_> = files
        .iter()
        .map(|(path, text)| (*path, Some(*text)))
        .collect();
    let id = played.sandbox.git().commit(name, &files, message);
    id.unwrap().to_string()
}

/// Makes an object for a repository of its name, with more fields.
async fn apply(played: &Played<GitOrigin>, name: &str, more: &Value) {
    let url = played.sandbox.git().url(name);
    let mut spec = json!({"interval": "1h", "url": url, "ref": {"branch": "main"}});
    for (field, value) in more.as_object().unwrap() {
        spec[field] = value.clone();
    }
    played.apply(name, &spec).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_is_stored_under_its_id_and_told_by_its_subject() {
    let played = play().await;
    let id = commit(
        &played,
        "app",
        &[("a.yaml", "a"), ("b.md", "b")],
        "add a\n\nand why",
    );
    apply(&played, "app", &json!({"ignore": "*.md"})).await;
    assert_eq!(
        played.run("app").await,
        Next::After(Duration::from_hours(1))
    );

    let live = played.live("app").await.unwrap();
    let artifact = live.status.artifact.as_deref().unwrap();
    assert_eq!(*artifact.revision, *format!("main@sha1:{id}"));
    assert_eq!(
        *artifact.path,
        *format!("gitrepository/default/app/{id}.tar.gz")
    );
    assert_eq!(live.status.observed_ignore.as_deref(), Some("*.md"));
    assert_eq!(names(&*played.tree("app").await), ["a.yaml"]);
    let news = "stored artifact for commit 'add a'".to_owned();
    assert_eq!(
        played.events("app").await,
        [(EventKind::Normal, "NewArtifact".to_owned(), news)]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_commit_again_is_no_write_and_a_new_one_is_an_artifact() {
    let played = play().await;
    commit(&played, "app", &[("a.yaml", "a")], "one");
    apply(&played, "app", &json!({})).await;
    let first = played.ran("app").await;
    let again = played.ran("app").await;
    assert_eq!(
        first.metadata.resource_version,
        again.metadata.resource_version
    );

    let id = commit(&played, "app", &[("b.yaml", "b")], "two");
    let second = played.ran("app").await;
    assert_eq!(
        *second.status.artifact.unwrap().revision,
        *format!("main@sha1:{id}")
    );
    assert_eq!(played.files("app"), [format!("{id}.tar.gz")]);
    assert_eq!(names(&*played.tree("app").await), ["a.yaml", "b.yaml"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_of_versions_says_which_tag_it_led_to() {
    let played = play().await;
    for (version, text) in [("v1.1.0", "a"), ("v1.10.0", "b"), ("v2.0.0", "c")] {
        commit(&played, "app", &[("a.yaml", text)], version);
        let repository = played.sandbox.git().repository("app");
        let tag = Update {
            name: format!("refs/tags/{version}"),
            old: None,
            new: repository.find("main"),
        };
        assert_eq!(repository.update(&[tag], true), [Ok(())]);
    }
    apply(&played, "app", &json!({"ref": {"semver": "1.x"}})).await;
    let live = played.ran("app").await;
    let revision = live.status.artifact.unwrap().revision;
    assert!(revision.starts_with("v1.10.0@sha1:"), "{revision}");
    let events = played.events("app").await;
    assert_eq!(
        events[0].2,
        "stored artifact for commit 'v1.10.0' (tag 'v1.10.0', chosen for semver '1.x')"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_after_the_choice_says_which_tag_was_chosen() {
    let played = play().await;
    commit(&played, "app", &[("a.yaml", "a")], "one");
    let repository = played.sandbox.git().repository("app");
    let tag = Update {
        name: "refs/tags/v1.0.0".to_owned(),
        old: None,
        new: repository.find("main"),
    };
    assert_eq!(repository.update(&[tag], true), [Ok(())]);
    let sparse = json!({"ref": {"semver": "1.x"}, "sparseCheckout": ["nothere"]});
    apply(&played, "app", &sparse).await;
    let live = played.ran("app").await;
    let (_, reason, text) = condition(&live, "FetchFailed").unwrap();
    assert_eq!(reason, "GitOperationFailed");
    assert!(text.contains("'nothere' does not exist"), "{text}");
    assert!(
        text.ends_with("(tag 'v1.0.0', chosen for semver '1.x')"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_included_repository_is_waited_for_copied_and_followed() {
    let played = play().await;
    commit(&played, "app", &[("a.yaml", "a")], "one");
    commit(&played, "base", &[("base/b.yaml", "b")], "one");
    let include = json!([{"repository": {"name": "base"}, "fromPath": "base", "toPath": "inc"}]);
    apply(&played, "app", &json!({"include": include})).await;
    assert_eq!(
        played.run("app").await,
        Next::After(Duration::from_secs(30))
    );
    let live = played.live("app").await.unwrap();
    assert_eq!(reason(&live, "IncludeUnavailable"), "NotFound");

    apply(&played, "base", &json!({})).await;
    played.run("app").await;
    let live = played.live("app").await.unwrap();
    assert_eq!(reason(&live, "IncludeUnavailable"), "NoArtifact");

    played.run("base").await;
    played.run("app").await;
    assert_eq!(names(&*played.tree("app").await), ["a.yaml", "inc/b.yaml"]);
    let live = played.live("app").await.unwrap();
    let base = played.live("base").await.unwrap().status.artifact.unwrap();
    assert_eq!(live.status.included_artifacts, [*base]);

    commit(&played, "base", &[("base/b.yaml", "new")], "two");
    played.run("base").await;
    played.run("app").await;
    let path = RepoPath::parse("inc/b.yaml").unwrap();
    let included = played.tree("app").await;
    assert_eq!(&*included.read(&path).unwrap().bytes, b"new");
    let again = played.live("app").await.unwrap();
    played.run("app").await;
    let live = played.live("app").await.unwrap();
    assert_eq!(
        live.metadata.resource_version,
        again.metadata.resource_version
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_artifact_wakes_the_repositories_that_include_it() {
    let played = play().await;
    commit(&played, "app", &[("a.yaml", "a")], "one");
    commit(&played, "base", &[("b.yaml", "b")], "one");
    apply(&played, "base", &json!({})).await;
    let include = json!([{"repository": {"name": "base"}}]);
    apply(&played, "app", &json!({"include": include})).await;
    played.mirrored("app").await;
    played.mirrored("base").await;
    eventually(async || played.queue.len() == 2).await;
    for _ in 0..2 {
        let name = played.queue.next().await.unwrap();
        played.queue.done(&name, Next::Idle);
    }

    played.run("base").await;
    let woken = tokio::time::timeout(Duration::from_secs(30), played.queue.next());
    assert_eq!(woken.await.unwrap(), Some(named("app")));
    played.queue.add(named("base"), Priority::Background);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_secret_is_a_failure_to_fetch() {
    let played = play().await;
    commit(&played, "app", &[("a.yaml", "a")], "one");
    apply(&played, "app", &json!({"secretRef": {"name": "auth"}})).await;
    assert_eq!(played.run("app").await, Next::Backoff);
    let live = played.live("app").await.unwrap();
    let (state, reason, text) = condition(&live, "FetchFailed").unwrap();
    assert_eq!((state, &*reason), (State::True, "AuthenticationFailed"));
    assert!(
        text.starts_with("failed to get secret 'default/auth': "),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unsigned_commit_that_has_to_be_signed_is_not_stored() {
    let played = play().await;
    commit(&played, "app", &[("a.yaml", "a")], "one");
    let verify = json!({"mode": "HEAD", "secretRef": {"name": "keys"}});
    apply(&played, "app", &json!({"verify": verify})).await;
    assert_eq!(played.run("app").await, Next::Backoff);
    let live = played.live("app").await.unwrap();
    let (state, reason, _) = condition(&live, "SourceVerified").unwrap();
    assert_eq!((state, &*reason), (State::False, "InvalidCommitSignature"));
    assert_eq!(live.status.artifact, None);
    assert_eq!(played.files("app"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demand_for_signatures_is_made_of_a_stored_commit_too() {
    let played = play().await;
    commit(&played, "app", &[("a.yaml", "a")], "one");
    apply(&played, "app", &json!({})).await;
    played.run("app").await;
    let verify = json!({"mode": "HEAD", "secretRef": {"name": "keys"}});
    apply(&played, "app", &json!({"verify": verify})).await;
    let live = played.ran("app").await;
    assert_eq!(reason(&live, "Ready"), "InvalidCommitSignature");
    assert!(
        live.status.artifact.is_some(),
        "what was stored before stays"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_that_is_missing_is_named_and_tried_again() {
    let played = play().await;
    commit(&played, "app", &[("a.yaml", "a")], "one");
    apply(&played, "app", &json!({"ref": {"branch": "nothere"}})).await;
    assert_eq!(played.run("app").await, Next::Backoff);
    let live = played.live("app").await.unwrap();
    let (_, reason, text) = condition(&live, "Ready").unwrap();
    assert_eq!(reason, "GitOperationFailed");
    assert!(text.contains("nothere"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fetched_objects_lie_in_the_folder_that_the_options_name() {
    let played = play().await;
    commit(&played, "app", &[("a.yaml", "a")], "one");
    apply(&played, "app", &json!({})).await;
    played.run("app").await;
    let cache = std::fs::read_dir(played.folder().join("git")).unwrap();
    assert!(cache.count() > 0);
}
