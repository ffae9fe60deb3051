//! The data folder: what `local` remembers from one run to the next, and what `connect` leaves there
//! for it. Both may be at work at once.

use super::private;
use broker::target::{SecretName, TargetName};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A data folder.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

/// What a run of `local` leaves for whoever comes after it.
#[derive(Deserialize, Serialize)]
struct Note {
    base_url: String,
}

impl Folder {
    /// The folder at `path`. Nothing is made before something is kept.
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The origin under which browsers reach `local`, as its last run had it.
    pub fn base_url(&self) -> io::Result<Option<String>> {
        let Some(text) = read(&self.0.join(NOTE))? else { return Ok(None) };
        let note: Note = serde_json::from_str(&text)?;
        Ok(Some(note.base_url))
    }

    /// Notes the origin of this run.
    pub fn keep_base_url(&self, base_url: &str) -> io::Result<()> {
        let note = serde_json::to_string(&Note { base_url: base_url.to_owned() })?;
        private::replace(&self.0.join(NOTE), note.as_bytes())
    }

    /// The tools of a target, if anybody said which they are.
    pub fn tools(&self, target: &TargetName) -> io::Result<Option<Vec<Value>>> {
        let Some(text) = read(&self.tools_file(target))? else { return Ok(None) };
        Ok(serde_json::from_str(&text)?)
    }

    /// Keeps the tools of a target.
    pub fn keep_tools(&self, target: &TargetName, tools: &[Value]) -> io::Result<()> {
        private::replace(&self.tools_file(target), &serde_json::to_vec(tools)?)
    }

    /// Forgets the tools of a target.
    pub fn forget_tools(&self, target: &TargetName) -> io::Result<()> {
        forget(&self.tools_file(target))
    }

    /// A secret that was kept under `name`.
    pub fn secret(&self, name: &SecretName) -> io::Result<Option<String>> {
        read(&self.secret_file(name)?)
    }

    /// Keeps a secret, readable by its owner only.
    pub fn keep_secret(&self, name: &SecretName, secret: &str) -> io::Result<()> {
        private::replace(&self.secret_file(name)?, secret.as_bytes())
    }

    /// Forgets a secret.
    pub fn forget_secret(&self, name: &SecretName) -> io::Result<()> {
        forget(&self.secret_file(name)?)
    }

    fn tools_file(&self, target: &TargetName) -> PathBuf {
        self.0.join(TOOLS).join(format!("{target}.json"))
    }

    /// A name comes from a record, and must not lead out of the folder.
    fn secret_file(&self, name: &SecretName) -> io::Result<PathBuf> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/".contains(&byte);
        if name.0.is_empty() || !name.0.bytes().all(plain) {
            return Err(io::Error::new(ErrorKind::InvalidInput, "not the name of a kept secret"));
        }
        Ok(self.0.join(SECRETS).join(name.0.replace('/', ".")))
    }
}

fn read(file: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn forget(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

const NOTE: &str = "local.json";
const TOOLS: &str = "tools";
const SECRETS: &str = "client-secrets";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secrets_name_leads_out_of_the_folder() {
        let folder = Folder::at(Path::new("/nowhere"));
        let file = |name: &str| folder.secret_file(&SecretName(name.to_owned()));
        let kept = file("connect/notes/a-b_c/registration").unwrap();
        assert_eq!(kept, Path::new("/nowhere/client-secrets/connect.notes.a-b_c.registration"));
        for name in ["", ".", "..", "../token-keys.json", "a.b", "a\\b", "a\0b", "\u{f6}"] {
            assert!(file(name).is_err(), "{name:?}");
        }
    }
}
