//! When an X.509 certificate expires.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jiff::Timestamp;
use x509_parser::pem::Pem;

/// When the first certificate of a PEM bundle expires. `base64_of_pem` is the bundle in base64, as `clusterCaCertificate`
/// holds it. `None` if it has no certificate, or one that cannot be read.
pub(super) fn first_expiry(base64_of_pem: &str) -> Option<Timestamp> {
    let base64: String = base64_of_pem.split_ascii_whitespace().collect();
    let bundle = STANDARD_NO_PAD.decode(base64.trim_end_matches('=')).ok()?;
    let mut first = None;
    for pem in Pem::iter_from_buffer(&bundle) {
        let pem = pem.ok()?;
        if pem.label == "CERTIFICATE" {
            let not_after = pem.parse_x509().ok()?.validity().not_after.timestamp();
            let expiry = Timestamp::from_second(not_after).ok()?;
            first = Some(first.map_or(expiry, |f: Timestamp| f.min(expiry)));
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A self-signed certificate whose end is chosen.
    fn certificate(year: i32, month: u8, day: u8) -> String {
        let mut params = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, month, day);
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
    }

    fn encode(text: &str) -> String {
        STANDARD_NO_PAD.encode(text)
    }

    #[test]
    fn the_end_is_read_in_both_encodings_of_a_time() {
        for (date, expected) in [((2049, 12, 31), "2049-12-31T00:00:00Z"), ((2051, 3, 4), "2051-03-04T00:00:00Z")] {
            let end = first_expiry(&encode(&certificate(date.0, date.1, date.2)));
            assert_eq!(end.map(|e| e.to_string()).as_deref(), Some(expected));
        }
    }

    #[test]
    fn the_first_to_expire_of_a_bundle_counts() {
        let bundle = format!("{}\n{}", certificate(2040, 1, 1), certificate(2027, 5, 6));
        assert_eq!(first_expiry(&encode(&bundle)).unwrap().to_string(), "2027-05-06T00:00:00Z");
    }

    #[test]
    fn padding_and_line_breaks_do_not_matter() {
        let pem = format!("{}\n", certificate(2040, 1, 1));
        let padded = base64::engine::general_purpose::STANDARD.encode(&pem);
        let (first, rest) = padded.split_at(76);
        for text in [format!("{first}\n{rest}\n"), encode(&pem)] {
            assert_eq!(first_expiry(&text).unwrap().to_string(), "2040-01-01T00:00:00Z");
        }
    }

    #[test]
    fn invalid_certificates_have_no_end() {
        let good = certificate(2040, 1, 1);
        let cut: String = good.lines().enumerate().filter(|(i, _)| *i != 2).map(|(_, l)| format!("{l}\n")).collect();
        for text in
            ["", "...", "LS0t", &encode("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"), &encode(&cut)]
        {
            assert_eq!(first_expiry(text), None, "{text}");
        }
    }
}
