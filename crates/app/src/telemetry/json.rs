//! One JSON object a line: time, level, message, the fields of the event, and where it comes from. An
//! error is told with all its causes, because nobody is there to ask.

use std::error::Error;
use std::fmt::{self, Debug, Write as _};

use response_domain::time::{Clock, Timestamp};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::doors::SystemClock;

/// Lines of JSON.
pub(super) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let line = Line {
            at: SystemClock.now(),
            event,
        };
        let text = serde_json::to_string(&line).map_err(|_unprintable| fmt::Error)?;
        writeln!(out, "{text}")
    }
}

struct Line<'a> {
    at: Timestamp,
    event: &'a Event<'a>,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let metadata = self.event.metadata();
        let at = self
            .at
            .to_utc()
            .to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("timestamp", &at)?;
        map.serialize_entry("level", metadata.level().as_str())?;
        let mut fields = Fields { map, failed: None };
        self.event.record(&mut fields);
        let Fields { mut map, failed } = fields;
        if let Some(error) = failed {
            return Err(error);
        }
        map.serialize_entry("target", metadata.target())?;
        map.end()
    }
}

struct Fields<M: SerializeMap> {
    map: M,
    failed: Option<M::Error>,
}

impl<M: SerializeMap> Fields<M> {
    fn add(&mut self, field: &Field, value: &(impl Serialize + ?Sized)) {
        if self.failed.is_none() {
            self.failed = self.map.serialize_entry(field.name(), value).err();
        }
    }
}

impl<M: SerializeMap> Visit for Fields<M> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, &value);
    }

    fn record_error(&mut self, field: &Field, error: &(dyn Error + 'static)) {
        self.add(field, &chain(error));
    }
}

/// An error and its causes, the nearest first.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        // A transparent error shows what its cause shows.
        let said = next.to_string();
        if !text.ends_with(&said) {
            // Writing to a String cannot fail.
            let _ = write!(text, ": {said}");
        }
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the run could not be recorded")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn a_line_is_one_object_with_every_cause() {
        let sink = Sink::default();
        let lines = sink.clone();
        let subscriber = tracing_subscriber::fmt()
            .event_format(JsonLines)
            .with_writer(move || lines.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let error = Outer(std::io::Error::other("disk \"A\" is full"));
            let error = &error as &dyn Error;
            tracing::warn!(response.id = %"resp_1", run.round = 2, error, "a line\nof two");
        });
        let text = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1);
        let line: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "a line\nof two");
        assert_eq!(
            (&line["response.id"], &line["run.round"]),
            (&Value::from("resp_1"), &Value::from(2))
        );
        assert_eq!(
            line["error"],
            "the run could not be recorded: disk \"A\" is full"
        );
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    }
}
