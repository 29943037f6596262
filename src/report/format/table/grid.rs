//! Borderless tables of known column widths, laid out by `tabled`; cells are wrapped before they get there.

use tabled::builder::Builder;
use tabled::settings::object::{Cell, Columns, Rows};
use tabled::settings::style::{HorizontalLine, Style};
use tabled::settings::{Alignment, Padding, Span};

use super::wrap::{width, wrap};

/// Blank columns between two columns.
pub(crate) const GAP: usize = 3;

/// A table in the making: rows of cells, some of which run over the columns to their right. A no-break space in a cell
/// keeps words together, and comes out as a space.
pub(crate) struct Grid {
    widths: Vec<usize>,
    right: Vec<usize>,
    head: bool,
    gap: usize,
    rows: Vec<Vec<String>>,
    /// Row and column of cells that run to the right end.
    spans: Vec<(usize, usize)>,
}

impl Grid {
    /// A table whose columns have these widths.
    pub(crate) fn new(widths: Vec<usize>) -> Grid {
        Grid { widths, right: vec![], head: false, gap: GAP, rows: vec![], spans: vec![] }
    }

    /// Aligns a column to the right.
    pub(crate) fn right(mut self, column: usize) -> Grid {
        self.right.push(column);
        self
    }

    /// Other than [`GAP`] blanks between columns.
    pub(crate) fn gap(mut self, gap: usize) -> Grid {
        self.gap = gap;
        self
    }

    /// Names the columns; must come before any row.
    pub(crate) fn head<S: AsRef<str>>(&mut self, names: &[S]) {
        self.head = true;
        self.row(names);
    }

    /// Names the columns and holds them open at their full widths.
    pub(crate) fn head_full(&mut self, names: &[&str]) {
        self.head = true;
        let cells = names.iter().zip(&self.widths).map(|(n, &w)| format!("{n:w$}")).collect();
        self.rows.push(cells);
    }

    /// A row of plain texts, each wrapped to its column.
    pub(crate) fn row<S: AsRef<str>>(&mut self, cells: &[S]) {
        let cells = cells.iter().zip(&self.widths).map(|(c, &w)| wrap(c.as_ref(), w).join("\n")).collect();
        self.rows.push(cells);
    }

    /// A row of plain texts, one of which is colored line by line once it is wrapped.
    pub(crate) fn painted<S: AsRef<str>>(&mut self, cells: &[S], column: usize, paint: impl Fn(&str) -> String) {
        self.row(cells);
        if let Some(cell) = self.rows.last_mut().and_then(|row| row.get_mut(column)) {
            *cell = cell.lines().map(paint).collect::<Vec<_>>().join("\n");
        }
    }

    /// A row whose cells are wrapped (or colored) already.
    pub(crate) fn laid(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// A row whose last cell runs to the right end; see [`Grid::span`] for its width.
    pub(crate) fn spanning(&mut self, cells: Vec<String>) {
        self.spans.push((self.rows.len(), cells.len().saturating_sub(1)));
        self.rows.push(cells);
    }

    /// An empty line.
    pub(crate) fn blank(&mut self) {
        self.rows.push(vec![]);
    }

    /// Width of a cell that runs from `column` to the right end.
    pub(crate) fn span(&self, column: usize) -> usize {
        let columns = self.widths.get(column..).unwrap_or_default();
        columns.iter().sum::<usize>() + self.gap * columns.len().saturating_sub(1)
    }

    /// The lines, without blanks at their ends; empty if there are no rows.
    pub(crate) fn render(self) -> String {
        let columns = self.widths.len();
        if self.rows.is_empty() || columns == 0 {
            return String::new();
        }
        let mut builder = Builder::with_capacity(self.rows.len(), columns);
        for mut row in self.rows {
            row.resize(columns, String::new());
            builder.push_record(row);
        }
        let mut table = builder.build();
        if self.head {
            table.with(Style::empty().horizontals([(1, HorizontalLine::new('─'))]));
        } else {
            table.with(Style::empty());
        }
        table.with(Padding::new(0, self.gap, 0, 0)).modify(Columns::last(), Padding::zero());
        for column in self.right {
            table.modify(Columns::one(column), Alignment::right());
        }
        if self.head {
            table.modify(Rows::first(), Alignment::bottom());
        }
        for (row, column) in self.spans {
            table.modify(Cell::new(row, column), Span::column((columns - column) as isize));
            table.modify(Cell::new(row, column), Padding::zero());
        }
        let text = table.to_string();
        text.lines().map(|l| l.trim_end().replace('\u{a0}', " ") + "\n").collect()
    }
}

/// Column widths that fit into `total` columns with their gaps: each as wide as its content where that fits. Else names
/// of columns (the first row) wrap first, then the widest columns are narrowed, to their longest word if possible.
pub(crate) fn fit<S: AsRef<str>>(rows: &[Vec<S>], total: usize, gap: usize) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut natural = vec![1; columns];
    let mut least = vec![1; columns];
    let mut body = vec![1; columns];
    for (at, row) in rows.iter().enumerate() {
        for (i, cell) in row.iter().enumerate() {
            for line in cell.as_ref().split('\n') {
                natural[i] = natural[i].max(width(line));
                if at > 0 {
                    body[i] = body[i].max(width(line));
                }
                least[i] = line.split(' ').map(width).fold(least[i], usize::max);
            }
        }
    }
    let room = total.saturating_sub(gap * columns.saturating_sub(1));
    let mut widths = natural;
    let named = body.iter().zip(&least).map(|(&b, &l)| b.max(l)).collect();
    for floor in [named, least, vec![4; columns]] {
        while widths.iter().sum::<usize>() > room {
            // Of those that may still shrink, the widest; the last of equals.
            let Some(i) = (0..columns).filter(|&i| widths[i] > floor[i]).max_by_key(|&i| widths[i]) else { break };
            widths[i] -= 1;
        }
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_run_over_columns_without_widening_them() {
        let mut grid = Grid::new(vec![4, 6, 10]);
        assert_eq!(grid.span(1), 19);
        grid.head_full(&["a", "b", "c"]);
        grid.spanning(vec!["x".into(), "nineteen columns ok".into()]);
        grid.row(&["", "one two", "three four five"]);
        let text = grid.render();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1].chars().count(), 4 + 3 + 6 + 3 + 10);
        assert_eq!(lines[2], "x      nineteen columns ok");
        assert_eq!(lines[3], "       one      three four");
        assert_eq!(lines[4], "       two      five");
    }

    #[test]
    fn fitting_narrows_the_widest_first() {
        let rows = vec![vec!["ingress isolated", "a", "some-very-long-name-of-a-namespace"]];
        assert_eq!(fit(&rows, 200, GAP), [16, 1, 34]);
        let widths = fit(&rows, 40, GAP);
        assert_eq!(widths.iter().sum::<usize>() + 2 * GAP, 40);
        assert!(widths[0] >= 8, "the header breaks at its space: {widths:?}");
    }
}
