//! What is made ready before the first event, and the one thing that is done with it.

use crate::Failure;
use crate::connection::{Connection, Trust};
use crate::event::Call;
use crate::jwt::{self, Claims};
use crate::keys::{Keys, fingerprint};
use crate::settings::{Settings, now};
use crate::sigv4::Signer;
use crate::table::{self, Table, Target};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use std::collections::HashMap;

/// All that a warm call needs.
pub(crate) struct Memory {
    table: Table,
    keys: Keys,
    provider: jwt::Keys,
    targets: HashMap<String, Target>,
    issuer: String,
    client: String,
}

impl Memory {
    /// Reads the ring and the targets, unless they are given.
    pub(crate) fn prepare(settings: &Settings) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        struct Given {
            jwks: String,
            keys: Option<String>,
            targets: Option<Vec<String>>,
        }
        let trust = Trust::read(&settings.root)?;
        let mut table = Table::new(Connection::open(&settings.dynamodb, Some(&trust))?, settings);
        let given: Given = serde_json::from_str(&settings.given)?;
        let keys = given.keys.map_or_else(|| token_keys(settings, &trust), Ok)?;
        let targets = match given.targets {
            Some(targets) => table::read(targets.iter().map(String::as_str))?,
            None => table.targets()?,
        };
        Ok(Self {
            table,
            keys: Keys::read(&keys)?,
            provider: jwt::Keys::read(&given.jwks)?,
            targets,
            issuer: settings.issuer.clone(),
            client: settings.client.clone(),
        })
    }

    /// Answers an event with the caller's own token.
    pub(crate) fn forward(&mut self, event: &[u8]) -> Result<Vec<u8>, Failure> {
        #[derive(Deserialize)]
        struct Tokens<'a> {
            access: &'a str,
        }
        let call = Call::read(event)?;
        let payload = self.provider.verified(call.jwt)?;
        let claims = Claims::admitted(&payload, &self.issuer, &self.client, now())?;
        let target = self.targets.get(call.target).ok_or("an unknown target")?;
        let subject = URL_SAFE_NO_PAD.encode(fingerprint(&[&self.issuer, claims.sub]));
        let sealed = self.table.sealed(&subject, &target.name)?;
        let owner = [
            "tokens",
            &subject,
            &target.name,
            &target.resource,
            &target.authorization_server.issuer,
        ];
        let plain = self.keys.open(&owner, &sealed)?;
        let tokens: Tokens = serde_json::from_slice(&plain)?;
        Ok(call.forwarded(tokens.access))
    }
}

fn token_keys(settings: &Settings, trust: &Trust) -> Result<String, Failure> {
    #[derive(Deserialize)]
    struct Output {
        #[serde(rename = "SecretString")]
        text: String,
    }
    let mut connection = Connection::open(&settings.secrets_manager, Some(trust))?;
    let mut signer = Signer::new("secretsmanager", "application/x-amz-json-1.1", settings);
    let query = format!(r#"{{"SecretId":"{}"}}"#, settings.token_keys_secret);
    let request = signer.request(&connection.host, "secretsmanager.GetSecretValue", &query, now());
    let output: Output = serde_json::from_slice(connection.ask(request.as_bytes())?)?;
    Ok(output.text)
}
