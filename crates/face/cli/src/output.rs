//! The two ways out: stdout for data, stderr for talk. Nothing else in this crate writes to them.
//!
//! What a person's terminal gets is made printable, for statuses, paths and objects are written by strangers. What goes
//! to a file or another program stays as it is.

use std::borrow::Cow;
use std::env;
use std::ffi::OsString;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use anyhow::Context as _;
use lode_stdx::printable;

/// Writes data to stdout. A reader that went away (`| head`) has had enough: that is no error.
pub(crate) fn data(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let text = if out.is_terminal() {
        printable(text)
    } else {
        Cow::Borrowed(text)
    };
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("write to stdout"),
    }
}

/// Writes a line to stderr. When nobody can be told, nothing is lost.
pub(crate) fn talk(line: &str) {
    let mut out = io::stderr().lock();
    let line = if out.is_terminal() {
        printable(line)
    } else {
        Cow::Borrowed(line)
    };
    let _ = writeln!(out, "{line}");
}

/// Writes a line to stderr when a person reads it there.
pub(crate) fn progress(line: &str) {
    if io::stderr().is_terminal() {
        talk(line);
    }
}

/// Writes help to stdout, or a mistake in the command line to stderr.
pub(crate) fn usage(error: &clap::Error) {
    // A mistake is quoted, and names in it may come from a folder of strangers (`lode build *`).
    let is_obeyed =
        |argument: OsString| matches!(printable(&argument.to_string_lossy()), Cow::Owned(_));
    if env::args_os().any(is_obeyed) {
        talk(error.to_string().trim_end());
    } else {
        // With the colours that a terminal may have. When nobody can be told, nothing is lost.
        let _ = error.print();
    }
}
