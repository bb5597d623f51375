//! What a page that went wrong left behind: its last screenshot and console lines, kept in the data folder for admins.

use std::path::{Path, PathBuf};

use crate::media::source::Evidence;

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

/// The kept screenshot (PNG or JPEG) or console lines. The id comes from the database, never from an address.
pub(super) async fn read(data_dir: &Path, broadcast_id: &str, name: &'static str) -> Option<Vec<u8>> {
    tokio::fs::read(folder(data_dir, broadcast_id).join(name)).await.ok()
}
