//! One's own second factor.

use axum::extract::State;
use axum::http::StatusCode;
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::rise::must_cover;
use super::super::{Allowed, Caller, activity, perm, second};
use super::own::at_a_screen;
use super::users::existing;
use crate::app::App;
use crate::http::{Answer, Json, Path, Problem, whole};
use crate::moment::now_ms;
use crate::secret::Secret;

/// Whose codes these are, in the list of a telephone.
const ISSUER: &str = "Bluecast";
/// Least width of the picture, in its own points.
const QR_SIDE: u32 = 240;

/// One's own password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confirmed {
    #[schema(value_type = String, format = Password)]
    password: Secret,
}

/// What a device needs to know; shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct EnrolmentView {
    /// The secret, for those who type it.
    secret: String,
    /// The same as an address for authenticator programs.
    address: String,
    /// The same as a picture for telephones, SVG.
    qr_svg: String,
}

/// Begins with a second factor: gives what a device needs to know. No code is asked for before the device has shown one.
#[utoipa::path(
    post, path = "/account/second-factor", tag = "account", request_body = Confirmed,
    responses((status = 201, body = EnrolmentView), (status = 403, body = Problem), (status = 409, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn begin(
    caller: Allowed<perm::Nothing>,
    State(app): State<App>,
    Json(given): Json<Confirmed>,
) -> Answer<(StatusCode, Json<EnrolmentView>)> {
    let caller = caller.clone();
    whole(async move {
        at_a_screen(&caller)?;
        app.doorkeeper.confirm(&app.store, &caller, given.password, "password").await?;
        let mut tx = app.store.begin().await?;
        let made = second::begin(&mut tx, &app.vault, &caller.user_id, &caller.user_name, ISSUER).await?;
        let made = made.ok_or_else(|| Problem::conflict("second_factor_on", "There is a second factor already. Remove it first."))?;
        tx.commit().await?;
        let code = QrCode::with_error_correction_level(made.address.reveal(), EcLevel::M).map_err(Problem::internal)?;
        let qr_svg = code.render::<svg::Color<'_>>().min_dimensions(QR_SIDE, QR_SIDE).build();
        let view = EnrolmentView { secret: made.secret.reveal().to_owned(), address: made.address.reveal().to_owned(), qr_svg };
        Ok((StatusCode::CREATED, Json(view)))
    })
    .await
}

/// A code of the device.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Code {
    #[schema(value_type = String, format = Password)]
    code: Secret,
}

/// Codes for whoever has lost the device; each works once.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryCodes {
    /// Shown this once.
    recovery_codes: Vec<String>,
}

impl RecoveryCodes {
    fn of(codes: &[Secret]) -> Self {
        Self { recovery_codes: codes.iter().map(|code| code.reveal().to_owned()).collect() }
    }
}

/// Asks for codes from now on, once the device has shown that it knows the secret. Gives the recovery codes.
#[utoipa::path(
    post, path = "/account/second-factor/confirm", tag = "account", request_body = Code,
    responses((status = 200, body = RecoveryCodes), (status = 403, body = Problem), (status = 429, body = Problem))
)]
pub(crate) async fn confirm(
    caller: Allowed<perm::Nothing>,
    State(app): State<App>,
    Json(given): Json<Code>,
) -> Answer<Json<RecoveryCodes>> {
    let caller = caller.clone();
    whole(async move {
        at_a_screen(&caller)?;
        app.doorkeeper.code_attempt(&caller)?;
        let mut tx = app.store.begin().await?;
        let confirmed = second::confirm(&mut tx, &app.store, &app.vault, &caller.user_id, given.code.reveal().trim(), now_ms()).await?;
        let codes = confirmed.ok_or_else(wrong_code)?;
        activity::record(&mut tx, &caller, "account.second_factor", &caller.user_id, json!({"name": caller.user_name, "on": true})).await?;
        tx.commit().await?;
        app.doorkeeper.code_succeeded(&caller);
        Ok(Json(RecoveryCodes::of(&codes)))
    })
    .await
}

/// New recovery codes in place of the old ones.
#[utoipa::path(
    post, path = "/account/second-factor/recovery-codes", tag = "account", request_body = Confirmed,
    responses((status = 200, body = RecoveryCodes), (status = 403, body = Problem), (status = 409, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn renew(
    caller: Allowed<perm::Nothing>,
    State(app): State<App>,
    Json(given): Json<Confirmed>,
) -> Answer<Json<RecoveryCodes>> {
    let caller = caller.clone();
    whole(async move {
        at_a_screen(&caller)?;
        app.doorkeeper.confirm(&app.store, &caller, given.password, "password").await?;
        if !second::state(&app.store, &caller.user_id).await?.0 {
            return Err(Problem::conflict("second_factor_off", "There is no second factor."));
        }
        let mut tx = app.store.begin().await?;
        let codes = second::new_recovery_codes(&mut tx, &caller.user_id).await?;
        activity::record(&mut tx, &caller, "account.recovery_codes", &caller.user_id, json!({"name": caller.user_name})).await?;
        tx.commit().await?;
        Ok(Json(RecoveryCodes::of(&codes)))
    })
    .await
}

/// Asks for no code any more.
#[utoipa::path(
    post, path = "/account/second-factor/remove", tag = "account", request_body = Confirmed,
    responses((status = 204), (status = 403, body = Problem), (status = 409, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem))
)]
pub(crate) async fn remove(caller: Allowed<perm::Nothing>, State(app): State<App>, Json(given): Json<Confirmed>) -> Answer<StatusCode> {
    let caller = caller.clone();
    whole(async move {
        at_a_screen(&caller)?;
        app.doorkeeper.confirm(&app.store, &caller, given.password, "password").await?;
        take_away(&app, &caller, &caller.user_id, &caller.user_name).await
    })
    .await
}

/// Takes away the second factor of somebody who has lost the device and the recovery codes.
#[utoipa::path(
    delete, path = "/users/{id}/second-factor", tag = "account", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem))
)]
pub(crate) async fn remove_of(caller: Allowed<perm::UserManage>, State(app): State<App>, Path(id): Path<String>) -> Answer<StatusCode> {
    let caller = caller.clone();
    whole(async move {
        let account = existing(&app, &caller, &id).await?;
        must_cover(&app.store, &caller, &account).await?;
        take_away(&app, &caller, &id, &account.user.name).await
    })
    .await
}

async fn take_away(app: &App, caller: &Caller, user_id: &str, name: &str) -> Answer<StatusCode> {
    let mut tx = app.store.begin().await?;
    if !second::remove(&mut tx, user_id).await? {
        return Err(Problem::conflict("second_factor_off", "There is no second factor."));
    }
    activity::record(&mut tx, caller, "account.second_factor", user_id, json!({"name": name, "on": false})).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn wrong_code() -> Problem {
    Problem::forbidden("wrong_code", "The code is wrong, or was used already. Codes change every 30 seconds.").of_field("code")
}
