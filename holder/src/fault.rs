//! Faults by name, for demonstrations and for counters under installation.

use ciborium::Value;

use crate::hooks::{Hooks, Stage, member};

/// Something that a phone or an issuer gets wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An element's value is changed after the issuer signed it.
    Tampered,
    /// The record's validity is over.
    Expired,
    /// The issuer is none that the reader trusts.
    Untrusted,
    /// The device signs with a key that the record was not issued to.
    WrongHolder,
    /// The device signs another session.
    WrongTranscript,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 5] = [
        Self::Tampered,
        Self::Expired,
        Self::Untrusted,
        Self::WrongHolder,
        Self::WrongTranscript,
    ];

    /// The name on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tampered => "tampered",
            Self::Expired => "expired",
            Self::Untrusted => "untrusted",
            Self::WrongHolder => "wrong-holder",
            Self::WrongTranscript => "wrong-transcript",
        }
    }

    /// What it is and what a verifier must say to it.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Tampered => "an element changed after signing: digest.mismatch",
            Self::Expired => "a record past its validity: mso.expired",
            Self::Untrusted => "an issuer of the same name with another key: issuer.chain",
            Self::WrongHolder => "a device key that the record was not issued to: device.signature",
            Self::WrongTranscript => "a response to another session: device.signature",
        }
    }

    /// The fault with this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }

    /// Adds the part of the fault that changes bytes on their way. The other part the issuing
    /// program does: other dates, another issuer, another device key.
    pub fn apply(self, hooks: &mut Hooks) {
        match self {
            Self::Tampered => hooks.on(Stage::IssuerSignedItemBytes, tamper),
            Self::WrongTranscript => hooks.on(Stage::DeviceTranscript, |transcript| {
                *transcript = Value::Bytes(vec![0x83, 0xf6, 0xf6, 0xf6]);
            }),
            Self::Expired | Self::Untrusted | Self::WrongHolder => {}
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
            assert_eq!(Fault::by_name(fault.name()), Some(fault));
            assert!(fault.about().contains(": "));
        }
        assert_eq!(Fault::by_name("nothing"), None);
    }
}
