use super::*;
use Class::{Allow, Disable, Error, Prefer, Require, VerifyCa, VerifyFull};
use Outcome::*;

#[test]
fn the_matrix() {
    let context = Context { private_ca: Some(true), ..Context::default() };
    let servers = [Server::Open, Server::TlsOnly, Server::NoTls, Server::Unknown];
    for (class, want) in [
        (Disable, [Fail, Broken, Fail, Fail]),
        (Allow, [Fail, Warn, Fail, Fail]),
        (Prefer, [Warn, Warn, Fail, Warn]),
        (Require, [Warn, Warn, Broken, Warn]),
        (VerifyCa, [Pass, Pass, Broken, Pass]),
        (VerifyFull, [Pass, Pass, Broken, Pass]),
        (Error, [Broken; 4]),
    ] {
        for (server, want) in servers.into_iter().zip(want) {
            assert_eq!(
                encrypted_and_authenticated(Client::class(class), server, &context),
                want,
                "{class:?} {server:?}"
            );
        }
    }
    for (server, want) in servers.into_iter().zip([Unknown, PassEncrypted, Fail, Unknown]) {
        assert_eq!(encrypted_and_authenticated(Client::Unknown, server, &context), want, "unknown {server:?}");
    }
    assert_eq!(encrypted_and_authenticated(Client::Delegated, Server::Open, &context), PassDelegated);
}

#[test]
fn verify_full_to_a_name_that_the_certificate_lacks_is_broken() {
    let context = Context { host_in_certificate: Some(false), ..Context::default() };
    assert_eq!(encrypted_and_authenticated(Client::class(VerifyFull), Server::Open, &context), Broken);
    assert_eq!(encrypted(Client::class(VerifyFull), Server::Open, &context), Broken);
}

#[test]
fn a_server_that_refuses_tls() {
    let with = |falls_back_on_hba| Context { falls_back_on_hba, ..Context::default() };
    let t2 = Client::class(Prefer);
    assert_eq!(encrypted_and_authenticated(t2, Server::CleartextOnly, &with(Some(true))), Fail);
    assert_eq!(encrypted_and_authenticated(t2, Server::CleartextOnly, &with(Some(false))), Broken);
    assert_eq!(encrypted_and_authenticated(t2, Server::CleartextOnly, &with(None)), DependsOnDriver);
    assert_eq!(encrypted_and_authenticated(Client::class(Require), Server::CleartextOnly, &with(None)), Broken);
}

#[test]
fn declared_modes_pass_in_full_only_where_the_server_refuses_cleartext() {
    let declared = Context { declared: true, ..Context::default() };
    let t3 = Client::class(Require);
    assert_eq!(encrypted(t3, Server::Open, &declared), PassDeclared);
    assert_eq!(encrypted(t3, Server::TlsOnly, &declared), Pass);
    assert_eq!(encrypted(Client::class(Disable), Server::Open, &declared), Fail);
    assert_eq!(encrypted(Client::Unknown, Server::TlsOnly, &declared), PassEncrypted);
    assert_eq!(encrypted(Client::Unknown, Server::Open, &declared), Unknown);
    assert_eq!(encrypted(Client::class(Prefer), Server::TlsOnly, &Context::default()), Pass);
    assert_eq!(encrypted(Client::class(Prefer), Server::Open, &Context::default()), Warn);
    assert_eq!(encrypted(Client::class(Allow), Server::TlsOnly, &Context::default()), Warn);
    assert_eq!(encrypted(Client::class(VerifyCa), Server::Open, &Context::default()), Pass);
}

#[test]
fn a_range_passes_by_its_worst_and_fails_by_its_best() {
    let range = |worst, best| Client::Classes { worst, best };
    let context = Context::default();
    assert_eq!(encrypted(range(Disable, Require), Server::Open, &context), DependsOnDriver);
    assert_eq!(encrypted(range(Disable, Allow), Server::Open, &context), Fail);
    assert_eq!(encrypted(range(Require, VerifyFull), Server::Open, &context), Pass);
    assert_eq!(encrypted_and_authenticated(range(Prefer, VerifyFull), Server::Open, &context), DependsOnDriver);
    assert_eq!(encrypted(range(Prefer, VerifyFull), Server::TlsOnly, &context), Pass);
    assert_eq!(encrypted_and_authenticated(range(Prefer, Require), Server::Open, &context), Warn);
}
