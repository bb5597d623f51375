//! What viewers say on the socket, and the answers that are the same everywhere. Pure.

use serde::Deserialize;
use serde_json::{Value, json};

use super::rules::RulesChange;

/// Longest `ref` of a post, in characters.
const REF_CHARACTERS: usize = 40;
/// Most comments of a page.
const PAGE: u32 = 50;

/// A message of a viewer.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub(super) enum Said {
    /// The first one.
    Hello {
        /// The highest number that the client has taken in.
        #[serde(default)]
        since: Option<i64>,
    },
    /// A comment.
    Post(Post),
    /// Takes a comment away.
    Delete {
        /// Which.
        id: String,
    },
    /// Answers with an emoji, or takes it back.
    React {
        /// To which comment.
        id: String,
        /// With which.
        emoji: String,
        /// Whether it is given, or taken back.
        #[serde(default = "yes")]
        on: bool,
    },
    /// Says how somebody is called.
    Name {
        /// The name.
        name: String,
        /// The telephone number, where the room asks for it.
        #[serde(default)]
        phone: Option<String>,
    },
    /// Asks for older comments.
    More {
        /// Older than this; nothing: the newest.
        #[serde(default)]
        before: Option<String>,
        /// How many at most.
        #[serde(default)]
        limit: Option<u32>,
    },
    /// Asks whether anybody is there.
    Ping,
    /// Lets a comment through.
    Approve {
        /// Which.
        id: String,
    },
    /// Refuses a comment.
    Reject {
        /// Which.
        id: String,
    },
    /// Puts a comment above the others.
    Pin {
        /// Which.
        id: String,
    },
    /// Takes it down again.
    Unpin {
        /// Which.
        id: String,
    },
    /// Keeps somebody from writing.
    Ban(Ban),
    /// Changes the rules.
    Rules(RulesChange),
    /// Asks for what waits.
    Queue {
        /// Older than this; nothing: the newest.
        #[serde(default)]
        before: Option<String>,
        /// How many at most.
        #[serde(default)]
        limit: Option<u32>,
    },
}

/// A comment on its way in.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Post {
    /// The client's own name for it: sent twice, it is kept once.
    #[serde(rename = "ref")]
    pub(super) reference: String,
    /// What it says.
    pub(super) text: String,
    /// How the writer is called, if not said before.
    #[serde(default)]
    pub(super) name: Option<String>,
    /// The writer's telephone number, where the room asks for it.
    #[serde(default)]
    pub(super) phone: Option<String>,
    /// The comment that it answers to.
    #[serde(default)]
    pub(super) reply_to: Option<String>,
    /// A moderator speaks as host.
    #[serde(default)]
    pub(super) as_host: bool,
}

/// Whom to ban, and how. One of comment, viewer and range says whom.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Ban {
    /// The writer of this comment.
    #[serde(default, alias = "comment")]
    pub(super) id: Option<String>,
    /// The viewer with this handle.
    #[serde(default)]
    pub(super) viewer: Option<String>,
    /// Everybody at this address or in this range (CIDR).
    #[serde(default)]
    pub(super) range: Option<String>,
    /// With comment or viewer: everybody at the address that the writer had, without telling it.
    #[serde(default)]
    pub(super) address: bool,
    /// For how long; nothing: for good.
    #[serde(default)]
    pub(super) minutes: Option<i64>,
    /// Without telling them: they go on writing, and nobody reads it.
    #[serde(default)]
    pub(super) quiet: bool,
    /// Why.
    #[serde(default)]
    pub(super) reason: Option<String>,
}

fn yes() -> bool {
    true
}

/// Why a message cannot be acted on: the code of the error that answers it, and a sentence.
pub(super) type Misread = (&'static str, &'static str);

/// Reads a message.
///
/// # Errors
/// `Err(None)` where it is no JSON object with a type at all: the connection is then closed.
pub(super) fn read(text: &str) -> Result<Said, Option<Misread>> {
    let mut value: Value = serde_json::from_str(text).map_err(|_| None)?;
    let kind = value.get("t").and_then(Value::as_str).ok_or(None)?;
    let is_rules = kind == "rules";
    let is_known =
        ["hello", "post", "delete", "react", "name", "more", "ping", "approve", "reject", "pin", "unpin", "ban", "rules", "queue"]
            .contains(&kind);
    if !is_known {
        return Err(Some(("unknown_type", "There is no message of this type.")));
    }
    if is_rules && let Some(fields) = value.as_object_mut() {
        // A change may be sent back as the rules came.
        fields.remove("seq");
    }
    let bad = Some(("bad_message", "A field of this message is missing or is not what it must be."));
    let said: Said = serde_json::from_value(value).map_err(|_| bad)?;
    if has_nul(text) || matches!(&said, Said::Post(post) if !(1..=REF_CHARACTERS).contains(&post.reference.chars().count())) {
        return Err(bad);
    }
    Ok(said)
}

/// U+0000 cannot be kept; it can only be written as an escape in JSON.
fn has_nul(text: &str) -> bool {
    text.contains("\\u0000")
}

/// The reference of a message that could not be acted on, where it has one.
pub(super) fn reference(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    value.get("ref")?.as_str().map(|reference| reference.chars().take(REF_CHARACTERS).collect())
}

/// How many comments a page has.
pub(super) fn page_size(limit: Option<u32>) -> u32 {
    limit.unwrap_or(PAGE).clamp(1, PAGE)
}

/// An error, about a post where it has a reference.
pub(super) fn error(code: &str, detail: &str, reference: Option<&str>) -> String {
    let mut error = json!({ "t": "error", "code": code, "detail": detail });
    if let Some(reference) = reference {
        error["ref"] = json!(reference);
    }
    error.to_string()
}

/// The refusal of what comes too fast.
pub(super) fn too_fast(retry_ms: i64, reference: Option<&str>) -> String {
    let mut error = json!({ "t": "error", "code": "too_fast", "detail": "Not so fast.", "retry_ms": retry_ms });
    if let Some(reference) = reference {
        error["ref"] = json!(reference);
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn messages_are_read() {
        assert!(matches!(read(r#"{"t":"hello"}"#), Ok(Said::Hello { since: None })));
        assert!(matches!(read(r#"{"t":"hello","since":7,"more":1}"#), Ok(Said::Hello { since: Some(7) })));
        assert!(matches!(read(r#"{"t":"ping"}"#), Ok(Said::Ping)));
        assert!(matches!(read(r#"{"t":"react","id":"x","emoji":"👍"}"#), Ok(Said::React { on: true, .. })));
        assert!(matches!(read(r#"{"t":"ban","comment":"x"}"#), Ok(Said::Ban(Ban { id: Some(_), quiet: false, .. }))));
        assert!(matches!(read(r#"{"t":"rules","seq":4,"mode":"closed"}"#), Ok(Said::Rules(RulesChange { mode: Some(_), .. }))));
        let Ok(Said::Post(post)) = read(r#"{"t":"post","ref":"a","text":"hi","reply_to":null}"#) else { panic!() };
        assert_eq!((post.reference.as_str(), post.text.as_str(), post.as_host), ("a", "hi", false));
    }

    #[test]
    fn what_is_none_is_told_apart() {
        for closed in ["", "x", "{", "[]", "7", "{}", r#"{"t":1}"#, &"[".repeat(10_000)] {
            assert!(matches!(read(closed), Err(None)), "{closed}");
        }
        assert!(matches!(read(r#"{"t":"dance"}"#), Err(Some(("unknown_type", _)))));
        let long = format!(r#"{{"t":"post","ref":"{}","text":"x"}}"#, "r".repeat(41));
        for bad in [
            r#"{"t":"post"}"#,
            r#"{"t":"post","ref":"","text":"x"}"#,
            &long,
            r#"{"t":"hello","since":"7"}"#,
            r#"{"t":"delete","id":7}"#,
            r#"{"t":"more","limit":-1}"#,
            r#"{"t":"rules","moode":"open"}"#,
            r#"{"t":"post","ref":"a","text":"a\u0000b"}"#,
        ] {
            assert!(matches!(read(bad), Err(Some(("bad_message", _)))), "{bad}");
        }
        assert_eq!(reference(r#"{"t":"post","ref":"a"}"#).as_deref(), Some("a"));
        assert_eq!(reference(&long).map(|text| text.len()), Some(40));
        assert_eq!((page_size(None), page_size(Some(0)), page_size(Some(7)), page_size(Some(9999))), (50, 1, 7, 50));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in ".{0,200}|\\{\"t\":\"(hello|post|react|ban|rules|more|queue)\",.{0,100}\\}") {
            let _ = (read(&text), reference(&text));
        }

        #[test]
        fn any_values_in_any_fields(kind in 0..14_usize, field in 0..8_usize, value in any::<i64>(), text in ".{0,30}") {
            let kind = ["hello", "post", "delete", "react", "name", "more", "ping", "approve", "reject", "pin", "unpin", "ban", "rules", "queue"][kind];
            let field = ["since", "ref", "text", "id", "limit", "minutes", "before", "words"][field];
            for value in [json!(value), json!(text), json!(null), json!([text]), json!({"a": text}), json!(1e300)] {
                let _ = read(&json!({ "t": kind, field: value }).to_string());
            }
        }
    }
}
