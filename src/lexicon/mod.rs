//! What may be kept of an environment value: variable names, DSN masking. A leaf room: it depends on nothing.
//!
//! Collection calls [`Value::mask`] on everything that enters an environment, so that a secret is never held, stored
//! or printed. The vocabulary of variable names is shared with `database`, which reads the values that were kept.

mod annotation;
mod dsn;
mod free_text;
mod name;
mod shape;
#[cfg(test)]
mod tests;
mod value;

pub use annotation::keep_annotation;
pub use free_text::mask_text;
pub use name::{Confidence, Group, Variable, classify, is_secret_name};
pub use shape::{HIDDEN, HIDDEN_AMBIGUOUS};
pub use value::Value;
