//! The writer against every expected output of the shared kustomize corpus: reading one and writing it again must
//! give the same bytes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use lode_yaml::{Dialect, Reader, write};

const ARCHIVE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../../shared/corpus/kustomize/cases.tar.zst");
const WINDOW_LOG: u32 = 27;

#[test]
fn rendered_texts_are_written_again_to_the_byte() {
    if !Path::new(ARCHIVE).exists() {
        println!("the shared corpus is not here: nothing compared");
        return;
    }
    let mut decoder = zstd::Decoder::new(File::open(ARCHIVE).unwrap()).unwrap();
    decoder.window_log_max(WINDOW_LOG).unwrap();
    let (mut all, mut same) = (0, 0);
    for entry in tar::Archive::new(decoder).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_string_lossy().into_owned();
        if !is_expected(&path) {
            continue;
        }
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        all += 1;
        match rewritten(&text) {
            Ok(again) if again == text => same += 1,
            Ok(again) => println!("{path}: {}", first_difference(&text, &again)),
            Err(error) => println!("{path}:{error}"),
        }
    }
    println!("{same} of {all} texts written again to the byte");
    assert_eq!(same, all);
}

fn is_expected(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let expected = path.contains("/overlays/expected/") || name.starts_with("expected");
    expected && name.rsplit_once('.').is_some_and(|(_, kind)| kind == "yaml") && !path.contains("/input/")
}

fn rewritten(text: &str) -> Result<String, lode_yaml::Error> {
    let mut out = String::new();
    for document in Reader::new(text.as_bytes(), Dialect::V2) {
        if !out.is_empty() {
            out.push_str("---\n");
        }
        write(&mut out, &document?.value);
    }
    Ok(out)
}

fn first_difference(want: &str, got: &str) -> String {
    let (line, (want, got)) =
        want.lines().zip(got.lines()).enumerate().find(|(_, (want, got))| want != got).unwrap_or((0, ("", "")));
    format!("line {}: want {want:?}, got {got:?}", line + 1)
}
