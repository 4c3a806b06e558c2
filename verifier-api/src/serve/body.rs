//! Reading a request's body: bounded in size and time, and wiped when done.

use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::{rt, web};
use futures_util::StreamExt as _;
use zeroize::Zeroizing;

use super::problem::{Kind, Problem};
use super::verification::Encoding;

/// Bytes of a body. The largest response that is judged is half of this, and in base64url it takes
/// two thirds: there is room for one that is too large for the judge, so that it gets its verdict.
pub(super) const MAX_BODY: usize = 8 * 1024 * 1024;
/// What is set aside for a body before its bytes come, whatever it promises.
const FIRST_CAPACITY: usize = 64 * 1024;

/// How the headers say that the body is encoded.
pub(super) fn encoding(headers: &HeaderMap) -> Result<Encoding, Problem> {
    let coded = headers.get_all(CONTENT_ENCODING).any(|value| {
        let coding = value.as_bytes();
        !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity")
    });
    if coded {
        return Err(Problem::of(
            Kind::ContentEncodingUnsupported,
            "Content-Encoding",
            "the body is compressed",
        ));
    }
    let essence = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.split(';').next().unwrap_or_default().trim());
    match essence {
        Some(essence) if essence.eq_ignore_ascii_case("application/json") => Ok(Encoding::Json),
        Some(essence) if essence.eq_ignore_ascii_case("application/cbor") => Ok(Encoding::Cbor),
        Some(_) => Err(Problem::of(
            Kind::ContentTypeUnsupported,
            "Content-Type",
            "neither application/json nor application/cbor",
        )),
        None => Err(Problem::of(
            Kind::ContentTypeUnsupported,
            "Content-Type",
            "there is no Content-Type",
        )),
    }
}

/// Reads the whole body. The chunks that it came in are the server's and are not wiped.
pub(super) async fn read(
    payload: web::Payload,
    headers: &HeaderMap,
    timeout: Duration,
) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let promised = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if promised.is_some_and(|length| length > MAX_BODY) {
        return Err(too_large());
    }
    let capacity = promised.unwrap_or(0).min(FIRST_CAPACITY);
    let whole = rt::time::timeout(timeout, collect(payload, capacity)).await;
    whole.map_err(|_| {
        Problem::new(
            Kind::BodyTimeout,
            format!("not whole after {} s", timeout.as_secs()),
        )
    })?
}

fn too_large() -> Problem {
    Problem::new(Kind::BodyTooLarge, format!("more than {MAX_BODY} bytes"))
}

async fn collect(mut payload: web::Payload, capacity: usize) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let mut body = Zeroizing::new(Vec::with_capacity(capacity));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| incomplete(&error))?;
        if body.len() + chunk.len() > MAX_BODY {
            return Err(too_large());
        }
        append(&mut body, &chunk);
    }
    Ok(body)
}

/// Appends; where the bytes have to move, those left behind are wiped.
fn append(body: &mut Zeroizing<Vec<u8>>, chunk: &[u8]) {
    let length = body.len() + chunk.len();
    if length > body.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(length.next_power_of_two()));
        larger.extend_from_slice(body);
        *body = larger;
    }
    body.extend_from_slice(chunk);
}

fn incomplete(error: &PayloadError) -> Problem {
    let detail = match error {
        // The server says the same of both.
        PayloadError::Incomplete(_) | PayloadError::EncodingCorrupted => {
            "the body ends early, or its chunks cannot be read"
        }
        _ => "the body cannot be read",
    };
    Problem::new(Kind::BodyIncomplete, detail)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn content_types_are_compared_without_parameters_and_case() {
        let of = |value: &'static str| encoding(&headers(&[(CONTENT_TYPE, value)]));
        assert_eq!(of("application/json").unwrap(), Encoding::Json);
        assert_eq!(of("Application/JSON; charset=utf-8").unwrap(), Encoding::Json);
        assert_eq!(of("application/cbor ;x=y").unwrap(), Encoding::Cbor);
        for other in [
            "",
            "text/json",
            "application/jsonx",
            "application/cbor-seq",
            "json",
        ] {
            assert!(of(other).is_err(), "{other}");
        }
        assert!(encoding(&headers(&[])).is_err());
    }

    #[test]
    fn compressed_bodies_are_refused() {
        let of = |coding: &'static str| {
            let fields = [(CONTENT_TYPE, "application/json"), (CONTENT_ENCODING, coding)];
            encoding(&headers(&fields)).is_ok()
        };
        assert!(of("identity") && of("IDENTITY") && of(""));
        assert!(!of("gzip") && !of("gzip, identity"));
    }

    #[test]
    fn a_body_grows_in_powers_of_two() {
        let mut body = Zeroizing::new(Vec::with_capacity(4));
        for chunk in [&b"abc"[..], b"d", b"", b"efghijklm"] {
            append(&mut body, chunk);
        }
        assert_eq!((body.as_slice(), body.capacity()), (&b"abcdefghijklm"[..], 16));
    }
}
