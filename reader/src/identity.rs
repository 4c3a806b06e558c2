//! The reader's own certificate and key, from files or with the key in a PKCS#11 token.

use std::path::Path;

use mdoc::crypto::{Signer, SigningKey};
use mdoc::request::{DeviceRequest, ReaderIdentity, ReaderIdentityError};
use mdoc::session::SessionTranscript;
use mdoc::time::UnixTime;
use relying_party::pem_certificates;
use zeroize::Zeroizing;

use crate::certificate;
use crate::counter::StartError;
use crate::failure::Failure;
use crate::say;
#[cfg(feature = "pkcs11")]
use crate::token::{TokenKey, TokenPlace};
use crate::token_fault::TokenFault;

pub(crate) const MAX_FILE: u64 = 1024 * 1024;

/// Where the reader's key is.
#[derive(Clone, Copy)]
pub(crate) enum KeyPlace<'f> {
    /// A file in PKCS#8.
    File(&'f Path),
    /// A PKCS#11 URI, and the name of the environment variable with the PIN.
    #[cfg(feature = "pkcs11")]
    Token(&'f str, Option<&'f str>),
}

impl<'f> KeyPlace<'f> {
    /// What the flags say; none where they say nothing.
    ///
    /// # Errors
    /// They name a token, and this build knows none.
    pub(crate) fn new(
        file: Option<&'f Path>,
        uri: Option<&'f str>,
        pin_variable: Option<&'f str>,
    ) -> Result<Option<Self>, StartError> {
        match (file, uri) {
            (Some(file), _) => Ok(Some(Self::File(file))),
            #[cfg(feature = "pkcs11")]
            (None, Some(uri)) => Ok(Some(Self::Token(uri, pin_variable))),
            #[cfg(not(feature = "pkcs11"))]
            (None, Some(_)) => {
                let _ = pin_variable;
                let words = "this build knows no tokens; build the reader with the feature pkcs11";
                Err(StartError::Argument(words.to_owned()))
            }
            (None, None) => Ok(None),
        }
    }
}

/// What the reader signs its requests with.
pub(crate) struct Identity {
    x5chain: Vec<Vec<u8>>,
    key: ReaderKey,
}

enum ReaderKey {
    File(Box<SigningKey>),
    #[cfg(feature = "pkcs11")]
    Token(Box<TokenKey>),
}

impl ReaderKey {
    fn signer(&self) -> &dyn Signer {
        match self {
            Self::File(key) => key.as_ref(),
            #[cfg(feature = "pkcs11")]
            Self::Token(key) => key.as_ref(),
        }
    }

    /// What the token says of the signature that was not made.
    fn token_fault(&self) -> Option<TokenFault> {
        match self {
            Self::File(_) => None,
            #[cfg(feature = "pkcs11")]
            Self::Token(key) => key.take_fault(),
        }
    }
}

impl Identity {
    /// Reads `certificate` (PEM, the reader's own first, or one certificate in DER) and opens the key.
    pub(crate) fn load(certificate: &Path, key: KeyPlace<'_>) -> Result<Self, StartError> {
        let x5chain = load_chain(certificate)?;
        let key = match key {
            KeyPlace::File(file) => ReaderKey::File(Box::new(load_key(file)?)),
            #[cfg(feature = "pkcs11")]
            KeyPlace::Token(uri, pin_variable) => {
                let place = TokenPlace::new(uri, pin_variable)?;
                let public_key = public_key_of(certificate, &x5chain)?;
                ReaderKey::Token(Box::new(TokenKey::open(place, &public_key)?))
            }
        };
        let identity = Self { x5chain, key };
        identity.reader().map_err(|error| fault_of(certificate, &error))?;
        Ok(identity)
    }

    /// Signs each document request in this very session.
    pub(crate) fn sign(
        &self,
        request: &mut DeviceRequest,
        transcript: &SessionTranscript,
    ) -> Result<(), Failure> {
        let signature = |error: &dyn core::error::Error| Failure::Signature(error.to_string());
        let reader = self.reader().map_err(|error| signature(&error))?;
        let signed = request.sign(transcript, &reader);
        signed.map_err(|error| match self.key.token_fault() {
            Some(fault) => Failure::Token(fault),
            None => signature(&error),
        })
    }

    /// Says what an operator should know of the certificate at this instant: a phone says nothing to one that it does not
    /// take.
    pub(crate) fn warn(&self, now: UnixTime) {
        for finding in certificate::check(&self.x5chain, None, now) {
            if finding.severity >= operator::Severity::Warning {
                say(&format!("warning: the reader's certificate: {}", finding.detail));
            }
        }
    }

    fn reader(&self) -> Result<ReaderIdentity<'_>, ReaderIdentityError> {
        ReaderIdentity::new(self.x5chain.clone(), self.key.signer())
    }
}

/// The certificates of a file: PEM, the reader's own first, or one in DER.
pub(crate) fn load_chain(certificate: &Path) -> Result<Vec<Vec<u8>>, StartError> {
    // A private key may stand beside the certificate.
    let bytes = Zeroizing::new(operator::read_file(certificate, MAX_FILE)?);
    Ok(pem_certificates(&bytes).unwrap_or_else(|| vec![bytes.to_vec()]))
}

/// The public key of a chain that a file holds.
#[cfg(feature = "pkcs11")]
pub(crate) fn public_key_of(
    certificate: &Path,
    x5chain: &[Vec<u8>],
) -> Result<mdoc::crypto::PublicKey, StartError> {
    ReaderIdentity::public_key_of(x5chain).map_err(|error| fault_of(certificate, &error))
}

fn fault_of(certificate: &Path, error: &ReaderIdentityError) -> StartError {
    StartError::File {
        path: certificate.to_owned(),
        fault: error.to_string(),
    }
}

/// The key of a file.
pub(crate) fn load_key(file: &Path) -> Result<SigningKey, StartError> {
    let bytes = Zeroizing::new(operator::read_file(file, MAX_FILE)?);
    SigningKey::from_pkcs8(&bytes).map_err(|error| StartError::File {
        path: file.to_owned(),
        fault: error.to_string(),
    })
}
