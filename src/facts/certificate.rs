//! When an X.509 certificate ends: as much of DER as it takes to get there, and no more.
//! <https://www.rfc-editor.org/rfc/rfc5280#section-4.1>

use jiff::Timestamp;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0] EXPLICIT Version`.
const VERSION: u8 = 0xa0;

/// The end of the certificate that ends first, of a PEM bundle in base64, as `clusterCaCertificate` holds it. `None` for what
/// is no such bundle.
pub fn first_end(base64_of_pem: &str) -> Option<Timestamp> {
    let pem = String::from_utf8(base64(base64_of_pem)?).ok()?;
    let ends: Option<Vec<Timestamp>> = blocks(&pem).into_iter().map(|block| not_after(&base64(&block)?)).collect();
    ends?.into_iter().min()
}

/// What stands between the lines of each certificate.
fn blocks(pem: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    for line in pem.lines().map(str::trim) {
        match line {
            "-----BEGIN CERTIFICATE-----" => open = Some(String::new()),
            "-----END CERTIFICATE-----" => found.extend(open.take()),
            _ => open.iter_mut().for_each(|text| text.push_str(line)),
        }
    }
    found
}

/// Standard alphabet, white space left out.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0u32, 0u32);
    for c in text.bytes().filter(|c| !c.is_ascii_whitespace() && *c != b'=') {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held & 0xff) as u8);
        }
    }
    Some(out)
}

/// A DER value: its tag, its content, and what follows it.
fn value(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // No certificate is longer than four bytes can say.
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0usize, |n, b| n << 8 | usize::from(*b)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// The content of a value of this tag, and what follows it.
fn expect(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    value(der).filter(|(t, _, _)| *t == tag).map(|(_, content, rest)| (content, rest))
}

fn not_after(der: &[u8]) -> Option<Timestamp> {
    let (certificate, _) = expect(SEQUENCE, der)?;
    let (mut fields, _) = expect(SEQUENCE, certificate)?;
    if let Some((_, rest)) = expect(VERSION, fields) {
        fields = rest;
    }
    let (_serial, fields) = expect(INTEGER, fields)?;
    let (_algorithm, fields) = expect(SEQUENCE, fields)?;
    let (_issuer, fields) = expect(SEQUENCE, fields)?;
    let (validity, _) = expect(SEQUENCE, fields)?;
    let (_, _, rest) = value(validity)?;
    let (tag, text, _) = value(rest)?;
    time(tag, std::str::from_utf8(text).ok()?)
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`; years of two digits are those from 1950 to 2049.
fn time(tag: u8, text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z').filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
    let whole = match (tag, digits.len()) {
        (UTC_TIME, 12) => format!("{}{digits}", if digits < "50" { "20" } else { "19" }),
        (GENERALIZED_TIME, 14) => digits.to_owned(),
        _ => return None,
    };
    let at = |from: usize, to: usize| whole.get(from..to);
    let text = format!("{}-{}-{}T{}:{}:{}Z", at(0, 4)?, at(4, 6)?, at(6, 8)?, at(8, 10)?, at(10, 12)?, at(12, 14)?);
    text.parse().ok()
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
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut out = String::new();
        for chunk in text.as_bytes().chunks(3) {
            let n = (0..3).fold(0u32, |n, i| n << 8 | u32::from(chunk.get(i).copied().unwrap_or(0)));
            for i in 0..4 {
                let c = ALPHABET[(n >> (18 - 6 * i) & 63) as usize];
                out.push(if i <= chunk.len() { char::from(c) } else { '=' });
            }
        }
        out
    }

    #[test]
    fn the_end_is_read_in_both_notations() {
        for (date, expected) in [((2049, 12, 31), "2049-12-31T00:00:00Z"), ((2051, 3, 4), "2051-03-04T00:00:00Z")] {
            let end = first_end(&encode(&certificate(date.0, date.1, date.2)));
            assert_eq!(end.map(|e| e.to_string()).as_deref(), Some(expected));
        }
    }

    #[test]
    fn of_a_bundle_the_first_to_end_counts() {
        let bundle = format!("{}\n{}", certificate(2040, 1, 1), certificate(2027, 5, 6));
        assert_eq!(first_end(&encode(&bundle)).unwrap().to_string(), "2027-05-06T00:00:00Z");
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        let good = certificate(2040, 1, 1);
        let cut: String = good.lines().enumerate().filter(|(i, _)| *i != 2).map(|(_, l)| format!("{l}\n")).collect();
        for text in
            ["", "...", "LS0t", &encode("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"), &encode(&cut)]
        {
            assert_eq!(first_end(text), None, "{text}");
        }
    }
}
