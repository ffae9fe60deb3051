//! What is measured is built first, each program by itself: Cargo unifies the features of all that it is
//! asked for at once, and the interceptor must be what is deployed.

use crate::Failure;
use crate::arguments::Arguments;
use crate::mode::Mode;
use crate::variant::TREE;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

/// Builds the programs and installs the peers that are asked for.
pub fn build(arguments: &Arguments) -> Result<(), Failure> {
    let plays = |name: &str| !arguments.leaves_out(name);
    let has_peers =
        |mode| !matches!(mode, Mode::Pass | Mode::Body | Mode::Growth | Mode::Callgrind);
    let has_peers = Mode::all().any(|mode| has_peers(mode) && arguments.asks_for(mode));
    let (python_plays, node_plays) = (has_peers && plays("python"), has_peers && plays("node"));
    // Before the minutes that the builds take.
    if python_plays {
        there(PYTHON, "python3", &["-c", PYTHON_IS_NEW])?;
    }
    if node_plays {
        there(NODE, "node", &["--eval", NODE_IS_NEW])?;
        there(NODE, "npm", &["--version"])?;
    }
    // The workspace's default members are what is deployed.
    cargo(&["--bin", "interceptor"])?;
    cargo(&["--package", "echo"])?;
    // At its fastest: what the interceptor does without for size is not taken from the floor.
    cargo(&["--package", "floor", "--config", FASTEST])?;
    if measures_bodies(arguments) {
        cargo(&["--package", TREE])?;
    }
    if arguments.asks_for(Mode::Growth) {
        cargo(&["--bin", "refresh"])?;
    }
    if has_peers || arguments.asks_for(Mode::Callgrind) {
        cargo(&["--package", "unprepared"])?;
        stock(arguments)?;
    }
    if python_plays {
        python(&arguments.peers)?;
    }
    if node_plays {
        node(&arguments.peers)?;
    }
    Ok(())
}

/// Looks for what is needed: each process that does not start would be tried again.
pub fn look(arguments: &Arguments) -> Result<(), Failure> {
    let needed = [arguments.interceptor.clone(), arguments.built("floor"), arguments.built("echo")];
    let tree = measures_bodies(arguments).then(|| arguments.built(TREE));
    match needed.into_iter().chain(tree).find(|program| !program.exists()) {
        Some(program) => Err(Failure::Missing(program)),
        None => Ok(()),
    }
}

/// Whether a body is compared with a tree of it.
fn measures_bodies(arguments: &Arguments) -> bool {
    arguments.asks_for(Mode::Body) && !arguments.leaves_out(TREE)
}

/// Whether a tool is there and of use, or else `what` is wanted.
fn there(what: &'static str, tool: &str, arguments: &[&str]) -> Result<(), Failure> {
    let mut asked = Command::new(tool);
    let asked = asked.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if asked.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(Failure::Tool { tool: "this machine has no", what: what.to_owned() })
}

const FASTEST: &str = "profile.release.package.aws-lc-sys.opt-level=3";
const PYTHON: &str =
    "Python 3.11 or newer with ensurepip (apt-get install python3-venv), or run --without python";
const PYTHON_IS_NEW: &str = "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))";
const NODE: &str = "Node.js 20 or newer with npm, or run --without node";
const NODE_IS_NEW: &str = "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)";

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
    let mut command = Command::new("cargo");
    // Whatever CARGO_TARGET_DIR says: there they are looked for.
    command.args(["build", "--release", "--locked", "--target-dir", "target"]).args(what);
    run("cargo", &mut command)
}

/// A virtual environment with the pinned packages, made anew when their list or the interpreter changes.
fn python(peers: &Path) -> Result<(), Failure> {
    let (home, list) = (peers.join("python"), "infra/bench/python/requirements.txt");
    let version = Command::new("python3").arg("--version").output()?;
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let (wanted, note) = (version + &fs::read_to_string(list)?, home.join("installed"));
    let is_installed = fs::read_to_string(&note).is_ok_and(|installed| installed == wanted);
    if is_installed && home.join("bin/python").exists() {
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
    // A process that is measured has a path of its own, on which Node.js need not be.
    let program = Command::new("node").args(["--print", "process.execPath"]).output()?;
    let program = String::from_utf8_lossy(&program.stdout).trim().to_owned();
    let link = home.join("node");
    if link.is_symlink() {
        // It may be another by now.
        fs::remove_file(&link)?;
    }
    symlink(program, link)?;
    let (wanted, note) = (fs::read_to_string(from.join(LOCK))?, home.join("installed"));
    if fs::read_to_string(&note).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let mut install = Command::new("npm");
    install.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&home);
    run("npm", &mut install)?;
    Ok(fs::write(note, wanted)?)
}

const LOCK: &str = "package-lock.json";

fn run(tool: &'static str, command: &mut Command) -> Result<(), Failure> {
    let status = command.status()?;
    let what = || Failure::Tool { tool, what: status.to_string() };
    if status.success() { Ok(()) } else { Err(what()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn a_tree_is_built_and_looked_for_only_where_a_body_is_compared_with_one() {
        let folder = std::env::temp_dir().join(format!("bench-programs-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for program in ["interceptor", "floor", "echo"] {
            fs::write(folder.join(program), "").unwrap();
        }
        let built = folder.to_str().unwrap();
        let missing = |line: &str| {
            let line = format!("bench --interceptor {built}/interceptor --built {built} {line}");
            match look(&Arguments::parse_from(line.split_whitespace())) {
                Err(Failure::Missing(program)) => Some(program),
                _ => None,
            }
        };
        for with in ["", "body", "warm body"] {
            assert_eq!(missing(with), Some(folder.join(TREE)), "{with}");
        }
        for without in ["--quick", "size warm", "--without tree"] {
            assert_eq!(missing(without), None, "{without}");
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
