//! BBB 3.0.

use super::{Adapter, Click, Target, When};

pub(super) static ADAPTER: Adapter = NAMES;

/// What 4.0 shares but for the meeting.
pub(super) const NAMES: Adapter = Adapter {
    client_path: "/html5client",
    lobby_path: None,
    meeting: MEETING,
    lobby: &["guestMessage"],
    ended: &["meetingEndedModal"],
    broken: &["errorScreenMessage", "errorScreenDescription", "errorScreenCode"],
    banner: "notificationBannerBar",
    dialogs: DIALOGS,
    connecting: &["establishingAudioLabel", "connectingToEchoTest"],
    clicks: CLICKS,
};

pub(super) const MEETING: &[&str] = &[
    "presentationContainer",
    "presentationPlaceholder",
    "whiteboard",
    "webcamVideoItem",
    "webcamItem",
    "videoContainer",
    "isSharingScreen",
    "screenshareConnecting",
    "videoPlayer",
    "talkingIndicator",
    "audioModal",
    "userListContent",
    "restorePresentation",
    "leaveListenOnly",
    "joinAudio",
];

/// Names of dialogs, where they have one.
pub(super) const DIALOGS: &[&str] =
    &["audioModal", "audioSettingsModal", "audioModalOptions", "sessionDetailsModal", "recordingNotifyModal", "breakoutJoinConfirmation"];

/// The breakout invitation is declined, before anything else could agree to it; then the ways to sound, then what lies over the picture.
pub(super) const CLICKS: &[Click] = &[
    BREAKOUT,
    Click { when: When::NoSound, target: Target::Named("listenOnlyBtn"), notice: None },
    Click {
        when: When::NoSound,
        target: Target::Named("helpListenOnlyBtn"),
        notice: Some(("microphone_failed", "The page asked for a microphone and found none; joining to listen only.")),
    },
    // With LiveKit there is no button to listen only: the room is joined with a microphone that is silent.
    Click { when: When::NoSound, target: Target::Named("joinEchoTestButton"), notice: None },
    PLAY,
    Click { when: When::Seen, target: Target::Named("recordingNotifyContinue"), notice: None },
    CLOSE,
    CONFIRM,
    DISMISS,
];

pub(super) const BREAKOUT: Click = Click {
    when: When::Asks("breakout"),
    target: Target::Named("modalDismissButton"),
    notice: Some(("breakout_declined", "The page invited the bot to a breakout room; it stays in the main room.")),
};
pub(super) const PLAY: Click = Click {
    when: When::PlayButton,
    target: Target::Labelled("^play audio$"),
    notice: Some(("autoplay_blocked", "The browser had to be asked to play sound.")),
};
pub(super) const CLOSE: Click = Click {
    when: When::Seen,
    target: Target::Named("closeModal"),
    notice: Some(("modal_closed", "A dialog that lay over the meeting was closed.")),
};
pub(super) const CONFIRM: Click = Click {
    when: When::AsksNot("breakout"),
    target: Target::Named("modalConfirmButton"),
    notice: Some(("modal_confirmed", "A question that lay over the meeting was confirmed.")),
};
pub(super) const DISMISS: Click = Click {
    when: When::Seen,
    target: Target::Named("modalDismissButton"),
    notice: Some(("modal_dismissed", "A question that lay over the meeting was dismissed.")),
};
