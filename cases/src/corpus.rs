//! Where the corpus is, and reading its files.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::recorded::parse_lines;
use crate::report;

/// Returns the folder of the corpus, whether it exists or not: `LODE_CORPUS`, else `../shared/corpus` beside the
/// checkout.
pub fn folder() -> PathBuf {
    located(env::var_os("LODE_CORPUS"), checkout())
}

/// Returns the path of a file of the corpus. Where the corpus is absent, reports the file as not run.
///
/// # Panics
///
/// Panics if the corpus is there without this file, or if it is absent and `LODE_CORPUS_REQUIRED` is set.
pub fn find(name: &str) -> Option<PathBuf> {
    let is_required = env::var_os("LODE_CORPUS_REQUIRED").is_some_and(|value| value != "0");
    found(&folder(), name, is_required)
}

/// Reads a text of the corpus; what is packed by gzip or xz is unpacked.
///
/// # Panics
///
/// Panics where [`find`] does, and if the file cannot be read.
pub fn text(name: &str) -> Option<String> {
    find(name).map(|path| read(&path))
}

/// Reads a JSON value of the corpus.
///
/// # Panics
///
/// Panics where [`text`] does, and if the file is no JSON.
pub fn json(name: &str) -> Option<Value> {
    let value = serde_json::from_str(&text(name)?);
    Some(value.unwrap_or_else(|error| panic!("read {name}: {error}")))
}

/// Reads a file of the corpus that has a JSON value on each line; none where the corpus is absent.
///
/// # Panics
///
/// Panics where [`text`] does, and if a line is no JSON.
pub fn lines(name: &str) -> Vec<Value> {
    text(name).map_or_else(Vec::new, |text| parse_lines(name, &text))
}

/// Reads a page of the written contract, which lies in `spec` beside the corpus.
///
/// # Panics
///
/// Panics where [`find`] does, and if the file cannot be read.
pub fn spec(name: &str) -> Option<String> {
    let name = format!("../spec/{name}");
    text(&name)
}

/// Returns whether recorded cases can be read at all.
pub(crate) fn is_present() -> bool {
    folder().is_dir()
}

fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this crate lies in a folder of the checkout")
}

fn located(named: Option<OsString>, checkout: &Path) -> PathBuf {
    match named.filter(|folder| !folder.is_empty()) {
        Some(folder) => folder.into(),
        None => checkout.join("../shared/corpus"),
    }
}

fn found(folder: &Path, name: &str, is_required: bool) -> Option<PathBuf> {
    if folder.is_dir() {
        let path = folder.join(name);
        assert!(path.exists(), "{} is not in the corpus", path.display());
        return Some(path);
    }

    assert!(
        !is_required,
        "{name}: no recorded cases at {}, and LODE_CORPUS_REQUIRED is set",
        folder.display()
    );
    report::not_run(name, folder);
    None
}

fn read(path: &Path) -> String {
    try_read(path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
}

fn try_read(path: &Path) -> Result<String, String> {
    let opened = || File::open(path).map(BufReader::new);
    let mut text = String::new();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => {
            let mut unpacked = GzDecoder::new(opened().map_err(|error| error.to_string())?);
            unpacked
                .read_to_string(&mut text)
                .map_err(|error| error.to_string())?;
        }
        Some("xz") => {
            let mut packed = opened().map_err(|error| error.to_string())?;
            let mut bytes = Vec::new();
            lzma_rs::xz_decompress(&mut packed, &mut bytes).map_err(|error| error.to_string())?;
            text = String::from_utf8(bytes).map_err(|error| error.to_string())?;
        }
        _ => text = fs::read_to_string(path).map_err(|error| error.to_string())?,
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_is_where_the_variable_says_else_beside_the_checkout() {
        let checkout = Path::new("/a/checkout");
        assert_eq!(
            located(Some("/b".into()), checkout),
            PathBuf::from("/b"),
            "named"
        );
        let beside = PathBuf::from("/a/checkout/../shared/corpus");
        assert_eq!(located(None, checkout), beside);
        assert_eq!(located(Some(OsString::new()), checkout), beside, "empty");
    }

    #[test]
    fn an_absent_corpus_gives_no_file() {
        assert_eq!(found(Path::new("/nowhere"), "a/b.jsonl", false), None);
    }

    #[test]
    #[should_panic(expected = "a/b.jsonl: no recorded cases at /nowhere")]
    fn an_absent_corpus_that_is_required_fails_the_test() {
        found(Path::new("/nowhere"), "a/b.jsonl", true);
    }

    #[test]
    #[should_panic(expected = "b.jsonl is not in the corpus")]
    fn a_file_that_the_corpus_lacks_fails_the_test() {
        let folder = tempfile::tempdir().unwrap();
        found(folder.path(), "b.jsonl", false);
    }

    #[test]
    fn packed_texts_are_unpacked() {
        use std::io::Write as _;

        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        fs::write(file("a.txt"), "plain").unwrap();
        let packed = File::create(file("a.gz")).unwrap();
        let mut packed = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
        packed.write_all(b"gzip").unwrap();
        packed.finish().unwrap();
        let mut packed = Vec::new();
        lzma_rs::xz_compress(&mut &b"xz"[..], &mut packed).unwrap();
        fs::write(file("a.xz"), packed).unwrap();

        assert_eq!(read(&file("a.txt")), "plain");
        assert_eq!(read(&file("a.gz")), "gzip");
        assert_eq!(read(&file("a.xz")), "xz");
    }
}
