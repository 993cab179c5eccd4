//! The two ways out: stdout for data, stderr for talk. Nothing else in this crate writes to them.

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use anyhow::Context as _;

/// Writes data to stdout. A reader that went away (`| head`) has had enough: that is no error.
pub(crate) fn data(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("write to stdout"),
    }
}

/// Writes a line to stderr. When nobody can be told, nothing is lost.
pub(crate) fn talk(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes a line to stderr when a person reads it there.
pub(crate) fn progress(line: &str) {
    if io::stderr().is_terminal() {
        talk(line);
    }
}
