//! What a browser tells without being asked, folded into what we need to know of it. Pure: nothing queues up here.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::super::mask::mask;

/// Console lines kept.
const LINES: usize = 100;
/// Longest line kept, in characters.
const LINE_CHARS: usize = 500;

/// Windows remembered; a page that opens more has them closed once.
const STRAYS: usize = 32;

/// A request that an event calls for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reaction {
    pub(super) session: Option<String>,
    pub(super) method: &'static str,
    pub(super) params: Value,
}

/// What is known of the page.
#[derive(Debug, Default)]
pub(in super::super) struct Watch {
    /// The page that is ours; other pages are closed.
    page: Option<String>,
    /// The session with it.
    session: Option<String>,
    crashed: bool,
    popups: u64,
    /// Pages that are not ours and not closed yet.
    strays: Vec<String>,
    console: VecDeque<String>,
}

impl Watch {
    /// From now on this page is ours.
    pub(super) fn own(&mut self, page: &str, session: &str) {
        self.page = Some(page.to_owned());
        self.session = Some(session.to_owned());
    }

    /// Whether the page's renderer crashed, or the page was closed.
    pub(in super::super) fn has_crashed(&self) -> bool {
        self.crashed
    }

    /// How many windows were closed that the page had opened.
    pub(in super::super) fn popups(&self) -> u64 {
        self.popups
    }

    /// Windows that are still there though they were to be closed.
    pub(in super::super) fn strays(&self) -> Vec<String> {
        self.strays.clone()
    }

    /// The last console lines, oldest first, secrets masked.
    pub(in super::super) fn console(&self) -> Vec<String> {
        self.console.iter().cloned().collect()
    }

    /// Takes an event; says what is to be done about it.
    pub(super) fn event(&mut self, method: &str, session: Option<&str>, params: &Value) -> Vec<Reaction> {
        let of_page = session.is_some() && session == self.session.as_deref();
        let answer = |method, params| vec![Reaction { session: session.map(str::to_owned), method, params }];
        match method {
            "Inspector.targetCrashed" => self.crashed |= of_page,
            "Target.targetCrashed" | "Target.targetDestroyed" => {
                self.strays.retain(|stray| params["targetId"] != stray.as_str());
                self.crashed |= self.page.is_some() && params["targetId"].as_str() == self.page.as_deref();
            }
            "Target.targetCreated" => {
                let info = &params["targetInfo"];
                let id = info["targetId"].as_str();
                if info["type"] == "page" && self.page.is_some() && id != self.page.as_deref() {
                    self.popups += 1;
                    if let Some(id) = id
                        && self.strays.len() < STRAYS
                    {
                        self.strays.push(id.to_owned());
                    }
                    return vec![Reaction { session: None, method: "Target.closeTarget", params: json!({ "targetId": id }) }];
                }
            }
            "Page.javascriptDialogOpening" => {
                // Leaving a page is never refused; nothing else is agreed to.
                let leave = params["type"] == "beforeunload";
                self.line("dialog", params["message"].as_str().unwrap_or_default());
                return answer("Page.handleJavaScriptDialog", json!({ "accept": leave }));
            }
            "Runtime.consoleAPICalled" => {
                let empty = Vec::new();
                let parts = params["args"].as_array().unwrap_or(&empty).iter().take(8);
                let text: Vec<String> = parts.map(|part| part["value"].as_str().map_or_else(|| described(part), str::to_owned)).collect();
                self.line(params["type"].as_str().unwrap_or("log"), &text.join(" "));
            }
            "Runtime.exceptionThrown" => {
                let details = &params["exceptionDetails"];
                let text = details["exception"]["description"].as_str().or(details["text"].as_str()).unwrap_or_default();
                self.line("exception", text);
            }
            "Log.entryAdded" => {
                let entry = &params["entry"];
                let text = entry["text"].as_str().unwrap_or_default();
                let url = entry["url"].as_str().unwrap_or_default();
                self.line(entry["level"].as_str().unwrap_or("log"), &format!("{text} {url}"));
            }
            _ => {}
        }
        Vec::new()
    }

    fn line(&mut self, level: &str, text: &str) {
        let text: String = text.chars().take(LINE_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
        if self.console.len() == LINES {
            self.console.pop_front();
        }
        self.console.push_back(format!("{level}: {}", mask(text.trim_end())));
    }
}

fn described(part: &Value) -> String {
    match (&part["value"], part["description"].as_str()) {
        (Value::Null, Some(description)) => description.to_owned(),
        (value, _) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watching() -> Watch {
        let mut watch = Watch::default();
        watch.own("P", "S");
        watch
    }

    #[test]
    fn only_our_pages_crash_counts() {
        for (method, session, params, crashed) in [
            ("Inspector.targetCrashed", Some("S"), json!({}), true),
            ("Inspector.targetCrashed", Some("other"), json!({}), false),
            ("Inspector.targetCrashed", None, json!({}), false),
            ("Target.targetCrashed", None, json!({ "targetId": "P" }), true),
            ("Target.targetCrashed", None, json!({ "targetId": "worker" }), false),
            ("Target.targetDestroyed", None, json!({ "targetId": "P" }), true),
            ("Target.targetDestroyed", None, json!({}), false),
        ] {
            let mut watch = watching();
            watch.event(method, session, &params);
            assert_eq!(watch.has_crashed(), crashed, "{method} {params}");
        }
    }

    #[test]
    fn other_windows_are_closed() {
        let mut watch = watching();
        let close = watch.event("Target.targetCreated", None, &json!({ "targetInfo": { "targetId": "X", "type": "page" } }));
        assert_eq!(close, [Reaction { session: None, method: "Target.closeTarget", params: json!({ "targetId": "X" }) }]);
        assert!(watch.event("Target.targetCreated", None, &json!({ "targetInfo": { "targetId": "P", "type": "page" } })).is_empty());
        assert!(watch.event("Target.targetCreated", None, &json!({ "targetInfo": { "targetId": "W", "type": "worker" } })).is_empty());
        assert_eq!((watch.popups(), watch.strays()), (1, vec!["X".to_owned()]));
        watch.event("Target.targetDestroyed", None, &json!({ "targetId": "X" }));
        assert!(watch.strays().is_empty() && !watch.has_crashed());
    }

    #[test]
    fn dialogs_are_dismissed_but_leaving_is_allowed() {
        for (kind, accept) in [("alert", false), ("confirm", false), ("prompt", false), ("beforeunload", true)] {
            let reactions = watching().event("Page.javascriptDialogOpening", Some("S"), &json!({ "type": kind, "message": "?" }));
            assert_eq!(reactions[0].params, json!({ "accept": accept }), "{kind}");
            assert_eq!(reactions[0].session.as_deref(), Some("S"));
        }
    }

    #[test]
    fn the_console_is_kept_short_and_without_secrets() {
        let mut watch = watching();
        for n in 0..150 {
            let args = json!([{ "value": format!("line {n}\nsessionToken=abc") }, { "value": 7 }, { "description": "Error: no" }]);
            watch.event("Runtime.consoleAPICalled", Some("S"), &json!({ "type": "error", "args": args }));
        }
        watch.event("Log.entryAdded", Some("S"), &json!({ "entry": { "level": "error", "text": "404", "url": "https://b/?checksum=ff" } }));
        watch.event("Runtime.consoleAPICalled", Some("S"), &json!({ "type": "log", "args": [{ "value": "x".repeat(9000) }] }));
        let console = watch.console();
        assert_eq!(console.len(), 100);
        assert_eq!(console[97], "error: line 149 sessionToken=… 7 Error: no");
        assert_eq!(console[98], "error: 404 https://b/?checksum=…");
        assert!(console[99].len() < 600);
    }

    #[test]
    fn senseless_events_are_taken() {
        for params in [json!(null), json!([]), json!({ "targetInfo": 3, "args": {}, "entry": [] }), json!("x")] {
            for method in ["Target.targetCreated", "Runtime.consoleAPICalled", "Log.entryAdded", "Runtime.exceptionThrown", "no such"] {
                watching().event(method, Some("S"), &params);
            }
        }
    }
}
