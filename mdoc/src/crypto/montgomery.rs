//! Key agreement of RFC 7748: X25519, and X448 with the feature `all-curves`.

use zeroize::{Zeroize as _, Zeroizing};

use super::{Curve, KeyError};

/// Whether `curve` agrees by RFC 7748 in this build.
pub(super) const fn supports(curve: Curve) -> bool {
    matches!(curve, Curve::X25519) || cfg!(feature = "all-curves") && matches!(curve, Curve::X448)
}

/// The public key of a secret.
pub(super) fn public_key(curve: Curve, secret: &[u8]) -> Result<Vec<u8>, KeyError> {
    match curve {
        Curve::X25519 => {
            let secret = x25519_secret(secret)?;
            Ok(x25519_dalek::PublicKey::from(&secret).as_bytes().to_vec())
        }
        #[cfg(feature = "all-curves")]
        Curve::X448 => x448_agree(secret, &x448::X448_BASEPOINT_BYTES).map(|key| key.to_vec()),
        _ => Err(KeyError::Unsupported(curve)),
    }
}

/// The shared secret; the all-zero one that a point of low order gives is refused (RFC 7748 §6).
pub(super) fn agree(curve: Curve, secret: &[u8], point: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    match curve {
        Curve::X25519 => {
            let point = <[u8; 32]>::try_from(point).map_err(|_| KeyError::Length)?;
            let shared = x25519_secret(secret)?.diffie_hellman(&point.into());
            if shared.was_contributory() {
                Ok(Zeroizing::new(shared.as_bytes().to_vec()))
            } else {
                Err(KeyError::ZeroSecret)
            }
        }
        #[cfg(feature = "all-curves")]
        Curve::X448 => x448_agree(secret, point),
        _ => Err(KeyError::Unsupported(curve)),
    }
}

fn x25519_secret(secret: &[u8]) -> Result<x25519_dalek::StaticSecret, KeyError> {
    let mut bytes = <[u8; 32]>::try_from(secret).map_err(|_| KeyError::Length)?;
    let secret = x25519_dalek::StaticSecret::from(bytes);
    bytes.zeroize();
    Ok(secret)
}

#[cfg(feature = "all-curves")]
fn x448_agree(secret: &[u8], point: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let point = <[u8; 56]>::try_from(point).map_err(|_| KeyError::Length)?;
    let mut secret = <[u8; 56]>::try_from(secret).map_err(|_| KeyError::Length)?;
    let shared = x448::x448(secret, point).map(|shared| Zeroizing::new(shared.to_vec()));
    secret.zeroize();
    shared
        .filter(|shared| shared.iter().any(|byte| *byte != 0))
        .ok_or(KeyError::ZeroSecret)
}
