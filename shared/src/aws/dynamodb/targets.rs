//! Targets on `DynamoDB`: one item each, with the target as JSON text.

use super::{DynamoStore, Item, string, text, unavailable};
use crate::store::{StoreError, TargetStore};
use crate::target::{Target, TargetName};
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;

impl TargetStore for DynamoStore {
    async fn find_target(&self, name: &TargetName) -> Result<Option<Target>, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.tables.targets)
            .key("name", text(name.as_str()))
            // Whoever wrote it a moment ago asks whether it is there.
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable)?;
        output.item.as_ref().map(target).transpose()
    }

    async fn targets(&self) -> Result<Vec<Target>, StoreError> {
        let mut pages =
            self.client.scan().table_name(&self.tables.targets).into_paginator().items().send();
        let mut targets = Vec::new();
        while let Some(item) = pages.next().await {
            targets.push(target(&item.map_err(unavailable)?)?);
        }
        targets.sort_by(|a: &Target, b| a.name.cmp(&b.name));
        Ok(targets)
    }

    async fn put_target(&self, target: &Target) -> Result<(), StoreError> {
        self.record(target)?.send().await.map(|_| ()).map_err(unavailable)
    }

    async fn replace_target(
        &self,
        found: Option<&Target>,
        target: &Target,
    ) -> Result<bool, StoreError> {
        let request = self.record(target)?.expression_attribute_names("#record", "record");
        let request = match self.unchanged(&target.name, found).await? {
            Unchanged::No => return Ok(false),
            Unchanged::Absent => request.condition_expression("attribute_not_exists(#record)"),
            Unchanged::Record(record) => request
                .condition_expression("#record = :found")
                .expression_attribute_values(":found", record),
        };
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if lost(&error, PutItemError::is_conditional_check_failed_exception) => {
                Ok(false)
            }
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn remove_target(&self, found: &Target) -> Result<bool, StoreError> {
        let Unchanged::Record(record) = self.unchanged(&found.name, Some(found)).await? else {
            return Ok(false);
        };
        let request = self
            .client
            .delete_item()
            .table_name(&self.tables.targets)
            .key("name", text(found.name.as_str()))
            .expression_attribute_names("#record", "record")
            .condition_expression("#record = :found")
            .expression_attribute_values(":found", record);
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if lost(&error, DeleteItemError::is_conditional_check_failed_exception) => {
                Ok(false)
            }
            Err(error) => Err(unavailable(error)),
        }
    }
}

impl DynamoStore {
    fn record(&self, target: &Target) -> Result<PutItemFluentBuilder, StoreError> {
        let record = serde_json::to_string(target)
            .map_err(|_| StoreError::Unreadable("a target cannot be written"))?;
        let request = self.client.put_item().table_name(&self.tables.targets);
        Ok(request.item("name", text(target.name.as_str())).item("record", text(record)))
    }

    /// The record as it is written, which is not always as we would write it: people edit records too.
    async fn unchanged(
        &self,
        name: &TargetName,
        found: Option<&Target>,
    ) -> Result<Unchanged, StoreError> {
        let request = self.client.get_item().table_name(&self.tables.targets);
        let request = request.key("name", text(name.as_str())).consistent_read(true);
        let item = request.send().await.map_err(unavailable)?.item;
        Ok(match (item, found) {
            (None, None) => Unchanged::Absent,
            (Some(item), Some(found)) if target(&item)? == *found => {
                Unchanged::Record(text(string(&item, "record")?))
            }
            _ => Unchanged::No,
        })
    }
}

/// Whether a record is the one that was found.
enum Unchanged {
    Absent,
    No,
    Record(AttributeValue),
}

fn lost<E>(error: &SdkError<E>, failed: impl Fn(&E) -> bool) -> bool {
    error.as_service_error().is_some_and(failed)
}

fn target(item: &Item) -> Result<Target, StoreError> {
    serde_json::from_str(string(item, "record")?)
        .map_err(|_| StoreError::Unreadable("a target's record"))
}
