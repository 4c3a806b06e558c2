//! A certificate to be judged: parsed by the product, and once more for the values that a sentence
//! shows.

use mdoc::time::UnixTime;
use mdoc::x509::{Certificate, ObjectIdentifier};
use x509_cert::certificate::{CertificateInner, Raw, Version};
use x509_cert::der::{Decode as _, Encode as _, Tag, Tagged as _};
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, BasicConstraints, KeyUsage};
use x509_cert::name::Name;
use x509_cert::time::Time;

use crate::inspect::oids::named;
use operator::Finding;

/// One certificate.
pub(super) struct Subject {
    pub(super) certificate: Certificate,
    pub(super) seen: CertificateInner<Raw>,
    /// How findings call it; empty where it is the only one.
    pub(super) label: String,
}

/// A name attribute as it is encoded.
pub(super) struct Attribute {
    pub(super) tag: Tag,
    pub(super) text: String,
}

impl Subject {
    /// Parses DER; what keeps it from being a certificate is a finding.
    pub(super) fn parse(der: &[u8]) -> Result<Self, Finding> {
        let refuse = |text: String| Finding::error("malformed", "RFC 5280 4.1", text);
        let certificate =
            Certificate::from_der(der).map_err(|error| early_date(der).unwrap_or_else(|| {
                refuse(format!(
                    "{error} ({} bytes); export the certificate anew as DER or PEM, and have it issued again where that does not help",
                    der.len()
                ))
            }))?;
        let seen = CertificateInner::<Raw>::from_der(der)
            .map_err(|_| refuse("not a DER certificate; export it anew".to_owned()))?;
        Ok(Self {
            certificate,
            seen,
            label: String::new(),
        })
    }

    /// The subject's name, for people.
    pub(super) fn subject(&self) -> String {
        shown(self.seen.tbs_certificate().subject())
    }

    /// The issuer's name, for people.
    pub(super) fn issuer(&self) -> String {
        shown(self.seen.tbs_certificate().issuer())
    }

    pub(super) fn version(&self) -> u8 {
        match self.seen.tbs_certificate().version() {
            Version::V1 => 1,
            Version::V2 => 2,
            Version::V3 => 3,
        }
    }

    /// The algorithm inside and the one outside.
    pub(super) fn algorithms(&self) -> (String, String) {
        let inside = self.seen.tbs_certificate().signature();
        let outside = self.seen.signature_algorithm();
        (named(&inside.oid.to_string()), named(&outside.oid.to_string()))
    }

    /// What kind of key it is, with its curve where one is named.
    pub(super) fn key_kind(&self) -> String {
        let algorithm = &self.seen.tbs_certificate().subject_public_key_info().algorithm;
        let curve = algorithm
            .parameters
            .as_ref()
            .and_then(|parameters| parameters.decode_as::<ObjectIdentifier>().ok());
        match curve {
            Some(curve) => named(&curve.to_string()),
            None if algorithm
                .parameters
                .as_ref()
                .is_some_and(|any| any.tag() == Tag::Sequence) =>
            {
                format!(
                    "{} with explicit curve parameters",
                    named(&algorithm.oid.to_string())
                )
            }
            None => named(&algorithm.oid.to_string()),
        }
    }

    /// The bytes of the public key.
    pub(super) fn key_bits(&self) -> &[u8] {
        let info = self.seen.tbs_certificate().subject_public_key_info();
        info.subject_public_key.as_bytes().unwrap_or_default()
    }

    pub(super) fn not_before(&self) -> Time {
        self.seen.tbs_certificate().validity().not_before
    }

    pub(super) fn not_after(&self) -> Time {
        self.seen.tbs_certificate().validity().not_after
    }

    /// The attributes of this type in the subject's name.
    pub(super) fn attributes(&self, id: &str) -> Vec<Attribute> {
        let name = self.seen.tbs_certificate().subject();
        name.iter()
            .filter(|attribute| attribute.oid.to_string() == id)
            .map(|attribute| Attribute {
                tag: attribute.value.tag(),
                text: String::from_utf8_lossy(attribute.value.value()).into_owned(),
            })
            .collect()
    }

    /// An extension's content, and whether it is critical.
    pub(super) fn extension(&self, id: &str) -> Option<(&[u8], bool)> {
        let extensions = self.seen.tbs_certificate().extensions()?;
        let found = extensions
            .iter()
            .find(|extension| extension.extn_id.to_string() == id)?;
        Some((found.extn_value.as_bytes(), found.critical))
    }

    pub(super) fn key_usage(&self) -> Option<KeyUsage> {
        KeyUsage::from_der(self.extension(KEY_USAGE)?.0).ok()
    }

    pub(super) fn basic_constraints(&self) -> Option<BasicConstraints> {
        BasicConstraints::from_der(self.extension(BASIC_CONSTRAINTS)?.0).ok()
    }

    /// Whether the authority key identifier names its key by issuer and serial number.
    pub(super) fn authority_named_otherwise(&self) -> bool {
        let identifier = self
            .extension(AUTHORITY_KEY_IDENTIFIER)
            .and_then(|(value, _)| AuthorityKeyIdentifier::from_der(value).ok());
        identifier.is_some_and(|identifier| identifier.key_identifier.is_none())
    }

    /// Whether the certificate says that it is an authority, by whatever it says it.
    pub(super) fn is_authority(&self) -> bool {
        self.basic_constraints().is_some_and(|constraints| constraints.ca)
            || self.key_usage().is_some_and(|usage| usage.key_cert_sign())
    }

    /// Its window, for people.
    pub(super) fn window(&self) -> String {
        format!(
            "{} to {}",
            self.certificate.not_before(),
            self.certificate.not_after()
        )
    }

    /// The bits of the serial number.
    pub(super) fn serial_bits(&self) -> u32 {
        let serial = self.certificate.serial();
        let zeros = serial.iter().take_while(|byte| **byte == 0).count();
        let rest = serial.get(zeros..).unwrap_or_default();
        match rest {
            [] => 0,
            [first, rest @ ..] => {
                8 - first.leading_zeros() + 8 * u32::try_from(rest.len()).unwrap_or(u32::MAX / 16)
            }
        }
    }
}

pub(super) const SUBJECT_KEY_IDENTIFIER: &str = "2.5.29.14";
pub(super) const KEY_USAGE: &str = "2.5.29.15";
pub(super) const ISSUER_ALT_NAME: &str = "2.5.29.18";
pub(super) const BASIC_CONSTRAINTS: &str = "2.5.29.19";
pub(super) const CRL_DISTRIBUTION_POINTS: &str = "2.5.29.31";
pub(super) const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";
pub(super) const EXTENDED_KEY_USAGE: &str = "2.5.29.37";

pub(super) const COMMON_NAME: &str = "2.5.4.3";
pub(super) const COUNTRY: &str = "2.5.4.6";

/// A name for people; one without attributes has a text too.
pub(super) fn shown(name: &Name) -> String {
    let text = name.to_string();
    if text.is_empty() {
        "an empty name".to_owned()
    } else {
        text
    }
}

/// A name from its DER.
pub(super) fn shown_der(der: &[u8]) -> String {
    Name::from_der(der).map_or_else(|_| "an unreadable name".to_owned(), |name| shown(&name))
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A length of time in whole days, and what is left over.
pub(super) fn days(seconds: i64) -> String {
    const DAY: i64 = 86_400;
    let (days, rest) = (seconds / DAY, seconds % DAY);
    let unit = if days == 1 { "day" } else { "days" };
    match rest {
        0 => format!("{days} {unit}"),
        rest => format!("{days} {unit} and {rest} seconds"),
    }
}

/// The time from one instant to another.
pub(super) fn span(from: UnixTime, to: UnixTime) -> String {
    days(to.seconds() - from.seconds())
}

/// A date of the years 1950 to 1969, which was meant to be one after 2049: two digits do not reach
/// that far (RFC 5280 §4.1.2.5).
fn early_date(der: &[u8]) -> Option<Finding> {
    let found = der.windows(15).find(|window| match window {
        [0x17, 13, digits @ .., b'Z'] => {
            digits.iter().all(u8::is_ascii_digit) && matches!(digits, [b'5' | b'6', ..])
        }
        _ => false,
    })?;
    let text = String::from_utf8_lossy(found.get(2..)?).into_owned();
    let year = text.get(..2)?;
    Some(Finding::error(
        "validity_encoding",
        "RFC 5280 4.1.2.5",
        format!(
            "the UTCTime {text} is of the year 19{year}; write a date after 2049 as GeneralizedTime, such as 20{text}"
        ),
    ))
}

/// Whether a date has the encoding that its year asks for.
pub(super) fn fitting_encoding(time: &Time) -> bool {
    matches!(time, Time::UtcTime(_)) == (time.to_date_time().year() < 2050)
}

/// The DER of a certificate's key, to tell keys apart.
pub(super) fn key_der(subject: &Subject) -> Vec<u8> {
    let info = subject.seen.tbs_certificate().subject_public_key_info();
    info.to_der().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_two_digits_that_mean_another_century_are_noticed() {
        let finding = early_date(b"\x30\x20\x17\x0d500101000000Z").unwrap();
        assert!(finding.detail.contains("20500101000000Z"), "{}", finding.detail);
        assert_eq!(early_date(b"\x30\x20\x17\x0d490101000000Z"), None);
        assert_eq!(early_date(b"\x30\x20\x17\x0d50010100000ZZ"), None);
    }

    #[test]
    fn lengths_of_time_are_told_in_days() {
        for (seconds, text) in [
            (86_400, "1 day"),
            (500 * 86_400, "500 days"),
            (86_401, "1 day and 1 seconds"),
            (0, "0 days"),
        ] {
            assert_eq!(days(seconds), text);
        }
    }
}
