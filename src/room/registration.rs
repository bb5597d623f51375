//! Who has filled in the form of a room. One registration a browser, by the viewer's signed cookie: whoever gives the same e-mail address or
//! number from elsewhere is known to be the same person, and sees and changes nothing of what was filled in before.

use std::collections::BTreeMap;
use std::net::IpAddr;

use uuid::Uuid;

use super::answers::Answers;
use super::people::{self, Said};
use super::store::{self, Kept, Room};
use crate::account::{Kind, Sight, scope};
use crate::app::App;
use crate::http::{Answer, Problem};
use crate::moment::now_ms;
use crate::store::{Store, StoreError, Transaction, args};

/// Registrations that a room takes.
const MOST: i64 = 100_000;
/// Registrations that are deleted in one transaction.
const AT_ONCE: i64 = 500;

/// What somebody has filled in.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Registration {
    /// Id.
    pub id: String,
    /// The first registration of the same person, if this is a later one.
    pub same_as: Option<String>,
    /// What they are called.
    pub name: String,
    /// The first address for e-mail, in small letters.
    pub email: Option<String>,
    /// The first telephone number, E.164.
    pub phone: Option<String>,
    /// What was filled in, by the fields' ids.
    #[sqlx(try_from = "String")]
    pub answers: Kept<BTreeMap<String, String>>,
    /// What they agreed to.
    pub consent: String,
    /// From how many browsers this person has registered.
    pub browsers: i64,
    /// When it was first filled in.
    pub created_ms: i64,
    /// When it was last corrected.
    pub changed_ms: i64,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, same_as, name, email, phone, answers, consent, 1 + (SELECT COUNT(*) FROM registrations AS later \
             WHERE later.same_as = registrations.id) AS browsers, created_ms, changed_ms FROM registrations ",
            $rest
        )
    };
}

/// Whether somebody has filled in the form of a room.
pub async fn is_registered(store: &Store, room_id: &str, viewer_id: Uuid) -> Result<bool, StoreError> {
    let sql = "SELECT id FROM registrations WHERE room_id = $1 AND viewer_id = $2";
    let found: Option<(String,)> = store.optional(sql, args![room_id, viewer_id.to_string()]).await?;
    Ok(found.is_some())
}

/// What a viewer has filled in.
pub async fn own(store: &Store, room_id: &str, viewer_id: Uuid) -> Result<Option<Registration>, StoreError> {
    store.optional(select!("WHERE room_id = $1 AND viewer_id = $2"), args![room_id, viewer_id.to_string()]).await
}

/// A page of a room's registrations, oldest first: of each person the first one, or all of them; those in which `search` stands.
pub(super) async fn page(
    store: &Store,
    room_id: &str,
    after: &str,
    rows: u32,
    linked: bool,
    search: &str,
) -> Result<Vec<Registration>, StoreError> {
    let sql = select!(
        "WHERE room_id = $1 AND id > $2 AND (same_as IS NULL OR CAST($4 AS BIGINT) = 1) \
         AND ($5 = '' OR lower(name) LIKE $5 ESCAPE '!' OR email LIKE $5 ESCAPE '!' OR phone LIKE $5 ESCAPE '!') ORDER BY id LIMIT $3"
    );
    let pattern = match search.trim() {
        "" => String::new(),
        search => format!("%{}%", search.to_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_")),
    };
    store.all(sql, args![room_id, after, rows, linked, pattern]).await
}

/// Keeps what a viewer has filled in, or corrects it.
///
/// # Errors
/// 429 to an address that does it too often; 503 `room_full`.
pub async fn register(app: &App, room: &Room, viewer_id: Uuid, answers: &Answers, address: IpAddr) -> Answer<()> {
    app.rooms.take(address).map_err(|wait| {
        let seconds = wait.as_secs() + 1;
        Problem::too_many("too_many_attempts", format!("Too many registrations from this address. Try again in {seconds} s."), seconds)
    })?;
    let mut tx = app.store.begin().await?;
    // One at a time in a room: two that come together must not both be the first of one person.
    store::hold(&mut tx, &room.key).await?.filter(|held| held.id == room.id).ok_or_else(|| Problem::not_found("room"))?;
    write(&mut tx, room, viewer_id, answers).await?;
    people::say(&mut tx, viewer_id, &Said { name: answers.name.clone(), phone: answers.phone.clone() }).await?;
    tx.commit().await?;
    Ok(())
}

async fn write(tx: &mut Transaction, room: &Room, viewer_id: Uuid, answers: &Answers) -> Answer<()> {
    let (viewer, now_ms) = (viewer_id.to_string(), now_ms());
    let sql = "SELECT id FROM registrations WHERE room_id = $1 AND viewer_id = $2";
    let own: Option<(String,)> = tx.optional(sql, args![&room.id, &viewer]).await?;
    let id = if let Some((id,)) = &own {
        let sql = "UPDATE registrations SET name = $2, email = $3, phone = $4, answers = $5, consent = $6, changed_ms = $7, \
                   same_as = NULL WHERE id = $1";
        let answered = Kept(answers.values.clone());
        let args = args![id, &answers.name, answers.email.clone(), answers.phone.clone(), &answered, &room.form.0.consent, now_ms];
        tx.run(sql, args).await?;
        id.clone()
    } else {
        let (count,): (i64,) = tx.one("SELECT COUNT(*) FROM registrations WHERE room_id = $1", args![&room.id]).await?;
        if count >= MOST {
            return Err(Problem::unavailable("room_full", "This room takes no more registrations."));
        }
        let id = crate::id::new();
        let sql = "INSERT INTO registrations (id, room_id, viewer_id, name, email, phone, answers, consent, created_ms, changed_ms) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)";
        let answered = Kept(answers.values.clone());
        let args = args![
            &id,
            &room.id,
            &viewer,
            &answers.name,
            answers.email.clone(),
            answers.phone.clone(),
            &answered,
            &room.form.0.consent,
            now_ms
        ];
        tx.run(sql, args).await?;
        id
    };
    link(tx, &room.id, &id, answers).await
}

/// Finds the person again whose registration this is, and lets go of those who are somebody else now.
async fn link(tx: &mut Transaction, room_id: &str, id: &str, answers: &Answers) -> Answer<()> {
    let (email, phone) = (answers.email.clone(), answers.phone.clone());
    let sql =
        "SELECT id FROM registrations WHERE same_as = $1 AND NOT (COALESCE(email = $2, 1 = 0) OR COALESCE(phone = $3, 1 = 0)) ORDER BY id";
    let strangers: Vec<(String,)> = tx.all(sql, args![id, email.clone(), phone.clone()]).await?;
    regroup(tx, strangers).await?;
    let sql = "SELECT id FROM registrations WHERE room_id = $1 AND id <> $2 AND same_as IS NULL AND (email = $3 OR phone = $4) ORDER BY id LIMIT 1";
    let first: Option<(String,)> = tx.optional(sql, args![room_id, id, email, phone]).await?;
    if let Some((first,)) = first {
        // Whoever had the address first stays the one that is shown: nobody hides somebody by taking their address on later.
        tx.run("UPDATE registrations SET same_as = $1 WHERE id = $2 OR same_as = $2", args![first, id]).await?;
    }
    Ok(())
}

/// Makes registrations one person of their own: the first of them is the one that is shown.
async fn regroup(tx: &mut Transaction, ids: Vec<(String,)>) -> Result<(), StoreError> {
    let Some(((first,), others)) = ids.split_first() else { return Ok(()) };
    tx.run("UPDATE registrations SET same_as = NULL WHERE id = $1", args![first]).await?;
    for (id,) in others {
        tx.run("UPDATE registrations SET same_as = $2 WHERE id = $1", args![id, first]).await?;
    }
    Ok(())
}

/// What of registrations is to be deleted.
#[derive(Clone, Debug)]
pub enum Unwanted {
    /// A person's, by the id of any of their registrations in a room.
    Person {
        /// The room's id.
        room_id: String,
        /// The registration's id.
        id: String,
    },
    /// What a viewer filled in themselves.
    Own {
        /// The room's id.
        room_id: String,
        /// Who they are.
        viewer_id: Uuid,
    },
    /// All of a room that were last changed before a moment.
    Before {
        /// The room's id.
        room_id: String,
        /// Unix milliseconds.
        before_ms: i64,
    },
    /// All, in every room, that were last changed before a moment.
    Old {
        /// Unix milliseconds.
        before_ms: i64,
    },
    /// All with this address for e-mail, in the rooms that somebody sees.
    Email {
        /// The address, in small letters.
        email: String,
        /// Whose sight.
        sight: Sight,
    },
    /// All with this number, in the rooms that somebody sees.
    Phone {
        /// E.164.
        phone: String,
        /// Whose sight.
        sight: Sight,
    },
}

/// Deletes registrations, at most 500 of them, and the names of those who are registered nowhere any more; gives how many.
pub async fn delete(tx: &mut Transaction, unwanted: &Unwanted) -> Result<usize, StoreError> {
    let found: Vec<(String, String)> = match unwanted {
        Unwanted::Person { room_id, id } => {
            let sql = "SELECT id, viewer_id FROM registrations WHERE room_id = $1 AND (id = $2 OR same_as = $2 \
                       OR id = (SELECT same_as FROM registrations WHERE id = $2) \
                       OR same_as = (SELECT same_as FROM registrations WHERE id = $2)) LIMIT $3";
            tx.all(sql, args![room_id, id, AT_ONCE]).await?
        }
        Unwanted::Own { room_id, viewer_id } => {
            let sql = "SELECT id, viewer_id FROM registrations WHERE room_id = $1 AND viewer_id = $2 LIMIT $3";
            tx.all(sql, args![room_id, viewer_id.to_string(), AT_ONCE]).await?
        }
        Unwanted::Before { room_id, before_ms } => {
            let sql = "SELECT id, viewer_id FROM registrations WHERE room_id = $1 AND changed_ms < $2 LIMIT $3";
            tx.all(sql, args![room_id, *before_ms, AT_ONCE]).await?
        }
        Unwanted::Old { before_ms } => {
            let sql = "SELECT id, viewer_id FROM registrations WHERE changed_ms < $1 LIMIT $2";
            tx.all(sql, args![*before_ms, AT_ONCE]).await?
        }
        Unwanted::Email { email: value, sight } | Unwanted::Phone { phone: value, sight } => {
            let column = if matches!(unwanted, Unwanted::Email { .. }) { "email" } else { "phone" };
            let seen = scope::condition(Kind::Room, "registrations.room_id", 3);
            let sql = format!("SELECT id, viewer_id FROM registrations WHERE {column} = $1 AND {seen} LIMIT $2");
            tx.all(sqlx::AssertSqlSafe(sql), sight.after(args![value, AT_ONCE])).await?
        }
    };
    for (id, viewer_id) in &found {
        tx.run("DELETE FROM registrations WHERE id = $1", args![id]).await?;
        let later = tx.all("SELECT id FROM registrations WHERE same_as = $1 ORDER BY id", args![id]).await?;
        regroup(tx, later).await?;
        let sql = "DELETE FROM viewers WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM registrations WHERE viewer_id = $1)";
        tx.run(sql, args![viewer_id]).await?;
    }
    Ok(found.len())
}

/// The viewers who registered with an address or a number in the rooms that somebody sees; at most 500.
pub async fn viewers_of(store: &Store, unwanted: &Unwanted) -> Result<Vec<Uuid>, StoreError> {
    let (column, value, sight) = match unwanted {
        Unwanted::Email { email, sight } => ("email", email, sight),
        Unwanted::Phone { phone, sight } => ("phone", phone, sight),
        Unwanted::Person { .. } | Unwanted::Own { .. } | Unwanted::Before { .. } | Unwanted::Old { .. } => return Ok(Vec::new()),
    };
    let seen = scope::condition(Kind::Room, "registrations.room_id", 3);
    let sql = format!("SELECT DISTINCT viewer_id FROM registrations WHERE {column} = $1 AND {seen} LIMIT $2");
    let found: Vec<(String,)> = store.all(sqlx::AssertSqlSafe(sql), sight.after(args![value, AT_ONCE])).await?;
    Ok(found.into_iter().filter_map(|(id,)| id.parse().ok()).collect())
}

/// Deletes the name and number of somebody who is registered nowhere any more.
pub async fn forget_name(store: &Store, viewer_id: Uuid) -> Result<(), StoreError> {
    let sql = "DELETE FROM viewers WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM registrations WHERE viewer_id = $1)";
    store.run(sql, args![viewer_id.to_string()]).await.map(drop)
}

/// Deletes what somebody takes back themselves, and writes that down.
pub async fn withdraw(store: &Store, key: &str, unwanted: &Unwanted) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    let deleted = delete(&mut tx, unwanted).await?;
    if deleted > 0 {
        super::registrations::record_withdrawal(&mut tx, key, deleted).await?;
    }
    tx.commit().await
}

/// Deletes what is older than it may be kept, and writes down how much it was.
pub(crate) async fn forget_old(store: &Store, days: u32) -> Result<usize, StoreError> {
    let before_ms = now_ms() - i64::from(days) * 24 * 3600 * 1000;
    let mut deleted = 0;
    loop {
        let mut tx = store.begin().await?;
        let now = delete(&mut tx, &Unwanted::Old { before_ms }).await?;
        if now > 0 {
            super::registrations::record_retention(&mut tx, days, now).await?;
        }
        tx.commit().await?;
        deleted += now;
        if now == 0 {
            return Ok(deleted);
        }
    }
}
