//! The address field of a rule.

use std::net::{IpAddr, Ipv4Addr};

/// What a rule's address matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    All,
    /// Address and mask of one family. The mask need not be a prefix.
    Net {
        address: IpAddr,
        mask: IpAddr,
    },
    SameHost,
    SameNet,
    /// A host name, or a suffix that begins with a dot. The server resolves it when a client connects.
    Host(String),
    /// A `local` rule has none.
    None,
}

impl Address {
    /// Whether `ip` matches. `None` if only the server can tell.
    pub fn matches(&self, ip: IpAddr) -> Option<bool> {
        match (self, ip) {
            (Address::All, _) => Some(true),
            (Address::Net { address: IpAddr::V4(a), mask: IpAddr::V4(m) }, IpAddr::V4(ip)) => {
                Some((a.to_bits() ^ ip.to_bits()) & m.to_bits() == 0)
            }
            (Address::Net { address: IpAddr::V6(a), mask: IpAddr::V6(m) }, IpAddr::V6(ip)) => {
                Some((a.to_bits() ^ ip.to_bits()) & m.to_bits() == 0)
            }
            (Address::Net { .. } | Address::None, _) => Some(false),
            (Address::SameHost | Address::SameNet | Address::Host(_), _) => None,
        }
    }
}

/// Parses a numeric address as the server's `getaddrinfo` does: IPv4 can be short (`10` is `0.0.0.10`) or octal.
pub(super) fn parse_numeric(text: &str) -> Option<IpAddr> {
    if let Ok(v6) = text.parse::<std::net::Ipv6Addr>() {
        return Some(IpAddr::V6(v6));
    }
    let parts: Vec<u32> = text.split('.').map(parse_number).collect::<Option<_>>()?;
    let (last, head) = parts.split_last()?;
    if head.len() > 3 || head.iter().any(|p| *p > 255) {
        return None;
    }
    let bits = 8 * (4 - head.len() as u32);
    if bits < 32 && *last >= 1 << bits {
        return None;
    }
    let high = head.iter().enumerate().fold(0u32, |acc, (i, p)| acc | p << (24 - 8 * i as u32));
    Some(IpAddr::V4(Ipv4Addr::from_bits(high | last)))
}

fn parse_number(text: &str) -> Option<u32> {
    let (digits, radix) = match text {
        t if t.starts_with("0x") || t.starts_with("0X") => (&t[2..], 16),
        t if t.len() > 1 && t.starts_with('0') => (&t[1..], 8),
        t => (t, 10),
    };
    // `from_str_radix` accepts a sign.
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

/// The mask of a prefix length.
pub(super) fn prefix_mask(address: IpAddr, length: u32) -> Option<IpAddr> {
    match address {
        IpAddr::V4(_) if length <= 32 => Some(IpAddr::V4(u32::MAX.checked_shl(32 - length).unwrap_or(0).into())),
        IpAddr::V6(_) if length <= 128 => Some(IpAddr::V6(u128::MAX.checked_shl(128 - length).unwrap_or(0).into())),
        _ => None,
    }
}
