//! What an auditor wants to know about one subject, one file for each subject kind.

pub mod schema;
