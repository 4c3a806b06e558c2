//! Status lists as JSON Web Tokens in compact form (RFC 7515, RFC 7519).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::cose::MAX_CERTIFICATES;
use crate::crypto::SignatureAlgorithm;
use crate::engagement::base64url;
use crate::limits::URI_BYTES;

use super::{Claims, TokenError, TokenForm, Undecoded, Unverified, numeric_date};

/// The media type of a status list in JWT.
pub(super) const STATUS_LIST_TYPE: &str = "application/statuslist+jwt";

/// Members that are not named here are ignored, as RFC 7515 §4 asks, but for `crit`.
#[derive(Deserialize)]
struct Header {
    alg: String,
    typ: Option<String>,
    crit: Option<serde::de::IgnoredAny>,
    x5c: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Payload {
    sub: String,
    iat: f64,
    exp: Option<f64>,
    ttl: Option<f64>,
    status_list: List,
}

#[derive(Deserialize)]
struct List {
    bits: u64,
    lst: String,
}

/// Reads a token up to its signature, which is not checked here.
pub(super) fn read(text: &[u8]) -> Result<Unverified, TokenError> {
    let text = core::str::from_utf8(text).map_err(|_| TokenError::Jwt("not text"))?;
    let mut parts = text.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(TokenError::Jwt("not three parts"));
    };
    let decode = |part: &str| base64url::decode(part).map_err(|_| TokenError::Jwt("not base64url"));
    let signed_len = header.len() + 1 + payload.len();
    let signed = text.as_bytes().get(..signed_len).unwrap_or_default().to_vec();
    let header: Header = serde_json::from_slice(&decode(header)?)
        .map_err(|_| TokenError::Jwt("the header is not JSON of the right members"))?;
    if header.crit.is_some() {
        return Err(TokenError::Jwt("a critical header"));
    }
    let typ = header.typ.ok_or(TokenError::Type("missing"))?;
    let short = STATUS_LIST_TYPE.strip_prefix("application/").unwrap_or_default();
    if !typ.eq_ignore_ascii_case(STATUS_LIST_TYPE) && !typ.eq_ignore_ascii_case(short) {
        return Err(TokenError::Type("that of no list in a JWT"));
    }
    let payload: Payload = serde_json::from_slice(&decode(payload)?)
        .map_err(|_| TokenError::Jwt("the claims are not JSON of the right members"))?;
    let list = decode(&payload.status_list.lst)?;
    Ok(Unverified {
        algorithm: algorithm(&header.alg)?,
        chain: chain(header.x5c)?,
        content: Undecoded::Statuses {
            bits: payload.status_list.bits,
            compressed: list,
        },
        claims: claims(payload)?,
        form: TokenForm::Jwt,
        iso_fault: Some("a JWT"),
        signed,
        signature: decode(signature)?,
    })
}

fn algorithm(name: &str) -> Result<SignatureAlgorithm, TokenError> {
    match name {
        "ES256" => Ok(SignatureAlgorithm::Es256),
        "ES384" => Ok(SignatureAlgorithm::Es384),
        "ES512" => Ok(SignatureAlgorithm::Es512),
        "EdDSA" | "Ed25519" => Ok(SignatureAlgorithm::EdDsa),
        _ => Err(TokenError::AlgorithmRefused),
    }
}

/// `x5c`: base64 of DER, the signer's first (RFC 7515 §4.1.6).
fn chain(x5c: Option<Vec<String>>) -> Result<Vec<Vec<u8>>, TokenError> {
    let Some(x5c) = x5c else {
        return Ok(Vec::new());
    };
    if x5c.is_empty() || x5c.len() > MAX_CERTIFICATES {
        return Err(TokenError::Jwt("an x5c of no or too many certificates"));
    }
    let decode = |text: &String| STANDARD.decode(text);
    let chain = x5c.iter().map(decode).collect::<Result<Vec<_>, _>>();
    chain.map_err(|_| TokenError::Jwt("an x5c that is not base64"))
}

fn claims(payload: Payload) -> Result<Claims, TokenError> {
    if payload.sub.is_empty() || payload.sub.len() > URI_BYTES {
        return Err(TokenError::Claim("the token has no subject"));
    }
    let date = |seconds: f64, fault| numeric_date(seconds).ok_or(TokenError::Claim(fault));
    let time_to_live = payload.ttl.map(|seconds| {
        // An instant is a whole number of seconds too; a time to live beyond the year 9999 is none.
        numeric_date(seconds)
            .and_then(|whole| u64::try_from(whole.seconds()).ok())
            .filter(|whole| *whole > 0 && seconds.fract() == 0.0)
            .ok_or(TokenError::Claim("the time to live is not a positive integer"))
    });
    Ok(Claims {
        issued_at: date(payload.iat, "the time of issue is no date")?,
        expires_at: payload
            .exp
            .map(|seconds| date(seconds, "the time of expiry is no date"))
            .transpose()?,
        time_to_live: time_to_live.transpose()?,
        subject: payload.sub,
    })
}
