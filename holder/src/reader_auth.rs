//! What the phone makes of reader authentication (ISO/IEC 18013-5 §9.1.4).

use ciborium::Value;
use mdoc::cbor::{Item, Rules};
use mdoc::cose::Message;
use mdoc::crypto::SignatureAlgorithm;
use mdoc::x509::Certificate;

use crate::{encode, tagged};

/// Whose request it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reader {
    /// The request is not signed.
    Anonymous,
    /// Signed, and the certificate is of an authority that the phone trusts: its common name.
    Known(String),
    /// Signed by a certificate of an authority that the phone does not trust: its common name.
    Unknown(String),
    /// Signed, and the signature does not hold: why.
    Bad(&'static str),
}

/// Judges the first document request's `readerAuth`; the others are signed by the same reader.
pub fn judge(device_request: &[u8], session_transcript: &[u8], authority: Option<&[u8]>) -> Reader {
    let Ok(request) = ciborium::from_reader::<Value, _>(device_request) else {
        return Reader::Bad("the request is no CBOR");
    };
    let document = get(&request, "docRequests").and_then(|documents| documents.as_array()?.first().cloned());
    let Some(document) = document else {
        return Reader::Bad("the request asks for nothing");
    };
    let Some(auth) = get(&document, "readerAuth") else {
        return Reader::Anonymous;
    };
    let Some(items) = get(&document, "itemsRequest") else {
        return Reader::Bad("the request asks for nothing");
    };
    let authentication = [
        &[0x83][..],
        &encode(&"ReaderAuthentication".into()),
        session_transcript,
        &encode(items),
    ]
    .concat();
    let payload = encode(&tagged(authentication));
    verify(&encode(auth), &payload, authority).unwrap_or_else(Reader::Bad)
}

fn verify(auth: &[u8], payload: &[u8], authority: Option<&[u8]>) -> Result<Reader, &'static str> {
    let item = Item::decode(auth, &Rules::default()).map_err(|_| "readerAuth is no strict CBOR")?;
    let message = Message::decode(item, &Rules::default()).map_err(|_| "readerAuth is no COSE_Sign1")?;
    let chain = message
        .headers()
        .x5chain(true)
        .map_err(|_| "readerAuth has no certificates")?;
    let certificates = chain
        .certificates()
        .iter()
        .map(|der| Certificate::from_der(der))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| "a certificate of the reader cannot be read")?;
    let (leaf, above) = certificates
        .split_first()
        .ok_or("readerAuth has no certificates")?;
    let algorithm = message
        .headers()
        .algorithm()
        .ok()
        .and_then(SignatureAlgorithm::from_cose_id);
    let key = leaf.public_key().ok_or("the reader's key is of no known kind")?;
    let algorithm = algorithm.ok_or("readerAuth has no known algorithm")?;
    if !algorithm.fits(key.curve()) || message.verify_signature(algorithm, key, &[payload]).is_err() {
        return Err("the reader's signature does not hold");
    }
    let name = leaf.common_name().unwrap_or("(no name)").to_owned();
    let Some(authority) = authority.and_then(|der| Certificate::from_der(der).ok()) else {
        return Ok(Reader::Unknown(name));
    };
    let mut last = leaf;
    for next in above {
        let key = next.public_key().ok_or("the reader's chain does not hold")?;
        last.verify_signed_by(key)
            .map_err(|_| "the reader's chain does not hold")?;
        last = next;
    }
    let signed = authority.public_key().is_some_and(|key| {
        last.issuer_der() == authority.subject_der() && last.verify_signed_by(key).is_ok()
    });
    Ok(if signed {
        Reader::Known(name)
    } else {
        Reader::Unknown(name)
    })
}

fn get<'v>(map: &'v Value, key: &str) -> Option<&'v Value> {
    let mut pairs = map.as_map()?.iter();
    pairs
        .find(|(name, _)| name.as_text() == Some(key))
        .map(|(_, value)| value)
}
