//! Public addresses, and the IPv4 addresses that hide in IPv6 ones.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether the address is reachable for everybody in the Internet, after IANA's registries of special addresses.
pub(super) fn is_public(ip: IpAddr) -> bool {
    match real(ip) {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

/// The IPv4 address behind a mapped, compatible, 6to4 or NAT64 one; others as they are.
pub(super) fn real(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    embedded_v4(v6).map_or(ip, IpAddr::V4)
}

fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let last = || Some(Ipv4Addr::from_octets(ip.octets()[12..].try_into().ok()?));
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => last(),
        [0x2002, high, low, ..] => Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))),
        _ => None,
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    // In this order: this network, private, loopback, multicast and what is above it; carrier-grade NAT, link-local, benchmarks; protocol
    // assignments, the 6to4 relay, documentation.
    !matches!(
        ip.octets(),
        [0 | 10 | 127 | 224.., ..]
            | [172, 16..=31, ..]
            | [192, 168, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [198, 18 | 19, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
    )
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    match ip.segments() {
        // Teredo and other protocol assignments, documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}
