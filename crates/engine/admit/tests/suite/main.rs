//! What a real API server did with objects, repeated by this crate; in one binary.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failing case fails the test, and figures are printed"
)]

mod anything;
mod cel_rules;
mod custom;
mod decode;
mod defaults;
mod definitions;
mod protobuf;
mod requests;
mod rules;
mod strategies;
mod validation;

/// Returns the folder of recorded cases, or says once that it is absent.
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

/// Returns the cases of a file with one JSON value per line; none if the folder is absent.
fn lines(name: &str) -> Vec<serde_json::Value> {
    let Some(corpus) = corpus() else {
        return Vec::new();
    };
    let text = std::fs::read_to_string(corpus.join(name)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Number of correct cases of a suite, which must reach a floor.
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
const MISS_CHARS: usize = 900;
