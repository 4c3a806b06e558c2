//! The wallet: answers a request with a DeviceResponse.

use ciborium::Value;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Digest as _;

use crate::hooks::{Hooks, Stage};
use crate::issuer::{IssuedDocument, IssuedItem};
use crate::keys::SigningKey;
use crate::{encode, tagged};

/// A document with the key it was issued to.
pub struct HeldDocument {
    /// The document.
    pub document: IssuedDocument,
    /// The device key.
    pub device_key: SigningKey,
}

/// What is asked of one document: its type, and namespace with elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedDocument {
    /// The document type.
    pub doc_type: String,
    /// Namespace and elements.
    pub name_spaces: Vec<(String, Vec<String>)>,
}

/// How the device authenticates itself.
#[derive(Clone)]
pub enum DeviceAuth {
    /// By a signature.
    Signature,
    /// By a MAC under a key agreed with this reader key, an uncompressed point.
    Mac(Vec<u8>),
}

/// Reads a DeviceRequest; `None` where it is none.
pub fn requested_documents(device_request: &[u8]) -> Option<Vec<RequestedDocument>> {
    let request: Value = ciborium::from_reader(device_request).ok()?;
    let mut documents = Vec::new();
    for document in get(&request, "docRequests")?.as_array()? {
        let items = get(document, "itemsRequest")?.as_tag()?.1.as_bytes()?;
        let items: Value = ciborium::from_reader(items.as_slice()).ok()?;
        let mut name_spaces = Vec::new();
        for (name_space, elements) in get(&items, "nameSpaces")?.as_map()? {
            let elements = elements
                .as_map()?
                .iter()
                .map(|(name, _)| name.as_text().map(str::to_owned));
            name_spaces.push((
                name_space.as_text()?.to_owned(),
                elements.collect::<Option<Vec<_>>>()?,
            ));
        }
        documents.push(RequestedDocument {
            doc_type: get(&items, "docType")?.as_text()?.to_owned(),
            name_spaces,
        });
    }
    Some(documents)
}

fn get<'v>(map: &'v Value, key: &str) -> Option<&'v Value> {
    map.as_map()?
        .iter()
        .find(|(name, _)| name.as_text() == Some(key))
        .map(|(_, value)| value)
}

/// Answers a request: one document for each one asked for and held, in the order of the request.
pub fn respond(
    held: &[HeldDocument],
    request: &[RequestedDocument],
    session_transcript: &[u8],
    auth: &DeviceAuth,
    hooks: &Hooks,
) -> Vec<u8> {
    let mut used = vec![false; held.len()];
    let mut documents = Vec::new();
    for asked in request {
        let free = |(index, candidate): &(usize, &HeldDocument)| {
            !used[*index] && candidate.document.doc_type == asked.doc_type
        };
        let Some((index, held)) = held.iter().enumerate().find(free) else {
            continue;
        };
        used[index] = true;
        documents.push(answer(held, asked, session_transcript, auth, hooks));
    }
    let mut response = vec![("version".into(), "1.0".into())];
    if !documents.is_empty() {
        response.push(("documents".into(), Value::Array(documents)));
    }
    response.push(("status".into(), 0.into()));
    let mut response = Value::Map(response);
    hooks.apply(Stage::Response, &mut response);
    hooks.apply_to_bytes(Stage::WireBytes, encode(&response))
}

fn answer(
    held: &HeldDocument,
    asked: &RequestedDocument,
    session_transcript: &[u8],
    auth: &DeviceAuth,
    hooks: &Hooks,
) -> Value {
    let mut name_spaces = Vec::new();
    for (name_space, elements) in &asked.name_spaces {
        let Some((_, items)) = held
            .document
            .name_spaces
            .iter()
            .find(|(name, _)| name == name_space)
        else {
            continue;
        };
        let mut returned: Vec<&IssuedItem> = Vec::new();
        for element in elements {
            let item = items
                .iter()
                .find(|(name, _)| name == element)
                .or_else(|| nearest_age(items, element));
            if let Some(item) = item.filter(|item| !returned.contains(item)) {
                returned.push(item);
            }
        }
        if !returned.is_empty() {
            let items = returned.into_iter().map(|(_, item)| raw(item)).collect();
            name_spaces.push((name_space.as_str().into(), Value::Array(items)));
        }
    }
    let mut issuer_signed = Vec::new();
    if !name_spaces.is_empty() {
        issuer_signed.push(("nameSpaces".into(), Value::Map(name_spaces)));
    }
    issuer_signed.push(("issuerAuth".into(), held.document.issuer_auth.clone()));
    let mut issuer_signed = Value::Map(issuer_signed);
    hooks.apply(Stage::IssuerSigned, &mut issuer_signed);
    let mut document = Value::Map(vec![
        ("docType".into(), held.document.doc_type.into()),
        ("issuerSigned".into(), issuer_signed),
        (
            "deviceSigned".into(),
            device_signed(held, session_transcript, auth, hooks),
        ),
    ]);
    hooks.apply(Stage::Document, &mut document);
    document
}

/// Encoded items go out as they were digested; where a hook has broken them, as bytes.
fn raw(item: &[u8]) -> Value {
    ciborium::from_reader(item).unwrap_or_else(|_| Value::Bytes(item.to_vec()))
}

/// The nearest statement that answers an age that is not stated itself (ISO/IEC 18013-5 §7.2.5).
fn nearest_age<'i>(items: &'i [IssuedItem], element: &str) -> Option<&'i IssuedItem> {
    let asked: u8 = element.strip_prefix("age_over_")?.parse().ok()?;
    let stated: Vec<(u8, bool, &'i IssuedItem)> = items
        .iter()
        .filter_map(|item| {
            let age = item.0.strip_prefix("age_over_")?.parse().ok()?;
            let decoded: Value = ciborium::from_reader(item.1.as_slice()).ok()?;
            let inner: Value = ciborium::from_reader(decoded.as_tag()?.1.as_bytes()?.as_slice()).ok()?;
            Some((age, get(&inner, "elementValue")?.as_bool()?, item))
        })
        .collect();
    let over = stated
        .iter()
        .filter(|(age, over, _)| *over && *age >= asked)
        .min_by_key(|(age, _, _)| *age);
    let under = stated
        .iter()
        .filter(|(age, over, _)| !*over && *age <= asked)
        .max_by_key(|(age, _, _)| *age);
    over.or(under).map(|(_, _, item)| *item)
}

fn device_signed(held: &HeldDocument, session_transcript: &[u8], auth: &DeviceAuth, hooks: &Hooks) -> Value {
    let mut name_spaces = Value::Map(Vec::new());
    hooks.apply(Stage::DeviceNameSpaces, &mut name_spaces);
    let name_spaces = tagged(encode(&name_spaces));
    let transcript = hooks.apply_to_bytes(Stage::DeviceTranscript, session_transcript.to_vec());
    let mut doc_type = Value::from(held.document.doc_type);
    hooks.apply(Stage::DeviceDocType, &mut doc_type);
    let authentication = [
        &[0x84][..],
        &encode(&"DeviceAuthentication".into()),
        &transcript,
        &encode(&doc_type),
        &encode(&name_spaces),
    ]
    .concat();
    let payload = encode(&tagged(authentication));
    let (member, context, algorithm) = match auth {
        DeviceAuth::Signature => ("deviceSignature", "Signature1", held.device_key.algorithm()),
        DeviceAuth::Mac(_) => ("deviceMac", "MAC0", 5),
    };
    let mut protected = Value::Map(vec![(1.into(), algorithm.into())]);
    hooks.apply(Stage::DeviceProtected, &mut protected);
    let protected = encode(&protected);
    let structure = encode(&Value::Array(vec![
        context.into(),
        Value::Bytes(protected.clone()),
        Value::Bytes(Vec::new()),
        Value::Bytes(payload),
    ]));
    let authenticator = match auth {
        DeviceAuth::Signature => held.device_key.sign(&structure),
        DeviceAuth::Mac(reader_key) => mac(&held.device_key, reader_key, session_transcript, &structure),
    };
    let authenticator = hooks.apply_to_bytes(Stage::DeviceSignature, authenticator);
    let mut unprotected = Value::Map(Vec::new());
    hooks.apply(Stage::DeviceUnprotected, &mut unprotected);
    let mut detached = Value::Null;
    hooks.apply(Stage::DevicePayload, &mut detached);
    let message = Value::Array(vec![
        Value::Bytes(protected),
        unprotected,
        detached,
        Value::Bytes(authenticator),
    ]);
    let mut device_auth = Value::Map(vec![(member.into(), message)]);
    hooks.apply(Stage::DeviceAuth, &mut device_auth);
    let mut device_signed = Value::Map(vec![
        ("nameSpaces".into(), name_spaces),
        ("deviceAuth".into(), device_auth),
    ]);
    hooks.apply(Stage::DeviceSigned, &mut device_signed);
    device_signed
}

/// EMacKey as both sides derive it (ISO/IEC 18013-5 §9.1.3.5).
pub fn mac_key(device_key: &SigningKey, reader_key: &[u8], session_transcript: &[u8]) -> [u8; 32] {
    let salt = sha2::Sha256::digest(encode(&tagged(session_transcript.to_vec())));
    let mut key = [0; 32];
    Hkdf::<sha2::Sha256>::new(Some(&salt), &device_key.agree(reader_key))
        .expand(b"EMacKey", &mut key)
        .expect("invariant: 32 bytes are few enough");
    key
}

fn mac(device_key: &SigningKey, reader_key: &[u8], session_transcript: &[u8], structure: &[u8]) -> Vec<u8> {
    let key = mac_key(device_key, reader_key, session_transcript);
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).expect("invariant: HMAC takes any key");
    mac.update(structure);
    mac.finalize().into_bytes().to_vec()
}
