//! Checks that everything the program stands on is there, and names the command that mends what is not.
//!
//! `bluecast doctor` prints the report; `serve` makes the same one and refuses to start with the same words.

mod data;
mod machine;
mod media;

use std::fmt;

use serde::Serialize;

use crate::config::Settings;

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// The program runs, but not as well as it could.
    Warn,
    /// The program cannot do its work.
    Fail,
}

/// What was found about one thing.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// The thing, a stable word.
    pub name: &'static str,
    /// How it stands.
    pub state: State,
    /// What was found, in a sentence.
    pub detail: String,
    /// The command or the setting that mends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Check {
    fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, state: State::Ok, detail: detail.into(), mend: None }
    }

    fn warn(name: &'static str, detail: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, state: State::Warn, detail: detail.into(), mend: Some(mend.into()) }
    }

    fn fail(name: &'static str, detail: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, state: State::Fail, detail: detail.into(), mend: Some(mend.into()) }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Ok => "ok  ",
            State::Warn => "warn",
            State::Fail => "FAIL",
        };
        write!(f, "{state}  {:<12} {}", self.name, self.detail)?;
        match &self.mend {
            Some(mend) => write!(f, "\n      {:<12} to mend: {mend}", ""),
            None => Ok(()),
        }
    }
}

/// What was found about everything.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whether the program can do its work.
    pub ok: bool,
    /// Thing by thing.
    pub checks: Vec<Check>,
}

impl Report {
    /// Those that stand like this.
    pub fn that(&self, state: State) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(move |check| check.state == state)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.checks.iter().try_for_each(|check| writeln!(f, "{check}"))
    }
}

/// Checks everything. Changes nothing but making the data folder.
pub async fn examine(settings: &Settings) -> Report {
    let for_machine = settings.clone();
    let machine = tokio::task::spawn_blocking(move || {
        let mut checks = media::checks();
        checks.extend(machine::checks(&for_machine));
        checks.push(data::folder(&for_machine));
        checks
    });
    let mut checks = match machine.await {
        Ok(checks) => checks,
        Err(error) => vec![Check::fail("doctor", format!("the checks themselves failed: {error}"), "report this as a bug")],
    };
    checks.push(data::database(settings).await);
    checks.push(machine::port(settings).await);
    checks.push(machine::webrtc(settings));
    Report { ok: checks.iter().all(|check| check.state != State::Fail), checks }
}
