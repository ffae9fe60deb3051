//! All connections, page by page: for an operator, whose question costs what the table holds.

use super::item::{Item, connection, text};
use super::{DynamoStore, unavailable};
use crate::connection::Connection;
use crate::store::StoreError;
use crate::target::TargetName;

/// Some of all connections.
#[derive(Debug)]
pub struct Scanned {
    /// Ended ones, too, in no order.
    pub connections: Vec<Connection>,
    /// How many more there are that cannot be read: an operator must look.
    pub unreadable: usize,
    /// Where the next page begins, if there is more.
    pub next: Option<Cursor>,
}

/// Where a page ended.
#[derive(Clone, Debug)]
pub struct Cursor(Item);

impl DynamoStore {
    /// A page of all connections, or of those at one target; with `after`, the page that follows. What
    /// was written before the scan began is in one of them.
    pub async fn scan(
        &self,
        at: Option<&TargetName>,
        after: Option<&Cursor>,
    ) -> Result<Scanned, StoreError> {
        let mut request = self
            .client
            .scan()
            .table_name(&self.tables.connections)
            .consistent_read(true)
            .set_exclusive_start_key(after.map(|after| after.0.clone()));
        if let Some(target) = at {
            request = request
                .filter_expression("#target = :target")
                .expression_attribute_names("#target", "target")
                .expression_attribute_values(":target", text(target.as_str()));
        }
        let output = request.send().await.map_err(unavailable)?;
        let next = output.last_evaluated_key.map(Cursor);
        let mut scanned = Scanned { connections: Vec::new(), unreadable: 0, next };
        for item in output.items.unwrap_or_default() {
            match connection(&item) {
                Ok(connection) => scanned.connections.push(connection),
                Err(_) => scanned.unreadable += 1,
            }
        }
        Ok(scanned)
    }
}
