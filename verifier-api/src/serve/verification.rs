//! One request to verify: from members to what the judge takes. Says exactly which member is at
//! fault, and never what it holds.

use std::sync::Arc;

use base64::Engine as _;
use mdoc::session::SessionTranscript;
use mdoc::time::UnixTime;
use relying_party::purpose::Purpose;
use relying_party::{DeviceKeys, Judgement, judge, sha256_text};
use zeroize::Zeroizing;

use super::members::{self, Scalar, Value};
use super::problem::{Kind, Problem};
use super::state::Purposes;
use crate::fetch::World;
use crate::input::BASE64URL;

/// Entries of `mac_keys`; a response holds no more documents.
pub(super) const MAX_MAC_KEYS: usize = 64;

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// `application/json`, bytes as base64url.
    Json,
    /// `application/cbor`, bytes as byte strings.
    Cbor,
}

/// A request that can be judged. The response and the keys are wiped when done.
pub(super) struct Verification {
    purpose: Arc<Purpose>,
    device_response: Zeroizing<Vec<u8>>,
    session_transcript: SessionTranscript,
    keys: Keys,
}

enum Keys {
    None,
    One(Zeroizing<[u8; 32]>),
    PerDocument(Zeroizing<Vec<Option<[u8; 32]>>>),
}

impl Verification {
    /// Reads a body.
    pub(super) fn read(body: &[u8], encoding: Encoding, purposes: &Purposes) -> Result<Self, Problem> {
        let members = match encoding {
            Encoding::Json => members::of_json(body)?,
            Encoding::Cbor => members::of_cbor(body)?,
        };
        let members = Named::new(members)?;
        let purpose = purpose(&members, purposes)?;
        let bytes = |name, value| match needed(name, value)? {
            Value::Scalar(scalar) => bytes(name, scalar, encoding),
            Value::List(_) => Err(no_bytes(name, encoding)),
        };
        let device_response = bytes("device_response", &members.device_response)?;
        let session_transcript = bytes("session_transcript", &members.session_transcript)?;
        let session_transcript = SessionTranscript::from_bytes(&session_transcript).map_err(|error| {
            Problem::of(
                Kind::SessionTranscriptInvalid,
                "session_transcript",
                error.to_string(),
            )
        })?;
        let keys = Keys::read(&members, encoding)?;
        Ok(Self {
            purpose,
            device_response,
            session_transcript,
            keys,
        })
    }

    /// Judges it by this world. Whether its record was seen before is not looked at yet.
    pub(super) fn judge(&self, world: &World, now: UnixTime) -> Judgement<'_> {
        let judgement = judge(
            &self.device_response,
            &self.session_transcript,
            self.keys.lend(),
            &self.purpose,
            world.trust(),
            world.evidence(),
            now,
        );
        world.note_use(&judgement.named);
        judgement
    }
}

/// The members by name; absent where they are not there or null.
#[derive(Default)]
struct Named<'b> {
    purpose: Option<Value<'b>>,
    purpose_hash: Option<Value<'b>>,
    device_response: Option<Value<'b>>,
    session_transcript: Option<Value<'b>>,
    mac_key: Option<Value<'b>>,
    mac_keys: Option<Value<'b>>,
}

impl<'b> Named<'b> {
    fn new(members: members::Members<'b>) -> Result<Self, Problem> {
        let mut named = Self::default();
        let mut seen = Vec::with_capacity(members.len());
        for (name, value) in members {
            let slot = match name.as_ref() {
                "purpose" => &mut named.purpose,
                "purpose_hash" => &mut named.purpose_hash,
                "device_response" => &mut named.device_response,
                "session_transcript" => &mut named.session_transcript,
                "mac_key" => &mut named.mac_key,
                "mac_keys" => &mut named.mac_keys,
                unknown => {
                    return Err(Problem::of(
                        Kind::MemberUnknown,
                        unknown,
                        "the service does not know this member",
                    ));
                }
            };
            if seen.contains(&name) {
                return Err(Problem::of(
                    Kind::MemberDuplicate,
                    &name,
                    "the member stands twice",
                ));
            }
            *slot = Some(value).filter(|value| *value != Value::Scalar(Scalar::Null));
            seen.push(name);
        }
        Ok(named)
    }
}

fn needed<'m, 'b>(name: &str, value: &'m Option<Value<'b>>) -> Result<&'m Value<'b>, Problem> {
    let missing = || Problem::of(Kind::MemberMissing, name, format!("{name} is needed"));
    value.as_ref().ok_or_else(missing)
}

fn wrong_type(name: &str, due: &str) -> Problem {
    Problem::of(Kind::MemberType, name, format!("{name} is not {due}"))
}

/// The bytes of a member: base64url in JSON, a byte string in CBOR.
fn bytes(name: &str, scalar: &Scalar<'_>, encoding: Encoding) -> Result<Zeroizing<Vec<u8>>, Problem> {
    match (encoding, scalar) {
        (Encoding::Cbor, Scalar::Bytes(bytes)) => Ok(Zeroizing::new(bytes.to_vec())),
        (Encoding::Json, Scalar::Text(text)) => {
            // The decoder's own words could quote the text.
            let fault = || Problem::of(Kind::Base64urlInvalid, name, format!("{name} is not base64url"));
            let bytes = BASE64URL.decode(text.as_bytes()).map_err(|_| fault())?;
            Ok(Zeroizing::new(bytes))
        }
        _ => Err(no_bytes(name, encoding)),
    }
}

fn no_bytes(name: &str, encoding: Encoding) -> Problem {
    wrong_type(
        name,
        match encoding {
            Encoding::Json => "a text",
            Encoding::Cbor => "a byte string",
        },
    )
}

fn purpose(members: &Named<'_>, purposes: &Purposes) -> Result<Arc<Purpose>, Problem> {
    let Value::Scalar(Scalar::Text(id)) = needed("purpose", &members.purpose)? else {
        return Err(wrong_type("purpose", "a text"));
    };
    let unknown = || Problem::of(Kind::PurposeUnknown, "purpose", "no purpose has this identifier");
    let purpose = purposes.get(id.as_ref()).ok_or_else(unknown)?;
    if let Some(hash) = &members.purpose_hash {
        let hash = match hash {
            Value::Scalar(Scalar::Text(text)) => sha256(text),
            Value::Scalar(Scalar::Bytes(bytes)) => <[u8; 32]>::try_from(*bytes).ok(),
            _ => return Err(wrong_type("purpose_hash", "a text")),
        };
        let invalid = || Problem::of(Kind::PurposeHashInvalid, "purpose_hash", "not a SHA-256 hash");
        if hash.ok_or_else(invalid)? != purpose.hash() {
            let now = sha256_text(&purpose.hash());
            let detail = format!("the purpose {} has the hash {now} here", purpose.id());
            return Err(Problem::of(Kind::PurposeHashMismatch, "purpose_hash", detail));
        }
    }
    Ok(Arc::clone(purpose))
}

/// The hash that `sha256:…` names: the inverse of [`sha256_text`].
fn sha256(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_prefix("sha256:")?.as_bytes();
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut hash = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = value(*high)? << 4 | value(*low)?;
    }
    Some(hash)
}

impl Keys {
    fn read(members: &Named<'_>, encoding: Encoding) -> Result<Self, Problem> {
        match (&members.mac_key, &members.mac_keys) {
            (None, None) => Ok(Self::None),
            (Some(_), Some(_)) => Err(Problem::of(
                Kind::MacKeyAmbiguous,
                "mac_keys",
                "only one of mac_key and mac_keys may be given",
            )),
            (Some(Value::Scalar(key)), None) => mac_key("mac_key", key, encoding).map(Self::One),
            (Some(Value::List(_)), None) => Err(no_bytes("mac_key", encoding)),
            (None, Some(Value::List(entries))) => Self::per_document(entries, encoding),
            (None, Some(Value::Scalar(_))) => Err(wrong_type("mac_keys", "an array")),
        }
    }

    fn per_document(entries: &[Scalar<'_>], encoding: Encoding) -> Result<Self, Problem> {
        if entries.len() > MAX_MAC_KEYS {
            return Err(Problem::of(
                Kind::MacKeysTooMany,
                "mac_keys",
                format!("more than {MAX_MAC_KEYS} entries"),
            ));
        }
        // Never grows, so that no key is left behind in memory that was given back.
        let mut keys = Zeroizing::new(Vec::with_capacity(entries.len()));
        for (index, entry) in entries.iter().enumerate() {
            let name = format!("mac_keys[{index}]");
            keys.push(match entry {
                Scalar::Null => None,
                entry => Some(*mac_key(&name, entry, encoding)?),
            });
        }
        Ok(Self::PerDocument(keys))
    }

    fn lend(&self) -> DeviceKeys<'_> {
        match self {
            Self::None => DeviceKeys::None,
            Self::One(key) => DeviceKeys::Mac(key),
            Self::PerDocument(keys) => DeviceKeys::PerDocument(keys),
        }
    }
}

fn mac_key(name: &str, scalar: &Scalar<'_>, encoding: Encoding) -> Result<Zeroizing<[u8; 32]>, Problem> {
    let bytes = bytes(name, scalar, encoding)?;
    crate::input::mac_key(&bytes).map_err(|fault| Problem::of(Kind::MacKeyInvalid, name, fault))
}
