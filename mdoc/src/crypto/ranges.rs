//! The form of ECDSA signatures: r and s in range, raw and DER.

use super::{Curve, SignatureError};

/// r and s of an ECDSA signature, each of the curve's coordinate length.
#[derive(Clone, Copy)]
pub(super) struct RawSignature {
    bytes: [u8; 132],
    half: usize,
}

impl RawSignature {
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..2 * self.half).unwrap_or(&[])
    }

    /// From the strict DER form `SEQUENCE { r INTEGER, s INTEGER }` of X.509.
    pub(super) fn from_der(curve: Curve, der: &[u8]) -> Result<Self, SignatureError> {
        let half = curve.coordinate_len();
        let mut raw = Self {
            bytes: [0; 132],
            half,
        };
        let (body, rest) = der_value(der, 0x30).ok_or(SignatureError::Malformed)?;
        let (r, body) = der_value(body, 0x02).ok_or(SignatureError::Malformed)?;
        let (s, body) = der_value(body, 0x02).ok_or(SignatureError::Malformed)?;
        if !rest.is_empty() || !body.is_empty() {
            return Err(SignatureError::Malformed);
        }
        let (left, right) = raw.bytes.split_at_mut(half);
        copy_integer(left, r).ok_or(SignatureError::Malformed)?;
        copy_integer(right.get_mut(..half).unwrap_or_default(), s).ok_or(SignatureError::Malformed)?;
        check_raw(curve, raw.as_bytes())?;
        Ok(raw)
    }
}

/// Both halves lie between 1 and the order less one. Checked here so that every backend refuses
/// the same signatures for the same reason.
pub(super) fn check_raw(curve: Curve, signature: &[u8]) -> Result<(), SignatureError> {
    let half = curve.coordinate_len();
    if signature.len() != 2 * half {
        return Err(SignatureError::Length);
    }
    let order = order(curve).ok_or(SignatureError::Unsupported(curve))?;
    let (r, s) = signature.split_at(half);
    let in_range = |value: &[u8]| value.iter().any(|byte| *byte != 0) && value < order;
    if in_range(r) && in_range(s) {
        Ok(())
    } else {
        Err(SignatureError::Malformed)
    }
}

/// The content of the DER value with `tag` at the front of `der`, and what follows it.
fn der_value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[first, length], rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81 => {
            let (&length, rest) = rest.split_first()?;
            (usize::from(Some(length).filter(|length| *length > 0x7f)?), rest)
        }
        _ => return None,
    };
    if first == tag {
        rest.split_at_checked(length)
    } else {
        None
    }
}

/// Copies a positive minimal DER integer, left-padded.
fn copy_integer(into: &mut [u8], integer: &[u8]) -> Option<()> {
    let digits = match integer {
        [0, next, ..] if *next >= 0x80 => integer.get(1..)?,
        [first, ..] if *first < 0x80 && (*first != 0 || integer.len() == 1) => integer,
        _ => return None,
    };
    let start = into.len().checked_sub(digits.len())?;
    into.get_mut(start..)?.copy_from_slice(digits);
    Some(())
}

/// The order of the curve's base point, big-endian, at the coordinate length.
const fn order(curve: Curve) -> Option<&'static [u8]> {
    Some(match curve {
        Curve::P256 => &P256,
        Curve::P384 => &P384,
        Curve::P521 => &P521,
        Curve::BrainpoolP256r1 => &BRAINPOOL_P256R1,
        Curve::BrainpoolP320r1 => &BRAINPOOL_P320R1,
        Curve::BrainpoolP384r1 => &BRAINPOOL_P384R1,
        Curve::BrainpoolP512r1 => &BRAINPOOL_P512R1,
        Curve::X25519 | Curve::X448 | Curve::Ed25519 | Curve::Ed448 => return None,
    })
}

const fn hex<const N: usize>(text: &str) -> [u8; N] {
    let digits = text.as_bytes();
    assert!(digits.len() == 2 * N);
    let mut bytes = [0; N];
    let mut index = 0;
    while index < N {
        bytes[index] = nibble(digits[2 * index]) << 4 | nibble(digits[2 * index + 1]);
        index += 1;
    }
    bytes
}

const fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => panic!("not a hexadecimal digit"),
    }
}

const P256: [u8; 32] = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
const P384: [u8; 48] = hex(concat!(
    "ffffffffffffffffffffffffffffffffffffffffffffffff",
    "c7634d81f4372ddf581a0db248b0a77aecec196accc52973"
));
const P521: [u8; 66] = hex(concat!(
    "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa",
    "51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409"
));
const BRAINPOOL_P256R1: [u8; 32] = hex("a9fb57dba1eea9bc3e660a909d838d718c397aa3b561a6f7901e0e82974856a7");
const BRAINPOOL_P320R1: [u8; 40] =
    hex("d35e472036bc4fb7e13c785ed201e065f98fcfa5b68f12a32d482ec7ee8658e98691555b44c59311");
const BRAINPOOL_P384R1: [u8; 48] = hex(concat!(
    "8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b3",
    "1f166e6cac0425a7cf3ab6af6b7fc3103b883202e9046565"
));
const BRAINPOOL_P512R1: [u8; 64] = hex(concat!(
    "aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca70330870",
    "553e5c414ca92619418661197fac10471db1d381085ddaddb58796829ca90069"
));
