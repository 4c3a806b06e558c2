//! Evidence of revocation made by the test issuer: CRLs, status lists and identifier lists, each as
//! plain data so that any deviation can be produced.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ciborium::Value;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use mdoc::crypto::sha1;
use serde_json::json;

use crate::certificate::{
    CertificateSpec, Extension, NameAttribute, der, encode_name, name, oid, signature_algorithm, time,
};
use crate::encode;
use crate::issuer::{DAY, Issuer, IssuerOptions};
use crate::keys::SigningKey;

/// The object identifier of a CRL's number.
pub const CRL_NUMBER: &str = "2.5.29.20";

/// A CRL to be. [`CrlSpec::new`] gives a conforming one of no entries.
#[derive(Clone)]
pub struct CrlSpec {
    /// The content of the version's INTEGER; 1 is version 2.
    pub version: Option<u8>,
    /// Issuer.
    pub issuer: Vec<NameAttribute>,
    /// When it is made, seconds since the epoch.
    pub this_update: i64,
    /// When the next one is due.
    pub next_update: Option<i64>,
    /// Revoked certificates.
    pub entries: Vec<CrlEntry>,
    /// Write the list of entries even when there is none.
    pub empty_list: bool,
    /// Extensions in order.
    pub extensions: Vec<Extension>,
    /// The algorithm named inside, as DER; the signer's own where it is none.
    pub inner_algorithm: Option<Vec<u8>>,
}

/// A revoked certificate.
#[derive(Clone)]
pub struct CrlEntry {
    /// The content of the serial number's INTEGER.
    pub serial: Vec<u8>,
    /// When it was revoked.
    pub date: i64,
    /// Extensions of the entry.
    pub extensions: Vec<Extension>,
}

impl CrlSpec {
    /// A list of this issuer, made a day before `now` and due in thirty days.
    pub fn new(issuer: Vec<NameAttribute>, key: &SigningKey, number: u8, now: i64) -> Self {
        Self {
            version: Some(1),
            issuer,
            this_update: now - DAY,
            next_update: Some(now + 30 * DAY),
            entries: Vec::new(),
            empty_list: false,
            extensions: vec![
                Extension {
                    oid: oid::AUTHORITY_KEY_IDENTIFIER,
                    critical: false,
                    value: der(0x30, &der(0x80, &sha1(&key.public_bytes()))),
                },
                Extension {
                    oid: CRL_NUMBER,
                    critical: false,
                    value: der(0x02, &[number]),
                },
            ],
            inner_algorithm: None,
        }
    }

    /// Adds a revoked certificate.
    pub fn revoke(&mut self, serial: &[u8], date: i64) {
        self.entries.push(CrlEntry {
            serial: serial.to_vec(),
            date,
            extensions: Vec::new(),
        });
    }

    /// Signs the list; DER.
    pub fn sign(&self, key: &SigningKey) -> Vec<u8> {
        let own = signature_algorithm(key);
        let mut content = Vec::new();
        content.extend(self.version.iter().flat_map(|version| der(0x02, &[*version])));
        content.extend_from_slice(self.inner_algorithm.as_ref().unwrap_or(&own));
        content.extend(encode_name(&self.issuer));
        content.extend(time(self.this_update));
        content.extend(self.next_update.into_iter().flat_map(time));
        if self.empty_list || !self.entries.is_empty() {
            content.extend(der(
                0x30,
                &self.entries.iter().flat_map(CrlEntry::encode).collect::<Vec<_>>(),
            ));
        }
        if !self.extensions.is_empty() {
            content.extend(der(0xa0, &extensions(&self.extensions)));
        }
        let tbs = der(0x30, &content);
        let signature = [&[0], key.sign_der(&tbs).as_slice()].concat();
        der(0x30, &[tbs, own, der(0x03, &signature)].concat())
    }
}

impl CrlEntry {
    fn encode(&self) -> Vec<u8> {
        let mut content = [der(0x02, &self.serial), time(self.date)].concat();
        if !self.extensions.is_empty() {
            content.extend(extensions(&self.extensions));
        }
        der(0x30, &content)
    }
}

fn extensions(extensions: &[Extension]) -> Vec<u8> {
    der(
        0x30,
        &extensions.iter().flat_map(Extension::encode).collect::<Vec<_>>(),
    )
}

/// The status authority of a test issuer: a key and its certificate under the issuer's root.
pub struct StatusAuthority {
    /// The key.
    pub key: SigningKey,
    /// The certificate, DER.
    pub certificate: Vec<u8>,
}

impl StatusAuthority {
    /// Makes one; `change` may spoil its certificate.
    pub fn new(issuer: &Issuer, options: &IssuerOptions, change: impl FnOnce(&mut CertificateSpec)) -> Self {
        use rand_core::SeedableRng as _;
        let mut random = rand_chacha::ChaCha20Rng::seed_from_u64(options.seed ^ 0x7374_6174);
        let key = SigningKey::generate(mdoc::crypto::Curve::P256, &mut random);
        let root_name = name(options.country, options.state, "TEST IACA");
        let mut spec = CertificateSpec::status_signer(
            &key,
            (&root_name, &issuer.root_key),
            name(options.country, options.state, "TEST status signer"),
            vec![0x53],
            (options.now - 30 * DAY, options.now + 300 * DAY),
        );
        change(&mut spec);
        Self {
            certificate: spec.sign(&issuer.root_key),
            key,
        }
    }
}

/// What a token lists.
#[derive(Clone)]
pub enum List {
    /// Statuses of so many bits each.
    Statuses {
        /// 1, 2, 4 or 8.
        bits: u8,
        /// One value an entry.
        values: Vec<u8>,
    },
    /// Identifiers of revoked documents.
    Identifiers(Vec<Vec<u8>>),
}

/// Claims of a CWT, in order.
pub type Claims = Vec<(Value, Value)>;

/// A status or identifier list token to be. [`TokenSpec::new`] gives one of the ISO profile.
#[derive(Clone)]
pub struct TokenSpec {
    /// The list's URI.
    pub uri: String,
    /// When it is made, seconds since the epoch.
    pub issued_at: i64,
    /// Its last instant.
    pub expires_at: Option<i64>,
    /// Seconds after which to fetch a new one.
    pub time_to_live: Option<i64>,
    /// What it lists.
    pub list: List,
    /// The chain of its signer, DER.
    pub chain: Vec<Vec<u8>>,
    /// Whether the chain stands in the protected header.
    pub protected_chain: bool,
    /// The type; none to leave it out.
    pub token_type: Option<Value>,
    /// The COSE tag.
    pub tag: Option<u64>,
    /// The compressed list in place of the list's own.
    pub compressed: Option<Vec<u8>>,
    /// A change to the claims of a CWT.
    pub change: Option<fn(&mut Claims)>,
}

impl TokenSpec {
    /// A token of this list, made an hour before `now` and good for a day, with this chain.
    pub fn new(uri: &str, list: List, chain: Vec<Vec<u8>>, now: i64) -> Self {
        let name = match list {
            List::Statuses { .. } => "application/statuslist+cwt",
            List::Identifiers(_) => "application/identifierlist+cwt",
        };
        Self {
            uri: uri.to_owned(),
            issued_at: now - 3600,
            expires_at: Some(now + DAY),
            time_to_live: Some(43_200),
            list,
            chain,
            protected_chain: true,
            token_type: Some(name.into()),
            tag: Some(18),
            compressed: None,
            change: None,
        }
    }

    /// The list as its zlib stream.
    fn lst(&self) -> Vec<u8> {
        match (&self.compressed, &self.list) {
            (Some(compressed), _) => compressed.clone(),
            (None, List::Statuses { bits, values }) => zlib(&pack(*bits, values)),
            (None, List::Identifiers(_)) => Vec::new(),
        }
    }

    /// Signs a CWT.
    pub fn cwt(&self, key: &SigningKey) -> Vec<u8> {
        let mut protected = vec![(1.into(), key.algorithm().into())];
        protected.extend(self.token_type.iter().map(|name| (16.into(), name.clone())));
        let mut unprotected = Vec::new();
        let chain = match self.chain.as_slice() {
            [] => None,
            [one] => Some(Value::Bytes(one.clone())),
            many => Some(Value::Array(many.iter().cloned().map(Value::Bytes).collect())),
        };
        let place = if self.protected_chain {
            &mut protected
        } else {
            &mut unprotected
        };
        place.extend(chain.map(|chain| (33.into(), chain)));
        let mut claims: Claims = vec![
            (2.into(), self.uri.as_str().into()),
            (6.into(), self.issued_at.into()),
        ];
        claims.extend(self.expires_at.map(|at| (4.into(), at.into())));
        claims.extend(self.time_to_live.map(|seconds| (65534.into(), seconds.into())));
        claims.push(match &self.list {
            List::Statuses { bits, .. } => (
                65533.into(),
                Value::Map(vec![
                    ("bits".into(), (*bits).into()),
                    ("lst".into(), Value::Bytes(self.lst())),
                ]),
            ),
            List::Identifiers(identifiers) => {
                let entries = identifiers
                    .iter()
                    .map(|identifier| (Value::Bytes(identifier.clone()), Value::Map(Vec::new())));
                let map = vec![("identifiers".into(), Value::Map(entries.collect()))];
                (65530.into(), Value::Map(map))
            }
        });
        if let Some(change) = self.change {
            change(&mut claims);
        }
        let (protected, payload) = (encode(&Value::Map(protected)), encode(&Value::Map(claims)));
        let structure = Value::Array(vec![
            "Signature1".into(),
            Value::Bytes(protected.clone()),
            Value::Bytes(Vec::new()),
            Value::Bytes(payload.clone()),
        ]);
        let message = Value::Array(vec![
            Value::Bytes(protected),
            Value::Map(unprotected),
            Value::Bytes(payload),
            Value::Bytes(key.sign(&encode(&structure))),
        ]);
        encode(&match self.tag {
            Some(tag) => Value::Tag(tag, Box::new(message)),
            None => message,
        })
    }

    /// Signs a JWT; the token's type is then text of the short form, whatever is set.
    ///
    /// # Panics
    /// For an identifier list, which has no JWT.
    pub fn jwt(&self, key: &SigningKey) -> String {
        let List::Statuses { bits, .. } = &self.list else {
            panic!("an identifier list has no JWT");
        };
        let algorithm = match key.algorithm() {
            -7 => "ES256",
            -35 => "ES384",
            -36 => "ES512",
            _ => "EdDSA",
        };
        let mut header = json!({ "alg": algorithm, "typ": "statuslist+jwt" });
        if !self.chain.is_empty() {
            let chain: Vec<String> = self.chain.iter().map(|der| STANDARD.encode(der)).collect();
            header["x5c"] = json!(chain);
        }
        let mut claims = json!({
            "sub": self.uri,
            "iat": self.issued_at,
            "status_list": { "bits": bits, "lst": URL_SAFE_NO_PAD.encode(self.lst()) },
        });
        if let Some(at) = self.expires_at {
            claims["exp"] = json!(at);
        }
        if let Some(seconds) = self.time_to_live {
            claims["ttl"] = json!(seconds);
        }
        let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

/// The lists of a test issuer on disk: which of them a record names says whether it is revoked.
pub mod lists {
    /// One bit; entry 3 is revoked.
    pub const STATUSES: &str = "https://status.example/statuses";
    /// Two bits, a width that the second edition of ISO/IEC 18013-5 does not know; entry 5 is suspended.
    pub const SUSPENSIONS: &str = "https://status.example/suspensions";
    /// One bit, expired; nothing is revoked.
    pub const EXPIRED: &str = "https://status.example/expired";
    /// A list that is nowhere: no host has a name that ends so (RFC 6761 §6.4).
    pub const DOWN: &str = "https://status.invalid/down";
    /// Identifiers; [`LISTED`] is revoked.
    pub const IDENTIFIERS: &str = "https://status.example/identifiers";
    /// The identifier that is on the list.
    pub const LISTED: &[u8] = b"TEST listed ident";
}

/// A CRL and the four [`lists`] of a test issuer: folder and name of each file, and its content.
pub fn files(issuer: &Issuer, options: &IssuerOptions) -> Vec<(&'static str, Vec<u8>)> {
    let authority = StatusAuthority::new(issuer, options, |_| {});
    let token = |uri: &str, list: List, change: fn(&mut TokenSpec)| {
        let mut spec = TokenSpec::new(uri, list, vec![authority.certificate.clone()], options.now);
        // As long as the certificates live: a phone that waits for weeks is no fault.
        spec.expires_at = Some(options.now + 300 * DAY);
        change(&mut spec);
        spec.cwt(&authority.key)
    };
    let statuses = |bits: u8, set: Option<(usize, u8)>| {
        let mut values = vec![0; 1024];
        if let Some((index, value)) = set {
            values[index] = value;
        }
        List::Statuses { bits, values }
    };
    let name = name(options.country, options.state, "TEST IACA");
    let mut crl = CrlSpec::new(name, &issuer.root_key, 1, options.now);
    crl.next_update = Some(options.now + 89 * DAY);
    vec![
        ("crls/test.crl", crl.sign(&issuer.root_key)),
        (
            "status/statuses.cwt",
            token(lists::STATUSES, statuses(1, Some((3, 1))), |_| {}),
        ),
        (
            "status/suspensions.cwt",
            token(lists::SUSPENSIONS, statuses(2, Some((5, 2))), |_| {}),
        ),
        (
            "status/expired.cwt",
            token(lists::EXPIRED, statuses(1, None), |spec| {
                spec.expires_at = Some(spec.issued_at + 1);
            }),
        ),
        (
            "status/identifiers.cwt",
            token(
                lists::IDENTIFIERS,
                List::Identifiers(vec![lists::LISTED.to_vec()]),
                |_| {},
            ),
        ),
    ]
}

/// `"status": { "status_list": { idx, uri } }` of an MSO.
pub fn status_reference(uri: &str, index: u64) -> Value {
    let list = vec![("idx".into(), index.into()), ("uri".into(), uri.into())];
    Value::Map(vec![("status_list".into(), Value::Map(list))])
}

/// `"status": { "identifier_list": { id, uri } }` of an MSO.
pub fn identifier_reference(uri: &str, identifier: &[u8]) -> Value {
    let list = vec![
        ("id".into(), Value::Bytes(identifier.to_vec())),
        ("uri".into(), uri.into()),
    ];
    Value::Map(vec![("identifier_list".into(), Value::Map(list))])
}

/// Entries of so many bits each, the first in the lowest bits of the first byte.
fn pack(bits: u8, values: &[u8]) -> Vec<u8> {
    let per_byte = usize::from(8 / bits);
    let byte = |group: &[u8]| {
        let placed = group
            .iter()
            .zip(0u8..)
            .map(|(value, place)| value << (place * bits));
        placed.fold(0, |byte, part| byte | part)
    };
    values.chunks(per_byte).map(byte).collect()
}

/// A zlib stream of `bytes`.
pub fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("invariant: memory takes what is written")
}
