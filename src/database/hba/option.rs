//! The options after a method, and which of them the server rejects.

use super::token::Token;
use super::{ConnectionType, Method};

/// The options of a rule that matter here.
#[derive(Default)]
pub(super) struct Options {
    pub client_certificate: bool,
}

#[rustfmt::skip]
const LDAP: &[&str] = &[
    "ldapurl", "ldaptls", "ldapscheme", "ldapserver", "ldapport", "ldapbinddn", "ldapbindpasswd",
    "ldapsearchattribute", "ldapsearchfilter", "ldapbasedn", "ldapprefix", "ldapsuffix",
];

/// Parses `name=value` tokens. The error states why the server rejects them.
pub(super) fn parse_options(
    tokens: &[Token],
    connection: ConnectionType,
    method: Method,
    major: u32,
) -> Result<Options, String> {
    let mut names: Vec<&str> = Vec::new();
    let mut out = Options::default();
    for token in tokens {
        let Some((name, value)) = token.text.split_once('=') else {
            return Err("an authentication option is not of the form name=value".to_owned());
        };
        let fits = match name {
            "map" => matches!(method, Method::Ident | Method::Peer | Method::Gss | Method::Cert | Method::Oauth),
            "clientcert" => {
                if connection != ConnectionType::HostSsl {
                    return Err("clientcert is only for hostssl rules".to_owned());
                }
                match value {
                    "verify-ca" if method == Method::Cert => {
                        return Err("method cert accepts only clientcert=verify-full".to_owned());
                    }
                    "verify-ca" | "verify-full" => out.client_certificate = true,
                    "1" if major <= 13 => out.client_certificate = true,
                    "0" | "no-verify" if major <= 13 && method != Method::Cert => {}
                    _ => return Err("clientcert is neither verify-ca nor verify-full".to_owned()),
                }
                true
            }
            "clientname" => connection == ConnectionType::HostSsl && major >= 14 && matches!(value, "CN" | "DN"),
            "pamservice" | "pam_use_hostname" => method == Method::Pam,
            "krb_realm" | "include_realm" | "compat_realm" | "upn_username" => method == Method::Gss,
            "radiusservers" | "radiusports" | "radiussecrets" | "radiusidentifiers" => method == Method::Radius,
            "issuer" | "scope" | "validator" | "delegate_ident_mapping" => method == Method::Oauth,
            "ldapport" if method == Method::Ldap => value.parse::<u16>().is_ok_and(|p| p > 0),
            n => LDAP.contains(&n) && method == Method::Ldap,
        };
        if !fits {
            return Err(format!("option {name} is unknown or not valid with method {}", method.word()));
        }
        names.push(name);
    }
    let has = |n: &str| names.contains(&n);
    if method == Method::Ldap {
        let (search, bind) = (has("ldapbasedn") || has("ldapurl"), has("ldapprefix") || has("ldapsuffix"));
        if !search && !bind {
            return Err("method ldap needs ldapbasedn, ldapprefix or ldapsuffix".to_owned());
        }
        if bind
            && names.iter().any(|n| {
                matches!(
                    *n,
                    "ldapbasedn" | "ldapbinddn" | "ldapbindpasswd" | "ldapsearchattribute" | "ldapsearchfilter"
                )
            })
        {
            return Err("ldapprefix and ldapsuffix are not valid with search options".to_owned());
        }
        if has("ldapsearchattribute") && has("ldapsearchfilter") {
            return Err("ldapsearchattribute is not valid with ldapsearchfilter".to_owned());
        }
    }
    if method == Method::Radius && !(has("radiusservers") && has("radiussecrets")) {
        return Err("method radius needs radiusservers and radiussecrets".to_owned());
    }
    if method == Method::Oauth && !(has("issuer") && has("scope")) {
        return Err("method oauth needs issuer and scope".to_owned());
    }
    Ok(out)
}
