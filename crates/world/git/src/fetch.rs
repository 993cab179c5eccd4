//! [`fetch`]: brings one commit here, without its history, and reads it.
//!
//! Input: a [`Remote`], what [`resolve`](crate::resolve) found, a [`Cache`]. Output: a [`Snapshot`]. What the cache
//! holds is not fetched again. Everything ends by the remote's timeout, and everything that grows has a limit.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Instant;

use gix_hash::ObjectId;
use gix_pack::Bundle;
use gix_utils::progress::Discard;

use crate::cache::{Cache, Store};
use crate::http::{self, Session};
use crate::protocol::{Pack, Server, Want};
use crate::reference::Resolved;
use crate::remote::Remote;
use crate::snapshot::{self, Snapshot};

/// Threads that unpack one pack.
const THREADS: usize = 2;
/// Bytes of a pack that is unpacked onto objects held already; its entries pass through memory.
const THIN_BYTES_MAX: u64 = 64 << 20;
/// References whose history is searched for a commit that the server does not hand out by its id.
const SEARCHED_MAX: usize = 256;

/// How large things may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a pack as received.
    pub pack_bytes: u64,
    /// Bytes of one object when unpacked.
    pub object_bytes: u64,
    /// Bytes of a file that a tree carries; a larger one becomes [`Entry::Large`](lode_tree::Entry::Large).
    pub blob_bytes: u64,
    /// Bytes of all files a tree carries.
    pub tree_bytes: u64,
    /// Files and folders.
    pub files: u64,
}

/// What a fetch takes, and how much of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The limits.
    pub limits: Limits,
    /// Folders to read; none means all. Each must exist.
    pub sparse: Vec<String>,
}

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server gave no usable answer.
    #[error(transparent)]
    Remote(#[from] http::Error),
    /// No such commit, or none that its references lead to.
    #[error("commit \"{0}\" not found")]
    Commit(String),
    /// The reference leads to something else than a commit.
    #[error("the reference leads to no commit")]
    NoCommit,
    /// A folder of a sparse checkout does not exist.
    #[error("folder \"{0}\" of the sparse checkout does not exist in the repository")]
    Sparse(String),
    /// A name that no file may have.
    #[error("the repository holds a file name that is not allowed: {0}")]
    FileName(String),
    /// A symbolic link whose target is no text.
    #[error("the repository holds a symbolic link that cannot be read: {0}")]
    Link(String),
    /// More than we take.
    #[error("the repository holds more than {limit} {what}, the limit")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The operation did not end in time, the answers having come.
    #[error("unpacking did not end in time")]
    Slow,
    /// An object is not there though the server should have sent it.
    #[error("the server left out an object of the commit")]
    Missing,
    /// Objects that cannot be read.
    #[error("the objects received cannot be read")]
    Corrupt,
    /// The cache cannot be written.
    #[error("cannot keep objects on disk: {0}")]
    Cache(#[source] io::Error),
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pack_bytes: 512 << 20,
            object_bytes: 256 << 20,
            blob_bytes: 32 << 20,
            tree_bytes: 512 << 20,
            files: 200_000,
        }
    }
}

/// Brings the commit here and reads it.
///
/// # Errors
/// The server gives no answer or does not know the commit, a limit is passed, or what comes cannot be read.
pub fn fetch(remote: &Remote, resolved: &Resolved, cache: &Cache, options: &Options) -> Result<Snapshot, Error> {
    let mut session = Session::new(remote)?;
    let deadline = session.deadline();
    let store = cache.store(remote, deadline).ok_or_else(|| session.late())?;
    let mut store = store.map_err(Error::Cache)?;
    if store.commits.contains(&resolved.id) {
        match read(&store, resolved.id, options, deadline) {
            // Something was lost on disk: start anew.
            Err(Error::Missing | Error::Corrupt) => store.clear().map_err(Error::Cache)?,
            answer => return answer,
        }
    }
    bring(&mut session, resolved, &mut store, &options.limits)?;
    let snapshot = match read(&store, resolved.id, options, deadline) {
        Err(Error::Missing | Error::Corrupt) if !store.commits.is_empty() => {
            // The server counted on objects that were lost here.
            store.clear().map_err(Error::Cache)?;
            bring(&mut session, resolved, &mut store, &options.limits)?;
            read(&store, resolved.id, options, deadline)?
        }
        answer => answer?,
    };
    store.remember(resolved.id).map_err(Error::Cache)?;
    Ok(snapshot)
}

fn read(store: &Store<'_>, object: ObjectId, options: &Options, deadline: Instant) -> Result<Snapshot, Error> {
    let mut objects = gix_odb::at(store.objects(), object.kind()).map_err(Error::Cache)?;
    objects.set_pack_cache(|| Box::new(gix_pack::cache::lru::StaticLinkedList::<64>::default()));
    snapshot::read(&objects, object, options, deadline)
}

fn bring(session: &mut Session, resolved: &Resolved, store: &mut Store<'_>, limits: &Limits) -> Result<(), Error> {
    let server = Server::greet(session)?;
    let unknown = || Error::Commit(resolved.commit.clone());
    if resolved.object.kind() != server.hash {
        return Err(unknown());
    }
    store.commits.retain(|known| known.kind() == server.hash);
    let mut answer = Receiver { server: &server, session, store, limits }.receive(&[resolved.object], false);
    if !store.commits.is_empty() && matches!(answer, Err(Error::Remote(http::Error::TooLarge { .. }) | Error::Corrupt))
    {
        // More has changed than a thin pack should bring, or it rests on what was lost here: start anew.
        store.clear().map_err(Error::Cache)?;
        answer = Receiver { server: &server, session, store, limits }.receive(&[resolved.object], false);
    }
    match answer {
        Err(Error::Remote(http::Error::Server(said))) if resolved.pinned => {
            if server.hands_out_any() && said.contains("not our ref") {
                return Err(unknown());
            }
            Receiver { server: &server, session, store, limits }.search(resolved, unknown)
        }
        answer => answer,
    }
}

struct Receiver<'a, 'c> {
    server: &'a Server,
    session: &'a Session,
    store: &'a Store<'c>,
    limits: &'a Limits,
}

impl Receiver<'_, '_> {
    /// Brings the history of the references that may lead to a commit the server does not hand out by its id.
    fn search(&self, resolved: &Resolved, unknown: impl Fn() -> Error) -> Result<(), Error> {
        let prefixes = resolved.name.as_deref().map_or(vec!["refs/heads/", "refs/tags/"], |name| vec![name]);
        let mut tips = self.server.references(self.session, &prefixes)?;
        tips.retain(|tip| resolved.name.as_ref().is_none_or(|name| tip.name == *name));
        let mut wants: Vec<ObjectId> = tips.into_iter().map(|tip| tip.object).collect();
        wants.sort_unstable();
        wants.dedup();
        wants.truncate(SEARCHED_MAX);
        if wants.is_empty() {
            return Err(unknown());
        }
        self.receive(&wants, true)?;
        let objects = gix_odb::at(self.store.objects(), resolved.object.kind()).map_err(Error::Cache)?;
        let found = gix_object::Exists::exists(&objects, &resolved.object);
        if found { Ok(()) } else { Err(unknown()) }
    }

    fn receive(&self, objects: &[ObjectId], history: bool) -> Result<(), Error> {
        // Whoever wants history wants it whole, so nothing is said of what is held without.
        let have = if history { &[][..] } else { &self.store.commits };
        let thin = !have.is_empty();
        let pack_bytes_max = self.limits.pack_bytes.min(if thin { THIN_BYTES_MAX } else { u64::MAX });
        let pack = self.server.fetch(self.session, &Want { objects, have, history, pack_bytes_max })?;
        let bases = thin.then(|| gix_odb::at(self.store.objects(), self.server.hash)).transpose();
        let bases = bases.map_err(Error::Cache)?;
        let late = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (done, waiting) = channel::<()>();
            let (late, left) = (&late, self.session.deadline().saturating_duration_since(Instant::now()));
            scope.spawn(move || {
                if waiting.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
                    late.store(true, Ordering::Relaxed);
                }
            });
            let answer = self.unpack(pack, bases, late);
            drop(done);
            answer
        })
    }

    fn unpack(&self, mut pack: Pack, bases: Option<gix_odb::Handle>, late: &AtomicBool) -> Result<(), Error> {
        let options = gix_pack::bundle::write::Options {
            thread_limit: Some(THREADS),
            alloc_limit_bytes: usize::try_from(self.limits.object_bytes).ok(),
            ..Default::default()
        };
        let folder = self.store.packs();
        let answer = Bundle::write_to_directory(
            &mut pack.stream,
            Some(&folder),
            &mut Discard,
            late,
            bases,
            self.server.hash,
            options,
        );
        match answer {
            Ok(written) => {
                // The mark that protects a pack from Git's own collection means nothing here.
                written.keep_path.map_or(Ok(()), std::fs::remove_file).map_err(Error::Cache)
            }
            Err(_) if late.load(Ordering::Relaxed) => Err(self.session.late().into()),
            Err(error) => Err(match (pack.failure.take(), pack.stream.complaint) {
                (Some(failure), _) => failure.into(),
                (None, Some(complaint)) => self.session.said(complaint.as_bytes()).into(),
                (None, None) if error.is_resource_exhausted() => {
                    Error::Limit { what: "bytes in one file", limit: self.limits.object_bytes }
                }
                (None, None) => Error::Corrupt,
            }),
        }
    }
}
