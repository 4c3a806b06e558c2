//! Certificates of ISO/IEC 18013-5 Annex B: parsing, the profiles of IACA, link certificate and
//! document signer, trust anchors, the lists they come from, and the path between them; requests for a
//! reader's certificate.

mod anchors;
mod cache;
mod certificate;
mod crl;
mod path;
mod profile;
mod request;
mod rules;
mod signer_chain;
mod signers;
#[cfg(test)]
mod tests;
mod trust_list;
mod vical;

pub use anchors::{Anchor, AnchorFault, AnchorSet};
pub use cache::{ChainCache, ChainKey};
pub(crate) use certificate::public_key;
pub use certificate::{Certificate, CertificateError};
pub use crl::{CrlEffect, CrlError, CrlRollback, CrlRule, Number as CrlNumber, RevocationList};
pub use path::{Authority, Path, PathError, PathSet, SelectError, Validity, WeakestKey, build_path};
pub use profile::{CertificateRole, Deviation, IssuerCertificateProfile};
pub use request::{CertificationRequest, CertificationRequestError};
pub use rules::CertificateRule;
pub(crate) use rules::oid::{curve as named_curve, key_algorithm};
pub use signer_chain::SignerChain;
pub use trust_list::{Rollback, TrustList, VicalIssue};
pub use vical::{AuthorityFault, EntryFault, Vical, VicalEntry, VicalError, unverified_entries};
pub use x509_cert::der::asn1::ObjectIdentifier;
