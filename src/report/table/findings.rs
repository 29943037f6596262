//! Findings by check, worst first; unknown results take the same form.

use super::{Style, severity};
use crate::check::{Severity, Verdict};
use crate::report::Report;
use crate::report::grid::{GAP, Grid};
use crate::report::group::{Fold, Group, fold, groups, is_configuration, subject};
use crate::report::text::{block, line, number};
use crate::report::wrap::{width, wrap};

/// Rows of one check, and names of one row, before a list is cut.
const ROWS: usize = 5;
const NAMES: usize = 4;
/// Width of the severity column: that of `critical` and `severity`.
const SEVERITY: usize = 8;

/// Everything that fails.
pub(crate) fn render(report: &Report, style: &Style) -> String {
    let groups = groups(report, Verdict::Fail);
    if groups.is_empty() {
        return String::new();
    }
    let names = groups.iter().flat_map(|g| &g.results).map(|r| width(&subject(r)));
    let mut blocks = Blocks::new(style, names, ["severity", "check and subject", "finding"]);
    // What is of low severity or less and a setting of the cluster is told by its title: nobody comes for it first.
    let brief = |g: &Group<'_>| {
        let configuration = g.results.iter().all(|r| is_configuration(r.subject.kind));
        !style.show_all && g.severity <= Severity::Low && configuration
    };
    let short = groups.iter().filter(|g| brief(g)).count();
    for group in &groups {
        match short > 1 && brief(group) {
            true => blocks.brief(group),
            false => blocks.group(group, fold(&group.results, |r| line(&r.message))),
        }
    }
    if short > 1 {
        blocks.wide("--all says of each what it is here");
    }
    blocks.render()
}

/// A table of blocks: a heading over two columns, then a row for each thing that is said.
pub(crate) struct Blocks<'s> {
    style: &'s Style,
    grid: Grid,
    left: usize,
    text: usize,
    first: bool,
    /// The last heading has nothing below it, and another such one follows without a gap.
    close: bool,
}

impl<'s> Blocks<'s> {
    /// `names` are the widths of what will stand in the middle column.
    pub fn new(style: &'s Style, names: impl Iterator<Item = usize>, head: [&str; 3]) -> Blocks<'s> {
        let room = style.columns() - SEVERITY - 2 * GAP;
        // Ids are aligned for the eye, but must leave most of the room to sentences.
        let most = (room * 2 / 5).min(46);
        let left = names.max().unwrap_or(0).clamp(width(head[1]), most);
        let text = room - left;
        let mut grid = Grid::new(vec![SEVERITY, left, text]);
        grid.head_full(&head);
        Blocks { style, grid, left, text, first: true, close: false }
    }

    /// A heading: severity (or another short word, already coloured), title, and an id at the right end.
    pub fn heading(&mut self, word: String, title: &str, id: &str, extent: &str) {
        if !self.first {
            self.grid.blank();
        }
        self.first = false;
        let room = self.grid.span(1);
        let id = line(id);
        let beside = width(&id) + GAP <= room / 2;
        let lines = wrap(&line(title), if beside && !id.is_empty() { room - width(&id) - GAP } else { room });
        let mut lines = lines;
        if !extent.is_empty() {
            // Kept together: a count that is broken in two is not seen.
            let extent = format!("({extent})");
            let last = if lines.len() == 1 && beside && !id.is_empty() { room - width(&id) - GAP } else { room };
            match lines.last_mut() {
                Some(l) if width(l) + 1 + width(&extent) <= last => *l = format!("{l} {extent}"),
                _ => lines.extend(wrap(&extent, room)),
            }
        }
        let mut cell: Vec<String> = Vec::new();
        for (i, l) in lines.into_iter().enumerate() {
            match i {
                0 if beside && !id.is_empty() => {
                    cell.push(format!("{l}{}{id}", " ".repeat(room.saturating_sub(width(&l) + width(&id)))))
                }
                _ => cell.push(l),
            }
        }
        if !beside {
            cell.extend(wrap(&id, room));
        }
        self.grid.spanning(vec![word, cell.join("\n")]);
    }

    /// One check by its heading, close to the one before.
    pub fn brief(&mut self, group: &Group<'_>) {
        self.first |= self.close;
        self.heading(severity(group.severity, self.style), group.title, group.check, &group.extent());
        self.close = true;
    }

    /// A row under a heading.
    pub fn row(&mut self, left: &str, text: &str) {
        self.grid.laid(vec![String::new(), wrap(left, self.left).join("\n"), wrap(text, self.text).join("\n")]);
    }

    /// A line under a heading that runs over both columns.
    pub fn wide(&mut self, text: &str) {
        let lines = wrap(text, self.grid.span(1)).join("\n");
        self.grid.spanning(vec![String::new(), lines]);
    }

    /// One check: its heading, and what it says of its subjects.
    pub fn group(&mut self, group: &Group<'_>, folds: Vec<Fold<'_>>) {
        self.heading(severity(group.severity, self.style), group.title, group.check, &group.extent());
        let shown = self.limit(folds.len(), ROWS);
        for f in folds.iter().take(shown) {
            let names: Vec<String> = f.results.iter().map(|r| subject(r)).collect();
            self.row(&self.names(&names), &block(&f.text));
        }
        let left: usize = folds.iter().skip(shown).map(|f| f.results.len()).sum();
        if left > 0 {
            self.wide(&format!("… {} more: --all shows them", number(left)));
        }
    }

    /// Names one below the other, cut where there are many.
    pub fn names(&self, names: &[String]) -> String {
        let shown = self.limit(names.len(), NAMES);
        let mut lines: Vec<String> = names.iter().take(shown).cloned().collect();
        if names.len() > shown {
            lines.push(format!("… {} more (--all)", number(names.len() - shown)));
        }
        // A name that wraps hangs, so that each still starts where the eye looks.
        let hang = |l: &String| {
            let mut parts = wrap(l, self.left).into_iter();
            let first = parts.next().unwrap_or_default();
            let rest = l.get(first.len()..).unwrap_or_default();
            if rest.is_empty() {
                return first;
            }
            let tail = wrap(rest.trim_start(), self.left - 2);
            std::iter::once(first).chain(tail.into_iter().map(|t| format!("  {t}"))).collect::<Vec<_>>().join("\n")
        };
        lines.iter().map(hang).collect::<Vec<_>>().join("\n")
    }

    /// How many of a list to show: all where the line that says what is left out would save nothing.
    pub fn limit(&self, len: usize, most: usize) -> usize {
        if self.style.show_all || len <= most + 1 { len } else { most }
    }

    /// The lines.
    pub fn render(self) -> String {
        self.grid.render()
    }
}
