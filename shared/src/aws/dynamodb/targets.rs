//! Targets on `DynamoDB`: one item each, with the target as JSON text, and its catalog as another.

use super::item::{Item, string, text};
use super::{DynamoStore, unavailable};
use crate::catalog::{Catalog, Recipe};
use crate::store::{CatalogStore, Registered, StoreError, TargetStore};
use crate::target::{Target, TargetName};
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Deserialize;

impl TargetStore for DynamoStore {
    async fn find_target(&self, name: &TargetName) -> Result<Option<Target>, StoreError> {
        self.target_item(name).await?.as_ref().map(target).transpose()
    }

    async fn targets(&self) -> Result<Registered, StoreError> {
        let mut registered = Registered::default();
        for item in self.target_items().await? {
            if let Some(recipe) = recipe(&item) {
                registered.recipes.insert(string(&item, "name")?.to_owned(), recipe);
            }
            match target(&item) {
                Ok(target) => registered.targets.push(target),
                Err(_) => registered.unreadable.push(string(&item, "name")?.to_owned()),
            }
        }
        registered.targets.sort_by(|a, b| a.name.cmp(&b.name));
        registered.unreadable.sort();
        Ok(registered)
    }

    async fn put_target(&self, target: &Target) -> Result<(), StoreError> {
        self.record(target)?.send().await.map(|_| ()).map_err(unavailable)
    }

    async fn replace_target(
        &self,
        found: Option<&Target>,
        target: &Target,
    ) -> Result<bool, StoreError> {
        let request = self.record(target)?;
        let request = match self.unchanged(&target.name, found).await? {
            Unchanged::No => return Ok(false),
            Unchanged::Absent => request.condition_expression("attribute_not_exists(#member)"),
            Unchanged::Record(record) => request
                .condition_expression("#member = :found")
                .expression_attribute_values(":found", record),
        };
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if lost(&error, UpdateItemError::is_conditional_check_failed_exception) => {
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

impl CatalogStore for DynamoStore {
    async fn find_catalog(&self, name: &TargetName) -> Result<Option<Catalog>, StoreError> {
        self.target_item(name).await?.as_ref().map_or(Ok(None), catalog)
    }

    async fn put_catalog(
        &self,
        name: &TargetName,
        found: Option<&Catalog>,
        written: &Catalog,
    ) -> Result<bool, StoreError> {
        let Some(item) = self.target_item(name).await? else { return Ok(false) };
        if catalog(&item)?.as_ref() != found {
            return Ok(false);
        }
        let text_of = serde_json::to_string(written)
            .map_err(|_| StoreError::Unreadable("a catalog cannot be written"))?;
        let request = self.set(name, "catalog", text_of).expression_attribute_names("#r", "record");
        let request = match item.get("catalog") {
            None => request
                .condition_expression("attribute_exists(#r) AND attribute_not_exists(#member)"),
            // As it is written, which is not always as we would write it.
            Some(before) => request
                .condition_expression("attribute_exists(#r) AND #member = :found")
                .expression_attribute_values(":found", before.clone()),
        };
        match request.send().await {
            Ok(_) => Ok(true),
            Err(error) if lost(&error, UpdateItemError::is_conditional_check_failed_exception) => {
                Ok(false)
            }
            Err(error) => Err(unavailable(error)),
        }
    }
}

impl DynamoStore {
    /// Writes one member of an item and leaves the others.
    fn set(&self, name: &TargetName, member: &str, value: String) -> UpdateItemFluentBuilder {
        let request = self.client.update_item().table_name(&self.tables.targets);
        request
            .key("name", text(name.as_str()))
            .update_expression("SET #member = :value")
            .expression_attribute_names("#member", member)
            .expression_attribute_values(":value", text(value))
    }

    fn record(&self, target: &Target) -> Result<UpdateItemFluentBuilder, StoreError> {
        let record = serde_json::to_string(target)
            .map_err(|_| StoreError::Unreadable("a target cannot be written"))?;
        Ok(self.set(&target.name, "record", record))
    }

    /// Whoever wrote it a moment ago asks whether it is there.
    async fn target_item(&self, name: &TargetName) -> Result<Option<Item>, StoreError> {
        self.item(&self.tables.targets, &[("name", name.as_str())]).await
    }

    async fn target_items(&self) -> Result<Vec<Item>, StoreError> {
        let table = &self.tables.targets;
        if let Some(items) = self.reads.items(table).await {
            return Ok(items);
        }
        let pages = self.client.scan().table_name(table).into_paginator().items().send();
        Box::pin(pages.collect::<Result<_, _>>()).await.map_err(unavailable)
    }

    /// The record as it is written, which is not always as we would write it: people edit records too.
    async fn unchanged(
        &self,
        name: &TargetName,
        found: Option<&Target>,
    ) -> Result<Unchanged, StoreError> {
        Ok(match (self.target_item(name).await?, found) {
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
    let target: Target = serde_json::from_str(string(item, "record")?)
        .map_err(|_| StoreError::Unreadable("a target's record"))?;
    // A record that was copied under another name would be taken for a target that nobody asked for.
    let named = target.name.as_str() == string(item, "name")?;
    named.then_some(target).ok_or(StoreError::Unreadable("a target's record names another target"))
}

fn catalog(item: &Item) -> Result<Option<Catalog>, StoreError> {
    let unreadable = |_| StoreError::Unreadable("a target's catalog");
    match item.get("catalog") {
        None => Ok(None),
        Some(_) => serde_json::from_str(string(item, "catalog")?).map(Some).map_err(unreadable),
    }
}

/// Of a catalog that is read with the target, all that is needed. Its tools may be many.
fn recipe(item: &Item) -> Option<Recipe> {
    #[derive(Deserialize)]
    struct Noted {
        recipe: Option<Recipe>,
    }
    let noted: Noted = serde_json::from_str(string(item, "catalog").ok()?).ok()?;
    noted.recipe
}
