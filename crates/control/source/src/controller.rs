//! [`GitRepositories`]: what all reconciles of the kind share.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use lode_api::git_repository::Spec;
use lode_object::NamespacedName;
use lode_runtime::{Frame, Memory, Own, Priority, Queue};

use crate::fetch::Git;
use crate::options::Options;
use crate::traffic::Traffic;

/// How often the objects kept for Git are looked through.
const COLLECT_EVERY: Duration = Duration::from_hours(1);

/// The kind `GitRepository`.
pub struct GitRepositories {
    pub(crate) own: Arc<Own<Spec>>,
    pub(crate) artifacts: Arc<lode_store::Store>,
    pub(crate) git: Git,
    pub(crate) memory: Memory,
    pub(crate) traffic: Traffic,
    pub(crate) options: Options,
}

/// What the controller stands on.
pub struct Parts {
    /// The repositories.
    pub own: Own<Spec>,
    /// The artifacts.
    pub artifacts: Arc<lode_store::Store>,
    /// What all work that computes shares.
    pub memory: Memory,
}

impl GitRepositories {
    /// Puts the controller together; nothing runs yet.
    ///
    /// # Errors
    /// The folder for what Git fetches cannot be written.
    pub fn frame(
        parts: Parts,
        queue: Arc<Queue<NamespacedName>>,
        options: Options,
    ) -> io::Result<Arc<Frame<Self>>> {
        let own = Arc::new(parts.own);
        let parked = queue.clone();
        let kind = Self {
            own: own.clone(),
            artifacts: parts.artifacts,
            git: Git::open(&options, parts.memory.clone())?,
            memory: parts.memory,
            traffic: Traffic::new(move |name| parked.add(name.clone(), Priority::Change)),
            options,
        };
        Ok(Frame::new(own, queue, kind))
    }

    /// Removes what was fetched and is not used any more, every hour, for ever.
    pub async fn collect(&self) {
        let mut every = tokio::time::interval(COLLECT_EVERY);
        loop {
            every.tick().await;
            self.git.collect().await;
        }
    }
}
