//! The snapshot file: gzip-compressed JSON that starts with a header.

use std::hash::{BuildHasher, RandomState};
use std::io::Read;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::inventory::Snapshot;
use crate::inventory::snapshot::FORMAT;
use crate::lexicon::{has_credentials, redact};

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Decompressed snapshots above this size (bytes) are refused: no cluster makes one.
const LIMIT: u64 = 4 << 30;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<T> {
    /// Format version; the key also distinguishes a snapshot from any other gzip file.
    gke_posture_snapshot: u32,
    tool: String,
    evidence: T,
}

pub(super) fn is_snapshot(bytes: &[u8]) -> bool {
    bytes.starts_with(&GZIP)
}

/// Encodes a snapshot as a file. Equal evidence gives equal bytes.
///
/// # Errors
/// If the evidence cannot be serialized.
pub fn encode(snapshot: &Snapshot) -> std::io::Result<Vec<u8>> {
    let envelope = Envelope {
        gke_posture_snapshot: FORMAT,
        tool: format!("gke-posture {}", env!("CARGO_PKG_VERSION")),
        evidence: snapshot,
    };
    let gz = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::default());
    // The serializer writes a few bytes at a time, which would cost a call of the compressor each.
    let mut buffered = std::io::BufWriter::with_capacity(1 << 16, gz);
    if has_credentials() {
        std::io::Write::write_all(&mut buffered, redact(&serde_json::to_string(&envelope)?).as_bytes())?;
    } else {
        serde_json::to_writer(&mut buffered, &envelope)?;
    }
    buffered.into_inner().map_err(std::io::IntoInnerError::into_error)?.finish()
}

/// Decodes a snapshot file.
///
/// # Errors
/// One sentence: the file is no snapshot, of a later format, or damaged.
pub fn decode(bytes: &[u8]) -> Result<Snapshot, String> {
    let mut json = Vec::new();
    // JSON of a cluster is compressed to a hundredth at best; a higher ratio is a file made to exhaust memory.
    let limit = LIMIT.min(bytes.len() as u64 * 500 + (16 << 20));
    flate2::read::GzDecoder::new(bytes)
        .take(limit)
        .read_to_end(&mut json)
        .map_err(|e| format!("the snapshot is damaged or cut off: {e}. Make it again with `gke-posture snapshot`"))?;
    let head: Envelope<serde::de::IgnoredAny> = serde_json::from_slice(&json)
        .map_err(|_| "a gzip file, but not a snapshot of this tool (or a damaged one)".to_owned())?;
    if head.gke_posture_snapshot > FORMAT {
        return Err(format!(
            "the snapshot has format {}, made by {}; this version reads up to format {FORMAT}: use a newer gke-posture",
            head.gke_posture_snapshot, head.tool
        ));
    }
    let envelope: Envelope<Snapshot> =
        serde_json::from_slice(&json).map_err(|e| format!("the snapshot is damaged: {e}"))?;
    Ok(envelope.evidence)
}

/// `sha256:` and the hex digest of the evidence; the same for inputs and for the snapshot made from them.
pub fn digest(snapshot: &Snapshot) -> String {
    struct Hasher(Sha256);
    impl std::io::Write for Hasher {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    // Hashed while it is written: the JSON of a large cluster is larger than the evidence in memory.
    let mut text = std::io::BufWriter::with_capacity(1 << 16, Hasher(Sha256::new()));
    let written = match has_credentials() {
        // As the file has it.
        true => serde_json::to_string(snapshot)
            .is_ok_and(|json| std::io::Write::write_all(&mut text, redact(&json).as_bytes()).is_ok()),
        false => serde_json::to_writer(&mut text, snapshot).is_ok(),
    };
    let hasher = text.into_inner().unwrap_or_else(|_| Hasher(Sha256::new()));
    let hash = if written { hasher.0.finalize() } else { Sha256::new().finalize() };
    hash.iter().fold(String::from("sha256:"), |mut s, b| {
        s.push_str(&format!("{b:02x}"));
        s
    })
}

/// Writes `bytes` to a temporary file and renames it, so that a killed run leaves no partial file under the final name.
///
/// # Errors
/// As the file system returns them.
pub fn write_atomically(path: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    let name = path.file_name().ok_or_else(|| std::io::Error::other("not a file name"))?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    // The process id alone is not unique: it is 1 in every container, and several may write to one volume.
    let unique = RandomState::new().hash_one(std::process::id());
    temporary.push(format!(".{unique:016x}"));
    let temporary = path.with_file_name(temporary);
    let result = std::fs::write(&temporary, bytes).and_then(|()| std::fs::rename(&temporary, path));
    if result.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    result
}
