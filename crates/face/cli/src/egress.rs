//! The flags that say where connections may lead: `--egress-allow` and `--egress-deny`.

use lode_net::{Egress, Rule, Rules};

/// Where connections to repositories may lead.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Flags {
    /// Allow connections to a host (`git.corp`, `*.corp`), an address or a range (`127.0.0.0/8`) that is refused
    /// otherwise, as loopback, link-local and metadata addresses are; may be repeated
    #[arg(long, value_name = "HOST|CIDR", value_delimiter = ',')]
    egress_allow: Vec<Rule>,
    /// Refuse connections to a host, an address or a range; `*` refuses all that no other rule allows
    #[arg(long, value_name = "HOST|CIDR", value_delimiter = ',')]
    egress_deny: Vec<Rule>,
}

impl Flags {
    /// Returns the policy that the flags stand for.
    pub(crate) fn policy(&self) -> Egress {
        Egress::new(Rules {
            allow: self.egress_allow.clone(),
            deny: self.egress_deny.clone(),
        })
    }
}

/// Returns the policy of what runs on this machine alone, as the demo does.
pub(crate) fn loopback() -> Egress {
    let addresses = ["127.0.0.0/8", "::1"]
        .into_iter()
        .filter_map(|text| text.parse().ok());
    Egress::new(Rules {
        allow: addresses.collect(),
        ..Rules::default()
    })
}
