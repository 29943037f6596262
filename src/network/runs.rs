//! A value for every target, kept as runs of equal ones: a large cluster has thousands of targets and few runs.

use std::ops::Range;

/// Values by index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Runs<T> {
    /// Where each run begins, and its value; neighbours differ.
    starts: Vec<(u32, T)>,
    length: usize,
}

impl<T: Copy + Eq> Runs<T> {
    /// `values` must be no more than `u32` counts.
    pub(super) fn of(values: Vec<T>) -> Self {
        let mut starts: Vec<(u32, T)> = Vec::new();
        for (i, value) in values.iter().enumerate() {
            if starts.last().is_none_or(|(_, last)| last != value) {
                starts.push((i as u32, *value));
            }
        }
        starts.shrink_to_fit();
        Runs { starts, length: values.len() }
    }

    /// The value at an index, `None` where there are not so many.
    pub(super) fn at(&self, index: usize) -> Option<T> {
        let run = self.starts.partition_point(|(start, _)| *start as usize <= index).checked_sub(1)?;
        (index < self.length).then(|| self.starts[run].1)
    }

    /// The runs in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Range<usize>, T)> + '_ {
        self.starts.iter().enumerate().map(|(i, (start, value))| {
            let end = self.starts.get(i + 1).map_or(self.length, |(next, _)| *next as usize);
            (*start as usize..end, *value)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn runs_hold_what_they_are_made_of(values in proptest::collection::vec(0u8..3, 0..60)) {
            let runs = Runs::of(values.clone());
            for i in 0..values.len() + 2 {
                prop_assert_eq!(runs.at(i), values.get(i).copied());
            }
            let unrolled: Vec<u8> = runs.iter().flat_map(|(range, value)| range.map(move |_| value)).collect();
            prop_assert_eq!(unrolled, values);
            prop_assert!(runs.starts.windows(2).all(|w| w[0].1 != w[1].1));
        }
    }
}
