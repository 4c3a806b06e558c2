//! Certificates as plain data, so that any deviation can be produced.

use mdoc::crypto::{Curve, sha1};

use crate::keys::SigningKey;

/// A certificate to be. The constructors give conforming ones.
#[derive(Clone)]
pub struct CertificateSpec {
    /// 2 is X.509 version 3.
    pub version: u8,
    /// The content of the serial number's INTEGER.
    pub serial: Vec<u8>,
    /// Issuer.
    pub issuer: Vec<NameAttribute>,
    /// Subject.
    pub subject: Vec<NameAttribute>,
    /// First instant, seconds since the epoch.
    pub not_before: i64,
    /// Last instant.
    pub not_after: i64,
    /// SubjectPublicKeyInfo as DER.
    pub public_key_info: Vec<u8>,
    /// Extensions in order.
    pub extensions: Vec<Extension>,
    /// The algorithm named inside, as DER; the signer's own where it is none.
    pub inner_algorithm: Option<Vec<u8>>,
    /// The algorithm named outside, likewise.
    pub outer_algorithm: Option<Vec<u8>>,
}

/// An attribute of a name.
#[derive(Clone)]
pub struct NameAttribute {
    /// The attribute's type.
    pub oid: &'static str,
    /// 0x13 PrintableString, 0x0c UTF8String.
    pub tag: u8,
    /// The value.
    pub text: String,
}

/// An extension with raw content.
#[derive(Clone)]
pub struct Extension {
    /// Its type.
    pub oid: &'static str,
    /// Whether it is critical.
    pub critical: bool,
    /// The DER inside the OCTET STRING.
    pub value: Vec<u8>,
}

/// Extension and attribute types.
pub mod oid {
    /// Subject key identifier.
    pub const SUBJECT_KEY_IDENTIFIER: &str = "2.5.29.14";
    /// Key usage.
    pub const KEY_USAGE: &str = "2.5.29.15";
    /// Issuer alternative name.
    pub const ISSUER_ALT_NAME: &str = "2.5.29.18";
    /// Basic constraints.
    pub const BASIC_CONSTRAINTS: &str = "2.5.29.19";
    /// CRL distribution points.
    pub const CRL_DISTRIBUTION_POINTS: &str = "2.5.29.31";
    /// Authority key identifier.
    pub const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";
    /// Extended key usage.
    pub const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
    /// Country.
    pub const COUNTRY: &str = "2.5.4.6";
    /// State or province.
    pub const STATE: &str = "2.5.4.8";
    /// Organization.
    pub const ORGANIZATION: &str = "2.5.4.10";
    /// Common name.
    pub const COMMON_NAME: &str = "2.5.4.3";
}

/// A DER value: tag, length, content.
pub fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        length @ 0..=0x7f => out.push(length as u8),
        length @ 0x80..=0xff => out.extend([0x81, length as u8]),
        length @ 0x100..=0xffff => out.extend([0x82, (length >> 8) as u8, length as u8]),
        length => out.extend([0x83, (length >> 16) as u8, (length >> 8) as u8, length as u8]),
    }
    out.extend_from_slice(content);
    out
}

/// A DER object identifier.
pub fn der_oid(text: &str) -> Vec<u8> {
    let id = der_oid_content(text);
    der(0x06, &id)
}

fn der_oid_content(text: &str) -> Vec<u8> {
    let arcs: Vec<u32> = text
        .split('.')
        .map(|arc| arc.parse().expect("a dotted identifier"))
        .collect();
    let mut out = vec![(arcs[0] * 40 + arcs[1]) as u8];
    for arc in &arcs[2..] {
        let mut digits = vec![(arc & 0x7f) as u8];
        let mut rest = arc >> 7;
        while rest > 0 {
            digits.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        out.extend(digits.iter().rev());
    }
    out
}

/// Key usage bits as the content of the extension.
pub fn key_usage(bits: u8) -> Vec<u8> {
    der(0x03, &[bits.trailing_zeros().min(7) as u8, bits])
}

/// Key usage digitalSignature.
pub const DIGITAL_SIGNATURE: u8 = 0x80;
/// Key usage keyCertSign and cRLSign.
pub const CERTIFICATE_AND_CRL: u8 = 0x06;

/// Extended key usage with these purposes.
pub fn extended_key_usage(purposes: &[&str]) -> Vec<u8> {
    let purposes: Vec<u8> = purposes.iter().flat_map(|purpose| der_oid(purpose)).collect();
    der(0x30, &purposes)
}

/// Basic constraints of a certification authority.
pub fn authority(path_length: Option<u8>) -> Vec<u8> {
    let mut content = vec![0x01, 0x01, 0xff];
    if let Some(length) = path_length {
        content.extend([0x02, 0x01, length]);
    }
    der(0x30, &content)
}

/// A general name that is a URI, in a sequence: issuer alternative name.
pub fn alternative_uri(uri: &str) -> Vec<u8> {
    der(0x30, &der(0x86, uri.as_bytes()))
}

/// CRL distribution points with one URI.
pub fn crl_distribution_point(uri: &str) -> Vec<u8> {
    let name = der(0xa0, &der(0xa0, &der(0x86, uri.as_bytes())));
    der(0x30, &der(0x30, &name))
}

/// Country, state where there is one, organization and common name.
pub fn name(country: &str, state: Option<&str>, common_name: &str) -> Vec<NameAttribute> {
    let mut attributes = vec![NameAttribute {
        oid: oid::COUNTRY,
        tag: 0x13,
        text: country.to_owned(),
    }];
    if let Some(state) = state {
        attributes.push(NameAttribute {
            oid: oid::STATE,
            tag: 0x13,
            text: state.to_owned(),
        });
    }
    attributes.push(NameAttribute {
        oid: oid::ORGANIZATION,
        tag: 0x0c,
        text: "TEST - NOT PROOF".to_owned(),
    });
    attributes.push(NameAttribute {
        oid: oid::COMMON_NAME,
        tag: 0x0c,
        text: common_name.to_owned(),
    });
    attributes
}

/// SubjectPublicKeyInfo of a key.
pub fn public_key_info(key: &SigningKey) -> Vec<u8> {
    let algorithm = match curve_oid(key.curve()) {
        Some(curve) => [der_oid("1.2.840.10045.2.1"), der_oid(curve)].concat(),
        None => der_oid("1.3.101.112"),
    };
    let bits = [&[0], key.public_bytes().as_slice()].concat();
    der(0x30, &[der(0x30, &algorithm), der(0x03, &bits)].concat())
}

const fn curve_oid(curve: Curve) -> Option<&'static str> {
    match curve {
        Curve::P256 => Some("1.2.840.10045.3.1.7"),
        Curve::P384 => Some("1.3.132.0.34"),
        Curve::P521 => Some("1.3.132.0.35"),
        Curve::BrainpoolP256r1 => Some("1.3.36.3.3.2.8.1.1.7"),
        Curve::BrainpoolP384r1 => Some("1.3.36.3.3.2.8.1.1.11"),
        _ => None,
    }
}

/// The signature algorithm that a key signs certificates with.
pub fn signature_algorithm(key: &SigningKey) -> Vec<u8> {
    let id = match key.algorithm() {
        -7 => "1.2.840.10045.4.3.2",
        -35 => "1.2.840.10045.4.3.3",
        -36 => "1.2.840.10045.4.3.4",
        _ => "1.3.101.112",
    };
    der(0x30, &der_oid(id))
}

/// The extended key usage of reader authentication.
const READER_AUTHENTICATION: &str = "1.0.18013.5.1.6";
const CRL_URI: &str = "https://pki.example/test.crl";
const ALTERNATIVE_URI: &str = "https://issuer.example/";

impl CertificateSpec {
    fn new(key: &SigningKey, serial: Vec<u8>, window: (i64, i64)) -> Self {
        Self {
            version: 2,
            serial,
            issuer: Vec::new(),
            subject: Vec::new(),
            not_before: window.0,
            not_after: window.1,
            public_key_info: public_key_info(key),
            extensions: vec![Extension {
                oid: oid::SUBJECT_KEY_IDENTIFIER,
                critical: false,
                value: der(0x04, &sha1(&key.public_bytes())),
            }],
            inner_algorithm: None,
            outer_algorithm: None,
        }
    }

    /// A root (ISO/IEC 18013-5 Table B.1).
    pub fn root(key: &SigningKey, name: Vec<NameAttribute>, serial: Vec<u8>, window: (i64, i64)) -> Self {
        let mut spec = Self::new(key, serial, window);
        spec.issuer.clone_from(&name);
        spec.subject = name;
        spec.extend(oid::KEY_USAGE, true, key_usage(CERTIFICATE_AND_CRL));
        spec.extend(oid::BASIC_CONSTRAINTS, true, authority(Some(0)));
        spec.extend(oid::ISSUER_ALT_NAME, false, alternative_uri(ALTERNATIVE_URI));
        spec.extend(
            oid::CRL_DISTRIBUTION_POINTS,
            false,
            crl_distribution_point(CRL_URI),
        );
        spec
    }

    /// A document signer (Table B.3) under `issuer`.
    pub fn document_signer(
        key: &SigningKey,
        issuer: (&[NameAttribute], &SigningKey),
        name: Vec<NameAttribute>,
        serial: Vec<u8>,
        window: (i64, i64),
        purpose: &str,
    ) -> Self {
        let mut spec = Self::new(key, serial, window);
        spec.issuer = issuer.0.to_vec();
        spec.subject = name;
        let identifier = der(0x30, &der(0x80, &sha1(&issuer.1.public_bytes())));
        spec.extend(oid::AUTHORITY_KEY_IDENTIFIER, false, identifier);
        spec.extend(oid::KEY_USAGE, true, key_usage(DIGITAL_SIGNATURE));
        spec.extend(oid::EXTENDED_KEY_USAGE, true, extended_key_usage(&[purpose]));
        spec.extend(oid::ISSUER_ALT_NAME, false, alternative_uri(ALTERNATIVE_URI));
        spec.extend(
            oid::CRL_DISTRIBUTION_POINTS,
            false,
            crl_distribution_point(CRL_URI),
        );
        spec
    }

    /// A reader (Table B.7) under `issuer`.
    pub fn reader(
        key: &SigningKey,
        issuer: (&[NameAttribute], &SigningKey),
        name: Vec<NameAttribute>,
        serial: Vec<u8>,
        window: (i64, i64),
    ) -> Self {
        // The issuer's alternative name is not asked for; some phones do.
        Self::document_signer(key, issuer, name, serial, window, READER_AUTHENTICATION)
    }

    /// A signer of status lists (Table B.9) under `issuer`.
    pub fn status_signer(
        key: &SigningKey,
        issuer: (&[NameAttribute], &SigningKey),
        name: Vec<NameAttribute>,
        serial: Vec<u8>,
        window: (i64, i64),
    ) -> Self {
        let mut spec = Self::document_signer(key, issuer, name, serial, window, READER_AUTHENTICATION);
        spec.remove(oid::EXTENDED_KEY_USAGE);
        spec
    }

    /// Adds an extension.
    pub fn extend(&mut self, oid: &'static str, critical: bool, value: Vec<u8>) {
        self.extensions.push(Extension { oid, critical, value });
    }

    /// The extension of this type; panics where there is none.
    pub fn extension(&mut self, oid: &str) -> &mut Extension {
        let found = self.extensions.iter_mut().find(|extension| extension.oid == oid);
        found.expect("a change asks for an extension that is not there")
    }

    /// Removes the extension of this type.
    pub fn remove(&mut self, oid: &str) {
        let before = self.extensions.len();
        self.extensions.retain(|extension| extension.oid != oid);
        assert!(
            self.extensions.len() < before,
            "a change removes an extension that is not there"
        );
    }

    /// Signs the certificate; DER.
    pub fn sign(&self, issuer: &SigningKey) -> Vec<u8> {
        let own = signature_algorithm(issuer);
        let tbs = self.tbs(self.inner_algorithm.as_ref().unwrap_or(&own));
        let signature = [&[0], issuer.sign_der(&tbs).as_slice()].concat();
        let outer = self.outer_algorithm.as_ref().unwrap_or(&own);
        der(0x30, &[tbs, outer.clone(), der(0x03, &signature)].concat())
    }

    fn tbs(&self, algorithm: &[u8]) -> Vec<u8> {
        let extensions: Vec<u8> = self.extensions.iter().flat_map(Extension::encode).collect();
        let validity = der(0x30, &[time(self.not_before), time(self.not_after)].concat());
        let mut content = Vec::new();
        if self.version > 0 {
            content.extend(der(0xa0, &der(0x02, &[self.version])));
        }
        content.extend(der(0x02, &self.serial));
        content.extend_from_slice(algorithm);
        content.extend(encode_name(&self.issuer));
        content.extend(validity);
        content.extend(encode_name(&self.subject));
        content.extend_from_slice(&self.public_key_info);
        content.extend(der(0xa3, &der(0x30, &extensions)));
        der(0x30, &content)
    }
}

impl Extension {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let critical = if self.critical {
            vec![0x01, 0x01, 0xff]
        } else {
            Vec::new()
        };
        der(
            0x30,
            &[der_oid(self.oid), critical, der(0x04, &self.value)].concat(),
        )
    }
}

pub(crate) fn encode_name(attributes: &[NameAttribute]) -> Vec<u8> {
    let encode = |attribute: &NameAttribute| {
        let value = der(attribute.tag, attribute.text.as_bytes());
        der(0x31, &der(0x30, &[der_oid(attribute.oid), value].concat()))
    };
    der(0x30, &attributes.iter().flat_map(encode).collect::<Vec<u8>>())
}

/// UTCTime through 2049, GeneralizedTime after.
pub(crate) fn time(seconds: i64) -> Vec<u8> {
    let instant = mdoc::time::UnixTime::from_seconds(seconds).expect("a year of four digits");
    let digits: String = instant.to_string().chars().filter(char::is_ascii_digit).collect();
    if digits.as_str() < "2050" {
        der(0x17, format!("{}Z", &digits[2..]).as_bytes())
    } else {
        der(0x18, format!("{digits}Z").as_bytes())
    }
}

/// PKCS#8 of a key on a named curve, as PEM. It protects nothing: all keys here are made from seeds.
///
/// # Panics
/// For Ed25519.
pub fn private_key_pem(key: &SigningKey) -> String {
    let curve = curve_oid(key.curve()).expect("a key on a named curve");
    let algorithm = der(0x30, &[der_oid("1.2.840.10045.2.1"), der_oid(curve)].concat());
    let scalar = der(0x04, &key.private_bytes());
    let key = der(0x30, &[der(0x02, &[1]), scalar].concat());
    let info = der(0x30, &[der(0x02, &[0]), algorithm, der(0x04, &key)].concat());
    labelled("PRIVATE KEY", &info)
}

/// PEM of a certificate.
pub fn pem(der: &[u8]) -> String {
    labelled("CERTIFICATE", der)
}

fn labelled(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .filter_map(|line| core::str::from_utf8(line).ok())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}
