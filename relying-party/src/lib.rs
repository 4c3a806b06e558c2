//! What a relying party decides about an mdoc: the purpose it asks for, the profile it judges by,
//! whom it trusts, and the verdict. Pure: evidence comes in as bytes, the need for more goes out
//! as a value, the time is an argument.

pub mod age;
pub mod calendar;
mod elements;
mod evidence;
mod judge;
mod limits;
mod policy;
pub mod profile;
pub mod purpose;
mod text;
mod trust;
pub mod values;
mod verdict;

pub use evidence::{Crl, Evidence, StatusToken};
pub use judge::{DeviceKeys, Judgement, Wanted, judge};
pub use limits::{LimitsError, limits_from_toml};
pub use mdoc::limits::Limits;
pub use text::verdict_text;
pub use trust::{HeldTrustList, TrustError, TrustFile, TrustSnapshot, pem_certificates};
pub use verdict::{Answer, AnswerValue, Decision, DocumentReport, Verdict, sha256_text};
