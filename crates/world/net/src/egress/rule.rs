//! [`EgressRule`]: one host or range of addresses given by the operator.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};
use url::Host;

/// Bits of an IPv6 address before a mapped IPv4 address.
const MAPPED_BITS: u8 = 96;

/// A host, the hosts below one, or addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EgressRule {
    /// The host of this name.
    Host(String),
    /// All hosts below this name (`*.example.com`).
    Below(String),
    /// Addresses.
    Addresses(IpNet),
    /// Every address (`*`).
    Everything,
}

/// The egress settings of an operator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Allowed although refused by default (`--egress-allow`).
    pub allow: Vec<EgressRule>,
    /// Refused although allowed by default (`--egress-deny`).
    pub deny: Vec<EgressRule>,
}

/// A text that is not a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a host, address or range: write HOST, *.HOST, ADDRESS, CIDR or *, without scheme and port"
)]
pub struct RuleError(String);

/// The verdict of the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RuleVerdict {
    Allowed(EgressRule),
    Denied(EgressRule),
    Unsaid,
}

impl FromStr for EgressRule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let error = || RuleError(text.chars().take(80).collect());
        let bare = text.trim();
        if bare == "*" {
            return Ok(Self::Everything);
        }
        if bare.contains('/') {
            return bare
                .parse()
                .map(|range: IpNet| Self::Addresses(canonical(range.trunc())))
                .map_err(|_| error());
        }
        if let Ok(address) = bare
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>()
        {
            return Ok(Self::Addresses(IpNet::from(address.to_canonical())));
        }
        let (name, is_below) = bare
            .strip_prefix("*.")
            .map_or((bare, false), |name| (name, true));
        if name.contains('*') {
            return Err(error());
        }
        match Host::parse(name) {
            Ok(Host::Domain(name)) if is_below => Ok(Self::Below(normal(&name))),
            Ok(Host::Domain(name)) => Ok(Self::Host(normal(&name))),
            Ok(Host::Ipv4(address)) if !is_below => {
                Ok(Self::Addresses(IpNet::from(IpAddr::V4(address))))
            }
            _ => Err(error()),
        }
    }
}

impl fmt::Display for EgressRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
            Self::Addresses(range) if range.prefix_len() == range.max_prefix_len() => {
                range.addr().fmt(f)
            }
            Self::Addresses(range) => range.fmt(f),
            Self::Everything => f.write_str("*"),
        }
    }
}

impl EgressRule {
    /// Returns how specifically the rule names a host, higher for more; nothing if it does not.
    fn fits_name(&self, host: &str) -> Option<usize> {
        match self {
            Self::Host(name) => (name == host).then_some(usize::MAX),
            Self::Below(name) => {
                let is_below = host
                    .strip_suffix(name.as_str())
                    .is_some_and(|before| before.ends_with('.'));
                is_below.then_some(name.len())
            }
            Self::Addresses(_) | Self::Everything => None,
        }
    }

    /// Returns how specifically the rule names an address; nothing if it does not.
    fn fits_address(&self, address: IpAddr) -> Option<usize> {
        match self {
            Self::Addresses(range) => range
                .contains(&address)
                .then_some(usize::from(range.prefix_len()) + 1),
            Self::Everything => Some(0),
            Self::Host(_) | Self::Below(_) => None,
        }
    }
}

impl Rules {
    /// Returns the verdict of the rules for hosts.
    pub(super) fn of_name(&self, host: &str) -> RuleVerdict {
        let host = normal(host);
        self.best(|rule| rule.fits_name(&host))
    }

    /// Returns the verdict of the rules for addresses.
    pub(super) fn of_address(&self, address: IpAddr) -> RuleVerdict {
        let address = address.to_canonical();
        self.best(|rule| rule.fits_address(address))
    }

    /// Returns the rule that denies everything that no other rule names.
    pub(super) fn denies_every_address(&self) -> Option<EgressRule> {
        let is_all = |rule: &&EgressRule| match rule {
            EgressRule::Everything => true,
            EgressRule::Addresses(range) => range.prefix_len() == 0,
            EgressRule::Host(_) | EgressRule::Below(_) => false,
        };
        let allows_all = self.allow.iter().any(|rule| is_all(&rule));
        self.deny
            .iter()
            .find(is_all)
            .filter(|_| !allows_all)
            .cloned()
    }

    fn best(&self, fits: impl Fn(&EgressRule) -> Option<usize>) -> RuleVerdict {
        let closest = |rules: &[EgressRule]| {
            let fitting = rules.iter().filter_map(|rule| Some((fits(rule)?, rule)));
            fitting
                .max_by_key(|(closeness, _)| *closeness)
                .map(|(closeness, rule)| (closeness, rule.clone()))
        };
        match (closest(&self.allow), closest(&self.deny)) {
            (Some((allow, rule)), Some((deny, _))) if allow > deny => RuleVerdict::Allowed(rule),
            (_, Some((_, rule))) => RuleVerdict::Denied(rule),
            (Some((_, rule)), None) => RuleVerdict::Allowed(rule),
            (None, None) => RuleVerdict::Unsaid,
        }
    }
}

/// Returns the canonical form of a name: lower case, without trailing dots.
pub(super) fn normal(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Returns the IPv4 range for a range of IPv4-mapped IPv6 addresses.
fn canonical(range: IpNet) -> IpNet {
    let IpNet::V6(mapped) = range else {
        return range;
    };
    let address = mapped.addr().to_ipv4_mapped();
    let bits = mapped.prefix_len().checked_sub(MAPPED_BITS);
    let range_v4 = address
        .zip(bits)
        .and_then(|(address, bits)| Ipv4Net::new(address, bits).ok());
    range_v4.map_or(range, IpNet::V4)
}
