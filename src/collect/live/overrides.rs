//! Other addresses of Google's APIs, as gcloud takes them: `CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER` and the like
//! (<https://cloud.google.com/sdk/docs/properties#setting_properties_via_environment_variables>).

use crate::lexicon::{add_credentials_of_url, mask_text};

/// The address for a service (`CONTAINER`, `CLOUDASSET`, …) without a slash at its end; `None` where none is set.
///
/// # Errors
/// One that is no URL, or that would send tokens in the clear: plain HTTP is for this machine only.
pub(super) fn endpoint(service: &str) -> Result<Option<String>, String> {
    let name = format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{service}");
    match std::env::var(&name) {
        Ok(text) if !text.trim().is_empty() => {
            add_credentials_of_url(&text);
            check(&text).map(Some).map_err(|e| mask_text(&format!("{name}: {e}")))
        }
        _ => Ok(None),
    }
}

fn check(text: &str) -> Result<String, String> {
    let text = text.trim().trim_end_matches('/');
    let uri: http::Uri = text.parse().map_err(|_| format!("\"{text}\" is not a URL"))?;
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(text.to_owned()),
        Some("http") if here => Ok(text.to_owned()),
        Some("http") => Err(format!("{text} would send tokens unencrypted: use https (http is for this machine only)")),
        _ => Err(format!("\"{text}\" is not a URL that starts with https://")),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn tokens_leave_the_machine_encrypted_only() {
        assert_eq!(check("https://container.example/"), Ok("https://container.example".to_owned()));
        assert_eq!(check("http://127.0.0.1:80/x/"), Ok("http://127.0.0.1:80/x".to_owned()));
        assert_eq!(check("http://[::1]:80"), Ok("http://[::1]:80".to_owned()));
        for wrong in
            ["http://container.example", "container.example", "ftp://127.0.0.1", "http://127.0.0.1.evil.example", " "]
        {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }
}
