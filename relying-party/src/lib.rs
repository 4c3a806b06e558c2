//! What a relying party decides about an mdoc: the purpose it asks for, the profile it judges by,
//! whom it trusts, and the verdict. Pure: evidence comes in as bytes, the need for more goes out
//! as a value, the time is an argument.

pub mod age;
pub mod bundle;
pub mod calendar;
mod elements;
mod judge;
mod limits;
pub mod matching;
mod policy;
pub mod profile;
pub mod purpose;
pub mod seen;
mod text;
mod trust;
pub mod values;
mod verdict;

pub use judge::{DeviceKeys, Judgement, Wanted, judge};
pub use limits::{LimitsError, limits_from_toml};
pub use mdoc::crypto::{PublicKey, PublicKeyFileError};
pub use mdoc::evidence::{Evidence, EvidenceError};
pub use mdoc::limits::Limits;
pub use mdoc::time::UnixTime;
pub use text::{next_steps, verdict_text};
pub use trust::{
    Dated, DatedKind, HeldTrustList, NewestLists, TrustChange, TrustConflict, TrustError, TrustFile,
    TrustScope, TrustSnapshot, TrustedCertificate, WARNING_DAYS, dated_crl, pem_certificates, pem_crls,
};
pub use verdict::{Answer, AnswerValue, Decision, DocumentReport, Verdict, sha256_text};
