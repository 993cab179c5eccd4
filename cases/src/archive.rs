//! The archives of the corpus: tar, packed by zstd or xz.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;

use crate::corpus;

/// The path of the archive of kustomize's cases in the corpus.
pub const KUSTOMIZE: &str = "kustomize/cases.tar.zst";
/// The path of the archive of charts in the corpus.
pub const CHARTS: &str = "helm/charts.tar.zst";

/// The zstd archives are packed with a window of this size, as a power of two, which readers refuse unless asked.
const WINDOW_LOG: u32 = 27;

/// All that is in an archive.
#[derive(Debug, Default)]
pub struct Archive {
    /// What each file holds, by its path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What each symbolic link points to, by its path.
    pub links: BTreeMap<String, String>,
}

/// What is at a path of an archive.
#[derive(Debug)]
pub enum Content {
    /// A file, with its bytes.
    File(Vec<u8>),
    /// A symbolic link, with what it points to.
    Link(String),
}

impl Archive {
    /// Reads an archive of the corpus; nothing where the corpus is absent.
    ///
    /// # Panics
    ///
    /// Panics if the archive cannot be read.
    pub fn open(name: &str) -> Option<Self> {
        let mut archive = Self::default();
        let is_here = visit(name, |path, content| match content {
            Content::File(bytes) => drop(archive.files.insert(path, bytes)),
            Content::Link(target) => drop(archive.links.insert(path, target)),
        });
        is_here.then_some(archive)
    }

    /// Returns a file as text, if it is there.
    ///
    /// # Panics
    ///
    /// Panics if the file is no UTF-8.
    pub fn text(&self, path: &str) -> Option<&str> {
        let bytes = self.files.get(path)?;
        Some(
            std::str::from_utf8(bytes)
                .unwrap_or_else(|error| panic!("read {path} as text: {error}")),
        )
    }
}

/// Calls `see` with path and content of each file and link of an archive of the corpus. Returns whether the corpus is
/// there.
///
/// # Panics
///
/// Panics if the archive cannot be read.
pub fn visit(name: &str, mut see: impl FnMut(String, Content)) -> bool {
    let Some(path) = corpus::find(name) else {
        return false;
    };

    if let Err(error) = try_visit(&path, &mut see) {
        panic!("read {}: {error}", path.display());
    }
    true
}

fn try_visit(path: &Path, see: &mut impl FnMut(String, Content)) -> io::Result<()> {
    for entry in unpack(path)?.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        let path = path.trim_start_matches("./").to_owned();
        if let Some(target) = entry.link_name()? {
            see(path, Content::Link(target.to_string_lossy().into_owned()));
        } else if entry.header().entry_type().is_file() {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            see(path, Content::File(bytes));
        }
    }
    Ok(())
}

/// Opens an archive, to read it entry by entry.
///
/// # Errors
///
/// Fails if the file cannot be opened, or is packed by xz and cannot be unpacked.
pub fn unpack(path: &Path) -> io::Result<tar::Archive<Box<dyn Read>>> {
    let file = File::open(path)?;
    let unpacked: Box<dyn Read> = if path.extension().is_some_and(|extension| extension == "xz") {
        let mut bytes = Vec::new();
        lzma_rs::xz_decompress(&mut BufReader::new(file), &mut bytes).map_err(io::Error::other)?;
        Box::new(Cursor::new(bytes))
    } else {
        let mut decoder = zstd::Decoder::new(file)?;
        decoder.window_log_max(WINDOW_LOG)?;
        Box::new(decoder)
    };
    Ok(tar::Archive::new(unpacked))
}
