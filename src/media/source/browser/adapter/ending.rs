//! Reads from a page's words why it is over for us.

use super::follow::Verdict;

/// What the words on a page that ended or broke mean. English, as the bot's join asks for, or BBB's codes.
pub(super) fn read(words: &str) -> Option<Verdict> {
    // In this order: whoever ended the meeting has a name that may hold anything.
    const MEANINGS: &[(&[&str], Verdict)] = &[
        (&["ended by "], Verdict::Ended),
        (&["duplicate"], Verdict::Replaced),
        (
            &["user_requested_eject", "not_enough_permission", "banned", "been removed", "ejected", "were removed", "kicked"],
            Verdict::Removed,
        ),
        (&["denied"], Verdict::Denied),
        (
            &["max_participants", "maxparticipants", "maximum number"],
            Verdict::Broken("meeting_full", "The meeting takes no more participants."),
        ),
        (
            &["validate_token", "authorization token", "session token", "unauthorized"],
            Verdict::Broken("session_lost", "The server no longer knows the bot's session."),
        ),
        (
            &["user_inactivity", "due to inactivity", "user inactive"],
            Verdict::Broken("inactive", "The server removed the bot for inactivity."),
        ),
        (&["system_requested_eject"], Verdict::Broken("ejected_by_server", "The server ended the bot's session.")),
        (&["ended", "logged out", "user_logged_out", "guest_meeting_ended"], Verdict::Ended),
    ];
    let words = words.to_lowercase();
    MEANINGS.iter().find(|(signs, _)| signs.iter().any(|sign| words.contains(sign))).map(|(_, verdict)| *verdict)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_bbb_are_understood() {
        for (words, verdict) in [
            ("This session has ended You will be forwarded back to the home screen", Some(Verdict::Ended)),
            ("You have been removed from the meeting", Some(Verdict::Removed)),
            ("user_requested_eject_reason", Some(Verdict::Removed)),
            ("Ejected due to permission violation", Some(Verdict::Removed)),
            ("banned_user_rejoining_reason", Some(Verdict::Removed)),
            ("Duplicate user trying to join meeting", Some(Verdict::Replaced)),
            ("duplicate_user_in_meeting_eject_reason", Some(Verdict::Replaced)),
            ("Guest denied of joining the meeting.", Some(Verdict::Denied)),
            ("Meeting ended due to inactivity", Some(Verdict::Broken("inactive", "The server removed the bot for inactivity."))),
            ("You have logged out", Some(Verdict::Ended)),
            ("This session was ended by Duplicate Removed", Some(Verdict::Ended)),
            ("User has been banned", Some(Verdict::Removed)),
            ("User inactive for too long", Some(Verdict::Broken("inactive", "The server removed the bot for inactivity."))),
            ("Oops, something went wrong", None),
            ("", None),
        ] {
            assert_eq!(read(words), verdict, "{words}");
        }
    }
}
