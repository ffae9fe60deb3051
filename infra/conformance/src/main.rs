//! Run by the MCP conformance suite, with the MCP server's address as its last argument.

use broker::clock::{SystemClock, SystemRandom};
use broker::http::{Http, Reach};
use conformance::{Failure, Settings, run};
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match drive().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
async fn drive() -> Result<(), Failure> {
    let settings = Settings::read(std::env::args().skip(1), |name| std::env::var(name).ok())?;
    run(settings, Http::new(Reach::Loopback), SystemClock, SystemRandom).await
}
