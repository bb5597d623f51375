//! `bluecast serve`.

use std::process::ExitCode;

use bluecast::app::Running;
use bluecast::config::Settings;
use bluecast::doctor::{self, State};
use tokio::signal::unix::{SignalKind, signal};

pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let settings = Settings::from_env()?;
    bluecast::telemetry::start_log(&settings);
    tokio::runtime::Runtime::new()?.block_on(serve(settings))
}

async fn serve(settings: Settings) -> anyhow::Result<ExitCode> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    bluecast::comment::raise_open_files();

    let report = doctor::examine(&settings).await;
    for check in report.that(State::Warn) {
        tracing::warn!(check = check.name, mend = check.mend, "{}", check.detail);
    }
    if !report.ok {
        eprintln!("bluecast cannot serve:");
        report.that(State::Fail).for_each(|check| eprintln!("{check}"));
        return Ok(ExitCode::FAILURE);
    }

    let public_url = settings.public_url.clone();
    let running = Running::start(settings).await?;
    match public_url {
        Some(url) => println!("Bluecast listens on {} for {url}", running.address),
        None => println!("Bluecast listens on http://localhost:{}", running.address.port()),
    }
    if let Some(admin) = &running.first_admin {
        match &admin.generated_password {
            Some(password) => println!("First admin: {} with the password {} (shown this once)", admin.name, password.reveal()),
            None => println!("First admin: {} with the password of BLUECAST_ADMIN_PASSWORD", admin.name),
        }
    }

    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("ending; a second signal ends at once");
    tokio::select! {
        () = running.stop() => Ok(ExitCode::SUCCESS),
        _ = interrupt.recv() => Ok(ExitCode::FAILURE),
        _ = terminate.recv() => Ok(ExitCode::FAILURE),
    }
}
