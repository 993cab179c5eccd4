//! Builds on threads: each holds no more memory than was reserved for it.
//!
//! What a build needs is known when it has ended, not before: it begins with what its files make likely, and starts again
//! with more if that was not enough.

use std::sync::Arc;

use lode_api::{Kustomization, reasons};
use lode_runtime::{Bounded, Failure, Memory, NotRun};
use lode_stdx::budget::Limits;
use lode_tree::Tree;

use crate::build::{self, Built, Unbuilt};
use crate::controller::Kustomizations;
use crate::gather::Variables;

impl Kustomizations {
    /// Builds once there is memory for it; `before` is how many bytes it took the last time.
    pub(crate) async fn build_within(
        &self,
        object: &Arc<Kustomization>,
        tree: Arc<Tree>,
        vars: Variables,
        before: u64,
    ) -> Result<Built, Unbuilt> {
        let work = Work {
            object: object.clone(),
            tree,
            vars,
            options: self.build.clone(),
        };
        let building = within(&self.memory, Arc::new(work), before);
        self.cancellation.unless(&self.own, object, building).await
    }
}

/// What one build is made from.
struct Work {
    object: Arc<Kustomization>,
    tree: Arc<Tree>,
    vars: Variables,
    options: build::Options,
}

async fn within(memory: &Memory, work: Arc<Work>, before: u64) -> Result<Built, Unbuilt> {
    let most = work.options.limits.bytes.min(memory.for_one());
    let likely = build::memory(&work.object, &work.tree)
        .min(most / 2)
        .max(before);
    let namespace = work.object.metadata.namespace.clone();
    let once = move |bytes| match once(&work, bytes) {
        Err(unbuilt @ Unbuilt::Memory(_)) => Bounded::MetBound(Err(unbuilt)),
        built => Bounded::Ended(built),
    };
    let built = memory.compute_growing(&namespace, likely, most, once).await;
    built.unwrap_or_else(|error| {
        Err(failed(match error {
            NotRun::TooLarge(error) => format!("the build {error}"),
            NotRun::Unfinished(error) => format!("the build: {error}"),
        }))
    })
}

/// Builds with so many bytes.
fn once(work: &Work, bytes: u64) -> Result<Built, Unbuilt> {
    let limits = Limits {
        bytes,
        ..work.options.limits
    };
    build::build_with(
        &work.object,
        &work.tree,
        work.vars.clone(),
        &work.options,
        limits,
    )
}

fn failed(text: String) -> Unbuilt {
    Unbuilt::Other(Failure::new(reasons::BUILD_FAILED, text))
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use serde_json::json;

    use super::*;

    const MIB: u64 = 1 << 20;

    /// A build of one object with a text of so many bytes, made large by a variable.
    fn work(text: usize) -> Arc<Work> {
        let object =
            json!({"metadata": {"name": "app", "namespace": "team"}, "spec": {"path": "./"}});
        let mut object = Kustomization::parse(&object).unwrap();
        object.spec.post_build = Some(Box::default());
        let file = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: \"${big}\"}\n";
        let tree: Tree = [("a.yaml", file)].into_iter().collect();
        let vars = Variables::plain([("big".to_owned(), "x".repeat(text))]);
        let options = crate::Options::default();
        let options = build::Options {
            strict: false,
            limits: options.build_limits,
            custom_stage_kinds: Vec::new(),
            strict_fields: false,
            charts: false,
        };
        Arc::new(Work {
            object: Arc::new(object),
            tree: Arc::new(tree),
            vars,
            options,
        })
    }

    #[tokio::test]
    async fn a_build_that_needs_more_than_its_files_make_likely_begins_anew_with_more() {
        let memory = Memory::new(200 * MIB, 4);
        let work = work(10 << 20);
        let Err(Unbuilt::Memory(_)) = once(&work, 8 * MIB) else {
            panic!("8 MiB are too few")
        };
        let built = within(&memory, work, 0).await.unwrap();
        assert!(built.bytes > 8 * MIB, "{}", built.bytes);
        assert!(
            memory.reserve("team", 200 * MIB).now_or_never().is_some(),
            "all is given back"
        );
    }

    #[tokio::test]
    async fn a_build_larger_than_the_memory_budget_fails_by_name_and_gives_all_back() {
        let memory = Memory::new(64 * MIB, 4);
        let unbuilt = within(&memory, work(80 << 20), 0).await.err().unwrap();
        let failure = Failure::from(unbuilt);
        assert_eq!(failure.reason, reasons::BUILD_FAILED);
        for part in ["50331648 bytes", "--memory-budget"] {
            assert!(failure.message.contains(part), "{}", failure.message);
        }
        assert!(
            !failure.message.contains("--build-bytes-max"),
            "{}",
            failure.message
        );
        assert!(
            memory.reserve("team", 64 * MIB).now_or_never().is_some(),
            "all is given back"
        );
    }

    #[tokio::test]
    async fn a_build_waits_until_another_gives_memory_back() {
        let memory = Memory::new(64 * MIB, 4);
        let held = memory.reserve("other", 60 * MIB).await.unwrap();
        let mut build = Box::pin(within(&memory, work(1), 0));
        assert!(build.as_mut().now_or_never().is_none());
        drop(held);
        assert!(build.await.is_ok());
    }
}
