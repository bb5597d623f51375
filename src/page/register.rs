//! The form of a room: a plain form, which works without a script. Its answers are kept for the browser that sends them, by the signed cookie
//! of its viewer, and can be corrected from there.

use std::collections::BTreeMap;

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use url::form_urlencoded;
use uuid::Uuid;

use super::frame::{Frame, NoPages, answer};
use super::room::{self, About};
use super::visit::Visit;
use super::{door, fault};
use crate::account::cross_site;
use crate::app::App;
use crate::http::address::ClientAddress;
use crate::http::{Answer, Path, Problem, json};
use crate::room::answers::{self, Answers, CONSENT, Fault};
use crate::room::form::{Field, FieldKind, Form};
use crate::room::{Admission, Room, Visibility, registration};
use crate::store::StoreError;

/// Longest body that is read, in bytes: thirty fields, some of them long.
const BODY_BYTES: usize = 128 * 1024;
/// Parts of a body that are read.
const PARTS: usize = 64;

/// A choice of a field.
struct Choice {
    value: String,
    chosen: bool,
}

/// A field as the page shows it.
struct Input {
    id: String,
    kind: &'static str,
    label: String,
    help: String,
    required: bool,
    value: String,
    choices: Vec<Choice>,
    /// How browsers fill it in by themselves.
    autocomplete: &'static str,
    /// What is wrong with it, in words; empty where nothing is.
    wrong: &'static str,
    /// The ids of what else is said about it.
    described: String,
}

#[derive(Template)]
#[template(path = "register.html")]
struct Register<'a> {
    page: &'a Frame,
    about: About,
    key: &'a str,
    room_title: &'a str,
    inputs: Vec<Input>,
    /// What is agreed to, a paragraph each.
    consent: Vec<&'a str>,
    agreed: bool,
    consent_wrong: &'static str,
    /// What is wrong as a whole; empty where nothing is.
    wrong: &'static str,
    /// Whether it was filled in before from this browser.
    is_known: bool,
}

/// `GET /watch/{key}/register`.
pub(super) async fn show(State(app): State<App>, visit: Visit, key: Result<Path<String>, Problem>) -> Result<Response, NoPages> {
    let Ok(Path(key)) = key else { return fault::not_found(&visit) };
    match crate::room::find(&app.store, &key).await {
        Ok(Some(room)) if room.form.0.is_some() => door(&app, &visit.to_room(&room), room).await,
        Ok(_) => fault::not_found(&visit),
        Err(error) => fault::broken(&visit, &error),
    }
}

/// The form, with what this browser has filled in before. A room's password comes first.
pub(super) async fn door(app: &App, visit: &Visit, room: Room) -> Result<Response, NoPages> {
    let asked = async {
        if crate::room::ask(app, &room, &visit.visitor()).await? == Admission::NeedsPassword {
            return Ok::<_, StoreError>(None);
        }
        let own = match visit.visitor().viewer_id {
            Some(viewer_id) => registration::own(&app.store, &room.id, viewer_id).await?,
            None => None,
        };
        Ok(Some(own))
    };
    match asked.await {
        Ok(None) => door::show(visit, &room),
        Ok(Some(own)) => {
            let is_known = own.is_some();
            let given = own.map(|own| own.answers.0).unwrap_or_default();
            form(app, visit, room, StatusCode::OK, &Filled { given, is_known, ..Filled::default() }).await
        }
        Err(error) => fault::broken(visit, &error),
    }
}

/// What a form is shown with.
#[derive(Default)]
struct Filled {
    given: BTreeMap<String, String>,
    faults: BTreeMap<String, Fault>,
    wrong: &'static str,
    is_known: bool,
}

async fn form(app: &App, visit: &Visit, room: Room, status: StatusCode, filled: &Filled) -> Result<Response, NoPages> {
    let title = room.title.clone();
    let page = Frame::new(visit, "register", None, Some(&title))?.of_room(&room).with_script("about");
    let now = match room::now(app, room).await {
        Ok(now) => now,
        Err(error) => return fault::broken(visit, &error),
    };
    let Form { fields, consent, .. } = &now.room.form.0;
    let words = |id: &str| filled.faults.get(id).map_or("", |fault| page.t(sentence(*fault)));
    let input = |field: &Field| {
        let value = filled.given.get(&field.id).cloned().unwrap_or_default();
        let choice = |choice: &String| Choice { chosen: *choice == value, value: choice.clone() };
        Input {
            id: field.id.clone(),
            kind: kind(field.kind),
            label: field.label.clone(),
            help: field.help.clone(),
            required: field.required,
            choices: field.choices.iter().map(choice).collect(),
            autocomplete: autocomplete(field.kind),
            wrong: words(&field.id),
            described: described(field, !words(&field.id).is_empty()),
            value,
        }
    };
    let register = Register {
        page: &page,
        about: About::of(&now, ""),
        key: &now.room.key,
        room_title: &now.room.title,
        inputs: fields.iter().map(input).collect(),
        consent: consent.split("\n\n").map(str::trim).filter(|text| !text.is_empty()).collect(),
        agreed: filled.given.contains_key(CONSENT),
        consent_wrong: words(CONSENT),
        wrong: if filled.wrong.is_empty() { "" } else { page.t(filled.wrong) },
        is_known: filled.is_known,
    };
    Ok(answer(status, &register, &page))
}

fn described(field: &Field, is_wrong: bool) -> String {
    let wrong = is_wrong.then(|| format!("wrong-{}", field.id));
    let help = (!field.help.is_empty()).then(|| format!("help-{}", field.id));
    wrong.into_iter().chain(help).collect::<Vec<_>>().join(" ")
}

fn kind(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Name => "name",
        FieldKind::Text => "text",
        FieldKind::Email => "email",
        FieldKind::Phone => "tel",
        FieldKind::Choice => "choice",
        FieldKind::Check => "check",
        FieldKind::LongText => "long",
    }
}

fn autocomplete(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Name => "name",
        FieldKind::Email => "email",
        FieldKind::Phone => "tel",
        _ => "on",
    }
}

fn sentence(fault: Fault) -> &'static str {
    match fault {
        Fault::Missing => "register.fault.missing",
        Fault::TooLong => "register.fault.too_long",
        Fault::Email => "register.fault.email",
        Fault::Phone => "register.fault.phone",
        Fault::Choice => "register.fault.choice",
        Fault::Consent => "register.fault.consent",
    }
}

/// `POST /watch/{key}/register`: what was filled in, from the form or as one JSON object of texts; `-withdraw` takes it back.
pub(super) async fn send(
    State(app): State<App>,
    visit: Visit,
    ClientAddress(address): ClientAddress,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let is_json = json::is_json(&headers);
    let read = async {
        cross_site::refuse(&Method::POST, &headers, app.settings.public_url.as_ref())?;
        let room =
            crate::room::find(&app.store, &key).await?.filter(|room| room.form.0.is_some()).ok_or_else(|| Problem::not_found("form"))?;
        // Who does not know the password learns nothing from its form either.
        if room.visibility == Visibility::Password {
            crate::room::pass(&app, &room, &visit.visitor()).await?;
        }
        let given = given(body, is_json).await?;
        Ok::<_, Problem>((room, given))
    };
    let (room, given) = match read.await {
        Ok(read) => read,
        Err(problem) => return problem.into_response(),
    };
    let visit = visit.to_room(&room);
    if given.contains_key(WITHDRAW) {
        return withdrawn(&app, &visit, &room).await.unwrap_or_else(IntoResponse::into_response);
    }
    let read = answers::read(&room.form.0, &given, app.settings.room.phone_region);
    let (wrong, faults) = match read {
        Ok(answers) => match keep(&app, &visit, &room, answers, address).await {
            Ok(viewer_id) => return door::let_in(&app, &key, viewer_id, is_json),
            Err(problem) => (problem, BTreeMap::new()),
        },
        Err(faults) => {
            let first = faults.iter().next().map(|(id, fault)| (id.clone(), fault.word())).unwrap_or_default();
            (Problem::unprocessable(first.1, "Something in the form is missing or wrong.").of_field(first.0), faults)
        }
    };
    if is_json || wrong.status().is_server_error() && wrong.code != "room_full" {
        return wrong.into_response();
    }
    let status = wrong.status();
    let wrong = match wrong.code {
        "too_many_attempts" => "register.wait",
        "room_full" => "register.full",
        _ => "register.wrong",
    };
    let known = async {
        match visit.visitor().viewer_id {
            Some(viewer_id) => registration::is_registered(&app.store, &room.id, viewer_id).await.unwrap_or_default(),
            None => false,
        }
    };
    let is_known = known.await;
    form(&app, &visit, room, status, &Filled { given, faults, wrong, is_known }).await.unwrap_or_else(IntoResponse::into_response)
}

/// The name of the button that takes everything back; no field can have it.
const WITHDRAW: &str = "-withdraw";

async fn given(body: Body, is_json: bool) -> Answer<BTreeMap<String, String>> {
    let bytes = json::read_in_time(body, BODY_BYTES).await?;
    let given: BTreeMap<String, String> = if is_json {
        json::parse(&bytes)?
    } else {
        let pairs = form_urlencoded::parse(&bytes).take(PARTS);
        pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
    };
    if given.values().any(|value| value.contains('\0')) {
        return Err(Problem::unprocessable("nul_character", "Text must not hold the character U+0000."));
    }
    Ok(given)
}

async fn keep(app: &App, visit: &Visit, room: &Room, answers: Answers, address: std::net::IpAddr) -> Answer<Uuid> {
    let viewer_id = visit.visitor().viewer_id.unwrap_or_else(Uuid::now_v7);
    let (app, room) = (app.clone(), room.clone());
    crate::http::whole(async move { registration::register(&app, &room, viewer_id, &answers, address).await.map(|()| viewer_id) }).await
}

/// Takes back what this browser has filled in.
async fn withdrawn(app: &App, visit: &Visit, room: &Room) -> Result<Response, NoPages> {
    if let Some(viewer_id) = visit.visitor().viewer_id {
        let unwanted = registration::Unwanted::Own { room_id: room.id.clone(), viewer_id };
        let (store, key) = (app.store.clone(), room.key.clone());
        let deleted = crate::http::whole(async move { registration::withdraw(&store, &key, &unwanted).await.map_err(Problem::from) });
        if let Err(problem) = deleted.await {
            return fault::broken(visit, &problem.detail);
        }
    }
    Ok(door::see(&format!("/watch/{}/register", room.key)))
}
