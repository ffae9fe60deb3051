//! Time and chance, passed in.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where "now" comes from. Domain methods take `now`; only the top of a function asks a clock.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> SystemTime;
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the time")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// A fixed time is a stopped clock.
impl Clock for SystemTime {
    fn now(&self) -> SystemTime {
        *self
    }
}

/// Whole seconds since 1970, as JWT, `DynamoDB`'s TTL and our own records write time.
pub fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The inverse of [`unix_seconds`]. A time too far away to be represented is the epoch, which is
/// expired: out-of-range input must never become a value that lasts.
pub fn from_unix_seconds(seconds: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).unwrap_or(UNIX_EPOCH)
}

/// `time` without the part of a second that a record does not keep.
pub fn whole_seconds(time: SystemTime) -> SystemTime {
    from_unix_seconds(unix_seconds(time))
}

/// For `#[serde(with = "clock::unix")]`.
pub mod unix {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::SystemTime;

    /// Writes whole seconds since 1970.
    pub fn serialize<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(super::unix_seconds(*time))
    }

    /// Reads whole seconds since 1970.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        u64::deserialize(from).map(super::from_unix_seconds)
    }
}

/// For `#[serde(default, with = "clock::unix_option")]`.
pub mod unix_option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::time::SystemTime;

    /// Writes whole seconds since 1970, or null.
    pub fn serialize<S: Serializer>(time: &Option<SystemTime>, to: S) -> Result<S::Ok, S::Error> {
        time.map(super::unix_seconds).serialize(to)
    }

    /// Reads whole seconds since 1970, or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SystemTime>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(super::from_unix_seconds))
    }
}

/// For `#[serde(default, with = "clock::seconds_option")]`.
pub mod seconds_option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::time::Duration;

    /// Writes whole seconds, or null.
    pub fn serialize<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        time.map(|time| time.as_secs()).serialize(to)
    }

    /// Reads whole seconds, or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_secs))
    }
}

/// A source of unguessable bytes.
pub trait Random: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness>;
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        aws_lc_rs::rand::fill(bytes).map_err(|_| NoRandomness)
    }
}

/// The system gave no random bytes. Nothing that needs a secret may go on.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the system gave no random bytes")]
pub struct NoRandomness;

/// 32 random bytes as base64url: 43 characters, 256 bits.
/// <https://www.rfc-editor.org/rfc/rfc7636#section-4.1>
pub fn unguessable(random: &(impl Random + ?Sized)) -> Result<String, NoRandomness> {
    let mut bytes = [0; 32];
    random.fill(&mut bytes)?;
    Ok(crate::seal::text(&bytes))
}
