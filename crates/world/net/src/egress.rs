//! [`Egress`]: where this process may connect to on behalf of others.
//!
//! Input: a URL, and later the addresses of its host. Output: permission, or [`Refused`] with the
//! reason and the flag that would change it. The rules, in order of precedence:
//!
//! 1. A rule that names the host: the most specific one counts, and a denial if both lists have it.
//!    An exact name that is allowed may resolve to any address; a wildcard does not allow what rule
//!    3 refuses.
//! 2. A rule for the address: likewise, the longest prefix counts. `*` is every address.
//! 3. Loopback, link-local, metadata and other special addresses are refused.
//! 4. Everything else is allowed, including private networks.
//!
//! Names are checked when a connection is made: [`Egress::resolver`] resolves, checks and returns
//! the very addresses that are connected to, so a name that changes its addresses in between (DNS
//! rebinding) gains nothing. Addresses in a URL itself are never resolved; [`Egress::check`] checks
//! them. Behind a proxy, the proxy resolves, so rules 2 and 3 apply only to what the name itself
//! shows.

mod address;
mod rule;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Host;

use self::address::Special;
use self::rule::RuleVerdict;
use crate::sockets::Sockets;

pub use rule::{EgressRule, RuleError, Rules};

/// Most addresses of one name that are considered.
const ADDRESSES_MAX: usize = 64;

/// Decides where connections may lead. Cloning is cheap; the default refuses what rule 3 refuses.
#[derive(Clone)]
pub struct Egress(Arc<Policy>);

struct Policy {
    id: u64,
    rules: Rules,
    network: Arc<dyn Network>,
}

/// The result of a resolver.
pub type Resolved = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Name resolution and addressing; an argument, so that tests can supply their own.
pub trait Network: Send + Sync + 'static {
    /// Returns the addresses of a name.
    fn resolve(&self, host: &str) -> Resolved;

    /// Returns where to connect to for a checked address; by default, that address.
    fn reach(&self, address: IpAddr) -> IpAddr {
        address
    }

    /// Returns what connections run over; by default, the machine's sockets.
    fn sockets(&self) -> Sockets {
        Sockets::default()
    }
}

/// The network of the machine.
struct Machine;

impl Network for Machine {
    fn resolve(&self, host: &str) -> Resolved {
        let host = host.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

impl Network for Sockets {
    fn resolve(&self, host: &str) -> Resolved {
        if self.are_in_process() {
            return Box::pin(async { Err(io::ErrorKind::NotFound.into()) });
        }
        Machine.resolve(host)
    }

    fn sockets(&self) -> Sockets {
        self.clone()
    }
}

/// Why a connection is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Host of the URL.
    host: String,
    /// The resolved address, if it is the reason.
    address: Option<IpAddr>,
    why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    Scheme(String),
    NoHost,
    Denied(EgressRule),
    Special(Special),
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Scheme(scheme) => {
                return write!(f, "egress over \"{scheme}\" is refused: use https or http");
            }
            Why::NoHost => return f.write_str("egress is refused: the URL names no host"),
            Why::Denied(_) | Why::Special(_) => {}
        }
        write!(f, "egress to {}", self.host)?;
        let shown = self
            .address
            .map(|address| address.to_string())
            .filter(|address| *address != self.host);
        if let Some(address) = &shown {
            write!(f, " ({address})")?;
        }
        match &self.why {
            Why::Denied(rule) => write!(f, " is refused by --egress-deny {rule}"),
            Why::Special(special) => {
                let allowed = shown.as_ref().unwrap_or(&self.host);
                write!(
                    f,
                    " is refused: {special} (--egress-allow {allowed} would allow it)"
                )
            }
            Why::Scheme(_) | Why::NoHost => Ok(()),
        }
    }
}

impl Default for Egress {
    fn default() -> Self {
        Self::new(Rules::default())
    }
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Egress").field(&self.0.rules).finish()
    }
}

impl Egress {
    /// Returns the policy with these rules, on the machine's network.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self::within(rules, Arc::new(Machine))
    }

    /// Returns the policy with these rules, on another network.
    #[must_use]
    pub fn within(rules: Rules, network: Arc<dyn Network>) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(0);
        Self(Arc::new(Policy {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            rules,
            network,
        }))
    }

    /// Returns an id that only clones of this policy share: connections made under one policy are
    /// not reused under another.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// Returns what connections run over.
    #[must_use]
    pub fn sockets(&self) -> Sockets {
        self.0.network.sockets()
    }

    /// Checks a URL itself: its scheme, and its host by name or address.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn check(&self, url: &Url) -> Result<(), Refused> {
        match url.scheme() {
            "http" | "https" | "socks5" | "socks5h" => {}
            scheme => return Err(Refused::of(url, Why::Scheme(scheme.to_owned()))),
        }
        let host = host(url)?;
        match &host {
            Host::Domain(name) => self.name(name).map(drop),
            Host::Ipv4(address) => self.address(
                &host.to_string(),
                IpAddr::V4(*address),
                &RuleVerdict::Unsaid,
            ),
            Host::Ipv6(address) => self.address(
                &address.to_string(),
                IpAddr::V6(*address),
                &RuleVerdict::Unsaid,
            ),
        }
    }

    /// Checks a URL that a proxy will resolve: as [`Self::check`], and well-known names of special
    /// addresses.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn check_proxied(&self, url: &Url) -> Result<(), Refused> {
        self.check(url)?;
        let Host::Domain(name) = host(url)? else {
            return Ok(());
        };
        if !matches!(self.name(&name)?, RuleVerdict::Unsaid) {
            return Ok(());
        }
        if let Some(rule) = self.0.rules.denies_every_address() {
            return Err(Refused {
                host: name,
                address: None,
                why: Why::Denied(rule),
            });
        }
        match address::special_name(&name) {
            Some(special) => Err(Refused {
                host: name,
                address: None,
                why: Why::Special(special),
            }),
            None => Ok(()),
        }
    }

    /// Returns a resolver that returns only allowed addresses.
    #[must_use]
    pub fn resolver(&self) -> Arc<impl Resolve + use<>> {
        Arc::new(Resolver(self.clone()))
    }

    /// Resolves a name and returns where to connect to, without refused addresses.
    ///
    /// # Errors
    /// [`Refused`] inside [`io::Error`] if no address is left; or the resolver's own error.
    pub async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let host = rule::normal(host);
        let standing = self.name(&host).map_err(io::Error::other)?;
        let (mut allowed, mut refused) = (Vec::new(), None);
        for address in self
            .0
            .network
            .resolve(&host)
            .await?
            .into_iter()
            .take(ADDRESSES_MAX)
        {
            match self.address(&host, address, &standing) {
                Ok(()) => allowed.push(self.0.network.reach(address)),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        match refused {
            Some(refused) if allowed.is_empty() => Err(io::Error::other(refused)),
            _ => Ok(allowed),
        }
    }

    /// Returns the verdict of the rules on a name.
    fn name(&self, name: &str) -> Result<RuleVerdict, Refused> {
        match self.0.rules.of_name(name) {
            RuleVerdict::Denied(rule) => Err(Refused {
                host: rule::normal(name),
                address: None,
                why: Why::Denied(rule),
            }),
            verdict => Ok(verdict),
        }
    }

    /// Checks an address, and addresses embedded in it, given the verdict on its name.
    fn address(&self, host: &str, address: IpAddr, standing: &RuleVerdict) -> Result<(), Refused> {
        if matches!(standing, RuleVerdict::Allowed(EgressRule::Host(_))) {
            return Ok(());
        }
        let refused = |why| Refused {
            host: host.to_owned(),
            address: Some(address),
            why,
        };
        for address in address::faces(address) {
            let verdict = self.0.rules.of_address(address);
            if let (RuleVerdict::Denied(rule), RuleVerdict::Unsaid) = (&verdict, standing) {
                return Err(refused(Why::Denied(rule.clone())));
            }
            if let (Some(special), false) = (
                address::special(address),
                matches!(verdict, RuleVerdict::Allowed(_)),
            ) {
                return Err(refused(Why::Special(special)));
            }
        }
        Ok(())
    }
}

impl Refused {
    fn of(url: &Url, why: Why) -> Self {
        Self {
            host: url.host_str().unwrap_or_default().to_owned(),
            address: None,
            why,
        }
    }
}

/// Returns the host of a URL as it will be connected to.
fn host(url: &Url) -> Result<Host<String>, Refused> {
    let text = url
        .host_str()
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Refused::of(url, Why::NoHost))?;
    // Hosts are only parsed for special schemes; a proxy's scheme is not one, and 0x7f.1 is an
    // address there, too.
    let parsed = Host::parse(text).map_err(|_| Refused::of(url, Why::NoHost))?;
    Ok(match parsed {
        Host::Domain(name) => Host::Domain(rule::normal(&name)),
        address => address,
    })
}

struct Resolver(Egress);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let egress = self.0.clone();
        Box::pin(async move {
            let addresses = egress.resolve(name.as_str()).await?;
            // The port comes from the URL; it is not known here.
            let addresses = addresses
                .into_iter()
                .map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
