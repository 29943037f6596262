//! YAML and JSON documents: trees whose nodes know their position in the text, one cursor that reads them and collects
//! problems, and what a problem is. It depends on no other module.

mod cursor;
mod node;
mod parse;
mod position;
mod problem;
#[cfg(test)]
mod tests;

pub(crate) use cursor::{Cursor, PathStyle, Problems};
pub(crate) use node::{Content, Node, RawObject};
pub(crate) use parse::{parse_json, parse_json_value, parse_yaml, parse_yaml_documents};
pub use problem::Problem;
pub(crate) use problem::hint;
