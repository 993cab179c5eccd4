//! Flag values in the form Go programs use: durations, addresses, feature gates. Pure.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

/// Feature gates that can be set.
pub(crate) const GATES: &[&str] = &[STRICT_SUBSTITUTION];
/// Fails a build that uses an undefined variable.
pub(crate) const STRICT_SUBSTITUTION: &str = "StrictPostBuildSubstitutions";

/// Reads a duration such as `1m30s`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    lode_stdx::duration::parse(text).map_err(|error| error.to_string())
}

/// Reads a number of bytes such as `1073741824`, `512Mi` or `1Gi`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let units = [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40)];
    let unit = units
        .iter()
        .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift)));
    let (digits, shift) = unit.unwrap_or((text, 0));
    let count: Option<u64> = digits
        .parse()
        .ok()
        .filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let bytes = count
        .and_then(|count| count.checked_mul(1 << shift))
        .filter(|bytes| *bytes > 0);
    bytes.ok_or_else(|| format!("\"{text}\" is not a number of bytes such as 512Mi or 1Gi"))
}

/// An address to listen on. Without a host it means every interface, chosen when the program
/// starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Address {
    /// Every interface.
    Any(u16),
    /// One interface.
    One(SocketAddr),
}

impl Address {
    /// Reads `:9090`, `127.0.0.1:9090`, `[::1]:9090` or `localhost:9090`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let bad = || format!("\"{text}\" is not an address such as :9090 or 127.0.0.1:9090");
        let (host, port) = text.rsplit_once(':').ok_or_else(bad)?;
        let port = port.parse().map_err(|_| bad())?;
        if host.is_empty() {
            return Ok(Self::Any(port));
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::One(address));
        }
        let found = text
            .to_socket_addrs()
            .map_err(|error| format!("{}: {error}", bad()))?
            .next();
        found.map(Self::One).ok_or_else(bad)
    }

    /// Returns the address, with `any` in place of every interface.
    pub(crate) fn with_any(self, any: IpAddr) -> SocketAddr {
        match self {
            Self::Any(port) => SocketAddr::new(any, port),
            Self::One(address) => address,
        }
    }

    /// Returns the host by which others may reach it, if the address has one.
    pub(crate) fn host(self) -> Option<IpAddr> {
        match self {
            Self::One(address) if !address.ip().is_unspecified() => Some(address.ip()),
            _ => None,
        }
    }

    /// Returns the port.
    pub(crate) fn port(self) -> u16 {
        self.with_any(Ipv4Addr::UNSPECIFIED.into()).port()
    }
}

/// Reads one gate, `Name=true` or `Name=false`.
pub(crate) fn gate(text: &str) -> Result<(&'static str, bool), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("\"{text}\" is not Name=true or Name=false"))?;
    let value = value
        .trim()
        .parse()
        .map_err(|_| format!("\"{value}\" of {name} is neither true nor false"))?;
    let known = GATES.iter().find(|known| **known == name.trim());
    known
        .map(|known| (*known, value))
        .ok_or_else(|| format!("{name} is not one of {}", GATES.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_kubernetes_writes_them() {
        assert_eq!(bytes("1073741824"), Ok(1 << 30));
        assert_eq!(
            (bytes("512Mi"), bytes("1Gi"), bytes("7Ki")),
            (Ok(512 << 20), Ok(1 << 30), Ok(7 << 10))
        );
        for text in ["", "0", "Mi", "-1", "+1", "1M", "1.5Gi", "99999999999Ti"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_are_read_as_go_writes_them() {
        let any = IpAddr::from([0, 0, 0, 0]);
        let read =
            |text: &str| Address::parse(text).map(|address| address.with_any(any).to_string());
        assert_eq!(read(":9090").as_deref(), Ok("0.0.0.0:9090"));
        assert_eq!(read("127.0.0.1:80").as_deref(), Ok("127.0.0.1:80"));
        assert_eq!(read("[::1]:80").as_deref(), Ok("[::1]:80"));
        assert_eq!(Address::parse("localhost:80").unwrap().port(), 80);
        for bad in ["9090", ":", ":http", ":99999", "a b:1"] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_of_every_interface_names_no_host() {
        assert_eq!(Address::parse("0.0.0.0:1").unwrap().host(), None);
        assert_eq!(Address::parse(":1").unwrap().host(), None);
        assert_eq!(
            Address::parse("10.0.0.7:1").unwrap().host(),
            Some(IpAddr::from([10, 0, 0, 7]))
        );
    }

    #[test]
    fn an_unknown_gate_is_told_with_the_known_ones() {
        assert_eq!(
            gate("StrictPostBuildSubstitutions=false"),
            Ok((STRICT_SUBSTITUTION, false))
        );
        assert_eq!(
            gate("Nope=true").unwrap_err(),
            "Nope is not one of StrictPostBuildSubstitutions"
        );
        assert!(
            gate("StrictPostBuildSubstitutions").is_err()
                && gate("StrictPostBuildSubstitutions=1").is_err()
        );
    }
}
