//! A request for a reader's certificate (PKCS#10, RFC 2986): the name, the key, and what the profile of
//! ISO/IEC 18013-5 Table B.7 asks of the certificate that an authority makes of it.

use core::str::FromStr as _;

use x509_cert::attr::{Attribute, Attributes};
use x509_cert::der::asn1::{Any, BitString, OctetString, Uint};
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{Encode, EncodePem as _, Error as DerError, Tag, Tagged as _};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage, KeyUsages};
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo, ExtensionReq, Version};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::rules::oid;
use super::{ObjectIdentifier, key_algorithm};
use crate::crypto::{PublicKey, SignError, Signer};

/// Bytes of a subject as text. Longer than any name that an authority signs.
const SUBJECT_BYTES: usize = 1024;
/// Characters of a common name, organisation or unit (RFC 5280 Appendix A.1).
const ATTRIBUTE_CHARACTERS: usize = 64;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const COUNTRY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.6");

/// A signed certification request.
#[derive(Debug)]
pub struct CertificationRequest(CertReq);

/// Why there is no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificationRequestError {
    /// The subject is no name of RFC 4514.
    #[error("the subject is no name; write it like CN=Example reader,O=Example Ltd,C=JP")]
    Subject,
    /// A value of the subject is empty, longer than X.509 allows, or has a control character.
    #[error(
        "a value of the subject is empty, longer than {ATTRIBUTE_CHARACTERS} characters, or has a control character"
    )]
    Value,
    /// Table B.7 asks for one country of two capitals.
    #[error("the subject needs exactly one country of two capitals, such as C=JP")]
    Country,
    /// Table B.7 asks for one common name.
    #[error("the subject needs exactly one common name, such as CN=Example reader")]
    CommonName,
    /// A curve that signs nothing.
    #[error("a key on this curve signs no request")]
    Curve,
    /// DER that cannot be written.
    #[error("the request cannot be encoded")]
    Encoding,
    /// The key does not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// What the key made is no signature under its public half.
    #[error("the signature does not hold under the public key")]
    Signature,
}

impl CertificationRequest {
    /// A request for the certificate of a reader with this key. `subject` is a name of RFC 4514, the most specific part
    /// first.
    ///
    /// # Errors
    /// [`CertificationRequestError`].
    pub fn for_reader(subject: &str, signer: &dyn Signer) -> Result<Self, CertificationRequestError> {
        let info = CertReqInfo {
            version: Version::V1,
            subject: self::subject(subject)?,
            public_key: public_key_info(signer.public_key()).ok_or(CertificationRequestError::Curve)?,
            attributes: requested_extensions().map_err(|_| CertificationRequestError::Encoding)?,
        };
        let signed = info.to_der().map_err(|_| CertificationRequestError::Encoding)?;
        let raw = signer.sign(&signed)?;
        let holds = signer
            .public_key()
            .verify(signer.algorithm().hash(), &[&signed], &raw);
        holds.map_err(|_| CertificationRequestError::Signature)?;
        let signature = encoded_signature(signer.public_key(), &raw);
        let request = CertReq {
            info,
            algorithm: AlgorithmIdentifierOwned {
                oid: oid::signature_algorithm(signer.algorithm()),
                parameters: None,
            },
            signature: signature
                .and_then(|bytes| BitString::from_bytes(&bytes))
                .map_err(|_| CertificationRequestError::Encoding)?,
        };
        Ok(Self(request))
    }

    /// The request in DER.
    ///
    /// # Errors
    /// [`CertificationRequestError::Encoding`].
    pub fn to_der(&self) -> Result<Vec<u8>, CertificationRequestError> {
        self.0.to_der().map_err(|_| CertificationRequestError::Encoding)
    }

    /// The request in PEM.
    ///
    /// # Errors
    /// [`CertificationRequestError::Encoding`].
    pub fn to_pem(&self) -> Result<String, CertificationRequestError> {
        self.0
            .to_pem(LineEnding::LF)
            .map_err(|_| CertificationRequestError::Encoding)
    }

    /// Whether `subject` would be taken; asked before a key is made for it.
    ///
    /// # Errors
    /// [`CertificationRequestError`].
    pub fn check_subject(subject: &str) -> Result<(), CertificationRequestError> {
        self::subject(subject).map(drop)
    }
}

/// The name, held against what Table B.7 asks of it.
fn subject(text: &str) -> Result<Name, CertificationRequestError> {
    if text.len() > SUBJECT_BYTES {
        return Err(CertificationRequestError::Subject);
    }
    // Another notation begins with its separator; by RFC 4514 it would be one odd attribute.
    let name = Name::from_str(text).map_err(|_| CertificationRequestError::Subject)?;
    let values = |id: ObjectIdentifier| name.iter().filter(move |attribute| attribute.oid == id);
    for attribute in name.iter() {
        let text = match attribute.value.tag() {
            Tag::PrintableString | Tag::Utf8String | Tag::Ia5String => {
                core::str::from_utf8(attribute.value.value())
            }
            _ => return Err(CertificationRequestError::Subject),
        };
        let text = text.map_err(|_| CertificationRequestError::Subject)?;
        let fits = (1..=ATTRIBUTE_CHARACTERS).contains(&text.chars().count());
        if !fits || text.chars().any(char::is_control) {
            return Err(CertificationRequestError::Value);
        }
    }
    let one = |id| {
        let mut found = values(id);
        found.next().filter(|_| found.next().is_none())
    };
    let country = one(COUNTRY).filter(|country| {
        let value = country.value.value();
        country.value.tag() == Tag::PrintableString
            && value.len() == 2
            && value.iter().all(u8::is_ascii_uppercase)
    });
    country.ok_or(CertificationRequestError::Country)?;
    one(COMMON_NAME).ok_or(CertificationRequestError::CommonName)?;
    Ok(name)
}

/// What the certificate should have, as far as its subject may ask: the rest is the authority's to add.
fn requested_extensions() -> Result<Attributes, DerError> {
    let extensions = vec![
        critical(oid::KEY_USAGE, &KeyUsage(KeyUsages::DigitalSignature.into()))?,
        critical(
            oid::EXTENDED_KEY_USAGE,
            &ExtendedKeyUsage(vec![oid::READER_USAGES[0]]),
        )?,
    ];
    let mut attributes = Attributes::default();
    attributes.insert(Attribute::try_from(ExtensionReq(extensions))?)?;
    Ok(attributes)
}

fn critical(extn_id: ObjectIdentifier, value: &impl Encode) -> Result<Extension, DerError> {
    Ok(Extension {
        extn_id,
        critical: true,
        extn_value: OctetString::new(value.to_der()?)?,
    })
}

fn public_key_info(key: &PublicKey) -> Option<SubjectPublicKeyInfoOwned> {
    let (oid, parameters) = key_algorithm(key.curve())?;
    Some(SubjectPublicKeyInfoOwned {
        algorithm: AlgorithmIdentifierOwned {
            oid,
            parameters: parameters.as_ref().map(Any::from),
        },
        subject_public_key: BitString::from_bytes(key.encoded()).ok()?,
    })
}

/// `SEQUENCE { r INTEGER, s INTEGER }` of `r || s`; the signature of EdDSA as it is.
fn encoded_signature(key: &PublicKey, raw: &[u8]) -> Result<Vec<u8>, DerError> {
    if !key.curve().is_ec2() {
        return Ok(raw.to_vec());
    }
    let (r, s) = raw.split_at(raw.len() / 2);
    vec![Uint::new(r)?, Uint::new(s)?].to_der()
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
