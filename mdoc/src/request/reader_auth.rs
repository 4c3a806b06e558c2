//! Reader authentication (18013-5 §9.1.4): the reader signs what it asks, in this very session.

use crate::cbor::write;
use crate::cose::{MAX_CERTIFICATES, to_be_signed};
use crate::crypto::{PublicKey, SignError, Signer};
use crate::session::SessionTranscript;
use crate::x509::{Certificate, CertificateError};

use super::{DeviceRequest, ItemsRequest};

/// A reader's certificate chain and the key to its first certificate.
pub struct ReaderIdentity<'k> {
    x5chain: Vec<Vec<u8>>,
    signer: &'k dyn Signer,
}

/// Why a chain and a key make no reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReaderIdentityError {
    /// No certificate, or more than a phone would take.
    #[error("a reader's chain has one to five certificates")]
    Length,
    /// A certificate cannot be read.
    #[error("certificate {index} of the reader's chain: {error}")]
    Certificate {
        /// Its place, from 0.
        index: usize,
        /// What is wrong with it.
        error: CertificateError,
    },
    /// The first certificate is not for this key.
    #[error("the reader's certificate is not for the reader's key")]
    OtherKey,
    /// A certificate is not issued by the next.
    #[error("the reader's chain is not in order")]
    Order,
}

impl<'k> ReaderIdentity<'k> {
    /// The certificates in DER, the reader's own first, each issued by the next, without the root.
    ///
    /// # Errors
    /// [`ReaderIdentityError`].
    pub fn new(x5chain: Vec<Vec<u8>>, signer: &'k dyn Signer) -> Result<Self, ReaderIdentityError> {
        if !(1..=MAX_CERTIFICATES).contains(&x5chain.len()) {
            return Err(ReaderIdentityError::Length);
        }
        let mut above: Option<Certificate> = None;
        for (index, der) in x5chain.iter().enumerate().rev() {
            let certificate = Certificate::from_der(der)
                .map_err(|error| ReaderIdentityError::Certificate { index, error })?;
            if let Some(above) = above.take() {
                let signed = above
                    .public_key()
                    .is_some_and(|key| certificate.verify_signed_by(key).is_ok());
                if !signed || certificate.issuer_der() != above.subject_der() {
                    return Err(ReaderIdentityError::Order);
                }
            }
            above = Some(certificate);
        }
        if above.as_ref().and_then(Certificate::public_key) == Some(signer.public_key()) {
            Ok(Self { x5chain, signer })
        } else {
            Err(ReaderIdentityError::OtherKey)
        }
    }

    /// The key in the reader's own certificate, the first of the chain: what a signer has to have.
    ///
    /// # Errors
    /// [`ReaderIdentityError`]; [`ReaderIdentityError::OtherKey`] where it is of no kind that anybody signs with here.
    pub fn public_key_of(x5chain: &[Vec<u8>]) -> Result<PublicKey, ReaderIdentityError> {
        let der = x5chain.first().ok_or(ReaderIdentityError::Length)?;
        let certificate = Certificate::from_der(der)
            .map_err(|error| ReaderIdentityError::Certificate { index: 0, error })?;
        certificate
            .public_key()
            .cloned()
            .ok_or(ReaderIdentityError::OtherKey)
    }

    /// COSE_Sign1 over a detached payload: `[ {1: alg}, {33: x5chain}, nil, signature ]`.
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignError> {
        let mut protected = Vec::new();
        write::map(&mut protected, 1);
        write::integer(&mut protected, 1);
        write::integer(&mut protected, self.signer.algorithm().cose_id());
        let signature = self.signer.sign(&to_be_signed(&protected, payload))?;
        let mut message = Vec::new();
        write::array(&mut message, 4);
        write::bytes(&mut message, &protected);
        write::map(&mut message, 1);
        write::integer(&mut message, 33);
        match self.x5chain.as_slice() {
            [certificate] => write::bytes(&mut message, certificate),
            certificates => {
                write::array(&mut message, certificates.len());
                for certificate in certificates {
                    write::bytes(&mut message, certificate);
                }
            }
        }
        write::null(&mut message);
        write::bytes(&mut message, &signature);
        Ok(message)
    }
}

impl DeviceRequest {
    /// Signs each document request with `readerAuth`, which phones of both editions read.
    ///
    /// # Errors
    /// The key does not sign.
    pub fn sign(
        &mut self,
        transcript: &SessionTranscript,
        identity: &ReaderIdentity<'_>,
    ) -> Result<(), SignError> {
        for request in &mut self.doc_requests {
            let payload = reader_authentication_bytes(transcript, &request.items_request);
            request.reader_auth = Some(identity.sign(&payload)?);
        }
        Ok(())
    }

    /// Signs the whole request with one more entry of `readerAuthAll`; the request is of version 1.1
    /// then.
    ///
    /// # Errors
    /// The key does not sign.
    pub fn sign_all(
        &mut self,
        transcript: &SessionTranscript,
        identity: &ReaderIdentity<'_>,
    ) -> Result<(), SignError> {
        let payload = self.reader_authentication_all_bytes(transcript);
        let signature = identity.sign(&payload)?;
        self.add_reader_auth_all(signature);
        Ok(())
    }

    /// `#6.24(bstr .cbor ["ReaderAuthenticationAll", SessionTranscript, [+ ItemsRequestBytes],
    /// DeviceRequestInfoBytes / null])`: what an entry of `readerAuthAll` signs.
    pub fn reader_authentication_all_bytes(&self, transcript: &SessionTranscript) -> Vec<u8> {
        let mut array = Vec::new();
        write::array(&mut array, 4);
        write::text(&mut array, "ReaderAuthenticationAll");
        array.extend_from_slice(transcript.as_bytes());
        write::array(&mut array, self.doc_requests.len());
        for request in &self.doc_requests {
            write::embedded(&mut array, request.items_request.as_bytes());
        }
        match &self.device_request_info {
            Some(info) => write::embedded(&mut array, info.as_bytes()),
            None => write::null(&mut array),
        }
        embedded(&array)
    }
}

/// `#6.24(bstr .cbor ["ReaderAuthentication", SessionTranscript, ItemsRequestBytes])`: what
/// `readerAuth` signs.
pub fn reader_authentication_bytes(transcript: &SessionTranscript, items: &ItemsRequest) -> Vec<u8> {
    let mut array = Vec::new();
    write::array(&mut array, 3);
    write::text(&mut array, "ReaderAuthentication");
    array.extend_from_slice(transcript.as_bytes());
    write::embedded(&mut array, items.as_bytes());
    embedded(&array)
}

fn embedded(encoded: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(encoded.len() + 8);
    write::embedded(&mut out, encoded);
    out
}

#[cfg(test)]
#[path = "reader_auth_tests.rs"]
mod tests;
