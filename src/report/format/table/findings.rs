//! Findings by check, the worst first; unknown results have the same form.

use super::grid::{GAP, Grid};
use super::wrap::{width, wrap};
use super::{Style, severity};
use crate::check::Severity;
use crate::report::text::{block, line, number};
use crate::report::view::{Group, View, subject};

/// Rows of one check, and names of one row, before a list is cut.
const ROWS: usize = 5;
const NAMES: usize = 4;
/// Width of the severity column: that of `critical` and `severity`.
const SEVERITY: usize = 8;

/// All failures.
pub(super) fn render(view: &View<'_>, style: &Style) -> String {
    let groups = &view.findings;
    if groups.is_empty() {
        return String::new();
    }
    let names = groups.iter().flat_map(Group::results).map(|r| width(&subject(r)));
    let mut blocks = Blocks::new(style, names, ["severity", "check and subject", "finding"]);
    // Settings of the cluster of low severity are listed by name only: they matter least.
    let brief = |g: &Group<'_>| !style.show_all && g.severity <= Severity::Low && g.is_configuration();
    let short = groups.iter().filter(|g| brief(g)).count();
    for group in groups {
        match short > 1 && brief(group) {
            true => blocks.brief(group),
            false => blocks.group(group),
        }
    }
    if short > 1 {
        blocks.wide("--all shows the details of each");
    }
    blocks.render()
}

/// A table of blocks: a heading over two columns, then a row for each statement.
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
    pub(crate) fn new(style: &'s Style, names: impl Iterator<Item = usize>, head: [&str; 3]) -> Blocks<'s> {
        let room = style.columns() - SEVERITY - 2 * GAP;
        // Ids are aligned, but most of the width is for sentences.
        let most = (room * 2 / 5).min(46);
        let left = names.max().unwrap_or(0).clamp(width(head[1]), most);
        let text = room - left;
        let mut grid = Grid::new(vec![SEVERITY, left, text]);
        grid.head_full(&head);
        Blocks { style, grid, left, text, first: true, close: false }
    }

    /// A heading: severity (or another short word, already colored), title, and an id at the right end.
    pub(crate) fn heading(&mut self, word: String, title: &str, id: &str, extent: &str) {
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
            // A count stays on one line.
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
    pub(crate) fn brief(&mut self, group: &Group<'_>) {
        self.first |= self.close;
        self.heading(severity(group.severity, self.style), group.heading, group.check, &group.extent());
        self.close = true;
    }

    /// A row under a heading.
    pub(crate) fn row(&mut self, left: &str, text: &str) {
        self.grid.laid(vec![String::new(), wrap(left, self.left).join("\n"), wrap(text, self.text).join("\n")]);
    }

    /// A line under a heading that runs over both columns.
    pub(crate) fn wide(&mut self, text: &str) {
        let lines = wrap(text, self.grid.span(1)).join("\n");
        self.grid.spanning(vec![String::new(), lines]);
    }

    /// One check: its heading, and what is stated of its subjects.
    pub(crate) fn group(&mut self, group: &Group<'_>) {
        self.heading(severity(group.severity, self.style), group.heading, group.check, &group.extent());
        let shown = self.style.limit(group.statements.len(), ROWS);
        for s in group.statements.iter().take(shown) {
            self.row(&self.names(&s.subjects()), &block(&s.text));
        }
        let left: usize = group.statements.iter().skip(shown).map(|s| s.results.len()).sum();
        if left > 0 {
            self.wide(&format!("… {} more: --all shows them", number(left)));
        }
    }

    /// Names one below the other, cut where there are many.
    pub(crate) fn names(&self, names: &[String]) -> String {
        let shown = self.style.limit(names.len(), NAMES);
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

    /// The lines.
    pub(crate) fn render(self) -> String {
        self.grid.render()
    }
}
