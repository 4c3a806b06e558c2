//! A whole presentation, from root to response bytes, in a few words.

use ciborium::Value;
use mdoc::crypto::{Curve, HashAlgorithm};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::certificate::{CertificateSpec, pem};
use crate::credential::Credential;
use crate::hooks::{Hooks, Stage};
use crate::issuer::{DAY, Issuer, IssuerOptions, Terms};
use crate::keys::SigningKey;
use crate::wallet::{DeviceAuth, HeldDocument, RequestedDocument, respond};
use crate::{encode, tagged};

/// 2026-11-23T06:00:00Z, the instant of every scenario.
pub const NOW: i64 = 1_795_413_600;

/// A presentation to be. Every field may be changed before [`Scenario::build`].
pub struct Scenario {
    /// The data of each document.
    pub credentials: Vec<Credential>,
    /// What is asked.
    pub request: Vec<RequestedDocument>,
    /// The issuer.
    pub issuer: IssuerOptions,
    /// The terms of issue.
    pub terms: Terms,
    /// Curve of the device key.
    pub device_curve: Curve,
    /// Whether the device signs or MACs.
    pub mac: bool,
    /// Changes.
    pub hooks: Hooks,
}

/// A presentation: the bytes, and what they are judged with.
pub struct Built {
    /// DeviceResponse.
    pub response: Vec<u8>,
    /// SessionTranscript.
    pub session_transcript: Vec<u8>,
    /// The root, DER.
    pub root: Vec<u8>,
    /// The root, PEM.
    pub root_pem: String,
    /// The reader's ephemeral key.
    pub reader_key: SigningKey,
    /// The device key of the first document.
    pub device_key: SigningKey,
    /// The instant to judge at, seconds since the epoch.
    pub now: i64,
}

impl Scenario {
    /// A credential, asked for these elements, issued an hour ago for 20 days.
    pub fn new(credential: Credential, elements: &[(&str, &[&str])]) -> Self {
        let name_spaces = elements
            .iter()
            .map(|(space, names)| {
                (
                    (*space).to_owned(),
                    names.iter().map(|name| (*name).to_owned()).collect(),
                )
            })
            .collect();
        Self {
            request: vec![RequestedDocument {
                doc_type: credential.doc_type.to_owned(),
                name_spaces,
            }],
            issuer: IssuerOptions {
                seed: 1,
                root_curve: Curve::P256,
                signer_curve: Curve::P256,
                country: "JP",
                state: None,
                signer_purpose: credential.signer_purpose,
                now: NOW,
            },
            credentials: vec![credential],
            terms: Terms {
                signed: NOW - 3600,
                valid_from: NOW - 3600,
                valid_until: NOW + 20 * DAY,
                digest_algorithm: HashAlgorithm::Sha256,
                key_authorizations: None,
                status: None,
            },
            device_curve: Curve::P256,
            mac: false,
            hooks: Hooks::default(),
        }
    }

    /// A My Number Card asked for the statement of twenty years, without a portrait.
    pub fn my_number() -> Self {
        Self::new(
            Credential::my_number(None),
            &[("org.iso.23220.1", &["age_over_20"])],
        )
    }

    /// An mDL asked for a statement of age and a name.
    pub fn mdl() -> Self {
        let elements: &[(&str, &[&str])] = &[("org.iso.18013.5.1", &["age_over_20", "family_name"])];
        Self::new(Credential::mdl(None), elements)
    }

    /// An EU PID asked for the statement of eighteen years.
    pub fn pid() -> Self {
        Self::new(
            Credential::pid(None),
            &[("eu.europa.ec.eudi.pid.1", &["age_over_18", "birth_date"])],
        )
    }

    /// A photo ID asked for the statement of eighteen years.
    pub fn photo_id() -> Self {
        Self::new(
            Credential::photo_id(None),
            &[("org.iso.23220.1", &["age_over_18", "birth_date"])],
        )
    }

    /// Adds a change.
    #[must_use]
    pub fn with(mut self, stage: Stage, change: impl Fn(&mut Value) + 'static) -> Self {
        self.hooks.on(stage, change);
        self
    }

    /// Adds a change to the document signer's certificate.
    #[must_use]
    pub fn with_signer(mut self, change: impl Fn(&mut CertificateSpec) + 'static) -> Self {
        self.hooks.on_signer(change);
        self
    }

    /// Adds a change to the root's certificate.
    #[must_use]
    pub fn with_root(mut self, change: impl Fn(&mut CertificateSpec) + 'static) -> Self {
        self.hooks.on_root(change);
        self
    }

    /// Changes anything else.
    #[must_use]
    pub fn set(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Builds the presentation. The same scenario gives the same bytes.
    pub fn build(&self) -> Built {
        self.build_under(&Issuer::new(&self.issuer, &self.hooks))
    }

    /// As [`Self::build`], under an issuer made elsewhere.
    pub fn build_under(&self, issuer: &Issuer) -> Built {
        let mut random = ChaCha20Rng::seed_from_u64(self.issuer.seed ^ 0x6d64_6f63);
        let reader_key = SigningKey::generate(Curve::P256, &mut random);
        let session_transcript = qr_transcript(&mut random, &reader_key);
        let held: Vec<HeldDocument> = self
            .credentials
            .iter()
            .map(|credential| {
                let device_key = SigningKey::generate(self.device_curve, &mut random);
                let document = issuer.issue(
                    credential,
                    device_key.cose_key(),
                    &self.terms,
                    &mut random,
                    &self.hooks,
                );
                HeldDocument { document, device_key }
            })
            .collect();
        let auth = if self.mac {
            DeviceAuth::Mac(reader_key.public_bytes())
        } else {
            DeviceAuth::Signature
        };
        let response = respond(&held, &self.request, &session_transcript, &auth, &self.hooks);
        let device_key = held.first().map(|held| held.device_key.clone());
        Built {
            response,
            session_transcript,
            root_pem: pem(&issuer.root),
            root: issuer.root.clone(),
            device_key: device_key.expect("a scenario has a credential"),
            reader_key,
            now: NOW,
        }
    }
}

/// The transcript of an engagement by QR code with fresh keys.
fn qr_transcript(random: &mut ChaCha20Rng, reader_key: &SigningKey) -> Vec<u8> {
    let engagement_key = SigningKey::generate(Curve::P256, random);
    let engagement = Value::Map(vec![
        (0.into(), "1.0".into()),
        (
            1.into(),
            Value::Array(vec![1.into(), tagged(encode(&engagement_key.cose_key()))]),
        ),
    ]);
    encode(&Value::Array(vec![
        tagged(encode(&engagement)),
        tagged(encode(&reader_key.cose_key())),
        Value::Null,
    ]))
}
