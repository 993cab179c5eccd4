//! The two outputs: stdout for data, stderr for messages. Nothing else in this crate writes to
//! them.
//!
//! Output to a terminal is made printable, because statuses, paths and objects come from strangers.
//! Output to a file or another program is left as it is.

use std::borrow::Cow;
use std::env;
use std::ffi::OsString;
use std::io::{self, BufWriter, ErrorKind, IsTerminal as _, Write as _};

use anyhow::Context as _;
use lode_stdx::printable;

/// Writes data to stdout. A reader that has closed the pipe (`| head`) is not an error.
pub(crate) fn data(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let text = if out.is_terminal() {
        printable(text)
    } else {
        Cow::Borrowed(text)
    };
    finished(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Writes data as [`data`], part by part.
pub(crate) fn parts(parts: &[Cow<'_, str>]) -> anyhow::Result<()> {
    let out = io::stdout().lock();
    if out.is_terminal() {
        drop(out);
        return data(&parts.concat());
    }
    let mut out = BufWriter::with_capacity(PIECE, out);
    let mut parts = parts.iter();
    let written = parts.try_for_each(|part| out.write_all(part.as_bytes()));
    finished(written.and_then(|()| out.flush()))
}

/// How much is written at once.
const PIECE: usize = 64 << 10;

fn finished(written: io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("write to stdout"),
    }
}

/// Writes a line to stderr. Errors are ignored: there is no other place to report them.
pub(crate) fn talk(line: &str) {
    let mut out = io::stderr().lock();
    let line = if out.is_terminal() {
        printable(line)
    } else {
        Cow::Borrowed(line)
    };
    let _ = writeln!(out, "{line}");
}

/// Writes a line to stderr if it is a terminal.
pub(crate) fn progress(line: &str) {
    if io::stderr().is_terminal() {
        talk(line);
    }
}

/// Writes help to stdout, or an error in the command line to stderr.
pub(crate) fn usage(error: &clap::Error) {
    // The error quotes the arguments, which may be file names of strangers (`lode build *`).
    let is_obeyed =
        |argument: OsString| matches!(printable(&argument.to_string_lossy()), Cow::Owned(_));
    if env::args_os().any(is_obeyed) {
        talk(error.to_string().trim_end());
    } else {
        // In colour if the terminal supports it. Errors are ignored: there is no other place to
        // report them.
        let _ = error.print();
    }
}
