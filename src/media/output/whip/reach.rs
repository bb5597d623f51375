//! Which addresses of ours an offer holds, and which of the server's are tried.
//!
//! `OvenMediaEngine` stays with the first pair of addresses that is nominated. libnice nominates a better one that answers later, and sends
//! there from then on: nothing arrives, and the next attempt goes the same way (seen where the bridge of a container engine stood beside the
//! network's own interface). So an offer holds the address alone that the kernel sends from, one of each family, and of the server's addresses
//! that one counts that took the offer. An attempt that comes to nothing is followed by one with everything that there is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use gstreamer_sdp::SDPMessage;

use crate::media::output::whep::own_addresses;

/// Addresses that are nobody's (RFC 5737, RFC 3849): the way to them is the default route.
const ELSEWHERE: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))];

/// What was learned of the ways to a server.
#[derive(Debug, Default)]
pub(super) struct Reach {
    wide: bool,
    /// Where the last answer wanted media.
    media: Vec<IpAddr>,
}

impl Reach {
    /// The addresses to offer to a server at `at`; none for all that libnice finds by itself.
    pub(super) fn offered(&self, at: IpAddr) -> Vec<IpAddr> {
        match (self.wide, at.is_loopback()) {
            // libnice leaves loopback out, unless it is named, and then what is not named.
            (true, true) => own_addresses(true),
            (true, false) => Vec::new(),
            (false, _) if self.media.is_empty() => sources(&[at]),
            (false, _) => sources(&self.media),
        }
    }

    /// Leaves in an answer what is to be tried. Whether what was offered leads there; if not, the next offer does.
    pub(super) fn narrow(&mut self, at: IpAddr, offered: &[IpAddr], answer: &mut SDPMessage) -> bool {
        if self.wide {
            return true;
        }
        if candidates(answer).contains(&at) {
            keep(answer, at);
        }
        self.media = candidates(answer);
        let wanted: Vec<IpAddr> = self.media.iter().filter_map(|media| source(*media)).collect();
        wanted.is_empty() || wanted.iter().any(|source| offered.contains(source))
    }

    /// An attempt came to nothing.
    pub(super) fn failed(&mut self) {
        self.wide = !self.wide;
    }
}

/// The address that the kernel would send from; nothing is sent.
fn source(to: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    socket.connect(SocketAddr::new(to, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|source| !source.is_unspecified())
}

/// The addresses that lead to these, and one of the family that they do not have.
fn sources(to: &[IpAddr]) -> Vec<IpAddr> {
    let other = ELSEWHERE.into_iter().filter(|nobody| !to.iter().any(|to| to.is_ipv4() == nobody.is_ipv4()));
    let mut found: Vec<IpAddr> = Vec::new();
    for source in to.iter().copied().chain(other).filter_map(source) {
        if !found.contains(&source) {
            found.push(source);
        }
    }
    found
}

/// RFC 8839, section 5.1: foundation, component, transport, priority, address.
fn address(candidate: &str) -> Option<IpAddr> {
    candidate.split_whitespace().nth(4)?.parse().ok()
}

fn candidates(answer: &SDPMessage) -> Vec<IpAddr> {
    let mut found = Vec::new();
    let values = answer.medias().flat_map(|line| line.attributes().filter(|one| one.key() == "candidate").filter_map(|one| one.value()));
    for address in values.filter_map(address) {
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

/// Takes all candidates out but those of an address.
fn keep(answer: &mut SDPMessage, only: IpAddr) {
    for line in answer.medias_mut() {
        for index in (0..line.attributes_len()).rev() {
            let other = line.attribute(index).is_some_and(|one| one.key() == "candidate" && one.value().and_then(address) != Some(only));
            if other {
                let _ = line.remove_attribute(index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn answer(addresses: &[&str]) -> SDPMessage {
        gstreamer::init().unwrap();
        let lines: String = addresses.iter().map(|one| format!("a=candidate:1 1 UDP 50 {one} 20001 typ host\r\n")).collect();
        let text = format!(
            "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n{lines}a=recvonly\r\n"
        );
        SDPMessage::parse_buffer(text.as_bytes()).unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_of_a_family_is_offered_whatever_the_machine_has() {
        let offered = Reach::default().offered(HERE);
        assert_eq!(offered[0], HERE);
        assert!(offered[1..].iter().all(IpAddr::is_ipv6) && offered.len() <= 2, "{offered:?}");
    }

    #[test]
    fn of_many_addresses_that_one_counts_that_took_the_offer() {
        let mut reach = Reach::default();
        let mut found = answer(&["172.17.0.1", "127.0.0.1", "abcd.local", "::1"]);
        assert!(reach.narrow(HERE, &reach.offered(HERE), &mut found));
        assert_eq!(candidates(&found), [HERE]);
        let lines = found.medias().next().unwrap().attributes().count();
        assert_eq!(lines, 3, "only candidates go: {}", found.as_text().unwrap());
    }

    #[test]
    fn media_elsewhere_is_learned_from_the_answer() {
        let mut reach = Reach::default();
        // The server speaks HTTP elsewhere, by a way that does not lead to its media.
        let (at, offered) = (ip("10.9.9.9"), [ip("10.9.9.1")]);
        let mut found = answer(&["127.0.0.1"]);
        assert!(!reach.narrow(at, &offered, &mut found), "another offer is needed");
        let offered = reach.offered(at);
        assert_eq!(offered[0], HERE);
        assert!(reach.narrow(at, &offered, &mut found), "and that one leads there");
        assert_eq!(candidates(&found), [HERE], "nothing is taken out where none is at the server's own");
        assert!(Reach::default().narrow(at, &[], &mut answer(&["abcd.local"])), "a name is left to libnice");
    }

    #[test]
    fn after_a_failure_everything_is_tried_and_then_one_again() {
        let mut reach = Reach::default();
        reach.failed();
        assert_eq!(reach.offered(HERE), own_addresses(true));
        assert!(reach.offered(ip("10.9.9.9")).is_empty());
        let mut found = answer(&["172.17.0.1", "127.0.0.1"]);
        assert!(reach.narrow(HERE, &[], &mut found));
        assert_eq!(candidates(&found).len(), 2);
        reach.failed();
        assert_eq!(reach.offered(HERE)[0], HERE);
    }
}
