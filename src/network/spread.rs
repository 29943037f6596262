//! One source towards every destination at once: what its own egress allows, and what the ingress of each destination
//! allows from it. Nothing is kept but the rules by selector and block, so that the memory does not grow with the pairs.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use crate::inventory::Tri;

use super::engine::{Engine, RowKey, block_matches};
use super::index::TermId;
use super::model::{Model, Target};
use super::policy::Direction;
use super::ports::{ALL, Decision, NONE, Pool};
use super::row::{PortProfile, Row};

/// The ingress rules of every destination, by what they match.
pub(super) struct IngressIndex {
    /// Rows whose rules match everything.
    anywhere: Vec<(usize, Decision)>,
    by_term: Vec<Vec<(usize, Decision)>>,
    by_block: BTreeMap<usize, Vec<(usize, Decision)>>,
    /// Terms that select each cell.
    terms_of_cell: Vec<Vec<(TermId, Tri)>>,
    /// Rows of cells that are treated alike, and how certainly they are enforced.
    sides: Vec<Vec<(usize, Tri)>>,
    of_cell: Vec<SideOfCell>,
    rows: usize,
}

#[derive(Clone, Copy)]
enum SideOfCell {
    /// Policies decide nothing.
    Fixed(Decision),
    /// By index in [`IngressIndex::sides`].
    Rows(usize),
}

impl IngressIndex {
    pub(super) fn new(engine: &mut Engine, model: &Model, pool: &mut Pool) -> Self {
        let mut index = IngressIndex {
            anywhere: Vec::new(),
            by_term: vec![Vec::new(); model.selectors.count_terms()],
            by_block: BTreeMap::new(),
            terms_of_cell: vec![Vec::new(); model.cells.len()],
            sides: Vec::new(),
            of_cell: Vec::new(),
            rows: 0,
        };
        for term in model.selectors.term_ids() {
            for (cell, matched) in model.cells_of_term(term) {
                index.terms_of_cell[*cell].push((term, *matched));
            }
        }
        let mut numbers: HashMap<RowKey, usize> = HashMap::new();
        let mut sides: HashMap<Vec<(usize, Tri)>, usize> = HashMap::new();
        for cell in 0..model.cells.len() {
            if let Some(d) = engine.without_rows(model, Direction::Ingress, cell) {
                index.of_cell.push(SideOfCell::Fixed(d));
                continue;
            }
            let mut rows = Vec::new();
            for (bundle, enforced) in engine.bundles_list(model, cell, Direction::Ingress) {
                let key = engine.row_key(model, Direction::Ingress, bundle, cell);
                let next = numbers.len();
                let number = *numbers.entry(key).or_insert(next);
                if number == next {
                    let row = engine.row(model, pool, Direction::Ingress, key, cell);
                    index.add(number, &row);
                }
                rows.push((number, enforced));
            }
            let next = sides.len();
            let side = *sides.entry(rows).or_insert_with_key(|rows| {
                index.sides.push(rows.clone());
                next
            });
            index.of_cell.push(SideOfCell::Rows(side));
        }
        index.rows = numbers.len();
        index
    }

    fn add(&mut self, number: usize, row: &Row) {
        // Names are resolved in rows of ingress: they are names of the subject.
        let ports = |p: &PortProfile| (number, p.fixed.unwrap_or(Decision::NONE));
        self.anywhere.extend(row.anywhere.as_ref().map(ports));
        for (term, profile) in &row.terms {
            self.by_term[term.place()].push(ports(profile));
        }
        for (block, profile) in &row.blocks {
            self.by_block.entry(*block).or_default().push(ports(profile));
        }
    }

    /// What every cell's ingress allows from `source`, by index of the cell.
    pub(super) fn from(&self, engine: &Engine, model: &Model, pool: &mut Pool, source: Target) -> Vec<Decision> {
        let mut opened = vec![Decision::NONE; self.rows];
        let mut open = |row: usize, d: Decision, matched: Tri| {
            let d = if matched == Tri::Yes { d } else { Decision { certain: NONE, possible: d.possible } };
            opened[row] = opened[row].or(d, pool);
        };
        self.anywhere.iter().for_each(|(row, d)| open(*row, *d, Tri::Yes));
        for (term, matched) in self.terms_of_cell.get(source).into_iter().flatten() {
            self.by_term[term.place()].iter().for_each(|(row, d)| open(*row, *d, *matched));
        }
        for (block, rows) in &self.by_block {
            let matched = block_matches(model, engine.dataplane, *block, source);
            if matched > Tri::No {
                rows.iter().for_each(|(row, d)| open(*row, *d, matched));
            }
        }
        let sides: Vec<Decision> = self
            .sides
            .iter()
            .map(|rows| {
                let isolated = rows.iter().any(|(_, enforced)| *enforced == Tri::Yes);
                let mut all = if isolated { Decision::NONE } else { Decision::ALL };
                for (row, enforced) in rows {
                    let d = opened[*row];
                    all = match (isolated, enforced) {
                        (true, Tri::Yes) => all.or(d, pool),
                        (true, _) => all.or(Decision { certain: NONE, possible: d.possible }, pool),
                        (false, _) => Decision { certain: pool.intersection(all.certain, d.certain), possible: ALL },
                    };
                }
                all
            })
            .collect();
        let side = |side: &SideOfCell| match side {
            SideOfCell::Fixed(d) => *d,
            SideOfCell::Rows(i) => sides[*i],
        };
        self.of_cell.iter().map(side).collect()
    }
}

/// What the egress of `cell` allows: towards every cell, by index, and then towards `others`.
pub(super) fn egress(
    engine: &mut Engine,
    model: &Model,
    pool: &mut Pool,
    cell: usize,
    others: &[Target],
) -> Vec<Decision> {
    let count = model.cells.len() + others.len();
    if let Some(d) = engine.without_rows(model, Direction::Egress, cell) {
        return vec![d; count];
    }
    let bundles = engine.bundles_list(model, cell, Direction::Egress);
    let isolated = bundles.iter().any(|(_, enforced)| *enforced == Tri::Yes);
    let mut all = vec![if isolated { Decision::NONE } else { Decision::ALL }; count];
    for (bundle, enforced) in bundles {
        let key = engine.row_key(model, Direction::Egress, bundle, cell);
        let row = engine.row(model, pool, Direction::Egress, key, cell);
        if isolated {
            open_row(engine, model, pool, &row, others, enforced == Tri::Yes, &mut all);
        } else {
            let mut alone = vec![Decision::NONE; count];
            open_row(engine, model, pool, &row, others, true, &mut alone);
            for (all, alone) in all.iter_mut().zip(alone) {
                *all = Decision { certain: pool.intersection(all.certain, alone.certain), possible: ALL };
            }
        }
    }
    all
}

fn open_row(
    engine: &mut Engine,
    model: &Model,
    pool: &mut Pool,
    row: &Rc<Row>,
    others: &[Target],
    enforced: bool,
    all: &mut [Decision],
) {
    let cells = model.cells.len();
    let mut open = |engine: &mut Engine, pool: &mut Pool, at: usize, profile: &PortProfile, matched: Tri| {
        let target = if at < cells { at } else { others[at - cells] };
        let mut d = match profile.fixed {
            Some(d) if profile.names.is_empty() => d,
            _ => engine.resolve(model, pool, profile, target),
        };
        if matched != Tri::Yes || !enforced {
            d.certain = NONE;
        }
        all[at] = all[at].or(d, pool);
    };
    if let Some(profile) = &row.anywhere {
        (0..cells + others.len()).for_each(|at| open(engine, pool, at, profile, Tri::Yes));
    }
    for (term, profile) in &row.terms {
        for (cell, matched) in model.cells_of_term(*term) {
            open(engine, pool, *cell, profile, *matched);
        }
    }
    for (block, profile) in &row.blocks {
        for at in 0..cells + others.len() {
            let target = if at < cells { at } else { others[at - cells] };
            let matched = block_matches(model, engine.dataplane, *block, target);
            if matched > Tri::No {
                open(engine, pool, at, profile, matched);
            }
        }
    }
}
