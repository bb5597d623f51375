//! Word that travels between all processes on one database: `NOTIFY` on Postgres, a channel in memory on `SQLite`, which has one process.
//!
//! Nothing is kept for those who do not listen, and a connection may break. Whoever listens is therefore told [`Heard::Missed`] whenever
//! something may have been lost, and reads what it needs from the tables then.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::task::AbortHandle;

use super::{Store, StoreError, Transaction, args};

/// The longest payload that goes over, in bytes; Postgres' own limit is 8000. A longer one arrives as [`Heard::Missed`].
pub const PAYLOAD_BYTES: usize = 7900;
/// Words that a slow listener may be behind before it has missed some.
const BEHIND: usize = 1024;
/// What goes over in place of a payload that is too long.
const TOO_LONG: &str = "\u{1}";
/// How long a broken connection is left alone before the next try.
const AGAIN: Duration = Duration::from_secs(1);
/// After so much silence it is asked whether the connection still stands: a network that swallows everything breaks no connection.
const ASK_AFTER: Duration = Duration::from_secs(15);
/// How long the answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What a listener hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A word from any process, this one among them.
    Word {
        /// The channel it was told on.
        channel: &'static str,
        /// What was told.
        payload: String,
    },
    /// Something may have been missed. It is also the first that is heard: from then on nothing is missed without a word.
    Missed,
}

/// One word, and the channel it was told on.
pub(super) type Word = (&'static str, String);
/// The bus of a process that has its database for itself.
pub(super) type Local = broadcast::Sender<Word>;

pub(super) fn local() -> Local {
    broadcast::Sender::new(BEHIND)
}

/// Tells everyone when the transaction is committed, and nobody when it is not. A channel is a short word of `a-z_`.
pub async fn notify(tx: &mut Transaction, channel: &'static str, payload: &str) -> Result<(), StoreError> {
    let payload = fitting(payload);
    match tx {
        Transaction::Sqlite(_, words) => words.push((channel, payload.to_owned())),
        Transaction::Postgres(_) => drop(tx.all::<(i64,)>(SQL, args![channel, payload]).await?),
    }
    Ok(())
}

/// `pg_notify` gives a void, which no row can hold.
const SQL: &str = "SELECT CAST(1 AS BIGINT) FROM pg_notify($1, $2)";

fn fitting(payload: &str) -> &str {
    if payload.len() > PAYLOAD_BYTES { TOO_LONG } else { payload }
}

impl Store {
    /// Tells everyone now, outside any transaction.
    pub async fn notify(&self, channel: &'static str, payload: &str) -> Result<(), StoreError> {
        let payload = fitting(payload);
        match self {
            // Nobody listens: nobody is told.
            Self::Sqlite(store) => drop(store.bus.send((channel, payload.to_owned()))),
            Self::Postgres(_) => drop(self.all::<(i64,)>(SQL, args![channel, payload]).await?),
        }
        Ok(())
    }

    /// Listens on these channels from now on. On Postgres this holds a connection of its own until the listener is dropped.
    pub fn listen(&self, channels: &[&'static str]) -> Listener {
        let channels = channels.to_vec();
        match self {
            Self::Sqlite(store) => Listener { heard: store.bus.subscribe(), channels, behind: true, connection: None },
            Self::Postgres(pool) => {
                let (sender, heard) = broadcast::channel(BEHIND);
                let connection = tokio::spawn(hear(pool.clone(), channels.clone(), sender)).abort_handle();
                Listener { heard, channels, behind: false, connection: Some(connection) }
            }
        }
    }
}

/// Hears what is told, in order, with what may be missing said in its place.
#[derive(Debug)]
pub struct Listener {
    heard: broadcast::Receiver<Word>,
    channels: Vec<&'static str>,
    /// Something may have been missed that was not said yet.
    behind: bool,
    connection: Option<AbortHandle>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(connection) = &self.connection {
            connection.abort();
        }
    }
}

impl Listener {
    /// The next word; may be given up at any time without losing one. It waits for ever once the database was closed.
    pub async fn next(&mut self) -> Heard {
        if std::mem::take(&mut self.behind) {
            return Heard::Missed;
        }
        loop {
            match self.heard.recv().await {
                Ok((_, payload)) if payload == TOO_LONG => return Heard::Missed,
                Ok((channel, payload)) if self.channels.contains(&channel) => return Heard::Word { channel, payload },
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return Heard::Missed,
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// The same as a stream without end.
    pub fn into_stream(self) -> impl futures_util::Stream<Item = Heard> + Send {
        futures_util::stream::unfold(self, |mut listener| async move { Some((listener.next().await, listener)) })
    }
}

/// Listens and connects again until nobody listens any more.
async fn hear(shared: PgPool, channels: Vec<&'static str>, sender: broadcast::Sender<Word>) {
    let mut said = false;
    loop {
        if let Err(error) = hear_once(&shared, &channels, &sender, &mut said).await
            && !said
        {
            said = true;
            tracing::warn!(%error, "the database's bus is cut; connecting again");
        }
        if shared.is_closed() || sender.receiver_count() == 0 {
            return;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn hear_once(
    shared: &PgPool,
    channels: &[&'static str],
    sender: &broadcast::Sender<Word>,
    said: &mut bool,
) -> Result<(), sqlx::Error> {
    // Its own pool of one: a listener must not take connections from those who ask.
    let pool = super::postgres::apart(shared);
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    listener.listen_all(channels.iter().copied()).await?;
    *said = false;
    // Now that it listens: what was told before is missing.
    drop(sender.send((channels.first().copied().unwrap_or_default(), TOO_LONG.to_owned())));
    let closed = shared.close_event();
    let mut closed = std::pin::pin!(closed);
    loop {
        let heard = tokio::select! {
            () = &mut closed => return Ok(()),
            heard = tokio::time::timeout(ASK_AFTER, listener.try_recv()) => heard,
        };
        match heard {
            Ok(Ok(Some(word))) => {
                let Some(channel) = channels.iter().find(|channel| **channel == word.channel()) else { continue };
                if sender.send((channel, word.payload().to_owned())).is_err() {
                    return Ok(());
                }
            }
            Ok(Ok(None)) => return Err(sqlx::Error::WorkerCrashed),
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                let ask = sqlx::query("SELECT 1").execute(&mut listener);
                tokio::time::timeout(ANSWER_WITHIN, ask).await.map_err(|_| sqlx::Error::PoolTimedOut)??;
            }
        }
    }
}
