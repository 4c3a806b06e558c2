//! Values in words, as the standard gives them meaning.

use mdoc::crypto::Curve;
use mdoc::time::UnixTime;

use super::node::Meaning;
use super::scalar::{Scalar, hex};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// What a value means in its place.
pub(super) fn of(meaning: Meaning, value: Scalar<'_>, now: UnixTime) -> Option<String> {
    let number = value.as_i64();
    let words = match meaning {
        Meaning::Plain | Meaning::RetrievalMethod => return None,
        Meaning::Date => return date(value, now),
        Meaning::Curve => return number.and_then(Curve::from_cose_id).map(|c| c.name().to_owned()),
        Meaning::Uuid => return uuid(value),
        Meaning::Ciphertext => return Some(ciphertext(value)),
        Meaning::Algorithm => algorithm(number?),
        Meaning::KeyType => match number? {
            1 => "OKP",
            2 => "EC2",
            _ => "unknown",
        },
        Meaning::CipherSuite => match number? {
            1 => "ECDH, HKDF-SHA-256, AES-256-GCM",
            _ => "unknown",
        },
        Meaning::RetrievalType => match number? {
            1 => "NFC",
            2 => "Bluetooth Low Energy",
            3 => "Wi-Fi Aware",
            4 => "website (ISO/IEC TS 18013-7)",
            5 => "NFC of the second edition",
            _ => "unknown; the method is skipped",
        },
        Meaning::ResponseStatus => match number? {
            0 => "OK",
            10 => "general error",
            11 => "CBOR decoding error",
            12 => "CBOR validation error",
            _ => "unknown",
        },
        Meaning::SessionStatus => match number? {
            10 => "session encryption error",
            11 => "CBOR decoding error",
            20 => "session termination",
            _ => "unknown; ends the session",
        },
        Meaning::ErrorCode => match number? {
            0 => "data not returned",
            1.. => "application-specific",
            _ => "reserved",
        },
        Meaning::IntentToRetain => match value {
            Scalar::Bool(true) => "IntentToRetain: will be kept",
            Scalar::Bool(false) => "IntentToRetain: will not be kept",
            _ => return None,
        },
        Meaning::Handover => match value {
            Scalar::Null => "QR code",
            _ => return None,
        },
        Meaning::DetachedPayload if value.is_absent() => "detached: what is signed stands elsewhere",
        Meaning::DetachedPayload => return None,
    };
    Some(words.to_owned())
}

/// What an array in this place means, told by its first element.
pub(super) fn handover(first: Option<Scalar<'_>>, second: Option<Scalar<'_>>) -> &'static str {
    match (first, second) {
        (Some(Scalar::Text("OpenID4VPHandover")), _) => "OpenID4VP 1.0, redirect or direct post",
        (Some(Scalar::Text("OpenID4VPDCAPIHandover")), _) => "OpenID4VP 1.0, Digital Credentials API",
        (Some(Scalar::Text("dcapi")), _) => "ISO/IEC TS 18013-7 Annex C",
        (Some(Scalar::Text("AppleIdentityPresentment_1.0")), _) => "Apple Verify with Wallet",
        (Some(Scalar::Bytes(_)), Some(Scalar::Null)) => "NFC, static: [Handover Select, null]",
        (Some(Scalar::Bytes(first)), Some(Scalar::Bytes(second)))
            if first.len() == 32 && second.len() == 32 =>
        {
            "ISO/IEC TS 18013-7:2024 Annex B"
        }
        (Some(Scalar::Bytes(_)), Some(Scalar::Bytes(_))) => {
            "NFC, negotiated: [Handover Select, Handover Request]"
        }
        _ => "unknown",
    }
}

/// The distance of an instant from now, in the largest unit that says enough.
pub(super) fn distance(instant: UnixTime, now: UnixTime) -> String {
    let seconds = instant.seconds() - now.seconds();
    let (count, unit) = match seconds.abs() {
        0..MINUTE => return "now".to_owned(),
        length @ ..HOUR => (length / MINUTE, "minute"),
        length if length < 2 * DAY => (length / HOUR, "hour"),
        length if length < 730 * DAY => (length / DAY, "day"),
        length => (length / (365 * DAY + DAY / 4), "year"),
    };
    let plural = if count == 1 { "" } else { "s" };
    if seconds > 0 {
        format!("in {count} {unit}{plural}")
    } else {
        format!("{count} {unit}{plural} ago")
    }
}

fn date(value: Scalar<'_>, now: UnixTime) -> Option<String> {
    let Scalar::Text(text) = value else { return None };
    let (instant, fraction) = UnixTime::parse_with_fraction(text).ok()?;
    let distance = distance(instant, now);
    Some(if fraction {
        format!("{distance}; fractional seconds, which the standard forbids")
    } else {
        distance
    })
}

fn uuid(value: Scalar<'_>) -> Option<String> {
    let Scalar::Bytes(bytes) = value else { return None };
    let text = hex(bytes.first_chunk::<16>().filter(|_| bytes.len() == 16)?);
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    Some(format!(
        "{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    ))
}

/// AES-256-GCM adds a tag of 16 bytes to what it encrypts.
fn ciphertext(value: Scalar<'_>) -> String {
    match value {
        Scalar::Bytes(bytes) if bytes.len() >= 16 => {
            format!("AES-256-GCM, {} bytes of plaintext", bytes.len() - 16)
        }
        Scalar::Bytes(_) => "shorter than the tag of AES-256-GCM".to_owned(),
        _ => "no ciphertext".to_owned(),
    }
}

const fn algorithm(id: i64) -> &'static str {
    match id {
        -7 => "ES256",
        -35 => "ES384",
        -36 => "ES512",
        -8 => "EdDSA",
        -9 => "ESP256",
        -51 => "ESP384",
        -52 => "ESP512",
        -19 => "Ed25519",
        -53 => "Ed448",
        5 => "HMAC 256/256",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixTime {
        UnixTime::parse(text).unwrap()
    }

    #[test]
    fn distances_are_told_in_fitting_units() {
        let now = at("2026-11-23T06:00:00Z");
        for (instant, words) in [
            ("2026-11-23T06:00:59Z", "now"),
            ("2026-11-23T06:01:00Z", "in 1 minute"),
            ("2026-11-23T05:00:00Z", "1 hour ago"),
            ("2026-11-25T05:59:59Z", "in 47 hours"),
            ("2026-12-13T06:00:00Z", "in 20 days"),
            ("2025-11-23T06:00:00Z", "365 days ago"),
            ("2035-12-01T06:00:00Z", "in 9 years"),
            ("0000-01-01T00:00:00Z", "2026 years ago"),
        ] {
            assert_eq!(distance(at(instant), now), words, "{instant}");
        }
    }

    #[test]
    fn values_mean_what_the_standard_says() {
        let now = at("2026-11-23T06:00:00Z");
        for (meaning, value, words) in [
            (Meaning::Algorithm, Scalar::Negative(6), Some("ES256")),
            (Meaning::Algorithm, Scalar::Unsigned(5), Some("HMAC 256/256")),
            (Meaning::Curve, Scalar::Unsigned(256), Some("brainpoolP256r1")),
            (Meaning::Curve, Scalar::Unsigned(99), None),
            (
                Meaning::SessionStatus,
                Scalar::Unsigned(20),
                Some("session termination"),
            ),
            (Meaning::ResponseStatus, Scalar::Unsigned(u64::MAX), None),
            (Meaning::ErrorCode, Scalar::Negative(0), Some("reserved")),
            (
                Meaning::Uuid,
                Scalar::Bytes(&[0xab; 16]),
                Some("abababab-abab-abab-abab-abababababab"),
            ),
            (Meaning::Uuid, Scalar::Bytes(&[0xab; 17]), None),
            (
                Meaning::Ciphertext,
                Scalar::Bytes(&[0; 15]),
                Some("shorter than the tag of AES-256-GCM"),
            ),
            (Meaning::Date, Scalar::Text("2026-11-23"), None),
            (
                Meaning::Date,
                Scalar::Text("2026-12-13T06:00:00.5Z"),
                Some("in 20 days; fractional seconds, which the standard forbids"),
            ),
        ] {
            assert_eq!(of(meaning, value, now).as_deref(), words, "{meaning:?} {value:?}");
        }
    }
}
