//! An open session as an encrypted envelope, so that another node can go on with it.
//!
//! ```text
//! envelope = salt (32 bytes) || AES-256-GCM(HKDF-SHA-256(key, salt, info), [ version, transcript,
//!            curve, scalar, next number to the phone, next number from it, state, milliseconds left,
//!            [ timeouts and size ], message to send / null ])
//! ```
//!
//! The keys of the messages are not in it: they are derived anew from the private key.

use core::time::Duration;

use hkdf::Hkdf;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::cbor::{Array, Item, Rules, write};
use crate::crypto::{Curve, PrivateKey, aes_256_gcm_open, aes_256_gcm_seal};
use crate::engagement::DeviceEngagement;
use crate::session::cipher::reader_ciphers;
use crate::session::{MonotonicTime, SessionTranscript};

use super::state::{Connecting, Consenting, Exchange, Idle, Receiving, Requesting, State};
use super::{Events, ReaderSession, SessionSettings};

const VERSION: u64 = 1;
const INFO: &[u8] = b"mdoc ReaderSession envelope 1";
const SALT_LEN: usize = 32;
/// The transcript, a request that waits to be sent, and the little beside them.
const MAX_LEN: usize = 1024 * 1024;
/// Each salt gives a key of its own that seals one message.
const IV: [u8; 12] = [0; 12];

/// Why a session cannot be put into an envelope. It is gone then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The session is over: there is nothing to go on with.
    #[error("the session is over")]
    Over,
    /// A response or an end has not been polled and would be lost.
    #[error("the session has an event that was not taken")]
    EventPending,
}

/// Why an envelope does not open. Says nothing more on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the envelope does not open under this key")]
pub struct OpenError;

impl ReaderSession {
    /// Puts an open session into an envelope under the caller's key. The session is consumed, and an
    /// envelope must be opened once at most: two copies would seal two messages under one number.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(
        self,
        key: &[u8; 32],
        now: MonotonicTime,
        random: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, SealError> {
        let (phase, deadline) = self.state.pending().ok_or(SealError::Over)?;
        if !self.events.is_empty() {
            return Err(SealError::EventPending);
        }
        let left = deadline.as_millis().saturating_sub(now.as_millis());
        let pending = match &self.state {
            State::Connecting(connecting) => Some(connecting.establishment.clone()),
            _ => self.transmit,
        };
        let exchange = self.state.into_exchange().ok_or(SealError::Over)?;
        let settings = &exchange.settings;
        let pending_len = pending.as_ref().map_or(0, Vec::len);
        // Grown while it is filled it would leave copies of the key behind.
        let mut plaintext = Zeroizing::new(Vec::with_capacity(
            self.transcript.as_bytes().len() + pending_len + 512,
        ));
        write::array(&mut plaintext, 10);
        write::unsigned(&mut plaintext, VERSION);
        write::bytes(&mut plaintext, self.transcript.as_bytes());
        write::integer(
            &mut plaintext,
            exchange.private_key.public_key().curve().cose_id(),
        );
        write::bytes(&mut plaintext, exchange.private_key.as_bytes());
        write::unsigned(&mut plaintext, exchange.seal.next_number().into());
        write::unsigned(&mut plaintext, exchange.open.next_number().into());
        write::text(&mut plaintext, phase.name());
        write::unsigned(&mut plaintext, left);
        write::array(&mut plaintext, 6);
        for timeout in [
            settings.connect_timeout,
            settings.request_timeout,
            settings.consent_timeout,
            settings.receive_timeout,
            settings.idle_timeout,
        ] {
            let milliseconds = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
            write::unsigned(&mut plaintext, milliseconds);
        }
        let most = u64::try_from(settings.max_message_len).unwrap_or(u64::MAX);
        write::unsigned(&mut plaintext, most);
        match pending {
            Some(message) => write::bytes(&mut plaintext, &message),
            None => write::null(&mut plaintext),
        }
        let mut envelope = vec![0; SALT_LEN];
        random.fill_bytes(&mut envelope);
        let sealed = aes_256_gcm_seal(&derive(key, &envelope), &IV, &plaintext)
            .expect("invariant: a session is far shorter than the cipher's limit");
        envelope.extend_from_slice(&sealed);
        Ok(envelope)
    }

    /// Takes a session out of its envelope. The time between is not counted: the phase goes on with
    /// what was left of it.
    ///
    /// # Errors
    /// [`OpenError`] for another key, and for bytes that [`Self::seal`] has not made.
    pub fn open(key: &[u8; 32], envelope: &[u8], now: MonotonicTime) -> Result<Self, OpenError> {
        if envelope.len() > MAX_LEN {
            return Err(OpenError);
        }
        let (salt, sealed) = envelope.split_at_checked(SALT_LEN).ok_or(OpenError)?;
        let plaintext = aes_256_gcm_open(&derive(key, salt), &IV, sealed).map_err(|_| OpenError)?;
        Self::read(&plaintext, now).ok_or(OpenError)
    }

    fn read(plaintext: &[u8], now: MonotonicTime) -> Option<Self> {
        let item = Item::decode(plaintext, &Rules::default()).ok()?;
        let [
            version,
            transcript,
            curve,
            scalar,
            to_phone,
            from_phone,
            phase,
            left,
            settings,
            pending,
        ] = item.as_array()?.exactly()?;
        if version.as_u64()? != VERSION {
            return None;
        }
        let transcript = SessionTranscript::from_bytes(transcript.as_bytes()?).ok()?;
        let engagement = DeviceEngagement::from_bytes(transcript.device_engagement()?).ok()?;
        let private_key =
            PrivateKey::from_bytes(Curve::from_cose_id(curve.as_i64()?)?, scalar.as_bytes()?).ok()?;
        let (mut seal, mut open) =
            reader_ciphers(&private_key, engagement.e_device_key(), &transcript).ok()?;
        seal.resume(u32::try_from(to_phone.as_u64()?).ok()?);
        open.resume(u32::try_from(from_phone.as_u64()?).ok()?);
        let exchange = Exchange {
            private_key,
            seal,
            open,
            settings: read_settings(settings.as_array()?)?,
        };
        let deadline = now.saturating_add(Duration::from_millis(left.as_u64()?));
        let mut transmit = pending.as_bytes().map(<[u8]>::to_vec);
        let state = match phase.as_text()? {
            "connect" => State::Connecting(Connecting {
                exchange,
                establishment: transmit.take()?,
                deadline,
            }),
            "request" => State::Requesting(Requesting { exchange, deadline }),
            "consent" => State::Consenting(Consenting { exchange, deadline }),
            "receive" => State::Receiving(Receiving { exchange, deadline }),
            "idle" => State::Idle(Idle { exchange, deadline }),
            _ => return None,
        };
        Some(Self {
            transcript,
            state,
            transmit,
            events: Events::default(),
        })
    }
}

fn read_settings(array: Array<'_>) -> Option<SessionSettings> {
    let [connect, request, consent, receive, idle, most] = array.exactly()?;
    let timeout = |item: Item<'_>| item.as_u64().map(Duration::from_millis);
    Some(SessionSettings {
        connect_timeout: timeout(connect)?,
        request_timeout: timeout(request)?,
        consent_timeout: timeout(consent)?,
        receive_timeout: timeout(receive)?,
        idle_timeout: timeout(idle)?,
        max_message_len: usize::try_from(most.as_u64()?).ok()?,
    })
}

fn derive(key: &[u8; 32], salt: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut derived = Zeroizing::new([0; 32]);
    Hkdf::<sha2::Sha256>::new(Some(salt), key)
        .expand(INFO, derived.as_mut())
        .expect("invariant: HKDF-SHA-256 gives up to 8160 bytes, and 32 are asked for");
    derived
}
