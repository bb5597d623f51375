//! Which address of ours an offer holds, and which of the server's is tried.
//!
//! `OvenMediaEngine` stays with the first pair of addresses that is nominated. libnice nominates a better one that answers later, and sends
//! there from then on: nothing arrives, and the next attempt goes the same way (seen where the bridge of a container engine stood beside the
//! network's own interface). So one address of the server's is tried at a time, the one that answered the offer where it is among them, and
//! what is offered is what the kernel sends from to there. (One of the other family comes along, as the answer may name one of that; what STUN
//! and TURN find does too.) An attempt that comes to nothing is followed by one to the next address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use gstreamer_sdp::SDPMessage;

/// Addresses that are nobody's (RFC 5737, RFC 3849): the way to them is the default route.
const ELSEWHERE: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))];

/// What was learned of the ways to a server.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// Where the last answer wanted media.
    media: Option<IpAddr>,
    failures: usize,
}

impl Reach {
    /// The addresses to offer to a server at `at`; none for all that libnice finds by itself.
    pub(super) fn offered(&self, at: IpAddr) -> Vec<IpAddr> {
        let to = self.media.unwrap_or(at);
        let other = ELSEWHERE.into_iter().filter(|nobody| nobody.is_ipv4() != to.is_ipv4());
        std::iter::once(to).chain(other).filter_map(source).collect()
    }

    /// Leaves in an answer what is to be tried, where there is a choice. `from`: who answered.
    pub(super) fn narrow(&mut self, from: Option<IpAddr>, answer: &mut SDPMessage) {
        let mut all = candidates(answer);
        all.retain(|address| source(*address).is_some());
        all.sort_by_key(|address| Some(*address) != from);
        self.media = all.get(self.failures.checked_rem(all.len()).unwrap_or(0)).copied();
        if let Some(media) = self.media {
            keep(answer, media);
        }
    }

    /// Whether what was offered leads to where the last answer wanted media.
    pub(super) fn is_led(&self, offered: &[IpAddr]) -> bool {
        self.media.and_then(source).is_none_or(|source| offered.contains(&source))
    }

    /// An attempt came to nothing.
    pub(super) fn failed(&mut self) {
        self.failures = self.failures.wrapping_add(1);
    }
}

/// The address that the kernel would send from; nothing is sent.
fn source(to: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    socket.connect(SocketAddr::new(to, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|source| !source.is_unspecified())
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
        let lines: Vec<String> = addresses.iter().map(|one| format!("a=candidate:1 1 UDP 50 {one} 20001 typ host\r\n")).collect();
        let text = format!(
            "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n{}a=recvonly\r\n",
            lines.concat()
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
    fn of_many_addresses_that_one_is_tried_that_answered_and_then_the_others() {
        let mut reach = Reach::default();
        let told = ["127.0.0.2", "127.0.0.1", "abcd.local"];
        let mut tried = Vec::new();
        for _ in 0..3 {
            let mut found = answer(&told);
            reach.narrow(Some(HERE), &mut found);
            assert_eq!(found.medias().next().unwrap().attributes().count(), 3, "only candidates go: {}", found.as_text().unwrap());
            tried.extend(candidates(&found));
            reach.failed();
        }
        assert_eq!(tried, [HERE, ip("127.0.0.2"), HERE]);
    }

    #[test]
    fn media_elsewhere_is_learned_from_the_answer() {
        let mut reach = Reach::default();
        // The server speaks HTTP elsewhere, by a way that does not lead to its media.
        let at = ip("10.9.9.9");
        let mut found = answer(&["127.0.0.1", "127.0.0.2"]);
        reach.narrow(Some(at), &mut found);
        assert_eq!(candidates(&found), [HERE]);
        assert!(!reach.is_led(&[ip("10.9.9.1")]), "another offer is needed");
        let offered = reach.offered(at);
        assert!(offered[0] == HERE && reach.is_led(&offered), "and that one leads there");
    }

    #[test]
    fn names_are_left_to_libnice() {
        let mut reach = Reach::default();
        let mut found = answer(&["abcd.local"]);
        reach.narrow(Some(HERE), &mut found);
        assert!(found.as_text().unwrap().contains("abcd.local") && reach.is_led(&[]));
        assert_eq!(reach.offered(HERE)[0], HERE);
    }
}
