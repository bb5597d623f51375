//! `bluecast pipeline`.

use anyhow::Context;
use bluecast::media::pipeline;
use bluecast::media::profile::{self, Profile};

#[derive(clap::Subcommand)]
pub(crate) enum Pipeline {
    /// Print a pipeline as a line that gst-launch-1.0 runs, with test ends put in.
    Show {
        /// Its name: the path below pipelines/ without .launch.
        name: String,
        /// The profile whose numbers are filled in.
        #[arg(long, default_value = profile::DEFAULT)]
        profile: String,
    },
}

impl Pipeline {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let Self::Show { name, profile } = self;
        let profile = Profile::named(&profile)?;
        let known = || format!("known are {}", pipeline::names().join(", "));
        println!("{}", pipeline::show(&name, &profile).with_context(known)?);
        Ok(())
    }
}
