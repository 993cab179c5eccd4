//! The leader election flags of `lode serve`, named as Flux's.

use std::time::Duration;

use anyhow::bail;
use clap::ArgAction;
use lode_serve::{LeaderElection, Timings};

use crate::report::Told;
use crate::values::duration;

/// How one of several replicas becomes the leader.
#[derive(Debug, clap::Args)]
pub(crate) struct LeaderElectionFlags {
    /// Act only while this replica holds the Lease `lode-leader-election` in the namespace given by
    /// `RUNTIME_NAMESPACE`
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    enable_leader_election: bool,
    /// How long other replicas wait for a renewal before they take over the Lease; whole seconds
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "15s")]
    leader_election_lease_duration: Duration,
    /// How long the leader tries to renew the Lease before it exits with an error
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "10s")]
    leader_election_renew_deadline: Duration,
    /// Time between attempts to acquire or renew the Lease
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "2s")]
    leader_election_retry_period: Duration,
    /// Release the Lease on shutdown, so that another replica takes over at once
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1, require_equals = true, default_missing_value = "true", action = ArgAction::Set)]
    leader_election_release_on_cancel: bool,
}

impl LeaderElectionFlags {
    /// Returns the settings of leader election; none if it is disabled.
    pub(crate) fn read(
        &self,
        runtime_namespace: Option<&str>,
    ) -> anyhow::Result<Option<LeaderElection>> {
        if !self.enable_leader_election {
            return Ok(None);
        }

        let timings = Timings {
            lease_duration: self.leader_election_lease_duration,
            renew_deadline: self.leader_election_renew_deadline,
            retry_period: self.leader_election_retry_period,
        };
        if let Err(error) = timings.check() {
            bail!(Told::new(
                error.to_string(),
                "--leader-election-lease-duration, --leader-election-renew-deadline and \
                 --leader-election-retry-period are 15s, 10s and 2s by default"
            ));
        }

        Ok(Some(LeaderElection {
            namespace: runtime_namespace.map(str::to_owned),
            timings,
            release_on_cancel: self.leader_election_release_on_cancel,
        }))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        flags: LeaderElectionFlags,
    }

    fn read(line: &[&str]) -> anyhow::Result<Option<LeaderElection>> {
        let line = Line::try_parse_from([&["serve"], line].concat())?;
        line.flags.read(Some("gitops"))
    }

    #[test]
    fn the_flags_of_flux_are_read() {
        let flux = [
            "--enable-leader-election",
            "--leader-election-lease-duration=35s",
            "--leader-election-renew-deadline=30s",
            "--leader-election-retry-period=5s",
            "--leader-election-release-on-cancel=false",
        ];
        let election = read(&flux).unwrap().unwrap();
        assert_eq!(election.namespace.as_deref(), Some("gitops"));
        assert_eq!(election.timings.lease_duration, Duration::from_secs(35));
        assert_eq!(election.timings.renew_deadline, Duration::from_secs(30));
        assert_eq!(election.timings.retry_period, Duration::from_secs(5));
        assert!(!election.release_on_cancel);
    }

    #[test]
    fn who_is_to_be_alone_takes_part_in_no_election() {
        assert_eq!(read(&["--enable-leader-election=false"]).unwrap(), None);
        assert!(read(&[]).unwrap().is_some());
    }

    #[test]
    fn times_that_do_not_fit_together_are_refused() {
        for (flag, words) in [
            (
                "--leader-election-lease-duration=10s",
                "longer than the renew deadline",
            ),
            ("--leader-election-lease-duration=15500ms", "whole seconds"),
            (
                "--leader-election-retry-period=9s",
                "1.2 times the retry period",
            ),
            ("--leader-election-retry-period=0s", "must not be zero"),
        ] {
            let error = read(&[flag]).unwrap_err().to_string();
            assert!(error.contains(words), "{flag}: {error}");
        }
    }
}
