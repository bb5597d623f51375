//! How a meeting is told that it is on the air: the bot's name, and what is said in the chat. Pure.

use url::Url;

/// Longest name of a bot, in characters.
pub(super) const NAME_CHARACTERS: usize = 64;
/// A chat message holds 500 characters; what a person adds leaves room for the rest.
pub(super) const NOTE_CHARACTERS: usize = 200;
const LONGEST_PLACE: usize = 200;

/// How a meeting is told that it is on the air.
#[derive(Clone, Debug)]
pub struct Announce {
    /// As whom: the bot's name.
    pub name: String,
    /// Where people watch.
    pub place: Option<String>,
}

impl Announce {
    /// What is said when it goes on the air.
    pub(super) fn begins(&self) -> String {
        match &self.place {
            Some(place) => format!("This meeting is being broadcast live: {}", shortened(place, LONGEST_PLACE)),
            None => "This meeting is being broadcast live.".to_owned(),
        }
    }

    /// What is said when it ends.
    pub(super) fn ends() -> String {
        "The live broadcast of this meeting has ended.".to_owned()
    }
}

/// What is said at a pause and after it, with what the admin adds.
pub(super) fn pauses(paused: bool, note: Option<&str>) -> String {
    let what = if paused {
        "The live broadcast is paused: viewers neither see nor hear the meeting."
    } else {
        "The live broadcast goes on: viewers see and hear the meeting again."
    };
    note.map_or_else(|| what.to_owned(), |note| format!("{what} {note}"))
}

/// Where people watch, as a person would write it: the room, else the first place that it is sent to.
pub(super) fn place(public_url: Option<&Url>, room_key: Option<&str>, labels: &[String]) -> Option<String> {
    let room = room_key.and_then(|key| Some(public_url?.join(&format!("watch/{key}")).ok()?.to_string()));
    room.or_else(|| labels.first().map(|label| host_of(label).to_owned()))
}

/// The host of an address; a label of another kind (an origin and a name) as it is.
fn host_of(label: &str) -> &str {
    let Some((_, rest)) = label.split_once("://") else { return label };
    let end = rest.find('/').unwrap_or(rest.len());
    rest[..end].rsplit_once(':').map_or(&rest[..end], |(host, _)| host)
}

/// The bot's name where nobody chose one: that this is live, and where.
pub(super) fn bot_name(place: Option<&str>) -> String {
    match place {
        Some(place) => {
            let bare = place.split_once("://").map_or(place, |(_, bare)| bare);
            shortened(&format!("● Live → {bare}"), NAME_CHARACTERS)
        }
        None => "● Live".to_owned(),
    }
}

fn shortened(text: &str, characters: usize) -> String {
    if text.chars().count() <= characters {
        return text.to_owned();
    }
    text.chars().take(characters - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_the_room_else_the_first_target() {
        let public = Url::parse("https://live.example.org").unwrap();
        let labels = ["rtmps://a.example:443/live2".to_owned(), "Delhi / aula".to_owned()];
        assert_eq!(place(Some(&public), Some("aula"), &labels).unwrap(), "https://live.example.org/watch/aula");
        assert_eq!(place(Some(&public), None, &labels).unwrap(), "a.example");
        assert_eq!(place(None, Some("aula"), &labels[1..]).unwrap(), "Delhi / aula");
        assert_eq!(place(None, Some("aula"), &[]), None);
        assert_eq!(host_of("srt://[2001:db8::1]:9000"), "[2001:db8::1]");
    }

    #[test]
    fn names_and_messages_fit() {
        assert_eq!(bot_name(Some("https://live.example.org/watch/aula")), "● Live → live.example.org/watch/aula");
        assert_eq!(bot_name(None), "● Live");
        let long = "https://".to_owned() + &"ü".repeat(300);
        assert_eq!(bot_name(Some(&long)).chars().count(), NAME_CHARACTERS);
        let announce = Announce { name: String::new(), place: Some(long) };
        assert!(announce.begins().chars().count() <= 500 && announce.begins().ends_with('…'));
        let note = "x".repeat(NOTE_CHARACTERS);
        assert!(pauses(true, Some(&note)).chars().count() <= 500);
        assert!(pauses(false, None).contains("goes on"));
    }
}
