//! Brings the tables up to date: the same files for both databases, built into the program.

use std::sync::LazyLock;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};

use super::OpenError;

/// Every file in `migrations/`: its time, its name, its text. Released ones are never changed, only followed.
const FILES: &[(i64, &str, &str)] = &[
    (20_261_122_120_000, "begin", include_str!("../../migrations/20261122120000_begin.sql")),
    (20_261_122_130_000, "broadcast", include_str!("../../migrations/20261122130000_broadcast.sql")),
    (20_261_122_160_000, "origin", include_str!("../../migrations/20261122160000_origin.sql")),
    (20_261_122_163_500, "admission", include_str!("../../migrations/20261122163500_admission.sql")),
    (20_261_122_170_000, "viewers", include_str!("../../migrations/20261122170000_viewers.sql")),
    (20_261_122_180_000, "comments", include_str!("../../migrations/20261122180000_comments.sql")),
    (20_261_122_190_000, "rooms", include_str!("../../migrations/20261122190000_rooms.sql")),
    (20_261_122_200_000, "accounts", include_str!("../../migrations/20261122200000_accounts.sql")),
    (20_261_122_200_500, "passwords", include_str!("../../migrations/20261122200500_passwords.sql")),
    (20_261_122_201_000, "oidc", include_str!("../../migrations/20261122201000_oidc.sql")),
    (20_261_122_220_000, "presets", include_str!("../../migrations/20261122220000_presets.sql")),
    (20_261_122_220_500, "preset_maker", include_str!("../../migrations/20261122220500_preset_maker.sql")),
    (20_261_122_210_000, "node", include_str!("../../migrations/20261122210000_node.sql")),
    (20_261_122_210_100, "idempotency", include_str!("../../migrations/20261122210100_idempotency.sql")),
    (20_261_122_210_200, "webhook", include_str!("../../migrations/20261122210200_webhook.sql")),
];

/// sqlx's own name for the table that lists what was applied.
const TABLE: &str = "_sqlx_migrations";

pub(super) static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    let migration = |(version, name, text): &(i64, &'static str, &'static str)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator::with_migrations(FILES.iter().map(migration).collect())
});

/// Checks without a change that every migration was applied.
pub(super) async fn check(connection: &mut impl Migrate) -> Result<(), MigrateError> {
    let applied = connection.list_applied_migrations(TABLE).await?;
    match MIGRATOR.iter().find(|migration| applied.iter().all(|applied| applied.version != migration.version)) {
        Some(migration) => Err(MigrateError::VersionNotPresent(migration.version)),
        None => Ok(()),
    }
}

/// Puts an error into words; `other` does it for what has nothing to do with versions.
pub(super) fn explain(error: MigrateError, other: impl FnOnce(sqlx::Error) -> OpenError) -> OpenError {
    match error {
        MigrateError::VersionMissing(version) => OpenError::Version(format!(
            "the database was changed by a newer Bluecast (migration {version}), which this one does not know; start the newer one, or restore a backup"
        )),
        MigrateError::VersionMismatch(version) => OpenError::Version(format!(
            "migration {version} was applied to this database with another text than this Bluecast has; restore a backup, or start the Bluecast that made it"
        )),
        MigrateError::VersionNotPresent(version) => OpenError::Version(format!(
            "the serving Bluecast process has not applied migration {version}; restart it with this version, or run `bluecast migrate` while it is stopped"
        )),
        MigrateError::Dirty(version) => OpenError::Version(format!("migration {version} was left half applied; restore a backup")),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => other(error),
        error => OpenError::Version(format!("the tables cannot be brought up to date: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::FILES;

    #[test]
    fn every_file_is_built_in() {
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap();
        let found: BTreeSet<String> = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(found, FILES.iter().map(|(version, name, _)| format!("{version}_{name}.sql")).collect());
    }

    #[test]
    fn only_the_types_that_both_databases_read_alike() {
        for (version, _, text) in FILES {
            for word in [" INTEGER", " BOOLEAN", " TIMESTAMP", " REAL ", " INT ", " SERIAL", " JSON", " BLOB", " BYTEA", "AUTOINCREMENT"] {
                assert!(!text.to_uppercase().contains(word), "{version} uses{word}");
            }
        }
    }
}
