//! Evidence of revocation. It is kept in its shape from the day it comes in; it is not yet judged,
//! and counts as unavailable.

use mdoc::time::UnixTime;
use x509_cert::certificate::Rfc5280;
use x509_cert::crl::CertificateList;
use x509_cert::der::{Decode, Encode};

/// Everything at hand for one judgement.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Certificate revocation lists.
    pub crls: Vec<Crl>,
    /// Status list and identifier list tokens.
    pub status_tokens: Vec<StatusToken>,
}

/// A certificate revocation list.
#[derive(Clone, Debug)]
pub struct Crl {
    /// The issuer's name as DER.
    pub issuer: Vec<u8>,
    /// When it was made.
    pub this_update: UnixTime,
    /// When the next one is due.
    pub next_update: Option<UnixTime>,
    /// The list as received.
    pub der: Vec<u8>,
}

/// A status list or identifier list token as fetched.
#[derive(Clone, Debug)]
pub struct StatusToken {
    /// Where it was fetched from.
    pub uri: String,
    /// The content type it came with.
    pub content_type: String,
    /// The bytes of a CWT, or the text of a JWT.
    pub token: Vec<u8>,
}

impl Crl {
    /// The CRLs of a PEM text; blocks that hold none are passed over.
    pub fn from_pem(pem: &[u8]) -> Vec<Self> {
        let blocks = crate::trust::pem_blocks(pem, "X509 CRL").unwrap_or_default();
        blocks.iter().filter_map(|der| Self::from_der(der)).collect()
    }

    /// Parses DER; `None` where it is no CRL.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let list = CertificateList::<Rfc5280>::from_der(der).ok()?;
        let time = |time: x509_cert::time::Time| {
            i64::try_from(time.to_unix_duration().as_secs())
                .ok()
                .and_then(UnixTime::from_seconds)
        };
        Some(Self {
            issuer: list.tbs_cert_list.issuer.to_der().ok()?,
            this_update: time(list.tbs_cert_list.this_update)?,
            next_update: list.tbs_cert_list.next_update.and_then(time),
            der: der.to_vec(),
        })
    }
}
