//! Roles, and what is given for single rooms; nobody rises above what they have.

use serde_json::json;

use super::{Two, listed};
use crate::support::app::{BOTH, On, PASSWORD, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_for_a_room_works_in_that_room_alone() {
    for on in BOTH {
        let Two { test, a, b } = Two::start(on).await;
        let grants = json!([{"room": a.room, "permissions": ["broadcast.operate"]}]);
        let made = test.admin.post("/users", json!({"name": "helper", "password": PASSWORD, "grants": grants})).await.expect(201);
        assert_eq!((&made["grants"], &made["permissions"]), (&grants, &json!([])));
        let helper = test.stranger();
        helper.log_in("helper", PASSWORD).await;

        assert_eq!(listed(&helper, "/rooms", "key").await, std::slice::from_ref(&a.room));
        helper.get(&format!("/rooms/{}", b.room)).await.problem(404, "not_found");
        helper.patch(&format!("/rooms/{}", a.room), json!({"title": "Mine"})).await.problem(403, "forbidden");
        helper.get("/servers").await.problem(403, "forbidden");
        let start = |room: Option<&str>| json!({"source": "test", "profile": "480p30", "overrides": {"width": 426, "height": 240, "fps": 15}, "room": room});
        helper.post("/broadcasts", start(None)).await.problem(403, "forbidden");
        helper.post("/broadcasts", start(Some(&b.room))).await.problem(422, "no_such_room");
        let own = helper.post("/broadcasts", start(Some(&a.room))).await.expect(201);
        let path = format!("/broadcasts/{}", own["id"].as_str().unwrap());
        helper.get(&path).await.expect(200);
        assert_eq!(listed(&helper, "/broadcasts", "room").await, std::slice::from_ref(&a.room));
        let other = test.admin.post("/broadcasts", start(Some(&b.room))).await.expect(201);
        let other = format!("/broadcasts/{}", other["id"].as_str().unwrap());
        helper.get(&other).await.problem(404, "not_found");
        helper.post(&format!("{other}/stop"), json!({})).await.problem(404, "not_found");
        test.admin.post(&format!("{other}/stop"), json!({})).await.expect(202);

        // Who may moderate sees the broadcast and does not touch it.
        let user = format!("/users/{}", made["id"].as_str().unwrap());
        let moderates = json!([{"room": a.room, "permissions": ["room.moderate"]}]);
        test.admin.patch(&user, json!({"grants": moderates})).await.expect(200);
        helper.get(&path).await.expect(200);
        helper.post(&format!("{path}/stop"), json!({})).await.problem(403, "forbidden");
        test.admin.patch(&user, json!({"grants": []})).await.expect(200);
        helper.get(&path).await.problem(403, "forbidden");
        test.admin.post(&format!("{path}/stop"), json!({})).await.expect(202);
        test.stop().await;
    }
}

#[tokio::test]
async fn nobody_gives_what_they_lack_nor_raises_themselves() {
    for on in BOTH {
        let Two { test, a, b } = Two::start(on).await;
        let new = |extra: serde_json::Value| {
            let mut body = json!({"name": "new", "password": PASSWORD});
            body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            body
        };
        let everything = test.admin.post("/roles", json!({"name": "Everything", "permissions": ["system.admin"]})).await.expect(201);
        let viewing = test.admin.post("/roles", json!({"name": "Viewing", "permissions": ["broadcast.view"]})).await.expect(201);
        let (everything, viewing) = (everything["id"].as_str().unwrap(), viewing["id"].as_str().unwrap());
        let a_user = format!("/users/{}", a.user);
        for (body, code) in [
            (json!({"permissions": ["system.admin"]}), "beyond_own_permissions"),
            (json!({"roles": ["everything"]}), "beyond_own_permissions"),
            (json!({"roles": [everything]}), "beyond_own_permissions"),
            (json!({"groups": [b.group]}), "no_such_group"),
            (json!({"grants": [{"room": b.room, "permissions": ["room.moderate"]}]}), "no_such_room"),
            (json!({"grants": [{"room": a.room, "permissions": ["system.admin"]}]}), "invalid_field"),
        ] {
            for answer in [a.client.post("/users", new(body.clone())).await, a.client.patch(&a_user, body.clone()).await] {
                assert!([403, 422].contains(&answer.status), "{body}: {}", answer.text);
                assert_eq!(answer.body["code"], code, "{body}");
            }
        }
        a.client.post("/roles", json!({"name": "x", "permissions": ["system.admin"]})).await.problem(403, "beyond_own_permissions");
        a.client.patch(&format!("/roles/{everything}"), json!({"permissions": []})).await.problem(403, "beyond_own_permissions");
        a.client.delete(&format!("/roles/{everything}")).await.problem(403, "beyond_own_permissions");
        a.client.post("/tokens", json!({"name": "x", "scopes": ["system.admin"]})).await.problem(403, "beyond_own_permissions");

        // A role that somebody of another group has is theirs too.
        test.admin.patch(&format!("/users/{}", b.user), json!({"roles": ["Viewing"]})).await.expect(200);
        a.client.patch(&format!("/roles/{viewing}"), json!({"permissions": ["user.manage"]})).await.problem(403, "beyond_own_permissions");
        test.admin.delete(&format!("/roles/{viewing}")).await.problem(409, "role_in_use");

        // An account that may more is not touched: whoever sets its password has it. The same goes for one that is in more groups.
        let admin = test.admin.get("/session").await.expect(200)["user"]["id"].as_str().unwrap().to_owned();
        for body in [json!({"password": "another password 9"}), json!({"disabled": true}), json!({"permissions": []})] {
            a.client.patch(&format!("/users/{admin}"), body).await.problem(403, "beyond_own_permissions");
        }
        a.client.delete(&format!("/users/{admin}")).await.problem(403, "beyond_own_permissions");
        let both = json!({"name": "both", "password": PASSWORD, "groups": [a.group, b.group]});
        let both = format!("/users/{}", test.admin.post("/users", both).await.expect(201)["id"].as_str().unwrap());
        a.client.patch(&both, json!({"password": "another password 9"})).await.problem(403, "beyond_own_permissions");

        // A token that may less than its user gives and changes no more than itself.
        let token = a.client.post("/tokens", json!({"name": "t", "scopes": ["user.manage"]})).await.expect(201);
        let token = test.stranger().with_token(token["token"].as_str().unwrap());
        token.post("/users", new(json!({"permissions": ["server.use"]}))).await.problem(403, "beyond_own_permissions");
        token.patch(&a_user, json!({"password": "another password 9"})).await.problem(403, "beyond_own_permissions");
        test.stop().await;
    }
}

#[tokio::test]
async fn roles_give_what_is_in_them_until_they_change() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        let user = test.user("worker", &["broadcast.view"]).await;
        let role = test.admin.post("/roles", json!({"name": "Rooms", "permissions": ["room.manage"]})).await.expect(201);
        let (role, worker) =
            (role["id"].as_str().unwrap(), user.get("/session").await.expect(200)["user"]["id"].as_str().unwrap().to_owned());
        let changed = test.admin.patch(&format!("/users/{worker}"), json!({"roles": ["rooms"]})).await.expect(200);
        assert_eq!((&changed["roles"], &changed["permissions"]), (&json!([role]), &json!(["broadcast.view"])));
        assert_eq!(changed["effective_permissions"], json!(["broadcast.view", "room.manage"]));
        user.post("/rooms", json!({"key": "made", "title": "Made"})).await.expect(201);
        test.admin.patch(&format!("/roles/{role}"), json!({"name": "Users", "permissions": ["user.manage"]})).await.expect(200);
        user.post("/rooms", json!({"key": "more", "title": "More"})).await.problem(403, "forbidden");
        assert_eq!(listed(&user, "/roles", "name").await, ["Users"]);
        test.admin.patch(&format!("/users/{worker}"), json!({"roles": ["none such"]})).await.problem(422, "no_such_role");
        test.stop().await;
    }
}

#[tokio::test]
async fn the_last_admin_stays_however_they_are_admin() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        let first = test.admin.get("/session").await.expect(200)["user"]["id"].as_str().unwrap().to_owned();
        let first = format!("/users/{first}");
        for change in [json!({"disabled": true}), json!({"permissions": []})] {
            test.admin.patch(&first, change).await.problem(409, "last_admin");
        }
        test.admin.delete(&first).await.problem(409, "last_admin");
        // Another one by a role: then the first may go, and the role may not.
        let role = test.admin.post("/roles", json!({"name": "Admins", "permissions": ["system.admin"]})).await.expect(201);
        let role = format!("/roles/{}", role["id"].as_str().unwrap());
        let second = test.user("second", &[]).await;
        let id = second.get("/session").await.expect(200)["user"]["id"].as_str().unwrap().to_owned();
        test.admin.patch(&format!("/users/{id}"), json!({"roles": ["Admins"]})).await.expect(200);
        second.patch(&first, json!({"disabled": true})).await.expect(200);
        test.admin.get("/session").await.problem(401, "not_authenticated");
        second.patch(&role, json!({"permissions": []})).await.problem(409, "last_admin");
        second.patch(&format!("/users/{id}"), json!({"roles": []})).await.problem(409, "last_admin");
        // Whoever is disabled does not count.
        second.delete(&format!("/users/{id}")).await.problem(409, "last_admin");
        second.patch(&first, json!({"disabled": false})).await.expect(200);
        second.patch(&role, json!({"permissions": []})).await.expect(200);
        test.stop().await;
    }
}

#[tokio::test]
async fn of_two_admins_who_remove_each_other_one_stays() {
    let test = TestApp::start_on(On::Postgres).await;
    for round in 0..5 {
        let name = format!("admin{round}");
        let other = test.user(&name, &["system.admin"]).await;
        let id = async |client: &crate::support::app::Client| {
            client.get("/session").await.expect(200)["user"]["id"].as_str().unwrap().to_owned()
        };
        let (first_id, other_id) = (id(&test.admin).await, id(&other).await);
        let (paths, lose) = ((format!("/users/{first_id}"), format!("/users/{other_id}")), json!({"permissions": []}));
        let (one, two) = tokio::join!(other.patch(&paths.0, lose.clone()), test.admin.patch(&paths.1, lose.clone()));
        let (count,): (i64,) =
            test.app.store.one("SELECT COUNT(*) FROM user_permissions WHERE permission = 'system.admin'", Vec::new()).await.unwrap();
        assert!(count >= 1, "{} {}", one.text, two.text);
        // Whoever is left makes the first one admin again.
        let back = json!({"permissions": ["system.admin"]});
        if test.admin.get("/session").await.expect(200)["permissions"] == json!([]) {
            other.patch(&paths.0, back).await.expect(200);
        }
        test.admin.delete(&paths.1).await.expect(204);
    }
    test.stop().await;
}
