//! What a command that was cut off left behind: secrets that no record names, and registrations that
//! only those secrets can end.

use crate::operator::{KeptSecrets, Operator};
use broker::aws::Secrets;
use broker::http::Http;
use broker::registration::Management;
use broker::store::{ClientSecrets, SecretStore, StoreError};
use broker::target::{Client, SecretName, TargetName, Way};
use std::time::{Duration, SystemTime};

/// What was found, and what became of it.
#[derive(Debug, Default)]
pub(crate) struct Leftovers {
    /// How many secrets were removed.
    pub(crate) removed: usize,
    /// What is still there, and why.
    pub(crate) notes: Vec<String>,
}

impl Operator {
    /// Ends what was left behind under the name of a target whose client is `client`. In the data
    /// folder nothing is looked for.
    pub(crate) async fn clear_away(
        &self,
        http: &Http,
        name: &TargetName,
        client: Option<&Client>,
        now: SystemTime,
    ) -> Leftovers {
        let mut leftovers = Leftovers::default();
        let KeptSecrets::Stack(secrets) = &self.secrets else { return leftovers };
        let prefix = format!("{}{name}/", self.place.secret_prefix());
        if let Err(error) = clear(secrets, http, &prefix, client, now, &mut leftovers).await {
            leftovers.notes.push(format!(
                "Whether an earlier command left secrets behind could not be found out: {error}."
            ));
        }
        leftovers
    }
}

async fn clear(
    secrets: &Secrets,
    http: &Http,
    prefix: &str,
    client: Option<&Client>,
    now: SystemTime,
    leftovers: &mut Leftovers,
) -> Result<(), StoreError> {
    let named = |name: &SecretName| {
        client.is_some_and(|client| {
            [&client.client_secret, &client.management].contains(&&Some(name.clone()))
        })
    };
    let found = secrets.named(prefix).await?;
    let mut found: Vec<_> = found.into_iter().filter(|(name, _)| !named(name)).collect();
    // What ends a registration goes last: it is what the next try would need.
    found.sort_by_key(|(name, _)| name.0.ends_with(REGISTRATION));
    for (name, made) in found {
        let old = made.is_none_or(|made| now.duration_since(made).unwrap_or_default() >= SETTLED);
        if !old {
            leftovers.notes.push(format!(
                "The secret {} is named by no record: it is of another command, which is at work or \
                 was cut off. Run this one again in a quarter of an hour.",
                name.0
            ));
            continue;
        }
        if name.0.ends_with(REGISTRATION)
            && let Err(why) = end(secrets, http, &name, client).await?
        {
            leftovers.notes.push(format!("{why}; the secret {} stays.", name.0));
            continue;
        }
        secrets.remove_secret(&name).await?;
        leftovers.removed += 1;
    }
    Ok(())
}

/// Ends a registration that nobody uses, or says why what ends it has to stay.
async fn end(
    secrets: &Secrets,
    http: &Http,
    name: &SecretName,
    client: Option<&Client>,
) -> Result<Result<(), String>, StoreError> {
    let Some(management) = Management::from_secret(&secrets.client_secret(name).await?) else {
        return Ok(Err("What ends a registration cannot be read".to_owned()));
    };
    if let Some(client) = client {
        let in_use = match &client.management {
            Some(name) => Management::from_secret(&secrets.client_secret(name).await?),
            None => None,
        };
        let in_use = in_use.map(|in_use| in_use.registration_client_uri);
        // Some authorization servers register whoever asks twice as the one that they know.
        if in_use.as_ref() == Some(&management.registration_client_uri) {
            return Ok(Ok(()));
        }
        if client.way == Way::ByHand {
            let why = "The registration that we once made may be the one that was given by hand";
            return Ok(Err(why.to_owned()));
        }
    }
    Ok(management.delete(http).await.map_err(|error| {
        format!("The registration of a command that was cut off could not be ended: {error}")
    }))
}

/// How the name of the secret ends that a registration is ended with.
const REGISTRATION: &str = "/registration";
/// No command that is still at work made a secret so long ago.
const SETTLED: Duration = Duration::from_mins(15);
