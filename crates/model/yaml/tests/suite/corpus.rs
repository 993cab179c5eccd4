//! The YAML files of the shared kustomize corpus.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

const ARCHIVE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../../shared/corpus/kustomize/cases.tar.zst"
);
const WINDOW_LOG: u32 = 27;

/// Calls `check` with path and text of every YAML file; says so if the corpus is not available.
pub(crate) fn each_file(mut check: impl FnMut(&str, &str)) {
    if !Path::new(ARCHIVE).exists() {
        println!("the shared corpus is not here: nothing compared");
        return;
    }
    let mut decoder = zstd::Decoder::new(File::open(ARCHIVE).unwrap()).unwrap();
    decoder.window_log_max(WINDOW_LOG).unwrap();
    for entry in tar::Archive::new(decoder).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        let is_yaml = Path::new(&path)
            .extension()
            .is_some_and(|kind| kind == "yaml" || kind == "yml");
        let mut text = String::new();
        if is_yaml
            && entry.header().entry_type().is_file()
            && entry.read_to_string(&mut text).is_ok()
        {
            check(&path, &text);
        }
    }
}

/// Returns where two texts differ first.
pub(crate) fn first_difference(want: &str, got: &str) -> String {
    let (line, (want, got)) = want
        .lines()
        .zip(got.lines())
        .enumerate()
        .find(|(_, (want, got))| want != got)
        .unwrap_or((0, ("", "")));
    format!("line {}: want {want:?}, got {got:?}", line + 1)
}
