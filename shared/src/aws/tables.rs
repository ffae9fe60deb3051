//! The tables, for engines on this machine. A deployment's are in `template.yaml`; a test compares
//! the two.

use super::Aws;
use super::dynamodb::{DUE, Tables};
use crate::store::StoreError;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};

impl Tables {
    /// Names that begin with `prefix`.
    pub fn named(prefix: &str) -> Self {
        let name = |table| format!("{prefix}-{table}");
        Self {
            targets: name("targets"),
            pending: name("pending"),
            connections: name("connections"),
        }
    }

    /// Creates those that are not there.
    pub async fn create(&self, aws: &Aws) -> Result<(), StoreError> {
        let client = Client::new(aws.sdk());
        create(&client, &self.targets, &["name"], None).await?;
        create(&client, &self.pending, &["id"], None).await?;
        create(&client, &self.connections, &["subject", "target"], Some(&due()?)).await
    }
}

/// What is due to be renewed, and nothing else: a connection that is not has no such attributes.
fn due() -> Result<GlobalSecondaryIndex, StoreError> {
    let projection = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    let index = GlobalSecondaryIndex::builder().index_name(DUE).projection(projection);
    index
        .key_schema(key("due_shard", KeyType::Hash)?)
        .key_schema(key("due_at", KeyType::Range)?)
        .build()
        .map_err(incomplete)
}

/// A table whose key is a hash attribute and, if there is another, a range attribute.
async fn create(
    client: &Client,
    name: &str,
    keys: &[&str],
    index: Option<&GlobalSecondaryIndex>,
) -> Result<(), StoreError> {
    let mut request =
        client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for (attribute, kind) in keys.iter().zip([KeyType::Hash, KeyType::Range]) {
        request = request
            .key_schema(key(attribute, kind)?)
            .attribute_definitions(attribute_of(attribute, ScalarAttributeType::S)?);
    }
    if let Some(index) = index {
        request = request
            .global_secondary_indexes(index.clone())
            .attribute_definitions(attribute_of("due_shard", ScalarAttributeType::S)?)
            .attribute_definitions(attribute_of("due_at", ScalarAttributeType::N)?);
    }
    match request.send().await {
        Ok(_) => Ok(()),
        Err(SdkError::ServiceError(error)) if error.err().is_resource_in_use_exception() => Ok(()),
        Err(error) => Err(StoreError::Unavailable(Box::new(error))),
    }
}

fn key(attribute: &str, kind: KeyType) -> Result<KeySchemaElement, StoreError> {
    KeySchemaElement::builder().attribute_name(attribute).key_type(kind).build().map_err(incomplete)
}

fn attribute_of(name: &str, kind: ScalarAttributeType) -> Result<AttributeDefinition, StoreError> {
    let definition = AttributeDefinition::builder().attribute_name(name).attribute_type(kind);
    definition.build().map_err(incomplete)
}

fn incomplete(error: BuildError) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}
