//! Processes that outlive the task that started them, found again by a pid file.
//!
//! A pid may have been reused, so the file also records the start time; both the start time and the
//! command line must match before a signal is sent.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::command;

/// Longest time until something is ready.
pub(crate) const READY_MAX: Duration = Duration::from_mins(1);
/// Longest time until a process ends before it is killed.
const STOP_MAX: Duration = Duration::from_secs(10);
/// Polling interval.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Lines of a log that an error shows.
const LOG_LINES: usize = 20;

/// A running process of a cluster.
pub(crate) struct Process {
    pid: u32,
    started: String,
    name: String,
    state: PathBuf,
}

impl Process {
    /// Starts `command` detached from this terminal, with its output in `log/<name>.log` of the
    /// cluster's folder.
    pub(crate) fn start(state: &Path, name: &str, command: &mut Command) -> Result<Self> {
        fs::create_dir_all(state.join("log")).context("create the folder of logs")?;
        fs::create_dir_all(state.join("pid")).context("create the folder of pid files")?;
        let log = File::create(log_path(state, name))
            .with_context(|| format!("create the log of {name}"))?;
        let errors = log
            .try_clone()
            .with_context(|| format!("share the log of {name}"))?;
        let child = command
            .current_dir(state)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .with_context(|| format!("start {name}"))?;
        let pid = child.id();
        // A process that has already ended has no start time, and so never counts as running.
        let started = start_time(pid).unwrap_or_default();
        // The parent continues shortly before the new program's command line is visible, which
        // `runs` reads.
        until(READY_MAX, || {
            Ok(!command_line(pid).is_empty() || start_time(pid).is_none())
        })?;
        fs::write(pid_path(state, name), format!("{pid} {started}\n"))
            .with_context(|| format!("write the pid file of {name}"))?;
        Ok(Self {
            pid,
            started,
            name: name.to_owned(),
            state: state.to_path_buf(),
        })
    }

    /// Returns the process that was started under this name, unless it has ended.
    pub(crate) fn find(state: &Path, name: &str) -> Option<Self> {
        let text = fs::read_to_string(pid_path(state, name)).ok()?;
        let (pid, started) = text.trim().split_once(' ')?;
        let process = Self {
            pid: pid.parse().ok()?,
            started: started.to_owned(),
            name: name.to_owned(),
            state: state.to_path_buf(),
        };
        process.runs().then_some(process)
    }

    /// Returns the running processes that were started in this folder, in the order of their start.
    pub(crate) fn all(state: &Path) -> Result<Vec<Self>> {
        let folder = match fs::read_dir(state.join("pid")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            folder => folder.context("list the pid files")?,
        };
        let mut running = Vec::new();
        for entry in folder {
            let name = entry.context("list the pid files")?.file_name();
            running.extend(name.to_str().and_then(|name| Self::find(state, name)));
        }
        running.sort_by_key(|process| (process.started.parse().unwrap_or(0_u64), process.pid));
        Ok(running)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Returns whether the pid is still the process that was started: same start time, and the
    /// program's name in its command line.
    pub(crate) fn runs(&self) -> bool {
        let line = command_line(self.pid);
        let mut words = line
            .split(|byte| *byte == 0)
            .filter_map(|word| std::str::from_utf8(word).ok());
        // A script's name follows its interpreter.
        let named = words.any(|word| word.rsplit('/').next() == Some(&self.name));
        named && start_time(self.pid).as_ref() == Some(&self.started)
    }

    /// Asks the process to end, and kills it if it does not.
    pub(crate) fn stop(&self) -> Result<()> {
        self.signal("TERM")?;
        if !until(STOP_MAX, || Ok(!self.runs()))? {
            eprintln!("{} does not end: killing it", self.name);
            return self.kill();
        }
        self.forget()
    }

    /// Kills the process.
    pub(crate) fn kill(&self) -> Result<()> {
        self.signal("KILL")?;
        if !until(STOP_MAX, || Ok(!self.runs()))? {
            bail!("{} with pid {} survives being killed", self.name, self.pid);
        }
        self.forget()
    }

    fn forget(&self) -> Result<()> {
        fs::remove_file(pid_path(&self.state, &self.name))
            .with_context(|| format!("remove the pid file of {}", self.name))
    }

    /// Returns the end of its log, for an error.
    pub(crate) fn log(&self) -> String {
        let path = log_path(&self.state, &self.name);
        let text = fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        format!(
            "end of {}:\n{}",
            path.display(),
            lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
        )
    }

    fn signal(&self, signal: &str) -> Result<()> {
        // The shell's built-in `kill` exists even if the program is not installed.
        let sent = command::succeeds(
            Command::new("sh")
                .args(["-c", "kill -s \"$0\" \"$1\"", signal])
                .arg(self.pid.to_string()),
        )?;
        if !sent && self.runs() {
            bail!("send {signal} to {} with pid {}", self.name, self.pid);
        }
        Ok(())
    }
}

/// Waits until `ready`; fails if `process` ends first or it takes too long.
pub(crate) fn wait_until(
    process: &Process,
    what: &str,
    mut ready: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let mut alive = true;
    let done = until(READY_MAX, || {
        alive = process.runs();
        Ok(!alive || ready()?)
    })?;
    if !alive {
        bail!("{} ended before {what}; {}", process.name, process.log());
    }
    if !done {
        bail!(
            "{what} took more than {} s; {}",
            READY_MAX.as_secs(),
            process.log()
        );
    }
    Ok(())
}

fn until(longest: Duration, mut holds: impl FnMut() -> Result<bool>) -> Result<bool> {
    let start = Instant::now();
    while start.elapsed() < longest {
        if holds()? {
            return Ok(true);
        }
        sleep(LOOK_EVERY);
    }
    Ok(false)
}

/// Returns a process's arguments, each ended by a zero byte; empty if it has ended or is still
/// being started.
fn command_line(pid: u32) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

/// Returns when a process started, in kernel ticks since boot; none if it has ended, reaped or not.
fn start_time(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in parentheses and may contain anything.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let run_state = fields.next()?;
    let started = fields.nth(18)?;
    (run_state != "Z" && run_state != "X").then(|| started.to_owned())
}

fn pid_path(state: &Path, name: &str) -> PathBuf {
    state.join("pid").join(name)
}

fn log_path(state: &Path, name: &str) -> PathBuf {
    state.join("log").join(format!("{name}.log"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_found_again_and_stopped() {
        let state = tempfile::tempdir().unwrap();
        Process::start(state.path(), "sleep", Command::new("sleep").arg("60")).unwrap();
        let found = Process::find(state.path(), "sleep").unwrap();
        found.stop().unwrap();
        assert!(!found.runs());
        assert!(Process::find(state.path(), "sleep").is_none());
    }

    #[test]
    fn a_process_that_is_killed_is_forgotten() {
        let state = tempfile::tempdir().unwrap();
        let process =
            Process::start(state.path(), "sleep", Command::new("sleep").arg("60")).unwrap();
        process.kill().unwrap();
        assert!(!process.runs() && !pid_path(state.path(), "sleep").exists());
    }

    #[test]
    fn all_are_found_in_the_order_of_their_start() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!(Process::all(state.path()).unwrap().len(), 0);
        for name in ["sleep", "cat"] {
            Process::start(
                state.path(),
                name,
                Command::new("sleep").arg("60").arg0(name),
            )
            .unwrap();
        }
        let all = Process::all(state.path()).unwrap();
        assert_eq!(
            all.iter()
                .map(|process| process.name.as_str())
                .collect::<Vec<_>>(),
            ["sleep", "cat"]
        );
        all.iter().rev().try_for_each(Process::stop).unwrap();
        assert_eq!(Process::all(state.path()).unwrap().len(), 0);
    }

    #[test]
    fn a_pid_that_somebody_else_has_now_is_not_ours() {
        let state = tempfile::tempdir().unwrap();
        let process =
            Process::start(state.path(), "sleep", Command::new("sleep").arg("60")).unwrap();
        fs::write(
            pid_path(state.path(), "other"),
            format!("{} {}", process.pid, process.started),
        )
        .unwrap();
        assert!(
            Process::find(state.path(), "other").is_none(),
            "another program"
        );
        fs::write(
            pid_path(state.path(), "sleep"),
            format!("{} 1", process.pid),
        )
        .unwrap();
        assert!(
            Process::find(state.path(), "sleep").is_none(),
            "another start"
        );
        process.stop().unwrap();
    }

    #[test]
    fn waiting_ends_with_the_process_and_shows_its_log() {
        let state = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        let process = Process::start(
            state.path(),
            "sh",
            command.args(["-c", "read line; echo gone wrong"]),
        )
        .unwrap();
        let error = wait_until(&process, "being ready", || Ok(false))
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("sh ended before being ready") && error.ends_with("gone wrong"),
            "{error}"
        );
    }
}
