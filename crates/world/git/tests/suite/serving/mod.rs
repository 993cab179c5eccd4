//! Our own server, used by the git program and by our own client.

mod fetching;
mod pushing;
pub(crate) mod random;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::JoinHandle;

use lode_git::{Access, Repository, Server, ServerLimits, serve};
use tokio::sync::oneshot;

use crate::server::FIXED;

/// A server on a loopback port and a folder for clones.
pub(crate) struct Serving {
    pub(crate) address: String,
    pub(crate) server: Server,
    pub(crate) folder: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _held: tempfile::TempDir,
}

impl Serving {
    pub(crate) fn start() -> Self {
        Self::with(ServerLimits::default())
    }

    pub(crate) fn with(limits: ServerLimits) -> Self {
        let server = Server::with(limits);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let (stop, stopped) = oneshot::channel::<()>();
        let shared = server.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                serve(listener, shared, async { drop(stopped.await) }).await;
            });
        });
        let held = tempfile::tempdir().unwrap();
        let folder = held.path().to_owned();
        Self {
            address,
            server,
            folder,
            stop: Some(stop),
            thread: Some(thread),
            _held: held,
        }
    }

    pub(crate) fn repository(&self, name: &str) -> Repository {
        self.repository_with(name, Access::default())
    }

    pub(crate) fn repository_with(&self, name: &str, access: Access) -> Repository {
        let repository = Repository::new("main");
        self.server.put(name, repository.clone(), access);
        repository
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("{}/{name}.git", self.address)
    }

    /// Clones with the git program and returns the clone.
    pub(crate) fn clone(&self, name: &str, into: &str, options: &[&str]) -> Clone {
        let url = self.url(name);
        let args: Vec<&str> = ["clone", "-q"]
            .iter()
            .chain(options)
            .copied()
            .chain([url.as_str(), into])
            .collect();
        git(&self.folder, &args).unwrap();
        Clone(self.folder.join(into))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

/// A folder the git program works in.
pub(crate) struct Clone(pub(crate) PathBuf);

impl Clone {
    /// Runs git and returns its output, or its error message.
    pub(crate) fn try_git(&self, args: &[&str]) -> Result<String, String> {
        git(&self.0, args)
    }

    pub(crate) fn git(&self, args: &[&str]) -> String {
        self.try_git(args).unwrap()
    }

    pub(crate) fn commit(&self, file: &str, text: &str) -> String {
        let path = self.0.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", &format!("write {file}")]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Checks that no object is broken or missing.
    pub(crate) fn check(&self) {
        self.git(&["fsck", "--full", "--strict", "--no-dangling"]);
    }
}

pub(crate) fn git(folder: &Path, args: &[&str]) -> Result<String, String> {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(args)
        .envs(FIXED)
        .env("GIT_TERMINAL_PROMPT", "0")
        .output()
        .unwrap();
    let (out, complaint) = (
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr),
    );
    if status.success() {
        Ok(out.trim().to_owned())
    } else {
        Err(format!("git {args:?}: {complaint}{out}"))
    }
}
