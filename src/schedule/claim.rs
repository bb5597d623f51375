//! Who acts. What is to be done by itself has a name (its cause); whoever takes that first does it, and keeps what came of it.

use crate::store::{Store, StoreError, Transaction, args};

/// For how long an act is somebody's: a process that dies in the middle leaves it to the others after this.
const HOLD_MS: i64 = 90_000;
/// For how long it is kept what was done.
const KEEP_MS: i64 = 90 * 24 * 3600 * 1000;

/// The database's own time, which all processes share. Unix milliseconds.
pub(super) async fn now_ms(store: &Store) -> Result<i64, StoreError> {
    Ok(store.one::<(i64,)>(store.dialect().now_ms(), args![]).await?.0)
}

/// Makes the cause known, where it is not: nobody's, and not done.
async fn enter(tx: &mut Transaction, cause: &str, owner_id: &str, due_ms: i64, now_ms: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO claims (cause, owner_id, due_ms, taken_until_ms, tries, done, changed_ms) VALUES ($1, $2, $3, 0, 0, 0, $4) \
               ON CONFLICT (cause) DO NOTHING";
    tx.run(sql, args![cause, owner_id, due_ms, now_ms]).await.map(drop)
}

/// Takes a cause; gives how often it has been taken, to whoever may act now. `owner_id` is the schedule or the preset that wants it.
pub(super) async fn take(store: &Store, cause: &str, owner_id: &str, due_ms: i64, now_ms: i64) -> Result<Option<i64>, StoreError> {
    let mut tx = store.begin().await?;
    enter(&mut tx, cause, owner_id, due_ms, now_ms).await?;
    let sql = "UPDATE claims SET taken_until_ms = $1, tries = tries + 1, changed_ms = $2 \
               WHERE cause = $3 AND done = 0 AND taken_until_ms <= $2 RETURNING tries";
    let tries: Option<(i64,)> = tx.optional(sql, args![now_ms + HOLD_MS, now_ms, cause]).await?;
    tx.commit().await?;
    Ok(tries.map(|(tries,)| tries))
}

/// It is done, one way or another.
pub(super) async fn finish(store: &Store, cause: &str, broadcast_id: Option<&str>, outcome: &str, now_ms: i64) -> Result<(), StoreError> {
    let sql = "UPDATE claims SET done = 1, broadcast_id = $1, outcome = $2, changed_ms = $3 WHERE cause = $4";
    store.run(sql, args![broadcast_id.map(str::to_owned), outcome, now_ms, cause]).await.map(drop)
}

/// It did not work and is to be tried again.
pub(super) async fn again(store: &Store, cause: &str, outcome: &str, after_ms: i64, now_ms: i64) -> Result<(), StoreError> {
    let sql = "UPDATE claims SET taken_until_ms = $1, outcome = $2, changed_ms = $3 WHERE cause = $4";
    store.run(sql, args![now_ms + after_ms, outcome, now_ms, cause]).await.map(drop)
}

/// Notes what nobody did in time; says whether nobody had noted or done it. Gives what went wrong where it was tried.
pub(super) async fn give_up(
    tx: &mut Transaction,
    cause: &str,
    owner_id: &str,
    due_ms: i64,
    now_ms: i64,
) -> Result<Option<String>, StoreError> {
    enter(tx, cause, owner_id, due_ms, now_ms).await?;
    let sql = "UPDATE claims SET done = 1, outcome = COALESCE(outcome, 'missed'), changed_ms = $1 \
               WHERE cause = $2 AND done = 0 AND taken_until_ms <= $1 RETURNING outcome";
    let outcome: Option<(String,)> = tx.optional(sql, args![now_ms, cause]).await?;
    Ok(outcome.map(|(outcome,)| outcome))
}

/// Says whether it is this process's turn at something that one process does every so often.
pub(super) async fn turn(store: &Store, cause: &str, every_ms: i64, now_ms: i64) -> Result<bool, StoreError> {
    let mut tx = store.begin().await?;
    enter(&mut tx, cause, "", 0, now_ms).await?;
    let sql = "UPDATE claims SET taken_until_ms = $1, changed_ms = $2 WHERE cause = $3 AND taken_until_ms <= $2";
    let ours = tx.run(sql, args![now_ms + every_ms, now_ms, cause]).await? > 0;
    tx.commit().await?;
    Ok(ours)
}

/// What came of an owner's last act.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Last {
    pub(super) due_ms: i64,
    pub(super) done: i64,
    pub(super) broadcast_id: Option<String>,
    pub(super) outcome: Option<String>,
}

/// The last that an owner did or was to do.
pub(super) async fn last(store: &Store, owner_id: &str) -> Result<Option<Last>, StoreError> {
    let sql = "SELECT due_ms, done, broadcast_id, outcome FROM claims WHERE owner_id = $1 ORDER BY due_ms DESC LIMIT 1";
    store.optional(sql, args![owner_id]).await
}

/// Forgets what was done long ago.
pub(super) async fn forget_old(store: &Store, now_ms: i64) -> Result<(), StoreError> {
    store.run("DELETE FROM claims WHERE changed_ms < $1", args![now_ms - KEEP_MS]).await.map(drop)
}
