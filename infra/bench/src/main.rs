//! Measures, prints tables and writes the figures down.

use bench::arguments::{Arguments, Command};
use bench::baseline::Baseline;
use bench::modes::Measured;
use bench::results::{Machine, Results};
use bench::{Failure, bill, canary, copies, modes, plot, programs, readme, text};
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
        // What refuses to be written without all figures comes first.
        bill::write(Path::new("infra/README.md"), &found.comparisons)?;
        readme::write(Path::new("README.md"), &found)?;
        plot::draw(Path::new("infra/bench/plots"), &found.comparisons)?;
        return Ok(ExitCode::SUCCESS);
    }
    fs::create_dir_all(folder)?;
    if !arguments.as_built && !arguments.quick {
        programs::build(arguments)?;
    }
    programs::look(arguments)?;
    let now = SystemTime::now();
    // All of it: later one processor is given away.
    let machine = Machine::here(now)?;
    // Instructions are the same wherever a file lies.
    let measured = if arguments.quick {
        modes::measure(arguments, folder, now)?
    } else {
        modes::measure(&copies::make(arguments, &folder.join("programs"))?, folder, now)?
    };
    for comparison in &measured.comparisons {
        print!("{}", text::table(comparison));
    }
    let package = programs::package_size(&arguments.interceptor)?;
    println!("\nPackage of the interceptor: {package} bytes");
    for sentence in &measured.left_out {
        println!("NOT MEASURED: {sentence}");
    }
    let is_complete = measured.left_out.is_empty();
    let good = if arguments.quick {
        is_as_agreed(arguments, &measured)? && is_complete
    } else {
        let results = Results { machine, comparisons: measured.comparisons };
        results.keep(&path, !(arguments.modes.is_empty() && is_complete))?;
        is_complete
    };
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn is_as_agreed(arguments: &Arguments, measured: &Measured) -> Result<bool, Failure> {
    let path = Path::new("infra/bench/baseline.json");
    if arguments.renew {
        Baseline::renew(path, measured)?;
    }
    let (agreed, now) = (Baseline::read(path)?, Baseline::of(&measured.comparisons));
    let worse = agreed.exceeded(&now);
    let songs = canary::songs(&measured.comparisons);
    for sentence in worse.iter().chain(&songs) {
        eprintln!("FAILED: {sentence}");
    }
    if !worse.is_empty() {
        eprintln!(
            "It was agreed on {}, of what infra/check builds; this is {}.\n\
             If it is worth it: after infra/check, target/debug/bench --quick --renew, and say in \
             the commit why.",
            agreed.on, now.on
        );
    }
    Ok(worse.is_empty() && songs.is_empty())
}
