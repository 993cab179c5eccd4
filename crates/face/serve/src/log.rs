//! Log lines as `flux logs` reads them: one JSON object per line with `level`, `ts`, `msg` and the
//! fields.

use std::fmt;
use std::io::{self, IsTerminal as _, Write};

use lode_stdx::{printable, time::rfc3339_millis};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// How log lines are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// One JSON object per line.
    Json,
    /// Readable text.
    Text,
}

/// Starts logging to stderr; the filter is a level or a list of `target=level`.
///
/// # Errors
/// The filter is invalid, or logging was already started.
pub fn init(filter: &str, encoding: Encoding) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(ours(filter))?;
    let to_terminal = io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || Out { to_terminal });
    let started = match encoding {
        Encoding::Json => builder.event_format(LogLines).try_init(),
        Encoding::Text => builder.try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("start logging: {error}"))
}

/// Stderr; on a terminal the text is made printable, because messages quote what strangers wrote.
struct Out {
    to_terminal: bool,
}

impl Write for Out {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut out = io::stderr().lock();
        if self.to_terminal {
            out.write_all(printable(&String::from_utf8_lossy(line)).as_bytes())?;
        } else {
            out.write_all(line)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Returns a filter in which a plain level applies to our own log lines only: below `info`,
/// libraries log what they send and receive, which may include secrets.
fn ours(filter: &str) -> String {
    match filter.parse::<Level>() {
        Ok(level) if level > Level::INFO => format!("info,lode={level}"),
        _ => filter.to_owned(),
    }
}

struct LogLines;

impl<S, N> FormatEvent<S, N> for LogLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = LogFields(Map::new());
        event.record(&mut fields);
        let mut line = fields.0;
        let level = match *event.metadata().level() {
            Level::ERROR => "error",
            Level::WARN | Level::INFO => "info",
            Level::DEBUG | Level::TRACE => "debug",
        };
        line.insert("level".into(), level.into());
        line.insert("ts".into(), rfc3339_millis(jiff::Timestamp::now()).into());
        line.insert("logger".into(), event.metadata().target().into());
        // Kubernetes logs namespace and name as separate fields.
        if let Some(Value::String(name)) = line.get("name").cloned()
            && let Some((namespace, name)) = name.split_once('/')
        {
            line.insert("namespace".into(), namespace.into());
            line.insert("name".into(), name.into());
        }
        writeln!(writer, "{}", Value::Object(line))
    }
}

struct LogFields(Map<String, Value>);

impl LogFields {
    fn put(&mut self, field: &Field, value: Value) {
        let name = if field.name() == "message" {
            "msg"
        } else {
            field.name()
        };
        self.0.insert(name.to_owned(), value);
    }
}

impl Visit for LogFields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_level_makes_us_talk_and_not_the_libraries() {
        for (given, meant) in [
            ("debug", "info,lode=DEBUG"),
            ("trace", "info,lode=TRACE"),
            ("info", "info"),
            ("error", "error"),
            ("lode_cluster=debug,h2=trace", "lode_cluster=debug,h2=trace"),
        ] {
            assert_eq!(ours(given), meant);
        }
    }
}
