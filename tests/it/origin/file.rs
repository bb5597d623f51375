//! Origins from a file.

use bluecast::app::Running;
use bluecast::origin::{ProvisionError, provision};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::app::{BOTH, On, TestApp, settings};

const FILE: &str = r#"
[[origin]]
name = "Cellar"
app = "app"
vhost = "live"
whip_url = "http://ome.example.org:3333"
srt_url = "srt://ome.example.org:9999"
api_url = "http://ome.example.org:8081"
api_token = "${CELLAR_TOKEN}"
playback = { webrtc = "wss://edge.example.org/{app}/{name}", llhls = "https://edge.example.org/{app}/{name}/llhls.m3u8" }
edges = ["http://edge-1.example.org:8081", "http://edge-2.example.org:8081"]
"#;

fn variable(name: &str) -> Option<String> {
    (name == "CELLAR_TOKEN").then(|| "klopfer".to_owned())
}

async fn apply(test: &TestApp, text: &str) -> Result<usize, ProvisionError> {
    let path = test.data.path().join("origins.toml");
    std::fs::write(&path, text).unwrap();
    provision(&test.app.store, &test.app.vault, &path, variable).await
}

async fn origins(test: &TestApp) -> Vec<Value> {
    test.admin.get("/origins").await.expect(200)["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_file_makes_changes_and_leaves_alone_by_name() {
    for on in BOTH {
        let test = TestApp::start_on(on).await;
        let own = json!({ "name": "Attic", "app": "app", "srt_url": "srt://attic.example.org:9999" });
        let own = test.admin.post("/origins", own).await.expect(201);
        assert_eq!(apply(&test, FILE).await.unwrap(), 1);
        let all = origins(&test).await;
        let made = all.iter().find(|origin| origin["name"] == "Cellar").unwrap().clone();
        assert_eq!((&made["vhost"], &made["has_api_token"], made["edges"].as_array().unwrap().len()), (&json!("live"), &json!(true), 2));
        assert_eq!((&made["edges"][0]["name"], &made["edges"][0]["has_api_token"]), (&json!("edge-1.example.org:8081"), &json!(true)));
        let origin = bluecast::origin::find(&test.app.store, made["id"].as_str().unwrap()).await.unwrap().unwrap();
        assert_eq!(origin.api_token(&test.app.vault).unwrap().unwrap().reveal(), "klopfer");
        let activity = test.admin.get("/activity?limit=1").await.expect(200)["items"][0].clone();
        assert_eq!((&activity["action"], &activity["user"]), (&json!("origin.create"), &json!("settings")));

        // Twice is once.
        assert_eq!(apply(&test, FILE).await.unwrap(), 0);
        assert_eq!(origins(&test).await, all);
        assert_eq!(test.admin.get("/activity?limit=1").await.expect(200)["items"][0], activity);

        // What somebody changed by hand, and what the file says no more, is as the file says.
        let path = format!("/origins/{}", made["id"].as_str().unwrap());
        test.admin.patch(&path, json!({ "name": "CELLAR", "rtmp_url": "rtmp://ome.example.org" })).await.expect(200);
        assert_eq!(apply(&test, &FILE.replace("api_token", "#").replace("edges =", "#")).await.unwrap(), 1);
        let now = test.admin.get(&path).await.expect(200);
        assert_eq!(
            (&now["name"], &now["rtmp_url"], &now["has_api_token"], &now["edges"]),
            (&json!("Cellar"), &Value::Null, &json!(false), &json!([]))
        );
        assert_eq!(now["created_at"], made["created_at"]);
        assert_eq!(test.admin.get(&format!("/origins/{}", own["id"].as_str().unwrap())).await.expect(200), own);
        test.stop().await;
    }
}

#[tokio::test]
async fn what_is_wrong_in_a_file_changes_nothing_and_stops_the_start_with_a_sentence() {
    let test = TestApp::start().await;
    let second = |more: &str| format!("{FILE}\n[[origin]]\nname = \"Attic\"\napp = \"app\"\n{more}");
    for (text, part) in [
        (second(""), "“Attic”: An origin needs at least one of"),
        (second("srt_url = \"http://klopfer\""), "“Attic”: `srt_url` must be an address"),
        (second("srt_url = \"srt://a:9\"\nwip_url = \"x\""), "`wip_url`"),
        (second("srt_url = \"srt://a:9\"\napi_token = \"${NOWHERE}\""), "${NOWHERE}"),
        ("[[origin]".to_owned(), "line 1"),
    ] {
        let error = apply(&test, &text).await.unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains("klopfer"), "{error}");
        assert_eq!(origins(&test).await, Vec::<Value>::new(), "{error}");
    }
    test.stop().await;

    let data = TempDir::new().unwrap();
    let path = data.path().join("origins.toml");
    std::fs::write(&path, FILE).unwrap();
    let wrong = settings(On::Sqlite, &data, &[("BLUECAST_ORIGINS_FILE", path.to_str().unwrap())]).await;
    let Err(error) = Running::start(wrong.clone()).await else { panic!("it started") };
    assert!(error.to_string().contains("${CELLAR_TOKEN}") && error.to_string().contains("BLUECAST_ORIGINS_FILE"), "{error}");
    // Every process has a PATH.
    std::fs::write(&path, FILE.replace("CELLAR_TOKEN", "PATH")).unwrap();
    let test = TestApp::start_in(data, wrong).await;
    assert_eq!(origins(&test).await[0]["has_api_token"], true);
    test.stop().await;
}
