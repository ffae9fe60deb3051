//! A connection as an item of the table, and an item's attributes.

use crate::clock::{from_unix_seconds, unix_seconds};
use crate::connection::{Attempt, Connection, Reason, SealedTokens, Status};
use crate::step_up::StepUp;
use crate::store::StoreError;
use crate::subject::SubjectId;
use crate::target::Resource;
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::{BTreeSet, HashMap};
use std::time::SystemTime;

pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn connection(item: &Item) -> Result<Connection, StoreError> {
    let status = match string(item, "status")? {
        ACTIVE => Status::Active {
            sealed: SealedTokens(blob(item, "sealed")?),
            expires_at: moment(item, "expires_at")?,
            obtained_at: moment(item, "obtained_at")?,
            consented_at: moment(item, "consented_at")?,
            used_at: moment(item, "used_at")?,
            due_at: item.contains_key("due_at").then(|| moment(item, "due_at")).transpose()?,
            renewable: flag(item, "renewable")?,
            attempt: attempt(item)?,
        },
        DISCONNECTED => Status::Disconnected {
            reason: reason(string(item, "reason")?)?,
            since: moment(item, "since")?,
        },
        _ => return Err(StoreError::Unreadable("a connection's status")),
    };
    Ok(Connection {
        subject: SubjectId::from_key(string(item, "subject")?)
            .ok_or(StoreError::Unreadable("a connection's subject"))?,
        target: string(item, "target")?
            .parse()
            .map_err(|_| StoreError::Unreadable("a connection's target"))?,
        resource: Resource::try_from(string(item, "resource")?.to_owned())
            .map_err(|_| StoreError::Unreadable("a connection's resource"))?,
        issuer: string(item, "issuer")?.to_owned(),
        status,
        refused_at: item
            .contains_key("refused_at")
            .then(|| moment(item, "refused_at"))
            .transpose()?,
        step_up: StepUp {
            wanted: strings(item, "wanted")?,
            widened: strings(item, "widened")?,
            attempts: strings(item, "attempts")?,
        },
    })
}

/// The journal's entry, if there is one.
fn attempt(item: &Item) -> Result<Option<Attempt>, StoreError> {
    if !item.contains_key("attempt_at") {
        return Ok(None);
    }
    let requests = seconds(item, "attempt_requests")?;
    Ok(Some(Attempt {
        began_at: moment(item, "attempt_at")?,
        requests: u32::try_from(requests).unwrap_or(u32::MAX),
    }))
}

pub(super) fn reason_text(reason: Reason) -> &'static str {
    match reason {
        Reason::BySubject => "by_subject",
        Reason::InvalidGrant => "invalid_grant",
        Reason::RotationLost => "rotation_lost",
        Reason::TokenRefused => "token_refused",
    }
}

fn reason(text: &str) -> Result<Reason, StoreError> {
    match text {
        "by_subject" => Ok(Reason::BySubject),
        "invalid_grant" => Ok(Reason::InvalidGrant),
        "rotation_lost" => Ok(Reason::RotationLost),
        "token_refused" => Ok(Reason::TokenRefused),
        _ => Err(StoreError::Unreadable("a connection's reason")),
    }
}

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A set of what is not empty. The table refuses one that names something twice.
pub(super) fn texts<'a>(values: impl IntoIterator<Item = &'a String>) -> AttributeValue {
    let distinct: BTreeSet<_> = values.into_iter().cloned().collect();
    AttributeValue::Ss(distinct.into_iter().collect())
}

pub(super) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn time(value: SystemTime) -> AttributeValue {
    number(unix_seconds(value))
}

pub(super) fn string<'i>(item: &'i Item, name: &'static str) -> Result<&'i str, StoreError> {
    item.get(name)
        .and_then(|value| value.as_s().ok())
        .map(String::as_str)
        .ok_or(StoreError::Unreadable(name))
}

/// A set; one that is not there is empty, for the table knows no empty sets.
fn strings(item: &Item, name: &'static str) -> Result<BTreeSet<String>, StoreError> {
    let Some(value) = item.get(name) else { return Ok(BTreeSet::new()) };
    let set = value.as_ss().map_err(|_| StoreError::Unreadable(name))?;
    Ok(set.iter().cloned().collect())
}

pub(super) fn moment(item: &Item, name: &'static str) -> Result<SystemTime, StoreError> {
    seconds(item, name).map(from_unix_seconds)
}

fn flag(item: &Item, name: &'static str) -> Result<bool, StoreError> {
    item.get(name)
        .and_then(|value| value.as_bool().ok().copied())
        .ok_or(StoreError::Unreadable(name))
}

pub(super) fn seconds(item: &Item, name: &'static str) -> Result<u64, StoreError> {
    item.get(name)
        .and_then(|value| value.as_n().ok()?.parse().ok())
        .ok_or(StoreError::Unreadable(name))
}

pub(super) fn blob(item: &Item, name: &'static str) -> Result<Vec<u8>, StoreError> {
    item.get(name)
        .and_then(|value| value.as_b().ok())
        .map(|blob| blob.as_ref().to_vec())
        .ok_or(StoreError::Unreadable(name))
}

pub(super) const ACTIVE: &str = "active";
pub(super) const DISCONNECTED: &str = "disconnected";
