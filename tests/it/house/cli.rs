//! The program as an operator starts it.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::app::{Client, send};
use crate::support::wait::until_blocking;

const PROGRAM: &str = env!("CARGO_BIN_EXE_bluecast");

fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BLUECAST_")) {
        command.env_remove(name);
    }
    command.args(arguments).env("BLUECAST_DATA_DIR", data).env("BLUECAST_LISTEN", "127.0.0.1:0").env("BLUECAST_LOG", "warn");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn output(mut command: Command) -> (bool, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.success(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn fed(mut command: Command, input: &str) -> (bool, String, String) {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // Whoever refuses at once reads nothing.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    (status.success(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// A serving process; killed if a test fails before it stops it.
struct Serving {
    child: Child,
    stdout: BufReader<ChildStdout>,
    address: std::net::SocketAddr,
}

impl Serving {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let Some((_, port)) = line.trim().rsplit_once(':') else {
            let mut errors = String::new();
            child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
            panic!("{line}{errors}");
        };
        let address = format!("127.0.0.1:{port}").parse().unwrap();
        Self { child, stdout, address }
    }

    /// Ends it as a service manager does, and gives the rest of what it printed.
    fn stop(mut self) -> String {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = until_blocking("the program to end", || self.child.try_wait().unwrap());
        assert!(status.success(), "{status}");
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        rest
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn data() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test]
async fn the_first_start_prints_the_admin_once_and_the_end_is_orderly() {
    let data = data();
    let first = Serving::start(command(data.path(), &["serve"]));
    let address = first.address;
    let ready = send(Client::new(address).request(Method::GET, "/readyz")).await;
    assert_eq!(ready.status, 200);
    let printed = first.stop();
    let password =
        printed.trim().strip_prefix("First admin: admin with the password ").unwrap().strip_suffix(" (shown this once)").unwrap();
    assert!(std::net::TcpStream::connect(address).is_err());

    let second = Serving::start(command(data.path(), &["serve"]));
    Client::new(second.address).log_in("admin", password).await;
    assert_eq!(second.stop(), "");
}

#[test]
fn a_taken_port_is_refused_in_words() {
    let data = data();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let mut serve = command(data.path(), &["serve"]);
    serve.env("BLUECAST_LISTEN", &taken);
    let (ok, _, errors) = output(serve);
    assert!(!ok && errors.contains(&format!("cannot listen on {taken}")) && errors.contains("BLUECAST_LISTEN"), "{errors}");
    assert!(!data.path().join("bluecast.db").exists(), "nothing is begun");
}

#[test]
fn a_taken_webrtc_port_is_refused_in_words_before_the_first_admin_is_made() {
    let data = data();
    let socket = std::net::UdpSocket::bind("[::]:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let mut serve = command(data.path(), &["serve"]);
    serve.env("BLUECAST_WEBRTC_UDP_PORTS", format!("{port}-{port}"));
    let (ok, _, errors) = output(serve);
    assert!(!ok && errors.contains("BLUECAST_WEBRTC_UDP_PORTS"), "{errors}");
    drop(socket);
    let (ok, printed, _) = output(command(data.path(), &["doctor"]));
    assert!(ok, "{printed}");
}

#[test]
fn a_second_process_on_the_same_data_is_refused_and_the_first_goes_on() {
    let data = data();
    let first = Serving::start(command(data.path(), &["serve"]));
    let (ok, _, errors) = output(command(data.path(), &["serve"]));
    assert!(!ok && errors.contains("another Bluecast process uses"), "{errors}");
    assert!(std::net::TcpStream::connect(first.address).is_ok());
    first.stop();
}

#[test]
fn settings_are_refused_all_at_once() {
    let data = data();
    let mut serve = command(data.path(), &["serve"]);
    serve.env("BLUECAST_LISTEN", "everywhere").env("BLUECAST_TYPO", "x").env("BLUECAST_LOG_FORMAT", "xml");
    let (ok, _, errors) = output(serve);
    assert!(!ok, "{errors}");
    for name in ["BLUECAST_LISTEN", "BLUECAST_TYPO", "BLUECAST_LOG_FORMAT"] {
        assert!(errors.contains(name), "{name}: {errors}");
    }
}

#[test]
fn a_data_folder_that_cannot_be_written_is_refused_with_what_mends_it() {
    // Not even root makes a folder there.
    let (ok, _, errors) = output(command(Path::new("/sys/bluecast"), &["serve"]));
    assert!(!ok && errors.contains("/sys/bluecast cannot be written to") && errors.contains("BLUECAST_DATA_DIR"), "{errors}");
}

#[test]
fn doctor_and_serve_name_missing_elements_and_their_packages_alike() {
    let (data, none) = (data(), data());
    let without = |arguments: &[&str]| {
        let mut command = command(data.path(), arguments);
        command.env("GST_PLUGIN_SYSTEM_PATH_1_0", none.path()).env("GST_REGISTRY_1_0", none.path().join("registry"));
        output(command)
    };
    let (ok, report, _) = without(&["doctor", "--json"]);
    let report: Value = serde_json::from_str(&report).unwrap();
    assert!(!ok && report["ok"] == false);
    let check = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "elements").unwrap();
    let (detail, mend) = (check["detail"].as_str().unwrap(), check["mend"].as_str().unwrap());
    assert!(
        check["state"] == "fail" && detail.contains("x264enc") && mend.contains("apt-get install") && mend.contains("plugins-ugly"),
        "{check}"
    );
    let (ok, _, errors) = without(&["serve"]);
    assert!(!ok && errors.contains(detail) && errors.contains(mend), "{errors}");
}

#[test]
fn doctor_finds_this_machine_fit() {
    let data = data();
    let (ok, text, _) = output(command(data.path(), &["doctor"]));
    assert!(ok, "{text}");
    for name in
        ["gstreamer", "elements", "chromium", "xvfb", "pulseaudio", "shared-memory", "open-files", "data-folder", "database", "port"]
    {
        assert!(text.contains(name), "{name}: {text}");
    }
    let mut broken = command(data.path(), &["doctor"]);
    broken.env("PATH", data.path());
    let (ok, text, _) = output(broken);
    assert!(!ok && text.contains("apt-get install xvfb") && text.contains("apt-get install chromium"), "{text}");
}

#[tokio::test]
async fn users_and_tokens_are_made_beside_a_serving_process() {
    let data = data();
    let serving = Serving::start(command(data.path(), &["serve"]));
    let (ok, text, errors) = fed(command(data.path(), &["user", "create", "ada", "--permission", "activity.view"]), "a long password\n");
    assert!(ok && text == "Made the user ada.\n", "{text}{errors}");
    Client::new(serving.address).log_in("ada", "a long password").await;

    let (ok, text, _) = fed(command(data.path(), &["user", "create", "root", "--admin"]), "");
    let password = text.trim().strip_prefix("Made the user root with the password ").unwrap().strip_suffix(" (shown this once).").unwrap();
    assert!(ok);
    Client::new(serving.address).log_in("root", password).await;

    let (ok, token, errors) = output(command(data.path(), &["token", "create", "--user", "ada", "--days", "3"]));
    assert!(ok && token.starts_with("bluecast_"), "{errors}");
    let robot = Client::new(serving.address).with_token(token.trim());
    let activity = robot.get("/activity").await.expect(200);
    assert_eq!((&activity["items"][0]["action"], &activity["items"][0]["user"]), (&"token.create".into(), &"command line".into()));
    robot.get("/users").await.problem(403, "forbidden");

    for (arguments, input, reason) in [
        (&["user", "create", "ada"][..], "another password", "exists already"),
        (&["user", "create", "bob"], "short", "at least 8"),
        (&["user", "create", "a b"], "a long password", "characters"),
        (&["token", "create", "--user", "nobody"], "", "no user nobody"),
        (&["token", "create", "--user", "ada", "--scope", "user.manage"], "", "does not have"),
        (&["token", "create", "--user", "ada", "--scope", "everything"], "", "no permission"),
    ] {
        let (ok, _, errors) = fed(command(data.path(), arguments), input);
        assert!(!ok && errors.contains(reason), "{arguments:?}: {errors}");
    }
    serving.stop();
}

#[test]
fn migrate_pipeline_and_openapi_do_what_they_say() {
    let data = data();
    let (ok, text, errors) = output(command(data.path(), &["migrate"]));
    assert!(ok && text == "The database is up to date.\n" && data.path().join("bluecast.db").exists(), "{errors}");
    let (ok, line, errors) = output(command(data.path(), &["pipeline", "show", "program", "--profile", "480p30"]));
    assert!(ok && line.contains("x264enc") && line.contains("height=480"), "{line}{errors}");
    let (ok, _, errors) = output(command(data.path(), &["pipeline", "show", "nothing"]));
    assert!(!ok && errors.contains("known are"), "{errors}");
    let (ok, document, _) = output(command(data.path(), &["openapi"]));
    assert!(ok && document == bluecast::http::openapi::document());
}
