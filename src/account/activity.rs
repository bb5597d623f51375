//! The activity log: who changed what, and when. Written in the transaction of the change itself.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Caller;
use crate::store::{Store, StoreError, Transaction, args};

/// What stands for a secret that was set.
const MASK: &str = "•••";

/// Writes down what a caller does: `action` is `thing.verb` (`server.create`), `subject` the id of the thing, `detail` what else an admin
/// wants to read later. No secret belongs in it. The line is seen by the groups that hold the thing, or else by those of the caller.
pub async fn record(tx: &mut Transaction, caller: &Caller, action: &'static str, subject: &str, detail: Value) -> Result<(), StoreError> {
    let id = crate::id::new();
    let user_id = Some(&caller.user_id).filter(|id| !id.is_empty());
    let address = caller.address.map(|address| address.to_string());
    tx.run(
        "INSERT INTO activity (id, at_ms, user_id, user_name, address, action, subject, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        args![&id, crate::moment::now_ms(), user_id, &caller.user_name, address, action, subject, detail.to_string()],
    )
    .await?;
    let sql = "INSERT INTO group_holds (kind, thing_id, group_id) SELECT 'activity', $1, h.group_id FROM group_holds h \
               WHERE h.thing_id = $2 AND h.kind <> 'activity' UNION SELECT 'activity', $1, g.id FROM account_groups g WHERE g.id = $2";
    if tx.run(sql, args![&id, subject]).await? == 0 {
        let sql = "INSERT INTO group_holds (kind, thing_id, group_id) SELECT 'activity', $1, h.group_id FROM group_holds h \
                   WHERE h.kind = 'user' AND h.thing_id = $2";
        tx.run(sql, args![&id, &caller.user_id]).await?;
    }
    Ok(())
}

/// Writes down what was done where nothing of it is kept here.
pub async fn alone(store: &Store, caller: &Caller, action: &'static str, subject: &str, detail: Value) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    record(&mut tx, caller, action, subject, detail).await?;
    tx.commit().await
}

/// What differs between two states of a thing, as `detail` of a change: `{name, before, after}`. Both are what the API shows, which holds
/// no secrets; those that were set are named in `secrets`, and stand there masked.
pub fn difference(name: &str, before: &impl Serialize, after: &impl Serialize, secrets: &[&str]) -> Value {
    let (before, after) = (members(before), members(after));
    let mut was = Map::new();
    let mut is = Map::new();
    for (member, value) in &after {
        let earlier = before.get(member).cloned().unwrap_or_default();
        if earlier != *value && member != "changed_at" {
            was.insert(member.clone(), earlier);
            is.insert(member.clone(), value.clone());
        }
    }
    for secret in secrets {
        was.insert((*secret).to_owned(), json!(MASK));
        is.insert((*secret).to_owned(), json!(MASK));
    }
    json!({ "name": name, "before": was, "after": is })
}

fn members(thing: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(thing) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_written_and_secrets_are_masked() {
        let before = json!({"name": "a", "url": "x", "changed_at": "1"});
        let after = json!({"name": "a", "url": "y", "changed_at": "2"});
        let detail = difference("a", &before, &after, &["secret"]);
        assert_eq!(detail, json!({"name": "a", "before": {"url": "x", "secret": MASK}, "after": {"url": "y", "secret": MASK}}));
    }
}
