//! What goes wrong with a phone that is held to the reader: a code for programs, words for people.

use core::fmt;

#[cfg(feature = "nfc")]
use mdoc::nfc::{EngagingError, TransferError};

/// A fault of the NFC reader, or of the phone before and beneath its session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(any(feature = "nfc", test)),
    expect(dead_code, reason = "only NFC fails in these ways")
)]
pub(crate) enum NfcFault {
    /// There is no NFC reader, or none of this name.
    NoReader(Option<String>),
    /// The system's service for readers, or the reader itself.
    Reader(String),
    /// The phone was taken away.
    CardLost,
    /// The phone is locked, or has no wallet open.
    Locked,
    /// What the phone is held out to be is no tag that can be read.
    Tag(String),
    /// The tag holds no handover that a session can start from.
    Handover(String),
    /// The phone's tag stayed empty.
    NotReady,
    /// The phone refuses to negotiate.
    Refused,
    /// The transfer of a message.
    Transfer(String),
}

impl NfcFault {
    /// The stable code.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::NoReader(_) | Self::Reader(_) => "nfc.reader",
            Self::CardLost => "nfc.card_lost",
            Self::Locked => "nfc.locked",
            Self::Tag(_) => "nfc.tag",
            Self::Handover(_) => "nfc.handover",
            Self::NotReady => "nfc.not_ready",
            Self::Refused => "nfc.refused",
            Self::Transfer(_) => "nfc.transfer",
        }
    }

    /// What to do now.
    pub(crate) const fn next_step(&self) -> &'static str {
        match self {
            Self::NoReader(_) => "plug in an NFC reader, or name the one to use with --nfc-reader",
            Self::Reader(_) => {
                "start the service for readers (systemctl start pcscd) if it does not come back by itself, or plug the reader in anew"
            }
            Self::CardLost => "hold the phone to the reader again, and keep it there until it is done",
            Self::Locked => {
                "ask the holder to unlock the phone and to open the wallet; it may stay on the reader"
            }
            Self::Tag(_) | Self::Handover(_) => {
                "hold a phone with an open wallet to the reader; what was held there is none, or does not understand this reader"
            }
            Self::NotReady => {
                "hold the phone to the reader again; if it happens again, scan the phone's code instead"
            }
            Self::Refused => "ask the holder to open the wallet, and hold the phone to the reader again",
            Self::Transfer(_) => {
                "hold the phone to the reader again; if it happens again, phone and reader do not understand each other (--nfc-short may help)"
            }
        }
    }
}

impl fmt::Display for NfcFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoReader(None) => f.write_str("there is no NFC reader"),
            Self::NoReader(Some(name)) => write!(f, "there is no NFC reader of the name {name}"),
            Self::Reader(words) => write!(f, "the NFC reader: {words}"),
            Self::CardLost => f.write_str("the phone was taken away from the reader"),
            Self::Locked => f.write_str("the phone is locked, or has no wallet open"),
            Self::Tag(words) | Self::Handover(words) | Self::Transfer(words) => f.write_str(words),
            Self::NotReady => f.write_str("the phone did not get ready in the time that it asked for"),
            Self::Refused => f.write_str("the phone refuses to negotiate"),
        }
    }
}

#[cfg(feature = "nfc")]
impl From<EngagingError> for NfcFault {
    fn from(error: EngagingError) -> Self {
        let words = || error.to_string();
        match error {
            EngagingError::Locked => Self::Locked,
            EngagingError::NotReady => Self::NotReady,
            EngagingError::Refused(_) => Self::Refused,
            EngagingError::NotWritable
            | EngagingError::RequestTooLarge
            | EngagingError::NoHandover
            | EngagingError::Handover(_) => Self::Handover(words()),
            _ => Self::Tag(words()),
        }
    }
}

#[cfg(feature = "nfc")]
impl From<TransferError> for NfcFault {
    fn from(error: TransferError) -> Self {
        Self::Transfer(error.to_string())
    }
}
