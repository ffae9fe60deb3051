//! The operator's command.

use clap::{Parser, Subcommand};
use latchkey::answer::misread;
use latchkey::demo::Person;
use latchkey::local::{Demo, Local, Settings};
use latchkey::{attach, connect, disconnect, doctor, story, targets};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[derive(Parser)]
#[command(about = "Latchkey gives Amazon Bedrock AgentCore Gateway each user's own OAuth tokens.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Attach the interceptor of a deployment to a gateway that is there already.
    Attach(attach::Arguments),
    /// Connect an MCP server, from nothing but its address.
    Connect(connect::Arguments),
    /// End people's connections at a target of a deployment.
    Disconnect(disconnect::Arguments),
    /// Check a deployment, and whether connected servers are still as they were.
    Doctor(doctor::Arguments),
    /// Run broker, gateway stand-in and database on this machine.
    Local {
        /// Your identity provider and MCP servers. Without it, demo servers are started too.
        #[arg(long)]
        config: Option<PathBuf>,
    },
    /// Show one tool call from "please connect" to its answer, against a running demo.
    Story {
        /// For whom the agent works.
        #[arg(long = "as", value_enum, default_value = "alice")]
        person: Person,
        /// Leave opening the page to you.
        #[arg(long)]
        no_open: bool,
    },
    /// List the connected servers, remove one, or have one looked at again.
    Targets(targets::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    log();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return misread(&error, std::env::args().any(|word| word == "--json")),
    };
    let done = match arguments.command {
        Command::Attach(arguments) => return arguments.run().await,
        Command::Disconnect(arguments) => return arguments.run().await,
        Command::Connect(arguments) => return arguments.run(client_secret()).await,
        Command::Doctor(arguments) => return arguments.run().await,
        Command::Targets(arguments) => return arguments.run().await,
        Command::Local { config } => local(config).await,
        Command::Story { person, no_open } => {
            story::tell(&Demo::new().gateway, person, !no_open).await
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("latchkey: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Logs go to stderr, so that stdout says only what a person or a script waits for. A person gets
/// lines, a file gets JSON as a deployment's log does.
fn log() {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| "info,aws_config=error,dynoxide=error".into());
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter);
    if std::io::stderr().is_terminal() { log.compact().init() } else { log.json().init() }
}

#[expect(clippy::disallowed_methods, reason = "an operator's secret need not stand in a command")]
fn client_secret() -> Option<String> {
    std::env::var("LATCHKEY_CLIENT_SECRET").ok().filter(|secret| !secret.is_empty())
}

async fn local(config: Option<PathBuf>) -> Result<(), Box<dyn std::error::Error>> {
    let (settings, demo) = match config {
        Some(file) => (Settings::read(&file)?, None),
        None => (Demo::new().settings()?, Some(Demo::new())),
    };
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|error| format!("{} is not free: {error}", settings.listen))?;
    if let Some(demo) = &demo {
        demo.start(&settings).await?;
    }
    let url = settings.gateway_url();
    let local = Local::open(settings).await?;
    if let Some(demo) = &demo {
        println!("{demo}");
    }
    println!("ready: {url}");
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    axum::serve(listener, local.router.clone())
        .with_graceful_shutdown(async move {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        })
        .await?;
    local.close().await;
    Ok(())
}
