//! Copies of what is measured, all made anew at once.
//!
//! One and the same binary took up to a tenth more processor time for a start, or less, by whether the
//! linker, a package manager or `cp` had written it, and what was read since: it seems that the kernel maps
//! a file as fast as it happens to keep its pages. Interpreters, their own libraries, those of the system and
//! what the Python peer itself says stay where they are.

use crate::Failure;
use crate::arguments::Arguments;
use crate::variant::PROGRAMS;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

/// `arguments` whose programs and peers are copies in `folder`. What is not there is not copied.
pub fn make(arguments: &Arguments, folder: &Path) -> Result<Arguments, Failure> {
    if folder.exists() {
        let folder = fs::canonicalize(folder)?;
        let sources =
            [&arguments.interceptor, &arguments.built, &arguments.stock, &arguments.peers];
        if sources
            .iter()
            .any(|from| fs::canonicalize(from).is_ok_and(|from| from.starts_with(&folder)))
        {
            let what = format!(
                "{} is made anew in each run: give what it was copied from",
                folder.display()
            );
            return Err(Failure::Tool { tool: "copies", what });
        }
        fs::remove_dir_all(folder)?;
    }
    let copies = Arguments {
        interceptor: folder.join("interceptor"),
        built: folder.join("built"),
        stock: folder.join("stock"),
        peers: folder.join("peers"),
        ..arguments.clone()
    };
    copy_all(&arguments.interceptor, &copies.interceptor)?;
    copy_all(&arguments.stocked(), &copies.stocked())?;
    for program in PROGRAMS {
        copy_all(&arguments.built(program), &copies.built(program))?;
    }
    copy_all(&arguments.peers, &copies.peers)?;
    Ok(copies)
}

/// What lies at `from`, wherever that leads, if something does.
fn copy_all(from: &Path, to: &Path) -> io::Result<()> {
    fs::canonicalize(from).map_or(Ok(()), |from| copy(&from, to))
}

/// A file, a link or a folder with all that is in it.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(from)?;
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    if found.is_symlink() {
        return symlink(fs::read_link(from)?, to);
    }
    if found.is_dir() {
        fs::create_dir_all(to)?;
        return fs::read_dir(from)?.try_for_each(|entry| {
            let name = entry?.file_name();
            copy(&from.join(&name), &to.join(&name))
        });
    }
    fs::copy(from, to)?;
    let copied = File::open(to)?;
    // Python compiles anew what is younger than what it compiled.
    copied.set_modified(found.modified()?)?;
    // Or else it would be written to the disk while others are measured.
    copied.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::time::{Duration, SystemTime};

    #[test]
    fn what_is_there_is_copied_as_it_is_and_what_was_copied_before_is_gone() {
        let folder = std::env::temp_dir().join(format!("bench-copies-{}", std::process::id()));
        let (from, to) = (folder.join("from"), folder.join("to"));
        let peer = from.join("peers/python/lib/peer.py");
        fs::create_dir_all(peer.parent().unwrap()).unwrap();
        fs::create_dir_all(&to).unwrap();
        for program in ["interceptor", "floor", "echo", "other"] {
            fs::write(from.join(program), program).unwrap();
        }
        fs::write(&peer, "print()").unwrap();
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        File::open(&peer).unwrap().set_modified(then).unwrap();
        symlink("/usr/bin/python3", from.join("peers/python/python")).unwrap();
        fs::write(to.join("of an earlier run"), "").unwrap();
        let here = from.to_str().unwrap();
        let linked = folder.join("linked");
        symlink(from.join("peers"), &linked).unwrap();
        let line =
            format!("bench --interceptor {here}/interceptor --built {here} --stock /none warm");
        let parsed = |peers: &Path| {
            let peers = ["--peers", peers.to_str().unwrap()];
            Arguments::parse_from(line.split(' ').chain(peers))
        };
        let arguments = parsed(&linked);
        // What was copied before is not there to be copied again.
        assert!(make(&parsed(&to), &to).is_err());
        assert!(to.join("of an earlier run").exists());

        let copies = make(&arguments, &to).unwrap();

        assert_eq!(copies.modes, arguments.modes);
        assert!(
            [&copies.interceptor, &copies.built, &copies.stock, &copies.peers]
                .iter()
                .all(|path| path.starts_with(&to))
        );
        assert_eq!(fs::read_to_string(&copies.interceptor).unwrap(), "interceptor");
        assert_eq!(fs::read_to_string(copies.built("floor")).unwrap(), "floor");
        assert!(!copies.built("refresh").exists() && !copies.built("other").exists());
        assert!(!copies.stocked().exists() && !to.join("of an earlier run").exists());
        assert!(!copies.peers.is_symlink());
        let peer = fs::metadata(copies.peers.join("python/lib/peer.py")).unwrap();
        assert_eq!(peer.modified().unwrap(), then);
        let python = fs::read_link(copies.peers.join("python/python")).unwrap();
        assert_eq!(python, Path::new("/usr/bin/python3"));
        fs::remove_dir_all(folder).unwrap();
    }
}
