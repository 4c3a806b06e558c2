//! Messages in the pieces that a transport carries (ISO/IEC 18013-5 §8.3.3.1.1): parts of an
//! attribute over Bluetooth LE, and lengths before messages over a stream.

use zeroize::Zeroizing;

/// The longest attribute value (Bluetooth Core Specification, Vol 3 Part F, 3.2.9).
const MAX_VALUE: usize = 512;
/// What ATT takes of its MTU for itself.
const ATT_HEADER: usize = 3;
/// The smallest ATT MTU, which counts where none was agreed on.
const MIN_MTU: u16 = 23;

/// More parts of the message follow.
const MORE: u8 = 1;
/// The last part of the message.
const LAST: u8 = 0;

/// Bytes of one attribute value, its prefix included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartSize(usize);

impl PartSize {
    /// The size for an ATT MTU: three bytes less, at most 512. An MTU below 23, which no link has,
    /// counts as 23.
    pub fn for_mtu(mtu: u16) -> Self {
        let value = usize::from(mtu.max(MIN_MTU)) - ATT_HEADER;
        Self(value.min(MAX_VALUE))
    }

    /// As [`Self::for_mtu`], where the other side's system drops longer values.
    pub fn for_mtu_at_most(mtu: u16, bytes: usize) -> Self {
        let Self(value) = Self::for_mtu(mtu);
        // The smallest MTU carries this much: nobody takes less.
        Self(value.min(bytes.max(usize::from(MIN_MTU) - ATT_HEADER)))
    }

    /// For a system that says itself how long a value may be, prefix included; at least 2 bytes, at most 512.
    pub fn for_value(bytes: usize) -> Self {
        Self(bytes.clamp(2, MAX_VALUE))
    }

    /// The number of bytes.
    pub const fn bytes(self) -> usize {
        self.0
    }
}

/// Cuts a message into attribute values: all full but the last, each behind its prefix.
pub fn parts(message: &[u8], size: PartSize) -> impl ExactSizeIterator<Item = Vec<u8>> {
    let data = size.0 - 1;
    // An empty message is one empty part.
    let count = message.len().div_ceil(data).max(1);
    (0..count).map(move |index| {
        let start = index * data;
        let end = (start + data).min(message.len());
        let prefix = if index + 1 == count { LAST } else { MORE };
        [&[prefix], message.get(start..end).unwrap_or_default()].concat()
    })
}

/// Why received pieces are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FramingError {
    /// An attribute value without a prefix.
    #[error("an empty part")]
    Empty,
    /// A prefix other than 0 and 1.
    #[error("a part with the prefix {0}")]
    Prefix(u8),
    /// The message is longer than the bound.
    #[error("a message of more than {0} bytes")]
    TooLarge(usize),
}

/// Puts attribute values together. After an error nothing is taken any more.
#[derive(Debug)]
pub struct Reassembler {
    message: Zeroizing<Vec<u8>>,
    limit: usize,
    /// Inside a message, also one whose first part held no data.
    begun: bool,
    failed: Option<FramingError>,
}

impl Reassembler {
    /// For messages of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            message: Zeroizing::default(),
            limit,
            begun: false,
            failed: None,
        }
    }

    /// Takes one attribute value; the message, when it was its last. Short parts before the last
    /// are taken, and an empty last one.
    ///
    /// # Errors
    /// [`FramingError`]; from then on always the same.
    pub fn push(&mut self, value: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, FramingError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.take(value).inspect_err(|error| {
            self.failed = Some(*error);
            self.message = Zeroizing::default();
        })
    }

    fn take(&mut self, value: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, FramingError> {
        let (prefix, data) = value.split_first().ok_or(FramingError::Empty)?;
        if ![MORE, LAST].contains(prefix) {
            return Err(FramingError::Prefix(*prefix));
        }
        if data.len() > self.limit.saturating_sub(self.message.len()) {
            return Err(FramingError::TooLarge(self.limit));
        }
        self.message.extend_from_slice(data);
        self.begun = *prefix == MORE;
        Ok((*prefix == LAST).then(|| core::mem::take(&mut self.message)))
    }

    /// Whether a message has begun and its last part is still due.
    pub const fn is_pending(&self) -> bool {
        self.begun && self.failed.is_none()
    }
}

/// Puts a big-endian length of four bytes before a message, for L2CAP channels.
///
/// # Errors
/// The message is longer than four bytes can say.
pub fn with_length(message: &[u8]) -> Result<Vec<u8>, FramingError> {
    let length = u32::try_from(message.len()).map_err(|_| FramingError::TooLarge(u32::MAX as usize))?;
    Ok([&length.to_be_bytes(), message].concat())
}

/// Takes a stream of messages behind their lengths apart. After an error nothing is taken any more.
#[derive(Debug)]
pub struct LengthReader {
    received: Zeroizing<Vec<u8>>,
    limit: usize,
    failed: Option<FramingError>,
}

impl LengthReader {
    /// For messages of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            received: Zeroizing::default(),
            limit,
            failed: None,
        }
    }

    /// Takes what came over the channel. A length over the bound is refused as soon as it is known.
    ///
    /// # Errors
    /// [`FramingError::TooLarge`]; from then on always.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), FramingError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.received.extend_from_slice(bytes);
        match self.due() {
            Some(length) if length > self.limit => {
                let error = FramingError::TooLarge(self.limit);
                self.failed = Some(error);
                self.received = Zeroizing::default();
                Err(error)
            }
            _ => Ok(()),
        }
    }

    /// The next whole message.
    ///
    /// # Errors
    /// [`FramingError::TooLarge`] for the length of the message after one that was taken.
    pub fn next_message(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, FramingError> {
        self.push(&[])?;
        let Some(length) = self.due() else {
            return Ok(None);
        };
        let Some(message) = self.received.get(4..4 + length) else {
            return Ok(None);
        };
        let message = Zeroizing::new(message.to_vec());
        self.received.drain(..4 + length);
        Ok(Some(message))
    }

    /// Whether a message has begun and is not whole.
    pub fn is_pending(&self) -> bool {
        !self.received.is_empty()
    }

    fn due(&self) -> Option<usize> {
        let head = self.received.first_chunk::<4>()?;
        usize::try_from(u32::from_be_bytes(*head)).ok()
    }
}

#[cfg(test)]
#[path = "framing_tests.rs"]
mod tests;
