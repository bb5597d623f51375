//! `bluecast push`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use bluecast::broadcast::push::{self, PushMeeting};
use bluecast::broadcast::state::Reason;
use bluecast::config::Settings;
use bluecast::media::profile;
use bluecast::secret::Secret;
use tokio::signal::unix::{SignalKind, signal};

#[derive(clap::Args)]
pub(crate) struct Push {
    /// The BBB server's address, as `bbb-conf --secret` prints it.
    #[arg(long, required_if_eq("source", "browser"))]
    server: Option<String>,
    /// A file that holds the server's secret.
    #[arg(long, required_if_eq("source", "browser"))]
    secret_file: Option<PathBuf>,
    /// The meeting's id.
    #[arg(long, required_if_eq("source", "browser"))]
    meeting: Option<String>,
    /// Where it goes: https://… (WHIP), rtmp(s)://… or srt://…; may be given several times. Others on this machine can read it in the list of processes.
    #[arg(long)]
    to: Vec<String>,
    /// A file with an address a line, for addresses that nobody else should read.
    #[arg(long)]
    to_file: Option<PathBuf>,
    /// What captures the meeting: browser, or test for a test picture.
    #[arg(long, default_value = "browser", value_parser = ["browser", "test"])]
    source: String,
    /// A profile's name.
    #[arg(long, default_value = profile::DEFAULT)]
    profile: String,
    /// The name that people in the meeting see.
    #[arg(long, default_value = "● Live")]
    name: String,
    /// Join as moderator: sees all cameras, and what is hidden from viewers.
    #[arg(long)]
    moderator: bool,
}

impl Push {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let settings = Settings::from_env()?;
        bluecast::telemetry::start_log(&settings);
        gstreamer::init()?;
        let mut to: Vec<Secret> = self.to.iter().map(Secret::new).collect();
        if let Some(file) = &self.to_file {
            to.extend(read(file)?.lines().map(str::trim).filter(|line| !line.is_empty()).map(Secret::new));
        }
        if to.is_empty() {
            bail!("say where it goes, with --to or --to-file");
        }
        let meeting = match (self.source.as_str(), self.server, self.secret_file, self.meeting) {
            ("browser", Some(server), Some(secret_file), Some(meeting_id)) => {
                let secret = Secret::new(read(&secret_file)?.trim());
                Some(PushMeeting { server, secret, meeting_id, name: self.name, moderator: self.moderator })
            }
            _ => None,
        };
        let push = push::Push {
            meeting,
            to,
            profile: self.profile,
            whip: bluecast::app::whip_settings(&settings),
            chromium: settings.chromium.unwrap_or_else(|| "chromium".into()),
            ca_file: settings.ca_file,
        };
        let reason = tokio::runtime::Runtime::new()?.block_on(async {
            let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
            let stop = async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            };
            anyhow::Ok(push::push(push, stop, |line| println!("{line}")).await?)
        })?;
        Ok(match reason {
            Some(Reason::Stopped | Reason::MeetingEnded) => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        })
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}
