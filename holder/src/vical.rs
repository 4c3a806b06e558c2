//! A provider of VICALs (ISO/IEC 18013-5 Annex C): an authority, a signer below it, and lists.

use ciborium::Value;
use mdoc::crypto::Curve;
use mdoc::time::UnixTime;
use mdoc::x509::Certificate;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::certificate::{CertificateSpec, NameAttribute, key_usage, name, oid};
use crate::encode;
use crate::evidence::CrlSpec;
use crate::issuer::DAY;
use crate::keys::SigningKey;

/// The extended key usage of a VICAL signer.
const VICAL_SIGNER: &str = "1.0.18013.5.1.8";
/// Key usage nonRepudiation.
const CONTENT_COMMITMENT: u8 = 0x40;

/// One who issues lists.
pub struct VicalProvider {
    /// The authority's certificate, DER.
    pub authority: Vec<u8>,
    authority_name: Vec<NameAttribute>,
    authority_key: SigningKey,
    signer: Vec<u8>,
    signer_key: SigningKey,
}

/// A list to be.
#[derive(Clone)]
pub struct VicalSpec {
    /// The provider's name for itself.
    pub provider: String,
    /// The number of the issue.
    pub issue_id: u64,
    /// When it is issued, seconds since the epoch.
    pub date: i64,
    /// When the next one is due.
    pub next_update: Option<i64>,
    /// When it ends.
    pub not_after: Option<i64>,
    /// Certificates and the document types that each vouches for.
    pub entries: Vec<(Vec<u8>, Vec<String>)>,
}

impl VicalProvider {
    /// A provider whose certificates last from 100 days before `now` to 900 days after.
    pub fn new(seed: u64, now: i64) -> Self {
        Self::with_signer(seed, now, |_| {})
    }

    /// As [`Self::new`], with a changed signer's certificate.
    pub fn with_signer(seed: u64, now: i64, change: impl FnOnce(&mut CertificateSpec)) -> Self {
        Self::made(seed, now, &format!("TEST list authority {seed}"), change)
    }

    /// As [`Self::new`], under a name that may be another's.
    pub fn with_name(seed: u64, now: i64, authority: &str) -> Self {
        Self::made(seed, now, authority, |_| {})
    }

    fn made(seed: u64, now: i64, authority: &str, change: impl FnOnce(&mut CertificateSpec)) -> Self {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let authority_key = SigningKey::generate(Curve::P256, &mut random);
        let signer_key = SigningKey::generate(Curve::P256, &mut random);
        let window = (now - 100 * DAY, now + 900 * DAY);
        let authority_name = name("JP", None, authority);
        let authority = CertificateSpec::root(&authority_key, authority_name.clone(), vec![1], window);
        let mut signer = CertificateSpec::document_signer(
            &signer_key,
            (&authority_name, &authority_key),
            name("JP", None, "TEST list signer"),
            vec![2],
            window,
            VICAL_SIGNER,
        );
        signer.extension(oid::KEY_USAGE).value = key_usage(CONTENT_COMMITMENT);
        change(&mut signer);
        Self {
            authority: authority.sign(&authority_key),
            signer: signer.sign(&authority_key),
            authority_name,
            authority_key,
            signer_key,
        }
    }

    /// The authority's CRL of `now`, which revokes these certificates.
    pub fn crl(&self, serials: &[&[u8]], now: i64) -> Vec<u8> {
        let mut list = CrlSpec::new(self.authority_name.clone(), &self.authority_key, 1, now);
        for serial in serials {
            list.revoke(serial, now - DAY);
        }
        list.sign(&self.authority_key)
    }

    /// Signs a list: an untagged COSE_Sign1.
    pub fn sign(&self, list: &VicalSpec) -> Vec<u8> {
        let protected = encode(&Value::Map(vec![(1.into(), self.signer_key.algorithm().into())]));
        let payload = encode(&list.content());
        let structure = encode(&Value::Array(vec![
            "Signature1".into(),
            Value::Bytes(protected.clone()),
            Value::Bytes(Vec::new()),
            Value::Bytes(payload.clone()),
        ]));
        encode(&Value::Array(vec![
            Value::Bytes(protected),
            Value::Map(vec![(33.into(), Value::Bytes(self.signer.clone()))]),
            Value::Bytes(payload),
            Value::Bytes(self.signer_key.sign(&structure)),
        ]))
    }
}

impl VicalSpec {
    fn content(&self) -> Value {
        let mut members: Vec<(Value, Value)> = vec![
            ("version".into(), "1.0".into()),
            ("vicalProvider".into(), self.provider.as_str().into()),
            ("date".into(), tdate(self.date)),
            ("vicalIssueID".into(), self.issue_id.into()),
        ];
        members.extend(self.next_update.map(|at| ("nextUpdate".into(), tdate(at))));
        members.extend(self.not_after.map(|at| ("notAfter".into(), tdate(at))));
        let infos = self
            .entries
            .iter()
            .map(|(certificate, doc_types)| info(certificate, doc_types));
        members.push(("certificateInfos".into(), Value::Array(infos.collect())));
        Value::Map(members)
    }
}

fn info(der: &[u8], doc_types: &[String]) -> Value {
    let parsed = Certificate::from_der(der).ok();
    let serial = parsed.as_ref().map_or(&[][..], Certificate::serial).to_vec();
    let identifier = parsed.as_ref().and_then(Certificate::subject_key_identifier);
    let doc_types = doc_types.iter().map(|doc_type| doc_type.as_str().into());
    Value::Map(vec![
        ("certificate".into(), Value::Bytes(der.to_vec())),
        (
            "serialNumber".into(),
            Value::Tag(2, Box::new(Value::Bytes(serial))),
        ),
        (
            "ski".into(),
            Value::Bytes(identifier.unwrap_or_default().to_vec()),
        ),
        ("docType".into(), Value::Array(doc_types.collect())),
    ])
}

fn tdate(seconds: i64) -> Value {
    let at = UnixTime::from_seconds(seconds).expect("a year of four digits");
    Value::Tag(0, Box::new(at.to_string().into()))
}
