//! What a page that went wrong left behind: its last screenshot and console lines, kept in the data folder for admins.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::media::source::Evidence;

/// How long evidence is kept.
const KEEP_FOR: Duration = Duration::from_hours(7 * 24);

fn folder(data_dir: &Path, broadcast_id: &str) -> PathBuf {
    data_dir.join("evidence").join(broadcast_id)
}

/// Keeps it in place of what was kept before. A full disk costs the evidence and nothing else.
pub(super) async fn keep(data_dir: &Path, broadcast_id: &str, evidence: Evidence) {
    let folder = folder(data_dir, broadcast_id);
    let write = move || -> std::io::Result<()> {
        std::fs::create_dir_all(&folder)?;
        if let Some(screenshot) = evidence.screenshot {
            std::fs::write(folder.join("screenshot"), screenshot)?;
        }
        std::fs::write(folder.join("console.txt"), evidence.console.join("\n"))
    };
    match tokio::task::spawn_blocking(write).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "evidence could not be kept"),
        Err(error) => tracing::warn!(%error, "evidence could not be kept"),
    }
}

/// Forgets evidence, and slates that nobody came back for, after a week: there are people in the pictures.
pub(super) async fn forget_old(data_dir: &Path) {
    let folders = [data_dir.join("evidence"), data_dir.join("slates")];
    let forget = move || {
        for entry in folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten() {
            let old = entry.metadata().and_then(|found| found.modified()).is_ok_and(|at| at.elapsed().is_ok_and(|age| age > KEEP_FOR));
            if old {
                let path = entry.path();
                let gone = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
                if let Err(error) = gone {
                    tracing::warn!(%error, "old evidence could not be removed");
                }
            }
        }
    };
    drop(tokio::task::spawn_blocking(forget).await);
}

/// The kept screenshot (PNG or JPEG) or console lines. The id comes from the database, never from an address.
pub(super) async fn read(data_dir: &Path, broadcast_id: &str, name: &'static str) -> Option<Vec<u8>> {
    tokio::fs::read(folder(data_dir, broadcast_id).join(name)).await.ok()
}
