//! What the network tests share: clusters at random, written down as manifests.

#![allow(dead_code)]

pub(crate) mod generate;
pub(crate) mod manifest;
