//! Faults by name, for demonstrations and for counters under installation.

use ciborium::Value;

use crate::evidence::{identifier_reference, lists, status_reference};
use crate::hooks::{Hooks, Stage, insert, member};
use crate::issuer::Issuer;

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $reason:expr, $about:literal;)*) => {
        /// Something that a phone or an issuer gets wrong, or does in a way of its own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Fault {
            $($(#[$doc])* $variant,)*
        }

        impl Fault {
            /// Every fault.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name on a command line.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// What it is.
            pub const fn about(self) -> &'static str {
                match self {
                    $(Self::$variant => $about,)*
                }
            }

            /// What a reader must say to it, for a My Number Card that signs; none where it must accept.
            pub const fn reason(self) -> Option<&'static str> {
                match self {
                    $(Self::$variant => $reason,)*
                }
            }
        }
    };
}

faults! {
    /// An element's value is changed after the issuer signed it.
    Tampered, "tampered", Some("digest.mismatch"), "an element changed after signing";
    /// The record's validity is over.
    Expired, "expired", Some("mso.expired"), "a record past its validity";
    /// The record's entry on its status list is revoked.
    Revoked, "revoked", Some("status.revoked"), "a record that is revoked by its status list";
    /// The record's entry on its status list is suspended.
    Suspended, "suspended", Some("status.suspended"), "a record that is suspended (of an EU PID: lists of ISO/IEC 18013-5 know no suspension)";
    /// The record's status list has expired.
    Stale, "stale", Some("status.stale"), "a record whose status list has expired";
    /// The record's identifier is on its identifier list.
    Listed, "listed", Some("status.revoked"), "a record that is revoked by its identifier list";
    /// The record's status list cannot be had.
    ListDown, "list-down", Some("status.unavailable"), "a record whose status list cannot be had: nobody answers there";
    /// The record names a status list on which it is not revoked.
    StatusGood, "status-good", None, "a record that its status list knows as good: accepted";
    /// The issuer is none that the reader trusts.
    Untrusted, "untrusted", Some("issuer.chain"), "an issuer of the same name with another key";
    /// The response was made in another session.
    Replayed, "replayed", Some("device.signature"), "a response that was recorded in an earlier session";
    /// The device signs with a key that the record was not issued to.
    WrongHolder, "wrong-holder", Some("device.signature"), "a device key that the record was not issued to";
    /// The device signs something that is no transcript of any session.
    WrongTranscript, "wrong-transcript", Some("device.signature"), "a signature over another transcript";
    /// The message's authentication tag is broken.
    BadTag, "bad-tag", Some("session.decryption"), "an encrypted message whose tag is broken";
    /// The message is encrypted under a number that is not due.
    WrongCounter, "wrong-counter", Some("session.decryption"), "a message counter that was skipped";
    /// The reader's own message comes back.
    Reflected, "reflected", Some("session.decryption"), "the reader's own encrypted message sent back";
    /// The response is not encrypted.
    Plaintext, "plaintext", Some("session.decryption"), "a response that is not encrypted";
    /// The phone says that it cannot decrypt.
    Status10, "status-10", Some("session.decryption"), "session status 10 in place of a response";
    /// The phone says that it cannot decode.
    Status11, "status-11", Some("session.decoding"), "session status 11 in place of a response";
    /// The phone ends the connection after the request.
    EarlyClose, "early-close", Some("session.terminated"), "the connection closed after the request";
    /// The phone never answers.
    Silent, "silent", Some("session.timeout"), "no answer at all";
    /// The phone sends something that is no message.
    Garbage, "garbage", Some("session.decoding"), "bytes that are no session message";
    /// An element that nobody asked for.
    ExtraElement, "extra-element", None, "an element that nobody asked for: accepted, and withheld";
    /// A document that nobody asked for.
    WrongDocument, "wrong-document", Some("document.missing"), "another document than the one asked for";
    /// The MSO is not under tag 24.
    UntaggedPayload, "untagged-payload", Some("mso.malformed"), "an MSO that is not under tag 24";
    /// The x5chain is in the protected header.
    ProtectedX5chain, "protected-x5chain", Some("issuer.chain"), "the x5chain in the protected header";
    /// `"status": null` in the MSO.
    NullStatus, "null-status", Some("mso.malformed"), "an MSO whose status is null";
    /// Dates with fractional seconds in the MSO.
    FractionalSeconds, "fractional-seconds", Some("mso.malformed"), "MSO dates with fractional seconds";
    /// The root stands in the x5chain.
    RootInChain, "root-in-chain", None, "the root at the end of the x5chain: accepted, and not trusted for it";
    /// `undefined` stands for the detached payload.
    UndefinedPayload, "undefined-payload", None, "undefined in place of a null payload: accepted";
    /// `"deviceMac": undefined` beside the signature.
    UndefinedMac, "undefined-mac", None, "an undefined deviceMac beside the signature: accepted";
    /// A map head longer than it needs to be.
    LongMapHead, "long-map-head", None, "a map head that is not in its shortest form: accepted";
}

impl Fault {
    /// The fault with this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| fault.name() == name)
    }

    /// The list that a record with this fault names, of those that `holder pki` makes.
    fn status(self) -> Option<Value> {
        match self {
            Self::Revoked => Some(status_reference(lists::STATUSES, 3)),
            Self::Suspended => Some(status_reference(lists::SUSPENSIONS, 5)),
            Self::Stale => Some(status_reference(lists::EXPIRED, 1)),
            Self::Listed => Some(identifier_reference(lists::IDENTIFIERS, lists::LISTED)),
            Self::ListDown => Some(status_reference(lists::DOWN, 4)),
            Self::StatusGood => Some(status_reference(lists::STATUSES, 4)),
            _ => None,
        }
    }

    /// Adds the part of the fault that changes bytes on their way. The other part the issuing
    /// program does: other dates, another issuer, another device key, another message.
    pub fn apply(self, hooks: &mut Hooks, issuer: &Issuer) {
        match self {
            Self::Tampered => hooks.on(Stage::IssuerSignedItemBytes, tamper),
            Self::WrongTranscript => hooks.on(Stage::DeviceTranscript, |transcript| {
                *transcript = Value::Bytes(vec![0x83, 0xf6, 0xf6, 0xf6]);
            }),
            Self::UntaggedPayload => hooks.on(Stage::MsoPayload, |payload| {
                let tagged: Option<Value> = payload
                    .as_bytes()
                    .and_then(|bytes| ciborium::from_reader(bytes.as_slice()).ok());
                if let Some(Value::Tag(_, mso)) = tagged {
                    *payload = *mso;
                }
            }),
            Self::ProtectedX5chain => {
                let signer = issuer.signer.clone();
                hooks.on(Stage::IssuerProtected, move |map| {
                    insert(map, 33, Value::Bytes(signer.clone()));
                });
                hooks.on(Stage::IssuerUnprotected, |map| *map = Value::Map(Vec::new()));
            }
            Self::NullStatus => hooks.on(Stage::Mso, |mso| insert(mso, "status", Value::Null)),
            Self::FractionalSeconds => hooks.on(Stage::Mso, |mso| {
                let signed = member(member(mso, "validityInfo"), "signed");
                if let Some((_, text)) = signed.as_tag_mut()
                    && let Some(text) = text.as_text_mut()
                {
                    *text = text.replace('Z', ".5Z");
                }
            }),
            Self::RootInChain => {
                let root = issuer.root.clone();
                hooks.on(Stage::IssuerUnprotected, move |map| {
                    for (_, value) in map.as_map_mut().into_iter().flatten() {
                        if let Value::Bytes(signer) = value {
                            let chain = vec![Value::Bytes(signer.clone()), Value::Bytes(root.clone())];
                            *value = Value::Array(chain);
                        }
                    }
                });
            }
            Self::UndefinedMac => hooks.on(Stage::DeviceAuth, |auth| {
                let name = if auth
                    .as_map()
                    .is_some_and(|map| map[0].0.as_text() == Some("deviceMac"))
                {
                    "deviceSignature"
                } else {
                    "deviceMac"
                };
                insert(auth, name, Value::Null);
            }),
            // CBOR's undefined and long heads are none of the writer's forms: they are put in by hand.
            Self::UndefinedPayload => hooks.on(Stage::WireBytes, |bytes| {
                if let Some(bytes) = bytes.as_bytes_mut()
                    && let Some(at) = bytes.windows(3).rposition(|window| window == [0xf6, 0x58, 0x40])
                {
                    bytes[at] = 0xf7;
                }
            }),
            Self::LongMapHead => hooks.on(Stage::WireBytes, |bytes| {
                if let Some(bytes) = bytes.as_bytes_mut() {
                    let count = bytes[0] & 0x1f;
                    bytes.splice(..1, [0xb9, 0, count]);
                }
            }),
            Self::Revoked
            | Self::Suspended
            | Self::Stale
            | Self::Listed
            | Self::ListDown
            | Self::StatusGood => {
                if let Some(status) = self.status() {
                    hooks.on(Stage::Mso, move |mso| insert(mso, "status", status.clone()));
                }
            }
            Self::Expired
            | Self::Untrusted
            | Self::Replayed
            | Self::WrongHolder
            | Self::BadTag
            | Self::WrongCounter
            | Self::Reflected
            | Self::Plaintext
            | Self::Status10
            | Self::Status11
            | Self::EarlyClose
            | Self::Silent
            | Self::Garbage
            | Self::ExtraElement
            | Self::WrongDocument => {}
        }
    }
}

/// Turns `false` and `true` of an element's value round, and changes the last byte of any other.
fn tamper(bytes: &mut Value) {
    let Some(bytes) = bytes.as_bytes_mut() else { return };
    let Ok(mut tagged) = ciborium::from_reader::<Value, _>(bytes.as_slice()) else {
        return;
    };
    let Some((_, inner)) = tagged.as_tag_mut() else {
        return;
    };
    let Some(encoded) = inner.as_bytes_mut() else {
        return;
    };
    let Ok(mut item) = ciborium::from_reader::<Value, _>(encoded.as_slice()) else {
        return;
    };
    let value = member(&mut item, "elementValue");
    *value = match value {
        Value::Bool(held) => Value::Bool(!*held),
        Value::Text(text) => Value::Text(format!("{text}?")),
        _ => Value::Null,
    };
    *encoded = crate::encode(&item);
    *bytes = crate::encode(&tagged);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for fault in Fault::ALL {
            assert_eq!(Fault::by_name(fault.name()), Some(*fault));
            assert!(!fault.about().is_empty());
        }
        assert_eq!(Fault::by_name("nothing"), None);
    }
}
