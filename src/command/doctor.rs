//! `bluecast doctor`.

use std::process::ExitCode;

use bluecast::config::Settings;

pub(crate) fn run(json: bool) -> anyhow::Result<ExitCode> {
    let settings = Settings::from_env()?;
    let report = super::wait_for(async { Ok(bluecast::doctor::examine(&settings).await) })?;
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
