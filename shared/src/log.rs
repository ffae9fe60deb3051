//! What a function says: one line of JSON per event, on standard output, where Lambda takes it.
//!
//! A line is `{"level", "fields", "span"}`: the event's own fields, its sentence as `message` among
//! them, and what the runtime says of the invocation, `requestId` and, where there is one, `xrayTraceId`.
//!
//! The runtime's own subscriber writes the same, all spans besides, from text that it made when the
//! invocation began, reads that text again for each line, and opens a span for each request of the SDK.
//! Here an invocation that leaves no line costs the copy of two strings.
//!
//! Below `INFO` a release writes nothing: it is compiled without such events (`tracing` in `Cargo.toml`).
//! We say nothing there, and what the SDK and the runtime say is what they send and read.

use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt::Debug;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// From now on, events of `AWS_LAMBDA_LOG_LEVEL` and above become lines; of `INFO`, if it is not set or lower.
#[expect(clippy::disallowed_methods, reason = "Lambda sets it, as the log level of the function")]
pub fn begin() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| level.parse().ok());
    let log = Log::new(level.unwrap_or(LevelFilter::INFO), io::stdout());
    // Who has set another wants that one.
    let _ = tracing::subscriber::set_global_default(log);
}

/// One invocation at a time, as the runtime has it.
struct Log<W> {
    level: LevelFilter,
    invocation: Mutex<Invocation>,
    to: W,
}

/// What the runtime says of the invocation that is under way.
#[derive(Default)]
struct Invocation {
    /// Counts them.
    number: u64,
    name: &'static str,
    fields: Vec<(&'static str, String)>,
    /// Whether what happens now is part of it.
    is_entered: bool,
}

impl<W> Log<W> {
    fn new(level: LevelFilter, to: W) -> Self {
        Self { level, invocation: Mutex::default(), to }
    }

    fn invocation(&self) -> MutexGuard<'_, Invocation> {
        self.invocation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, event: &Event<'_>) -> serde_json::Result<Vec<u8>> {
        let mut line = Vec::with_capacity(LINE);
        let mut serializer = serde_json::Serializer::new(&mut line);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("level", event.metadata().level().as_str())?;
        map.serialize_entry("fields", &Fields(event))?;
        let invocation = self.invocation();
        if invocation.is_entered {
            map.serialize_entry("span", &*invocation)?;
        }
        map.end()?;
        line.push(b'\n');
        Ok(line)
    }
}

impl<W> Subscriber for Log<W>
where
    W: 'static + Send + Sync,
    for<'a> &'a W: Write,
{
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // The invocation is told at any level. Other spans say what the SDK does, in no line of ours.
        if metadata.is_span() {
            metadata.target() == RUNTIME
        } else {
            *metadata.level() <= self.level
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level.max(LevelFilter::INFO))
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut invocation = self.invocation();
        invocation.number += 1;
        invocation.name = span.metadata().name();
        invocation.fields.clear();
        invocation.is_entered = false;
        span.record(&mut Texts(&mut invocation.fields));
        Id::from_u64(invocation.number)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Texts(&mut self.invocation().fields));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        // There is nobody to tell of a line that cannot be written.
        let _ = self.line(event).map(|line| (&self.to).write_all(&line));
    }

    fn enter(&self, span: &Id) {
        let mut invocation = self.invocation();
        invocation.is_entered = span.into_u64() == invocation.number;
    }

    fn exit(&self, _: &Id) {
        self.invocation().is_entered = false;
    }
}

impl Serialize for Invocation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.fields {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("name", self.name)?;
        map.end()
    }
}

/// The fields of an event, numbers and truths as such.
struct Fields<'a>(&'a Event<'a>);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entries = Entries { map: serializer.serialize_map(None)?, written: Ok(()) };
        self.0.record(&mut entries);
        entries.written?;
        entries.map.end()
    }
}

struct Entries<M: SerializeMap> {
    map: M,
    written: Result<(), M::Error>,
}

impl<M: SerializeMap> Entries<M> {
    fn write(&mut self, field: &Field, value: impl Serialize) {
        if self.written.is_ok() {
            self.written = self.map.serialize_entry(field.name(), &value);
        }
    }
}

impl<M: SerializeMap> Visit for Entries<M> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.write(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.write(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.write(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.write(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.write(field, format_args!("{value:?}"));
    }
}

struct Texts<'a>(&'a mut Vec<(&'static str, String)>);

impl Visit for Texts<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }
}

/// Where the runtime opens its span.
const RUNTIME: &str = "lambda_runtime::layers::trace";
/// More than most lines have.
const LINE: usize = 512;

#[cfg(test)]
mod tests;
