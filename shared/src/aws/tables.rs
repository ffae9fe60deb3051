//! The tables, for engines on this machine. A deployment's are in `template.yaml`; a test compares
//! the two.

use super::dynamodb::Tables;
use crate::store::StoreError;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
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
    pub async fn create(&self, config: &SdkConfig) -> Result<(), StoreError> {
        let client = Client::new(config);
        create(&client, &self.targets, &["name"]).await?;
        create(&client, &self.pending, &["id"]).await?;
        create(&client, &self.connections, &["subject", "target"]).await
    }
}

/// A table whose key is a hash attribute and, if there is another, a range attribute.
async fn create(client: &Client, name: &str, keys: &[&str]) -> Result<(), StoreError> {
    let mut request =
        client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for (attribute, kind) in keys.iter().zip([KeyType::Hash, KeyType::Range]) {
        let key = KeySchemaElement::builder().attribute_name(*attribute).key_type(kind).build();
        let definition = AttributeDefinition::builder()
            .attribute_name(*attribute)
            .attribute_type(ScalarAttributeType::S)
            .build();
        request = request
            .key_schema(key.map_err(incomplete)?)
            .attribute_definitions(definition.map_err(incomplete)?);
    }
    match request.send().await {
        Ok(_) => Ok(()),
        Err(SdkError::ServiceError(error)) if error.err().is_resource_in_use_exception() => Ok(()),
        Err(error) => Err(StoreError::Unavailable(Box::new(error))),
    }
}

fn incomplete(error: BuildError) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}
