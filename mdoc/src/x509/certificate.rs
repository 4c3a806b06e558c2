//! One certificate, parsed once: its bytes as received and the facts that the rules ask for.

use const_oid::db::rfc4519::{COMMON_NAME, COUNTRY_NAME, ST};
use x509_cert::certificate::{CertificateInner, Raw, Version};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, Header, Reader, SliceReader, Tag, Tagged};
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, CrlDistributionPoints, ExtendedKeyUsage, KeyUsage,
    SubjectKeyIdentifier,
};
use x509_cert::name::Name;

use crate::crypto::{Curve, HashAlgorithm, PublicKey, SignatureError, sha1};
use crate::limits::{CERTIFICATE_BYTES, URI_BYTES};
use crate::time::UnixTime;

use super::profile::deviations;
use super::rules::oid;
use super::{CertificateRole, Deviation, IssuerCertificateProfile};

/// Extensions in one certificate. The profiles know nine; the bound keeps the search for
/// duplicates short.
const MAX_EXTENSIONS: usize = 64;

/// A parsed certificate. Owns its DER.
#[derive(Clone, Debug)]
pub struct Certificate {
    der: Vec<u8>,
    tbs: core::ops::Range<usize>,
    subject: core::ops::Range<usize>,
    issuer: core::ops::Range<usize>,
    pub(super) facts: Facts,
}

/// What the rules and the path ask of a certificate.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) version_3: bool,
    pub(super) serial: Vec<u8>,
    pub(super) algorithms_agree: bool,
    pub(super) signature_algorithm: Option<SignatureScheme>,
    pub(super) signature: Vec<u8>,
    pub(super) not_before: UnixTime,
    pub(super) not_after: UnixTime,
    pub(super) country: NameAttribute,
    pub(super) state: NameAttribute,
    pub(super) common_name: NameAttribute,
    pub(super) public_key: Result<PublicKey, Option<Curve>>,
    pub(super) key_identifier: [u8; 20],
    pub(super) extensions: Vec<ExtensionFact>,
    pub(super) subject_key_identifier: Option<Vec<u8>>,
    pub(super) authority_key_identifier: Option<Vec<u8>>,
    pub(super) key_usage: Option<KeyUsage>,
    pub(super) extended_key_usage: Vec<ObjectIdentifier>,
    pub(super) basic_constraints: Option<BasicConstraints>,
    pub(super) crl_uris: Vec<String>,
    pub(super) crl_points_plain: bool,
}

/// A name attribute that a rule compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NameAttribute {
    /// Not in the name.
    Absent,
    /// There, but twice or in a string type that the profiles do not allow. Differs from absence:
    /// what cannot be read cannot be found equal either.
    Unreadable,
    /// There once.
    Text {
        text: String,
        /// As PrintableString.
        printable: bool,
    },
}

impl NameAttribute {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text { text, .. } => Some(text),
            Self::Absent | Self::Unreadable => None,
        }
    }
}

/// An extension that stands in the certificate.
#[derive(Clone, Debug)]
pub(super) struct ExtensionFact {
    pub(super) oid: ObjectIdentifier,
    pub(super) critical: bool,
    /// Its content is what its type says. Unknown extensions are not looked into.
    pub(super) well_formed: bool,
}

/// How a certificate is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignatureScheme {
    Ecdsa(HashAlgorithm),
    EdDsa(Curve),
}

/// Why bytes are no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Longer than [`CERTIFICATE_BYTES`].
    #[error("a certificate of {0} bytes is over the limit")]
    TooLarge(usize),
    /// Not one DER certificate and nothing after it.
    #[error("not a DER certificate")]
    Der,
    /// More extensions than a certificate needs.
    #[error("a certificate with {0} extensions")]
    TooManyExtensions(usize),
    /// One extension stands twice.
    #[error("a certificate with one extension twice")]
    DuplicateExtension,
    /// A validity date outside the years 0000 to 9999.
    #[error("a certificate with an impossible date")]
    Date,
}

impl Certificate {
    /// Parses DER.
    ///
    /// # Errors
    /// [`CertificateError`]. A certificate that merely breaks a profile is none.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > CERTIFICATE_BYTES {
            return Err(CertificateError::TooLarge(der.len()));
        }
        let parsed = CertificateInner::<Raw>::from_der(der).map_err(|_| CertificateError::Der)?;
        let ranges = Ranges::find(der).ok_or(CertificateError::Der)?;
        let facts = Facts::read(&parsed)?;
        let Ranges { tbs, issuer, subject } = ranges;
        Ok(Self {
            der: der.to_vec(),
            tbs,
            subject,
            issuer,
            facts,
        })
    }

    /// The certificate as received.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the certificate.
    pub fn sha256(&self) -> [u8; 32] {
        let digest = HashAlgorithm::Sha256.digest(&[&self.der]);
        digest.as_bytes().first_chunk::<32>().copied().unwrap_or_default()
    }

    /// The signed part as received.
    pub fn tbs(&self) -> &[u8] {
        self.der.get(self.tbs.clone()).unwrap_or(&[])
    }

    /// The subject's name as received.
    pub fn subject_der(&self) -> &[u8] {
        self.der.get(self.subject.clone()).unwrap_or(&[])
    }

    /// The issuer's name as received.
    pub fn issuer_der(&self) -> &[u8] {
        self.der.get(self.issuer.clone()).unwrap_or(&[])
    }

    /// Whether subject and issuer are the same name.
    pub fn is_self_issued(&self) -> bool {
        self.subject_der() == self.issuer_der()
    }

    /// First instant of validity.
    pub const fn not_before(&self) -> UnixTime {
        self.facts.not_before
    }

    /// Last instant of validity.
    pub const fn not_after(&self) -> UnixTime {
        self.facts.not_after
    }

    /// The subject's key, where its kind is supported.
    pub fn public_key(&self) -> Option<&PublicKey> {
        self.facts.public_key.as_ref().ok()
    }

    /// The serial number's bytes.
    pub fn serial(&self) -> &[u8] {
        &self.facts.serial
    }

    /// The subject's country.
    pub fn country(&self) -> Option<&str> {
        self.facts.country.text()
    }

    /// The subject's state or province.
    pub fn state(&self) -> Option<&str> {
        self.facts.state.text()
    }

    /// The subject's common name.
    pub fn common_name(&self) -> Option<&str> {
        self.facts.common_name.text()
    }

    /// The extensions in their order: type, and whether critical.
    pub fn extensions(&self) -> impl ExactSizeIterator<Item = (ObjectIdentifier, bool)> {
        self.facts
            .extensions
            .iter()
            .map(|extension| (extension.oid, extension.critical))
    }

    /// The known extensions whose content is not of their type.
    pub fn malformed_extensions(&self) -> impl Iterator<Item = ObjectIdentifier> {
        let malformed = self.facts.extensions.iter().filter(|e| !e.well_formed);
        malformed.map(|extension| extension.oid)
    }

    /// The extensions that no certificate of the standard may have.
    pub fn forbidden_extensions(&self) -> impl Iterator<Item = ObjectIdentifier> {
        let all = self.extensions().map(|(id, _)| id);
        all.filter(|id| oid::FORBIDDEN.contains(id))
    }

    /// The critical extensions that are not known, so that the certificate must be refused.
    pub fn unknown_critical_extensions(&self) -> impl Iterator<Item = ObjectIdentifier> {
        let critical = self.extensions().filter(|(_, critical)| *critical);
        critical.map(|(id, _)| id).filter(|id| !oid::KNOWN.contains(id))
    }

    /// The purposes of the extended key usage; none where the extension is absent or malformed.
    pub fn extended_key_usages(&self) -> &[ObjectIdentifier] {
        &self.facts.extended_key_usage
    }

    /// Where the issuer publishes its CRL.
    pub fn crl_uris(&self) -> &[String] {
        &self.facts.crl_uris
    }

    /// Subject key identifier.
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        self.facts.subject_key_identifier.as_deref()
    }

    /// Authority key identifier.
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        self.facts.authority_key_identifier.as_deref()
    }

    /// Every rule that the certificate breaks in this role under this profile.
    pub fn deviations(&self, role: CertificateRole, profile: &IssuerCertificateProfile) -> Vec<Deviation> {
        deviations(self, role, profile).collect()
    }

    /// Verifies this certificate's signature, over the bytes received, under the issuer's key.
    ///
    /// # Errors
    /// [`SignatureError`]; [`SignatureError::Malformed`] also for an algorithm that is not allowed.
    pub fn verify_signed_by(&self, issuer: &PublicKey) -> Result<(), SignatureError> {
        verify_scheme(
            self.facts.signature_algorithm,
            issuer,
            self.tbs(),
            &self.facts.signature,
        )
    }
}

/// Verifies the signature of a certificate or a CRL over its signed part as received.
pub(super) fn verify_scheme(
    scheme: Option<SignatureScheme>,
    issuer: &PublicKey,
    tbs: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    match (scheme, issuer.curve()) {
        (Some(SignatureScheme::Ecdsa(hash)), curve) if curve.is_ec2() => {
            issuer.verify_der(hash, tbs, signature)
        }
        (Some(SignatureScheme::EdDsa(scheme)), curve) if scheme == curve => {
            issuer.verify(HashAlgorithm::Sha512, &[tbs], signature)
        }
        _ => Err(SignatureError::Malformed),
    }
}

/// Where the parts stand in the DER.
struct Ranges {
    tbs: core::ops::Range<usize>,
    issuer: core::ops::Range<usize>,
    subject: core::ops::Range<usize>,
}

impl Ranges {
    /// `Certificate ::= SEQUENCE { tbs SEQUENCE { [0] version?, serial, algorithm, issuer, validity, subject, … } … }`
    fn find(der: &[u8]) -> Option<Self> {
        let mut outer = SliceReader::new(der).ok()?;
        Header::decode(&mut outer).ok()?;
        let tbs_start = position(&outer)?;
        let header = Header::decode(&mut outer).ok()?;
        let tbs_end = position(&outer)?.checked_add(usize::try_from(header.length()).ok()?)?;
        if outer.peek_byte()? == 0xa0 {
            skip(&mut outer)?;
        }
        skip(&mut outer)?;
        skip(&mut outer)?;
        let issuer = skip(&mut outer)?;
        skip(&mut outer)?;
        let subject = skip(&mut outer)?;
        Some(Self {
            tbs: tbs_start..tbs_end,
            issuer,
            subject,
        })
    }
}

pub(super) fn position(reader: &SliceReader<'_>) -> Option<usize> {
    usize::try_from(reader.position()).ok()
}

/// Steps over one value; where it stood.
pub(super) fn skip(reader: &mut SliceReader<'_>) -> Option<core::ops::Range<usize>> {
    let start = position(reader)?;
    reader.tlv_bytes().ok()?;
    Some(start..position(reader)?)
}

impl Facts {
    fn read(certificate: &CertificateInner<Raw>) -> Result<Self, CertificateError> {
        let tbs = certificate.tbs_certificate();
        let spki = tbs.subject_public_key_info();
        let key_bits = spki.subject_public_key.as_bytes().unwrap_or_default();
        let date = |time: x509_cert::time::Time| {
            i64::try_from(time.to_unix_duration().as_secs())
                .ok()
                .and_then(UnixTime::from_seconds)
        };
        let mut facts = Self {
            version_3: tbs.version() == Version::V3,
            serial: tbs.serial_number().as_bytes().to_vec(),
            algorithms_agree: tbs.signature() == certificate.signature_algorithm(),
            signature_algorithm: scheme(certificate.signature_algorithm()),
            signature: certificate.signature().as_bytes().unwrap_or_default().to_vec(),
            not_before: date(tbs.validity().not_before).ok_or(CertificateError::Date)?,
            not_after: date(tbs.validity().not_after).ok_or(CertificateError::Date)?,
            country: attribute(tbs.subject(), COUNTRY_NAME),
            state: attribute(tbs.subject(), ST),
            common_name: attribute(tbs.subject(), COMMON_NAME),
            public_key: public_key(&spki.algorithm, key_bits),
            key_identifier: sha1(key_bits),
            extensions: Vec::new(),
            subject_key_identifier: None,
            authority_key_identifier: None,
            key_usage: None,
            extended_key_usage: Vec::new(),
            basic_constraints: None,
            crl_uris: Vec::new(),
            crl_points_plain: true,
        };
        let extensions = tbs.extensions().map(Vec::as_slice).unwrap_or_default();
        if extensions.len() > MAX_EXTENSIONS {
            return Err(CertificateError::TooManyExtensions(extensions.len()));
        }
        facts.extensions.reserve_exact(extensions.len());
        for extension in extensions {
            if facts
                .extensions
                .iter()
                .any(|known| known.oid == extension.extn_id)
            {
                return Err(CertificateError::DuplicateExtension);
            }
            let well_formed = facts
                .read_extension(extension.extn_id, extension.extn_value.as_bytes())
                .is_some();
            facts.extensions.push(ExtensionFact {
                oid: extension.extn_id,
                critical: extension.critical,
                well_formed,
            });
        }
        Ok(facts)
    }

    /// `None` where a known extension's content is not of its type.
    fn read_extension(&mut self, id: ObjectIdentifier, value: &[u8]) -> Option<()> {
        match id {
            oid::SUBJECT_KEY_IDENTIFIER => {
                let identifier = SubjectKeyIdentifier::from_der(value).ok()?;
                self.subject_key_identifier = Some(identifier.0.as_bytes().to_vec());
            }
            oid::AUTHORITY_KEY_IDENTIFIER => {
                // The type may name an issuer and a serial number instead, which the profiles do not allow.
                let identifier = AuthorityKeyIdentifier::from_der(value).ok()?.key_identifier;
                self.authority_key_identifier = identifier.map(|identifier| identifier.as_bytes().to_vec());
            }
            oid::KEY_USAGE => self.key_usage = Some(KeyUsage::from_der(value).ok()?),
            oid::EXTENDED_KEY_USAGE => {
                self.extended_key_usage = ExtendedKeyUsage::from_der(value).ok()?.0;
            }
            oid::BASIC_CONSTRAINTS => {
                self.basic_constraints = Some(BasicConstraints::from_der(value).ok()?);
            }
            oid::CRL_DISTRIBUTION_POINTS => {
                let points = CrlDistributionPoints::from_der(value).ok()?;
                for point in points.0 {
                    // Reasons and a CRL issuer make a CRL partial or indirect, which is refused.
                    self.crl_points_plain &= point.reasons.is_none() && point.crl_issuer.is_none();
                    let Some(DistributionPointName::FullName(names)) = point.distribution_point else {
                        continue;
                    };
                    for name in names {
                        if let GeneralName::UniformResourceIdentifier(uri) = name
                            && uri.as_str().len() <= URI_BYTES
                        {
                            self.crl_uris.push(uri.as_str().to_owned());
                        }
                    }
                }
            }
            oid::ISSUER_ALT_NAME => {
                let names = x509_cert::ext::pkix::IssuerAltName::from_der(value).ok()?;
                let usable = |name: &GeneralName| {
                    matches!(
                        name,
                        GeneralName::Rfc822Name(_) | GeneralName::UniformResourceIdentifier(_)
                    )
                };
                if !names.0.iter().any(usable) {
                    return None;
                }
            }
            _ => {}
        }
        Some(())
    }
}

/// The signature schemes of ISO/IEC 18013-5 Annex B; SHA-1, RSA and all others give `None`.
pub(super) fn scheme(algorithm: &x509_cert::spki::AlgorithmIdentifierOwned) -> Option<SignatureScheme> {
    match algorithm.oid {
        oid::ECDSA_WITH_SHA256 => Some(SignatureScheme::Ecdsa(HashAlgorithm::Sha256)),
        oid::ECDSA_WITH_SHA384 => Some(SignatureScheme::Ecdsa(HashAlgorithm::Sha384)),
        oid::ECDSA_WITH_SHA512 => Some(SignatureScheme::Ecdsa(HashAlgorithm::Sha512)),
        oid::ED25519 => Some(SignatureScheme::EdDsa(Curve::Ed25519)),
        oid::ED448 => Some(SignatureScheme::EdDsa(Curve::Ed448)),
        _ => None,
    }
}

/// The key, or the curve that is named but not supported, if one is named.
pub(crate) fn public_key(
    algorithm: &x509_cert::spki::AlgorithmIdentifierOwned,
    bits: &[u8],
) -> Result<PublicKey, Option<Curve>> {
    let curve = match algorithm.oid {
        oid::EC_PUBLIC_KEY => {
            let parameters = algorithm.parameters.as_ref().ok_or(None)?;
            let named = parameters.decode_as::<ObjectIdentifier>().map_err(|_| None)?;
            oid::curve(named).ok_or(None)?
        }
        oid::ED25519 => Curve::Ed25519,
        oid::ED448 => Curve::Ed448,
        _ => return Err(None),
    };
    let key = if curve.is_ec2() {
        PublicKey::from_uncompressed_point(curve, bits)
    } else {
        PublicKey::from_okp(curve, bits)
    };
    key.map_err(|_| Some(curve))
}

/// The value of a name attribute.
fn attribute(name: &Name, id: ObjectIdentifier) -> NameAttribute {
    let mut found = name.iter().filter(|attribute| attribute.oid == id);
    let Some(attribute) = found.next() else {
        return NameAttribute::Absent;
    };
    let tag = attribute.value.tag();
    let text = match tag {
        Tag::PrintableString | Tag::Utf8String => core::str::from_utf8(attribute.value.value()).ok(),
        _ => None,
    };
    match (text, found.next()) {
        (Some(text), None) => NameAttribute::Text {
            text: text.to_owned(),
            printable: tag == Tag::PrintableString,
        },
        _ => NameAttribute::Unreadable,
    }
}
