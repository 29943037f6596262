//! What may be kept of an environment value: variable names, DSN masking. A leaf room: it depends on nothing.

mod value;

pub use value::Value;

pub fn mask_text(text: &str) -> String {
    text.to_owned()
}

pub fn keep_annotation(_key: &str) -> bool {
    true
}
