//! Reads what somebody has filled in against a room's form. Pure.

use std::collections::BTreeMap;
use std::str::FromStr;

use email_address::EmailAddress;
use phonenumber::Mode;
pub use phonenumber::country::Id as Region;

use super::form::{Field, FieldKind, Form};
use super::typed;

/// As many as a name beside comments has.
const NAME_CHARACTERS: usize = 60;
const LINE_CHARACTERS: usize = 300;
const LONG_CHARACTERS: usize = 4000;
const EMAIL_BYTES: usize = 254;

/// What is wrong with a field, in a word that pages have a sentence for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It must be filled in.
    Missing,
    /// It is longer than it may be.
    TooLong,
    /// It is no address for e-mail.
    Email,
    /// It is no telephone number.
    Phone,
    /// It is none of the choices.
    Choice,
    /// It must be agreed to.
    Consent,
}

impl Fault {
    /// Its word in problem documents.
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::TooLong => "too_long",
            Self::Email => "bad_email",
            Self::Phone => "bad_phone",
            Self::Choice => "bad_choice",
            Self::Consent => "consent_needed",
        }
    }
}

/// What somebody has filled in, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// What they are called.
    pub name: String,
    /// The first address for e-mail, in small letters, to know them again by.
    pub email: Option<String>,
    /// The first telephone number, E.164.
    pub phone: Option<String>,
    /// All of it by the fields' ids; what was left empty is not in it.
    pub values: BTreeMap<String, String>,
}

/// The name under which agreeing is sent; no field can have it, since ids hold no `-`.
pub const CONSENT: &str = "-consent";

/// Reads what was filled in; `given` holds the value of a field by its id. What the form does not ask is left aside.
///
/// # Errors
/// What is wrong, by the fields' ids.
pub fn read(form: &Form, given: &BTreeMap<String, String>, region: Option<Region>) -> Result<Answers, BTreeMap<String, Fault>> {
    let mut answers = Answers::default();
    let mut faults = BTreeMap::new();
    for field in &form.fields {
        match value(field, given.get(&field.id).map_or("", String::as_str), region) {
            Ok(None) if field.required => drop(faults.insert(field.id.clone(), Fault::Missing)),
            Ok(None) => {}
            Ok(Some(value)) => {
                match field.kind {
                    FieldKind::Name => answers.name.clone_from(&value),
                    FieldKind::Email if answers.email.is_none() => answers.email = Some(value.to_lowercase()),
                    FieldKind::Phone if answers.phone.is_none() => answers.phone = Some(value.clone()),
                    _ => {}
                }
                answers.values.insert(field.id.clone(), value);
            }
            Err(fault) => drop(faults.insert(field.id.clone(), fault)),
        }
    }
    if !form.consent.is_empty() && !given.get(CONSENT).is_some_and(|given| is_yes(given)) {
        faults.insert(CONSENT.to_owned(), Fault::Consent);
    }
    if faults.is_empty() { Ok(answers) } else { Err(faults) }
}

fn is_yes(given: &str) -> bool {
    matches!(given.trim(), "yes" | "on" | "true" | "1")
}

fn value(field: &Field, given: &str, region: Option<Region>) -> Result<Option<String>, Fault> {
    let limit = match field.kind {
        FieldKind::Name => NAME_CHARACTERS,
        FieldKind::LongText => LONG_CHARACTERS,
        _ => LINE_CHARACTERS,
    };
    // Before anything works on it: tidying is the costliest thing that is done to it.
    if given.len() > limit * 8 {
        return Err(Fault::TooLong);
    }
    let text = if field.kind == FieldKind::LongText { long(given) } else { line(given) };
    if text.chars().count() > limit {
        return Err(Fault::TooLong);
    }
    if text.is_empty() {
        return Ok(None);
    }
    match field.kind {
        FieldKind::Name if !text.chars().any(char::is_alphanumeric) => Ok(None),
        FieldKind::Name | FieldKind::Text | FieldKind::LongText => Ok(Some(text)),
        FieldKind::Check => Ok(is_yes(&text).then(|| "yes".to_owned())),
        FieldKind::Choice if field.choices.contains(&text) => Ok(Some(text)),
        FieldKind::Choice => Err(Fault::Choice),
        FieldKind::Email => email(&text).map(Some).ok_or(Fault::Email),
        FieldKind::Phone => phone(&text, region).map(Some).ok_or(Fault::Phone),
    }
}

fn line(given: &str) -> String {
    let plain: String = given.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    typed::one_line(&plain)
}

fn long(given: &str) -> String {
    let kept = given.replace("\r\n", "\n");
    let kept: String = kept.chars().filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t')).collect();
    typed::tidy(&kept).trim().to_owned()
}

/// An address for e-mail, if it is one: with a domain that has a dot, as those that people have do.
pub fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let address = EmailAddress::from_str(text).ok()?;
    let has_domain = address.domain().split('.').filter(|label| !label.is_empty()).count() >= 2;
    let plain = !text.contains(['"', '<', '>', '(', ')', '[', ']', ' ']);
    (has_domain && plain && text.len() <= EMAIL_BYTES).then(|| text.to_owned())
}

/// A telephone number as E.164, if it is one that can be: with its country's code, or in `region`.
pub fn phone(text: &str, region: Option<Region>) -> Option<String> {
    let number = phonenumber::parse(region, text).ok()?;
    phonenumber::is_valid(&number).then(|| number.format().mode(Mode::E164).to_string())
}

/// The region of a two-letter code, such as `IN`.
pub fn region(code: &str) -> Option<Region> {
    Region::from_str(&code.trim().to_ascii_uppercase()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(id: &str, kind: FieldKind, required: bool) -> Field {
        Field { id: id.into(), kind, label: id.into(), required, help: String::new(), choices: vec!["North".into(), "South".into()] }
    }

    fn form() -> Form {
        Form {
            fields: vec![
                field("name", FieldKind::Name, true),
                field("mobile", FieldKind::Phone, true),
                field("email", FieldKind::Email, false),
                field("part", FieldKind::Choice, false),
                field("news", FieldKind::Check, false),
                field("about", FieldKind::LongText, false),
            ],
            consent: "I agree.".into(),
            retired: Vec::new(),
        }
    }

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(id, value)| ((*id).to_owned(), (*value).to_owned())).collect()
    }

    const INDIA: Option<Region> = Some(Region::IN);

    #[test]
    fn what_is_right_is_kept_in_its_normal_form() {
        let given = given(&[
            ("name", "  Asha\u{202e}   Rao "),
            ("mobile", "098450 12345"),
            ("email", "Asha@Example.ORG"),
            ("part", "South"),
            ("news", "on"),
            ("about", "one\r\ntwo\u{7}"),
            (CONSENT, "yes"),
            ("else", "<script>"),
        ]);
        let answers = read(&form(), &given, INDIA).unwrap();
        assert_eq!((answers.name.as_str(), answers.phone.as_deref()), ("Asha Rao", Some("+919845012345")));
        assert_eq!((answers.email.as_deref(), answers.values["email"].as_str()), (Some("asha@example.org"), "Asha@Example.ORG"));
        assert_eq!((answers.values["about"].as_str(), answers.values["news"].as_str()), ("one\ntwo", "yes"));
        assert!(!answers.values.contains_key("else"));
    }

    #[test]
    fn every_fault_is_said_at_its_field() {
        let given = given(&[("name", " \u{200b}"), ("mobile", "12"), ("email", "asha@"), ("part", "West"), ("about", &"x".repeat(4001))]);
        let faults = read(&form(), &given, INDIA).unwrap_err();
        let expected = [
            (CONSENT, Fault::Consent),
            ("about", Fault::TooLong),
            ("email", Fault::Email),
            ("mobile", Fault::Phone),
            ("name", Fault::Missing),
            ("part", Fault::Choice),
        ];
        assert_eq!(faults.iter().map(|(id, fault)| (id.as_str(), *fault)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn numbers_have_one_form() {
        for text in ["+91 98450 12345", "098450-12345", "9845012345", "0091 98450 12345", "tel:+919845012345"] {
            assert_eq!(phone(text, INDIA).as_deref(), Some("+919845012345"), "{text}");
        }
        assert_eq!(phone("030 901820", region("de")).as_deref(), Some("+4930901820"));
        for wrong in ["98450 12345", "+99 1", "abc", "", "+91", "911", &"9".repeat(300)] {
            assert_eq!(phone(wrong, None), None, "{wrong}");
        }
    }

    #[test]
    fn addresses_for_mail_are_such() {
        for right in ["a@example.org", "a.b+c@mail.example.co.in", "अ@उदाहरण.भारत"] {
            assert!(email(right).is_some(), "{right}");
        }
        for wrong in [
            "",
            "a",
            "a@",
            "@b.c",
            "a@b",
            "a b@c.d",
            "a@b..c@d",
            "\"a b\"@c.d",
            "a@c.d>",
            "a@[127.0.0.1]",
            &format!("{}@c.de", "a".repeat(300)),
        ] {
            assert!(email(wrong).is_none(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "\\PC{0,40}", odd in ".{0,40}") {
            let _ = (phone(&text, INDIA), phone(&odd, None), email(&text), email(&odd));
            let given = form().fields.iter().map(|field| (field.id.clone(), odd.clone())).collect();
            let _ = read(&form(), &given, INDIA);
        }

        #[test]
        fn a_number_is_its_own_form(number in 6_000_000_000_u64..9_999_999_999) {
            if let Some(once) = phone(&number.to_string(), INDIA) {
                prop_assert_eq!(phone(&once, None), Some(once));
            }
        }
    }
}
