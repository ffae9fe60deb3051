//! Measures, prints a table and writes the figures down.

use bench::arguments::Arguments;
use bench::{Failure, modes, text};
use clap::Parser;
use std::fs;
use std::time::SystemTime;

#[expect(clippy::disallowed_methods, reason = "tokens and connections of this run begin now")]
fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let folder = std::path::Path::new("target/bench");
    fs::create_dir_all(folder)?;
    let measured = modes::measure(&arguments, folder, SystemTime::now())?;
    for comparison in &measured.comparisons {
        print!("{}", text::table(comparison));
    }
    for sentence in &measured.left_out {
        println!("NOT MEASURED: {sentence}");
    }
    let json =
        serde_json::to_string_pretty(&measured.comparisons).map_err(std::io::Error::other)?;
    fs::write(&arguments.results, json + "\n")?;
    Ok(())
}
