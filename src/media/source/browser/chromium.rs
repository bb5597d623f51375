//! The browser: a Chromium of its own profile, on its own display, with its own sound.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::cdp::Cdp;
use super::display::Address;
use super::folder::Folder;
use super::sound::daemon::{Line, MICROPHONE, SINK};
use super::spawn::{self, Child, Order, confine};
use super::{BrowserSpec, failure};
use crate::media::error::MediaError;

/// Chromium puts pictures for the display and between its processes here.
const SHARED_MEMORY: &str = "/dev/shm";
const SHARED_MEMORY_NEEDED: u64 = 512 * 1024 * 1024;

/// A running browser.
pub(super) struct Browser {
    pub(super) child: Child,
    pub(super) cdp: Cdp,
}

/// Starts one. It shows nothing yet.
pub(super) async fn start(folder: &Folder, spec: &BrowserSpec, display: &Address, sound: &Line) -> Result<Browser, MediaError> {
    let unwritable = |error| failure("runtime_folder", "The runtime folder cannot be written", &error);
    let no_pipe = |error| failure("browser_failed", "No pipe for the browser", &error);
    let unconfined = |error| failure("browser_failed", "Chromium cannot be shut out of the data folder", &error);
    let profile = folder.make("profile").map_err(unwritable)?;
    if let Some(authorities) = &spec.ca_file {
        let (home, file) = (folder.path().to_owned(), authorities.clone());
        let trust = tokio::task::spawn_blocking(move || trust(&home, &file));
        trust.await.unwrap_or_else(|error| Err(failure("ca_file", "The certificate authorities cannot be read", &error)))?;
    }
    let (from_browser, its_answers) = spawn::pipe_pair().map_err(no_pipe)?;
    let (its_requests, to_browser) = spawn::pipe_to().map_err(no_pipe)?;
    let mut env = spawn::environment(folder);
    env.extend([
        ("DISPLAY", OsString::from(display.name())),
        ("XAUTHORITY", display.authority.clone().into_os_string()),
        ("PULSE_SERVER", sound.address().into()),
        ("PULSE_COOKIE", sound.cookie_file.clone().into_os_string()),
        ("PULSE_SINK", SINK.into()),
        ("PULSE_SOURCE", MICROPHONE.into()),
    ]);
    let root = rustix::process::geteuid().is_root();
    let sandbox = if root { Sandbox::Off } else { tokio::task::spawn_blocking(sandbox).await.unwrap_or(Sandbox::Off) };
    if sandbox == Sandbox::Off {
        let why = if root { "we run as root" } else { "the kernel gives no user namespaces" };
        tracing::warn!(why, "Chromium runs WITHOUT its sandbox: whatever a meeting's page does, it does as our user");
    }
    let (program, home) = (spec.chromium.clone(), folder.path().to_owned());
    let confined = match sandbox {
        // It has root's rights, which no confined process may gain.
        Sandbox::Helper => None,
        Sandbox::Namespaces | Sandbox::Off => {
            let rules = tokio::task::spawn_blocking(move || confine::rules(&program, &home)).await.map_err(std::io::Error::other);
            rules.and_then(|rules| rules.map_err(std::io::Error::other)).map_err(unconfined)?
        }
    };
    if confined.is_none() {
        tracing::warn!(
            "Chromium can read whatever our user can, the data folder too: Linux has no Landlock here, or Chromium's sandbox excludes it"
        );
    }
    let order = Order {
        kind: "browser",
        program: spec.chromium.clone(),
        args: flags(&profile, spec, sandbox != Sandbox::Off, shared_memory()),
        env,
        dir: folder.path().to_owned(),
        fds: vec![(its_requests, 3), (its_answers, 4)],
        confined,
    };
    let child = spawn::start(order).await.map_err(|error| {
        failure("browser_failed", &format!("Chromium cannot be started from {}", spec.chromium.display()), &error).fatal()
    })?;
    folder.note_child(child.process()).map_err(unwritable)?;
    let cdp = Cdp::open(from_browser, to_browser).map_err(no_pipe)?;
    Ok(Browser { child, cdp })
}

/// The command line. The address of the meeting is not on it: everybody on the machine can read it.
fn flags(profile: &Path, spec: &BrowserSpec, sandbox: bool, shared_memory: u64) -> Vec<OsString> {
    const ALWAYS: [&str; 33] = [
        "--remote-debugging-pipe",
        "--kiosk",
        "--test-type",
        "--window-position=0,0",
        "--force-device-scale-factor=1",
        "--ozone-platform=x11",
        "--hide-scrollbars",
        "--lang=en-US",
        // Software rendering without a GPU process costs a quarter of what the emulated GPU does, and drops no frames.
        "--disable-gpu",
        "--autoplay-policy=no-user-gesture-required",
        // Answers the question for the microphone; the microphone is silence.
        "--use-fake-ui-for-media-stream",
        "--no-first-run",
        "--no-default-browser-check",
        "--noerrdialogs",
        "--disable-infobars",
        "--hide-crash-restore-bubble",
        "--password-store=basic",
        "--disable-breakpad",
        "--disable-crash-reporter",
        "--disable-extensions",
        "--disable-component-extensions-with-background-pages",
        "--disable-component-update",
        "--disable-background-networking",
        "--disable-domain-reliability",
        "--disable-client-side-phishing-detection",
        "--disable-default-apps",
        "--disable-sync",
        "--metrics-recording-only",
        "--no-pings",
        // Nobody looks at the window, and yet it is on the air.
        "--disable-background-timer-throttling",
        "--disable-renderer-backgrounding",
        "--disable-backgrounding-occluded-windows",
        "--disable-features=Translate,MediaRouter,OptimizationHints,AutofillServerCommunication,InterestFeedContentSuggestions,\
         CalculateNativeWinOcclusion,GlobalMediaControls,HardwareMediaKeyHandling,DialMediaRouteProvider",
    ];
    let mut flags: Vec<OsString> = ALWAYS.iter().map(Into::into).collect();
    // Without a window manager the page is a pixel smaller than asked for: so a larger one is, and fills the screen.
    flags.push(format!("--window-size={},{}", spec.width + 1, spec.height + 1).into());
    let mut user_data = OsString::from("--user-data-dir=");
    user_data.push(profile);
    flags.push(user_data);
    if !sandbox {
        flags.push("--no-sandbox".into());
    }
    if shared_memory < SHARED_MEMORY_NEEDED {
        flags.push("--disable-dev-shm-usage".into());
    }
    flags.push("about:blank".into());
    flags
}

/// Bytes free for shared memory.
fn shared_memory() -> u64 {
    rustix::fs::statvfs(SHARED_MEMORY).map_or(0, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// What Chromium's own sandbox stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sandbox {
    /// User namespaces, which it prefers.
    Namespaces,
    /// Its helper that is installed with root's rights.
    Helper,
    Off,
}

/// What its sandbox can stand on here. Blocks.
fn sandbox() -> Sandbox {
    static ANSWER: OnceLock<Sandbox> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        use std::os::unix::fs::MetadataExt;
        let quiet = || Stdio::null();
        let try_it = Command::new("unshare")
            .env_clear()
            .env("PATH", spawn::path())
            .args(["--user", "true"])
            .stdin(quiet())
            .stdout(quiet())
            .stderr(quiet())
            .status();
        let helper = fs::metadata("/usr/lib/chromium/chrome-sandbox").is_ok_and(|file| file.uid() == 0 && file.mode() & 0o4000 != 0);
        match (try_it.is_ok_and(|status| status.success()), helper) {
            (true, _) => Sandbox::Namespaces,
            (false, true) => Sandbox::Helper,
            (false, false) => Sandbox::Off,
        }
    })
}

/// Makes the browser trust more authorities: it reads the NSS database of its user, and its user's home is the runtime folder.
fn trust(home: &Path, authorities: &Path) -> Result<(), MediaError> {
    const END: &str = "-----END CERTIFICATE-----";
    let database = home.join(".pki/nssdb");
    let failed =
        |error: &dyn std::fmt::Display| failure("ca_file", "The certificate authorities cannot be given to Chromium", error).fatal();
    fs::create_dir_all(&database).map_err(|error| failed(&error))?;
    let pem = fs::read_to_string(authorities).map_err(|error| failed(&error))?;
    let mut location = OsString::from("sql:");
    location.push(&database);
    let run = |args: &[&str]| -> Result<(), MediaError> {
        let output = Command::new("certutil")
            .env_clear()
            .env("PATH", spawn::path())
            .arg("-d")
            .arg(&location)
            .args(args)
            .stdin(Stdio::null())
            .output();
        let output = output.map_err(|error| failed(&format!("certutil (apt: libnss3-tools) cannot be run: {error}")))?;
        if output.status.success() { Ok(()) } else { Err(failed(&String::from_utf8_lossy(&output.stderr).trim())) }
    };
    run(&["-N", "--empty-password"])?;
    let certificates: Vec<&str> = pem.split_inclusive(END).filter(|part| part.ends_with(END)).collect();
    if certificates.is_empty() || certificates.len() > 100 {
        return Err(failed(&"the file must hold 1 to 100 PEM certificates"));
    }
    for (number, certificate) in certificates.into_iter().enumerate() {
        let file = home.join("authority.pem");
        fs::write(&file, certificate).map_err(|error| failed(&error))?;
        let name = format!("bluecast {number}");
        run(&["-A", "-n", &name, "-t", "C,,", "-i", file.to_str().unwrap_or_default()])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(sandbox: bool, shared_memory: u64) -> Vec<String> {
        let spec = BrowserSpec::for_tests();
        flags(Path::new("/run/x/profile"), &spec, sandbox, shared_memory).into_iter().map(|flag| flag.into_string().unwrap()).collect()
    }

    #[test]
    fn the_sandbox_stays_on_and_shared_memory_is_used_where_they_can() {
        let good = given(true, 8 << 30);
        assert!(!good.iter().any(|flag| flag == "--no-sandbox" || flag == "--disable-dev-shm-usage"));
        let poor = given(false, 64 << 20);
        assert!(poor.iter().any(|flag| flag == "--no-sandbox") && poor.iter().any(|flag| flag == "--disable-dev-shm-usage"));
    }

    #[test]
    fn the_window_is_a_pixel_larger_and_the_address_is_not_told() {
        let flags = given(true, 8 << 30);
        assert!(flags.contains(&"--window-size=1281,721".to_owned()));
        assert!(!flags.iter().any(|flag| flag.contains("checksum") || flag.contains("bbb.test")), "{flags:?}");
        assert_eq!(flags.last().map(String::as_str), Some("about:blank"));
    }
}
