//! Names of the files that hold fleet reports and parts of them.

use crate::fleet::shard::Shard;

/// File name, without its ending, of a run's fleet report: `fleet`, and `fleet-3-of-8` for a shard, so that all shards
/// may write into one folder.
pub fn part_stem(shard: Option<Shard>) -> String {
    match shard.filter(|s| !s.is_whole()) {
        Some(s) => format!("fleet-{}-of-{}", s.index(), s.count()),
        None => "fleet".into(),
    }
}

/// What a file of a folder of reports is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartFile {
    /// The report of a run over the whole fleet, or one that was merged.
    Whole,
    /// The report of one shard. `None`: named like one, but of no shard that can be.
    Shard(Option<Shard>),
}

/// Whether a file is a fleet report that merging reads; `None` for everything else, such as reports of single clusters.
pub fn part_file(file_name: &str) -> Option<PartFile> {
    let stem = file_name.strip_suffix(".json")?;
    if stem == "fleet" {
        return Some(PartFile::Whole);
    }
    let (index, count) = stem.strip_prefix("fleet-")?.split_once("-of-")?;
    Some(PartFile::Shard(format!("{index}/{count}").parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_reports_have_their_own_names() {
        let third = Shard::new(3, 8).ok();
        assert_eq!(part_stem(third), "fleet-3-of-8");
        assert_eq!(part_stem(None), "fleet");
        assert_eq!(part_stem(Shard::new(0, 1).ok()), "fleet");
        assert_eq!(part_file("fleet-3-of-8.json"), Some(PartFile::Shard(third)));
        assert_eq!(part_file("fleet-8-of-8.json"), Some(PartFile::Shard(None)));
        assert_eq!(part_file("fleet-a-of-b.json"), Some(PartFile::Shard(None)));
        assert_eq!(part_file("fleet.json"), Some(PartFile::Whole));
        for other in ["fleet-3-of-8.md", "fleet-3.json", "pay-prod_europe-west1_main.json", ".fleet.json.42", "fleet"] {
            assert_eq!(part_file(other), None, "{other}");
        }
    }
}
