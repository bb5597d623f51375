use super::*;
use proptest::prelude::*;

fn parse(address: &str) -> Result<TargetUrl, BadTarget> {
    TargetUrl::parse(address, None, None)
}

fn rtmp_of(address: &str, key: Option<&str>) -> RtmpTarget {
    match TargetUrl::parse(address, key.map(Secret::new).as_ref(), None) {
        Ok(TargetUrl::Rtmp(target)) => target,
        other => panic!("{other:?}"),
    }
}

fn srt_of(address: &str, settings: &SrtSettings) -> SrtTarget {
    match TargetUrl::parse(address, None, Some(settings)) {
        Ok(TargetUrl::Srt(target)) => target,
        other => panic!("{other:?}"),
    }
}

#[test]
fn rtmp_addresses_come_with_and_without_their_key() {
    let one = rtmp_of("rtmp://live.example/app/key?token=a/b", None);
    assert_eq!((one.application.reveal(), one.stream.reveal(), one.port, one.tls), ("app", "key?token=a/b", 1935, false));
    let two = rtmp_of("rtmps://live.example:8443/app/deep/", Some("k!e;y"));
    assert_eq!((two.application.reveal(), two.stream.reveal(), two.port, two.tls), ("app/deep", "k!e;y", 8443, true));
    assert_eq!(rtmp_of("RTMPS://live.example/app/key", None).port, 443);
    let three = rtmp_of("rtmp://me:pa%40ss@[::1]:1936/app/key", None);
    assert_eq!(three.host, "::1");
    assert_eq!(
        three.user.map(|(name, password)| (name.reveal().to_owned(), password.reveal().to_owned())),
        Some(("me".into(), "pa@ss".into()))
    );
}

#[test]
fn srt_addresses_carry_streamid_and_passphrase_either_way() {
    let typed = srt_of(
        "srt://127.0.0.1:9999?streamid=%23!::r%3Dx%2By&passphrase=0123456789&mode=caller".replace('!', "%21").as_str(),
        &SrtSettings::default(),
    );
    assert_eq!((typed.streamid.reveal(), typed.passphrase.reveal(), typed.latency_ms), ("#!::r=x+y", "0123456789", 120));
    let settings = SrtSettings { streamid: Some(Secret::new("#!::u=a b")), latency_ms: Some(20), opus: true, ..SrtSettings::default() };
    let apart = srt_of("srt://host:1/", &settings);
    assert_eq!((apart.streamid.reveal(), apart.latency_ms, apart.opus), ("#!::u=a b", 20, true));
}

#[test]
fn what_is_wrong_is_said() {
    let cases = [
        ("", BadTarget::Length),
        ("rtmp://host/app/my key", BadTarget::Character),
        (" rtmp://host/app/key", BadTarget::Character),
        ("rtmp://host/app/key\n", BadTarget::Character),
        ("rtmp://host/app/\"key\"", BadTarget::Character),
        ("rtmp://host/app/k'ey", BadTarget::Character),
        ("rtmp://host/app/key ! filesink location=/tmp/x", BadTarget::Character),
        ("rtmp://host/app/key!", BadTarget::Character),
        ("rtmp://host/app/k\u{0}y", BadTarget::Character),
        ("rtmp://hóst/app/key", BadTarget::Character),
        ("ftp://host/app/key", BadTarget::Scheme),
        ("file:///etc/passwd", BadTarget::Scheme),
        ("host/app/key", BadTarget::Scheme),
        ("rtmp:///app/key", BadTarget::Host),
        ("rtmp://:1935/app/key", BadTarget::Host),
        ("rtmp://[::1/app/key", BadTarget::Host),
        ("rtmp://[nonsense]/app/key", BadTarget::Host),
        ("rtmp://host:0/app/key", BadTarget::Port),
        ("rtmp://host:66000/app/key", BadTarget::Port),
        ("rtmp://host:19x/app/key", BadTarget::Port),
        ("srt://host", BadTarget::Port),
        ("rtmp://host", BadTarget::StreamKey),
        ("rtmp://host/app", BadTarget::StreamKey),
        ("rtmp://host/app/", BadTarget::StreamKey),
        ("rtmp://host//key", BadTarget::StreamKey),
        ("srt://host:1?latency=20", BadTarget::Query),
        ("srt://host:1?mode=listener", BadTarget::Query),
        ("srt://host:1?passphrase=short", BadTarget::Passphrase),
        ("srt://host:1?streamid=a%0ab", BadTarget::StreamId),
    ];
    for (address, expected) in cases {
        assert_eq!(parse(address).unwrap_err(), expected, "{address:?}");
        assert_eq!(expected.code(), "bad_target");
    }
    let key = Secret::new("two words");
    assert_eq!(TargetUrl::parse("rtmp://host/app", Some(&key), None).unwrap_err(), BadTarget::KeyCharacter);
    assert_eq!(TargetUrl::parse("srt://host:1", Some(&key), None).unwrap_err(), BadTarget::Mixed);
    assert_eq!(TargetUrl::parse("rtmp://host/app/key", None, Some(&SrtSettings::default())).unwrap_err(), BadTarget::Mixed);
    let late = SrtSettings { latency_ms: Some(8001), ..SrtSettings::default() };
    assert_eq!(TargetUrl::parse("srt://host:1", None, Some(&late)).unwrap_err(), BadTarget::Latency);
}

#[test]
fn nothing_secret_is_shown() {
    let shown = [
        format!("{0} {0:?}", parse("rtmp://user:hunter2@host/app/hunter2?sig=hunter2").unwrap()),
        format!("{0} {0:?}", TargetUrl::parse("rtmp://host/app", Some(&Secret::new("hunter2")), None).unwrap()),
        format!("{0} {0:?}", parse("srt://host:99?streamid=hunter2&passphrase=hunter2hunter2").unwrap()),
    ];
    assert_eq!(shown[1], "rtmp://host:1935/app TargetUrl(rtmp://host:1935/app)");
    for shown in shown {
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

proptest! {
    #[test]
    fn no_text_breaks_it(address in "(rtmp|rtmps|srt)?(://)?[ -~\\n]{0,60}") {
        if let Ok(target) = parse(&address) {
            prop_assert!(!target.to_string().contains(|c: char| c.is_whitespace() || c == '!'));
        }
    }
}

fn whip_of(address: &str) -> WhipTarget {
    match parse(address) {
        Ok(TargetUrl::Whip(target)) => target,
        other => panic!("{other:?}"),
    }
}

#[test]
fn whip_addresses_are_taken_as_they_are() {
    let one = whip_of("https://Ome.example/app/one?direction=whip");
    assert_eq!((one.host.as_str(), one.port, one.tls, one.path.reveal()), ("Ome.example", 443, true, "/app/one?direction=whip"));
    assert_eq!(one.url().unwrap().as_str(), "https://ome.example/app/one?direction=whip");
    let two = whip_of("http://[::1]:3333?key=s3cr3t");
    assert_eq!((two.host.as_str(), two.port, two.path.reveal()), ("::1", 3333, "/?key=s3cr3t"));
    assert_eq!(two.url().unwrap().as_str(), "http://[::1]:3333/?key=s3cr3t");
    assert_eq!(parse("http://[::1]:3333/app/s3cr3t?x=y").unwrap().to_string(), "http://[::1]:3333");
    assert_eq!(parse("https://h/a").unwrap().protocol(), "whip");
    for (bad, why) in [
        ("https://", BadTarget::Host),
        ("https://me:pw@host/a", BadTarget::Port),
        ("https://me@host/a", BadTarget::Host),
        ("https://host:0/a", BadTarget::Port),
        ("ftp://host/a", BadTarget::Scheme),
        ("https://host/a b", BadTarget::Character),
    ] {
        assert_eq!(parse(bad).unwrap_err(), why, "{bad}");
    }
    let key = Secret::new("key");
    assert_eq!(TargetUrl::parse("https://host/a", Some(&key), None).unwrap_err(), BadTarget::Mixed);
    assert_eq!(TargetUrl::parse("https://host/a", None, Some(&SrtSettings::default())).unwrap_err(), BadTarget::Mixed);
    assert_eq!(parse("rtmp://host/app/key").unwrap().with_bearer(Some(&key)).unwrap_err(), BadTarget::Mixed);
    assert_eq!(parse("https://host/a").unwrap().with_bearer(Some(&Secret::new("a\nb"))).unwrap_err(), BadTarget::Bearer);
    let with = parse("https://host/whip/k3y?a=longer").unwrap().with_bearer(Some(&key)).unwrap();
    assert_eq!(with.secrets(), ["/whip/k3y?a=longer", "longer", "key"]);
    assert_eq!(format!("{with} {with:?}"), "https://host:443 TargetUrl(https://host:443)");
}

#[test]
fn a_token_goes_where_the_origin_looks_for_it() {
    let token = Secret::new("a/b+c");
    let of = |address: &str| parse(address).unwrap().with_token(&token);
    let TargetUrl::Whip(whip) = of("https://h/app/one?direction=whip") else { panic!() };
    assert_eq!(whip.path.reveal(), "/app/one?direction=whip&token=a%2Fb%2Bc");
    let TargetUrl::Rtmp(rtmp) = of("rtmp://h/app/one") else { panic!() };
    assert_eq!((rtmp.application.reveal(), rtmp.stream.reveal()), ("app", "one?token=a%2Fb%2Bc"));
    let TargetUrl::Srt(srt) = of("srt://h:9999?streamid=default/app/one") else { panic!() };
    assert_eq!(srt.streamid.reveal(), "default/app/one?token=a%2Fb%2Bc");
}
