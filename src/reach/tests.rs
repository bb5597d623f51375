use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn public_addresses_are_always_permitted() {
    let nothing = Reach::parse("").unwrap();
    for public in ["93.184.216.34", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::1", "64:ff9b::808:808"] {
        assert!(nothing.permits("anything.example.org", ip(public)), "{public}");
    }
}

#[test]
fn inner_addresses_in_every_disguise_are_not() {
    let nothing = Reach::default();
    for inner in [
        "127.0.0.1",
        "127.9.9.9",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "255.255.255.255",
        "198.18.0.1",
        "192.0.2.1",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd12:3456::1",
        "ff02::1",
        "fec0::1",
        "2001:db8::1",
        "2001:0:53aa:64c:0:fbff:5c5b:1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::10.0.0.1",
        "::ffff:0:10.0.0.1",
        "2002:7f00:1::1",
        "2002:c0a8:101::1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::a00:1",
    ] {
        assert!(!nothing.permits("inner.example.org", ip(inner)), "{inner}");
    }
}

#[test]
fn the_list_opens_what_it_names_and_nothing_else() {
    let reach = Reach::parse(" loopback, 10.1.0.0/16,192.168.7.9 ,Inner.Example.ORG., fd00::/8,[2001:db8::5]").unwrap();
    for (host, address) in [
        ("localhost", "127.0.0.1"),
        ("localhost", "::1"),
        ("x", "::ffff:127.0.0.1"),
        ("x", "10.1.200.3"),
        ("x", "::ffff:10.1.2.3"),
        ("x", "192.168.7.9"),
        ("inner.example.org", "172.16.4.4"),
        ("INNER.example.org.", "172.16.4.4"),
        ("x", "fd00::77"),
        ("x", "2001:db8::5"),
    ] {
        assert!(reach.permits(host, ip(address)), "{host} {address}");
    }
    for (host, address) in [("x", "10.2.0.1"), ("x", "192.168.7.10"), ("not-inner.example.org", "172.16.4.4"), ("x", "2001:db8::6")] {
        assert!(!reach.permits(host, ip(address)), "{host} {address}");
    }
}

#[test]
fn nonsense_in_the_list_is_an_error_that_names_it() {
    for entry in ["10.0.0.0/33", "http://bbb.example.org", "bbb.example.org:443", "10.0.0", "a b", "*", "-/8", "a..b", "bücher.de"] {
        let error = Reach::parse(&format!("loopback,{entry}")).unwrap_err();
        assert_eq!(error, ReachError::BadEntry { entry: entry.into() });
        assert!(error.to_string().contains(entry));
    }
}

#[tokio::test]
async fn names_are_judged_by_their_addresses() {
    let refused = Reach::default().resolve("localhost", 80).await.unwrap_err();
    assert_eq!(refused, ReachError::NotPermitted { host: "localhost".into() });
    assert!(!refused.retry());
    // What the system's resolver takes for an address too.
    for disguise in ["127.1", "0x7f.0.0.1", "2130706433", "[::1]", "::ffff:127.0.0.1"] {
        assert_eq!(Reach::default().resolve(disguise, 80).await.unwrap_err().code(), "not_permitted", "{disguise}");
    }
    let permitted = Reach::parse("loopback").unwrap().resolve("localhost", 8080).await.unwrap();
    assert!(!permitted.is_empty() && permitted.iter().all(|at| at.ip().is_loopback() && at.port() == 8080));
    for unknown in ["no-such-host.invalid", "a b", "a\0b", ""] {
        let error = Reach::default().resolve(unknown, 80).await.unwrap_err();
        assert!(matches!(error.code(), "unknown_host" | "timed_out"), "{unknown:?}: {error}");
    }
}

#[test]
fn literal_addresses_in_urls_are_checked() {
    let nothing = Reach::default();
    for url in [
        "http://127.0.0.1:9/x",
        "http://127.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "rtmp://10.0.0.1/live",
        "srt://[fd00::1]:9000",
    ] {
        assert_eq!(nothing.check_url(&Url::parse(url).unwrap()).unwrap_err().code(), "not_permitted", "{url}");
    }
    for url in ["http://8.8.8.8/", "https://bbb.example.org/", "rtmp://live.example.org/app", "data:text/plain,x"] {
        assert_eq!(nothing.check_url(&Url::parse(url).unwrap()), Ok(()), "{url}");
    }
    assert_eq!(Reach::parse("loopback").unwrap().check_url(&Url::parse("http://127.0.0.1:9/x").unwrap()), Ok(()));
}
