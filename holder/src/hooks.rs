//! Mutation hooks: a change at one stage, over which everything later is built, so that a negative
//! test fails for exactly its reason.

use ciborium::Value;

use crate::certificate::CertificateSpec;

/// A stage of building a response. The value is what the stage's doc says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// An IssuerSignedItem map, before it is encoded and digested.
    IssuerSignedItem,
    /// IssuerSignedItemBytes as sent, after the digest was taken.
    IssuerSignedItemBytes,
    /// The MSO map.
    Mso,
    /// The payload of issuerAuth as bytes, tag 24 included.
    MsoPayload,
    /// The protected header of issuerAuth, a map.
    IssuerProtected,
    /// The protected header of issuerAuth, encoded.
    IssuerProtectedBytes,
    /// The unprotected header of issuerAuth, a map.
    IssuerUnprotected,
    /// The signature of issuerAuth as bytes.
    IssuerSignature,
    /// issuerAuth, the array of four.
    IssuerAuth,
    /// The device-signed nameSpaces, a map.
    DeviceNameSpaces,
    /// The session transcript that the device signs, as bytes.
    DeviceTranscript,
    /// The document type that the device signs, a text.
    DeviceDocType,
    /// The protected header of the device's message, a map.
    DeviceProtected,
    /// The unprotected header of the device's message, a map.
    DeviceUnprotected,
    /// The payload of the device's message: null.
    DevicePayload,
    /// The device's signature or tag as bytes.
    DeviceSignature,
    /// The deviceAuth map.
    DeviceAuth,
    /// The deviceSigned map.
    DeviceSigned,
    /// The issuerSigned map.
    IssuerSigned,
    /// The document map.
    Document,
    /// The response map.
    Response,
    /// The response as bytes.
    WireBytes,
}

type Change = Box<dyn Fn(&mut Value)>;
type CertificateChange = Box<dyn Fn(&mut CertificateSpec)>;

/// Changes to make while building.
#[derive(Default)]
pub struct Hooks {
    changes: Vec<(Stage, Change)>,
    signer: Vec<CertificateChange>,
    root: Vec<CertificateChange>,
}

impl Hooks {
    /// Adds a change at a stage.
    pub fn on(&mut self, stage: Stage, change: impl Fn(&mut Value) + 'static) {
        self.changes.push((stage, Box::new(change)));
    }

    /// Adds a change to the document signer's certificate, before it is signed.
    pub fn on_signer(&mut self, change: impl Fn(&mut CertificateSpec) + 'static) {
        self.signer.push(Box::new(change));
    }

    /// Adds a change to the root's certificate, before it is signed.
    pub fn on_root(&mut self, change: impl Fn(&mut CertificateSpec) + 'static) {
        self.root.push(Box::new(change));
    }

    pub(crate) fn apply(&self, stage: Stage, value: &mut Value) {
        for (_, change) in self.changes.iter().filter(|(at, _)| *at == stage) {
            change(value);
        }
    }

    pub(crate) fn apply_to_bytes(&self, stage: Stage, bytes: Vec<u8>) -> Vec<u8> {
        let mut value = Value::Bytes(bytes);
        self.apply(stage, &mut value);
        value.into_bytes().unwrap_or_default()
    }

    pub(crate) fn apply_to_signer(&self, spec: &mut CertificateSpec) {
        self.signer.iter().for_each(|change| change(spec));
    }

    pub(crate) fn apply_to_root(&self, spec: &mut CertificateSpec) {
        self.root.iter().for_each(|change| change(spec));
    }
}

/// The value under a text key of a map; panics where there is none, since a change that does
/// nothing would be no test.
pub fn member<'v>(map: &'v mut Value, key: &str) -> &'v mut Value {
    let pairs = map
        .as_map_mut()
        .expect("a change asks for a member of something that is no map");
    let pair = pairs.iter_mut().find(|(name, _)| name.as_text() == Some(key));
    &mut pair.expect("a change asks for a member that is not there").1
}

/// Removes the member under a text key.
pub fn remove(map: &mut Value, key: &str) {
    let pairs = map
        .as_map_mut()
        .expect("a change asks for a member of something that is no map");
    let before = pairs.len();
    pairs.retain(|(name, _)| name.as_text() != Some(key));
    assert!(
        pairs.len() < before,
        "a change removes a member that is not there"
    );
}

/// Adds a pair to a map, whatever is there already.
pub fn insert(map: &mut Value, key: impl Into<Value>, value: impl Into<Value>) {
    let pairs = map
        .as_map_mut()
        .expect("a change adds a member to something that is no map");
    pairs.push((key.into(), value.into()));
}
