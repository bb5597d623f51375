//! BBB 4.0: mostly 3.0 under `data-testid`; its bars are other ones. Not tried against a release yet.

use super::Adapter;
use super::v3::{CLICKS, DIALOGS};

pub(super) static ADAPTER: Adapter = Adapter {
    client_path: "/html5client",
    lobby_path: None,
    meeting: &[
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
        "navigationSidebarContainer",
        "usersListSidebarButton",
        "restorePresentation",
        "leaveListenOnly",
        "joinAudio",
    ],
    lobby: &["guestMessage"],
    ended: &["meetingEndedModal"],
    broken: &["errorScreenMessage", "errorScreenDescription", "errorScreenCode"],
    banner: "notificationBannerBar",
    dialogs: DIALOGS,
    connecting: &["establishingAudioLabel", "connectingToEchoTest"],
    clicks: CLICKS,
};
