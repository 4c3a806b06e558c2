//! Transactions without a verdict: a code for programs, a sentence and a next step for people.

use core::fmt;

use mdoc::session::framing::FramingError;
use mdoc::session::{Party, Phase, SessionFailure};
use relying_party::bundle::BundleError;
use serde_json::{Value, json};

use crate::camera::CameraFault;
use crate::input::code::CodeFault;
use crate::nfc_fault::NfcFault;
use crate::radio_fault::RadioFault;
use crate::token_fault::TokenFault;

/// Why there is no verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(any(all(feature = "nfc", feature = "camera-recording"), test)),
    expect(dead_code, reason = "NFC and cameras fail in ways of their own")
)]
pub(crate) enum Failure {
    /// The session with the phone.
    Session(SessionFailure),
    /// The phone showed something that is no engagement.
    Engagement,
    /// The scanner lost the difference between capitals and small letters.
    CaseFolded,
    /// The phone could not be connected to, or was lost before its engagement came.
    Connect,
    /// The engagement did not come in time.
    Silence,
    /// The phone offers ways to move data, and this counter has none of them.
    NoTransport,
    /// This machine's Bluetooth failed.
    Radio { fault: RadioFault, phase: Phase },
    /// No phone was held to the reader in time.
    NoPhone,
    /// The NFC reader, or the phone on it.
    Nfc { fault: NfcFault, phase: Phase },
    /// No code of a mobile document was shown to the camera in time, or in a recording.
    NoCode,
    /// The camera, or the recording of one.
    Camera(CameraFault),
    /// What came over Bluetooth is no message.
    Framing { fault: FramingError, phase: Phase },
    /// A message began and its last part never came.
    Unfinished,
    /// A message came in parts, and cannot be read, on a system that may hand parts on in the wrong order.
    Reordered { phase: Phase },
    /// A message cannot be read, on a link whose long parts the system is known to lose.
    PartsLost { phase: Phase },
    /// The reader's key does not sign the request.
    Signature(String),
    /// The token with the reader's key.
    Token(TokenFault),
    /// The service that judges cannot be reached.
    ServiceUnreachable(String),
    /// The service that judges did not answer in time.
    ServiceTimeout,
    /// The service that judges refused the request, with the type of its problem.
    ServiceRefused(String),
    /// The service that judges answered something that is no verdict.
    ServiceAnswer,
    /// The bundle that is at hand counts no longer, or not yet by this machine's clock.
    Bundle(BundleError),
}

impl Failure {
    /// The stable code.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Session(failure) => failure.code(),
            Self::Engagement => "session.engagement",
            Self::CaseFolded => "scanner.case_folded",
            Self::Connect => "session.transport",
            Self::Silence | Self::Unfinished | Self::NoPhone | Self::NoCode => "session.timeout",
            Self::NoTransport => "session.no_transport",
            Self::Radio { fault, .. } => fault.code(),
            Self::Nfc { fault, .. } => fault.code(),
            Self::Camera(fault) => fault.code(),
            Self::Framing { .. } => "session.decoding",
            Self::Reordered { .. } => "bluetooth.reordered",
            Self::PartsLost { .. } => "bluetooth.parts_lost",
            Self::Signature(_) => "reader.signature",
            Self::Token(fault) => fault.code(),
            Self::ServiceUnreachable(_) => "service.unreachable",
            Self::ServiceTimeout => "service.timeout",
            Self::ServiceRefused(_) => "service.refused",
            Self::ServiceAnswer => "service.answer",
            Self::Bundle(BundleError::NotYet { .. }) => "bundle.not_yet",
            Self::Bundle(_) => "bundle.expired",
        }
    }

    /// The phase in which it happened.
    pub(crate) const fn phase(&self) -> &'static str {
        match self {
            Self::Session(failure) => failure.phase().name(),
            Self::Engagement
            | Self::CaseFolded
            | Self::Silence
            | Self::NoPhone
            | Self::NoCode
            | Self::Camera(_) => Phase::Engagement.name(),
            Self::Connect | Self::NoTransport => Phase::Connect.name(),
            Self::Radio { phase, .. }
            | Self::Nfc { phase, .. }
            | Self::Framing { phase, .. }
            | Self::Reordered { phase }
            | Self::PartsLost { phase } => phase.name(),
            Self::Unfinished => Phase::Receive.name(),
            Self::Signature(_) | Self::Token(_) => Phase::Request.name(),
            Self::ServiceUnreachable(_)
            | Self::ServiceTimeout
            | Self::ServiceRefused(_)
            | Self::ServiceAnswer
            | Self::Bundle(_) => "checking",
        }
    }

    /// What to do now.
    pub(crate) const fn next_step(&self) -> &'static str {
        match self {
            Self::Session(failure) => match (failure, failure.phase()) {
                (SessionFailure::Timeout { .. }, Phase::Connect) => {
                    "check that the phone still shows its code and that Bluetooth is on there, bring it closer, and start again with a fresh code"
                }
                (SessionFailure::Timeout { .. }, Phase::Consent) => {
                    "ask the holder to open the request on the phone and to agree, and start again"
                }
                (SessionFailure::Timeout { .. } | SessionFailure::Transport { .. }, _) => {
                    "bring phone and reader closer together and start again with a fresh code"
                }
                (
                    SessionFailure::Terminated {
                        by: Party::Reader, ..
                    },
                    _,
                ) => "this counter ended it; start again with a fresh code",
                (SessionFailure::Terminated { .. }, _) => {
                    "the holder may have declined: ask, and start again with a fresh code"
                }
                _ => {
                    "start again with a fresh code from the phone; if it happens again, the phone and this reader do not understand each other"
                }
            },
            Self::Engagement => {
                "show a fresh code on the phone; this one is not an engagement of a mobile document"
            }
            Self::CaseFolded => {
                "have the technician set the scanner to keep upper and lower case as they are, and scan the code again"
            }
            Self::Connect => "check that the phone still shows its code, and start again",
            Self::Silence => "the other side says nothing: check what is listening there",
            Self::NoTransport => {
                "this phone needs what the counter lacks: ask for another document, or use a counter that has it"
            }
            Self::NoPhone => "hold a phone with an open wallet to the NFC reader, and start again",
            Self::NoCode => {
                "hold the code of an open wallet before the camera, a hand's breadth away and lit up, and start again"
            }
            Self::Camera(fault) => fault.next_step(),
            Self::Radio { fault, .. } => fault.next_step(),
            Self::Nfc { fault, .. } => fault.next_step(),
            Self::Framing { .. } => {
                "start again with a fresh code from the phone; if it happens again, the phone and this reader do not understand each other"
            }
            Self::Unfinished => {
                "start again with a fresh code; if it happens again, this wallet does not finish its messages"
            }
            Self::Reordered { .. } => {
                "start again with a fresh code, and have the technician set Channels = 1 under [GATT] in /etc/bluetooth/main.conf"
            }
            Self::PartsLost { .. } => {
                "start again with a fresh code, and have the technician set ExchangeMTU = 512 under [GATT] in /etc/bluetooth/main.conf"
            }
            Self::Signature(_) => "check the reader's key and certificate",
            Self::Token(fault) => fault.next_step(),
            Self::ServiceUnreachable(_) => {
                "check the network and the address of the service, or judge here with --verify local"
            }
            Self::ServiceTimeout => "try again; if it happens again, look at the service's load",
            Self::ServiceRefused(_) => "give reader and service the same purposes and a valid API key",
            Self::ServiceAnswer => "check that the address is that of a verifier-api service",
            Self::Bundle(BundleError::NotYet { .. }) => "set the clock of this machine, and start again",
            Self::Bundle(_) => {
                "bring this counter to a network for a newer bundle, or carry one here as a file (--bundle)"
            }
        }
    }

    /// The form for programs.
    pub(crate) fn to_json(&self) -> Value {
        json!({ "verdict": null, "reason": self.code(), "phase": self.phase() })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(failure) => write!(f, "{failure}"),
            Self::Engagement => f.write_str("what the phone showed is no engagement"),
            Self::CaseFolded => f.write_str("the scanner turned all letters into capitals or into small ones"),
            Self::Connect => f.write_str("the phone cannot be reached"),
            Self::Silence => f.write_str("no engagement came in time"),
            Self::NoTransport => f.write_str("the phone offers no way to move data that this counter has"),
            Self::NoPhone => f.write_str("no phone was held to the reader in time"),
            Self::NoCode => f.write_str("the camera saw no code of a mobile document"),
            Self::Camera(fault) => write!(f, "{fault}"),
            Self::Radio { fault, .. } => write!(f, "{fault}"),
            Self::Nfc { fault, .. } => write!(f, "{fault}"),
            Self::Framing { fault, .. } => write!(f, "the phone sent {fault}"),
            Self::Unfinished => f.write_str("the phone began a message and never sent its last part"),
            Self::Reordered { .. } => f.write_str(
                "the parts of the phone's message seem to have come in the wrong order: the Bluetooth service spreads them over several channels",
            ),
            Self::PartsLost { .. } => f.write_str(
                "the long parts of the phone's message seem to be lost: the Bluetooth service drops what is longer than 510 bytes",
            ),
            Self::Signature(error) => f.write_str(error),
            Self::Token(fault) => write!(f, "{fault}"),
            Self::ServiceUnreachable(error) => write!(f, "the service cannot be reached: {error}"),
            Self::ServiceTimeout => f.write_str("the service did not answer in time"),
            Self::ServiceRefused(kind) => write!(f, "the service refused to judge: {kind}"),
            Self::ServiceAnswer => f.write_str("the service answered something that is no verdict"),
            Self::Bundle(error) => write!(f, "the bundle cannot be judged by: {error}"),
        }
    }
}

impl From<CodeFault> for Failure {
    fn from(fault: CodeFault) -> Self {
        match fault {
            CodeFault::CaseFolded(_) => Self::CaseFolded,
            CodeFault::Engagement(_) => Self::Engagement,
        }
    }
}

impl From<SessionFailure> for Failure {
    fn from(failure: SessionFailure) -> Self {
        Self::Session(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{FrameFault, RecordingFault};

    #[test]
    fn every_failure_has_a_code_a_phase_and_a_next_step() {
        let timeout = |phase| Failure::Session(SessionFailure::Timeout { phase });
        let radio = |fault| Failure::Radio {
            fault,
            phase: Phase::Connect,
        };
        let nfc = |fault| Failure::Nfc {
            fault,
            phase: Phase::Receive,
        };
        let camera = Failure::Camera;
        let instant = |seconds| mdoc::time::UnixTime::from_seconds(seconds).unwrap();
        let (expires, created, now) = (instant(1), instant(9999), instant(2));
        let expired = BundleError::Expired { expires, now };
        let not_yet = BundleError::NotYet { created, now };
        for (failure, code, phase) in [
            (timeout(Phase::Consent), "session.timeout", "consent"),
            (timeout(Phase::Receive), "session.timeout", "receive"),
            (Failure::Engagement, "session.engagement", "engagement"),
            (Failure::CaseFolded, "scanner.case_folded", "engagement"),
            (Failure::Connect, "session.transport", "connect"),
            (Failure::Silence, "session.timeout", "engagement"),
            (Failure::Unfinished, "session.timeout", "receive"),
            (Failure::NoTransport, "session.no_transport", "connect"),
            (
                Failure::Framing {
                    fault: FramingError::Prefix(2),
                    phase: Phase::Receive,
                },
                "session.decoding",
                "receive",
            ),
            (
                Failure::Reordered {
                    phase: Phase::Receive,
                },
                "bluetooth.reordered",
                "receive",
            ),
            (
                Failure::PartsLost {
                    phase: Phase::Consent,
                },
                "bluetooth.parts_lost",
                "consent",
            ),
            (radio(RadioFault::NoAdapter(None)), "bluetooth.adapter", "connect"),
            (
                radio(RadioFault::NoAdapter(Some("hci7".to_owned()))),
                "bluetooth.adapter",
                "connect",
            ),
            (radio(RadioFault::AdapterGone), "bluetooth.adapter", "connect"),
            (
                radio(RadioFault::AdapterOff("x".to_owned())),
                "bluetooth.adapter",
                "connect",
            ),
            (radio(RadioFault::Permission), "bluetooth.permission", "connect"),
            (radio(RadioFault::Service), "bluetooth.service", "connect"),
            (
                radio(RadioFault::Other("x".to_owned())),
                "bluetooth.failed",
                "connect",
            ),
            (Failure::NoPhone, "session.timeout", "engagement"),
            (nfc(NfcFault::NoReader(None)), "nfc.reader", "receive"),
            (
                nfc(NfcFault::NoReader(Some("x".to_owned()))),
                "nfc.reader",
                "receive",
            ),
            (nfc(NfcFault::Reader("x".to_owned())), "nfc.reader", "receive"),
            (nfc(NfcFault::CardLost), "nfc.card_lost", "receive"),
            (nfc(NfcFault::Locked), "nfc.locked", "receive"),
            (nfc(NfcFault::Tag("x".to_owned())), "nfc.tag", "receive"),
            (nfc(NfcFault::Handover("x".to_owned())), "nfc.handover", "receive"),
            (nfc(NfcFault::NotReady), "nfc.not_ready", "receive"),
            (nfc(NfcFault::Refused), "nfc.refused", "receive"),
            (nfc(NfcFault::Transfer("x".to_owned())), "nfc.transfer", "receive"),
            (Failure::NoCode, "session.timeout", "engagement"),
            (camera(CameraFault::NoDevice), "camera.device", "engagement"),
            (camera(CameraFault::NotACamera), "camera.device", "engagement"),
            (camera(CameraFault::Gone), "camera.device", "engagement"),
            (camera(CameraFault::Silent), "camera.device", "engagement"),
            (camera(CameraFault::Permission), "camera.permission", "engagement"),
            (camera(CameraFault::Busy), "camera.busy", "engagement"),
            (camera(CameraFault::NoFormat), "camera.format", "engagement"),
            (camera(FrameFault::Jpeg.into()), "camera.format", "engagement"),
            (
                camera(RecordingFault::Truncated { frame: 2 }.into()),
                "camera.recording",
                "engagement",
            ),
            (Failure::Signature("x".to_owned()), "reader.signature", "request"),
            (Failure::Token(TokenFault::Gone), "token.absent", "request"),
            (Failure::Token(TokenFault::PinLocked), "token.pin", "request"),
            (
                Failure::ServiceUnreachable("x".to_owned()),
                "service.unreachable",
                "checking",
            ),
            (Failure::ServiceTimeout, "service.timeout", "checking"),
            (
                Failure::ServiceRefused("x".to_owned()),
                "service.refused",
                "checking",
            ),
            (Failure::ServiceAnswer, "service.answer", "checking"),
            (Failure::Bundle(expired), "bundle.expired", "checking"),
            (Failure::Bundle(not_yet), "bundle.not_yet", "checking"),
        ] {
            assert_eq!(
                failure.to_json(),
                json!({ "verdict": null, "reason": code, "phase": phase })
            );
            assert!(failure.next_step().len() > 20 && !failure.to_string().is_empty());
        }
        assert_ne!(
            timeout(Phase::Consent).next_step(),
            timeout(Phase::Receive).next_step()
        );
    }
}
