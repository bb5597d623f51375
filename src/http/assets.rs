//! Scripts and styles that `make web` built: in the program itself, or read from `web/dist` in a debug build.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::RustEmbed;
use serde::Deserialize;

use crate::app::App;

#[derive(RustEmbed)]
#[folder = "web/dist/"]
#[allow_missing = true]
struct Dist;

/// The mark, under an address that browsers ask for without being told.
const MARK: &[u8] = include_bytes!("../../web/src/mark.svg");
/// Entries of pages for viewers, which load fewer messages (`web/src/messages.ts`).
const FOR_VIEWERS: [&str; 2] = ["watch", "talk"];
/// Names hold a hash of their content, so what has a name never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Why there are no pages.
#[derive(Debug, thiserror::Error)]
pub enum AssetsError {
    /// Nothing was built.
    #[error("the pages are not built; run `make web` and start again")]
    Missing,
    /// What was built cannot be read.
    #[error("web/dist/manifest.json cannot be read ({0}); run `make web` and start again")]
    Manifest(#[from] serde_json::Error),
}

/// A piece of the manifest, as far as we read it.
#[derive(Debug, Deserialize)]
struct Chunk {
    file: String,
    #[serde(default)]
    css: Vec<String>,
    #[serde(default)]
    imports: Vec<String>,
}

/// What a page loads: addresses in the order in which they are needed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// Style sheets.
    pub styles: Vec<String>,
    /// Modules to run.
    pub scripts: Vec<String>,
    /// Modules that those will ask for.
    pub preloads: Vec<String>,
}

/// What was built, by the name of its source.
#[derive(Debug)]
pub struct Assets(BTreeMap<String, Chunk>);

impl Assets {
    /// What this program serves, found once.
    pub fn get() -> Result<&'static Self, &'static AssetsError> {
        static FOUND: LazyLock<Result<Assets, AssetsError>> = LazyLock::new(|| {
            let manifest = Dist::get("manifest.json").ok_or(AssetsError::Missing)?;
            Assets::read(&manifest.data)
        });
        FOUND.as_ref()
    }

    fn read(manifest: &[u8]) -> Result<Self, AssetsError> {
        Ok(Self(serde_json::from_slice(manifest)?))
    }

    /// What a page with these entries (`login` for `src/entry/login.ts`) loads, with the messages in `language` where it shows any.
    pub fn bundle(&self, entries: &[&str], language: &str) -> Bundle {
        let mut bundle = Bundle::default();
        let mut seen = BTreeSet::new();
        for entry in entries {
            self.add(&format!("src/entry/{entry}.ts"), true, &mut bundle, &mut seen);
        }
        if entries.iter().any(|entry| *entry != "site") {
            let which = if entries.iter().any(|entry| FOR_VIEWERS.contains(entry)) { "?viewer" } else { "" };
            self.add(&format!("locales/{language}.json{which}"), false, &mut bundle, &mut seen);
        }
        bundle
    }

    fn add<'a>(&'a self, name: &'a str, runs: bool, bundle: &mut Bundle, seen: &mut BTreeSet<String>) {
        let Some(chunk) = self.0.get(name).filter(|_| seen.insert(name.to_owned())) else { return };
        // What is imported stands first, as its styles are meant to be overridden.
        for import in &chunk.imports {
            self.add(import, false, bundle, seen);
        }
        bundle.styles.extend(chunk.css.iter().map(|file| address(file)));
        if runs { &mut bundle.scripts } else { &mut bundle.preloads }.push(address(&chunk.file));
    }
}

fn address(file: &str) -> String {
    format!("/assets/{file}")
}

/// `/assets/…` and the mark.
pub fn routes() -> Router<App> {
    Router::new().route("/assets/{name}", get(serve)).route("/favicon.svg", get(mark))
}

async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(kind) = content_type(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    for (coding, ending) in [("br", ".br"), ("gzip", ".gz")] {
        if accepts(accepted, coding)
            && let Some(file) = Dist::get(&format!("{name}{ending}"))
        {
            return answer(file.data.into_owned(), kind, Some(coding));
        }
    }
    match Dist::get(&name) {
        Some(file) => answer(file.data.into_owned(), kind, None),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn answer(bytes: Vec<u8>, kind: &'static str, coding: Option<&'static str>) -> Response {
    let fixed: [(HeaderName, &str); 3] =
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, FOR_EVER), (header::VARY, "accept-encoding")];
    let mut response = (fixed, bytes).into_response();
    if let Some(coding) = coding {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

async fn mark() -> Response {
    ([(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "public, max-age=86400")], MARK).into_response()
}

/// Only what pages load is served: not the manifest, nor a compressed file by its own name.
fn content_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

/// Whether a coding is accepted: named, and not with a quality of zero.
pub(crate) fn accepts(header: &str, coding: &str) -> bool {
    header.split(',').any(|part| {
        let mut pieces = part.split(';').map(str::trim);
        let named = pieces.next().is_some_and(|name| name.eq_ignore_ascii_case(coding));
        named && !pieces.any(|piece| piece.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).is_some_and(|q| q <= 0.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &[u8] = br#"{
        "src/entry/site.ts": {"file": "site-1.js", "css": ["site-1.css"], "isEntry": true},
        "src/entry/login.ts": {"file": "login-1.js", "imports": ["_island.js", "_notice.js"], "dynamicImports": ["locales/hi.json"]},
        "_island.js": {"file": "island-1.js"},
        "_notice.js": {"file": "notice-1.js", "css": ["notice-1.css"], "imports": ["_island.js"]},
        "src/entry/talk.ts": {"file": "talk-1.js", "imports": ["_island.js"]},
        "locales/hi.json": {"file": "hi-1.js", "isDynamicEntry": true},
        "locales/hi.json?viewer": {"file": "hi-2.js", "isDynamicEntry": true}
    }"#;

    #[test]
    fn a_page_loads_what_its_entries_need_once_and_its_language() {
        let bundle = Assets::read(MANIFEST).unwrap().bundle(&["site", "login"], "hi");
        assert_eq!(bundle.scripts, ["/assets/site-1.js", "/assets/login-1.js"]);
        assert_eq!(bundle.styles, ["/assets/site-1.css", "/assets/notice-1.css"]);
        assert_eq!(bundle.preloads, ["/assets/island-1.js", "/assets/notice-1.js", "/assets/hi-1.js"]);
    }

    #[test]
    fn a_viewers_page_loads_the_viewers_messages() {
        let bundle = Assets::read(MANIFEST).unwrap().bundle(&["site", "talk"], "hi");
        assert_eq!(bundle.preloads, ["/assets/island-1.js", "/assets/hi-2.js"]);
    }

    #[test]
    fn a_page_without_islands_loads_no_messages() {
        let bundle = Assets::read(MANIFEST).unwrap().bundle(&["site"], "hi");
        assert_eq!((bundle.scripts.len(), bundle.preloads.len()), (1, 0));
    }

    #[test]
    fn a_broken_manifest_is_said() {
        assert!(Assets::read(b"<html>").unwrap_err().to_string().contains("make web"));
    }

    #[test]
    fn codings_are_taken_as_the_browser_says() {
        assert!(accepts("gzip, deflate, br", "br"));
        assert!(accepts("BR;q=0.5", "br"));
        assert!(!accepts("br;q=0, gzip", "br"));
        assert!(!accepts("brotli", "br"));
        assert!(!accepts("", "gzip"));
    }

    #[test]
    fn only_what_pages_load_has_a_type() {
        assert!(content_type("site-1.js").is_some());
        assert!(["manifest.json", "site-1.js.br", "noending"].iter().all(|name| content_type(name).is_none()));
    }
}
