use super::*;
use Class::{Error, T0, T1, T2, T3, T4, T5};
use Outcome::*;

#[test]
fn the_matrix() {
    let context = Context { private_ca: Some(true), ..Context::default() };
    let servers = [Server::Open, Server::TlsOnly, Server::NoTls, Server::Unknown];
    for (class, want) in [
        (T0, [Fail, Broken, Fail, Fail]),
        (T1, [Fail, Warn, Fail, Fail]),
        (T2, [Warn, Warn, Fail, Warn]),
        (T3, [Warn, Warn, Broken, Warn]),
        (T4, [Pass, Pass, Broken, Pass]),
        (T5, [Pass, Pass, Broken, Pass]),
        (Error, [Broken; 4]),
    ] {
        for (server, want) in servers.into_iter().zip(want) {
            assert_eq!(verdict(Client::class(class), server, &context), want, "{class:?} {server:?}");
        }
    }
    for (server, want) in servers.into_iter().zip([Unknown, PassEncrypted, Fail, Unknown]) {
        assert_eq!(verdict(Client::Unknown, server, &context), want, "unknown {server:?}");
    }
    assert_eq!(verdict(Client::Delegated, Server::Open, &context), PassDelegated);
}

#[test]
fn d35_t5_to_a_name_that_the_certificate_lacks_is_broken() {
    let context = Context { host_in_certificate: Some(false), ..Context::default() };
    assert_eq!(verdict(Client::class(T5), Server::Open, &context), Broken);
    assert_eq!(no_cleartext(Client::class(T5), Server::Open, &context), Broken);
}

#[test]
fn h33_a_server_that_refuses_tls() {
    let with = |falls_back_on_hba| Context { falls_back_on_hba, ..Context::default() };
    let t2 = Client::class(T2);
    assert_eq!(verdict(t2, Server::CleartextOnly, &with(Some(true))), Fail);
    assert_eq!(verdict(t2, Server::CleartextOnly, &with(Some(false))), Broken);
    assert_eq!(verdict(t2, Server::CleartextOnly, &with(None)), DependsOnDriver);
    assert_eq!(verdict(Client::class(T3), Server::CleartextOnly, &with(None)), Broken);
}

#[test]
fn declared_modes_pass_in_full_only_where_the_server_refuses_cleartext() {
    let declared = Context { declared: true, ..Context::default() };
    let t3 = Client::class(T3);
    assert_eq!(no_cleartext(t3, Server::Open, &declared), PassDeclared, "J01");
    assert_eq!(no_cleartext(t3, Server::TlsOnly, &declared), Pass, "J02");
    assert_eq!(no_cleartext(Client::class(T0), Server::Open, &declared), Fail, "J03");
    assert_eq!(no_cleartext(Client::Unknown, Server::TlsOnly, &declared), PassEncrypted, "J04");
    assert_eq!(no_cleartext(Client::Unknown, Server::Open, &declared), Unknown, "J05");
    assert_eq!(no_cleartext(Client::class(T2), Server::TlsOnly, &Context::default()), Pass);
    assert_eq!(no_cleartext(Client::class(T2), Server::Open, &Context::default()), Warn);
    assert_eq!(no_cleartext(Client::class(T1), Server::TlsOnly, &Context::default()), Warn);
    assert_eq!(no_cleartext(Client::class(T4), Server::Open, &Context::default()), Pass);
}

#[test]
fn a_range_passes_by_its_worst_and_fails_by_its_best() {
    let range = |worst, best| Client::Classes { worst, best };
    let context = Context::default();
    assert_eq!(no_cleartext(range(T0, T3), Server::Open, &context), DependsOnDriver, "D01, J25");
    assert_eq!(no_cleartext(range(T0, T1), Server::Open, &context), Fail);
    assert_eq!(no_cleartext(range(T3, T5), Server::Open, &context), Pass);
    assert_eq!(verdict(range(T2, T5), Server::Open, &context), DependsOnDriver, "D43");
    assert_eq!(no_cleartext(range(T2, T5), Server::TlsOnly, &context), Pass);
    assert_eq!(verdict(range(T2, T3), Server::Open, &context), Warn);
}
