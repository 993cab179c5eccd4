//! Recorded cases for tests: where they are, how they are read, and how many of them come out right.
//!
//! The corpus is recorded from the reference implementations and lies outside the repository: in the folder that
//! `LODE_CORPUS` names, else in `../shared/corpus` beside the checkout. A test asks for a file by its path:
//!
//! ```no_run
//! let mut score = cases::Score::new("sums", 90);
//! for case in cases::lines("sums.jsonl") {
//!     let got = case["a"].as_i64().map(|a| a + 1);
//!     score.check(&case["name"], &got, &case["sum"].as_i64());
//! }
//! score.finish();
//! ```
//!
//! Where the corpus is absent, the file counts as not run: the test passes, and says so on stderr, which the test
//! harness does not capture. With `LODE_CORPUS_REQUIRED=1` it fails instead. `LODE_CASES_REPORT` names a file that gets
//! a line for each score and for each file that was not run, from all test binaries of a run; `.ci/run` prints it.
//!
//! Our own cases lie in the repository, so they always run: in `cases/recorded/`, which `cargo xtask record` writes
//! ([`own_builds`], [`own_requests`], [`own_health`], [`own_yaml`]), and in the crates' `tests/`.

mod archive;
mod corpus;
mod recorded;
mod report;
mod score;

pub use archive::{Archive, CHARTS, Content, KUSTOMIZE, unpack, visit};
pub use corpus::{find, folder, json, lines, spec, text};
pub use recorded::{own_builds, own_health, own_requests, own_yaml, parse_lines};
pub use report::not_run;
pub use score::Score;
