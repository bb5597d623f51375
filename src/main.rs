//! The command line.

use std::process::ExitCode;

use bluecast::app::Running;
use bluecast::config::Settings;
use clap::{Parser, Subcommand};

/// Puts BigBlueButton meetings on the air.
#[derive(Parser)]
#[command(name = "bluecast", version, about, after_help = "Settings come from the environment; env.example lists them.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the site and put meetings on the air.
    Serve,
    /// Print the description of the API.
    Openapi,
    /// Print every setting with its default.
    #[command(hide = true)]
    EnvExample,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bluecast: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve => serve(),
        Command::Openapi => {
            print!("{}", bluecast::http::openapi::document());
            Ok(())
        }
        Command::EnvExample => {
            print!("{}", bluecast::config::env_example());
            Ok(())
        }
    }
}

fn serve() -> anyhow::Result<()> {
    let settings = Settings::from_env()?;
    bluecast::telemetry::start_log(&settings);
    tokio::runtime::Runtime::new()?.block_on(async {
        let running = Running::start(settings).await?;
        println!("Bluecast listens on http://{}", running.address);
        if let Some(admin) = &running.first_admin
            && let Some(password) = &admin.generated_password
        {
            println!("First admin: {} with the password {} (shown this once)", admin.name, password.reveal());
        }
        tokio::signal::ctrl_c().await?;
        running.stop().await;
        Ok(())
    })
}
