//! The store's contract, on both databases.

use bluecast::config::{Database, Settings};
use bluecast::store::{Flag, OpenError, Purpose, Store, StoreError, args, open_vault};
use tempfile::TempDir;

use crate::support::app::{BOTH, On, settings};

async fn open(on: On) -> (TempDir, Settings, Store) {
    let data = tempfile::tempdir().unwrap();
    let settings = settings(on, &data, &[]).await;
    let store = Store::open(&settings, Purpose::Serve).await.unwrap();
    (data, settings, store)
}

async fn insert_room(store: &Store, id: &str, key: &str) -> Result<u64, StoreError> {
    let sql = "INSERT INTO rooms (id, key, title, description, created_ms, changed_ms) VALUES ($1, $2, $3, '', $4, $4)";
    store.run(sql, args![id, key, "Grüße 😀", 5_000_000_000_000_i64]).await
}

#[tokio::test]
async fn values_come_back_as_they_went_in() {
    #[derive(sqlx::FromRow)]
    struct Row {
        title: String,
        created_ms: i64,
        #[sqlx(try_from = "i64")]
        is_new: Flag,
        ratio: f64,
        absent: Option<String>,
    }
    for on in BOTH {
        let (_data, _, store) = open(on).await;
        assert_eq!(insert_room(&store, "a", "one").await.unwrap(), 1);
        let sql = "SELECT title, created_ms, CAST($2 AS BIGINT) AS is_new, CAST($3 AS DOUBLE PRECISION) AS ratio, CAST($4 AS TEXT) AS absent \
                   FROM rooms WHERE key = $1";
        let row: Row = store.one(sql, args!["one", true, 0.25, None::<String>]).await.unwrap();
        assert_eq!(
            (row.title.as_str(), row.created_ms, row.is_new, row.ratio, row.absent),
            ("Grüße 😀", 5_000_000_000_000, Flag(true), 0.25, None)
        );
    }
}

#[tokio::test]
async fn errors_have_kinds() {
    for on in BOTH {
        let (_data, _, store) = open(on).await;
        insert_room(&store, "a", "one").await.unwrap();
        assert!(matches!(insert_room(&store, "b", "one").await, Err(StoreError::Taken)), "{on:?}");
        let orphan = store.run("INSERT INTO user_permissions (user_id, permission) VALUES ('nobody', 'x')", args![]).await;
        assert!(matches!(orphan, Err(StoreError::Referenced)), "{on:?}: {orphan:?}");
        let missing = store.one::<(String,)>("SELECT id FROM rooms WHERE key = $1", args!["two"]).await;
        assert!(matches!(missing, Err(StoreError::Missing)), "{on:?}");
        let wrong = store.run("SELEKT 1", args![]).await;
        assert!(matches!(wrong, Err(StoreError::Other(_))), "{on:?}");
    }
}

#[tokio::test]
async fn a_transaction_happens_whole_or_not_at_all() {
    for on in BOTH {
        let (_data, _, store) = open(on).await;
        let sql = "INSERT INTO meta (name, value) VALUES ($1, $2)";
        let mut dropped = store.begin().await.unwrap();
        dropped.run(sql, args!["a", "1"]).await.unwrap();
        drop(dropped);
        let mut kept = store.begin().await.unwrap();
        kept.run(sql, args!["b", "2"]).await.unwrap();
        assert_eq!(kept.all::<(String,)>("SELECT name FROM meta ORDER BY name", args![]).await.unwrap(), [("b".to_owned(),)]);
        kept.commit().await.unwrap();
        assert_eq!(store.all::<(String,)>("SELECT name FROM meta", args![]).await.unwrap(), [("b".to_owned(),)], "{on:?}");
    }
}

#[tokio::test]
async fn many_writers_and_readers_at_once_lose_nothing() {
    for on in BOTH {
        let (_data, _, store) = open(on).await;
        store.run("INSERT INTO meta (name, value) VALUES ('count', '0')", args![]).await.unwrap();
        let add = |store: Store| async move {
            let mut tx = store.begin().await.unwrap();
            // The update takes the row's lock on Postgres; the whole transaction holds the writer on SQLite.
            tx.run("UPDATE meta SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT) WHERE name = 'count'", args![]).await.unwrap();
            tx.commit().await.unwrap();
            store.one::<(String,)>("SELECT value FROM meta WHERE name = 'count'", args![]).await.unwrap();
        };
        let tasks: Vec<_> = (0..50).map(|_| tokio::spawn(add(store.clone()))).collect();
        for task in tasks {
            task.await.unwrap();
        }
        let (count,): (String,) = store.one("SELECT value FROM meta WHERE name = 'count'", args![]).await.unwrap();
        assert_eq!(count, "50", "{on:?}");
    }
}

#[tokio::test]
async fn the_databases_own_time_is_about_now() {
    for on in BOTH {
        let (_data, _, store) = open(on).await;
        let before = bluecast::moment::now_ms();
        let (now_ms,): (i64,) = store.one(store.dialect().now_ms(), args![]).await.unwrap();
        let after = bluecast::moment::now_ms();
        assert!((before - 5_000..after + 5_000).contains(&now_ms), "{on:?}: {now_ms} between {before} and {after}");
    }
}

#[tokio::test]
async fn opening_again_finds_what_was_there() {
    for on in BOTH {
        let (_data, settings, store) = open(on).await;
        insert_room(&store, "a", "one").await.unwrap();
        store.close().await;
        drop(store);
        let again = Store::open(&settings, Purpose::Serve).await.unwrap();
        assert_eq!(again.all::<(String,)>("SELECT id FROM rooms", args![]).await.unwrap().len(), 1, "{on:?}");
    }
}

#[tokio::test]
async fn the_key_is_made_once_and_no_other_opens_the_database() {
    use std::os::unix::fs::PermissionsExt;
    let (data, settings, store) = open(On::Sqlite).await;
    open_vault(&settings, &store).await.unwrap();
    let path = data.path().join("secret.key");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    open_vault(&settings, &store).await.unwrap();

    let kept = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let gone = open_vault(&settings, &store).await.err().unwrap();
    assert!(matches!(&gone, OpenError::Key(reason) if reason.contains("is gone")), "{gone}");
    assert!(!path.exists(), "no second key is made");
    std::fs::write(&path, "AAAA").unwrap();
    let broken = open_vault(&settings, &store).await.err().unwrap();
    assert!(matches!(&broken, OpenError::Key(reason) if reason.contains("32 bytes")), "{broken}");
    std::fs::write(&path, kept).unwrap();
    open_vault(&settings, &store).await.unwrap();
}

#[tokio::test]
async fn another_key_is_refused_in_words() {
    for on in BOTH {
        let (_data, mut settings, store) = open(on).await;
        open_vault(&settings, &store).await.unwrap();
        settings.secret_key = Some(bluecast::config::SecretKey::new([9; 32]));
        let refused = open_vault(&settings, &store).await.err().unwrap();
        assert!(matches!(&refused, OpenError::Key(reason) if reason.contains("BLUECAST_SECRET_KEY")), "{on:?}: {refused}");
    }
}

#[tokio::test]
async fn a_second_serving_process_is_refused_but_a_command_is_not() {
    let (_data, settings, store) = open(On::Sqlite).await;
    let second = Store::open(&settings, Purpose::Serve).await.err().unwrap();
    assert!(matches!(&second, OpenError::InUse(_)), "{second}");
    let command = Store::open(&settings, Purpose::Command).await.unwrap();
    insert_room(&command, "a", "one").await.unwrap();
    assert_eq!(store.all::<(String,)>("SELECT id FROM rooms", args![]).await.unwrap().len(), 1);
    drop(store);
    command.close().await;
    Store::open(&settings, Purpose::Serve).await.unwrap();
}

/// A child that is just being started holds copies of all open files for a moment.
#[tokio::test(flavor = "multi_thread")]
async fn a_closed_database_can_be_opened_again_at_once_while_children_are_started() {
    let over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let starters: Vec<_> = (0..4)
        .map(|_| {
            let over = over.clone();
            std::thread::spawn(move || {
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    std::process::Command::new("true").status().unwrap();
                }
            })
        })
        .collect();
    let data = tempfile::tempdir().unwrap();
    let settings = settings(On::Sqlite, &data, &[]).await;
    let mut refused = 0;
    for _ in 0..60 {
        match Store::open(&settings, Purpose::Serve).await {
            Ok(store) => store.close().await,
            Err(_) => refused += 1,
        }
    }
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    starters.into_iter().for_each(|starter| starter.join().unwrap());
    assert_eq!(refused, 0);
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_left_alone() {
    for on in BOTH {
        let (_data, settings, store) = open(on).await;
        let sql = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                   SELECT 99999999999999, 'later', success, checksum, execution_time FROM _sqlx_migrations LIMIT 1";
        store.run(sql, args![]).await.unwrap();
        store.close().await;
        drop(store);
        let refused = Store::open(&settings, Purpose::Serve).await.err().unwrap();
        assert!(matches!(&refused, OpenError::Version(reason) if reason.contains("newer Bluecast")), "{on:?}: {refused}");
    }
}

#[tokio::test]
async fn what_is_no_database_is_refused_in_words() {
    let data = tempfile::tempdir().unwrap();
    let mut settings = settings(On::Sqlite, &data, &[]).await;
    let path = data.path().join("letter.txt");
    std::fs::write(&path, "Dear reader, ".repeat(1000)).unwrap();
    settings.database = Database::Sqlite(path);
    let refused = Store::open(&settings, Purpose::Serve).await.err().unwrap();
    assert!(refused.to_string().contains("letter.txt") && refused.to_string().contains("not a database"), "{refused}");

    settings.database = Database::Postgres(bluecast::secret::Secret::new("postgres://bluecast:hunter2@127.0.0.1:1/none"));
    let refused = Store::open(&settings, Purpose::Serve).await.err().unwrap();
    assert!(!refused.to_string().contains("hunter2"), "{refused}");
}
