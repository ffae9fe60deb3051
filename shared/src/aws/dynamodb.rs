//! The stores on `DynamoDB`. Every promise of `store.rs` is one conditional request, or a second one
//! that holds by itself.

mod due;
mod item;
mod published;
mod read;
mod scan;
mod targets;

pub use scan::{Cursor, Scanned};

use crate::aws::{Aws, Lazily, lazily};
use crate::connection::{Attempt, Connection, Lineage, Reason, Status};
use crate::due::Shard;
use crate::pending::{SealedPending, State};
use crate::step_up::StepUp;
use crate::store::{ConnectionStore, Lease, PendingStore, StoreError};
use crate::subject::SubjectId;
use crate::target::TargetName;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use item::{
    ACTIVE, DISCONNECTED, Item, blob, connection, moment, number, reason_text, seconds, text,
    texts, time,
};
use read::Reads;
use std::sync::Arc;
use std::time::SystemTime;

/// The three tables.
#[derive(Clone, Debug)]
pub struct DynamoStore {
    client: Lazily<Client>,
    reads: Arc<Reads>,
    tables: Tables,
}

/// The tables' names.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Key `name`.
    pub targets: String,
    /// Key `id`, the digest of a state, or `published.` and the digest of an issuer; time to live in
    /// `expires`.
    pub pending: String,
    /// Key `subject` and `target`.
    pub connections: String,
}

impl DynamoStore {
    /// The tables at the account, or the engine, of `aws`.
    pub fn new(aws: &Aws, tables: Tables) -> Self {
        Self { client: lazily(aws, Client::new), reads: Arc::new(Reads::new(aws)), tables }
    }

    /// The item of `table` under `key`, as of now.
    async fn item(&self, table: &str, key: &[(&str, &str)]) -> Result<Option<Item>, StoreError> {
        if let Some(found) = self.reads.item(table, key).await {
            return Ok(found);
        }
        let key = key.iter().map(|(name, value)| ((*name).to_owned(), text(*value))).collect();
        let request = self.client.get_item().table_name(table).set_key(Some(key));
        // Boxed, as what is seldom done and large.
        let output = Box::pin(request.consistent_read(true).send()).await.map_err(unavailable)?;
        Ok(output.item)
    }

    /// Writes tokens or an ending, and takes the attributes `gone` away.
    fn write(&self, connection: &Connection, gone: &str) -> UpdateItemFluentBuilder {
        let request = self
            .update(&connection.subject, &connection.target)
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#resource", "resource")
            .expression_attribute_values(":resource", text(connection.resource.as_str()))
            .expression_attribute_values(":issuer", text(&connection.issuer))
            .expression_attribute_values(":one", number(1));
        match &connection.status {
            Status::Active {
                sealed,
                expires_at,
                obtained_at,
                consented_at,
                used_at,
                due_at,
                renewable,
                attempt,
            } => {
                let (mut set, mut remove) = (
                    "SET #status = :status, #resource = :resource, issuer = :issuer, \
                     sealed = :sealed, lineage = :lineage, expires_at = :expires_at, \
                     obtained_at = :obtained_at, consented_at = :consented_at, \
                     used_at = :used_at, renewable = :renewable"
                        .to_owned(),
                    format!(" REMOVE reason, since, lease_until{gone}"),
                );
                let request = request
                    .expression_attribute_values(":status", text(ACTIVE))
                    .expression_attribute_values(
                        ":sealed",
                        AttributeValue::B(Blob::new(sealed.0.clone())),
                    )
                    .expression_attribute_values(":lineage", text(sealed.lineage().0))
                    .expression_attribute_values(":expires_at", time(*expires_at))
                    .expression_attribute_values(":obtained_at", time(*obtained_at))
                    .expression_attribute_values(":consented_at", time(*consented_at))
                    .expression_attribute_values(":used_at", time(*used_at))
                    .expression_attribute_values(":renewable", AttributeValue::Bool(*renewable));
                let request = if let Some(attempt) = attempt {
                    set += ", attempt_at = :attempt_at, attempt_requests = :attempt_requests";
                    attempt_values(request, *attempt)
                } else {
                    remove += ", attempt_at, attempt_requests";
                    request
                };
                let (request, remove) = match due_at {
                    Some(due_at) => {
                        set += ", due_shard = :due_shard, due_at = :due_at";
                        let shard = Shard::of(&connection.subject, &connection.target);
                        let request = request
                            .expression_attribute_values(":due_shard", text(shard.key()))
                            .expression_attribute_values(":due_at", time(*due_at));
                        (request, remove)
                    }
                    None => (request, format!("{remove}, due_shard, due_at")),
                };
                request.update_expression(format!("{set}{remove} ADD version :one"))
            }
            Status::Disconnected { reason, since } => {
                let lineage = if reason.is_of_refresh() { "" } else { ", lineage" };
                request
                    .update_expression(format!(
                        "SET #status = :status, #resource = :resource, issuer = :issuer, \
                         reason = :reason, since = :since \
                         REMOVE sealed, expires_at, obtained_at, consented_at, used_at, due_shard, \
                         due_at, renewable, attempt_at, attempt_requests, lease_until{lineage}{gone} \
                         ADD version :one"
                    ))
                    .expression_attribute_values(":status", text(DISCONNECTED))
                    .expression_attribute_values(":reason", text(reason_text(*reason)))
                    .expression_attribute_values(":since", time(*since))
            }
        }
    }

    fn update(&self, subject: &SubjectId, target: &TargetName) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.tables.connections)
            .key("subject", text(subject.key()))
            .key("target", text(target.as_str()))
    }
}

fn attempt_values(request: UpdateItemFluentBuilder, attempt: Attempt) -> UpdateItemFluentBuilder {
    request
        .expression_attribute_values(":attempt_at", time(attempt.began_at))
        .expression_attribute_values(":attempt_requests", number(attempt.requests.into()))
}

/// Whether the request changed something: its condition held.
async fn changed(request: UpdateItemFluentBuilder) -> Result<bool, StoreError> {
    match request.send().await {
        Ok(_) => Ok(true),
        Err(error) if refused(&error) => Ok(false),
        Err(error) => Err(unavailable(error)),
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
            expires: moment(&item, "expires")?,
        }))
    }
}

impl ConnectionStore for DynamoStore {
    async fn find_connection(
        &self,
        subject: &SubjectId,
        target: &TargetName,
    ) -> Result<Option<Connection>, StoreError> {
        let of = subject.key();
        let key = [("subject", of.as_str()), ("target", target.as_str())];
        let found = self.item(&self.tables.connections, &key).await?;
        found.as_ref().map(connection).transpose()
    }

    async fn connect(&self, connection: &Connection) -> Result<(), StoreError> {
        let kept = self.write(connection, ", refused_at").condition_expression(
            "attribute_not_exists(version) OR (#resource = :resource AND issuer = :issuer)",
        );
        if changed(kept).await? {
            return Ok(());
        }
        // No expression removes something here and leaves it there. Whatever is written between the
        // two requests, another server's history is not kept.
        let anew = self.write(connection, ", refused_at, wanted, widened, attempts");
        anew.send().await.map(|_| ()).map_err(unavailable)
    }

    async fn lease(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        now: SystemTime,
        until: SystemTime,
    ) -> Result<Option<Lease>, StoreError> {
        let output = self
            .update(subject, target)
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

    async fn journal(&self, lease: &Lease, attempt: Attempt) -> Result<bool, StoreError> {
        let request = self
            .update(&lease.connection.subject, &lease.connection.target)
            .update_expression("SET attempt_at = :attempt_at, attempt_requests = :attempt_requests")
            .condition_expression("version = :version AND attribute_exists(sealed)")
            .expression_attribute_values(":version", number(lease.version));
        changed(attempt_values(request, attempt)).await
    }

    async fn settle(&self, lease: Lease, connection: &Connection) -> Result<bool, StoreError> {
        let request = self
            .write(connection, "")
            .condition_expression("version = :version")
            .expression_attribute_values(":version", number(lease.version));
        changed(request).await
    }

    async fn release(&self, lease: Lease, attempt: Option<Attempt>) -> Result<bool, StoreError> {
        let request = self
            .update(&lease.connection.subject, &lease.connection.target)
            .condition_expression("version = :version")
            .expression_attribute_values(":version", number(lease.version))
            .expression_attribute_values(":one", number(1));
        let request = match attempt {
            Some(attempt) => attempt_values(request, attempt).update_expression(
                "SET attempt_at = :attempt_at, attempt_requests = :attempt_requests \
                 REMOVE lease_until ADD version :one",
            ),
            None => request.update_expression(
                "REMOVE lease_until, attempt_at, attempt_requests ADD version :one",
            ),
        };
        changed(request).await
    }

    async fn amend(&self, spent: &Lineage, connection: &Connection) -> Result<bool, StoreError> {
        let request = self
            .write(connection, "")
            .condition_expression("lineage = :spent")
            .expression_attribute_values(":spent", text(&spent.0));
        changed(request).await
    }

    async fn expire(&self, connection: &Connection, now: SystemTime) -> Result<bool, StoreError> {
        let (Some(lineage), Status::Active { expires_at, .. }) =
            (connection.lineage(), &connection.status)
        else {
            return Ok(false);
        };
        let request = self
            .update(&connection.subject, &connection.target)
            .update_expression("SET expires_at = :expires_at")
            .condition_expression(HOLDS_THESE)
            .expression_attribute_values(":expires_at", time(now.min(*expires_at)))
            .expression_attribute_values(":lineage", text(lineage.0));
        changed(request).await
    }

    async fn note_refusal(
        &self,
        connection: &Connection,
        now: SystemTime,
    ) -> Result<bool, StoreError> {
        let Some(lineage) = connection.lineage() else { return Ok(false) };
        let request = self
            .update(&connection.subject, &connection.target)
            .update_expression("SET refused_at = :now")
            .condition_expression(HOLDS_THESE)
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":lineage", text(lineage.0));
        changed(request).await
    }

    async fn step_up(&self, connection: &Connection, more: &StepUp) -> Result<bool, StoreError> {
        let Some(lineage) = connection.lineage() else { return Ok(false) };
        let parts =
            [("wanted", &more.wanted), ("widened", &more.widened), ("attempts", &more.attempts)];
        let parts = parts.into_iter().filter(|(_, part)| !part.is_empty());
        let request = self
            .update(&connection.subject, &connection.target)
            .condition_expression(HOLDS_THESE)
            .expression_attribute_values(":lineage", text(lineage.0));
        let (request, added) = parts.fold((request, vec![]), |(request, mut added), part| {
            added.push(format!("{0} :{0}", part.0));
            (request.expression_attribute_values(format!(":{}", part.0), texts(part.1)), added)
        });
        if added.is_empty() {
            return Ok(true);
        }
        changed(request.update_expression(format!("ADD {}", added.join(", ")))).await
    }

    async fn widen(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        asked: &[String],
        beyond: &[String],
    ) -> Result<(), StoreError> {
        if asked.is_empty() {
            return Ok(());
        }
        let request = self
            .update(subject, target)
            .condition_expression("attribute_exists(version)")
            .expression_attribute_values(":asked", texts(asked));
        let request = if beyond.is_empty() {
            request.update_expression("DELETE wanted :asked")
        } else {
            request
                .update_expression("DELETE wanted :asked ADD widened :beyond")
                .expression_attribute_values(":beyond", texts(beyond))
        };
        changed(request).await.map(|_| ())
    }

    async fn narrow(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        refused: &[String],
    ) -> Result<(), StoreError> {
        if refused.is_empty() {
            return Ok(());
        }
        let request = self
            .update(subject, target)
            .update_expression("DELETE wanted :refused, widened :refused")
            .condition_expression("attribute_exists(version)")
            .expression_attribute_values(":refused", texts(refused));
        changed(request).await.map(|_| ())
    }

    async fn disconnect(
        &self,
        subject: &SubjectId,
        target: &TargetName,
        now: SystemTime,
    ) -> Result<Option<Connection>, StoreError> {
        let output = self
            .update(subject, target)
            .update_expression(
                "SET #status = :status, reason = :reason, since = :since \
                 REMOVE sealed, lineage, expires_at, obtained_at, consented_at, used_at, \
                 due_shard, due_at, renewable, attempt_at, attempt_requests, lease_until, \
                 refused_at, wanted, widened, attempts \
                 ADD version :one",
            )
            .condition_expression("attribute_exists(lineage)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":status", text(DISCONNECTED))
            .expression_attribute_values(":reason", text(reason_text(Reason::BySubject)))
            .expression_attribute_values(":since", time(now))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        match output {
            Ok(output) => {
                let before = output.attributes.as_ref().map(connection).transpose()?;
                Ok(before.filter(Connection::is_active))
            }
            Err(error) if refused(&error) => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn connections_of(&self, subject: &SubjectId) -> Result<Vec<Connection>, StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.tables.connections)
            .key_condition_expression("subject = :subject")
            .expression_attribute_values(":subject", text(subject.key()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            found.push(connection(&item.map_err(unavailable)?)?);
        }
        Ok(found)
    }
}

fn refused<R>(error: &SdkError<UpdateItemError, R>) -> bool {
    error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception)
}

fn unavailable<E: std::error::Error + Send + Sync + 'static>(error: E) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

/// The row still has the tokens of `:lineage`.
const HOLDS_THESE: &str = "lineage = :lineage AND attribute_exists(sealed)";
/// The index of what is due.
pub(super) const DUE: &str = "due";
