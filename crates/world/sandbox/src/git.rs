//! [`Git`]: repositories by name, written by the test and by pushes with this server's token.
//!
//! Every program on this machine can reach loopback, and a web page in a browser may try: reading
//! is open to requests that name the server by its address, pushing requires the token in
//! [`Git::push_url`].

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use lode_apiserver::Clock;
use lode_git::{
    Access, Author, Changes, CommitError, Draft, Gate, ObjectId, Repository, Server, serve,
};
use lode_net::Sockets;
use lode_stdx::Lock;
use lode_tree::RepoPath;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// A Git server in memory.
#[derive(Clone)]
pub struct Git {
    address: SocketAddr,
    server: Server,
    token: Arc<str>,
    by_name: Arc<Lock<BTreeMap<String, Repository>>>,
    clock: Clock,
}

/// Why no commit was made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A path leaves the repository.
    #[error("write \"{path}\"")]
    Path {
        /// The path.
        path: String,
        /// The reason.
        source: lode_tree::PathError,
    },
    /// The commit cannot be made.
    #[error("commit to {repository}")]
    Commit {
        /// The repository.
        repository: String,
        /// The reason.
        source: CommitError,
    },
}

impl Git {
    /// Starts a server without repositories, whose commits have the times of a clock; it serves until its task is aborted.
    pub(crate) async fn start(
        sockets: &Sockets,
        clock: Clock,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let listener = sockets.listen((Ipv4Addr::LOCALHOST, 0).into()).await?;
        let (address, server) = (listener.local_addr()?, Server::default());
        server.answer_to([address.to_string(), format!("localhost:{}", address.port())]);
        let token = Uuid::new_v4().simple().to_string().into();
        let git = Self {
            address,
            server,
            token,
            by_name: Arc::default(),
            clock,
        };
        let task = tokio::spawn(serve(listener, git.server.clone(), std::future::pending()));
        Ok((git, task))
    }

    /// Returns the URL of a repository, for sources and read-only clients.
    #[must_use]
    pub fn url(&self, repository: &str) -> String {
        format!("http://{}/{repository}.git", self.address)
    }

    /// Returns the URL of a repository with the token that allows pushing. It is a secret.
    #[must_use]
    pub fn push_url(&self, repository: &str) -> String {
        format!(
            "http://{PUSHER}:{}@{}/{repository}.git",
            self.token, self.address
        )
    }

    /// Returns a repository, created if it does not exist.
    #[must_use]
    pub fn repository(&self, name: &str) -> Repository {
        let mut by_name = self.by_name.lock();
        let repository = by_name.entry(name.to_owned()).or_insert_with(|| {
            let repository = Repository::new(BRANCH);
            let access = Access {
                read: Gate::Open,
                write: Gate::basic(PUSHER, &self.token),
            };
            self.server.put(name, repository.clone(), access);
            repository
        });
        repository.clone()
    }

    /// Commits to the branch `main`: files with their content, or without one to delete them.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn commit(
        &self,
        name: &str,
        files: &[(&str, Option<&str>)],
        message: &str,
    ) -> Result<ObjectId, Error> {
        let mut changes = Changes::default();
        for (path, content) in files {
            let bad = |source| Error::Path {
                path: (*path).to_owned(),
                source,
            };
            let path = RepoPath::parse(path).map_err(bad)?;
            match content {
                Some(content) => changes.write(path, *content),
                None => changes.delete(path),
            }
        }
        let made = self
            .repository(name)
            .commit(BRANCH, &changes, &self.draft(message));
        made.map_err(|source| Error::Commit {
            repository: name.to_owned(),
            source,
        })
    }

    /// Reverts an earlier commit on the branch `main`.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn revert(&self, name: &str, commit: ObjectId, message: &str) -> Result<ObjectId, Error> {
        let made = self
            .repository(name)
            .revert(BRANCH, commit, &self.draft(message));
        made.map_err(|source| Error::Commit {
            repository: name.to_owned(),
            source,
        })
    }

    fn draft(&self, message: &str) -> Draft {
        let author = Author {
            name: "sandbox".to_owned(),
            email: "sandbox@lodestone.dev".to_owned(),
        };
        Draft {
            author,
            message: message.to_owned(),
            time_seconds: (self.clock)().as_second(),
            onto: None,
        }
    }
}

/// The user in the URL with the token.
const PUSHER: &str = "demo";
/// The branch of all repositories.
const BRANCH: &str = "main";
