//! Copies of what is measured, all made anew at once.
//!
//! The kernel keeps a file's pages as they came, in large pieces or in single ones, and maps them as it
//! keeps them: one and the same binary took up to a tenth more processor time for a start, or less, by
//! whether the linker, a package manager or `cp` had written it, and what was read since. Interpreters,
//! their own libraries and those of the system stay where they are.

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
        fs::remove_dir_all(folder)?;
    }
    let copies = Arguments {
        interceptor: folder.join("interceptor"),
        built: folder.join("built"),
        stock: folder.join("stock"),
        peers: folder.join("peers"),
        ..arguments.clone()
    };
    copy(&arguments.interceptor, &copies.interceptor)?;
    copy(&arguments.stocked(), &copies.stocked())?;
    for program in PROGRAMS {
        copy(&arguments.built(program), &copies.built(program))?;
    }
    copy(&arguments.peers, &copies.peers)?;
    Ok(copies)
}

/// A file, a link or a folder with all that is in it, if it is there.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let Ok(found) = fs::symlink_metadata(from) else { return Ok(()) };
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
    // Python compiles anew what is younger than what it compiled.
    File::open(to)?.set_modified(found.modified()?)
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
        let line =
            format!("bench --interceptor {here}/interceptor --built {here} --peers {here}/peers");
        let arguments = Arguments::parse_from(line.split(' ').chain(["--stock", "/none", "warm"]));

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
        let peer = fs::metadata(copies.peers.join("python/lib/peer.py")).unwrap();
        assert_eq!(peer.modified().unwrap(), then);
        let python = fs::read_link(copies.peers.join("python/python")).unwrap();
        assert_eq!(python, Path::new("/usr/bin/python3"));
        fs::remove_dir_all(folder).unwrap();
    }
}
