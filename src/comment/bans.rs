//! Who may not write. Pure.

use std::net::IpAddr;

use ipnet::IpNet;
use uuid::Uuid;

use super::rules::Told;

/// A ban that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Banned {
    /// Its id.
    pub(super) id: String,
    /// Whom it is for.
    pub(super) whom: Whom,
    /// Until when, Unix milliseconds; `None`: for good.
    pub(super) until_ms: Option<i64>,
    /// They were not told.
    pub(super) quiet: bool,
    /// Why, as they are told it.
    pub(super) reason: String,
}

/// Whom a ban is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    /// One viewer.
    Viewer(Uuid),
    /// Everybody at these addresses.
    Range(IpNet),
}

/// The bans of a thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bans(Vec<Banned>);

impl Bans {
    /// These.
    pub(super) fn new(bans: Vec<Banned>) -> Self {
        Self(bans)
    }

    /// The ban that holds for somebody: of several, one that they were told of, and of those the one that lasts longest.
    pub(super) fn find(&self, viewer_id: Uuid, address: IpAddr, now_ms: i64) -> Option<&Banned> {
        let address = address.to_canonical();
        let holds = |ban: &&Banned| {
            let is_meant = match &ban.whom {
                Whom::Viewer(banned) => *banned == viewer_id,
                Whom::Range(range) => range.contains(&address),
            };
            is_meant && ban.until_ms.is_none_or(|until_ms| until_ms > now_ms)
        };
        self.0.iter().filter(holds).max_by_key(|ban| (!ban.quiet, ban.until_ms.unwrap_or(i64::MAX)))
    }
}

impl Banned {
    /// Whether they know.
    pub(super) fn told(&self) -> Told {
        if self.quiet { Told::No } else { Told::Yes }
    }
}

/// Reads an address or a range of them. Ranges are refused that would ban whole countries: wider than /16, of IPv6 /32.
pub(super) fn range(text: &str) -> Option<IpNet> {
    let range = text
        .trim()
        .parse::<IpNet>()
        .ok()
        .or_else(|| text.trim().parse::<IpAddr>().ok().map(|address| IpNet::from(address.to_canonical())))?;
    let least = if range.addr().is_ipv4() { 16 } else { 32 };
    (range.prefix_len() >= least).then(|| range.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ban(whom: Whom, until_ms: Option<i64>, quiet: bool) -> Banned {
        Banned { id: format!("{whom:?}"), whom, until_ms, quiet, reason: String::new() }
    }

    #[test]
    fn bans_hold_for_whom_they_are_meant_and_as_long_as_they_last() {
        let [anna, bo] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let [home, away]: [IpAddr; 2] = ["192.0.2.7".parse().unwrap(), "198.51.100.1".parse().unwrap()];
        let bans = Bans::new(vec![
            ban(Whom::Viewer(anna), Some(1000), true),
            ban(Whom::Viewer(anna), Some(500), false),
            ban(Whom::Range(range("192.0.2.0/24").unwrap()), None, true),
        ]);
        let told = |viewer, address, now_ms| bans.find(viewer, address, now_ms).map(Banned::told);
        assert_eq!(told(anna, away, 0), Some(Told::Yes));
        assert_eq!(told(anna, away, 500), Some(Told::No));
        assert_eq!(told(anna, away, 1000), None);
        assert_eq!(told(bo, away, 0), None);
        assert_eq!(told(bo, home, i64::MAX), Some(Told::No));
        assert_eq!(told(bo, "::ffff:192.0.2.9".parse().unwrap(), 0), Some(Told::No));
    }

    #[test]
    fn ranges_are_neither_nonsense_nor_countries() {
        assert_eq!(range(" 192.0.2.7 ").unwrap().to_string(), "192.0.2.7/32");
        assert_eq!(range("192.0.2.7/24").unwrap().to_string(), "192.0.2.0/24");
        assert_eq!(range("2001:db8::/48").unwrap().to_string(), "2001:db8::/48");
        assert_eq!(range("::ffff:192.0.2.7").unwrap().to_string(), "192.0.2.7/32");
        for wrong in ["", "x", "192.0.2.7/33", "0.0.0.0/0", "10.0.0.0/8", "::/0", "2001::/16", "192.0.2.7; DROP"] {
            assert_eq!(range(wrong), None, "{wrong}");
        }
    }
}
