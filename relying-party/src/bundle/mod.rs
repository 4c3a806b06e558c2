//! The offline bundle: one signed file from which a counter judges without a network.
//!
//! Read in this order: `fault` (every way in which a bundle is refused), [`SignedBundle`] (envelope
//! and signature), `content` (what is signed), [`Bundle::load`] (from there to a trust snapshot),
//! [`build`] (the way back), `report` (what a verdict says of the bundle it rests on). Byte by byte it
//! is described in `docs/bundle.md`.

mod build;
mod content;
mod envelope;
mod expiry;
mod fault;
mod load;
mod report;
#[cfg(test)]
mod tests;

pub use build::{BuildError, build, next_number};
pub use content::{BundleFacts, Entry};
pub use envelope::{Bundle, SignedBundle};
pub use expiry::expiry_of;
pub use fault::{BundleError, EntryFault};
pub use load::LoadedBundle;
pub use report::{age_words, bundle_words};

/// The content type in the protected header (RFC 9052 §3.1).
pub const CONTENT_TYPE: &str = "application/mdoc-verifier-bundle+cbor";
/// Bytes of a bundle. A thousand lists of a million documents fill it.
pub const MAX_BYTES: usize = 128 * 1024 * 1024;
/// Entries of a bundle.
pub const MAX_ENTRIES: usize = 20_000;
/// Bytes of an entry's name.
pub const MAX_NAME: usize = 255;
/// Seconds for which a bundle counts at most: who keeps a counter off the network for longer should
/// carry a new one there.
pub const MAX_LIFETIME: i64 = 366 * 86_400;
/// Seconds by which the clocks of maker and counter may differ.
pub const CLOCK_SKEW: i64 = 300;
/// How far a number may lie ahead of the seconds since 1970 at which the bundle was made. A number
/// is never gone back behind, so that one near the end of the range would be the last.
pub const NUMBER_AHEAD: u64 = 86_400;

/// The folders of entries: those of a trust directory, document profiles and purposes.
const FOLDERS: [&str; 6] = ["anchors", "crls", "profiles", "purposes", "status", "vicals"];
