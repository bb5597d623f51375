use proptest::prelude::*;

use super::*;

fn writer() -> Writer {
    Writer { is_moderator: false, has_name: true, has_phone: true, ban: None }
}

fn judged(rules: &Rules, writer: Writer, text: &str) -> Result<State, Refusal> {
    judge(rules, &Patterns::new(&rules.words).unwrap(), writer, text)
}

#[test]
fn rooms_hold_refuse_and_show() {
    let open = Rules::default();
    assert_eq!(judged(&open, writer(), "Hello"), Ok(State::Shown));
    assert_eq!(judged(&open, writer(), "see https://example.org"), Ok(State::Held));
    assert_eq!(judged(&Rules { links: Links::Refuse, ..open.clone() }, writer(), "see www.example.org"), Err(Refusal::LinksRefused));
    assert_eq!(judged(&Rules { links: Links::Allow, ..open.clone() }, writer(), "see www.example.org"), Ok(State::Shown));
    assert_eq!(judged(&Rules { mode: Mode::Approve, ..open.clone() }, writer(), "Hello"), Ok(State::Held));
    assert_eq!(judged(&Rules { words: vec!["hello".to_owned()], ..open.clone() }, writer(), "Hello you"), Ok(State::Held));
    assert_eq!(judged(&open, Writer { has_name: false, ..writer() }, "Hello"), Err(Refusal::NameNeeded));
    assert_eq!(
        judged(&Rules { ask_phone: true, ..open.clone() }, Writer { has_phone: false, ..writer() }, "Hello"),
        Err(Refusal::PhoneNeeded)
    );
    assert_eq!(judged(&open, writer(), ""), Err(Refusal::Empty));
    assert_eq!(judged(&Rules { max_chars: 3, ..open }, writer(), "äöüß"), Err(Refusal::TooLong));
}

#[test]
fn changes_are_checked() {
    let rules = Rules::default();
    let refused = |change: RulesChange| rules.changed(change).unwrap_err().0;
    assert_eq!(refused(RulesChange { slow_s: Some(-1), ..RulesChange::default() }), "slow_s");
    assert_eq!(refused(RulesChange { slow_s: Some(3601), ..RulesChange::default() }), "slow_s");
    assert_eq!(refused(RulesChange { max_chars: Some(0), ..RulesChange::default() }), "max_chars");
    assert_eq!(refused(RulesChange { max_chars: Some(i64::MAX), ..RulesChange::default() }), "max_chars");
    for emoji in ["", "<b>", "abc", "a\n"] {
        assert_eq!(refused(RulesChange { emojis: Some(vec![emoji.to_owned()]), ..RulesChange::default() }), "emojis", "{emoji}");
    }
    assert_eq!(refused(RulesChange { emojis: Some(vec!["👍".to_owned(); 13]), ..RulesChange::default() }), "emojis");
    assert_eq!(refused(RulesChange { words: Some(vec!["/(/".to_owned()]), ..RulesChange::default() }), "words");
    let changed =
        rules.changed(RulesChange { mode: Some(Mode::Approve), emojis: Some(vec!["👩‍💻".to_owned()]), ..RulesChange::default() }).unwrap();
    assert_eq!((changed.mode, changed.emojis.len(), changed.max_chars), (Mode::Approve, 1, rules.max_chars));
}

#[test]
fn words_are_for_moderators_only() {
    let rules = Rules { words: vec!["klopfer".to_owned()], ..Rules::default() };
    assert!(!rules.message(false).to_string().contains("klopfer"));
    assert!(rules.message(true).to_string().contains("klopfer"));
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Open), Just(Mode::Approve), Just(Mode::Closed), Just(Mode::Off)]
}

fn links() -> impl Strategy<Value = Links> {
    prop_oneof![Just(Links::Allow), Just(Links::Hold), Just(Links::Refuse)]
}

proptest! {
    #[test]
    fn nothing_is_shown_that_should_not_be(
        mode in mode(), links in links(), ask_name: bool, ask_phone: bool, max_chars in 1..40_i64,
        is_moderator: bool, has_name: bool, has_phone: bool, ban in 0..3_usize,
        text in "[a-z ]{0,20}(spam|https://x|)[a-z ]{0,20}",
    ) {
        let text = crate::comment::text::comment(&text);
        let rules = Rules { mode, links, ask_name, ask_phone, max_chars, words: vec!["/spam/".to_owned()], ..Rules::default() };
        let ban = [None, Some(Told::Yes), Some(Told::No)][ban];
        let judged = judged(&rules, Writer { is_moderator, has_name, has_phone, ban }, &text);
        if let Ok(state) = judged {
            prop_assert!(!text.is_empty() && i64::try_from(text.chars().count()).unwrap() <= max_chars);
            prop_assert!(mode != Mode::Off && (is_moderator || mode != Mode::Closed));
            prop_assert!(is_moderator || ban != Some(Told::Yes));
            prop_assert!(is_moderator || ((has_name || !ask_name) && (has_phone || !ask_phone)));
            prop_assert_eq!(state == State::Quiet, !is_moderator && ban == Some(Told::No));
            if state == State::Shown && !is_moderator {
                prop_assert!(mode == Mode::Open && !text.contains("spam"));
                prop_assert!(links == Links::Allow || !text.contains("https://"));
            }
            prop_assert!(!is_moderator || state == State::Shown);
        }
    }
}
