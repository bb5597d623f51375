//! Where the key of the vault comes from, and whether it is the one this database knows.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::vault::{Vault, fingerprint, random};
use super::{OpenError, Store, args};
use crate::config::{SecretKey, Settings};

const FINGERPRINT: &str = "key_fingerprint";

/// Opens the vault: the key of the settings or of the data folder, which must be the one that the database was begun with.
pub async fn open_vault(settings: &Settings, store: &Store) -> Result<Vault, OpenError> {
    let known = store.optional::<(String,)>("SELECT value FROM meta WHERE name = $1", args![FINGERPRINT]).await?;
    let path = settings.data_dir.join("secret.key");
    let key = match &settings.secret_key {
        Some(key) => key.clone(),
        None => match read(&path)? {
            Some(key) => key,
            None if known.is_some() => {
                return Err(OpenError::Key(format!(
                    "the key {} is gone, but the database holds secrets encrypted with it; restore it from a backup, or set BLUECAST_SECRET_KEY",
                    path.display()
                )));
            }
            None => generate(&path)?,
        },
    };
    // Two processes may begin a Postgres database at the same time: the first one's key counts for both.
    store
        .run("INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", args![FINGERPRINT, fingerprint(&key)])
        .await?;
    let (known,) = store.one::<(String,)>("SELECT value FROM meta WHERE name = $1", args![FINGERPRINT]).await?;
    if known != fingerprint(&key) {
        return Err(OpenError::Key(
            "BLUECAST_SECRET_KEY (or secret.key in the data folder) is not the key that this database was encrypted with; give the right one"
                .to_owned(),
        ));
    }
    Ok(Vault::new(&key))
}

fn read(path: &Path) -> Result<Option<SecretKey>, OpenError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::Key(format!("the key {} cannot be read: {error}", path.display()))),
    };
    let wrong = || OpenError::Key(format!("the key {} is no 32 bytes in base64; restore it from a backup", path.display()));
    SecretKey::parse(text.trim()).map(Some).ok_or_else(wrong)
}

fn generate(path: &Path) -> Result<SecretKey, OpenError> {
    let mut bytes = [0; 32];
    random(&mut bytes);
    let key = SecretKey::new(bytes);
    let write = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        writeln!(file, "{}", key.reveal_base64())?;
        file.sync_all()
    };
    write().map_err(|error| OpenError::Key(format!("the key {} cannot be written: {error}", path.display())))?;
    Ok(key)
}
