//! Measures, prints tables and writes the figures down.

use bench::arguments::{Arguments, Command};
use bench::baseline::Baseline;
use bench::comparison::Comparison;
use bench::results::{Machine, Results};
use bench::{Failure, bill, canary, modes, plot, programs, readme, text};
use clap::Parser;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "tokens and connections of this run begin now")]
fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let folder = Path::new("target/bench");
    let path = folder.join("results.json");
    if let Some(Command::Report) = arguments.command {
        let found = Results::read(&path)?;
        plot::draw(Path::new("infra/bench/plots"), &found.comparisons)?;
        readme::write(Path::new("README.md"), &found)?;
        bill::write(Path::new("infra/README.md"), &found.comparisons)?;
        return Ok(ExitCode::SUCCESS);
    }
    fs::create_dir_all(folder)?;
    if !arguments.as_built {
        programs::build(arguments)?;
    }
    let now = SystemTime::now();
    let measured = modes::measure(arguments, folder, now)?;
    for comparison in &measured.comparisons {
        print!("{}", text::table(comparison));
    }
    let package = programs::package_size(&arguments.interceptor)?;
    println!("\nPackage of the interceptor: {package} bytes");
    for sentence in &measured.left_out {
        println!("NOT MEASURED: {sentence}");
    }
    let results = Results { machine: Machine::here(now)?, comparisons: measured.comparisons };
    results.write(&path)?;
    let agreed = !arguments.quick || is_as_agreed(arguments, &results.comparisons)?;
    let good = measured.left_out.is_empty() && agreed;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn is_as_agreed(arguments: &Arguments, found: &[Comparison]) -> Result<bool, Failure> {
    let path = Path::new("infra/bench/baseline.json");
    let now = Baseline::of(found);
    if arguments.renew {
        now.write(path)?;
    }
    let worse = Baseline::read(path)?.exceeded(&now);
    let songs = canary::songs(found);
    for sentence in worse.iter().chain(&songs) {
        eprintln!("FAILED: {sentence}");
    }
    if !worse.is_empty() {
        eprintln!("If it is worth it: the same with --renew, and say in the commit why.");
    }
    Ok(worse.is_empty() && songs.is_empty())
}
