//! The test issuer: its certificates, and documents signed under them.

use ciborium::Value;
use mdoc::crypto::{Curve, HashAlgorithm};
use mdoc::time::UnixTime;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::certificate::{CertificateSpec, name};
use crate::credential::Credential;
use crate::hooks::{Hooks, Stage};
use crate::keys::SigningKey;
use crate::{encode, tagged};

/// A day in seconds.
pub const DAY: i64 = 86_400;

/// A root and a document signer under it.
#[derive(Clone)]
pub struct Issuer {
    /// The root's certificate.
    pub root: Vec<u8>,
    /// The document signer's certificate.
    pub signer: Vec<u8>,
    /// The root's key.
    pub root_key: SigningKey,
    /// The document signer's key.
    pub signer_key: SigningKey,
}

/// What an issuer is made from.
#[derive(Clone)]
pub struct IssuerOptions {
    /// Seed of keys and serial numbers.
    pub seed: u64,
    /// Curve of the root.
    pub root_curve: Curve,
    /// Curve of the document signer.
    pub signer_curve: Curve,
    /// Country of both names.
    pub country: &'static str,
    /// State of both names.
    pub state: Option<&'static str>,
    /// The document signer's extended key usage.
    pub signer_purpose: &'static str,
    /// The instant around which the certificates are valid.
    pub now: i64,
}

impl Issuer {
    /// Makes keys and certificates.
    pub fn new(options: &IssuerOptions, hooks: &Hooks) -> Self {
        let mut random = ChaCha20Rng::seed_from_u64(options.seed);
        let root_key = SigningKey::generate(options.root_curve, &mut random);
        let signer_key = SigningKey::generate(options.signer_curve, &mut random);
        let root_name = name(options.country, options.state, "TEST IACA");
        let root_window = (options.now - 400 * DAY, options.now + 3000 * DAY);
        let mut root = CertificateSpec::root(&root_key, root_name.clone(), serial(&mut random), root_window);
        hooks.apply_to_root(&mut root);
        let mut signer = CertificateSpec::document_signer(
            &signer_key,
            (&root_name, &root_key),
            name(options.country, options.state, "TEST document signer"),
            serial(&mut random),
            (options.now - 30 * DAY, options.now + 300 * DAY),
            options.signer_purpose,
        );
        hooks.apply_to_signer(&mut signer);
        Self {
            root: root.sign(&root_key),
            signer: signer.sign(&root_key),
            root_key,
            signer_key,
        }
    }

    /// Issues a document to a device key.
    pub fn issue(
        &self,
        credential: &Credential,
        device_key: Value,
        terms: &Terms,
        random: &mut ChaCha20Rng,
        hooks: &Hooks,
    ) -> IssuedDocument {
        let mut name_spaces = Vec::new();
        let mut value_digests = Vec::new();
        for (name_space, elements) in &credential.name_spaces {
            let mut order: Vec<u32> = (0..elements.len() as u32).collect();
            for last in (1..order.len()).rev() {
                order.swap(last, random.next_u32() as usize % (last + 1));
            }
            let mut items = Vec::new();
            let mut digests = Vec::new();
            for ((element, value), digest_id) in elements.iter().zip(order) {
                let item = issue_item(element, value, digest_id, random, hooks);
                let digest = terms.digest_algorithm.digest(&[&item]);
                digests.push((Value::from(digest_id), Value::Bytes(digest.as_bytes().to_vec())));
                let item = hooks.apply_to_bytes(Stage::IssuerSignedItemBytes, item);
                items.push((*element, item));
            }
            value_digests.push((Value::from(*name_space), Value::Map(digests)));
            name_spaces.push((*name_space, items));
        }
        let mut mso = mso(credential.doc_type, device_key, value_digests, terms);
        hooks.apply(Stage::Mso, &mut mso);
        let payload = hooks.apply_to_bytes(Stage::MsoPayload, encode(&tagged(encode(&mso))));
        let issuer_auth = self.sign(payload, hooks);
        IssuedDocument {
            doc_type: credential.doc_type,
            name_spaces,
            issuer_auth,
        }
    }

    fn sign(&self, payload: Vec<u8>, hooks: &Hooks) -> Value {
        let mut protected = Value::Map(vec![(1.into(), self.signer_key.algorithm().into())]);
        hooks.apply(Stage::IssuerProtected, &mut protected);
        let protected = hooks.apply_to_bytes(Stage::IssuerProtectedBytes, encode(&protected));
        let mut unprotected = Value::Map(vec![(33.into(), Value::Bytes(self.signer.clone()))]);
        hooks.apply(Stage::IssuerUnprotected, &mut unprotected);
        let structure = Value::Array(vec![
            "Signature1".into(),
            Value::Bytes(protected.clone()),
            Value::Bytes(Vec::new()),
            Value::Bytes(payload.clone()),
        ]);
        let signature = self.signer_key.sign(&encode(&structure));
        let signature = hooks.apply_to_bytes(Stage::IssuerSignature, signature);
        let mut message = Value::Array(vec![
            Value::Bytes(protected),
            unprotected,
            Value::Bytes(payload),
            Value::Bytes(signature),
        ]);
        hooks.apply(Stage::IssuerAuth, &mut message);
        message
    }
}

/// On what terms a document is issued.
#[derive(Clone)]
pub struct Terms {
    /// When it is signed, seconds since the epoch.
    pub signed: i64,
    /// First instant of validity.
    pub valid_from: i64,
    /// Last instant of validity.
    pub valid_until: i64,
    /// The hash of the digests.
    pub digest_algorithm: HashAlgorithm,
    /// keyAuthorizations, where there are any.
    pub key_authorizations: Option<Value>,
    /// status, where there is one.
    pub status: Option<Value>,
}

/// An element's name and its IssuerSignedItemBytes.
pub type IssuedItem = (&'static str, Vec<u8>);

/// A document as the holder keeps it.
#[derive(Clone)]
pub struct IssuedDocument {
    /// The document type.
    pub doc_type: &'static str,
    /// Namespaces with their elements.
    pub name_spaces: Vec<(&'static str, Vec<IssuedItem>)>,
    /// issuerAuth.
    pub issuer_auth: Value,
}

fn issue_item(
    element: &str,
    value: &Value,
    digest_id: u32,
    random: &mut ChaCha20Rng,
    hooks: &Hooks,
) -> Vec<u8> {
    let mut salt = vec![0; 32];
    random.fill_bytes(&mut salt);
    let mut item = Value::Map(vec![
        ("digestID".into(), digest_id.into()),
        ("random".into(), Value::Bytes(salt)),
        ("elementIdentifier".into(), element.into()),
        ("elementValue".into(), value.clone()),
    ]);
    hooks.apply(Stage::IssuerSignedItem, &mut item);
    encode(&tagged(encode(&item)))
}

fn mso(doc_type: &str, device_key: Value, value_digests: Vec<(Value, Value)>, terms: &Terms) -> Value {
    let date = |seconds: i64| {
        let instant = UnixTime::from_seconds(seconds).expect("a year of four digits");
        Value::Tag(0, Box::new(instant.to_string().into()))
    };
    let mut key_info = vec![("deviceKey".into(), device_key)];
    if let Some(authorizations) = &terms.key_authorizations {
        key_info.push(("keyAuthorizations".into(), authorizations.clone()));
    }
    let algorithm = match terms.digest_algorithm {
        HashAlgorithm::Sha256 => "SHA-256",
        HashAlgorithm::Sha384 => "SHA-384",
        HashAlgorithm::Sha512 => "SHA-512",
    };
    let mut mso = vec![
        ("version".into(), "1.0".into()),
        ("digestAlgorithm".into(), algorithm.into()),
        ("valueDigests".into(), Value::Map(value_digests)),
        ("deviceKeyInfo".into(), Value::Map(key_info)),
        ("docType".into(), doc_type.into()),
        (
            "validityInfo".into(),
            Value::Map(vec![
                ("signed".into(), date(terms.signed)),
                ("validFrom".into(), date(terms.valid_from)),
                ("validUntil".into(), date(terms.valid_until)),
            ]),
        ),
    ];
    if let Some(status) = &terms.status {
        mso.push(("status".into(), status.clone()));
    }
    Value::Map(mso)
}

/// A positive serial number of 16 bytes.
fn serial(random: &mut ChaCha20Rng) -> Vec<u8> {
    let mut serial = vec![0; 16];
    random.fill_bytes(&mut serial);
    serial[0] = serial[0] & 0x3f | 0x40;
    serial
}
