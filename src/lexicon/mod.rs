//! Names of environment variables, masking of their values, and redaction of the process's own credentials. A leaf module: it depends on nothing in this crate.
//!
//! `collect` masks every environment value ([`Value::mask`]) before anything else sees it, so that no secret is held,
//! stored or printed. `database` evaluates the values that remain, with the same variable names. The rule is an
//! allow-list: `docs/semantics.md#values-kept`.

mod annotation;
mod dsn;
mod free_text;
mod hba;
mod name;
mod sent;
mod shape;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use annotation::{keep_annotation, mask_annotation};
pub(crate) use free_text::mask_text;
pub(crate) use hba::mask_hba;
pub(crate) use name::{Confidence, Purpose, classify, is_secret_name};
pub(crate) use sent::{add_credential, add_credentials_of_url, add_user_and_password, has_credentials, redact};
pub(crate) use shape::{HIDDEN, HIDDEN_AMBIGUOUS, mask_setting};
pub(crate) use value::Value;
