//! [`Ending`]: the signals that ask the process to end.

use std::fs;
use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that ask the process to end, caught as long as this exists. Before that, a signal
/// kills the process without clean-up.
pub struct Ending(Option<Signals>);

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    quit: Signal,
    hangup: Option<Signal>,
}

impl Ending {
    /// Starts to catch SIGINT, SIGTERM, SIGQUIT and SIGHUP; a signal that was ignored at the start
    /// (`nohup`) stays ignored.
    ///
    /// # Errors
    /// The system refused a signal handler.
    pub fn listen() -> io::Result<Self> {
        let hangup = SignalKind::hangup();
        let is_ignored =
            fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores(&status, hangup));
        Ok(Self(Some(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
            hangup: if is_ignored {
                None
            } else {
                Some(signal(hangup)?)
            },
        })))
    }

    /// Catches nothing and never asks, for an operator that is ended by dropping its future.
    #[must_use]
    pub fn never() -> Self {
        Self(None)
    }

    /// Waits for one of the signals.
    pub async fn asked(&mut self) {
        let Some(signals) = &mut self.0 else {
            return std::future::pending().await;
        };
        let hangup = async {
            match &mut signals.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = signals.interrupt.recv() => {}
            _ = signals.terminate.recv() => {}
            _ = signals.quit.recv() => {}
            _ = hangup => {}
        }
    }
}

/// Returns whether a process with this status file (of Linux) ignores a signal.
fn ignores(status: &str, kind: SignalKind) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default();
    let bit = u32::try_from(kind.as_raw_value() - 1).ok();
    bit.and_then(|bit| 1_u64.checked_shl(bit))
        .is_some_and(|bit| mask & bit != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_under_nohup_ignores_the_end_of_its_terminal() {
        let status = "Name:\tlode\nSigIgn:\t0000000000000001\nSigCgt:\t0\n";
        assert!(ignores(status, SignalKind::hangup()));
        assert!(!ignores(status, SignalKind::interrupt()));
        assert!(!ignores("", SignalKind::hangup()));
    }
}
