//! What the kernel knows of an RTMP connection: how much of what was written the other side has not taken.
//!
//! `rtmp2sink` counts what it hands to the kernel, and the kernel takes megabytes for a server that has stopped reading. Its socket cannot
//! be reached, but `/proc` says how much waits in it.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Bytes written and not acknowledged on the one connection of this process to any of these addresses; `None` where there is none, or
/// where there are several and nobody can say which is meant.
pub(super) fn unacknowledged(to: &[SocketAddr]) -> Option<u64> {
    let table = |name: &str| std::fs::read_to_string(format!("/proc/self/net/{name}")).unwrap_or_default();
    let (v4, v6) = (table("tcp"), table("tcp6"));
    let found: Vec<Row> = v4.lines().chain(v6.lines()).filter_map(row).filter(|row| to.contains(&row.remote)).collect();
    let ours = if found.is_empty() { HashSet::new() } else { own_sockets() };
    let mut found = found.into_iter().filter(|row| ours.contains(&row.inode));
    let row = found.next()?;
    found.next().is_none().then_some(row.waiting)
}

#[derive(Debug, PartialEq)]
struct Row {
    remote: SocketAddr,
    waiting: u64,
    inode: u64,
}

/// A line of `/proc/net/tcp`: number, local and remote address, state, queues (sent and not acknowledged first), six words, inode.
fn row(line: &str) -> Option<Row> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (address, port) = words.get(2)?.split_once(':')?;
    let waiting = words.get(4)?.split_once(':')?.0;
    // Each group of four bytes is a number in the machine's own order.
    let mut bytes = Vec::with_capacity(16);
    for group in address.as_bytes().chunks(8) {
        let number = u32::from_str_radix(std::str::from_utf8(group).ok()?, 16).ok()?;
        bytes.extend(number.to_ne_bytes());
    }
    let ip: IpAddr = match bytes.len() {
        4 => Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into(),
        _ => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)).to_canonical(),
    };
    Some(Row {
        remote: (ip, u16::from_str_radix(port, 16).ok()?).into(),
        waiting: u64::from_str_radix(waiting, 16).ok()?,
        inode: words.get(9)?.parse().ok()?,
    })
}

fn own_sockets() -> HashSet<u64> {
    let entries = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let links = entries.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    links.filter_map(|link| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn lines_of_both_tables_are_read() {
        let v4 = "   3: 0100007F:C5A2 0200007F:078F 01 0000A1B2:00000000 01:00000014 00000000     0        0 4242 2 0000000000000000 20 4 30 10 -1";
        assert_eq!(row(v4), Some(Row { remote: "127.0.0.2:1935".parse().unwrap(), waiting: 0xa1b2, inode: 4242 }));
        let v6 = "   0: 00000000000000000000000001000000:1F90 0000000000000000FFFF00000100007F:0050 01 00000000:00000000 00:00000000 00000000 0 0 77 1";
        assert_eq!(row(v6), Some(Row { remote: "127.0.0.1:80".parse().unwrap(), waiting: 0, inode: 77 }));
        assert_eq!(row("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"), None);
        assert_eq!(row(""), None);
    }

    #[test]
    fn what_a_peer_does_not_take_is_seen() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap();
        assert_eq!(unacknowledged(&[to]), None);
        let mut stream = TcpStream::connect(to).unwrap();
        assert_eq!(unacknowledged(&[to]), Some(0));
        let (_peer, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        while stream.write(&[0; 4096]).is_ok() {}
        assert!(unacknowledged(&[to]).is_some_and(|waiting| waiting > 10_000), "{:?}", unacknowledged(&[to]));
        let _second = TcpStream::connect(to).unwrap();
        assert_eq!(unacknowledged(&[to]), None, "two connections cannot be told apart");
    }
}
