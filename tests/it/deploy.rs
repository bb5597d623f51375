//! What is shipped beside the program fits it and fits together: OvenMediaEngine's settings, compose, the image, dashboards and alerts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use bluecast::config::VARIABLES;
use quick_xml::Reader;
use quick_xml::events::Event;

fn read(path: &str) -> String {
    std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Names in `text` that begin with `prefix`, of upper-case letters, digits and underscores.
fn names(text: &str, prefix: &str) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !word(c)).filter(|name| name.starts_with(prefix)).map(str::to_owned).collect()
}

/// A `Server.xml` as texts by path, `${env:NAME:default}` as OME replaces it when nothing is set.
struct Server(BTreeMap<String, Vec<String>>);

impl Server {
    fn of(role: &str) -> Self {
        let text = read(&format!("deploy/ome/{role}/Server.xml"));
        let mut reader = Reader::from_str(&text);
        let (mut path, mut found) = (Vec::new(), BTreeMap::<String, Vec<String>>::new());
        loop {
            match reader.read_event().unwrap() {
                Event::Start(tag) => {
                    path.push(tag.name().as_ref().to_owned());
                    found.entry(path.join("/")).or_default();
                }
                Event::Empty(tag) => {
                    found.entry(format!("{}/{}", path.join("/"), tag.name().as_ref())).or_default();
                }
                Event::End(_) => drop(path.pop()),
                Event::Text(words) => {
                    let words: &str = words.as_ref();
                    if !words.trim().is_empty() {
                        found.get_mut(&path.join("/")).unwrap().push(default(words.trim()));
                    }
                }
                Event::Eof => break,
                _ => {}
            }
        }
        Self(found)
    }

    /// The one text at a path below `Server`.
    fn at(&self, path: &str) -> &str {
        let all = self.all(path);
        assert!(all.len() == 1, "{path} has {all:?}");
        all[0]
    }

    fn all(&self, path: &str) -> Vec<&str> {
        self.0.get(&format!("Server/{path}")).unwrap_or_else(|| panic!("there is no {path}")).iter().map(String::as_str).collect()
    }

    fn has(&self, path: &str) -> bool {
        self.0.contains_key(&format!("Server/{path}"))
    }

    fn port(&self, path: &str) -> u16 {
        self.at(path).parse().unwrap()
    }
}

fn default(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, macro_on)) = rest.split_once("${env:") {
        let (inside, after) = macro_on.split_once('}').unwrap();
        out += before;
        out += inside.split_once(':').unwrap_or_else(|| panic!("{inside} has no default")).1;
        rest = after;
    }
    out + rest
}

const APP: &str = "VirtualHosts/VirtualHost/Applications/Application";
const HOOKS: &str = "VirtualHosts/VirtualHost/AdmissionWebhooks";

/// Every element is one that OME 0.20 registers: it refuses to start over one it does not know.
#[test]
fn ome_knows_every_element() {
    let known = names(
        "Server Name Type IP Bind Managers API Port Providers RTMP SRT Options Option Key Value WebRTC Signalling IceCandidates IceCandidate \
         TcpRelay Publishers OVT LLHLS Host Names AccessToken Defaults CrossDomains Url VirtualHosts VirtualHost AdmissionWebhooks \
         ControlServerUrl SecretKey Timeout Enables Applications Application OutputProfiles OutputProfile OutputStreamName Encodes Video Audio \
         Bypass Codec Bitrate Samplerate Channel BypassIfMatch Rtx ChunkDuration PartHoldBack SegmentDuration SegmentCount Origins Properties \
         UnusedStreamDeletionTimeout RetryCount Origin Location Pass Scheme Urls ForwardQueryParams",
        "",
    );
    for role in ["origin", "edge"] {
        let server = Server::of(role);
        assert_eq!(server.at("Type"), role);
        for path in server.0.keys() {
            assert!(known.contains(path.rsplit('/').next().unwrap()), "{role}: {path}");
        }
        assert!(server.0.contains_key("Server/Managers/Host/Names/Name"), "without hosts the API serves nobody");
    }
}

#[test]
fn the_origin_takes_everything_and_asks_us() {
    let origin = Server::of("origin");
    assert_eq!(origin.at("VirtualHosts/VirtualHost/Name"), "default", "SRT's stream ids begin with it");
    assert_eq!(origin.at(&format!("{HOOKS}/ControlServerUrl")), "http://bluecast:8080/hooks/ome/admission");
    assert_eq!(origin.at(&format!("{HOOKS}/Enables/Providers")), "rtmp,srt,webrtc");
    assert_eq!(origin.at(&format!("{HOOKS}/Enables/Publishers")), "webrtc,llhls");
    for protocol in ["RTMP", "SRT", "WebRTC"] {
        assert!(origin.has(&format!("{APP}/Providers/{protocol}")) && origin.has(&format!("Bind/Providers/{protocol}")), "{protocol}");
    }
    assert!(origin.has(&format!("{APP}/Publishers/OVT")), "edges take from it");
    // H.264 untouched; Opus for WebRTC and AAC for LL-HLS, each only made where it did not come.
    let encodes = format!("{APP}/OutputProfiles/OutputProfile/Encodes");
    assert_eq!(origin.all(&format!("{encodes}/Video/Bypass")), ["true"]);
    assert_eq!(origin.all(&format!("{encodes}/Audio/Codec")), ["opus", "aac"]);
    assert_eq!(origin.all(&format!("{encodes}/Audio/BypassIfMatch/Codec")), ["eq", "eq"]);
    assert_eq!(origin.all(&format!("{encodes}/Audio/Samplerate")), ["48000", "48000"]);
    assert_eq!(origin.all(&format!("{encodes}/Audio/Channel")), ["2", "2"]);
    // The defaults are 30 s and 120 ms.
    assert!(origin.at(&format!("{APP}/Providers/WebRTC/Timeout")).parse::<u32>().unwrap() <= 10_000, "in ms");
    assert_eq!(origin.at("Bind/Providers/SRT/Options/Option/Key"), "SRTO_RCVLATENCY");
    assert!(origin.at("Bind/Providers/SRT/Options/Option/Value").parse::<u32>().unwrap() < 120, "in ms");
}

#[test]
fn the_edge_serves_viewers_and_asks_us() {
    let (origin, edge) = (Server::of("origin"), Server::of("edge"));
    assert_eq!(edge.at(&format!("{HOOKS}/ControlServerUrl")), origin.at(&format!("{HOOKS}/ControlServerUrl")));
    assert_eq!(edge.at(&format!("{HOOKS}/Enables/Publishers")), "webrtc,llhls");
    assert!(!edge.has(&format!("{HOOKS}/Enables/Providers")), "nobody publishes to an edge");
    let from = "VirtualHosts/VirtualHost/Origins/Origin/Pass";
    assert_eq!(edge.at(&format!("{from}/Scheme")), "ovt");
    assert_eq!(edge.at(&format!("{from}/Urls/Url")), format!("ome-origin:{}/", origin.port("Bind/Publishers/OVT/Port")));
    assert_eq!(edge.at(&format!("{from}/ForwardQueryParams")), "false", "a viewer's token is not the origin's business");
    assert_eq!(
        edge.at(&format!("{APP}/Name")),
        origin.at(&format!("{APP}/Name")),
        "an edge serves the origin's application, to LL-HLS alone, too"
    );
    let encodes = format!("{APP}/OutputProfiles/OutputProfile/Encodes");
    assert_eq!((edge.at(&format!("{encodes}/Video/Bypass")), edge.at(&format!("{encodes}/Audio/Bypass"))), ("true", "true"));
    for server in [&origin, &edge] {
        assert!(server.at("Bind/Publishers/WebRTC/IceCandidates/IceCandidate").ends_with("/udp"));
        assert!(server.has("Bind/Publishers/WebRTC/IceCandidates/TcpRelay"));
        assert_eq!(
            server.port("Bind/Publishers/WebRTC/Signalling/Port"),
            server.port("Bind/Publishers/LLHLS/Port"),
            "one port for the proxy"
        );
    }
}

#[test]
fn compose_sets_what_there_is_and_publishes_what_is_listened_on() {
    let compose = read("compose.yaml");
    let known: BTreeSet<&str> = VARIABLES.iter().map(|variable| variable.name).collect();
    // Set for Bluecast: a name at the beginning of a line, and a colon.
    let set =
        compose.lines().filter_map(|line| line.trim().split_once(": ")).map(|(name, _)| name).filter(|name| name.starts_with("BLUECAST_"));
    let set: BTreeSet<&str> = set.collect();
    assert!(set.len() > 8 && set.is_subset(&known), "{:?}", set.difference(&known).collect::<Vec<_>>());
    // What OME is told, OME's files ask for.
    let asked: BTreeSet<String> =
        ["origin", "edge"].iter().flat_map(|role| names(&read(&format!("deploy/ome/{role}/Server.xml")), "OME_")).collect();
    for name in names(&compose, "OME_").into_iter().filter(|name| name != "OME_IMAGE") {
        assert!(asked.contains(&name), "{name} is asked for by no Server.xml");
    }
    let edge = Server::of("edge");
    let range = edge.at("Bind/Publishers/WebRTC/IceCandidates/IceCandidate").trim_start_matches("*:").trim_end_matches("/udp");
    let relay = edge.at("Bind/Publishers/WebRTC/IceCandidates/TcpRelay").trim_start_matches("*:");
    let line = compose.lines().find(|line| line.trim().starts_with("ome-edge:")).unwrap();
    for wanted in [&format!("\"{range}:{range}/udp\""), &format!("\"{relay}:{relay}\""), &format!("OME_UDP_PORTS: {range}")] {
        assert!(line.contains(wanted), "{wanted} in {line}");
    }
    for file in
        ["deploy/ome/origin/Server.xml", "deploy/ome/edge/Server.xml", "deploy/ome/origins.toml", "deploy/Caddyfile", "deploy/seccomp.json"]
    {
        assert!(compose.contains(file) && !read(file).is_empty(), "{file}");
    }
    let signalling = edge.port("Bind/Publishers/WebRTC/Signalling/Port");
    assert!(
        compose.contains(&format!("EDGES:-ome-edge:{signalling}"))
            && read("deploy/Caddyfile").contains(&format!("EDGES:ome-edge:{signalling}"))
    );
    assert!(compose.contains(&format!("http://127.0.0.1:{}/v1/version", edge.port("Bind/Managers/API/Port"))));
}

#[test]
fn secrets_makes_all_that_compose_insists_on() {
    let output = std::process::Command::new(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scripts/secrets")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made = String::from_utf8(output.stdout).unwrap();
    let made: BTreeMap<&str, &str> = made.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('=')).collect();
    let compose = read("compose.yaml");
    let wanted: BTreeSet<&str> = compose.split("${").skip(1).filter_map(|rest| rest.split_once(":?")).map(|(name, _)| name).collect();
    let wanted: BTreeSet<&str> = wanted.into_iter().filter(|name| !name.contains('}')).collect();
    assert!(wanted.len() >= 5, "{wanted:?}");
    for name in wanted {
        assert!(made.get(name).is_some_and(|value| value.len() >= 16), "{name}");
    }
    assert!(made["OME_API_TOKEN"].contains(':'), "OME wants user and password");
}

#[test]
fn the_origins_file_names_the_ports_of_the_origin() {
    let (origin, edge) = (Server::of("origin"), Server::of("edge"));
    let file: toml::Table = read("deploy/ome/origins.toml").parse().unwrap();
    let one = &file["origin"].as_array().unwrap()[0];
    let api = origin.port("Bind/Managers/API/Port");
    for (key, wanted) in [
        ("app", origin.at(&format!("{APP}/Name")).to_owned()),
        ("whip_url", format!("http://ome-origin:{}", origin.port("Bind/Providers/WebRTC/Signalling/Port"))),
        ("rtmp_url", format!("rtmp://ome-origin:{}", origin.port("Bind/Providers/RTMP/Port"))),
        ("srt_url", format!("srt://ome-origin:{}", origin.port("Bind/Providers/SRT/Port"))),
        ("api_url", format!("http://ome-origin:{api}")),
    ] {
        assert_eq!(one[key].as_str(), Some(wanted.as_str()), "{key}");
    }
    assert_eq!(one["edges"][0]["api_url"].as_str(), Some(format!("http://ome-edge:{}", edge.port("Bind/Managers/API/Port")).as_str()));
    let compose = read("compose.yaml");
    for name in ["OME_API_TOKEN", "SITE"] {
        assert!(
            read("deploy/ome/origins.toml").contains(&format!("${{{name}}}")) && compose.contains(&format!("\n      {name}: ")),
            "{name}"
        );
    }
}

/// The image has what a machine is given by `scripts/prepare`: libraries in place of headers.
#[test]
fn the_image_has_what_the_program_needs() {
    let (prepare, dockerfile) = (read("scripts/prepare"), read("Dockerfile"));
    let list = prepare.split_once("# to run\n").unwrap().1.split_once(")\n").unwrap().0;
    let system = dockerfile.split_once(" AS system\n").unwrap().1.split_once("\nFROM ").unwrap().0;
    let words: BTreeSet<&str> = system.split_whitespace().collect();
    let wanted: Vec<&str> = list.split_whitespace().collect();
    assert!(wanted.len() > 12);
    for package in wanted {
        assert!(words.contains(package), "{package} is not in the image");
    }
}

#[test]
fn dashboards_and_alerts_use_metrics_that_there_are() {
    fn sources(folder: &std::path::Path, text: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                *text += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    let mut source = String::new();
    sources(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src"), &mut source);
    let counted: BTreeSet<&str> = ["counter!(\"", "gauge!(\"", "histogram!(\""]
        .iter()
        .flat_map(|made| source.split(made).skip(1))
        .filter_map(|rest| rest.split_once('"'))
        .map(|(name, _)| name)
        .collect();
    assert!(counted.contains("bluecast_broadcasts"), "{counted:?}");
    let dashboard: serde_json::Value = serde_json::from_str(&read("deploy/grafana/bluecast.json")).unwrap();
    let queries = dashboard["panels"].as_array().unwrap().iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let queries: String = queries.map(|target| format!("{} ", target["expr"].as_str().unwrap())).collect();
    for (what, text) in [("the dashboard", queries), ("the alerts", read("deploy/prometheus/alerts.yaml"))] {
        let used = names(&text, "bluecast_");
        assert!(used.len() > 4, "{what}: {used:?}");
        for name in used {
            assert!(counted.contains(name.trim_end_matches("_bucket")), "{what} asks for {name}");
        }
    }
}

#[test]
fn the_seccomp_profile_allows_a_sandbox_and_no_more() {
    let profile: serde_json::Value = serde_json::from_str(&read("deploy/seccomp.json")).unwrap();
    assert_eq!(profile["defaultAction"], "SCMP_ACT_ERRNO");
    let rules = profile["syscalls"].as_array().unwrap();
    let allowed = |call: &str| -> Vec<&serde_json::Value> {
        let names = |rule: &&serde_json::Value| rule["names"].as_array().unwrap().iter().any(|name| name == call);
        rules.iter().filter(names).filter(|rule| rule["action"] == "SCMP_ACT_ALLOW").collect()
    };
    for call in [
        "mount",
        "pivot_root",
        "ptrace",
        "bpf",
        "setns",
        "keyctl",
        "init_module",
        "kexec_load",
        "perf_event_open",
        "clone3",
        "io_uring_setup",
    ] {
        assert!(allowed(call).is_empty(), "{call}");
    }
    for call in ["clone", "unshare"] {
        let rule = allowed(call)[0];
        let refused = rule["args"][0]["value"].as_u64().unwrap();
        let (users, processes, network, mounts) = (0x1000_0000, 0x2000_0000, 0x4000_0000, 0x0002_0000);
        assert_eq!((refused & (users | processes | network), refused & mounts), (0, mounts), "{call}");
    }
    assert_eq!(allowed("chroot").len(), 1, "what Chromium's sandbox ends with");
}

/// Where `BLUECAST_TEST_IMAGE` names an image: it starts, and does its work. Building it takes longer than the tests are given.
#[test]
fn the_image_does_its_work() {
    let Some(image) = std::env::var_os("BLUECAST_TEST_IMAGE") else {
        eprintln!("BLUECAST_TEST_IMAGE names no image: not tried");
        return;
    };
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scripts/image-test");
    let output = std::process::Command::new(script).arg(image).output().unwrap();
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}
