//! BBB 4.0: mostly 3.0 under `data-testid`; its bars are other ones. Not tried against a release yet.

use super::Adapter;
use super::v3::NAMES;

pub(super) static ADAPTER: Adapter = Adapter {
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
    ..NAMES
};
