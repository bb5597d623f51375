//! Delivers what is due.

use std::time::Duration;

use reqwest::redirect::Policy;

use super::rules::{next_try_ms, signature};
use super::store::{self, Delivery, Outcome, Webhook};
use crate::app::App;
use crate::chance;
use crate::moment::now_ms;
use crate::reach::http::{Deadlines, Fault};

/// How often it is looked whether something is due.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long the other side may take.
const DEADLINES: Deadlines = Deadlines { connect: Duration::from_secs(5), whole: Duration::from_secs(10) };
/// Deliveries under way at a time.
const AT_ONCE: usize = 8;
/// Where secrets are sealed.
pub(super) const PLACE: &str = "webhooks.secret";

/// Delivers until the process ends.
pub(crate) async fn deliver(app: App) {
    let authorities_pem = app.settings.ca_file.as_ref().and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
    // An answer from elsewhere would be no answer of the one who was to be told.
    let client = app.settings.call_allow.client(&authorities_pem, DEADLINES).map(|builder| builder.redirect(Policy::none()).build());
    let Ok(Ok(client)) = client else {
        tracing::error!("webhooks cannot be told anything: no HTTP client can be made");
        return;
    };
    let mut under_way = tokio::task::JoinSet::new();
    loop {
        while under_way.len() < AT_ONCE {
            match store::claim(&app.store, now_ms()).await {
                Ok(Some(delivery)) => {
                    let (app, client) = (app.clone(), client.clone());
                    under_way.spawn(async move { once(&app, &client, delivery).await });
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::debug!(%error, "webhooks cannot be looked at");
                    break;
                }
            }
        }
        tokio::select! {
            () = app.stopping.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
            Some(_) = under_way.join_next() => {}
        }
    }
}

async fn once(app: &App, client: &reqwest::Client, delivery: Delivery) {
    // Removed meanwhile, and its deliveries with it; or the database is away, and it is due again in a minute.
    let Ok(Some(webhook)) = store::find(&app.store, &delivery.webhook_id).await else { return };
    let found = if webhook.active == 1 { tell(app, client, &webhook, &delivery).await } else { Err((None, "Switched off.".to_owned())) };
    let now = now_ms();
    let outcome = match found {
        Ok(status) => Outcome { state: "delivered", due_ms: now, status: Some(status), detail: None },
        Err((status, detail)) => {
            let next = next_try_ms(delivery.tries, now, chance::draw()).filter(|_| webhook.active == 1);
            let state = if next.is_some() { "waiting" } else { "given_up" };
            tracing::info!(webhook = webhook.id, state, detail, "a webhook was not told");
            Outcome { state, due_ms: next.unwrap_or(now), status, detail: Some(detail) }
        }
    };
    if let Err(error) = store::tried(&app.store, &delivery, outcome).await {
        tracing::warn!(%error, "what came of a webhook's delivery could not be kept");
    }
}

async fn tell(app: &App, client: &reqwest::Client, webhook: &Webhook, delivery: &Delivery) -> Result<i64, (Option<i64>, String)> {
    let plain = |sentence: &str| (None, sentence.to_owned());
    let secret = app.vault.open(PLACE, &webhook.id, &webhook.secret_sealed).map_err(|_| plain("Its secret cannot be read."))?;
    let url = url::Url::parse(&webhook.url).map_err(|_| plain("Its address cannot be read."))?;
    app.settings.call_allow.check_url(&url).map_err(|error| plain(&error.to_string()))?;
    let sent = client
        .post(url)
        .header("content-type", "application/json")
        .header("bluecast-event", &delivery.event)
        .header("bluecast-delivery", &delivery.id)
        .header("bluecast-signature", signature(&secret, now_ms() / 1000, &delivery.body))
        .body(delivery.body.clone())
        .send()
        .await;
    let answer = sent.map_err(|error| (None, words(&Fault::of(&error))))?;
    let status = answer.status();
    let code = i64::from(status.as_u16());
    if status.is_success() { Ok(code) } else { Err((Some(code), format!("It answered {status}."))) }
}

fn words(fault: &Fault) -> String {
    match fault {
        Fault::Reach(error) => error.to_string(),
        Fault::TimedOut => "It did not answer within 10 seconds.".to_owned(),
        Fault::Tls(why) => format!("No secure connection: {why}."),
        Fault::Unreachable(why) => format!("No connection: {why}."),
        _ => "The connection ended before it had answered.".to_owned(),
    }
}
