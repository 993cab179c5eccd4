//! The flags `--egress-allow` and `--egress-deny`: where connections may lead.

use lode_net::{Egress, EgressRule, Rules};

/// Where connections to repositories may lead.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Flags {
    /// Allow connections to a host (`git.corp`, `*.corp`), an address or a range (`127.0.0.0/8`)
    /// that is refused by default (loopback, link-local, metadata services); may be repeated
    #[arg(long, value_name = "HOST|CIDR", value_delimiter = ',')]
    egress_allow: Vec<EgressRule>,
    /// Refuse connections to a host, an address or a range; `*` refuses everything that no other
    /// rule allows
    #[arg(long, value_name = "HOST|CIDR", value_delimiter = ',')]
    egress_deny: Vec<EgressRule>,
}

impl Flags {
    /// Returns the policy that the flags describe.
    pub(crate) fn policy(&self) -> Egress {
        Egress::new(Rules {
            allow: self.egress_allow.clone(),
            deny: self.egress_deny.clone(),
        })
    }
}

/// Returns a policy that allows no connection.
pub(crate) fn nowhere() -> Egress {
    Egress::new(Rules {
        deny: "*".parse().into_iter().collect(),
        ..Rules::default()
    })
}

/// Returns a policy that allows loopback, for what runs on this machine only, such as the demo.
pub(crate) fn loopback() -> Egress {
    let addresses = ["127.0.0.0/8", "::1"]
        .into_iter()
        .filter_map(|text| text.parse().ok());
    Egress::new(Rules {
        allow: addresses.collect(),
        ..Rules::default()
    })
}
