//! The stores on `DynamoDB`. Every promise of `store.rs` is one conditional request.

mod targets;

use crate::clock::{from_unix_seconds, unix_seconds};
use crate::connection::{Connection, Reason, SealedTokens, Status};
use crate::pending::{SealedPending, State};
use crate::store::{ConnectionStore, Lease, PendingStore, StoreError};
use crate::subject::SubjectId;
use crate::target::{Resource, TargetName};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use std::collections::HashMap;
use std::time::SystemTime;

/// The three tables.
#[derive(Clone, Debug)]
pub struct DynamoStore {
    client: Client,
    tables: Tables,
}

/// The tables' names.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Key `name`.
    pub targets: String,
    /// Key `id`, the digest of a state; time to live in `expires`.
    pub pending: String,
    /// Key `subject` and `target`.
    pub connections: String,
}

impl DynamoStore {
    /// The tables at the account, or the engine, of `config`.
    pub fn new(config: &SdkConfig, tables: Tables) -> Self {
        Self { client: Client::new(config), tables }
    }

    fn write(&self, connection: &Connection) -> UpdateItemFluentBuilder {
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.connections)
            .key("subject", text(connection.subject.key()))
            .key("target", text(connection.target.as_str()))
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#resource", "resource")
            .expression_attribute_values(":resource", text(connection.resource.as_str()))
            .expression_attribute_values(":issuer", text(&connection.issuer))
            .expression_attribute_values(":one", number(1));
        match &connection.status {
            Status::Active { sealed, expires_at } => request
                .update_expression(
                    "SET #status = :status, #resource = :resource, issuer = :issuer, \
                     sealed = :sealed, expires_at = :expires_at \
                     REMOVE reason, since, lease_until ADD version :one",
                )
                .expression_attribute_values(":status", text(ACTIVE))
                .expression_attribute_values(
                    ":sealed",
                    AttributeValue::B(Blob::new(sealed.0.clone())),
                )
                .expression_attribute_values(":expires_at", time(*expires_at)),
            Status::Disconnected { reason, since } => request
                .update_expression(
                    "SET #status = :status, #resource = :resource, issuer = :issuer, \
                     reason = :reason, since = :since \
                     REMOVE sealed, expires_at, lease_until ADD version :one",
                )
                .expression_attribute_values(":status", text(DISCONNECTED))
                .expression_attribute_values(":reason", text(reason_text(*reason)))
                .expression_attribute_values(":since", time(*since)),
        }
    }
}

impl PendingStore for DynamoStore {
    async fn put_pending(&self, state: &State, pending: &SealedPending) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(&self.tables.pending)
            .item("id", text(state.digest()))
            .item("sealed", AttributeValue::B(Blob::new(pending.sealed.clone())))
            .item("expires", time(pending.expires))
            .send()
            .await
            .map(|_| ())
            .map_err(unavailable)
    }

    async fn take_pending(&self, state: &State) -> Result<Option<SealedPending>, StoreError> {
        let output = self
            .client
            .delete_item()
            .table_name(&self.tables.pending)
            .key("id", text(state.digest()))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(unavailable)?;
        let Some(item) = output.attributes else { return Ok(None) };
        Ok(Some(SealedPending {
            sealed: blob(&item, "sealed")?,
            expires: seconds(&item, "expires").map(from_unix_seconds)?,
        }))
    }
}

impl ConnectionStore for DynamoStore {
    async fn find_connection(
        &self,
        subject: &SubjectId,
        target: &TargetName,
    ) -> Result<Option<Connection>, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.tables.connections)
            .key("subject", text(subject.key()))
            .key("target", text(target.as_str()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable)?;
        output.item.as_ref().map(connection).transpose()
    }

    async fn connect(&self, connection: &Connection) -> Result<(), StoreError> {
        self.write(connection).send().await.map(|_| ()).map_err(unavailable)
    }

    async fn lease(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        now: SystemTime,
        until: SystemTime,
    ) -> Result<Option<Lease>, StoreError> {
        let output = self
            .client
            .update_item()
            .table_name(&self.tables.connections)
            .key("subject", text(subject.key()))
            .key("target", text(target.as_str()))
            .update_expression("SET lease_until = :until ADD version :one")
            .condition_expression(
                "attribute_exists(version) AND \
                 (attribute_not_exists(lease_until) OR lease_until <= :now)",
            )
            .expression_attribute_values(":until", time(until))
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        let item = match output {
            Ok(output) => output.attributes.unwrap_or_default(),
            Err(error) if refused(&error) => return Ok(None),
            Err(error) => return Err(unavailable(error)),
        };
        Ok(Some(Lease { connection: connection(&item)?, version: seconds(&item, "version")? }))
    }

    async fn settle(&self, lease: Lease, connection: &Connection) -> Result<bool, StoreError> {
        let output = self
            .write(connection)
            .condition_expression("version = :version")
            .expression_attribute_values(":version", number(lease.version))
            .send()
            .await;
        match output {
            Ok(_) => Ok(true),
            Err(error) if refused(&error) => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }
}

type Item = HashMap<String, AttributeValue>;

fn connection(item: &Item) -> Result<Connection, StoreError> {
    let status = match string(item, "status")? {
        ACTIVE => Status::Active {
            sealed: SealedTokens(blob(item, "sealed")?),
            expires_at: seconds(item, "expires_at").map(from_unix_seconds)?,
        },
        DISCONNECTED => Status::Disconnected {
            reason: reason(string(item, "reason")?)?,
            since: seconds(item, "since").map(from_unix_seconds)?,
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
    })
}

fn reason_text(reason: Reason) -> &'static str {
    match reason {
        Reason::InvalidGrant => "invalid_grant",
    }
}

fn reason(text: &str) -> Result<Reason, StoreError> {
    match text {
        "invalid_grant" => Ok(Reason::InvalidGrant),
        _ => Err(StoreError::Unreadable("a connection's reason")),
    }
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn time(value: SystemTime) -> AttributeValue {
    number(unix_seconds(value))
}

fn string<'i>(item: &'i Item, name: &'static str) -> Result<&'i str, StoreError> {
    item.get(name)
        .and_then(|value| value.as_s().ok())
        .map(String::as_str)
        .ok_or(StoreError::Unreadable(name))
}

fn seconds(item: &Item, name: &'static str) -> Result<u64, StoreError> {
    item.get(name)
        .and_then(|value| value.as_n().ok()?.parse().ok())
        .ok_or(StoreError::Unreadable(name))
}

fn blob(item: &Item, name: &'static str) -> Result<Vec<u8>, StoreError> {
    item.get(name)
        .and_then(|value| value.as_b().ok())
        .map(|blob| blob.as_ref().to_vec())
        .ok_or(StoreError::Unreadable(name))
}

fn refused<R>(error: &SdkError<UpdateItemError, R>) -> bool {
    error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception)
}

fn unavailable<E: std::error::Error + Send + Sync + 'static>(error: E) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

const ACTIVE: &str = "active";
const DISCONNECTED: &str = "disconnected";
