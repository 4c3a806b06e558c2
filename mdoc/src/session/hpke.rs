//! The encrypted response of ISO/IEC TS 18013-7 Annex C (`org-iso-mdoc`): HPKE (RFC 9180) in base
//! mode, one message, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-128-GCM.

use hpke::aead::AesGcm128;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeR, single_shot_open};
use zeroize::Zeroizing;

use crate::cbor::{self, Item, Rules};
use crate::crypto::{Curve, PrivateKey};
use crate::limits::Limits;

use super::SessionTranscript;

type RecipientKey = <DhP256HkdfSha256 as Kem>::PrivateKey;
type EncappedKey = <DhP256HkdfSha256 as Kem>::EncappedKey;

/// Beside the ciphertext: the heads, names and the encapsulated key.
const OVERHEAD: usize = 256;

/// Why an encrypted response does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncryptedResponseError {
    /// More bytes than [`Limits::message_bytes`] allows.
    #[error("an encrypted response that is too large")]
    TooLarge,
    /// Not one item of strict CBOR.
    #[error("an encrypted response that is no strict CBOR: {0}")]
    Cbor(cbor::Error),
    /// Not `["dcapi", {"enc": bstr, "cipherText": bstr}]`.
    #[error("an encrypted response of another shape")]
    Shape,
    /// The recipient's key is not on P-256.
    #[error("the recipient's key is not on P-256")]
    RecipientKey,
    /// `enc` is no uncompressed point of P-256.
    #[error("an encrypted response whose encapsulated key is no point")]
    EncapsulatedKey,
    /// It was not encrypted to this key for this transcript, or was changed.
    #[error("an encrypted response that does not decrypt")]
    Decryption,
}

/// Opens an EncryptedResponse; the DeviceResponse, wiped on drop. Nothing of it has been looked at.
///
/// ```cddl
/// EncryptedResponse = [ "dcapi", { "enc": bstr, "cipherText": bstr } ]
/// ```
///
/// `transcript` is that of [`SessionTranscript::annex_c`]; its encoding is the info of HPKE, and the
/// associated data are empty.
///
/// # Errors
/// [`EncryptedResponseError`].
pub fn open_encrypted_response(
    recipient: &PrivateKey,
    transcript: &SessionTranscript,
    bytes: &[u8],
    limits: &Limits,
) -> Result<Zeroizing<Vec<u8>>, EncryptedResponseError> {
    if bytes.len() > limits.message_bytes.saturating_add(OVERHEAD) {
        return Err(EncryptedResponseError::TooLarge);
    }
    let item = Item::decode(bytes, &Rules::default()).map_err(EncryptedResponseError::Cbor)?;
    let (enc, ciphertext) = read(item).ok_or(EncryptedResponseError::Shape)?;
    if recipient.public_key().curve() != Curve::P256 {
        return Err(EncryptedResponseError::RecipientKey);
    }
    let key =
        RecipientKey::from_bytes(recipient.as_bytes()).map_err(|_| EncryptedResponseError::RecipientKey)?;
    let enc = EncappedKey::from_bytes(enc).map_err(|_| EncryptedResponseError::EncapsulatedKey)?;
    single_shot_open::<AesGcm128, HkdfSha256, DhP256HkdfSha256>(
        &OpModeR::Base,
        &key,
        &enc,
        transcript.as_bytes(),
        ciphertext,
        b"",
    )
    .map(Zeroizing::new)
    .map_err(|_| EncryptedResponseError::Decryption)
}

fn read(item: Item<'_>) -> Option<(&[u8], &[u8])> {
    let [protocol, response] = item.as_array()?.exactly()?;
    if !protocol.is_text("dcapi") {
        return None;
    }
    let [enc, ciphertext] = response.as_map()?.get_texts(["enc", "cipherText"]);
    Some((enc?.as_bytes()?, ciphertext?.as_bytes()?))
}

#[cfg(test)]
#[path = "hpke_tests.rs"]
mod tests;
