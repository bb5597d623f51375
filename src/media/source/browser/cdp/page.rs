//! The one page of a browser.

use std::time::Duration;

use base64::Engine;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Cdp, CdpError};
use crate::secret::Secret;

const SHORT: Duration = Duration::from_secs(5);

/// A session with the page that the browser opened at its start.
#[derive(Clone)]
pub(in super::super) struct Page {
    cdp: Cdp,
    session: String,
    frame: String,
}

impl Page {
    /// Finds the page and has its life, its console and other windows reported. `deadline` is for the browser to come up.
    pub(in super::super) async fn attach(cdp: Cdp, deadline: Duration) -> Result<Self, CdpError> {
        let targets = cdp.call(None, "Target.getTargets", json!({}), deadline).await?;
        let pages = targets["targetInfos"].as_array().into_iter().flatten();
        let page = pages.filter(|target| target["type"] == "page").find_map(|target| target["targetId"].as_str());
        let page = match page {
            Some(page) => page.to_owned(),
            None => text(&cdp.call(None, "Target.createTarget", json!({ "url": "about:blank" }), deadline).await?["targetId"]),
        };
        let attach = json!({ "targetId": page, "flatten": true });
        let session = text(&cdp.call(None, "Target.attachToTarget", attach, deadline).await?["sessionId"]);
        cdp.watched(|watch| watch.own(&page, &session));
        let page = Self { cdp, session, frame: page };
        page.cdp.call(None, "Target.setDiscoverTargets", json!({ "discover": true }), SHORT).await?;
        for method in ["Page.enable", "Runtime.enable", "Log.enable", "Inspector.enable"] {
            page.call(method, json!({})).await?;
        }
        let deny = json!({ "behavior": "deny" });
        page.cdp.call(None, "Browser.setDownloadBehavior", deny, SHORT).await?;
        // Grants these and refuses all others. The microphone is silence.
        let grant = json!({ "permissions": ["audioCapture"] });
        page.cdp.call(None, "Browser.grantPermissions", grant, SHORT).await?;
        Ok(page)
    }

    /// Goes to an address. `Ok(Some(reason))` where it could not be loaded; the reason holds no address.
    pub(in super::super) async fn navigate(&self, url: &Secret, deadline: Duration) -> Result<Option<String>, CdpError> {
        let params = json!({ "url": url.reveal(), "frameId": self.frame });
        let answer = self.cdp.call(Some(&self.session), "Page.navigate", params, deadline).await?;
        Ok(answer["errorText"].as_str().map(str::to_owned))
    }

    /// Runs a script as if a person had asked for it, and takes its value.
    pub(in super::super) async fn run<T: DeserializeOwned>(&self, script: &str, deadline: Duration) -> Result<T, CdpError> {
        const METHOD: &str = "Runtime.evaluate";
        let params = json!({ "expression": script, "returnByValue": true, "userGesture": true, "awaitPromise": false });
        let mut answer = self.cdp.call(Some(&self.session), METHOD, params, deadline).await?;
        if let Some(text) = answer["exceptionDetails"]["exception"]["description"].as_str() {
            return Err(CdpError::Refused(METHOD, text.chars().take(200).collect()));
        }
        serde_json::from_value(answer["result"]["value"].take()).map_err(|error| CdpError::Refused(METHOD, error.to_string()))
    }

    /// What it shows, as JPEG.
    pub(in super::super) async fn screenshot(&self) -> Result<Vec<u8>, CdpError> {
        const METHOD: &str = "Page.captureScreenshot";
        let params = json!({ "format": "jpeg", "quality": 70 });
        let answer = self.cdp.call(Some(&self.session), METHOD, params, Duration::from_secs(3)).await?;
        let picture = base64::engine::general_purpose::STANDARD.decode(text(&answer["data"]));
        picture.map_err(|error| CdpError::Refused(METHOD, error.to_string()))
    }

    /// The browser it belongs to.
    pub(in super::super) fn cdp(&self) -> &Cdp {
        &self.cdp
    }

    async fn call(&self, method: &'static str, params: Value) -> Result<Value, CdpError> {
        self.cdp.call(Some(&self.session), method, params, SHORT).await
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
