//! What may be kept of an environment value: variable names, DSN masking. A leaf room: it depends on nothing.

mod value;

pub use value::Value;
