//! Names of environment variables, and masking of their values. A leaf module: it depends on nothing in this crate.
//!
//! `collect` masks every environment value ([`Value::mask`]) before anything else sees it, so that no secret is held,
//! stored or printed. `database` evaluates the values that remain, with the same variable names. The rule is an
//! allow-list: `docs/semantics.md#values-kept`.

mod annotation;
mod dsn;
mod free_text;
mod name;
mod shape;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use annotation::keep_annotation;
pub(crate) use free_text::mask_text;
pub(crate) use name::{Confidence, Purpose, classify, is_secret_name};
pub(crate) use shape::{HIDDEN, HIDDEN_AMBIGUOUS};
pub(crate) use value::Value;
