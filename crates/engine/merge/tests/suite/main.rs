//! Laws of the digests, and what a real API server did, in one binary.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a failing case fails the test, and figures are printed")]

mod laws;
mod server;
mod sets;

/// Returns the folder of recorded cases, or says that it is not there.
fn corpus() -> Option<std::path::PathBuf> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/corpus");
    if !folder.is_dir() {
        println!("no recorded cases at {}: nothing checked", folder.display());
        return None;
    }
    Some(folder)
}
