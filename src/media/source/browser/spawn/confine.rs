//! What of the machine a browser may reach: it shows strangers' pages, and whoever takes it over should find nothing.
//!
//! By [Landlock](https://docs.kernel.org/userspace-api/landlock.html), which needs neither root nor a second user. From inside, the files
//! that are not named here are not there to be read (the data folder, other users' homes, the files of secrets), no process outside can be
//! traced, looked into by `/proc`, or sent a signal: what a user id of its own would give. Abstract sockets stay in reach, for Xlib asks for
//! the display there first and takes no other refusal than that nobody listens.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetError, Scope,
};

/// The newest abilities that are asked for; a kernel that has fewer does what it can.
const ABILITIES: ABI = ABI::V6;
/// Programs and libraries.
const PROGRAMS: [&str; 9] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/snap"];
/// What programs read about the machine. Not all of `/etc`: whoever runs Bluecast may keep its settings there.
const READ: [&str; 43] = [
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/chromium",
    "/etc/chromium.d",
    "/etc/debian_version",
    "/etc/default/chromium",
    "/etc/drirc",
    "/etc/fonts",
    "/etc/gai.conf",
    "/etc/group",
    "/etc/gtk-3.0",
    "/etc/host.conf",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/ld.so.preload",
    "/etc/locale.alias",
    "/etc/localtime",
    "/etc/lsb-release",
    "/etc/machine-id",
    "/etc/mailcap",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/opt",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/pki",
    "/etc/pulse",
    "/etc/resolv.conf",
    "/etc/selinux",
    "/etc/ssl",
    "/etc/timezone",
    "/etc/vulkan",
    "/etc/xdg",
    "/run/resolvconf",
    "/run/systemd/resolve",
    "/sys",
    "/tmp/.X11-unix",
    "/var/cache/fontconfig",
    "/var/lib/fontconfig",
    "/etc/dconf",
];
/// Devices, shared memory, and the files of `/proc` by which a sandbox makes its namespaces.
const WRITE: [&str; 2] = ["/dev", "/proc"];

/// The rules for a child that runs `program` and writes into `folder` alone. `None` where the kernel has no Landlock.
pub(in super::super) fn rules(program: &Path, folder: &Path) -> Result<Option<OwnedFd>, RulesetError> {
    let all = AccessFs::from_all(ABILITIES);
    let read = AccessFs::from_read(ABILITIES);
    let mut ruleset = Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(all)?.scope(Scope::Signal)?.create()?;
    for path in PROGRAMS.iter().chain(&READ).map(Path::new) {
        ruleset = allow(ruleset, path, read)?;
    }
    for path in WRITE.iter().map(Path::new).chain([folder]) {
        ruleset = allow(ruleset, path, all)?;
    }
    // A browser that was put elsewhere, with what lies beside it.
    let program = fs::canonicalize(program);
    if let Some(place) = program.as_deref().ok().and_then(Path::parent).filter(|place| place.parent().is_some()) {
        ruleset = allow(ruleset, place, read)?;
    }
    Ok(ruleset.into())
}

/// Lets `path` be reached; what is not there needs no rule.
fn allow(ruleset: RulesetCreated, path: &Path, access: BitFlags<AccessFs>) -> Result<RulesetCreated, RulesetError> {
    let Ok(place) = PathFd::new(path) else { return Ok(ruleset) };
    let is_folder = fs::metadata(path).is_ok_and(|found| found.is_dir());
    let access = if is_folder { access } else { access & AccessFs::from_file(ABILITIES) };
    ruleset.add_rule(PathBeneath::new(place, access))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::time::Duration;

    use super::super::{Order, start};
    use super::*;

    fn text(child: &super::super::Child) -> String {
        child.tail().lines().join("\n")
    }

    /// What a shell says that may do no more than a browser.
    async fn said(folder: &Path, script: &str) -> String {
        let shell = Path::new("/bin/sh");
        let confined = rules(shell, folder).unwrap();
        assert!(confined.is_some(), "this kernel has no Landlock");
        let order = Order {
            kind: "shell",
            program: shell.to_owned(),
            args: ["-c", script].map(OsString::from).into(),
            env: vec![("PATH", super::super::path()), ("LC_ALL", "C".into())],
            dir: folder.to_owned(),
            fds: Vec::new(),
            confined,
        };
        let child = start(order).await.unwrap();
        let whole = async {
            while !text(&child).contains("the end") {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), whole).await.unwrap_or_else(|_| panic!("it says only: {}", text(&child)));
        let said = text(&child);
        child.stop(Duration::from_secs(1)).await;
        said
    }

    #[tokio::test]
    async fn nothing_of_ours_can_be_read_written_or_ended_from_inside() {
        let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let secret = data.path().join("secret.key");
        fs::write(&secret, "the-secret-itself").unwrap();
        let (data, own, us) = (data.path().display(), folder.path().display(), std::process::id());
        let script = format!(
            "cat {data}/secret.key; ls {data}; echo x > {data}/new; cat /proc/{us}/environ; kill -9 {us}; ls /root /home; \
             echo mine > {own}/mine && cat {own}/mine; head -c 1 /dev/zero | wc -c; cat /etc/hosts > /dev/null && echo hosts; echo the end"
        );
        let said = said(folder.path(), &script).await;
        assert!(!said.contains("the-secret-itself") && !said.contains("PATH="), "{said}");
        assert!(said.matches("Permission denied").count() >= 5, "{said}");
        assert!(said.contains("Operation not permitted") || said.contains("kill: "), "{said}");
        assert!(said.contains("mine\n1\nhosts"), "{said}");
        assert!(!Path::new(&format!("{data}/new")).exists());
    }
}
