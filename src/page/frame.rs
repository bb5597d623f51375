//! What all pages share: the head, the header, the messages.

use askama::Template;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::language::Language;
use super::visit::Visit;
use crate::http::assets::{Assets, AssetsError, Bundle};
use crate::room::Room;
use crate::room::look::Accent;

/// Without built scripts and styles there is no page, only the answer that says so.
#[derive(Debug)]
pub(super) struct NoPages(&'static AssetsError);

impl IntoResponse for NoPages {
    fn into_response(self) -> Response {
        tracing::error!(error = %self.0, "no page can be shown");
        (StatusCode::SERVICE_UNAVAILABLE, format!("Bluecast: {}.\n", self.0)).into_response()
    }
}

/// A language in the menu.
pub(super) struct Choice {
    /// As in `lang`.
    pub(super) code: &'static str,
    /// What it calls itself.
    pub(super) name: &'static str,
    /// This page in it.
    pub(super) href: String,
    /// Whether the page is in it.
    pub(super) current: bool,
}

/// The part of a page that is around its content: `page` in the templates.
pub(super) struct Frame {
    language: Language,
    cookie: Option<HeaderValue>,
    /// The language, as in `lang`.
    pub(super) lang: &'static str,
    /// The language, on the menu's button.
    pub(super) lang_short: &'static str,
    /// `light`, `dark` or nothing.
    pub(super) theme: &'static str,
    /// The window's title.
    pub(super) title: String,
    /// The menu of languages.
    pub(super) languages: Vec<Choice>,
    /// Whether somebody is logged in.
    pub(super) signed_in: bool,
    /// Which page this is.
    pub(super) here: &'static str,
    /// Style sheets.
    pub(super) styles: Vec<String>,
    /// Scripts.
    pub(super) scripts: Vec<String>,
    /// What the scripts will ask for.
    pub(super) preloads: Vec<String>,
    /// The colour of what can be pressed; nothing: our own.
    pub(super) accent: &'static str,
    /// Whether search engines are asked to look away.
    pub(super) unlisted: bool,
}

impl Frame {
    /// The frame of the page `here`, whose island is the entry of the same name where `entry` names one.
    pub(super) fn new(visit: &Visit, here: &'static str, entry: Option<&'static str>, title: Option<&str>) -> Result<Self, NoPages> {
        let assets = Assets::get().map_err(NoPages)?;
        let language = visit.language;
        let entries: Vec<&str> = std::iter::once("site").chain(entry).collect();
        let Bundle { styles, scripts, preloads } = assets.bundle(&entries, language.code());
        let languages = Language::ALL.into_iter().map(|choice| Choice {
            code: choice.code(),
            name: choice.name(),
            href: visit.in_language(choice),
            current: choice == language,
        });
        Ok(Self {
            language,
            cookie: visit.language_cookie(),
            lang: language.code(),
            lang_short: language.short(),
            theme: visit.theme,
            title: title.map_or_else(|| "Bluecast".to_owned(), |title| format!("{title} · Bluecast")),
            languages: languages.collect(),
            signed_in: visit.caller.is_some(),
            here,
            styles,
            scripts,
            preloads,
            accent: "",
            unlisted: false,
        })
    }

    /// The same page with a script more, and what that brings.
    #[must_use]
    pub(super) fn with_script(mut self, entry: &'static str) -> Self {
        // It was there a moment ago.
        let Ok(assets) = Assets::get() else { return self };
        let Bundle { styles, scripts, .. } = assets.bundle(&[entry], "");
        let add = |list: &mut Vec<String>, more: Vec<String>| {
            for one in more {
                if !list.contains(&one) {
                    list.push(one);
                }
            }
        };
        add(&mut self.styles, styles);
        add(&mut self.scripts, scripts);
        self
    }

    /// The same page in the look of a room.
    #[must_use]
    pub(super) fn of_room(mut self, room: &Room) -> Self {
        self.accent = if room.accent == Accent::default() { "" } else { room.accent.word() };
        self.unlisted = !room.is_indexed();
        self
    }

    /// A message in the visitor's language.
    pub(super) fn t(&self, key: &'static str) -> &'static str {
        self.language.message(key)
    }
}

/// Renders a page. Pages differ by cookie and are read anew each time; what they load is kept for ever.
pub(super) fn answer(status: StatusCode, template: &impl Template, frame: &Frame) -> Response {
    let html = match template.render() {
        Ok(html) => html,
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            return (StatusCode::INTERNAL_SERVER_ERROR, "Bluecast: the page could not be rendered.\n").into_response();
        }
    };
    let headers: [(HeaderName, &str); 2] = [(header::CACHE_CONTROL, "no-store"), (header::VARY, "cookie, accept-language")];
    let mut response = (status, headers, Html(html)).into_response();
    if let Some(cookie) = &frame.cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie.clone());
    }
    response
}
