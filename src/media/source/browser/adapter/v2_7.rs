//! BBB 2.7: the lobby is a page of its own, and the echo test has another button.

use super::v3::{BREAKOUT, CLOSE, CONFIRM, DIALOGS, DISMISS, MEETING, PLAY};
use super::{Adapter, Click, Target, When};

pub(super) static ADAPTER: Adapter = Adapter {
    client_path: "/html5client",
    lobby_path: Some("/guestWait"),
    meeting: MEETING,
    lobby: &["guestMessage"],
    ended: &["meetingEndedModal"],
    broken: &["errorScreenMessage"],
    banner: "notificationBannerBar",
    dialogs: DIALOGS,
    connecting: &["establishingAudioLabel", "connectingToEchoTest", "connecting"],
    clicks: CLICKS,
};

const CLICKS: &[Click] = &[
    BREAKOUT,
    Click { when: When::NoSound, target: Target::Named("listenOnlyBtn"), notice: None },
    Click { when: When::NoSound, target: Target::Named("echoYesBtn"), notice: None },
    Click { when: When::NoSound, target: Target::Named("joinEchoTestButton"), notice: None },
    PLAY,
    CLOSE,
    CONFIRM,
    DISMISS,
];
