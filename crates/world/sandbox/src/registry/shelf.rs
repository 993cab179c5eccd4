//! [`Shelf`]: what a registry holds.

use std::collections::{BTreeMap, HashMap};

use lode_stdx::{Digest, Lock};

/// What a registry holds, by repository.
#[derive(Default)]
pub(crate) struct Shelf(Lock<HashMap<String, Repository>>);

#[derive(Default)]
struct Repository {
    tags: BTreeMap<String, Digest>,
    manifests: HashMap<Digest, (String, Vec<u8>)>,
    blobs: HashMap<Digest, Vec<u8>>,
    /// Blobs that are being pushed, by the number of their session.
    uploads: HashMap<u64, Vec<u8>>,
    sessions: u64,
}

impl Shelf {
    pub(super) fn put_manifest(
        &self,
        repository: &str,
        tag: Option<&str>,
        media_type: &str,
        bytes: Vec<u8>,
    ) -> Digest {
        let digest = Digest::of(&bytes);
        let mut all = self.0.lock();
        let held = all.entry(repository.to_owned()).or_default();
        held.manifests
            .insert(digest, (media_type.to_owned(), bytes));
        if let Some(tag) = tag {
            held.tags.insert(tag.to_owned(), digest);
        }
        digest
    }

    pub(super) fn put_blob(&self, repository: &str, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        let mut all = self.0.lock();
        let held = all.entry(repository.to_owned()).or_default();
        held.blobs.insert(digest, bytes);
        digest
    }

    pub(super) fn untag(&self, repository: &str, tag: &str) {
        if let Some(held) = self.0.lock().get_mut(repository) {
            held.tags.remove(tag);
        }
    }

    pub(super) fn is_known(&self, repository: &str) -> bool {
        self.0.lock().contains_key(repository)
    }

    pub(super) fn tags(&self, repository: &str) -> Vec<String> {
        let all = self.0.lock();
        let held = all.get(repository).map(|held| &held.tags);
        held.into_iter().flat_map(BTreeMap::keys).cloned().collect()
    }

    /// Returns digest, media type and bytes of a manifest, by tag or digest.
    pub(super) fn manifest(
        &self,
        repository: &str,
        reference: &str,
    ) -> Option<(Digest, String, Vec<u8>)> {
        let all = self.0.lock();
        let held = all.get(repository)?;
        let digest = match held.tags.get(reference) {
            Some(digest) => *digest,
            None => reference.parse().ok()?,
        };
        let (media_type, bytes) = held.manifests.get(&digest)?.clone();
        Some((digest, media_type, bytes))
    }

    pub(super) fn blob(&self, repository: &str, digest: &str) -> Option<Vec<u8>> {
        let digest: Digest = digest.parse().ok()?;
        self.0.lock().get(repository)?.blobs.get(&digest).cloned()
    }

    /// Starts to push a blob; returns the number of the session.
    pub(super) fn start_upload(&self, repository: &str) -> u64 {
        let mut all = self.0.lock();
        let held = all.entry(repository.to_owned()).or_default();
        held.sessions += 1;
        held.uploads.insert(held.sessions, Vec::new());
        held.sessions
    }

    /// Adds bytes to a blob; returns how many it has, or nothing if there is no such session.
    pub(super) fn append(&self, repository: &str, session: u64, bytes: &[u8]) -> Option<usize> {
        let mut all = self.0.lock();
        let upload = all.get_mut(repository)?.uploads.get_mut(&session)?;
        upload.extend_from_slice(bytes);
        Some(upload.len())
    }

    /// Ends a session; returns whether the blob has its digest.
    pub(super) fn end_upload(&self, repository: &str, session: u64, digest: &str) -> Option<bool> {
        let bytes = {
            let mut all = self.0.lock();
            all.get_mut(repository)?.uploads.remove(&session)?
        };
        if Digest::of(&bytes).to_string() != digest {
            return Some(false);
        }
        self.put_blob(repository, bytes);
        Some(true)
    }
}
