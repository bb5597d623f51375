//! The command line.

mod command;

use std::io::Write;
use std::process::ExitCode;

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
    /// Put one meeting on the air without panel or database.
    Push(command::push::Push),
    /// Check that everything is there, and name the command that mends what is not.
    Doctor {
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Bring the database up to date, and do nothing else.
    Migrate,
    /// Users.
    #[command(subcommand)]
    User(command::user::User),
    /// API tokens.
    #[command(subcommand)]
    Token(command::token::Token),
    /// What GStreamer runs.
    #[command(subcommand)]
    Pipeline(command::pipeline::Pipeline),
    /// Print the description of the API.
    Openapi,
    /// Print every setting with its default.
    #[command(hide = true)]
    EnvExample,
}

fn main() -> ExitCode {
    bluecast::memory::bound();
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bluecast: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve => return command::serve::run(),
        Command::Push(push) => return push.run(),
        Command::Doctor { json } => return command::doctor::run(json),
        Command::Migrate => command::migrate()?,
        Command::User(user) => user.run()?,
        Command::Token(token) => token.run()?,
        Command::Pipeline(pipeline) => pipeline.run()?,
        Command::Openapi => write(&bluecast::http::openapi::document()),
        Command::EnvExample => write(&bluecast::config::env_example()),
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes to standard output; whoever reads it may stop early, as `head` does.
fn write(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
