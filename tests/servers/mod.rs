//! Servers that behave like Google's APIs ([`google`]) and like a GKE cluster's API server ([`apiserver`]), on loopback,
//! each on a thread of its own: a test starts one, lets the binary audit it, and asks the server what it was asked.
//!
//! ```ignore
//! let kube = FakeKube::start(&data::example());
//! let token = kube.user("auditor@example.com");
//! kube.deny("*", "list", "networking.k8s.io", "networkpolicies");
//! kube.faults().add(Fault::on("/api/v1/pods", Effect::CutLength(Cut::Half)).once());
//! kubeconfig::write(&path, &kube, "test", &token);
//! // … run gke-posture …
//! kube.record().assert_only_reads();
//! ```
//!
//! They do what the real servers do, not what is convenient; where a comment says what the real one does, it was looked
//! up or tried. `tests/servers_selftest/` keeps them to it.
#![allow(dead_code, unused_imports)]

pub(crate) mod apiserver;
pub(crate) mod data;
pub(crate) mod faults;
pub(crate) mod google;
pub(crate) mod kubeconfig;
pub(crate) mod live;
pub(crate) mod ports;
pub(crate) mod record;
mod serve;
mod tls;
mod tokens;

pub(crate) use apiserver::{Crd, FakeKube, Options};
pub(crate) use faults::{Cut, Effect, Fault, Shape};
pub(crate) use google::FakeGoogle;
pub(crate) use serve::Gzip;
pub(crate) use tls::Certificate;
pub(crate) use tokens::{MARK, Tokens};
