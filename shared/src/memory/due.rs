//! What is due, and the notes of use.

use super::MemoryStore;
use crate::clock::whole_seconds;
use crate::connection::{Connection, Status};
use crate::due::{Due, Shard};
use crate::store::{
    DueConnections, DueCursor, DuePage, StoreError, USE_NOTED_EVERY, UsedConnections,
};
use std::time::SystemTime;

impl DueConnections for MemoryStore {
    async fn due(
        &self,
        shard: Shard,
        now: SystemTime,
        after: Option<&DueCursor>,
    ) -> Result<DuePage, StoreError> {
        let inner = self.inner();
        let rows = inner.connections.values().filter_map(|row| row.connection.due());
        let due = rows.filter(|due| due.due_at <= now);
        let due = due.filter(|due| Shard::of(&due.subject, &due.target) == shard);
        let after = after.map(|DueCursor(place)| place);
        let mut due: Vec<_> = due.map(|due| (place(&due), due)).collect();
        due.sort_by(|(a, _), (b, _)| a.cmp(b));
        due.retain(|(place, _)| after.is_none_or(|after| after < place));
        let more = PAGE < due.len();
        due.truncate(PAGE);
        let next = due.last().filter(|_| more).map(|(place, _)| DueCursor(place.clone()));
        Ok(DuePage { due: due.into_iter().map(|(_, due)| due).collect(), unreadable: 0, next })
    }

    async fn postpone(&self, due: &Due, until: Option<SystemTime>) -> Result<bool, StoreError> {
        let mut inner = self.inner();
        let row = inner.connections.get_mut(&(due.subject, due.target.clone()));
        let Some(row) = row.filter(|row| row.connection.due().as_ref() == Some(due)) else {
            return Ok(false);
        };
        if let Status::Active { due_at, .. } = &mut row.connection.status {
            *due_at = until.map(whole_seconds);
        }
        Ok(true)
    }
}

impl UsedConnections for MemoryStore {
    async fn note_use(&self, connection: &Connection, now: SystemTime) -> Result<bool, StoreError> {
        let mut inner = self.inner();
        let Some(row) = inner.connections.get_mut(&connection.key()) else { return Ok(false) };
        if row.connection.is_used(USE_NOTED_EVERY, now) {
            return Ok(false);
        }
        let Status::Active { used_at, .. } = &mut row.connection.status else { return Ok(false) };
        *used_at = now;
        Ok(true)
    }
}

/// Sorts by due time first: as many digits as any of them has.
fn place(due: &Due) -> [String; 3] {
    let seconds = crate::clock::unix_seconds(due.due_at);
    [format!("{seconds:020}"), due.subject.key(), due.target.to_string()]
}

/// As many as the other adapter has.
const PAGE: usize = 100;
