//! The credentials that this process holds, and their redaction from everything that it writes: a server, a proxy or a
//! plugin may send them back.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

use base64::prelude::*;

use super::name::is_secret_name;
use super::shape::HIDDEN;

/// Shorter texts are words of ordinary output, so redacting them would destroy it.
const SHORTEST: usize = 6;

/// The forms in which a credential may come back. Ordered, so that redaction does not depend on when it was added.
static FORMS: RwLock<BTreeSet<String>> = RwLock::new(BTreeSet::new());

/// Remembers a credential: each form of it is redacted from then on.
pub(crate) fn add_credential(secret: &str) {
    let secret = secret.trim();
    if secret.len() < SHORTEST {
        return;
    }
    FORMS.write().unwrap_or_else(PoisonError::into_inner).extend(forms_of(secret));
}

/// Remembers the user and password of basic authentication, which are sent as one text.
pub(crate) fn add_user_and_password(user: &str, password: &str) {
    add_credential(password);
    if !password.is_empty() {
        add_credential(&BASE64_STANDARD.encode(format!("{user}:{password}")));
    }
}

/// Remembers the credentials in a URL: the password before its host, a token in place of a user, and parameters such as
/// `?token=`.
pub(crate) fn add_credentials_of_url(url: &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (rest, query) = rest.split_once('?').map_or((rest, ""), |(r, q)| (r, q));
    if let Some((info, _)) = rest.rsplit_once('@') {
        let (user, password) = info.split_once(':').unwrap_or((info, ""));
        match password {
            "" => add_both(user),
            _ => {
                add_both(password);
                add_user_and_password(&decode(user), &decode(password));
            }
        }
    }
    for pair in query.split(['&', ';', '#']) {
        if let Some((name, value)) = pair.split_once('=')
            && (is_secret_name(name) || is_secret_name(&decode(name)) || matches!(name, "sig" | "auth" | "code"))
        {
            add_both(value);
        }
    }
}

/// As it is written, and percent-decoded.
fn add_both(text: &str) {
    add_credential(text);
    add_credential(&decode(text));
}

/// Replaces each credential that the process holds.
pub(crate) fn redact(text: &str) -> Cow<'_, str> {
    let forms = FORMS.read().unwrap_or_else(PoisonError::into_inner);
    redact_forms(&forms, text)
}

/// Whether the process holds credentials.
pub(crate) fn has_credentials() -> bool {
    !FORMS.read().unwrap_or_else(PoisonError::into_inner).is_empty()
}

fn redact_forms<'a>(forms: &BTreeSet<String>, text: &'a str) -> Cow<'a, str> {
    let mut out = Cow::Borrowed(text);
    // Longer forms first: one can be the beginning of another.
    let mut found: Vec<&String> = forms.iter().filter(|form| text.contains(form.as_str())).collect();
    found.sort_by_key(|form| std::cmp::Reverse(form.len()));
    for form in found {
        out = Cow::Owned(out.replace(form.as_str(), HIDDEN));
    }
    out
}

fn forms_of(secret: &str) -> Vec<String> {
    let percent = |hex: fn(u8) -> String, keep: &str| {
        secret.bytes().fold(String::new(), |mut out, b| {
            match b.is_ascii_alphanumeric() || keep.as_bytes().contains(&b) {
                true => out.push(char::from(b)),
                false => out.push_str(&hex(b)),
            }
            out
        })
    };
    let json = serde_json::Value::from(secret).to_string();
    let mut forms = vec![
        secret.to_owned(),
        percent(|b| format!("%{b:02X}"), "-_.~"),
        percent(|b| format!("%{b:02x}"), "-_.~"),
        percent(|b| format!("%{b:02X}"), "-_.~!$&'()*+,;=:@/"),
        json.trim_matches('"').to_owned(),
        json.trim_matches('"').replace('/', "\\/"),
    ];
    // Within a longer text Base64 looks different by the position of the secret: without the characters at the edges,
    // which depend on its neighbors, there are three.
    for before in 0..3 {
        let text = [&vec![0; before][..], secret.as_bytes()].concat();
        let skipped = [0, 2, 3][before];
        let whole = text.len() / 3 * 4;
        for encoded in [BASE64_STANDARD.encode(&text), BASE64_URL_SAFE.encode(&text)] {
            forms.extend(encoded.get(skipped..whole).map(str::to_owned));
        }
    }
    forms.push(BASE64_STANDARD.encode(secret));
    forms.push(BASE64_URL_SAFE_NO_PAD.encode(secret));
    if let Ok(inner) = BASE64_STANDARD.decode(secret)
        && let Ok(inner) = String::from_utf8(inner)
    {
        // A key that the configuration holds in Base64.
        forms.push(inner.trim().to_owned());
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

fn decode(text: &str) -> String {
    super::dsn::decode(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redacted(secret: &str, text: &str) -> String {
        redact_forms(&forms_of(secret).into_iter().collect(), text).into_owned()
    }

    #[test]
    fn every_form_of_a_credential_is_redacted() {
        let secret = "ya29.a/b+c \"x\"";
        for text in [
            secret.to_owned(),
            "ya29.a%2Fb%2Bc%20%22x%22".to_owned(),
            "ya29.a%2fb%2bc%20%22x%22".to_owned(),
            serde_json::Value::from(secret).to_string(),
            BASE64_STANDARD.encode(secret),
            BASE64_URL_SAFE_NO_PAD.encode(secret),
        ] {
            let out = redacted(secret, &format!("before {text} after"));
            assert!(out.starts_with("before ") && out.contains(HIDDEN) && out.ends_with(" after"), "{out}");
            assert!(!out.contains("ya29") && !out.contains("eWEyOS"), "{out}");
        }
        assert_eq!(redacted("unrelated", "text"), "text");
    }

    proptest! {
        #[test]
        fn base64_of_a_text_around_it_is_redacted(secret in "[A-Za-z0-9+/_.-]{12,40}", before in "[ -~]{0,9}", after in "[ -~]{0,9}") {
            let encoded = BASE64_STANDARD.encode(format!("{before}{secret}{after}"));
            let out = redacted(&secret, &encoded);
            prop_assert!(out.contains(HIDDEN), "{encoded}");
        }
    }

    #[test]
    fn credentials_of_urls_are_found() {
        add_credentials_of_url("https://me:p%40ssw0rd-sent-1@host.example/x?token=sent-token-2&x=1");
        add_credentials_of_url("http://sent-user-token-3@host.example");
        for text in ["p@ssw0rd-sent-1", "p%40ssw0rd-sent-1", "sent-token-2", "sent-user-token-3"] {
            assert_eq!(redact(text), HIDDEN, "{text}");
        }
        assert_eq!(redact(&BASE64_STANDARD.encode("me:p@ssw0rd-sent-1")), HIDDEN);
        assert_eq!(redact("host.example"), "host.example");
    }
}
