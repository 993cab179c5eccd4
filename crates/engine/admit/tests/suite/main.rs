//! What an API server does to objects, against what a real one did, in one binary.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a failing case fails the test, and figures are printed")]

mod decode;
mod protobuf;

/// Returns the folder of recorded cases, or says once that it is not there.
fn corpus() -> Option<std::path::PathBuf> {
    static FOLDER: std::sync::LazyLock<Option<std::path::PathBuf>> = std::sync::LazyLock::new(|| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/corpus");
        if !folder.is_dir() {
            println!("no recorded cases at {}: nothing checked", folder.display());
            return None;
        }
        Some(folder)
    });
    FOLDER.clone()
}

/// Returns the cases of a file of one JSON value a line; none where the folder is not there.
fn lines(name: &str) -> Vec<serde_json::Value> {
    let Some(corpus) = corpus() else { return Vec::new() };
    let text = std::fs::read_to_string(corpus.join(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
