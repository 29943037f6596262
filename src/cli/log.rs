//! Messages on standard error, beside the report: text for people, or one JSON object a line; and the progress line.
//!
//! Only this program's own events are shown, at every verbosity: those of libraries may hold tokens.

use std::fmt::Debug;
use std::io::Write;
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde_json::{Map, Value as Json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::lexicon::redact;
use crate::report::Outcome;
use crate::report::text::{for_terminal, json_for_terminal};

/// The form of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// Text for people.
    #[default]
    Text,
    /// One JSON object a line, with `severity`, `message` and `time` as Cloud Logging reads them.
    Json,
}

#[derive(clap::Args)]
pub(super) struct LogArgs {
    /// Show more messages: -v each step, -vv each request. Tokens are never shown.
    #[arg(help_heading = "Messages", long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Show errors only; the report is still written.
    #[arg(help_heading = "Messages", long, short, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Format of the messages on standard error.
    #[arg(help_heading = "Messages", long, global = true, value_enum, default_value = "text", value_name = "FORMAT")]
    pub log_format: LogFormat,
}

struct Settings {
    format: LogFormat,
    quiet: bool,
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();

/// The progress line. Messages are printed above it; it is hidden where standard error is no terminal.
static PROGRESS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Applies the options; called once, at the start.
pub(super) fn init(args: &LogArgs) {
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

fn format() -> LogFormat {
    SETTINGS.get().map_or(LogFormat::Text, |s| s.format)
}

fn is_quiet() -> bool {
    SETTINGS.get().is_some_and(|s| s.quiet)
}

/// Whether progress is shown: on a terminal only, and not in CI, where a log would keep every update.
fn shows_progress() -> bool {
    let is_dumb = std::env::var_os("CI").is_some() || std::env::var_os("TERM").is_some_and(|t| t == "dumb");
    format() == LogFormat::Text && !is_quiet() && !is_dumb && !PROGRESS.is_hidden()
}

/// Shows what `status` returns, in one line that is updated until [`end_progress`].
///
/// Keep the returned value: dropping it removes the line.
pub(super) fn show_progress(status: impl Fn() -> String + Clone + Send + Sync + 'static) -> ProgressBar {
    if !shows_progress() {
        return ProgressBar::hidden();
    }
    let key = move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
        let _ = out.write_str(&for_terminal(&redact(&status()), false));
    };
    let style = ProgressStyle::with_template("{status}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    let line = PROGRESS.add(ProgressBar::new_spinner().with_style(style.with_key("status", key)));
    line.enable_steady_tick(Duration::from_millis(200));
    line
}

/// Prints one part of the progress, which stays above the line; nothing where progress is not shown.
pub(super) fn progress(text: &str) {
    if shows_progress() {
        write(text);
    }
}

/// Removes the progress line for good.
pub(super) fn end_progress() {
    let _ = PROGRESS.clear();
    PROGRESS.set_draw_target(ProgressDrawTarget::hidden());
}

/// Reports an error that ends the run, or a part of it. Each line is an error of its own.
pub(super) fn error(text: &str) {
    match format() {
        LogFormat::Text => {
            let text = if text.starts_with("error: ") { text.to_owned() } else { format!("error: {text}") };
            write(&text);
        }
        LogFormat::Json => {
            for line in text.lines() {
                json("ERROR", line.strip_prefix("error: ").unwrap_or(line), Map::new());
            }
        }
    }
}

/// Prints something that a person should know.
pub(super) fn note(text: &str) {
    if is_quiet() {
        return;
    }
    match format() {
        LogFormat::Text => write(&format!("note: {text}")),
        LogFormat::Json => json("NOTICE", text, Map::new()),
    }
}

/// Prints a plain line, such as the name of the file that was written.
pub(super) fn line(text: &str) {
    if is_quiet() {
        return;
    }
    match format() {
        LogFormat::Text => write(text),
        LogFormat::Json => json("INFO", text, Map::new()),
    }
}

/// Logs the outcome of an audit with its counts, for machines that watch a job; people have them in the report.
///
/// The severities are Cloud Logging's:
/// <https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#LogSeverity>.
pub(super) fn outcome(outcome: Outcome, what: &str, fields: Map<String, Json>) {
    if format() == LogFormat::Json {
        let severity = match outcome {
            Outcome::Pass => "NOTICE",
            Outcome::Findings | Outcome::FindingsIncomplete => "ERROR",
            Outcome::Incomplete => "WARNING",
            Outcome::NoResult => "CRITICAL",
        };
        json(severity, &format!("{what} finished: {}", outcome.name()), fields);
    }
}

/// The only way to standard error: without credentials of the process, and without anything on which a terminal would
/// act.
fn write(text: &str) {
    let text = redact(text);
    let text = match format() {
        LogFormat::Text => for_terminal(&text, false),
        LogFormat::Json => json_for_terminal(&text),
    };
    PROGRESS.suspend(|| {
        // If standard error is closed, there is nowhere to report that.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    });
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
            LogFormat::Json => {
                let severity = match level {
                    Level::ERROR => "ERROR",
                    Level::WARN => "WARNING",
                    Level::INFO => "INFO",
                    _ => "DEBUG",
                };
                json(severity, &fields.message, fields.rest);
            }
            LogFormat::Text => {
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
