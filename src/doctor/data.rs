//! The data folder and the database.

use std::fs;
use std::time::Duration;

use rustix::fs::statvfs;

use super::Check;
use crate::config::Settings;
use crate::store;

/// Less free space than this is soon none.
const FREE_MIB_GOOD: u64 = 200;
/// How long a database may take to answer.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(10);

/// Whether the data folder is there and can be written to.
pub(super) fn folder(settings: &Settings) -> Check {
    let folder = &settings.data_dir;
    let shown = folder.display();
    let cannot = |error: std::io::Error| {
        let mend = format!("make it writable for this user, as with `chown $USER {shown}`, or set BLUECAST_DATA_DIR to another folder");
        Check::fail("data-folder", format!("{shown} cannot be written to: {error}"), mend)
    };
    let probe = folder.join(format!(".doctor-{}", std::process::id()));
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&probe, "x"));
    let removed = fs::remove_file(&probe);
    if let Err(error) = written.and(removed) {
        return cannot(error);
    }
    let free_mib = statvfs(folder).map_or(u64::MAX, |found| found.f_bavail * found.f_frsize / (1024 * 1024));
    if free_mib < FREE_MIB_GOOD {
        return Check::warn("data-folder", format!("{shown} has only {free_mib} MiB left"), "make room on its disk");
    }
    Check::ok("data-folder", format!("{shown} can be written to"))
}

/// Whether the database can be opened, in the words of the start itself.
pub(super) async fn database(settings: &Settings) -> Check {
    let mend = "see BLUECAST_DATABASE_URL and BLUECAST_DATA_DIR in env.example";
    match tokio::time::timeout(DATABASE_TIMEOUT, store::probe(settings)).await {
        Ok(Ok(found)) => Check::ok("database", found),
        Ok(Err(error)) => Check::fail("database", error.to_string(), mend),
        Err(_) => Check::fail("database", "the database does not answer", mend),
    }
}
