//! [`fetch`]: fetches one commit without its history, and reads it.
//!
//! Input: a [`Remote`], the result of [`resolve`](crate::resolve), a [`GitCache`]. Output: a
//! [`Snapshot`]. What the cache contains is not fetched again. Everything ends by the remote's
//! timeout, and everything that grows has a limit.
//!
//! A pack is written to a file as it arrives, so waiting for a server holds neither a thread nor
//! memory. Computation runs on a thread once its [`Admission`](crate::Admission) allows it;
//! dropping the fetch ends requests at once and computation soon.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, Seek as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gix_hash::ObjectId;
use gix_pack::Bundle;
use gix_utils::progress::Discard;
use lode_spool::Spool;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use crate::cache::{GitCache, GitStore};
use crate::fetch_error::FetchError as Error;
use crate::http::Session;
use crate::options::{FetchLimits, Options};
use crate::protocol::{ServerOffer, Want};
use crate::reference::Resolved;
use crate::remote::Remote;
use crate::snapshot::{self, Snapshot};
use crate::transport_error::TransportError;

/// Threads that unpack one pack.
const THREADS: usize = 2;
/// Largest pack that is unpacked onto existing objects, in bytes; its entries pass through memory.
const THIN_BYTES_MAX: u64 = 64 << 20;
/// Bytes of a pack that are buffered before they are written to its file.
const GATHERED: usize = 1 << 20;
/// Memory for reading packs and trees of usual sizes.
const WORK_BYTES: u64 = 32 << 20;
/// Memory for objects that deltas may be based on.
const DELTA_BASES_BYTES: usize = 16 << 20;
/// References whose history is searched for a commit that the server does not serve by its id.
const SEARCHED_MAX: usize = 256;

/// Fetches the commit and reads it. Dropping the future ends all its work.
///
/// # Errors
/// The server gives no response or does not know the commit, a limit is exceeded, or the response
/// cannot be read.
pub async fn fetch(
    remote: &Remote,
    resolved: &Resolved,
    cache: &GitCache,
    options: &Options,
) -> Result<Snapshot, Error> {
    let session = Session::new(remote)?;
    let store = cache
        .store(remote, session.deadline())
        .await
        .ok_or_else(|| session.late())?;
    let options = Arc::new(options.clone());
    let mut fetch = Fetch {
        session,
        store: Some(store),
        cache,
        options,
        interrupt: Interrupt::default(),
    };
    let id = resolved.id;
    let blob_bytes = fetch.options.limits.blob_bytes;
    let held = fetch.compute(blob_bytes, move |store, work| {
        store.open().map_err(Error::Cache)?;
        if !store.commits.contains(&id) {
            return Ok(None);
        }
        match work.read(store, id) {
            // Something was lost on disk: start again.
            Err(Error::Missing | Error::Corrupt) => {
                store.clear().map_err(Error::Cache).map(|()| None)
            }
            answer => answer.map(Some),
        }
    });
    if let Some(snapshot) = held.await? {
        return Ok(snapshot);
    }
    fetch.bring(resolved).await?;
    let held_before = !fetch.commits().is_empty();
    let snapshot = match fetch.read(id).await {
        Err(Error::Missing | Error::Corrupt) if held_before => {
            // The server relied on objects that were lost here.
            fetch.clear().await?;
            fetch.bring(resolved).await?;
            fetch.read(id).await?
        }
        answer => answer?,
    };
    fetch
        .compute(0, move |store, _| store.remember(id).map_err(Error::Cache))
        .await?;
    Ok(snapshot)
}

/// One fetch.
struct Fetch<'a> {
    session: Session,
    /// In the computing thread while one runs.
    store: Option<GitStore>,
    cache: &'a GitCache,
    options: Arc<Options>,
    interrupt: Interrupt,
}

/// Ends the computation once its result is not needed any more.
#[derive(Default)]
struct Interrupt(Arc<AtomicBool>);

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What computations need to know.
struct Work {
    options: Arc<Options>,
    interrupted: Arc<AtomicBool>,
}

impl Fetch<'_> {
    /// Runs a computation on the store in its own thread, once admitted. `object_bytes` is the size
    /// of the largest object.
    async fn compute<T: Send + 'static>(
        &mut self,
        object_bytes: u64,
        compute: impl FnOnce(&mut GitStore, &Work) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let began = Instant::now();
        // An object may be based on another one, as a delta is.
        let memory = object_bytes.saturating_mul(2).max(WORK_BYTES);
        let place = self.options.admission.enter(memory).await?;
        self.session.extend(began.elapsed());
        let mut store = self.store.take().ok_or(Error::Broken)?;
        let work = Work {
            options: self.options.clone(),
            interrupted: self.interrupt.0.clone(),
        };
        let (done, ended) = oneshot::channel();
        place.compute(Box::new(move || {
            let answer = compute(&mut store, &work);
            // The result may not be needed any more.
            let _ = done.send((store, answer));
        }));
        let (store, answer) = match timeout_at(self.session.deadline(), ended).await {
            Ok(ended) => ended.map_err(|_| Error::Broken)?,
            Err(_) => return Err(Error::Slow),
        };
        self.store = Some(store);
        answer
    }

    fn commits(&self) -> &[ObjectId] {
        self.store.as_ref().map_or(&[], |store| &store.commits)
    }

    async fn clear(&mut self) -> Result<(), Error> {
        self.compute(0, |store, _| store.clear().map_err(Error::Cache))
            .await
    }

    async fn read(&mut self, id: ObjectId) -> Result<Snapshot, Error> {
        self.compute(self.options.limits.blob_bytes, move |store, work| {
            work.read(store, id)
        })
        .await
    }

    async fn bring(&mut self, resolved: &Resolved) -> Result<(), Error> {
        let prefixes = resolved
            .name
            .as_deref()
            .map_or(vec!["refs/heads/", "refs/tags/"], |name| vec![name]);
        let server = ServerOffer::greet(&mut self.session, &prefixes).await?;
        let unknown = || Error::Commit(resolved.commit.clone());
        if resolved.object.kind() != server.hash {
            return Err(unknown());
        }
        if let Some(store) = &mut self.store {
            store.commits.retain(|known| known.kind() == server.hash);
        }
        let mut answer = self.receive(&server, &[resolved.object], false).await;
        let too_much = matches!(
            answer,
            Err(Error::Remote(TransportError::TooLarge { .. }) | Error::Corrupt)
        );
        if too_much && !self.commits().is_empty() {
            // More has changed than fits a thin pack, or it is based on what was lost here: start
            // again.
            self.clear().await?;
            answer = self.receive(&server, &[resolved.object], false).await;
        }
        match answer {
            Err(Error::Remote(TransportError::Server(said))) if resolved.pinned => {
                if server.hands_out_any() && said.contains("not our ref") {
                    return Err(unknown());
                }
                self.search(&server, resolved, &prefixes).await
            }
            answer => answer,
        }
    }

    /// Fetches the history of the references that may lead to a commit that the server does not
    /// serve by its id.
    async fn search(
        &mut self,
        server: &ServerOffer,
        resolved: &Resolved,
        prefixes: &[&str],
    ) -> Result<(), Error> {
        let unknown = || Error::Commit(resolved.commit.clone());
        let mut wants = BTreeSet::new();
        let take = |tip: crate::protocol::Reference| {
            if resolved.name.as_ref().is_none_or(|name| tip.name == *name) {
                wants.insert(tip.object);
            }
            if wants.len() > SEARCHED_MAX {
                wants.pop_last();
            }
        };
        server.references(&self.session, prefixes, take).await?;
        if wants.is_empty() {
            return Err(unknown());
        }
        let wants: Vec<ObjectId> = wants.into_iter().collect();
        self.receive(server, &wants, true).await?;
        let object = resolved.object;
        let found = self.compute(0, move |store, _| {
            let objects = gix_odb::at(store.objects(), object.kind()).map_err(Error::Cache)?;
            Ok(gix_object::Exists::exists(&objects, &object))
        });
        if found.await? { Ok(()) } else { Err(unknown()) }
    }

    async fn receive(
        &mut self,
        server: &ServerOffer,
        objects: &[ObjectId],
        history: bool,
    ) -> Result<(), Error> {
        // A request for history needs all of it, so commits without history are not announced.
        let have = if history { &[][..] } else { self.commits() };
        let thin = !have.is_empty();
        let pack_bytes_max =
            self.options
                .limits
                .pack_bytes
                .min(if thin { THIN_BYTES_MAX } else { u64::MAX });
        let pack = self
            .download(
                server,
                &Want {
                    objects,
                    have,
                    history,
                    pack_bytes_max,
                },
            )
            .await?;
        let (
            hash,
            FetchLimits {
                blob_bytes,
                object_bytes,
                ..
            },
        ) = (server.hash, self.options.limits);
        // Hardly any pack has an object that is too large for a tree. One that has is unpacked
        // alone, in more memory.
        let usual = blob_bytes.min(object_bytes);
        let again = pack.try_clone().map_err(Error::Cache)?;
        let unpack = move |store: &mut GitStore, work: &Work| {
            work.unpack(store, pack, thin, hash, (usual, THREADS))
        };
        match self.compute(usual, unpack).await {
            Err(Error::Limit { .. }) if usual < object_bytes => {
                let unpack = move |store: &mut GitStore, work: &Work| {
                    work.unpack(store, again, thin, hash, (object_bytes, 1))
                };
                self.compute(object_bytes, unpack).await
            }
            answer => answer,
        }
    }

    /// Downloads a pack to a file, in pieces.
    async fn download(&self, server: &ServerOffer, want: &Want<'_>) -> Result<File, Error> {
        let mut pack = server.fetch(&self.session, want).await?;
        let mut file = self.cache.spool().map_err(Error::Cache)?;
        loop {
            let (mut gathered, mut ended) = (Vec::new(), false);
            while gathered.len() < GATHERED && !ended {
                match pack.next().await? {
                    Some(piece) => gathered.extend_from_slice(&piece),
                    None => ended = true,
                }
            }
            // Disks may be slow, so the write runs on a blocking thread.
            let write = spawn_blocking(move || {
                file.write_all(&gathered)?;
                Ok::<_, io::Error>(file)
            });
            file = write
                .await
                .map_err(|_| Error::Broken)?
                .map_err(Error::Cache)?;
            if ended {
                return Ok(file);
            }
        }
    }
}

/// Returns the disk's error, if it is the cause: then what was received is fine.
fn of_disk(error: &(dyn std::error::Error + 'static)) -> Option<io::Error> {
    use io::ErrorKind::{
        FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull,
    };
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.find_map(|cause| {
        let error = cause.downcast_ref::<io::Error>()?;
        let is_disks = matches!(
            error.kind(),
            FileTooLarge | PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull
        );
        is_disks.then(|| {
            error
                .raw_os_error()
                .map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
        })
    })
}

impl Work {
    fn read(&self, store: &GitStore, object: ObjectId) -> Result<Snapshot, Error> {
        let mut objects = gix_odb::at(store.objects(), object.kind()).map_err(Error::Cache)?;
        objects.set_pack_cache(|| {
            Box::new(gix_pack::cache::lru::StaticLinkedList::<64>::new(
                DELTA_BASES_BYTES,
            ))
        });
        snapshot::read(
            &objects,
            object,
            &self.options,
            &self.interrupted,
            &mut Spool::new(store.unpacked()),
        )
    }

    /// Unpacks objects up to a size, on a number of threads.
    fn unpack(
        &self,
        store: &GitStore,
        mut pack: File,
        thin: bool,
        hash: gix_hash::Kind,
        (object_bytes, threads): (u64, usize),
    ) -> Result<(), Error> {
        pack.rewind().map_err(Error::Cache)?;
        let bases = thin
            .then(|| gix_odb::at(store.objects(), hash))
            .transpose()
            .map_err(Error::Cache)?;
        let options = gix_pack::bundle::write::Options {
            thread_limit: Some(threads),
            alloc_limit_bytes: usize::try_from(object_bytes).ok(),
            ..Default::default()
        };
        let (folder, mut pack) = (store.packs(), BufReader::with_capacity(GATHERED, pack));
        let answer = Bundle::write_to_directory(
            &mut pack,
            Some(&folder),
            &mut Discard,
            &self.interrupted,
            bases,
            hash,
            options,
        );
        match answer {
            Ok(written) => {
                // The file that protects a pack from Git's own garbage collection has no purpose
                // here.
                written
                    .keep_path
                    .map_or(Ok(()), std::fs::remove_file)
                    .map_err(Error::Cache)
            }
            Err(_) if self.interrupted.load(Ordering::Relaxed) => Err(Error::Slow),
            Err(error) if error.is_resource_exhausted() => Err(Error::Limit {
                what: "bytes in one file",
                limit: object_bytes,
            }),
            Err(error) => Err(of_disk(&error).map_or(Error::Corrupt, Error::Cache)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the pack could not be written")]
    struct Wrapped(#[source] io::Error);

    #[test]
    fn a_full_disk_is_told_as_one_however_deep_it_lies() {
        const NO_SPACE: i32 = 28;
        let told = of_disk(&Wrapped(io::Error::from_raw_os_error(NO_SPACE))).unwrap();
        assert_eq!(told.kind(), io::ErrorKind::StorageFull);
        assert!(
            Error::Cache(told)
                .to_string()
                .starts_with("cannot keep objects on disk: No space left on device")
        );
        assert!(
            of_disk(&Wrapped(io::ErrorKind::InvalidData.into())).is_none(),
            "a broken pack is no disk's fault"
        );
    }
}
