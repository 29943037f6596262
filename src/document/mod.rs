//! YAML and JSON documents: trees whose nodes know their position in the text, one cursor that reads them and collects
//! problems, what a problem is; and reading a JSON value by path, with what its source could not give. It depends on no
//! other module.

mod cursor;
mod list;
mod node;
mod parse;
pub(crate) mod path;
mod position;
mod problem;
mod reader;
#[cfg(test)]
mod tests;
mod unavailable;

pub(crate) use cursor::{Cursor, PathStyle, Problems};
pub(crate) use list::{JsonList, ListMeta};
pub(crate) use node::{Content, Node};
pub(crate) use parse::{json_problem, parse_json, parse_json_value, parse_yaml, parse_yaml_documents};
pub use problem::Problem;
pub(crate) use problem::hint;
#[cfg(test)]
pub(crate) use reader::requested_paths;
pub(crate) use reader::{Fields, Lookup, describe};
pub(crate) use reader::{Reader, Recorded};
pub(crate) use unavailable::Unavailable;
