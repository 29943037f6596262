//! Every endpoint that an audit of a GKE cluster touches, with everything that can go wrong there.
//!
//! Each cell of the table runs the binary against servers of its own. The result is that of a run without the fault, or
//! it says what was not read ([`evaluate`]). The table is in [`cells`], with what is left out of it and why.
mod cells;
mod evaluate;
mod fleet;
mod run;

/// All in one test: the cells share the machine in one pool, the slowest first.
#[test]
fn every_endpoint_with_every_fault() {
    let cells = cells::all();
    let count = cells.len() + fleet::COUNT;
    let mut wrong = run::all(cells);
    wrong.extend(fleet::all());
    assert!(wrong.is_empty(), "{} of {count} cells are wrong:\n\n{}", wrong.len(), wrong.join("\n\n"));
}
