//! Proof that the process before this one is dead: a lock on a file in the data folder, which the system gives back with the process.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A lock that is held as long as the process lives.
#[derive(Debug)]
pub(super) struct Place {
    /// Names this very file on this very run of the machine: the same text in the table is of a process that held the same lock.
    pub(super) name: String,
    file: File,
}

impl Drop for Place {
    /// By name, not only by closing the file: a child that is just being started holds a copy of every open file for a moment.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

/// Takes the lock; `None` where another process has it, or the folder knows no locks. Then nothing is proved, and leases run their time.
pub(super) fn take(data_dir: &Path) -> Option<Place> {
    std::fs::create_dir_all(data_dir).ok()?;
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(data_dir.join("node.lock")).ok()?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            tracing::warn!("another process uses this data folder; give every node a folder of its own");
            return None;
        }
        Err(TryLockError::Error(error)) => {
            tracing::warn!(%error, "the data folder cannot be locked");
            return None;
        }
    }
    let found = file.metadata().ok()?;
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(Place { name: format!("{} {} {}", boot.trim(), found.dev(), found.ino()), file })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_folder_has_one_process_and_keeps_its_name() {
        let folder = std::env::temp_dir().join(format!("bluecast-place-{}", crate::id::new()));
        let first = take(&folder).unwrap();
        assert!(take(&folder).is_none());
        let name = first.name.clone();
        drop(first);
        assert_eq!(take(&folder).unwrap().name, name);
        let other = folder.join("other");
        assert_ne!(take(&other).unwrap().name, name);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
