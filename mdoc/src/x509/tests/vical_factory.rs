//! VICALs from raw CBOR parts, so that any deviation can be written.

use ecdsa::signature::Signer as _;

use super::factory::{
    DAY, EKU, KEY_USAGE, Key, START, Spec, der, extended_key_usage, key_usage, name_in, oid,
};
use crate::cbor::write;
use crate::time::UnixTime;
use crate::x509::{Certificate, Vical, VicalError};

pub(super) const MDL: &str = "org.iso.18013.5.1.mDL";
pub(super) const PHOTO_ID: &str = "org.iso.23220.photoID.1";
/// When the lists here are issued.
pub(super) const DATE: i64 = START + DAY;

/// Pairs of a CBOR map: text key, encoded value.
pub(super) type Members = Vec<(&'static str, Vec<u8>)>;

/// Sets a member, or adds it.
pub(super) fn set(members: &mut Members, name: &'static str, value: Vec<u8>) {
    match members.iter_mut().find(|(known, _)| *known == name) {
        Some(member) => member.1 = value,
        None => members.push((name, value)),
    }
}

pub(super) fn remove(members: &mut Members, name: &str) {
    let count = members.len();
    members.retain(|(known, _)| *known != name);
    assert_eq!(members.len() + 1, count, "{name} was there once");
}

fn encoded(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

pub(super) fn text(value: &str) -> Vec<u8> {
    encoded(|out| write::text(out, value))
}

pub(super) fn number(value: u64) -> Vec<u8> {
    encoded(|out| write::unsigned(out, value))
}

pub(super) fn bytes(value: &[u8]) -> Vec<u8> {
    encoded(|out| write::bytes(out, value))
}

pub(super) fn tagged(tag: u64, inner: &[u8]) -> Vec<u8> {
    encoded(|out| {
        write::tag(out, tag);
        out.extend_from_slice(inner);
    })
}

pub(super) fn tdate(seconds: i64) -> Vec<u8> {
    tagged(0, &text(&UnixTime::from_seconds(seconds).unwrap().to_string()))
}

pub(super) fn array(items: &[Vec<u8>]) -> Vec<u8> {
    encoded(|out| {
        write::array(out, items.len());
        out.extend(items.concat());
    })
}

pub(super) fn map(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    encoded(|out| {
        write::map(out, members.len());
        for (name, value) in members {
            write::text(out, name);
            out.extend_from_slice(value);
        }
    })
}

/// The entry that a good provider writes for this certificate.
pub(super) fn info(certificate: &[u8], doc_types: &[&str]) -> Members {
    let parsed = Certificate::from_der(certificate).unwrap();
    let doc_types: Vec<Vec<u8>> = doc_types.iter().map(|doc_type| text(doc_type)).collect();
    vec![
        ("certificate", bytes(certificate)),
        ("serialNumber", tagged(2, &bytes(parsed.serial()))),
        ("ski", bytes(parsed.subject_key_identifier().unwrap())),
        ("docType", array(&doc_types)),
    ]
}

/// An IACA root of its own name and key.
pub(super) fn root(seed: u8) -> (Spec, Key) {
    let key = Key::p256(seed);
    (Spec::root(&name_in("JP", &format!("Root {seed}")), &key), key)
}

/// A VICAL authority and the signer below it, both conforming.
pub(super) struct Provider {
    pub(super) authority_name: Vec<u8>,
    pub(super) authority_key: Key,
    pub(super) authority: Spec,
    pub(super) signer_key: Key,
    pub(super) signer: Spec,
}

impl Provider {
    pub(super) fn new() -> Self {
        let (authority_key, signer_key) = (Key::p256(50), Key::p256(51));
        let authority_name = name_in("JP", "Test list authority");
        let issuer = (authority_name.as_slice(), &authority_key);
        let mut signer = Spec::signer(&name_in("JP", "Test list signer"), &signer_key, issuer);
        signer.not_after = START + 1187 * DAY;
        signer.extension(KEY_USAGE).value = key_usage(0x40);
        signer.extension(EKU).value = extended_key_usage(&["1.0.18013.5.1.8"]);
        Self {
            authority: Spec::root(&authority_name, &authority_key),
            authority_name,
            authority_key,
            signer_key,
            signer,
        }
    }

    pub(super) fn authority(&self) -> Certificate {
        self.authority.parse(&self.authority_key)
    }

    pub(super) fn signer_der(&self) -> Vec<u8> {
        self.signer.sign(&self.authority_key)
    }

    /// A list of these entries.
    pub(super) fn list(&self, infos: &[Members]) -> List {
        let infos: Vec<Vec<u8>> = infos.iter().map(|info| map(info)).collect();
        List {
            members: vec![
                ("version", text("1.0")),
                ("vicalProvider", text("Test provider")),
                ("date", tdate(DATE)),
                ("vicalIssueID", number(7)),
                ("certificateInfos", array(&infos)),
            ],
            // { 1: -7 }
            protected: vec![0xa1, 0x01, 0x26],
            unprotected: vec![(33, bytes(&self.signer_der()))],
            key: self.signer_key.clone(),
        }
    }
}

/// A list to be signed.
pub(super) struct List {
    pub(super) members: Members,
    pub(super) protected: Vec<u8>,
    pub(super) unprotected: Vec<(i64, Vec<u8>)>,
    pub(super) key: Key,
}

impl List {
    /// The list with a member set.
    pub(super) fn with(mut self, name: &'static str, value: Vec<u8>) -> Self {
        set(&mut self.members, name, value);
        self
    }

    /// The list without a member.
    pub(super) fn without(mut self, name: &str) -> Self {
        remove(&mut self.members, name);
        self
    }

    /// The signed list.
    pub(super) fn sign(&self) -> Vec<u8> {
        self.sign_payload(&map(&self.members))
    }

    /// A list of this content, signed.
    pub(super) fn sign_payload(&self, payload: &[u8]) -> Vec<u8> {
        let structure = array(&[
            text("Signature1"),
            bytes(&self.protected),
            bytes(&[]),
            bytes(payload),
        ]);
        let Key::P256(key) = &self.key else {
            panic!("lists are signed on P-256 here");
        };
        let signature: p256::ecdsa::Signature = key.sign(&structure);
        let unprotected = encoded(|out| {
            write::map(out, self.unprotected.len());
            for (label, value) in &self.unprotected {
                write::integer(out, *label);
                out.extend_from_slice(value);
            }
        });
        array(&[
            bytes(&self.protected),
            unprotected,
            bytes(payload),
            bytes(&signature.to_bytes()),
        ])
    }

    pub(super) fn decode(&self) -> Result<Vical, VicalError> {
        Vical::decode(&self.sign())
    }
}

/// A Name as the DER of one attribute that is no directory string.
pub(super) fn odd_name() -> Vec<u8> {
    let attribute = der(0x30, &[oid("2.5.4.3"), der(0x0c, "a\u{1b}b".as_bytes())].concat());
    der(0x30, &der(0x31, &attribute))
}
