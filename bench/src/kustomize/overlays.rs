//! The overlays of the shared corpus, on disk and in memory, and the measurements without a peer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use lode_kustomize::{Build, rebuild};
use lode_tree::{Blob, Entry, Read, RepoPath, Tree};
use tempfile::TempDir;

use super::options;
use crate::peer::millis;
use crate::print;

/// Rounds of all overlays; the shortest counts.
const ROUNDS: usize = 5;

/// The repositories and the folders that are built in them.
pub(super) struct Corpus {
    _unpacked: TempDir,
    pub(super) overlays: Vec<Overlay>,
    pub(super) trees: BTreeMap<String, Tree>,
}

/// One folder that is built.
pub(super) struct Overlay {
    pub(super) repository: String,
    /// Where it is in the repository.
    pub(super) path: RepoPath,
    /// Where it is on disk.
    pub(super) folder: PathBuf,
    /// Bytes of its build.
    pub(super) expected_len: usize,
}

impl Corpus {
    pub(super) fn unpack() -> anyhow::Result<Self> {
        let archive = cases::folder().join(cases::KUSTOMIZE);
        let unpacked = tempfile::tempdir().context("make a folder")?;
        cases::unpack(&archive)
            .with_context(|| format!("open {}", archive.display()))?
            .unpack(unpacked.path())
            .context("unpack the archive")?;
        let input = unpacked.path().join("kustomize/overlays/input");
        let mut trees = BTreeMap::new();
        for repository in std::fs::read_dir(&input).context("list the repositories")? {
            let repository = repository?;
            let mut tree = Tree::default();
            take(&repository.path(), &RepoPath::root(), &mut tree)?;
            trees.insert(repository.file_name().to_string_lossy().into_owned(), tree);
        }
        let overlays = overlays(&unpacked.path().join("kustomize/overlays"), &trees)?;
        Ok(Self {
            _unpacked: unpacked,
            overlays,
            trees,
        })
    }
}

/// Builds a folder and returns its text.
pub(super) fn text(tree: &Tree, folder: &RepoPath) -> anyhow::Result<String> {
    Ok(build(tree, folder)?.text()?)
}

fn build(tree: &Tree, folder: &RepoPath) -> anyhow::Result<Build> {
    lode_kustomize::build(tree, folder, &options()).with_context(|| format!("build {folder}"))
}

/// All overlays on one thread and on two.
pub(super) fn threads(corpus: &Corpus) -> anyhow::Result<()> {
    print::line(&format!(
        "all {} overlays from memory",
        corpus.overlays.len()
    ));
    let mut times = Vec::new();
    for threads in [1, 2] {
        let mut time = Duration::MAX;
        for _ in 0..ROUNDS {
            time = time.min(all(corpus, threads)?);
        }
        print::figure(
            &format!("on {threads} thread(s)"),
            corpus.overlays.len() as f64 / time.as_secs_f64(),
            "builds/s",
        );
        times.push(time);
    }
    print::figure(
        "two threads to one",
        times[0].as_secs_f64() / times[1].as_secs_f64(),
        "x",
    );
    Ok(())
}

fn all(corpus: &Corpus, threads: usize) -> anyhow::Result<Duration> {
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(overlay) = corpus.overlays.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    if text(&corpus.trees[&overlay.repository], &overlay.path).is_err() {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner();
    ensure!(failed == 0, "{failed} overlays do not build");
    Ok(start.elapsed())
}

/// Changes one file in the repository with the most overlays: which builds are repeated, and how
/// long that takes.
pub(super) fn one_changed_file(corpus: &Corpus) -> anyhow::Result<()> {
    let mut of: BTreeMap<&str, Vec<&Overlay>> = BTreeMap::new();
    for overlay in &corpus.overlays {
        of.entry(&overlay.repository).or_default().push(overlay);
    }
    let (repository, overlays) = of
        .into_iter()
        .max_by_key(|(_, overlays)| overlays.len())
        .context("an overlay")?;
    let tree = &corpus.trees[repository];
    let start = Instant::now();
    let builds: Vec<Build> = overlays
        .iter()
        .map(|overlay| build(tree, &overlay.path))
        .collect::<Result<_, _>>()?;
    let whole = start.elapsed();
    let file = shared_file(&builds).context("a file that builds share")?;
    let mut changed = tree.clone();
    let mut bytes = tree.read(&file)?.bytes.to_vec();
    bytes.extend_from_slice(b"\n# changed\n");
    let blob = Blob {
        id: *lode_stdx::Digest::of(&bytes).as_bytes(),
        bytes: bytes.into(),
    };
    changed.insert(
        file.clone(),
        Entry::File {
            blob,
            executable: false,
        },
    );
    let paths = BTreeSet::from([file.clone()]);
    let mut again: Vec<&Overlay> = Vec::new();
    let mut kept = Vec::new();
    let start = Instant::now();
    for (overlay, previous) in overlays.iter().zip(builds) {
        let (built, is_new) = rebuild(previous, &paths, || build(&changed, &overlay.path))?;
        kept.push(built);
        again.extend(is_new.then_some(*overlay));
    }
    let rebuilt = start.elapsed();
    print::line(&format!(
        "{repository}: {} overlays, {file} changed",
        overlays.len()
    ));
    print::figure("all of them once", millis(whole), "ms");
    print::figure(
        &format!("{} done again", again.len()),
        millis(rebuilt),
        "ms",
    );
    for overlay in again {
        print::line(&format!("    {}", overlay.path));
    }
    Ok(())
}

/// Returns a file that few builds, but more than one, read.
fn shared_file(builds: &[Build]) -> Option<RepoPath> {
    let mut readers: BTreeMap<&RepoPath, usize> = BTreeMap::new();
    for build in builds {
        let files = build
            .reads
            .reads()
            .filter(|(_, read)| matches!(read, Read::File(_)));
        for (file, _) in files {
            *readers.entry(file).or_default() += 1;
        }
    }
    readers
        .into_iter()
        .filter(|(_, readers)| *readers > 1)
        .min_by_key(|(_, readers)| *readers)
        .map(|(file, _)| file.clone())
}

fn take(folder: &Path, at: &RepoPath, tree: &mut Tree) -> anyhow::Result<()> {
    for child in std::fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let child = child?;
        let (path, kind) = (child.path(), child.file_type()?);
        let inside = at.join(&child.file_name().to_string_lossy())?;
        if kind.is_dir() {
            take(&path, &inside, tree)?;
        } else if kind.is_symlink() {
            let target = std::fs::read_link(&path)?;
            tree.insert(inside, Entry::Link(target.to_string_lossy().into()));
        } else {
            let bytes = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
            let blob = Blob {
                id: *lode_stdx::Digest::of(&bytes).as_bytes(),
                bytes: bytes.into(),
            };
            tree.insert(
                inside,
                Entry::File {
                    blob,
                    executable: false,
                },
            );
        }
    }
    Ok(())
}

/// Finds the folder for the name of each expectation: `__` stands for a slash, but a name may also
/// contain `__`.
fn overlays(root: &Path, trees: &BTreeMap<String, Tree>) -> anyhow::Result<Vec<Overlay>> {
    let mut folders = BTreeMap::new();
    for (repository, tree) in trees {
        for folder in tree.entries().filter_map(|(path, _)| path.parent()) {
            folders.insert(
                format!("{repository}__{}", folder.as_str().replace('/', "__")),
                (repository, folder),
            );
        }
    }
    let mut overlays = Vec::new();
    for expected in std::fs::read_dir(root.join("expected")).context("list the expected builds")? {
        let expected = expected?.path();
        let name = expected.file_stem().unwrap_or_default().to_string_lossy();
        let Some((repository, path)) = folders.get(&*name) else {
            continue;
        };
        overlays.push(Overlay {
            repository: (*repository).clone(),
            path: path.clone(),
            folder: root.join("input").join(repository).join(path.as_str()),
            expected_len: std::fs::metadata(&expected)?.len() as usize,
        });
    }
    overlays.sort_by(|a, b| a.folder.cmp(&b.folder));
    Ok(overlays)
}
