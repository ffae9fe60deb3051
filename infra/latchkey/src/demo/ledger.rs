//! What a demo authorization server remembers: clients and grants in a file, the rest in memory.

use super::keys::write_private;
use super::people::Person;
use broker::seal::text;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fs, io};

/// The memory of one server. Secrets and codes are kept as digests.
pub(crate) struct Ledger {
    file: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    kept: Kept,
    interactions: HashMap<String, Interaction>,
    codes: HashMap<String, Code>,
}

/// What survives a restart.
#[derive(Default, Deserialize, Serialize)]
struct Kept {
    clients: BTreeMap<String, Client>,
    families: BTreeMap<String, Family>,
}

/// A registered client.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Client {
    /// What pages call it. It chose the name itself.
    pub(crate) name: String,
    /// Where its answers may go, compared byte for byte.
    pub(crate) redirect_uris: Vec<String>,
    /// The digest of its secret. A public client has none.
    pub(crate) secret: Option<String>,
}

/// What a person has granted to a client.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Grant {
    pub(crate) client_id: String,
    pub(crate) person: Person,
    pub(crate) scopes: Vec<String>,
    pub(crate) resource: String,
    pub(crate) signed_in_at: u64,
}

/// An authorization request with which somebody is busy.
#[derive(Clone, Debug)]
pub(crate) struct Interaction {
    /// The cookie of the browser that it began in.
    pub(crate) browser: String,
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) state: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) code_challenge: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) resource: String,
    /// Who signed in, if anyone has.
    pub(crate) person: Option<Person>,
    pub(crate) expires_at: u64,
}

/// What an authorization code stands for.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) grant: Grant,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: String,
    pub(crate) nonce: Option<String>,
    pub(crate) expires_at: u64,
    spent: Spent,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Spent {
    Not,
    /// On tokens of this family, if it was given a refresh token.
    On(String),
}

impl Code {
    /// A code that nobody has used.
    pub(crate) fn new(grant: Grant, asked: &Interaction, expires_at: u64) -> Self {
        Self {
            grant,
            redirect_uri: asked.redirect_uri.clone(),
            challenge: asked.code_challenge.clone(),
            nonce: asked.nonce.clone(),
            expires_at,
            spent: Spent::Not,
        }
    }
}

/// A refresh token and its successors, of which only the last is good.
#[derive(Deserialize, Serialize)]
struct Family {
    grant: Grant,
    /// The digest of the last one.
    current: String,
    expires_at: u64,
}

impl Ledger {
    /// Reads what an earlier run left in `folder`.
    pub(crate) fn open(folder: Option<&Path>) -> io::Result<Self> {
        let file = folder.map(|folder| folder.join("grants.json"));
        let kept = match file.as_deref().map(fs::read).transpose() {
            Ok(None) => Kept::default(),
            Ok(Some(json)) => serde_json::from_slice(&json)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Kept::default(),
            Err(error) => return Err(error),
        };
        Ok(Self { file, state: Mutex::new(State { kept, ..State::default() }) })
    }

    /// Remembers a client that the operator names.
    pub(crate) fn know(&self, id: &str, client: Client) {
        let mut state = self.state();
        state.kept.clients.insert(id.to_owned(), client);
        self.keep(&state.kept);
    }

    /// Remembers a client that named itself, unless there are too many.
    pub(crate) fn register(&self, id: &str, client: Client) -> Result<(), Full> {
        if self.state().kept.clients.len() >= MANY {
            return Err(Full);
        }
        self.know(id, client);
        Ok(())
    }

    /// The client of that id.
    pub(crate) fn client(&self, id: &str) -> Option<Client> {
        self.state().kept.clients.get(id).cloned()
    }

    /// Begins an interaction.
    pub(crate) fn begin(&self, id: &str, interaction: Interaction, now: u64) -> Result<(), Full> {
        let mut state = self.state();
        state.interactions.retain(|_, other| other.expires_at > now);
        if state.interactions.len() >= MANY {
            return Err(Full);
        }
        state.interactions.insert(id.to_owned(), interaction);
        Ok(())
    }

    /// The interaction of that id, for the browser that began it.
    pub(crate) fn interaction(&self, id: &str, browser: &str, now: u64) -> Option<Interaction> {
        let state = self.state();
        let found = state.interactions.get(id)?;
        (found.browser == browser && found.expires_at > now).then(|| found.clone())
    }

    /// Notes who signed in, or that nobody is.
    pub(crate) fn identify(&self, id: &str, person: Option<Person>) {
        if let Some(interaction) = self.state().interactions.get_mut(id) {
            interaction.person = person;
        }
    }

    /// Ends an interaction. Of two who try, one succeeds.
    pub(crate) fn finish(&self, id: &str) -> Option<Interaction> {
        self.state().interactions.remove(id)
    }

    /// Remembers a new code.
    pub(crate) fn issue(&self, code: &str, meaning: Code, now: u64) {
        let mut state = self.state();
        // A spent code is kept a little longer, so that a second use is noticed.
        state.codes.retain(|_, other| other.expires_at + NOTICE.as_secs() > now);
        state.codes.insert(digest(code), meaning);
    }

    /// Spends a code on tokens of `family`. A second attempt ends what the first one gained.
    /// <https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2>
    pub(crate) fn redeem(&self, code: &str, family: &str, now: u64) -> Option<Code> {
        let mut state = self.state();
        let State { kept, codes, .. } = &mut *state;
        let found = codes.get_mut(&digest(code))?;
        if let Spent::On(earlier) = &found.spent {
            if kept.families.remove(earlier).is_some() {
                tracing::warn!(outcome = "code_replayed", "a code came twice; its grant is over");
                self.keep(kept);
            }
            return None;
        }
        found.spent = Spent::On(family.to_owned());
        (found.expires_at > now).then(|| found.clone())
    }

    /// Begins a family with its first refresh token.
    pub(crate) fn found(&self, family: &str, token: &str, grant: Grant, now: u64) {
        let mut state = self.state();
        state.kept.families.retain(|_, other| other.expires_at > now);
        let expires_at = now + REFRESH_LIFETIME.as_secs();
        let current = digest(token);
        state.kept.families.insert(family.to_owned(), Family { grant, current, expires_at });
        self.keep(&state.kept);
    }

    /// Replaces the family's refresh token. An earlier one of the family ends it: it was stolen, or
    /// its successor was. <https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2>
    pub(crate) fn rotate(
        &self,
        family: &str,
        presented: &str,
        successor: &str,
        client_id: &str,
        now: u64,
    ) -> Option<Grant> {
        let mut state = self.state();
        let found = state.kept.families.get_mut(family)?;
        if found.grant.client_id != client_id {
            return None;
        }
        if found.current != digest(presented) || found.expires_at <= now {
            state.kept.families.remove(family);
            self.keep(&state.kept);
            tracing::warn!(outcome = "grant_ended", "an old refresh token came; its grant is over");
            return None;
        }
        found.current = digest(successor);
        found.expires_at = now + REFRESH_LIFETIME.as_secs();
        let grant = found.grant.clone();
        self.keep(&state.kept);
        Some(grant)
    }

    /// The grant behind a refresh token that is still good.
    pub(crate) fn grant(&self, family: &str, presented: &str) -> Option<Grant> {
        let state = self.state();
        let found = state.kept.families.get(family)?;
        (found.current == digest(presented)).then(|| found.grant.clone())
    }

    /// Ends a family that is this client's.
    pub(crate) fn revoke(&self, family: &str, client_id: &str) {
        let mut state = self.state();
        if state.kept.families.get(family).is_some_and(|f| f.grant.client_id == client_id) {
            state.kept.families.remove(family);
            self.keep(&state.kept);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Called under the lock, so that the file never goes back in time.
    fn keep(&self, kept: &Kept) {
        let Some(file) = &self.file else { return };
        let written = serde_json::to_vec_pretty(kept)
            .map_err(io::Error::from)
            .and_then(|json| write_private(file, &json));
        if let Err(error) = written {
            tracing::warn!("{} is not up to date: {error}", file.display());
        }
    }
}

/// There is no room for one more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Full;

/// What a secret is remembered by.
pub(crate) fn digest(secret: &str) -> String {
    text(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, secret.as_bytes()).as_ref())
}

const MANY: usize = 1000;
const NOTICE: Duration = Duration::from_mins(10);
const REFRESH_LIFETIME: Duration = Duration::from_hours(30 * 24);
