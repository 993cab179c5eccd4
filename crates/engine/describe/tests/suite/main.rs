//! Tables, discovery and published schemas, compared with a real API server, in one binary.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failing case fails the test, and figures are printed"
)]

mod cells;
mod discovery;
mod openapi;
mod tables;

/// Returns the text of a recorded file; nothing, with one message, if the folder is absent.
fn recorded(name: &str) -> Option<String> {
    static FOLDER: std::sync::LazyLock<Option<std::path::PathBuf>> =
        std::sync::LazyLock::new(|| {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../../../../shared/corpus/apiserver");
            if !folder.is_dir() {
                println!("no recorded cases at {}: nothing checked", folder.display());
                return None;
            }
            Some(folder)
        });
    FOLDER
        .as_ref()
        .map(|folder| std::fs::read_to_string(folder.join(name)).unwrap())
}

/// Returns the entries of a recorded file with one JSON value per line; none if the folder is
/// absent.
fn entries(name: &str) -> Vec<serde_json::Value> {
    let text = recorded(name).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
