//! The layer that writes the lines: collects the fields of an event and of its spans, flattens and
//! prints them.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use jiff::Timestamp;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, Scope};

use crate::clock::Clock;

/// The longest text of one field, in bytes. CloudWatch cuts an event at 256 KiB; one field must not
/// push the others, which say whose it is, over that edge.
const FIELD_BYTES_MAX: usize = 16 * 1024;

/// Names that every line has; a field of that name is written as `field_<name>`.
const RESERVED: [&str; 4] = ["timestamp", "level", "message", "target"];

/// Where finished lines go; each ends with a newline.
pub trait Output: Fn(&str) + Send + Sync + 'static {}

impl<F: Fn(&str) + Send + Sync + 'static> Output for F {}

type Fields = BTreeMap<String, Value>;

/// A `tracing` layer that prints every event as one flat JSON object:
/// `timestamp`, `level`, `message`, `target`, then the fields in alphabetical order.
#[derive(Debug)]
pub struct FlatJson<O> {
    output: O,
    clock: Clock,
    constants: Fields,
}

impl<O: Output> FlatJson<O> {
    /// Prints to `output`; `constants` are fields of every line (outermost: a span may overwrite
    /// them).
    pub fn new<'a>(output: O, constants: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let constants = constants.into_iter().map(|(name, value)| (key(name), text(value)));
        Self { output, clock: Clock::system(), constants: constants.collect() }
    }

    /// Takes the time from `clock`; for tests.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }
}

impl<S, O> Layer<S> for FlatJson<O>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    O: Output,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut collected = Collected::default();
        attributes.record(&mut collected);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(collected.fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        // The values are formatted before the span is locked: formatting runs other people's code,
        // which may log.
        let mut collected = Collected::default();
        values.record(&mut collected);
        if let Some(span) = context.span(id) {
            let mut extensions = span.extensions_mut();
            match extensions.get_mut::<Fields>() {
                Some(fields) => fields.extend(collected.fields),
                None => extensions.insert(collected.fields),
            }
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut collected = Collected::default();
        event.record(&mut collected);
        let mut fields = self.constants.clone();
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.extend(outer.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
        }
        fields.extend(collected.fields);
        let metadata = event.metadata();
        let mut line = format!(
            "{{\"timestamp\":\"{}\",\"level\":\"{}\",\"message\":{},\"target\":{}",
            timestamp(self.clock.now()),
            metadata.level(),
            text(&collected.message),
            text(metadata.target()),
        );
        for (name, value) in &fields {
            // Writing to a String cannot fail.
            let _ = write!(line, ",{}:{value}", text(name));
        }
        line.push_str("}\n");
        (self.output)(&line);
    }
}

/// RFC 3339 in UTC with milliseconds, as Lambda's own JSON lines have it.
fn timestamp(now: Timestamp) -> String {
    format!("{now:.3}")
}

/// The fields of one span or event.
#[derive(Default)]
struct Collected {
    message: String,
    fields: Fields,
}

impl Collected {
    fn insert(&mut self, field: &Field, value: Value) {
        if field.name() == "message" {
            self.message = match value {
                Value::String(message) => message,
                other => other.to_string(),
            };
        } else {
            self.fields.insert(key(field.name()), value);
        }
    }
}

impl Visit for Collected {
    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no NaN and no infinity.
        let number = serde_json::Number::from_f64(value).map(Value::Number);
        self.insert(field, number.unwrap_or_else(|| text(&value.to_string())));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value.into());
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        let small = i64::try_from(value).map(Value::from);
        self.insert(field, small.unwrap_or_else(|_| text(&value.to_string())));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        let small = u64::try_from(value).map(Value::from);
        self.insert(field, small.unwrap_or_else(|_| text(&value.to_string())));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, text(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.insert(field, text(&crate::error::chain(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // `format!` panics where an implementation reports failure; this does not.
        let mut written = String::new();
        if write!(written, "{value:?}").is_err() {
            written.push_str("(cannot be shown)");
        }
        self.insert(field, text(&written));
    }
}

/// A field's name in the line: raw identifiers without their mark, reserved names out of the way.
fn key(name: &str) -> String {
    let name = name.strip_prefix("r#").unwrap_or(name);
    if RESERVED.contains(&name) { format!("field_{name}") } else { name.to_owned() }
}

fn text(value: &str) -> Value {
    if value.len() <= FIELD_BYTES_MAX {
        return Value::String(value.to_owned());
    }
    let kept = value.get(..value.floor_char_boundary(FIELD_BYTES_MAX)).unwrap_or_default();
    Value::String(format!("{kept}… ({} bytes in all)", value.len()))
}

#[cfg(test)]
mod tests;
