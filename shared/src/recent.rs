//! What an instance found out a moment ago: bounded in number and in time, and never printed.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Values by key, each for a time of its own. The oldest give way to the newest.
pub struct Recent<K, V> {
    most: usize,
    memory: Mutex<Memory<K, V>>,
}

struct Memory<K, V> {
    values: BTreeMap<K, Kept<V>>,
    /// Their keys, the latest last.
    order: BTreeMap<u64, K>,
    latest: u64,
}

struct Kept<V> {
    value: V,
    since: SystemTime,
    until: SystemTime,
    place: u64,
}

impl<K: Clone + Ord, V: Clone> Recent<K, V> {
    /// Room for so many.
    pub fn new(most: usize) -> Self {
        let memory = Memory { values: BTreeMap::new(), order: BTreeMap::new(), latest: 0 };
        Self { most, memory: Mutex::new(memory) }
    }

    /// Keeps `value` from `now` until `until`, in place of what is there.
    pub fn remember(&self, key: K, value: V, now: SystemTime, until: SystemTime) {
        let mut memory = self.memory();
        memory.latest += 1;
        let place = memory.latest;
        let kept = Kept { value, since: now, until, place };
        if let Some(before) = memory.values.insert(key.clone(), kept) {
            memory.order.remove(&before.place);
        }
        memory.order.insert(place, key);
        while let Some((_, oldest)) = memory.order.first_key_value() {
            let over = memory.values.get(oldest).is_none_or(|kept| kept.until <= now);
            if !over && memory.values.len() <= self.most {
                break;
            }
            let oldest = memory.order.pop_first();
            oldest.and_then(|(_, oldest)| memory.values.remove(&oldest));
        }
    }

    /// What was kept, while its time lasts. A clock that was set back ends it.
    pub fn recall(&self, key: &K, now: SystemTime) -> Option<V> {
        let memory = self.memory();
        let kept = memory.values.get(key)?;
        (kept.since <= now && now < kept.until).then(|| kept.value.clone())
    }

    /// Drops it.
    pub fn forget(&self, key: &K) {
        let mut memory = self.memory();
        if let Some(kept) = memory.values.remove(key) {
            memory.order.remove(&kept.place);
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory<K, V>> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn it_lasts_from_when_it_was_found_until_its_time_is_over() {
        let recent = Recent::new(2);
        recent.remember("a", 1, at(10), at(15));
        let recalled = [9, 10, 14, 15].map(|now| recent.recall(&"a", at(now)));
        assert_eq!(recalled, [None, Some(1), Some(1), None]);
        recent.remember("a", 2, at(12), at(17));
        assert_eq!(recent.recall(&"a", at(16)), Some(2));
        recent.forget(&"a");
        assert_eq!(recent.recall(&"a", at(16)), None);
    }

    #[test]
    fn there_is_room_for_so_many_and_none_for_what_is_over() {
        let recent = Recent::new(2);
        for (number, key) in ["a", "b", "c"].into_iter().enumerate() {
            recent.remember(key, number, at(0), at(100));
        }
        let kept = ["a", "b", "c"].map(|key| recent.recall(&key, at(1)));
        assert_eq!(kept, [None, Some(1), Some(2)]);
        recent.remember("b", 4, at(1), at(100));
        recent.remember("e", 5, at(1), at(100));
        let kept = ["b", "c", "e"].map(|key| recent.recall(&key, at(1)));
        assert_eq!(kept, [Some(4), None, Some(5)], "the latest stay");

        recent.remember("d", 3, at(100), at(200));
        assert_eq!(recent.memory().values.len(), 1);
        recent.forget(&"d");
        assert!(recent.memory().order.is_empty());
    }
}
