//! Who visits a page, and how they like it.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use url::form_urlencoded;
use uuid::Uuid;

use super::language::Language;
use crate::account::{Caller, authenticate};
use crate::app::App;
use crate::http::cookie;
use crate::room::{Room, Visitor, viewer};

/// A visit to a page.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    /// What they read.
    pub(super) language: Language,
    /// Whether they have said so, and not only their browser.
    pub(super) has_said: bool,
    /// Whether the address asked for that language, which is then remembered.
    pub(super) chose_language: bool,
    /// `light`, `dark`, or nothing: as the device is set.
    pub(super) theme: &'static str,
    /// The path of the page.
    pub(super) path: String,
    /// Who is logged in.
    pub(super) caller: Option<Caller>,
    viewer_id: Option<Uuid>,
    query: Vec<(String, String)>,
}

impl Visit {
    /// What the address says about `name`.
    pub(super) fn asked(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Who this is to a room.
    pub(super) fn visitor(&self) -> Visitor {
        Visitor { viewer_id: self.viewer_id, caller: self.caller.clone() }
    }

    /// The same visit to a room, whose own language counts for those who have said nothing.
    pub(super) fn to_room(&self, room: &Room) -> Self {
        let language = room.language.as_deref().and_then(Language::of_tag).filter(|_| !self.has_said);
        Self { language: language.unwrap_or(self.language), ..self.clone() }
    }

    /// This page in another language.
    pub(super) fn in_language(&self, language: Language) -> String {
        let kept = self.query.iter().filter(|(name, _)| name != "lang");
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).append_pair("lang", language.code()).finish();
        format!("{}?{query}", self.path)
    }

    /// The header that remembers a chosen language.
    pub(super) fn language_cookie(&self) -> Option<HeaderValue> {
        let text = format!("lang={}; Path=/; Max-Age=31536000; SameSite=Lax", self.language.code());
        self.chose_language.then(|| HeaderValue::from_str(&text).ok()).flatten()
    }
}

impl FromRequestParts<App> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let query: Vec<(String, String)> = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
            .take(16)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        let chosen = query.iter().find(|(name, _)| name == "lang").and_then(|(_, tag)| Language::of_tag(tag));
        let remembered = || cookie::named(&parts.headers, "lang").and_then(Language::of_tag);
        let said = chosen.or_else(remembered);
        let preferred = || parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).and_then(Language::of_header);
        let language = said.or_else(preferred).unwrap_or_default();
        let theme = match cookie::named(&parts.headers, "theme") {
            Some("light") => "light",
            Some("dark") => "dark",
            _ => "",
        };
        let path = parts.uri.path().to_owned();
        let caller = authenticate(parts, app).await.unwrap_or_else(|problem| {
            // A page for everybody is shown all the same; one that needs a login then asks for it.
            tracing::warn!(?problem, "a visitor could not be recognised");
            None
        });
        let viewer_id = viewer::read(&parts.headers, app);
        Ok(Self { language, has_said: said.is_some(), chose_language: chosen.is_some(), theme, path, caller, viewer_id, query })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_language_keeps_the_rest_of_the_address() {
        let visit = Visit {
            language: Language::Hindi,
            has_said: true,
            chose_language: true,
            theme: "",
            path: "/login".to_owned(),
            caller: None,
            viewer_id: None,
            query: vec![("next".to_owned(), "/admin?a=b&c".to_owned()), ("lang".to_owned(), "hi".to_owned())],
        };
        assert_eq!(visit.in_language(Language::German), "/login?next=%2Fadmin%3Fa%3Db%26c&lang=de");
        assert_eq!(visit.asked("next"), Some("/admin?a=b&c"));
        assert!(visit.language_cookie().unwrap().to_str().unwrap().starts_with("lang=hi;"));
    }
}
