//! Invariants of the digests, the reference implementation's cases, and recordings of a real API
//! server, in one binary.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failing case fails the test, and figures are printed"
)]

mod algebra;
mod anything;
mod deciding;
mod decisions;
mod http;
mod laws;
mod patches;
mod scenarios;
mod server;
mod sets;
mod smd;
mod ssa;
mod writes;

/// Returns the folder of recorded cases, or reports once that it is missing.
fn corpus() -> Option<std::path::PathBuf> {
    static FOLDER: std::sync::LazyLock<Option<std::path::PathBuf>> =
        std::sync::LazyLock::new(|| {
            let folder =
                std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/corpus");
            if !folder.is_dir() {
                println!("no recorded cases at {}: nothing checked", folder.display());
                return None;
            }
            Some(folder)
        });
    FOLDER.clone()
}

/// Returns the cases in a file with one JSON value per line; none if the folder is missing.
fn lines(name: &str) -> Vec<serde_json::Value> {
    let Some(corpus) = corpus() else {
        return Vec::new();
    };
    let text = std::fs::read_to_string(corpus.join(name)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// How many cases of a suite match; a floor must be reached.
struct Score {
    suite: &'static str,
    floor: usize,
    right: usize,
    total: usize,
    misses: Vec<String>,
}

impl Score {
    fn new(suite: &'static str, floor: usize) -> Self {
        Self {
            suite,
            floor,
            right: 0,
            total: 0,
            misses: Vec::new(),
        }
    }

    fn add(&mut self, right: bool, miss: impl FnOnce() -> String) {
        self.total += 1;
        if right {
            self.right += 1;
        } else {
            self.misses.push(miss());
        }
    }

    fn finish(self) {
        println!("{}: {} of {}", self.suite, self.right, self.total);
        for miss in self.misses.iter().take(MISSES_SHOWN) {
            println!("  {}", miss.chars().take(MISS_CHARS).collect::<String>());
        }
        assert!(
            self.total == 0 || self.right >= self.floor,
            "{}: {} is below {}",
            self.suite,
            self.right,
            self.floor
        );
    }
}

const MISSES_SHOWN: usize = 40;
const MISS_CHARS: usize = 600;
