//! What a room asks of those who register: the fields of its form. Answers to it are read in `answers.rs`.

use serde::{Deserialize, Serialize};

use super::typed;
use crate::http::{Answer, Problem, check};

/// Fields that a form may have.
const FIELDS: usize = 30;
/// Fields that were taken out of it and whose answers are still kept.
const RETIRED: usize = 60;
/// Choices of one field.
const CHOICES: usize = 100;
const LABEL_CHARACTERS: usize = 200;
const HELP_CHARACTERS: usize = 500;
const CHOICE_CHARACTERS: usize = 200;
const CONSENT_CHARACTERS: usize = 4000;

/// What a field asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// What somebody is called, in the room too. A form has one.
    Name,
    /// A line.
    Text,
    /// An address for e-mail.
    Email,
    /// A telephone number, kept as E.164.
    Phone,
    /// One of several.
    Choice,
    /// Yes or no.
    Check,
    /// Several lines.
    LongText,
}

/// A field of a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// What its answers are kept under: 1 to 40 of `a–z 0–9 _`, once in a form. With the same id, a field may be called otherwise and its
    /// answers stay.
    #[schema(pattern = "^[a-z0-9_]{1,40}$")]
    pub id: String,
    /// What it asks for.
    #[serde(rename = "type")]
    pub kind: FieldKind,
    /// What it is called.
    pub label: String,
    /// Whether it must be filled in.
    #[serde(default)]
    pub required: bool,
    /// What else is said about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub help: String,
    /// What can be chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

/// A room's form; without fields there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Form {
    /// What it asks.
    pub fields: Vec<Field>,
    /// What must be agreed to, as plain text; nothing where it is empty.
    pub consent: String,
    /// What it once asked: answers are still there to be exported.
    pub retired: Vec<Field>,
}

/// A room's form, as it is given.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FormFields {
    /// What it asks, 1 to 30 fields, one of them the name.
    pub fields: Vec<Field>,
    /// What must be agreed to, as plain text.
    #[serde(default)]
    pub consent: String,
}

impl Form {
    /// Whether there is a form at all.
    pub fn is_some(&self) -> bool {
        !self.fields.is_empty()
    }

    /// The form that follows this one: fields that are gone are kept among the retired ones.
    pub(super) fn followed_by(&self, given: Option<FormFields>) -> Answer<Self> {
        let (fields, consent) = match given {
            Some(given) => (check_fields(given.fields)?, check::text("form.consent", &typed::tidy(&given.consent), CONSENT_CHARACTERS)?),
            None => (Vec::new(), String::new()),
        };
        let is_in = |list: &[Field], id: &str| list.iter().any(|field| field.id == id);
        let mut retired: Vec<Field> = self.retired.iter().filter(|field| !is_in(&fields, &field.id)).cloned().collect();
        retired.extend(self.fields.iter().filter(|field| !is_in(&fields, &field.id)).cloned());
        retired.drain(..retired.len().saturating_sub(RETIRED));
        Ok(Self { fields, consent: consent.trim().to_owned(), retired })
    }

    /// Fields whose answers are exported: those of today, then those of once.
    pub fn all(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().chain(&self.retired)
    }
}

fn check_fields(given: Vec<Field>) -> Answer<Vec<Field>> {
    if given.is_empty() || given.len() > FIELDS {
        return Err(Problem::invalid("form.fields", format!("A form has 1 to {FIELDS} fields.")));
    }
    let mut fields: Vec<Field> = Vec::with_capacity(given.len());
    for (index, field) in given.into_iter().enumerate() {
        let field = check_field(&format!("form.fields[{index}]"), field)?;
        if fields.iter().any(|other| other.id == field.id) {
            return Err(Problem::invalid(format!("form.fields[{index}].id"), "Two fields have the same id."));
        }
        fields.push(field);
    }
    let names = fields.iter().filter(|field| field.kind == FieldKind::Name).count();
    if names != 1 || fields.iter().any(|field| field.kind == FieldKind::Name && !field.required) {
        return Err(Problem::invalid("form.fields", "A form has one field for the name, and it is required."));
    }
    Ok(fields)
}

fn check_field(place: &str, field: Field) -> Answer<Field> {
    let is_id = (1..=40).contains(&field.id.len())
        && field.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if !is_id {
        return Err(Problem::invalid(format!("{place}.id"), "A field's id has 1 to 40 of the characters a–z 0–9 _."));
    }
    let label = typed::line(&format!("{place}.label"), &field.label, LABEL_CHARACTERS)?;
    let help = check::text(&format!("{place}.help"), typed::tidy(&field.help).trim(), HELP_CHARACTERS)?;
    let choices = if field.kind == FieldKind::Choice { check_choices(place, &field.choices)? } else { Vec::new() };
    Ok(Field { label, help, choices, ..field })
}

fn check_choices(place: &str, given: &[String]) -> Answer<Vec<String>> {
    let place = format!("{place}.choices");
    if given.is_empty() || given.len() > CHOICES {
        return Err(Problem::invalid(place, format!("There must be 1 to {CHOICES} choices.")));
    }
    let choices: Vec<String> = given
        .iter()
        .enumerate()
        .map(|(index, choice)| typed::line(&format!("{place}[{index}]"), choice, CHOICE_CHARACTERS))
        .collect::<Answer<_>>()?;
    let is_twice = |(index, choice): (usize, &String)| choices[..index].contains(choice);
    if choices.iter().enumerate().any(is_twice) {
        return Err(Problem::invalid(place, "The same choice is there twice."));
    }
    Ok(choices)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(id: &str, kind: FieldKind) -> Field {
        Field { id: id.into(), kind, label: id.into(), required: kind == FieldKind::Name, help: String::new(), choices: Vec::new() }
    }

    fn form(fields: Vec<Field>) -> Answer<Form> {
        Form::default().followed_by(Some(FormFields { fields, consent: " I agree. ".into() }))
    }

    #[test]
    fn a_form_asks_for_one_name() {
        let made = form(vec![field("name", FieldKind::Name), field("email", FieldKind::Email)]).unwrap();
        assert_eq!((made.is_some(), made.consent.as_str()), (true, "I agree."));
        let optional = Field { required: false, ..field("name", FieldKind::Name) };
        let choice = Field { choices: vec!["a".into(), "a".into()], ..field("c", FieldKind::Choice) };
        let name = || field("name", FieldKind::Name);
        for wrong in [
            vec![],
            vec![field("email", FieldKind::Email)],
            vec![name(), field("other", FieldKind::Name)],
            vec![optional],
            vec![name(), field("name", FieldKind::Text)],
            vec![name(), field("Name", FieldKind::Text)],
            vec![name(), field("c", FieldKind::Choice)],
            vec![name(), choice],
            vec![name(), Field { label: " ".into(), ..field("x", FieldKind::Text) }],
            (0..31).map(|n| field(&format!("f{n}"), FieldKind::Text)).collect(),
        ] {
            assert!(form(wrong.clone()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_taken_out_stays_known_until_it_comes_back() {
        let first = form(vec![field("name", FieldKind::Name), field("institute", FieldKind::Text)]).unwrap();
        let fields = |list: Vec<Field>| Some(FormFields { fields: list, consent: String::new() });
        let second = first.followed_by(fields(vec![field("name", FieldKind::Name)])).unwrap();
        assert_eq!(second.all().map(|field| field.id.as_str()).collect::<Vec<_>>(), ["name", "institute"]);
        let none = second.followed_by(None).unwrap();
        assert_eq!((none.is_some(), none.retired.len()), (false, 2));
        let again = none.followed_by(fields(first.fields.clone())).unwrap();
        assert!(again.retired.is_empty());
    }
}
