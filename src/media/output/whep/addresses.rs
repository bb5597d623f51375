//! The host's own addresses, from what the kernel says under `/proc/net`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Most addresses that are advertised: each costs a viewer a check.
const MOST: usize = 8;

/// All addresses of this host that another machine could use, and loopback if it is `wanted`.
pub(in crate::media::output) fn own(loopback: bool) -> Vec<IpAddr> {
    let trie = std::fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
    let inet6 = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    let mut found: Vec<IpAddr> = v4(&trie).into_iter().map(IpAddr::V4).chain(v6(&inet6).into_iter().map(IpAddr::V6)).collect();
    found.retain(|address| !address.is_loopback() || loopback);
    found.truncate(MOST);
    found
}

/// An address line is followed by one that says what it is: `/32 host LOCAL` is an address of ours.
fn v4(trie: &str) -> Vec<Ipv4Addr> {
    let mut found = Vec::new();
    let mut last = None;
    for line in trie.lines() {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse().ok();
        } else if line == "/32 host LOCAL"
            && let Some(address) = last.take()
            && !found.contains(&address)
        {
            found.push(address);
        }
    }
    found
}

/// Lines of `address index prefix scope flags name`; scope 00 is global, 10 the host itself. Link-local ones need a zone: left out.
fn v6(inet6: &str) -> Vec<Ipv6Addr> {
    let parse = |line: &str| {
        let mut words = line.split_whitespace();
        let address = u128::from_str_radix(words.next()?, 16).ok()?;
        matches!(words.nth(2)?, "00" | "10").then_some(Ipv6Addr::from_bits(address))
    };
    inet6.lines().filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_tables_are_read() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n           |-- 127.0.0.0\n              /8 host LOCAL\n\
                    \x20          |-- 127.0.0.1\n              /32 host LOCAL\n     |-- 10.1.2.0\n        /24 link UNICAST\n     |-- 10.1.2.3\n\
                    \x20       /32 host LOCAL\nLocal:\n     |-- 10.1.2.3\n        /32 host LOCAL\n     |-- 10.1.2.255\n        /32 link BROADCAST\n";
        assert_eq!(v4(trie), [Ipv4Addr::LOCALHOST, Ipv4Addr::new(10, 1, 2, 3)]);
        let inet6 = "fe8000000000000000fc00fffe000001 04 40 20 80     eth0\n00000000000000000000000000000001 01 80 10 80       lo\n\
                     fd000000000000000000000000000002 04 40 00 82     eth0\n";
        assert_eq!(v6(inet6), [Ipv6Addr::LOCALHOST, "fd00::2".parse::<Ipv6Addr>().unwrap()]);
        assert!(v4("nonsense").is_empty() && v6("x y\n").is_empty());
    }

    #[test]
    fn loopback_is_there_when_wanted() {
        assert!(own(true).iter().any(IpAddr::is_loopback));
        assert!(!own(false).iter().any(IpAddr::is_loopback));
    }
}
