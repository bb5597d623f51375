//! Groups, and who may give things to them.

use super::Caller;
use super::permission::Permission;
use super::scope::{self, Kind, Sight};
use crate::http::{Answer, Problem};
use crate::store::{Store, StoreError, Transaction, args};

/// Groups that one thing may be in.
const GROUPS: usize = 64;

/// A group.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct Group {
    /// Id.
    pub id: String,
    /// Name, unique whatever the case.
    pub name: String,
    /// When it was made.
    pub created_ms: i64,
    /// When it was last changed.
    pub changed_ms: i64,
}

/// The group with this id, of those that a caller sees: their own, or all.
pub(super) async fn find(store: &Store, caller: &Caller, id: &str) -> Result<Option<Group>, StoreError> {
    let found = store.optional("SELECT id, name, created_ms, changed_ms FROM account_groups WHERE id = $1", args![id]).await?;
    let Some(found) = found else { return Ok(None) };
    let sees = Sight::of(caller).is_all() || scope::groups_of(store, Kind::User, &caller.user_id).await?.iter().any(|own| own == id);
    Ok(sees.then_some(found))
}

/// A page of the groups that a caller sees, oldest first.
pub(super) async fn page(store: &Store, caller: &Caller, after: &str, rows: u32) -> Result<Vec<Group>, StoreError> {
    let sql = "SELECT id, name, created_ms, changed_ms FROM account_groups WHERE id > $1 AND ($4 = 'all' OR EXISTS (SELECT 1 FROM group_holds m \
               WHERE m.kind = 'user' AND m.thing_id = $3 AND m.group_id = account_groups.id)) ORDER BY id LIMIT $2";
    let [user, reach, _] = Sight::of(caller).args();
    store.all(sql, vec![after.into(), rows.into(), user, reach]).await
}

/// Makes a group; [`StoreError::Taken`] where the name is.
pub(super) async fn create(tx: &mut Transaction, name: &str, now_ms: i64) -> Result<Group, StoreError> {
    let group = Group { id: crate::id::new(), name: name.to_owned(), created_ms: now_ms, changed_ms: now_ms };
    tx.run("INSERT INTO account_groups (id, name, created_ms, changed_ms) VALUES ($1, $2, $3, $3)", args![&group.id, name, now_ms]).await?;
    Ok(group)
}

/// How many things of a kind each group holds.
pub(super) async fn holdings(tx: &Store, group_id: &str) -> Result<Vec<(String, i64)>, StoreError> {
    let sql = "SELECT kind, COUNT(*) FROM group_holds WHERE group_id = $1 AND kind <> 'activity' GROUP BY kind ORDER BY kind";
    tx.all(sql, args![group_id]).await
}

/// Gives a thing to groups, as far as the caller may, and the broadcasts that use it with it; gives the groups that hold it now.
///
/// `wanted` are ids or names. Without it a thing stays where it is, and a new one (`is_new`) comes into the groups of whoever makes it.
/// Whoever is no admin gives to and takes from their own groups alone: others' stay as they are, and nothing that a group holds is given
/// to everybody, nor the other way round.
///
/// # Errors
/// 422 `no_such_group` of the field `groups`; 403 `beyond_own_permissions`.
pub async fn give(
    tx: &mut Transaction,
    caller: &Caller,
    kind: Kind,
    id: &str,
    wanted: Option<&[String]>,
    is_new: bool,
) -> Answer<Vec<String>> {
    let before = scope::groups_in(tx, kind, id).await?;
    let is_admin = caller.permissions.holds(Permission::SystemAdmin);
    let own = scope::groups_in(tx, Kind::User, &caller.user_id).await?;
    let after = match wanted {
        None if is_new && !is_admin => own,
        None => return Ok(before),
        Some(wanted) => {
            let wanted = resolve(tx, wanted, (!is_admin).then_some(&own)).await?;
            if is_admin { wanted } else { allowed(&before, wanted, &own, is_new)? }
        }
    };
    if after != before {
        scope::hold(tx, kind, id, &after).await?;
        scope::follow(tx, kind, id).await?;
    }
    Ok(after)
}

/// Where somebody who is no admin may bring a thing. Pure.
fn allowed(before: &[String], wanted: Vec<String>, own: &[String], is_new: bool) -> Answer<Vec<String>> {
    let mut after = wanted;
    after.extend(before.iter().filter(|group| !own.contains(group)).cloned());
    after.sort();
    after.dedup();
    let was_for_everybody = if is_new { own.is_empty() } else { before.is_empty() };
    if (is_new || after != before) && after.is_empty() != was_for_everybody {
        let detail = "Only an admin gives what groups hold to everybody, or what is everybody's to groups.";
        return Err(Problem::forbidden("beyond_own_permissions", detail).of_field("groups"));
    }
    Ok(after)
}

/// The ids of groups that are named by id or name, in order and without doubles; of `own` alone, where it is given.
async fn resolve(tx: &mut Transaction, wanted: &[String], own: Option<&Vec<String>>) -> Answer<Vec<String>> {
    if wanted.len() > GROUPS {
        return Err(Problem::invalid("groups", format!("A thing is in {GROUPS} groups at most.")));
    }
    let mut ids = Vec::with_capacity(wanted.len());
    for text in wanted {
        let sql =
            "SELECT id FROM account_groups WHERE id = $1 OR lower(name) = lower($1) ORDER BY CASE WHEN id = $1 THEN 0 ELSE 1 END LIMIT 1";
        let found: Option<(String,)> = tx.optional(sql, args![text]).await?;
        let found = found.map(|(id,)| id).filter(|id| own.is_none_or(|own| own.contains(id)));
        let short: String = text.chars().take(64).collect();
        ids.push(found.ok_or_else(|| Problem::unprocessable("no_such_group", format!("There is no group “{short}”.")).of_field("groups"))?);
    }
    ids.sort();
    ids.dedup();
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn groups() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::btree_set("[a-e]", 0..4).prop_map(|set| set.into_iter().collect())
    }

    proptest! {
        #[test]
        fn nobody_touches_groups_that_are_not_theirs(before in groups(), wanted in groups(), own in groups(), is_new: bool) {
            let wanted: Vec<String> = wanted.into_iter().filter(|group| own.contains(group)).collect();
            let before = if is_new { Vec::new() } else { before };
            if let Ok(after) = allowed(&before, wanted, &own, is_new) {
                for group in ["a", "b", "c", "d", "e"].map(str::to_owned) {
                    prop_assert!(before.contains(&group) == after.contains(&group) || own.contains(&group));
                }
                prop_assert!(is_new || before.is_empty() == after.is_empty());
            }
        }
    }

    #[test]
    fn without_groups_all_is_as_in_a_small_house() {
        assert_eq!(allowed(&[], Vec::new(), &[], true).unwrap(), Vec::<String>::new());
        assert!(allowed(&[], vec!["a".to_owned()], &["a".to_owned()], false).is_err());
        assert!(allowed(&["a".to_owned()], Vec::new(), &["a".to_owned()], false).is_err());
    }
}
