use super::*;

fn read(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    Settings::from_map(&pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

fn problems(pairs: &[(&str, &str)]) -> Vec<String> {
    read(pairs).map_or_else(|error: SettingsError| error.problems, |settings| panic!("accepted: {settings:?}"))
}

#[test]
fn nothing_set_gives_the_defaults() {
    let settings = read(&[("PATH", "/bin"), ("BLUECAST_ADMIN_PASSWORD", "")]).unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert!(matches!(&settings.database, Database::Sqlite(path) if path.ends_with("data/bluecast.db")));
    assert!(may_call(&settings, "127.0.0.1"));
    assert_eq!(settings.admin_user, "admin");
    assert!(settings.admin_password.is_none());
    assert!(!settings.node.name.is_empty());
}

fn may_call(settings: &Settings, address: &str) -> bool {
    settings.call_allow.permits(address, address.parse().unwrap())
}

#[test]
fn listening_to_others_takes_loopback_off_the_list() {
    assert!(!may_call(&read(&[("BLUECAST_LISTEN", "0.0.0.0:8080")]).unwrap(), "127.0.0.1"));
    let named = read(&[("BLUECAST_LISTEN", "0.0.0.0:8080"), ("BLUECAST_CALL_ALLOW", "bbb.example.org, 10.0.0.0/8,::1")]).unwrap();
    assert!(may_call(&named, "10.1.2.3") && may_call(&named, "::1") && !may_call(&named, "192.168.0.1"));
    let wrong = problems(&[("BLUECAST_CALL_ALLOW", "bbb example")]);
    assert!(wrong.len() == 1 && wrong[0].contains("BLUECAST_CALL_ALLOW"), "{wrong:?}");
}

#[test]
fn everything_wrong_is_said_at_once() {
    let problems = problems(&[
        ("BLUECAST_LISTEN", "here"),
        ("BLUECAST_PUBLIC_URL", "ftp://example.org"),
        ("BLUECAST_LISTNE", "127.0.0.1:1"),
        ("BLUECAST_WEBRTC_UDP_PORTS", "9-5"),
        ("BLUECAST_LOG_FORMAT", "xml"),
    ]);
    assert_eq!(problems.len(), 5, "{problems:?}");
    for name in ["BLUECAST_LISTEN ", "BLUECAST_PUBLIC_URL", "BLUECAST_LISTNE", "BLUECAST_WEBRTC_UDP_PORTS", "BLUECAST_LOG_FORMAT"] {
        assert!(problems.iter().any(|problem| problem.contains(name)), "{name} in {problems:?}");
    }
}

#[test]
fn no_problem_repeats_a_secret() {
    let said = problems(&[
        ("BLUECAST_SECRET_KEY", "hunter2hunter2"),
        ("BLUECAST_DATABASE_URL", "mysql://root:hunter2@db/x"),
        ("BLUECAST_ICE_SERVERS", "turn:hunter2"),
    ]);
    assert_eq!(said.len(), 3);
    assert!(!said.join(" ").contains("hunter2"), "{said:?}");
    let settings = read(&[("BLUECAST_DATABASE_URL", "postgres://u:hunter2@db/x"), ("BLUECAST_SECRET_KEY", &"A".repeat(43))]).unwrap();
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn a_value_may_stand_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "correct horse\n").unwrap();
    let path = path.to_str().unwrap();
    let settings = read(&[("BLUECAST_ADMIN_PASSWORD_FILE", path)]).unwrap();
    assert_eq!(settings.admin_password.unwrap().reveal(), "correct horse");

    let both = problems(&[("BLUECAST_ADMIN_PASSWORD_FILE", path), ("BLUECAST_ADMIN_PASSWORD", "x")]);
    assert!(both[0].contains("both set"), "{both:?}");
    let gone = problems(&[("BLUECAST_ADMIN_PASSWORD_FILE", "/nowhere/at/all")]);
    assert!(gone[0].contains("/nowhere/at/all"), "{gone:?}");
}

#[test]
fn postgres_needs_a_key() {
    let said = problems(&[("BLUECAST_DATABASE_URL", "postgres://u@db/x")]);
    assert!(said.len() == 1 && said[0].contains("BLUECAST_SECRET_KEY"), "{said:?}");
}

#[test]
fn ice_servers_are_taken_apart() {
    let settings =
        read(&[("BLUECAST_ICE_SERVERS", "stun:stun.example.org:3478,turn:kit:p@ss@turn.example.org:3478?transport=udp")]).unwrap();
    let turn = &settings.webrtc.ice_servers[1];
    assert_eq!(settings.webrtc.ice_servers[0].url, "stun:stun.example.org:3478");
    assert_eq!((turn.url.as_str(), turn.username.as_deref()), ("turn:turn.example.org:3478?transport=udp", Some("kit")));
    assert_eq!(turn.credential.as_ref().unwrap().reveal(), "p@ss");
    let uris = |list: &str| -> Vec<String> {
        let settings = read(&[("BLUECAST_WHIP_ICE_SERVERS", list)]).unwrap();
        settings.webrtc.whip_ice_servers.iter().map(|server| server.uri().reveal().to_owned()).collect()
    };
    assert_eq!(
        uris("stun:stun.example.org,turn:kit:p@ss@turn.example.org:3479?transport=tcp,turns:a:b@[2001:db8::1]"),
        ["stun://stun.example.org:3478", "turn://kit:p%40ss@turn.example.org:3479?transport=tcp", "turns://a:b@[2001:db8::1]:5349"]
    );
}

#[test]
fn the_example_names_every_setting_once() {
    let example = env_example();
    for variable in VARIABLES {
        assert_eq!(example.matches(&format!("\n#{}=", variable.name)).count(), 1, "{}", variable.name);
    }
}

#[test]
fn env_example_is_current() {
    let written = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/env.example")).unwrap_or_default();
    assert!(written == env_example(), "run `cargo run -- env-example > env.example`");
}

#[test]
fn rooms_have_settings() {
    let room = |pairs: &[(&str, &str)]| read(pairs).unwrap().room;
    let none = room(&[]);
    assert_eq!((none.home, none.matomo_url, none.registration_days), (None, None, Some(365)));
    let all = room(&[
        ("BLUECAST_HOME_ROOM", "aula"),
        ("BLUECAST_MATOMO_URL", "https://stats.example.org/matomo"),
        ("BLUECAST_PHONE_REGION", "in"),
        ("BLUECAST_REGISTRATION_DAYS", "0"),
    ]);
    assert_eq!((all.home.as_deref(), all.registration_days), (Some("aula"), None));
    assert_eq!(all.matomo_url.unwrap().as_str(), "https://stats.example.org/matomo/");
    assert!(all.phone_region.is_some());
    for (name, value) in [
        ("BLUECAST_HOME_ROOM", "Aula 1"),
        ("BLUECAST_MATOMO_URL", "javascript:alert(1)"),
        ("BLUECAST_MATOMO_URL", "https://a;script-src *"),
        ("BLUECAST_PHONE_REGION", "XX1"),
        ("BLUECAST_REGISTRATION_DAYS", "-1"),
    ] {
        assert!(problems(&[(name, value)])[0].contains(name), "{name}={value}");
    }
}
