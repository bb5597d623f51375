//! The pages in a real Chromium. The steps are in `web/e2e`: `mocked` for every state and look, `real` against the program itself.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::support::app::{PASSWORD, TestApp};

/// Runs Playwright with one of its configurations and shows what it printed where it failed.
pub(super) async fn playwright(config: &str, environment: &[(&str, &str)]) {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
    let runner = web.join("node_modules/.bin/playwright");
    assert!(runner.exists(), "the npm packages are not installed: run scripts/web-build");
    let mut command = Command::new(runner);
    command.current_dir(&web).args(["test", "--config", config]).envs(environment.iter().copied());
    let child =
        command.env("FORCE_COLOR", "0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn();
    let output = tokio::time::timeout(Duration::from_mins(20), child.unwrap().wait_with_output());
    let output = output.await.expect("the pages' tests end within twenty minutes").unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(" passed"), "no test ran:\n{said}");
    for measured in said.lines().filter(|line| line.starts_with("measured:")) {
        eprintln!("{measured}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_puts_the_test_picture_on_the_air() {
    let app = TestApp::start().await;
    let url = format!("http://{}", app.address);
    playwright("e2e/playwright.real.config.ts", &[("BLUECAST_URL", &url), ("BLUECAST_USER", "admin"), ("BLUECAST_PASSWORD", PASSWORD)])
        .await;
    app.stop().await;
}

#[tokio::test]
async fn every_page_in_every_state() {
    playwright("e2e/playwright.config.ts", &[]).await;
}
