//! What is wrong with a content, typed. No text here quotes the content.

use core::fmt;

use mdoc::cose::{AlgorithmFault, ChainFault, HeaderFault, KeyFormatError};
use mdoc::engagement::EngagementError;
use mdoc::request::RequestError;
use mdoc::response::{MsoError, ResponseError};
use mdoc::session::{MessageError, TranscriptError};
use mdoc::time::DateError;
use mdoc::x509::CertificateError;
use mdoc::{cbor, cose};

/// A fault and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Located {
    /// The offset in the decoded bytes, where one is known.
    pub(super) offset: Option<usize>,
    pub(super) fault: Fault,
}

impl fmt::Display for Located {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.offset {
            Some(offset) => write!(f, "offset {offset}: {}", self.fault),
            None => write!(f, "{}", self.fault),
        }
    }
}

/// Why a content is not what it is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("the file is empty")]
    Empty,
    #[error("a PEM block without its end, or whose content is no base64")]
    Pem,
    #[error("text that is neither an mdoc: URI, base64url, hexadecimal nor PEM")]
    Text,
    #[error("no strict CBOR: {0}")]
    Cbor(cbor::ErrorKind),
    #[error("nested deeper than {0}; the view ends here")]
    TooDeep(usize),
    #[error("too much nested content to look through; the view ends here")]
    TooMuch,
    #[error("{found} where {expected} is due")]
    Kind {
        expected: &'static str,
        found: &'static str,
    },
    #[error("an array of the wrong length: {0} elements are due")]
    Length(usize),
    #[error("not encoded CBOR under tag 24")]
    Untagged,
    #[error("the member {0} is missing")]
    Missing(&'static str),
    #[error("{0}")]
    Engagement(EngagementError),
    #[error("{0}")]
    Request(RequestError),
    #[error("a response refused: {0}")]
    Response(ResponseError),
    #[error("a document with both a device signature and a device MAC")]
    BothDeviceAuths,
    #[error("a document without a device authentication")]
    NoDeviceAuth,
    #[error("an MSO refused: {0}")]
    Mso(MsoError),
    #[error("{0}")]
    Transcript(TranscriptError),
    #[error("{0}")]
    Session(MessageError),
    #[error("{0}")]
    Key(KeyFormatError),
    #[error("a COSE message refused: {0}")]
    Cose(cose::MessageError),
    #[error("COSE headers refused: {0}")]
    Headers(HeaderFault),
    #[error("COSE headers refused: {0}")]
    Algorithm(AlgorithmFault),
    #[error("COSE headers refused: {0}")]
    Chain(ChainFault),
    #[error("no tdate: {0}")]
    Date(DateError),
    #[error("{0}")]
    Certificate(CertificateError),
    #[error("no DER: {0}")]
    Der(DerFault),
}

/// Why bytes are no DER that the view can read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum DerFault {
    #[error("the input is too short")]
    Truncated,
    #[error("a length in a form that DER does not have")]
    Length,
    #[error("a tag of more than one byte")]
    Tag,
    #[error("tag {found:#04x} where {expected:#04x} is due")]
    Unexpected { expected: u8, found: u8 },
}
