//! What identity providers publish, in the table of what is pending: rows that the table forgets by itself.

use super::item::{blob, moment, text, time};
use super::{DynamoStore, unavailable};
use crate::identity::SealedPublished;
use crate::seal;
use crate::store::{PublishedStore, StoreError};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

impl PublishedStore for DynamoStore {
    async fn find_published(&self, issuer: &str) -> Result<Option<SealedPublished>, StoreError> {
        let found = self.item(&self.tables.pending, &[("id", &published_key(issuer))]).await?;
        let published = found.map(|item| {
            let (sealed, read_at) = (blob(&item, "sealed")?, moment(&item, "read_at")?);
            Ok(SealedPublished { sealed, read_at })
        });
        published.transpose()
    }

    async fn put_published(
        &self,
        issuer: &str,
        published: &SealedPublished,
    ) -> Result<(), StoreError> {
        self.client
            .put_item()
            .table_name(&self.tables.pending)
            .item("id", text(published_key(issuer)))
            .item("sealed", AttributeValue::B(Blob::new(published.sealed.clone())))
            .item("read_at", time(published.read_at))
            .item("expires", time(published.expires()))
            .send()
            .await
            .map(|_| ())
            .map_err(unavailable)
    }
}

/// The keys of what is pending have no dot: a role may be given these rows alone.
fn published_key(issuer: &str) -> String {
    format!("published.{}", seal::text(&seal::fingerprint([issuer])))
}
