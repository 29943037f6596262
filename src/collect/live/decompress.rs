//! The body of an answer as it came, which may be compressed: to unpack a large one is work of its own.

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};

use super::fault::Fault;

/// Longest answer that is taken, in bytes after decompression. A page of the largest objects that etcd holds is smaller.
pub(super) const LARGEST: usize = 1 << 30;
/// More than deflate can make of a byte: <https://zlib.net/zlib_tech.html>.
const EXPANSION: usize = 1032;
/// Of a list's page the part in which its metadata is; where it is not, the next page is asked for when this one is read.
const START: usize = 4096;

#[derive(Clone, Debug)]
pub(super) struct ResponseBody {
    pub bytes: Bytes,
    /// As its Content-Encoding says.
    pub gzip: bool,
}

impl ResponseBody {
    /// The beginning of what is in it, as far as it can be had.
    pub(super) fn start(&self) -> Vec<u8> {
        if !self.gzip {
            return self.bytes[..self.bytes.len().min(START)].to_vec();
        }
        let mut start = Vec::with_capacity(START);
        // What is wrong with it is said when it is read.
        let _ = Decompress::new_gzip(15).decompress_vec(&self.bytes, &mut start, FlushDecompress::None);
        start
    }

    /// What is in it. `room` is memory for that, whatever it holds.
    ///
    /// # Errors
    /// [`Fault::CutOff`] where it ends too early, [`Fault::Malformed`] where it is not compressed as it says,
    /// [`Fault::Refused`] where it is longer than `limit`.
    pub(super) fn open<'a>(&'a self, room: &'a mut Vec<u8>, limit: usize) -> Result<&'a [u8], Fault> {
        if !self.gzip || self.bytes.is_empty() {
            return Ok(&self.bytes);
        }
        room.clear();
        room.reserve(size(&self.bytes).min(limit));
        let mut left = &self.bytes[..];
        // RFC 1952: one after the other, there may be several.
        while !left.is_empty() {
            let mut stream = Decompress::new_gzip(15);
            loop {
                let (before_in, before_out) = (stream.total_in(), stream.total_out());
                let status = stream
                    .decompress_vec(left, room, FlushDecompress::None)
                    .map_err(|_| Fault::Malformed("it is not compressed as it says (gzip)".to_owned()))?;
                left = left.get((stream.total_in() - before_in) as usize..).unwrap_or_default();
                if status == Status::StreamEnd {
                    break;
                }
                let full = room.len() == room.capacity();
                if full && room.len() >= limit {
                    return Err(too_large(limit));
                }
                if full {
                    room.reserve_exact(room.len().max(1 << 16).min(limit + 1 - room.len()));
                } else if left.is_empty() || stream.total_out() == before_out {
                    return Err(Fault::CutOff(format!(
                        "it ends after {} bytes, in the midst of gzip",
                        self.bytes.len()
                    )));
                }
            }
        }
        if room.len() > limit { Err(too_large(limit)) } else { Ok(room) }
    }

    /// The same, unpacked.
    ///
    /// # Errors
    /// As of [`open`](Self::open).
    pub(super) fn unpacked(self, limit: usize) -> Result<ResponseBody, Fault> {
        if !self.gzip {
            return Ok(self);
        }
        let mut room = Vec::new();
        self.open(&mut room, limit)?;
        Ok(ResponseBody { bytes: room.into(), gzip: false })
    }
}

pub(super) fn too_large(limit: usize) -> Fault {
    Fault::Refused { status: 200, message: format!("an answer of more than {limit} bytes") }
}

/// How long the last member says that it is, if it can be; it says so modulo 2³².
fn size(packed: &[u8]) -> usize {
    let said = packed.last_chunk().map_or(0, |last| u32::from_le_bytes(*last)) as usize;
    said.min(packed.len().saturating_mul(EXPANSION)).min(LARGEST)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;

    use super::*;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::new(1));
        packed.write_all(data).unwrap();
        packed.finish().unwrap()
    }

    fn open(bytes: Vec<u8>) -> Result<Vec<u8>, Fault> {
        let packed = ResponseBody { bytes: bytes.into(), gzip: true };
        packed.open(&mut vec![1; 3], LARGEST).map(<[u8]>::to_vec)
    }

    #[test]
    fn what_was_packed_is_unpacked() {
        let large: Vec<u8> = (0..300_000u32).flat_map(|n| (n % 1000).to_le_bytes()).collect();
        for data in [&b""[..], b"a", &large] {
            assert_eq!(open(gzip(data)).unwrap(), data);
            let start = ResponseBody { bytes: gzip(data).into(), gzip: true }.start();
            assert_eq!(start, data[..data.len().min(START)]);
        }
        assert_eq!(
            open([gzip(b"one "), gzip(&large), gzip(b"!")].concat()).unwrap(),
            [b"one ", &large[..], b"!"].concat()
        );
        let plain = ResponseBody { bytes: Bytes::from_static(b"plain"), gzip: false };
        assert_eq!(plain.open(&mut Vec::new(), 0).unwrap(), b"plain");
        assert_eq!(
            (plain.start(), plain.unpacked(0).unwrap().bytes),
            (b"plain".to_vec(), Bytes::from_static(b"plain"))
        );
    }

    #[test]
    fn what_is_too_large_is_refused() {
        let packed = ResponseBody { bytes: gzip(&vec![7; 1 << 20]).into(), gzip: true };
        for (limit, fits) in [(0, false), (1 << 16, false), ((1 << 20) - 1, false), (1 << 20, true), (1 << 21, true)] {
            let mut room = Vec::new();
            match packed.open(&mut room, limit) {
                Ok(body) => assert!(fits && body.len() == 1 << 20, "{limit}"),
                Err(fault) => assert!(!fits && matches!(fault, Fault::Refused { .. }), "{limit}: {fault}"),
            }
            assert!(room.capacity() <= (limit + 1).max(1 << 16), "{limit}: {}", room.capacity());
        }
    }

    #[test]
    fn what_is_not_whole_is_a_fault() {
        let whole = gzip(&[7; 5000]);
        for end in 1..whole.len() {
            assert!(
                matches!(open(whole[..end].to_vec()), Err(Fault::CutOff(_))),
                "{end}: {:?}",
                open(whole[..end].to_vec())
            );
        }
        let mut changed = whole.clone();
        let sum = changed.len() - 6;
        changed[sum] ^= 1;
        for wrong in [b"{\"kind\":\"PodList\"}".to_vec(), [&whole[..], b"more than that"].concat(), changed] {
            assert!(matches!(open(wrong.clone()), Err(Fault::Malformed(_))), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200), packed in any::<bool>()) {
            let _ = open(if packed { gzip(&bytes) } else { bytes.clone() });
            let _ = open([&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], &bytes[..]].concat());
        }
    }
}
