//! The two key rings, made once and kept in the data folder: without them its tokens do not open.

use super::folder::Folder;
use super::private;
use broker::clock::{Random, unguessable};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// The rings, in the format of `KeyRing`.
pub(super) struct Keys {
    pub(super) browsers: String,
    pub(super) tokens: String,
}

impl Keys {
    /// Reads the rings in `folder`, making them if need be.
    pub(super) fn open(
        folder: &Folder,
        random: &impl Random,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        Ok(Self {
            browsers: open(&folder.path().join("browser-keys.json"), random)?,
            tokens: open(&folder.path().join("token-keys.json"), random)?,
        })
    }
}

fn open(file: &Path, random: &impl Random) -> Result<String, Box<dyn std::error::Error>> {
    match fs::read_to_string(file) {
        Ok(ring) => Ok(ring),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let ring = serde_json::json!({ "1": unguessable(random)? }).to_string();
            private::create(file, ring.as_bytes())?;
            Ok(ring)
        }
        Err(error) => Err(format!("{} cannot be read: {error}", file.display()).into()),
    }
}
