//! From the engagement to the first request.

use core::fmt;

use rand_core::CryptoRng;

use crate::cose;
use crate::crypto::{Curve, KeyError, PrivateKey, with_clean_stack};
use crate::engagement::{DeviceEngagement, EngagementError};
use crate::request::{DeviceRequest, RequestError};
use crate::session::cipher::{OpenFromPhone, SealToPhone, reader_ciphers};
use crate::session::{MonotonicTime, SessionEstablishment, SessionFailure, SessionTranscript};

use super::state::{Connecting, Exchange, State};
use super::{Events, ReaderSession, SessionSettings};

/// How the reader got the engagement. The transcript follows from it, however the data then travels.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Handover<'a> {
    /// A QR code.
    Qr,
    /// NFC static handover.
    NfcStatic {
        /// The Handover Select message as received.
        handover_select: &'a [u8],
    },
    /// NFC negotiated handover.
    NfcNegotiated {
        /// The Handover Select message as received.
        handover_select: &'a [u8],
        /// The Handover Request message as sent.
        handover_request: &'a [u8],
    },
}

/// A session that has its keys and its transcript, and nothing asked yet.
///
/// Reader authentication signs over [`Engaged::transcript`], so the request is made after this.
pub struct Engaged {
    transcript: SessionTranscript,
    private_key: PrivateKey,
    seal: SealToPhone,
    open: OpenFromPhone,
}

impl Engaged {
    /// Makes a fresh ephemeral key on the curve of the phone's key, and the keys of the session.
    ///
    /// # Errors
    /// [`SessionFailure::Engagement`] when the phone's key is on a curve without key agreement here,
    /// or agrees on no secret.
    pub fn new(
        engagement: &DeviceEngagement,
        handover: Handover<'_>,
        random: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, SessionFailure> {
        let curve = engagement.e_device_key().curve();
        session_curve(curve)
            .and_then(|()| with_clean_stack(|| PrivateKey::generate(curve, random)))
            .and_then(|private_key| Self::with_key(engagement, handover, private_key))
            .map_err(|error| EngagementError::EDeviceKey(cose::KeyFormatError::Key(error)).into())
    }

    /// The transcript of the session.
    pub const fn transcript(&self) -> &SessionTranscript {
        &self.transcript
    }

    /// Seals the request and starts to wait for the transport.
    ///
    /// # Errors
    /// [`RequestError::TooLarge`].
    pub fn request(
        mut self,
        now: MonotonicTime,
        request: &DeviceRequest,
        settings: SessionSettings,
    ) -> Result<ReaderSession, RequestError> {
        let plaintext = request.encode();
        if plaintext.len() > DeviceRequest::MAX_LEN {
            return Err(RequestError::TooLarge);
        }
        // The first message of a key, far below the cipher's limit: sealing has nothing to fail on.
        let data = self.seal.seal(&plaintext).map_err(|_| RequestError::TooLarge)?;
        let establishment = SessionEstablishment {
            e_reader_key: cose::encode_key(self.private_key.public_key()),
            data,
        };
        Ok(ReaderSession {
            transcript: self.transcript,
            state: State::Connecting(Connecting {
                exchange: Exchange {
                    private_key: self.private_key,
                    seal: self.seal,
                    open: self.open,
                    settings,
                },
                establishment: establishment.encode(),
                deadline: now.saturating_add(settings.connect_timeout),
            }),
            transmit: None,
            events: Events::default(),
        })
    }

    pub(in crate::session) fn with_key(
        engagement: &DeviceEngagement,
        handover: Handover<'_>,
        private_key: PrivateKey,
    ) -> Result<Self, KeyError> {
        let e_reader_key = cose::encode_key(private_key.public_key());
        let engagement_bytes = engagement.as_bytes();
        let transcript = match handover {
            Handover::Qr => SessionTranscript::qr(engagement_bytes, &e_reader_key),
            Handover::NfcStatic { handover_select } => {
                SessionTranscript::nfc_static(engagement_bytes, &e_reader_key, handover_select)
            }
            Handover::NfcNegotiated {
                handover_select,
                handover_request,
            } => SessionTranscript::nfc_negotiated(
                engagement_bytes,
                &e_reader_key,
                handover_select,
                handover_request,
            ),
        };
        let (seal, open) = reader_ciphers(&private_key, engagement.e_device_key(), &transcript)?;
        Ok(Self {
            transcript,
            private_key,
            seal,
            open,
        })
    }
}

/// Curves that no phone in the field was seen to use are a matter of the build.
const fn session_curve(curve: Curve) -> Result<(), KeyError> {
    match curve {
        Curve::BrainpoolP320r1 | Curve::BrainpoolP512r1 if cfg!(not(feature = "all-curves")) => {
            Err(KeyError::Unsupported(curve))
        }
        _ => Ok(()),
    }
}

/// Shows nothing: it holds keys.
impl fmt::Debug for Engaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engaged").finish_non_exhaustive()
    }
}
