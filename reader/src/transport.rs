//! What moves whole messages between a phone and its session, and knows nothing of what is in them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mdoc::engagement::DeviceEngagement;
use mdoc::nfc::handover::NfcEngagement;
use mdoc::session::framing::FramingError;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::nfc_fault::NfcFault;
use crate::radio_fault::RadioFault;

/// What came, or did not.
#[cfg_attr(
    not(any(feature = "bluetooth", feature = "nfc")),
    expect(dead_code, reason = "only transports that wait in short steps are stopped")
)]
pub(crate) enum Received {
    /// A whole message.
    Message(Zeroizing<Vec<u8>>),
    /// The phone ended the connection by the transport's own rules.
    End,
    /// The deadline passed.
    Deadline,
    /// Somebody asked to stop.
    Stopped,
}

/// Why a message did not come or go.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(all(feature = "bluetooth", feature = "nfc")),
    expect(dead_code, reason = "each transport fails in its own ways")
)]
pub(crate) enum LinkError {
    /// The connection closed or broke. `untouched` where nothing of a message that was to be sent has left: the
    /// phone may then be connected to again with the same engagement.
    Lost { untouched: bool },
    /// What came is no message.
    Framing(FramingError),
    /// This machine's Bluetooth.
    Radio(RadioFault),
    /// The phone on the NFC reader.
    Nfc(NfcFault),
}

impl LinkError {
    /// A connection that broke with something of a message sent.
    pub(crate) const LOST: Self = Self::Lost { untouched: false };
}

/// What a system is known to do to the parts of a message, should the message make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "bluetooth"),
    expect(dead_code, reason = "only Bluetooth fails in these ways")
)]
pub(crate) enum Suspicion {
    /// Hand them on in the wrong order.
    Reordered,
    /// Lose the long ones.
    Lost,
}

/// One connection to a phone.
pub(crate) trait Transport {
    /// Sends one message. It is with the transport, whole, when this returns.
    fn send(&mut self, message: &[u8], deadline: Instant) -> Result<(), LinkError>;

    /// Waits for one message until the deadline, or until the one that `begun` gives when the first bytes of a
    /// long message have come.
    fn receive(
        &mut self,
        deadline: Instant,
        begun: &mut dyn FnMut() -> Option<Instant>,
    ) -> Result<Received, LinkError>;

    /// Sends a last message, if there is one, and ends the connection. Does not wait for either: what the phone
    /// makes of it changes nothing.
    fn finish(&mut self, last: Option<&[u8]>);

    /// Whether a message has begun and its end never came.
    fn is_message_pending(&self) -> bool {
        false
    }

    /// What the system may have done to the parts of the last message, which makes no sense. May wait a moment for
    /// parts that have been overtaken.
    fn suspicion(&mut self) -> Option<Suspicion> {
        None
    }
}

/// Where connections come from.
pub(crate) trait Connector {
    /// Connects to the phone of this engagement, as often as it takes until the deadline.
    fn connect(
        &mut self,
        engagement: &DeviceEngagement,
        deadline: Instant,
    ) -> Result<Box<dyn Transport>, Failure>;

    /// A code was scanned, and its transaction begins: the last phone that came by itself is done with.
    fn scanned(&mut self) {}

    /// How often to [`poll`](Self::poll); none where phones come by other ways alone.
    fn pause(&self) -> Option<Duration> {
        None
    }

    /// The engagement of a phone that came by itself since the last look, or why there is none.
    fn poll(&mut self) -> Option<Result<NfcEngagement, Failure>> {
        None
    }
}

/// A wish to stop, which a transport looks for while it waits.
#[derive(Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    #[cfg_attr(
        not(any(feature = "bluetooth", feature = "nfc", feature = "camera-recording", test)),
        expect(dead_code, reason = "only what waits in short steps looks")
    )]
    pub(crate) fn is_wished(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn wish(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
