//! Formats of a report: one file or folder each, and one line in the table below.

use super::Report;
use super::framework::FrameworkReport;
use crate::check::Framework;

/// What a format renders: a report, or the report grouped by the controls of a framework.
struct Document<'a> {
    report: &'a Report,
    framework: Option<FrameworkReport>,
}

/// Declares the formats. Each has a module of its name with `render(&Document, &Options) -> Result<String, String>`.
macro_rules! formats {
    ($($(#[$doc:meta])* $variant:ident: $module:ident, [$($ending:literal),+];)+) => {
        $(pub(crate) mod $module;)+

        /// A format of reports.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Format {
            $($(#[$doc])* $variant,)+
        }

        impl Format {
            /// Every format, in the order in which they are listed for people.
            pub const ALL: &'static [Format] = &[$(Format::$variant),+];

            /// Name on the command line.
            pub fn name(self) -> &'static str {
                match self {
                    $(Format::$variant => stringify!($module),)+
                }
            }

            /// Endings of the names of its files, without the dot; the first is the usual one.
            pub fn endings(self) -> &'static [&'static str] {
                match self {
                    $(Format::$variant => &[$($ending),+],)+
                }
            }

            fn render(self, document: &Document<'_>, options: &Options<'_>) -> Result<String, String> {
                match self {
                    $(Format::$variant => $module::render(document, options),)+
                }
            }
        }
    };
}

formats! {
    /// For an auditor: rendered by a template.
    Markdown: markdown, ["md", "markdown"];
    /// For programs: everything that the report holds.
    Json: json, ["json"];
    /// For a terminal.
    Table: table, ["txt"];
}

impl Format {
    /// The format of files with that ending.
    pub fn from_ending(ending: &str) -> Option<Format> {
        Format::ALL.iter().copied().find(|format| format.endings().contains(&ending))
    }
}

/// How to render a report. A format ignores what does not concern it.
#[derive(Default)]
pub struct Options<'a> {
    /// For the terminal.
    pub style: table::Style,
    /// Name (for error messages) and text of a template for Markdown; `None`: the built-in one.
    pub template: Option<(&'a str, &'a str)>,
    /// Group the report by the controls of this framework.
    pub framework: Option<&'a Framework>,
}

/// Renders a report.
///
/// # Errors
/// One sentence that states what could not be rendered; for a template it begins with the template's name and line.
pub fn render(report: &Report, format: Format, options: &Options<'_>) -> Result<String, String> {
    let framework = options.framework.map(|framework| FrameworkReport::new(report, framework));
    format.render(&Document { report, framework }, options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::sample;

    #[test]
    fn every_format_has_a_name_endings_of_its_own_and_renders() {
        let mut seen = std::collections::BTreeSet::new();
        for &format in Format::ALL {
            assert!(seen.insert(format.name()));
            for ending in format.endings() {
                assert_eq!(Format::from_ending(ending), Some(format));
            }
            let text = render(&sample(), format, &Options::default()).unwrap();
            assert!(text.ends_with('\n') && text.len() > 1000, "{}", format.name());
        }
        assert_eq!(Format::from_ending("pdf"), None);
    }
}
