//! What is due, by a sparse index; and the notes of use.

use super::item::{Item, moment, number, string, text, time};
use super::{DUE, DynamoStore, changed, unavailable};
use crate::connection::Connection;
use crate::due::{Due, Shard};
use crate::store::{
    DueConnections, DueCursor, DuePage, StoreError, USE_NOTED_EVERY, UsedConnections,
};
use crate::subject::SubjectId;
use std::time::SystemTime;

impl DueConnections for DynamoStore {
    async fn due(
        &self,
        shard: Shard,
        now: SystemTime,
        after: Option<&DueCursor>,
    ) -> Result<DuePage, StoreError> {
        let output = self
            .client
            .query()
            .table_name(&self.tables.connections)
            .index_name(DUE)
            .key_condition_expression("due_shard = :shard AND due_at <= :now")
            .expression_attribute_values(":shard", text(shard.key()))
            .expression_attribute_values(":now", time(now))
            .limit(PAGE)
            .set_exclusive_start_key(after.map(|after| start(shard, after)))
            .send()
            .await
            .map_err(unavailable)?;
        let mut page = DuePage::default();
        for item in output.items() {
            match due(item) {
                Ok(due) => page.due.push(due),
                // It must not keep the others from being renewed.
                Err(_) => page.unreadable += 1,
            }
        }
        page.next = output.last_evaluated_key().map(cursor).transpose()?;
        Ok(page)
    }

    async fn postpone(&self, due: &Due, until: Option<SystemTime>) -> Result<bool, StoreError> {
        let request = self
            .update(&due.subject, &due.target)
            .condition_expression("due_at = :seen")
            .expression_attribute_values(":seen", time(due.due_at));
        let request = match until {
            Some(until) => request
                .update_expression("SET due_at = :until")
                .expression_attribute_values(":until", time(until)),
            None => request.update_expression("REMOVE due_shard, due_at"),
        };
        changed(request).await
    }
}

impl UsedConnections for DynamoStore {
    async fn note_use(&self, connection: &Connection, now: SystemTime) -> Result<bool, StoreError> {
        let long_ago = now.checked_sub(USE_NOTED_EVERY).unwrap_or(SystemTime::UNIX_EPOCH);
        let request = self
            .update(&connection.subject, &connection.target)
            .update_expression("SET used_at = :now")
            .condition_expression("used_at <= :long_ago")
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":long_ago", time(long_ago));
        changed(request).await
    }
}

fn due(item: &Item) -> Result<Due, StoreError> {
    let subject = SubjectId::from_key(string(item, "subject")?);
    let target = string(item, "target")?.parse();
    Ok(Due {
        subject: subject.ok_or(StoreError::Unreadable("a connection's subject"))?,
        target: target.map_err(|_| StoreError::Unreadable("a connection's target"))?,
        due_at: moment(item, "due_at")?,
    })
}

fn cursor(key: &Item) -> Result<DueCursor, StoreError> {
    let due_at = super::seconds(key, "due_at")?.to_string();
    let [subject, target] = [string(key, "subject")?, string(key, "target")?];
    Ok(DueCursor([due_at, subject.to_owned(), target.to_owned()]))
}

fn start(shard: Shard, DueCursor([due_at, subject, target]): &DueCursor) -> Item {
    Item::from([
        ("due_shard".to_owned(), text(shard.key())),
        ("due_at".to_owned(), number(due_at.parse().unwrap_or_default())),
        ("subject".to_owned(), text(subject)),
        ("target".to_owned(), text(target)),
    ])
}

/// Keys of a page: as many as are queued before time must be looked at again.
const PAGE: i32 = 100;
