//! How somebody enters a meeting.

use super::answer::{Generation, Role};
use super::query::Query;

/// Hides what would lie over the picture: toasts, polls, the presentation's toolbar and buttons, controls of outer videos.
pub const DEFAULT_CSS: &str = ":root{--color-background:#000;--color-content-background:#000;--loader-bg:#000}\
body{background:#000!important}\
.Toastify,[data-test=\"toastContainer\"],aside[data-test=\"pollingContainer\"],#presentationToolbarWrapper,\
[data-test=\"videoPlayer\"]>div:nth-child(2),[data-test=\"minimizePresentation\"],[data-test=\"restorePresentation\"],\
[data-test=\"presentationFullscreenButton\"],[data-test=\"emojiRain\"]{display:none!important}";

/// What of the meeting the page shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// Slides or screen, and cameras; no lists, chat or bars.
    #[default]
    MediaOnly,
    /// Cameras.
    CamerasOnly,
    /// Slides or screen.
    PresentationOnly,
    /// The people and the chat.
    ParticipantsAndChatOnly,
    /// BBB's default for people.
    Custom,
    /// BBB decides by what happens.
    Smart,
    /// Slides large, cameras small.
    PresentationFocus,
    /// Cameras large, slides small.
    VideoFocus,
}

impl Layout {
    /// 3.0's `enforceLayout`, which pins the layout whatever the presenter does.
    fn enforced(self) -> &'static str {
        match self {
            Self::MediaOnly => "MEDIA_ONLY",
            Self::CamerasOnly => "CAMERAS_ONLY",
            Self::PresentationOnly => "PRESENTATION_ONLY",
            Self::ParticipantsAndChatOnly => "PARTICIPANTS_AND_CHAT_ONLY",
            Self::Custom => "CUSTOM_LAYOUT",
            Self::Smart => "SMART_LAYOUT",
            Self::PresentationFocus => "PRESENTATION_FOCUS",
            Self::VideoFocus => "VIDEO_FOCUS",
        }
    }

    /// 2.7's `defaultLayout`, the nearest of its four.
    fn default_of_v2(self) -> &'static str {
        match self {
            Self::MediaOnly | Self::Smart => "SMART_LAYOUT",
            Self::CamerasOnly | Self::VideoFocus => "VIDEO_FOCUS",
            Self::PresentationOnly | Self::PresentationFocus => "PRESENTATION_FOCUS",
            Self::ParticipantsAndChatOnly | Self::Custom => "CUSTOM_LAYOUT",
        }
    }
}

/// Who enters which meeting, and what their page is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinParams {
    meeting_id: String,
    name: String,
    role: Role,
    user_id: Option<String>,
    created_ms: Option<i64>,
    bot: Option<Bot>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Bot {
    layout: Layout,
    locale: String,
    css: String,
}

impl JoinParams {
    /// A person, with BBB's page as it is.
    pub fn person(meeting_id: impl Into<String>, name: impl Into<String>, role: Role) -> Self {
        Self { meeting_id: meeting_id.into(), name: name.into(), role, user_id: None, created_ms: None, bot: None }
    }

    /// The bot: a viewer whose page shows the media alone, in English, and joins listen-only audio by itself.
    pub fn bot(meeting_id: impl Into<String>, name: impl Into<String>) -> Self {
        let bot = Bot { layout: Layout::default(), locale: "en".into(), css: DEFAULT_CSS.into() };
        Self { bot: Some(bot), ..Self::person(meeting_id, name, Role::Viewer) }
    }

    /// Another role. A moderator sees every camera, also what lock settings keep from viewers, and must press a button for audio.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// The outer id of the user: a second join with the same one replaces the first.
    #[must_use]
    pub fn user_id(mut self, id: impl Into<String>) -> Self {
        self.user_id = Some(id.into());
        self
    }

    /// Joins only this run of the meeting, told by its creation time.
    #[must_use]
    pub fn created_ms(mut self, created_ms: i64) -> Self {
        self.created_ms = Some(created_ms);
        self
    }

    /// What the bot's page shows.
    #[must_use]
    pub fn layout(mut self, layout: Layout) -> Self {
        if let Some(bot) = &mut self.bot {
            bot.layout = layout;
        }
        self
    }

    /// The bot's language. Its page is watched for texts as well, which are known in English and German.
    #[must_use]
    pub fn locale(mut self, locale: impl Into<String>) -> Self {
        if let Some(bot) = &mut self.bot {
            bot.locale = locale.into();
        }
        self
    }

    /// The bot's style sheet instead of [`DEFAULT_CSS`]; empty for none.
    #[must_use]
    pub fn css(mut self, css: impl Into<String>) -> Self {
        if let Some(bot) = &mut self.bot {
            bot.css = css.into();
        }
        self
    }

    /// The parameters as a server of this generation knows them.
    pub(super) fn query(&self, generation: Generation) -> Query {
        let created_ms = self.created_ms.map(|time| time.to_string());
        let query = Query::default()
            .with("meetingID", &self.meeting_id)
            .with("fullName", &self.name)
            .with("role", self.role.as_parameter())
            .with_some("userID", self.user_id.as_deref())
            .with_some("createTime", created_ms.as_deref());
        match &self.bot {
            None => query,
            Some(bot) => bot.add_to(query, generation),
        }
    }
}

impl Bot {
    fn add_to(&self, query: Query, generation: Generation) -> Query {
        let query = query.with("excludeFromDashboard", "true");
        let query = match generation {
            Generation::V2 => query.with("defaultLayout", self.layout.default_of_v2()),
            Generation::V3 => query.with("bot", "true").with("enforceLayout", self.layout.enforced()),
        };
        let settings = [
            ("auto_join_audio", "true"),
            ("force_listen_only", "true"),
            ("listen_only_mode", "true"),
            ("skip_check_audio", "true"),
            ("enable_video", "true"),
            ("auto_share_webcam", "false"),
            ("show_participants_on_login", "false"),
            ("show_public_chat_on_login", "false"),
            ("hide_nav_bar", "true"),
            ("hide_actions_bar", "true"),
            ("force_restore_presentation_on_new_events", "true"),
            ("ask_for_feedback_on_logout", "false"),
            ("override_default_locale", &self.locale),
        ];
        let settings_of_v3 = [
            ("show_session_details_on_join", "false"),
            ("hide_notifications", "true"),
            ("hide_controls", "true"),
            ("hide_sidebar_navigation", "true"),
        ];
        let newer = settings_of_v3.iter().filter(|_| generation == Generation::V3);
        let css = [("custom_style", self.css.as_str())];
        let css = css.iter().filter(|(_, css)| !css.is_empty());
        settings.iter().chain(newer).chain(css).fold(query, |query, (name, value)| query.with(&format!("userdata-bbb_{name}"), value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read(params: &JoinParams, generation: Generation) -> HashMap<String, String> {
        url::form_urlencoded::parse(params.query(generation).as_str().as_bytes()).into_owned().collect()
    }

    #[test]
    fn a_bot_in_3_0_says_all_that_keeps_its_page_clean() {
        let params = JoinParams::bot("a b&c", "● LIVE").user_id("018f").created_ms(1_785_756_454_348);
        let read = read(&params, Generation::V3);
        for (name, value) in [
            ("meetingID", "a b&c"),
            ("fullName", "● LIVE"),
            ("role", "VIEWER"),
            ("userID", "018f"),
            ("createTime", "1785756454348"),
            ("bot", "true"),
            ("excludeFromDashboard", "true"),
            ("enforceLayout", "MEDIA_ONLY"),
            ("userdata-bbb_auto_join_audio", "true"),
            ("userdata-bbb_force_listen_only", "true"),
            ("userdata-bbb_listen_only_mode", "true"),
            ("userdata-bbb_skip_check_audio", "true"),
            ("userdata-bbb_enable_video", "true"),
            ("userdata-bbb_auto_share_webcam", "false"),
            ("userdata-bbb_show_session_details_on_join", "false"),
            ("userdata-bbb_show_participants_on_login", "false"),
            ("userdata-bbb_show_public_chat_on_login", "false"),
            ("userdata-bbb_hide_nav_bar", "true"),
            ("userdata-bbb_hide_actions_bar", "true"),
            ("userdata-bbb_hide_notifications", "true"),
            ("userdata-bbb_hide_controls", "true"),
            ("userdata-bbb_hide_sidebar_navigation", "true"),
            ("userdata-bbb_force_restore_presentation_on_new_events", "true"),
            ("userdata-bbb_override_default_locale", "en"),
            ("userdata-bbb_ask_for_feedback_on_logout", "false"),
            ("userdata-bbb_custom_style", DEFAULT_CSS),
        ] {
            assert_eq!(read.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert_eq!(read.len(), 26);
    }

    #[test]
    fn a_bot_in_2_7_is_spared_what_that_does_not_know() {
        let read = read(&JoinParams::bot("m", "Bot").layout(Layout::CamerasOnly).css(""), Generation::V2);
        assert_eq!(read["defaultLayout"], "VIDEO_FOCUS");
        for unknown in ["bot", "enforceLayout", "userdata-bbb_hide_notifications", "userdata-bbb_custom_style", "userID"] {
            assert!(!read.contains_key(unknown), "{unknown}");
        }
        assert_eq!(read["userdata-bbb_force_listen_only"], "true");
    }

    #[test]
    fn a_person_gets_bbb_s_own_page() {
        let params = JoinParams::person("m", "Ada", Role::Moderator).layout(Layout::VideoFocus);
        assert_eq!(params.query(Generation::V3).as_str(), "meetingID=m&fullName=Ada&role=MODERATOR");
    }
}
