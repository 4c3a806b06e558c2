//! The reader's own certificate and key, from files.

use std::path::Path;

use mdoc::crypto::SigningKey;
use mdoc::request::ReaderIdentity;
use relying_party::pem_certificates;
use zeroize::Zeroizing;

use crate::counter::StartError;

const MAX_FILE: u64 = 1024 * 1024;

/// What the reader signs its requests with.
pub(crate) struct Identity {
    x5chain: Vec<Vec<u8>>,
    key: SigningKey,
}

impl Identity {
    /// Reads `certificate` (PEM, the reader's own first, or one certificate in DER) and `key` (PKCS#8).
    pub(crate) fn load(certificate: &Path, key: &Path) -> Result<Self, StartError> {
        let fault = |path: &Path, fault: String| StartError::File {
            path: path.to_owned(),
            fault,
        };
        let bytes = operator::read_file(certificate, MAX_FILE)?;
        let x5chain = pem_certificates(&bytes).unwrap_or_else(|| vec![bytes]);
        let bytes = Zeroizing::new(operator::read_file(key, MAX_FILE)?);
        let signing_key = SigningKey::from_pkcs8(&bytes).map_err(|error| fault(key, error.to_string()))?;
        let identity = Self {
            x5chain,
            key: signing_key,
        };
        identity
            .reader()
            .map_err(|error| fault(certificate, error.to_string()))?;
        Ok(identity)
    }

    /// The identity, as a request is signed with it.
    pub(crate) fn reader(&self) -> Result<ReaderIdentity<'_>, mdoc::request::ReaderIdentityError> {
        ReaderIdentity::new(self.x5chain.clone(), &self.key)
    }
}
