//! Special addresses, and addresses embedded in others.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is refused by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    Unspecified,
    Loopback,
    LinkLocal,
    Metadata,
    Multicast,
    Reserved,
}

impl fmt::Display for Special {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "it refers to this machine itself",
            Self::Loopback => "it is this machine's loopback",
            Self::LinkLocal => "it is a link-local address, as metadata services have",
            Self::Metadata => "a cloud's metadata service may answer there",
            Self::Multicast => "it is a multicast address",
            Self::Reserved => "it is a reserved address",
        })
    }
}

/// Metadata services at ordinary addresses: Alibaba, Oracle, Azure; AWS and Google by IPv6.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];
/// Names that stand for this machine or its metadata service whatever they resolve to.
const NAMES: [(&str, Special); 4] = [
    ("localhost", Special::Loopback),
    ("metadata", Special::Metadata),
    ("metadata.google.internal", Special::Metadata),
    ("metadata.goog", Special::Metadata),
];

/// Returns why an address is refused by default, if it is.
pub(super) fn special(address: IpAddr) -> Option<Special> {
    match address.to_canonical() {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

/// Returns why a name is refused by default, if it is.
pub(super) fn special_name(name: &str) -> Option<Special> {
    if name.ends_with(".localhost") {
        return Some(Special::Loopback);
    }
    NAMES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, special)| *special)
}

fn special_v4(address: Ipv4Addr) -> Option<Special> {
    match address.octets() {
        _ if METADATA_V4.contains(&address) => Some(Special::Metadata),
        [0, ..] => Some(Special::Unspecified),
        [127, ..] => Some(Special::Loopback),
        [169, 254, ..] => Some(Special::LinkLocal),
        [224..=239, ..] => Some(Special::Multicast),
        [240..=255, ..] => Some(Special::Reserved),
        _ => None,
    }
}

fn special_v6(address: Ipv6Addr) -> Option<Special> {
    match address {
        _ if METADATA_V6.contains(&address) => Some(Special::Metadata),
        _ if address.is_unspecified() => Some(Special::Unspecified),
        _ if address.is_loopback() => Some(Special::Loopback),
        _ if address.is_unicast_link_local() => Some(Special::LinkLocal),
        _ if address.is_multicast() => Some(Special::Multicast),
        _ => None,
    }
}

/// Returns an address and the IPv4 addresses embedded in it, because a translator or tunnel
/// delivers to those.
pub(super) fn faces(address: IpAddr) -> impl Iterator<Item = IpAddr> {
    let address = address.to_canonical();
    let inner = match address {
        IpAddr::V4(_) => [None; 3],
        IpAddr::V6(address) => embedded(address),
    };
    std::iter::once(address).chain(inner.into_iter().flatten().map(IpAddr::V4))
}

fn embedded(address: Ipv6Addr) -> [Option<Ipv4Addr>; 3] {
    let [first, second, middle @ .., high, low] = address.segments();
    let v4 =
        |high: u16, low: u16| Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    let at_the_end = [v4(high, low), None, None];
    match (first, second) {
        // NAT64: the well-known prefix, and the one for local use, whose bits 64 to 71 are skipped.
        (0x64, 0xff9b) if middle == [0; 4] => at_the_end,
        (0x64, 0xff9b) if middle[0] == 1 => {
            let [_, upper, split, lower] = middle;
            [
                v4(high, low),
                v4(upper, (split & 0xff) << 8 | lower >> 8),
                v4(lower, high),
            ]
        }
        // 6to4.
        (0x2002, _) => [v4(second, middle[0]), None, None],
        // Teredo: its server, and the client's address with inverted bits.
        (0x2001, 0) => [v4(middle[0], middle[1]), v4(!high, !low), None],
        // IPv4-compatible, except for the unspecified address and loopback, and IPv4-translated
        // (SIIT).
        (0, 0) if middle == [0; 4] && !matches!((high, low), (0, 0 | 1)) => at_the_end,
        (0, 0) if middle == [0, 0, 0xffff, 0] => at_the_end,
        _ => [None; 3],
    }
}
