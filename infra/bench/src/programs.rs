//! What is measured is built first, each program by itself: Cargo unifies the features of all that it is
//! asked for at once, and the interceptor must be what is deployed.

use crate::Failure;
use crate::arguments::Arguments;
use crate::mode::Mode;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

/// Builds the programs and installs the peers.
pub fn build(arguments: &Arguments) -> Result<(), Failure> {
    // The workspace's default members are what is deployed.
    cargo(&["--bin", "interceptor"])?;
    cargo(&["--package", "echo"])?;
    cargo(&["--package", "floor"])?;
    if arguments.quick {
        return Ok(());
    }
    if arguments.asks_for(Mode::Growth) {
        cargo(&["--bin", "refresh"])?;
    }
    cargo(&["--package", "unprepared"])?;
    stock(arguments)?;
    python(&arguments.peers)?;
    node(&arguments.peers)
}

/// The interceptor as somebody builds it who has heard of none of this: no settings of the profile, CPU
/// jitter entropy, the operating system's trust store, and nothing prepared.
fn stock(arguments: &Arguments) -> Result<(), Failure> {
    let mut command = Command::new("cargo");
    command
        .args(["build", "--release", "--locked", "--package", "unprepared"])
        .args(["--features", "stock", "--target-dir"])
        .arg(&arguments.stock)
        .args(["--config", "profile.release.lto=false"])
        .args(["--config", "profile.release.codegen-units=16"])
        .args(["--config", "profile.release.opt-level=3"])
        // What .cargo/config.toml says gives way to what is set.
        .env("AWS_LC_SYS_NO_JITTER_ENTROPY", "0");
    run("cargo", &mut command)
}

/// The size of a package of `program` alone, in bytes.
pub fn package_size(program: &Path) -> Result<usize, Failure> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&fs::read(program)?)?;
    Ok(encoder.finish()?.len())
}

fn cargo(what: &[&str]) -> Result<(), Failure> {
    run("cargo", Command::new("cargo").args(["build", "--release", "--locked"]).args(what))
}

/// A virtual environment with the pinned packages, made anew when their list changes.
fn python(peers: &Path) -> Result<(), Failure> {
    let (home, list) = (peers.join("python"), "infra/bench/python/requirements.txt");
    let (wanted, note) = (fs::read_to_string(list)?, home.join("installed"));
    if fs::read_to_string(&note).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    run("python3", Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))?;
    let mut install = Command::new(home.join("bin/pip"));
    install.args(["install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    run("pip", install.args(["--only-binary", ":all:", "--requirement", list]))?;
    Ok(fs::write(note, wanted)?)
}

/// A folder with the peer's own files and the pinned packages, installed anew when their list changes.
fn node(peers: &Path) -> Result<(), Failure> {
    let (home, from) = (peers.join("node"), Path::new("infra/bench/node"));
    fs::create_dir_all(&home)?;
    for name in ["interceptor.mjs", "runtime.mjs", "package.json", LOCK] {
        fs::copy(from.join(name), home.join(name))?;
    }
    let (wanted, note) = (fs::read_to_string(from.join(LOCK))?, home.join("installed"));
    if fs::read_to_string(&note).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let mut install = Command::new("npm");
    install.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&home);
    run("npm", &mut install)?;
    // A process that is measured has a path of its own, on which Node.js need not be.
    let program = Command::new("node").args(["--print", "process.execPath"]).output()?;
    let program = String::from_utf8_lossy(&program.stdout).trim().to_owned();
    let link = home.join("node");
    if link.is_symlink() {
        fs::remove_file(&link)?;
    }
    symlink(program, link)?;
    Ok(fs::write(note, wanted)?)
}

const LOCK: &str = "package-lock.json";

fn run(tool: &'static str, command: &mut Command) -> Result<(), Failure> {
    let status = command.status()?;
    let what = || Failure::Tool { tool, what: status.to_string() };
    if status.success() { Ok(()) } else { Err(what()) }
}
