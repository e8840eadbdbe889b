//! Which addresses are no place on the public internet, and what they are instead. Whether one may
//! be reached all the same is for `rules.rs` to say.
//!
//! Sources: the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), the IANA IPv6
//! Address Space registry (only 2000::/3 is global unicast), the multicast registries, and the
//! providers' own words on where their metadata services listen. Blocks that IANA calls globally
//! reachable and that no webhook lives in (AS112, AMT, anycast relays) are in it too.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// What an address is that is not on the public internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Special {
    /// In words, such as "a private address".
    pub what: &'static str,
    /// What could open it.
    pub(super) kind: Kind,
}

/// What could open an address that is not public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// This machine: a developer's server, or a network that the operator names.
    Loopback,
    /// The network around it: also a name that the operator allows.
    Internal,
    /// Only a network that the operator names.
    Closed,
}

const METADATA: &str = "where a cloud's metadata service listens";

/// From the most particular on: the first that fits says what an address is.
const V4: &[(Ipv4Net, &str, Kind)] = &[
    (v4(169, 254, 169, 254, 32), METADATA, Kind::Closed),
    // Alibaba; Azure; Oracle.
    (v4(100, 100, 100, 200, 32), METADATA, Kind::Closed),
    (v4(168, 63, 129, 16, 32), METADATA, Kind::Closed),
    (v4(192, 0, 0, 192, 32), METADATA, Kind::Closed),
    (v4(0, 0, 0, 0, 8), "an address of \"this network\"", Kind::Closed),
    (v4(10, 0, 0, 0, 8), "a private address", Kind::Internal),
    (v4(100, 64, 0, 0, 10), "an address behind a carrier's NAT", Kind::Internal),
    (v4(127, 0, 0, 0, 8), "this machine itself", Kind::Loopback),
    (v4(169, 254, 0, 0, 16), "a link-local address", Kind::Closed),
    (v4(172, 16, 0, 0, 12), "a private address", Kind::Internal),
    (v4(192, 0, 0, 0, 24), "reserved for protocols", Kind::Closed),
    (v4(192, 0, 2, 0, 24), "an address for documentation", Kind::Closed),
    (v4(192, 31, 196, 0, 24), "an AS112 address", Kind::Closed),
    (v4(192, 52, 193, 0, 24), "a relay for multicast", Kind::Closed),
    (v4(192, 88, 99, 0, 24), "a 6to4 relay", Kind::Closed),
    (v4(192, 168, 0, 0, 16), "a private address", Kind::Internal),
    (v4(192, 175, 48, 0, 24), "an AS112 address", Kind::Closed),
    (v4(198, 18, 0, 0, 15), "an address for benchmarks", Kind::Closed),
    (v4(198, 51, 100, 0, 24), "an address for documentation", Kind::Closed),
    (v4(203, 0, 113, 0, 24), "an address for documentation", Kind::Closed),
    (v4(224, 0, 0, 0, 4), "a multicast address", Kind::Closed),
    (v4(255, 255, 255, 255, 32), "the broadcast address", Kind::Closed),
    (v4(240, 0, 0, 0, 4), "a reserved address", Kind::Closed),
];

/// As above. What is outside of 2000::/3 needs no line to be closed; those here have a better word.
const V6: &[(Ipv6Net, &str, Kind)] = &[
    // AWS and Google, inside of the unique local addresses.
    (v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32), METADATA, Kind::Closed),
    (v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0], 32), METADATA, Kind::Closed),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 128), "the unspecified address", Kind::Closed),
    (v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "this machine itself", Kind::Loopback),
    (v6([0, 0, 0, 0, 0, 0, 0, 0], 96), "an IPv4 address inside of IPv6", Kind::Closed),
    (v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96), "an IPv4 address inside of IPv6", Kind::Closed),
    (v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), "an IPv4 address inside of IPv6", Kind::Closed),
    (v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96), "an IPv4 address behind NAT64", Kind::Closed),
    (v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), "an IPv4 address behind NAT64", Kind::Closed),
    (v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), "where packets are thrown away", Kind::Closed),
    (v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64), "a dummy prefix", Kind::Closed),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), "an IPv4 address behind Teredo", Kind::Closed),
    (v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48), "an address for benchmarks", Kind::Closed),
    (v6([0x2001, 3, 0, 0, 0, 0, 0, 0], 32), "a relay for multicast", Kind::Closed),
    (v6([0x2001, 4, 0x112, 0, 0, 0, 0, 0], 48), "an AS112 address", Kind::Closed),
    (v6([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28), "a name of a host and no address", Kind::Closed),
    (v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28), "a name of a host and no address", Kind::Closed),
    (v6([0x2001, 0x30, 0, 0, 0, 0, 0, 0], 28), "a name of a drone and no address", Kind::Closed),
    (v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), "reserved for protocols", Kind::Closed),
    (v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), "an address for documentation", Kind::Closed),
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), "an IPv4 address behind 6to4", Kind::Closed),
    (v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48), "an AS112 address", Kind::Closed),
    (v6([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16), "an address of the former 6bone", Kind::Closed),
    (v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "an address for documentation", Kind::Closed),
    (v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16), "a segment of a route", Kind::Closed),
    (v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), "a private address", Kind::Internal),
    (v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "a link-local address", Kind::Closed),
    (v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "a site-local address", Kind::Closed),
    (v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "a multicast address", Kind::Closed),
];

const GLOBAL: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const fn v6(s: [u16; 8], bits: u8) -> Ipv6Net {
    let address = Ipv6Addr::new(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]);
    Ipv6Net::new_assert(address, bits)
}

/// What an address is, or `None` if it is one of the public internet.
#[must_use]
pub fn special(address: IpAddr) -> Option<Special> {
    let found = match address {
        IpAddr::V4(address) => V4
            .iter()
            .find(|(net, ..)| net.contains(&address))
            .map(|&(_, what, kind)| Special { what, kind }),
        IpAddr::V6(address) => V6
            .iter()
            .find(|(net, ..)| net.contains(&address))
            .map(|&(_, what, kind)| Special { what, kind }),
    };
    match (found, address) {
        (None, IpAddr::V6(address)) if !GLOBAL.contains(&address) => {
            Some(Special { what: "no global address", kind: Kind::Closed })
        }
        // A tunnel that reaches an IPv4 address by the last half of any prefix (RFC 5214).
        (None, IpAddr::V6(address))
            if matches!(address.segments(), [_, _, _, _, 0 | 0x200, 0x5efe, _, _]) =>
        {
            Some(Special { what: "an IPv4 address behind ISATAP", kind: Kind::Closed })
        }
        _ => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_is_closed_from_its_first_address_to_its_last_and_not_beyond() {
        for (net, ..) in V4 {
            for inside in [net.network(), net.broadcast()] {
                assert!(special(inside.into()).is_some(), "{inside} of {net}");
            }
        }
        for (net, ..) in V6 {
            for inside in [net.network(), net.broadcast()] {
                assert!(special(inside.into()).is_some(), "{inside} of {net}");
            }
        }
        // Neighbours of the blocks that are easily drawn too wide.
        for outside in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "2001:200::",
            "2001:db7:ffff::",
            "2001:db9::",
            "2003::",
            "2600::1",
            "2620:4f:7fff::",
            "3ffd::",
            "3fff:1000::",
            "2a00:1450:4001::1",
        ] {
            let address: IpAddr = outside.parse().unwrap();
            assert_eq!(special(address), None, "{outside}");
        }
    }

    #[test]
    fn the_registries_are_in_it_row_by_row() {
        // As the two IANA registries list them, in their order, and in their spelling.
        for row in [
            "0.0.0.0/8",
            "0.0.0.0/32",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.0.0/29",
            "192.0.0.8/32",
            "192.0.0.9/32",
            "192.0.0.10/32",
            "192.0.0.170/32",
            "192.0.0.171/32",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "240.0.0.0/4",
            "255.255.255.255/32",
            "::1/128",
            "::/128",
            "::ffff:0:0/96",
            "64:ff9b::/96",
            "64:ff9b:1::/48",
            "100::/64",
            "100:0:0:1::/64",
            "2001::/23",
            "2001::/32",
            "2001:1::1/128",
            "2001:1::2/128",
            "2001:1::3/128",
            "2001:2::/48",
            "2001:3::/32",
            "2001:4:112::/48",
            "2001:10::/28",
            "2001:20::/28",
            "2001:30::/28",
            "2001:db8::/32",
            "2002::/16",
            "2620:4f:8000::/48",
            "3fff::/20",
            "5f00::/16",
            "fc00::/7",
            "fe80::/10",
        ] {
            let net: ipnet::IpNet = row.parse().unwrap();
            let middle = net.hosts().take(70_000).last().unwrap_or(net.addr());
            for inside in [net.network(), middle, net.broadcast()] {
                assert!(special(inside).is_some(), "{inside} of {row}");
            }
        }
    }
}
