//! Why a bundle is refused.

use mdoc::cbor;
use mdoc::cose::{AlgorithmFault, HeaderFault, MessageError};
use mdoc::crypto::SignatureError;
use mdoc::time::UnixTime;

use super::{MAX_BYTES, MAX_ENTRIES};
use crate::profile::ProfileError;
use crate::purpose::PurposeError;
use crate::trust::TrustError;

/// Why bytes are no bundle to judge by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Longer than [`MAX_BYTES`].
    #[error("a bundle of {0} bytes is over the limit of {MAX_BYTES}")]
    TooLarge(usize),
    /// The envelope is not strict CBOR.
    #[error("not strict CBOR: {0}")]
    Cbor(cbor::Error),
    /// Not under the tag of COSE_Sign1.
    #[error("not under the tag of COSE_Sign1")]
    Tag,
    /// Not of the shape of a COSE_Sign1.
    #[error("not a COSE_Sign1: {0}")]
    Message(MessageError),
    /// A critical header, or a label that stands in both.
    #[error("{0}")]
    Header(HeaderFault),
    /// The unprotected header, which nobody signs, is not empty.
    #[error("the unprotected header is not empty")]
    Unprotected,
    /// The content is not in the message.
    #[error("the payload is detached")]
    Detached,
    /// The content type is missing or another one.
    #[error("the content type is missing or not that of a bundle")]
    ContentType,
    /// The algorithm is missing or misplaced.
    #[error("{0}")]
    Algorithm(AlgorithmFault),
    /// The algorithm is not that of the pinned key.
    #[error("the algorithm does not fit the pinned key")]
    AlgorithmRefused,
    /// The signature does not hold under the pinned key.
    #[error("the signature does not hold under the pinned key: {0}")]
    Signature(SignatureError),
    /// The signed content is not strict CBOR.
    #[error("the signed content is not strict CBOR: {0}")]
    Content(cbor::Error),
    /// A member of the content is missing, unknown or of the wrong type.
    #[error("the content's member {0} is missing, unknown or of the wrong type")]
    Member(&'static str),
    /// Another version of the format.
    #[error("version {0} of the format is not read here")]
    Version(u64),
    /// A number that lies too far ahead of the time at which the bundle was made, or zero.
    #[error("the number {number} is zero or lies ahead of {created}, when the bundle was made")]
    Number {
        /// The number.
        number: u64,
        /// When it was made.
        created: UnixTime,
    },
    /// It ends before it begins, or counts for longer than a bundle may.
    #[error("it was made at {created} and cannot count until {expires}")]
    Lifetime {
        /// When it was made.
        created: UnixTime,
        /// Until when it says that it counts.
        expires: UnixTime,
    },
    /// An entry is at fault.
    #[error("entry {index}: {fault}")]
    Entry {
        /// Its place, from 0.
        index: usize,
        /// What is wrong with it.
        fault: EntryFault,
    },
    /// More than [`MAX_ENTRIES`].
    #[error("{0} entries are over the limit of {MAX_ENTRIES}")]
    TooManyEntries(usize),
    /// Made after `now`: one of the two clocks is wrong.
    #[error("it was made at {created}, which is not yet: it is {now} here")]
    NotYet {
        /// When it was made.
        created: UnixTime,
        /// The instant here.
        now: UnixTime,
    },
    /// Past its end.
    #[error("it counted until {expires}, and it is {now}")]
    Expired {
        /// Its end.
        expires: UnixTime,
        /// The instant here.
        now: UnixTime,
    },
    /// It would go back behind the one that is held.
    #[error("its number {offered} is behind {held}, which is held")]
    Older {
        /// The number that is held.
        held: u64,
        /// The number offered.
        offered: u64,
    },
    /// Another bundle than the one held, under the same number.
    #[error("another bundle with the number {0} is held")]
    SameNumber(u64),
    /// A file of the trust directory in it is at fault.
    #[error("{0}")]
    Trust(TrustError),
    /// The document profiles in it are at fault.
    #[error("{0}")]
    Profile(ProfileError),
    /// A purpose in it is at fault.
    #[error("{name}: {error}")]
    Purpose {
        /// The entry's name.
        name: String,
        /// What is wrong with it.
        error: PurposeError,
    },
    /// Two purposes have one identifier.
    #[error("two purposes have the identifier {0}")]
    PurposeTwice(String),
}

/// What is wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryFault {
    /// Not a map.
    #[error("not a map")]
    Type,
    /// A member is missing, unknown or of the wrong type.
    #[error("its member {0} is missing, unknown or of the wrong type")]
    Member(&'static str),
    /// The name is none of a file in one of the folders.
    #[error("its name is not that of a file in a folder of a bundle")]
    Name,
    /// Not after the entry before it in the order of names, or of the same name.
    #[error("it is not in the order of names, or its name stands twice")]
    Order,
    /// Fetched after the bundle was made.
    #[error("it was fetched after the bundle was made")]
    Fetched,
}
