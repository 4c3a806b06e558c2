//! Certificates from raw DER parts, so that any deviation can be written. The constructors give
//! conforming ones. Signatures are deterministic (RFC 6979).

use ecdsa::signature::Signer as _;
use ed25519_dalek::SigningKey as Ed25519Key;
use p256::ecdsa::SigningKey as P256Key;
use p384::ecdsa::SigningKey as P384Key;

use crate::crypto::sha1;
use crate::time::UnixTime;
use crate::x509::{Anchor, AnchorSet, Certificate};

pub(super) const SKI: &str = "2.5.29.14";
pub(super) const KEY_USAGE: &str = "2.5.29.15";
pub(super) const ISSUER_ALT_NAME: &str = "2.5.29.18";
pub(super) const BASIC_CONSTRAINTS: &str = "2.5.29.19";
pub(super) const CRL_POINTS: &str = "2.5.29.31";
pub(super) const AKI: &str = "2.5.29.35";
pub(super) const EKU: &str = "2.5.29.37";

pub(super) const COUNTRY: &str = "2.5.4.6";
pub(super) const STATE: &str = "2.5.4.8";
pub(super) const COMMON_NAME: &str = "2.5.4.3";

pub(super) const PRINTABLE: u8 = 0x13;
pub(super) const UTF8: u8 = 0x0c;
pub(super) const TELETEX: u8 = 0x14;

pub(super) const DAY: i64 = 86_400;
/// 2026-01-01T00:00:00Z, the first instant of every certificate here.
pub(super) const START: i64 = 1_767_225_600;
/// Within every certificate here.
pub(super) const NOW: i64 = START + 30 * DAY;

/// A DER value.
pub(super) fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match u16::try_from(content.len()).unwrap().to_be_bytes() {
        [0, short] if short < 0x80 => out.push(short),
        [0, short] => out.extend([0x81, short]),
        [high, low] => out.extend([0x82, high, low]),
    }
    out.extend(content);
    out
}

/// A SEQUENCE of these values.
pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    der(0x30, &parts.concat())
}

/// An OBJECT IDENTIFIER.
pub(super) fn oid(text: &str) -> Vec<u8> {
    let arcs: Vec<u32> = text.split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut content = Vec::new();
    for arc in core::iter::once(arcs[0] * 40 + arcs[1]).chain(arcs[2..].iter().copied()) {
        let groups = (0..5).rev().map(|group| arc >> (7 * group));
        let from = (0..5).rev().find(|group| arc >> (7 * group) != 0).unwrap_or(0);
        for (group, bits) in (0..5).rev().zip(groups) {
            if group <= from {
                let more = if group == 0 { 0 } else { 0x80 };
                content.push(u8::try_from(bits & 0x7f).unwrap() | more);
            }
        }
    }
    der(6, &content)
}

/// An algorithm identifier without parameters.
pub(super) fn algorithm(text: &str) -> Vec<u8> {
    sequence(&[&oid(text)])
}

pub(super) fn ecdsa_sha256() -> Vec<u8> {
    algorithm("1.2.840.10045.4.3.2")
}

/// A Name of one attribute each: type, string tag, text.
pub(super) fn name(attributes: &[(&str, u8, &str)]) -> Vec<u8> {
    let sets = attributes.iter().map(|(kind, tag, text)| {
        let attribute = sequence(&[&oid(kind), &der(*tag, text.as_bytes())]);
        der(0x31, &attribute)
    });
    der(0x30, &sets.collect::<Vec<_>>().concat())
}

pub(super) fn name_in(country: &str, common_name: &str) -> Vec<u8> {
    name(&[(COUNTRY, PRINTABLE, country), (COMMON_NAME, UTF8, common_name)])
}

/// A Time: UTCTime through 2049, GeneralizedTime after (RFC 5280 §4.1.2.5).
fn time(seconds: i64) -> Vec<u8> {
    let text = UnixTime::from_seconds(seconds).unwrap().to_string();
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    match digits.as_str() {
        digits if digits < "2050" => der(0x17, format!("{}Z", &digits[2..]).as_bytes()),
        digits => der(0x18, format!("{digits}Z").as_bytes()),
    }
}

/// The content of a KeyUsage: bit 0 (digitalSignature) is 0x80.
pub(super) fn key_usage(bits: u8) -> Vec<u8> {
    let unused = u8::try_from(bits.trailing_zeros().min(7)).unwrap();
    der(3, &[unused, bits])
}

pub(super) fn extended_key_usage(usages: &[&str]) -> Vec<u8> {
    der(
        0x30,
        &usages.iter().flat_map(|usage| oid(usage)).collect::<Vec<_>>(),
    )
}

/// BasicConstraints of an authority.
pub(super) fn authority(path_length: Option<u8>) -> Vec<u8> {
    let length = path_length.map(|length| der(2, &[length])).unwrap_or_default();
    sequence(&[&[1, 1, 0xff], &length])
}

/// AuthorityKeyIdentifier with a key identifier.
pub(super) fn authority_key_identifier(identifier: &[u8]) -> Vec<u8> {
    sequence(&[&der(0x80, identifier)])
}

/// A GeneralName of a URI.
pub(super) fn uri(text: &str) -> Vec<u8> {
    der(0x86, text.as_bytes())
}

/// A DistributionPoint whose full name holds these GeneralNames.
pub(super) fn distribution_point(names: &[u8]) -> Vec<u8> {
    sequence(&[&der(0xa0, &der(0xa0, names))])
}

pub(super) const CRL_URI: &str = "https://crl.example.test/iaca.crl";

/// A signing key.
#[derive(Clone)]
pub(super) enum Key {
    P256(Box<P256Key>),
    P384(Box<P384Key>),
    Ed25519(Box<Ed25519Key>),
}

impl Key {
    pub(super) fn p256(seed: u8) -> Self {
        Self::P256(Box::new(P256Key::from_slice(&[seed; 32]).unwrap()))
    }

    pub(super) fn p384(seed: u8) -> Self {
        Self::P384(Box::new(P384Key::from_slice(&[seed; 48]).unwrap()))
    }

    pub(super) fn ed25519(seed: u8) -> Self {
        Self::Ed25519(Box::new(Ed25519Key::from_bytes(&[seed; 32])))
    }

    fn point(&self) -> Vec<u8> {
        match self {
            Self::P256(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::P384(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::Ed25519(key) => key.verifying_key().as_bytes().to_vec(),
        }
    }

    pub(super) fn identifier(&self) -> [u8; 20] {
        sha1(&self.point())
    }

    pub(super) fn public_key_info(&self) -> Vec<u8> {
        let named = |curve: &str| sequence(&[&oid("1.2.840.10045.2.1"), &oid(curve)]);
        let algorithm = match self {
            Self::P256(_) => named("1.2.840.10045.3.1.7"),
            Self::P384(_) => named("1.3.132.0.34"),
            Self::Ed25519(_) => self.algorithm(),
        };
        public_key_info(&algorithm, &self.point())
    }

    /// The algorithm that [`Self::sign`] uses.
    fn algorithm(&self) -> Vec<u8> {
        match self {
            Self::P256(_) => ecdsa_sha256(),
            Self::P384(_) => algorithm("1.2.840.10045.4.3.3"),
            Self::Ed25519(_) => algorithm("1.3.101.112"),
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            }
            Self::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            }
            Self::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
        }
    }
}

pub(super) fn public_key_info(algorithm: &[u8], bits: &[u8]) -> Vec<u8> {
    sequence(&[algorithm, &der(3, &[&[0], bits].concat())])
}

/// An extension with raw content.
#[derive(Clone)]
pub(super) struct Extension {
    pub(super) kind: String,
    pub(super) critical: bool,
    pub(super) value: Vec<u8>,
}

/// A certificate to be.
#[derive(Clone)]
pub(super) struct Spec {
    /// 2 is X.509 version 3, the default of the field is 0.
    pub(super) version: u8,
    pub(super) serial: Vec<u8>,
    /// The algorithm inside and outside; the signing key's own where it is none.
    pub(super) inner_algorithm: Option<Vec<u8>>,
    pub(super) outer_algorithm: Option<Vec<u8>>,
    pub(super) issuer: Vec<u8>,
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    pub(super) subject: Vec<u8>,
    pub(super) public_key_info: Vec<u8>,
    pub(super) extensions: Vec<Extension>,
}

impl Spec {
    fn new(subject: &[u8], key: &Key, issuer: &[u8]) -> Self {
        let mut spec = Self {
            version: 2,
            serial: vec![0x4f, 0xb7, 0xb0, 0x1c, 0xa3, 0xcd, 0x67, 0x31, 0xa5],
            inner_algorithm: None,
            outer_algorithm: None,
            issuer: issuer.to_vec(),
            not_before: START,
            not_after: START + 457 * DAY,
            subject: subject.to_vec(),
            public_key_info: key.public_key_info(),
            extensions: Vec::new(),
        };
        spec.add(SKI, false, der(4, &key.identifier()));
        spec.add(
            ISSUER_ALT_NAME,
            false,
            sequence(&[&uri("https://issuer.example.test/")]),
        );
        let points = sequence(&[&distribution_point(&uri(CRL_URI))]);
        spec.add(CRL_POINTS, false, points);
        spec
    }

    /// An IACA root of ISO/IEC 18013-5 B.1 that lasts nine years.
    pub(super) fn root(subject: &[u8], key: &Key) -> Self {
        let mut spec = Self::new(subject, key, subject);
        spec.not_after = START + 9 * 365 * DAY;
        spec.add(KEY_USAGE, true, key_usage(0x06));
        spec.add(BASIC_CONSTRAINTS, true, authority(Some(0)));
        spec
    }

    /// An authority below `issuer`.
    pub(super) fn intermediate(subject: &[u8], key: &Key, issuer: (&[u8], &Key)) -> Self {
        let mut spec = Self::root(subject, key);
        spec.issuer = issuer.0.to_vec();
        spec.add(AKI, false, authority_key_identifier(&issuer.1.identifier()));
        spec
    }

    /// A document signer of B.3 below `issuer`.
    pub(super) fn signer(subject: &[u8], key: &Key, issuer: (&[u8], &Key)) -> Self {
        let mut spec = Self::new(subject, key, issuer.0);
        spec.add(AKI, false, authority_key_identifier(&issuer.1.identifier()));
        spec.add(KEY_USAGE, true, key_usage(0x80));
        spec.add(EKU, true, extended_key_usage(&["1.0.18013.5.1.2"]));
        spec
    }

    pub(super) fn add(&mut self, kind: &str, critical: bool, value: Vec<u8>) {
        let kind = kind.to_owned();
        self.extensions.push(Extension {
            kind,
            critical,
            value,
        });
    }

    pub(super) fn remove(&mut self, kind: &str) {
        let count = self.extensions.len();
        self.extensions.retain(|extension| extension.kind != kind);
        assert_eq!(self.extensions.len() + 1, count, "{kind} was there once");
    }

    /// The extension of this kind, to be changed.
    pub(super) fn extension(&mut self, kind: &str) -> &mut Extension {
        let mut found = self
            .extensions
            .iter_mut()
            .filter(|extension| extension.kind == kind);
        found.next().expect("the extension is there")
    }

    /// The certificate, signed by `issuer`.
    pub(super) fn sign(&self, issuer: &Key) -> Vec<u8> {
        let inner = self.inner_algorithm.clone().unwrap_or_else(|| issuer.algorithm());
        let outer = self.outer_algorithm.clone().unwrap_or_else(|| issuer.algorithm());
        let extensions: Vec<Vec<u8>> = self.extensions.iter().map(Extension::der).collect();
        let extensions = if extensions.is_empty() {
            Vec::new()
        } else {
            der(0xa3, &der(0x30, &extensions.concat()))
        };
        let version = if self.version == 0 {
            Vec::new()
        } else {
            der(0xa0, &der(2, &[self.version]))
        };
        let tbs = sequence(&[
            &version,
            &der(2, &self.serial),
            &inner,
            &self.issuer,
            &sequence(&[&time(self.not_before), &time(self.not_after)]),
            &self.subject,
            &self.public_key_info,
            &extensions,
        ]);
        let signature = issuer.sign(&tbs);
        sequence(&[&tbs, &outer, &der(3, &[&[0], signature.as_slice()].concat())])
    }

    /// The certificate, signed by `issuer` and parsed.
    pub(super) fn parse(&self, issuer: &Key) -> Certificate {
        Certificate::from_der(&self.sign(issuer)).unwrap()
    }
}

impl Extension {
    fn der(&self) -> Vec<u8> {
        let critical: &[u8] = if self.critical { &[1, 1, 0xff] } else { &[] };
        sequence(&[&oid(&self.kind), critical, &der(4, &self.value)])
    }
}

/// A root and a signer below it, both conforming.
pub(super) struct Issuer {
    pub(super) root_name: Vec<u8>,
    pub(super) root_key: Key,
    pub(super) signer_key: Key,
    pub(super) root: Spec,
    pub(super) signer: Spec,
}

impl Issuer {
    pub(super) fn new() -> Self {
        let (root_key, signer_key) = (Key::p384(1), Key::p256(2));
        let root_name = name_in("JP", "Test IACA");
        Self {
            root: Spec::root(&root_name, &root_key),
            signer: Spec::signer(
                &name_in("JP", "Test signer"),
                &signer_key,
                (&root_name, &root_key),
            ),
            root_name,
            root_key,
            signer_key,
        }
    }

    pub(super) fn root_der(&self) -> Vec<u8> {
        self.root.sign(&self.root_key)
    }

    pub(super) fn signer_der(&self) -> Vec<u8> {
        self.signer.sign(&self.root_key)
    }

    /// The root as the only anchor.
    pub(super) fn anchors(&self) -> AnchorSet {
        anchor_set(&[&self.root_der()])
    }
}

/// An anchor without a scope of its own.
pub(super) fn anchor(certificate: &[u8]) -> Anchor {
    Anchor {
        certificate: Certificate::from_der(certificate).unwrap(),
        doc_types: None,
        profile: None,
        list: None,
    }
}

/// Anchors that must all be accepted.
pub(super) fn anchor_set(certificates: &[&[u8]]) -> AnchorSet {
    let (set, faults) = AnchorSet::new(certificates.iter().map(|der| anchor(der)).collect());
    assert_eq!(faults, []);
    set
}

pub(super) fn at(seconds: i64) -> UnixTime {
    UnixTime::from_seconds(seconds).unwrap()
}
