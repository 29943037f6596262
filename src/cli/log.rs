//! What is said beside the report, on standard error: words for people, or one JSON object a line.
//!
//! Only this program's own events are shown, at every verbosity: those of the libraries below it may hold tokens.

use std::fmt::Debug;
use std::io::{IsTerminal, Write};
use std::sync::OnceLock;

use serde_json::{Map, Value as Json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// How it is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Words for people.
    #[default]
    Text,
    /// One JSON object a line, with `severity`, `message` and `time` as Cloud Logging reads them.
    Json,
}

#[derive(clap::Args)]
pub struct LogArgs {
    /// Say more of what is being done: -v steps, -vv every request. Tokens are never shown.
    #[arg(help_heading = "Messages", long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Say nothing but errors; the report is still written.
    #[arg(help_heading = "Messages", long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Form of what is said on standard error.
    #[arg(help_heading = "Messages", long, global = true, value_enum, default_value = "text", value_name = "FORMAT")]
    pub log_format: Format,
}

struct Settings {
    format: Format,
    quiet: bool,
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();

/// Once, at the start.
pub fn init(args: &LogArgs) {
    let level = match args.verbose {
        0 => Level::WARN,
        1 => Level::INFO,
        _ => Level::DEBUG,
    };
    let level = if args.quiet { Level::ERROR } else { level };
    let _ = SETTINGS.set(Settings { format: args.log_format, quiet: args.quiet });
    let lines = Lines { level };
    // An error says that there is one already.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(lines));
}

fn format() -> Format {
    SETTINGS.get().map_or(Format::Text, |s| s.format)
}

fn is_quiet() -> bool {
    SETTINGS.get().is_some_and(|s| s.quiet)
}

/// Whether a line that moves can be shown.
pub fn is_animated() -> bool {
    format() == Format::Text
        && !is_quiet()
        && std::io::stderr().is_terminal()
        && std::env::var_os("CI").is_none()
        && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
}

/// An error that ends the run, or a part of it. Several lines are several errors.
pub fn error(text: &str) {
    match format() {
        Format::Text => {
            let text = if text.starts_with("error: ") { text.to_owned() } else { format!("error: {text}") };
            write(&text);
        }
        Format::Json => {
            for line in text.lines() {
                json("ERROR", line.strip_prefix("error: ").unwrap_or(line), Map::new());
            }
        }
    }
}

/// Something that a person should know.
pub fn note(text: &str) {
    if is_quiet() {
        return;
    }
    match format() {
        Format::Text => write(&format!("note: {text}")),
        Format::Json => json("NOTICE", text, Map::new()),
    }
}

/// A plain line after the work, such as what was written.
pub fn line(text: &str) {
    if is_quiet() {
        return;
    }
    match format() {
        Format::Text => write(text),
        Format::Json => json("INFO", text, Map::new()),
    }
}

/// The last word of an audit, for machines that watch a job; people have it in the report.
pub fn outcome(severity: &str, text: &str, fields: Map<String, Json>) {
    if format() == Format::Json {
        json(severity, text, fields);
    }
}

fn write(text: &str) {
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// <https://cloud.google.com/logging/docs/structured-logging#structured_logging_special_fields>
fn json(severity: &str, message: &str, fields: Map<String, Json>) {
    let mut line = Map::new();
    line.insert("severity".to_owned(), severity.into());
    line.insert("message".to_owned(), message.into());
    line.insert("time".to_owned(), jiff::Timestamp::now().to_string().into());
    line.extend(fields);
    write(&Json::Object(line).to_string());
}

struct Lines {
    level: Level,
}

#[derive(Default)]
struct Fields {
    message: String,
    rest: Map<String, Json>,
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.rest.insert(field.name().to_owned(), value.into());
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.to_owned());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, format!("{value:?}"));
    }
}

impl Fields {
    fn put(&mut self, field: &Field, value: String) {
        let value = crate::lexicon::mask_text(&value);
        match field.name() {
            "message" => self.message = value,
            name => {
                self.rest.insert(name.to_owned(), value.into());
            }
        }
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target().starts_with("gke_posture") && *metadata.level() <= self.level
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = *event.metadata().level();
        match format() {
            Format::Json => {
                let severity = match level {
                    Level::ERROR => "ERROR",
                    Level::WARN => "WARNING",
                    Level::INFO => "INFO",
                    _ => "DEBUG",
                };
                json(severity, &fields.message, fields.rest);
            }
            Format::Text => {
                let mut line = format!("{}: {}", level.as_str().to_lowercase(), fields.message);
                for (name, value) in &fields.rest {
                    let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    line.push_str(&format!("  {name}={shown}"));
                }
                write(&line);
            }
        }
    }
}
