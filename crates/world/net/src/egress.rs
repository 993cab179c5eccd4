//! [`Egress`]: where this process may connect to on behalf of what others wrote.
//!
//! Input: a URL, and later what its host resolves to. Output: leave to go there, or [`Refused`] with the reason and the
//! flag that would change it. The rules, strongest first:
//!
//! 1. A rule that names the host: the most specific one counts, and a denial if both lists have it. An exact name that
//!    is allowed may resolve to anything; a wildcard does not open what rule 3 refuses.
//! 2. A rule for the address: likewise, the longest prefix counts. `*` is every address.
//! 3. Loopback, link-local, metadata and other addresses that are no host of a network are refused.
//! 4. All else is allowed, private networks among it.
//!
//! Names are checked when a connection is made: [`Egress::resolver`] resolves, checks and hands on the very addresses
//! that are connected to, so a name that changes its mind in between (DNS rebinding) gains nothing. Addresses that stand
//! in a URL themselves are never resolved; [`Egress::check`] sees them. Behind a proxy it is the proxy that resolves,
//! and of rules 2 and 3 only what the name itself tells can hold.

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
use self::rule::Verdict;

pub use rule::{Rule, RuleError};

/// Addresses of one name that are looked at.
const ADDRESSES_MAX: usize = 64;

/// What an operator says about egress.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Allowed although it is refused otherwise (`--egress-allow`).
    pub allow: Vec<Rule>,
    /// Refused although it is allowed otherwise (`--egress-deny`).
    pub deny: Vec<Rule>,
}

/// Says where connections may lead. Cloning is cheap; by default all is refused that rule 3 refuses.
#[derive(Clone)]
pub struct Egress(Arc<Policy>);

struct Policy {
    id: u64,
    rules: Rules,
    network: Arc<dyn Network>,
}

/// What a resolver comes to.
pub type Resolved = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Names and addresses of the network; the caller's, so that tests have one of their own.
pub trait Network: Send + Sync + 'static {
    /// Returns the addresses of a name.
    fn resolve(&self, host: &str) -> Resolved;

    /// Returns where to connect to reach an address that was checked: there.
    fn reach(&self, address: IpAddr) -> IpAddr {
        address
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

/// Why a connection is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Host of the URL.
    host: String,
    /// What it resolved to, where that is the reason.
    address: Option<IpAddr>,
    why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Why {
    Scheme(String),
    NoHost,
    Denied(Rule),
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
    /// Returns the policy of these rules, in the network of the machine.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self::within(rules, Arc::new(Machine))
    }

    /// Returns the policy of these rules in another network.
    #[must_use]
    pub fn within(rules: Rules, network: Arc<dyn Network>) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(0);
        Self(Arc::new(Policy {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            rules,
            network,
        }))
    }

    /// Returns a number that only clones of this policy have: connections made under one are not used under another.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// Checks what a URL itself says: its scheme, and its host by name or address.
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
            Host::Ipv4(address) => {
                self.address(&host.to_string(), IpAddr::V4(*address), &Verdict::Unsaid)
            }
            Host::Ipv6(address) => {
                self.address(&address.to_string(), IpAddr::V6(*address), &Verdict::Unsaid)
            }
        }
    }

    /// Checks a URL that a proxy will resolve: as [`Self::check`], and what is known of its name's addresses anyway.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn check_proxied(&self, url: &Url) -> Result<(), Refused> {
        self.check(url)?;
        let Host::Domain(name) = host(url)? else {
            return Ok(());
        };
        if !matches!(self.name(&name)?, Verdict::Unsaid) {
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

    /// Returns a resolver that hands on only addresses that may be connected to.
    #[must_use]
    pub fn resolver(&self) -> Arc<impl Resolve + use<>> {
        Arc::new(Resolver(self.clone()))
    }

    /// Resolves a name and returns where to connect, without the addresses that are refused.
    ///
    /// # Errors
    /// [`Refused`] inside [`io::Error`] where no address is left; the resolver's own.
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

    /// Returns what the rules say of a name.
    fn name(&self, name: &str) -> Result<Verdict, Refused> {
        match self.0.rules.of_name(name) {
            Verdict::Denied(rule) => Err(Refused {
                host: rule::normal(name),
                address: None,
                why: Why::Denied(rule),
            }),
            verdict => Ok(verdict),
        }
    }

    /// Checks an address, and those that stand inside of it, when the rules say this of its name.
    fn address(&self, host: &str, address: IpAddr, standing: &Verdict) -> Result<(), Refused> {
        if matches!(standing, Verdict::Allowed(Rule::Host(_))) {
            return Ok(());
        }
        let refused = |why| Refused {
            host: host.to_owned(),
            address: Some(address),
            why,
        };
        for address in address::faces(address) {
            let verdict = self.0.rules.of_address(address);
            if let (Verdict::Denied(rule), Verdict::Unsaid) = (&verdict, standing) {
                return Err(refused(Why::Denied(rule.clone())));
            }
            if let (Some(special), false) = (
                address::special(address),
                matches!(verdict, Verdict::Allowed(_)),
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
    // Only special schemes have their hosts parsed; a proxy's is another one, and 0x7f.1 is an address there, too.
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
            // The URL's own port is used; none is known here.
            let addresses = addresses
                .into_iter()
                .map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
