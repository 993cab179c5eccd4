//! What a test run did and did not do, in a form that all its test binaries share.

use std::collections::BTreeSet;
use std::env;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

/// Reports a group of cases that was not run, because a folder that has them is absent: once for each test binary.
pub fn not_run(group: &str, folder: &Path) {
    static NOT_RUN: LazyLock<Mutex<BTreeSet<String>>> = LazyLock::new(Mutex::default);
    let mut all = NOT_RUN.lock().unwrap_or_else(PoisonError::into_inner);
    if !all.insert(group.to_owned()) {
        return;
    }

    // Not `eprintln!`, which the test harness captures: whoever runs the tests should see this.
    let _ = writeln!(
        io::stderr(),
        "not run ({} groups so far): {group}, which is absent from {}",
        all.len(),
        folder.display()
    );
    append(&format!("not run\t{group}"));
}

/// Reports how many cases of a suite are right.
pub(crate) fn scored(suite: &str, right: usize, total: usize) {
    append(&format!("{suite}\t{right} of {total}"));
}

/// Appends a line to the file that `LODE_CASES_REPORT` names, if it does.
fn append(line: &str) {
    let Some(path) = env::var_os("LODE_CASES_REPORT") else {
        return;
    };

    // One write a line, so that lines of test binaries that run side by side stay whole.
    let line = format!("{line}\n");
    let appended = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(line.as_bytes()));
    if let Err(error) = appended {
        panic!("report to {}: {error}", Path::new(&path).display());
    }
}
