//! A thread as the database would keep it, and viewers who come, break off and come back.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const WRITER: Uuid = Uuid::from_u128(1);
const READER: Uuid = Uuid::from_u128(2);

fn row(id: usize, seq: i64, state: State) -> Row {
    Row {
        id: format!("{id:04}"),
        seq,
        shown_seq: (state == State::Shown).then_some(seq),
        changed_seq: seq,
        state,
        viewer_id: WRITER,
        handle: "h".to_owned(),
        name: "Anna".to_owned(),
        text: format!("text {id}"),
        at_ms: 0,
        quote: None,
        pinned: false,
        host: false,
        reactions: "{}".to_owned(),
        base: OnceLock::new(),
    }
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Post(State),
    Move(usize, State),
    Pin(usize, bool),
}

fn state() -> impl Strategy<Value = State> {
    prop_oneof![Just(State::Shown), Just(State::Held), Just(State::Rejected), Just(State::Quiet)]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => state().prop_map(Act::Post),
        3 => (0..20_usize, prop_oneof![state(), Just(State::Gone)]).prop_map(|(which, state)| Act::Move(which, state)),
        1 => (0..20_usize, any::<bool>()).prop_map(|(which, pinned)| Act::Pin(which, pinned)),
    ]
}

#[derive(Default)]
struct Thread {
    seq: i64,
    rows: Vec<Row>,
}

impl Thread {
    fn act(&mut self, act: Act) {
        let next = self.seq + 1;
        let count = self.rows.len();
        match act {
            Act::Post(state) => self.rows.push(row(count, next, state)),
            Act::Move(..) | Act::Pin(..) if count == 0 => return,
            Act::Move(which, state) => {
                let row = &mut self.rows[which % count];
                // As the writer has it: gone is gone, and nothing changes into what it is.
                if row.state == State::Gone || row.state == state {
                    return;
                }
                *row = Row { state, changed_seq: next, ..row.clone() };
                if state == State::Shown {
                    row.shown_seq = Some(next);
                }
            }
            Act::Pin(which, pinned) => {
                let row = &mut self.rows[which % count];
                if row.state != State::Shown || row.pinned == pinned {
                    return;
                }
                *row = Row { pinned, changed_seq: next, ..row.clone() };
            }
        }
        self.seq = next;
    }

    /// What is missing since a number, as it is sent: in the order of the numbers.
    fn missing(&self, who: Who, since: i64) -> Vec<(Tell, &Row)> {
        let mut told: Vec<_> = self.rows.iter().filter_map(|row| missing(row, who, since).map(|tell| (tell, row))).collect();
        told.sort_by_key(|(tell, _)| tell.seq());
        told
    }

    fn truth(&self, who: Who) -> BTreeMap<String, (&'static str, bool)> {
        let seen = self.rows.iter().filter(|row| sees(row.state, who));
        seen.map(|row| (row.id.clone(), (row.state.word_for(who), row.pinned))).collect()
    }
}

/// A client: what it has, and the highest number that it has taken in.
#[derive(Clone, Default)]
struct Client {
    seq: i64,
    has: BTreeMap<String, (String, bool)>,
    doubles: usize,
}

impl Client {
    fn take(&mut self, message: &str) {
        let message: Value = serde_json::from_str(message).unwrap();
        let seq = message["seq"].as_i64().unwrap();
        assert!(seq >= self.seq, "numbers go up: {seq} after {}", self.seq);
        self.seq = seq;
        let id = message["id"].as_str().unwrap().to_owned();
        let now = || (message["state"].as_str().unwrap().to_owned(), message["pinned"].as_bool().unwrap());
        match message["t"].as_str().unwrap() {
            "comment" => self.doubles += usize::from(self.has.insert(id, now()).is_some()),
            "changed" => *self.has.get_mut(&id).expect("only what was told changes") = now(),
            "gone" => drop(self.has.remove(&id)),
            other => panic!("{other}"),
        }
    }

    fn has(&self) -> BTreeMap<String, (&str, bool)> {
        self.has.iter().map(|(id, (state, pinned))| (id.clone(), (state.as_str(), *pinned))).collect()
    }
}

proptest! {
    /// Whoever listens all the time, whoever breaks off anywhere and comes back, and whoever breaks off while being told what was missed, has
    /// in the end what they may see, each comment once.
    #[test]
    fn live_and_resumed_are_the_same(
        acts in proptest::collection::vec((act(), any::<bool>(), 0..3_usize), 1..60),
        who in prop_oneof![Just(Who::Anyone), Just(Who::Author), Just(Who::Moderator)],
    ) {
        let mut thread = Thread::default();
        let (mut live, mut broken) = (Client::default(), Client::default());
        for (act, listens, cut) in acts {
            let before = thread.seq;
            thread.act(act);
            for (tell, row) in thread.missing(who, before) {
                prop_assert_eq!(tell.seq(), thread.seq);
                live.take(&row.tell(tell, who, false));
            }
            if listens {
                let mut missing = thread.missing(who, broken.seq);
                // The connection breaks again before all was told.
                missing.truncate(if cut == 0 { missing.len() } else { cut });
                for (tell, row) in missing {
                    broken.take(&row.tell(tell, who, false));
                }
            }
        }
        for (tell, row) in thread.missing(who, broken.seq) {
            broken.take(&row.tell(tell, who, false));
        }
        prop_assert_eq!(live.has(), thread.truth(who));
        prop_assert_eq!(broken.has(), thread.truth(who));
        prop_assert_eq!(live.doubles, 0);
        let left: Vec<_> = thread.missing(who, thread.seq);
        prop_assert!(left.is_empty());
    }

    /// Nothing that is said to anyone holds a word of what they may not see.
    #[test]
    fn what_is_not_shown_is_told_to_nobody_else(acts in proptest::collection::vec(act(), 1..40)) {
        let mut thread = Thread::default();
        let mut ever_shown = std::collections::BTreeSet::new();
        for act in acts {
            let before = thread.seq;
            thread.act(act);
            ever_shown.extend(thread.rows.iter().filter(|row| row.state == State::Shown).map(|row| row.id.clone()));
            for since in [0, before] {
                for (tell, row) in thread.missing(Who::Anyone, since) {
                    let message = row.tell(tell, row.who(READER, false), false);
                    prop_assert!(ever_shown.contains(&row.id), "{}", message);
                    prop_assert!(row.state == State::Shown || !message.contains("text"), "{}", message);
                }
            }
        }
    }
}

#[test]
fn an_approval_is_new_to_those_who_have_not_had_it() {
    let mut thread = Thread::default();
    thread.act(Act::Post(State::Held));
    assert_eq!(thread.missing(Who::Anyone, 0).len(), 0);
    thread.act(Act::Move(0, State::Shown));
    assert_eq!(missing(&thread.rows[0], Who::Anyone, 1), Some(Tell::Comment(2)));
    assert_eq!(missing(&thread.rows[0], Who::Author, 1), Some(Tell::Changed(2)));
    assert_eq!(missing(&thread.rows[0], Who::Moderator, 1), Some(Tell::Changed(2)));
    assert_eq!(missing(&thread.rows[0], Who::Author, 0), Some(Tell::Comment(1)));
}

#[test]
fn what_came_back_and_went_again_is_gone_for_those_who_had_it_the_first_time() {
    let mut thread = Thread::default();
    thread.act(Act::Post(State::Shown));
    for state in [State::Held, State::Shown, State::Rejected] {
        thread.act(Act::Move(0, state));
    }
    assert_eq!((thread.rows[0].seq, thread.rows[0].shown_seq, thread.rows[0].changed_seq), (1, Some(3), 4));
    assert_eq!(missing(&thread.rows[0], Who::Anyone, 1), Some(Tell::Gone(4)));
    assert_eq!(missing(&thread.rows[0], Who::Anyone, 0), None);
    // What was never shown is not spoken of.
    thread.act(Act::Post(State::Held));
    thread.act(Act::Move(1, State::Gone));
    assert_eq!(missing(&thread.rows[1], Who::Anyone, 5), None);
}

#[test]
fn a_message_holds_what_it_should_for_whom_it_should() {
    let mut quiet = row(1, 7, State::Quiet);
    quiet.text = "<b>\u{2028}\"😀".to_owned();
    quiet.quote = Some(Quote { id: "0000".to_owned(), name: "Bo".to_owned(), text: "x".repeat(500) });
    let of = |who, own| serde_json::from_str::<Value>(&quiet.comment(7, who, own, &["👍".to_owned()])).unwrap();
    let author = of(Who::Author, true);
    assert_eq!((&author["state"], &author["own"], &author["mine"]), (&json!("shown"), &json!(true), &json!(["👍"])));
    assert_eq!(author["text"], quiet.text);
    assert!(author["reply_to"]["text"].as_str().unwrap().chars().count() <= 120);
    assert_eq!(of(Who::Moderator, false)["state"], "rejected");
    assert!(of(Who::Moderator, false).get("own").is_none());
    for state in [State::Shown, State::Held, State::Rejected, State::Quiet, State::Gone] {
        assert_eq!(State::of_word(state.word()), state);
    }
    assert_eq!(State::of_word("later"), State::Gone);
}
