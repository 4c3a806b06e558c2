//! The vocabulary of a report: checks, outcomes, reasons, facts. None of them holds a claim value.

use std::borrow::Cow;

use crate::time::UnixTime;

/// A check, in the order that decides the verdict's reason. The list is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// The response is well-formed.
    ResponseDecode,
    /// The holder's device reports success and returns documents.
    ResponseStatus,
    /// The document was asked for.
    DocumentRequested,
    /// The certificates chain to a trust anchor.
    IssuerChain,
    /// The certificates keep to their profile, are valid now, and agree on the country.
    IssuerCertificate,
    /// The document signer's certificate is not revoked.
    IssuerCrl,
    /// The issuer signed the MSO.
    IssuerSignature,
    /// The MSO and the document name the same document type.
    DocumentType,
    /// The MSO is well-formed.
    Mso,
    /// Every returned element is the one that the issuer signed.
    Digests,
    /// The MSO is valid now and was signed while its signer was.
    MsoValidity,
    /// The holder's device is the one that the document was issued to, in this very session.
    DeviceAuth,
    /// Elements stand once, have their type, and do not contradict each other.
    Elements,
    /// The MSO is not revoked.
    Status,
    /// Everything that an answer needs is there.
    Purpose,
}

impl Check {
    /// All checks in order.
    pub const ALL: [Self; 15] = [
        Self::ResponseDecode,
        Self::ResponseStatus,
        Self::DocumentRequested,
        Self::IssuerChain,
        Self::IssuerCertificate,
        Self::IssuerCrl,
        Self::IssuerSignature,
        Self::DocumentType,
        Self::Mso,
        Self::Digests,
        Self::MsoValidity,
        Self::DeviceAuth,
        Self::Elements,
        Self::Status,
        Self::Purpose,
    ];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ResponseDecode => "response.decode",
            Self::ResponseStatus => "response.status",
            Self::DocumentRequested => "document.requested",
            Self::IssuerChain => "issuer.chain",
            Self::IssuerCertificate => "issuer.certificate",
            Self::IssuerCrl => "issuer.crl",
            Self::IssuerSignature => "issuer.signature",
            Self::DocumentType => "document.type",
            Self::Mso => "mso",
            Self::Digests => "digests",
            Self::MsoValidity => "mso.validity",
            Self::DeviceAuth => "device.auth",
            Self::Elements => "elements",
            Self::Status => "status",
            Self::Purpose => "purpose",
        }
    }
}

/// What a reason says against a document: evidence, or the lack of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// There is evidence against the document.
    Rejects,
    /// There is not enough evidence to accept it.
    Undetermined,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident, $code:literal, $weight:ident;)*) => {
        /// A stable reason. New ones may be added; a code never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* $variant,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The dotted code.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            /// What a failure for this reason means for the verdict.
            pub const fn weight(self) -> Weight {
                match self {
                    $(Self::$variant => Weight::$weight,)*
                }
            }
        }
    };
}

reasons! {
    /// The response is not well-formed.
    ResponseMalformed, "response.malformed", Rejects;
    /// The response is of an unknown major version.
    ResponseVersion, "response.version", Rejects;
    /// The response is over a limit.
    ResponseTooLarge, "response.too_large", Rejects;
    /// The holder's device reports an error.
    ResponseStatus, "response.status", Undetermined;
    /// The response holds no document.
    ResponseNoDocuments, "response.no_documents", Undetermined;
    /// The MSO and the document name different document types.
    DocumentTypeMismatch, "document.type_mismatch", Rejects;
    /// A document was asked for and not returned.
    DocumentMissing, "document.missing", Undetermined;
    /// The document was not asked for.
    DocumentNotRequested, "document.not_requested", Undetermined;
    /// The record was presented before.
    DocumentSeenBefore, "document.seen_before", Rejects;
    /// Whether the record was presented before is not known: nobody looked.
    DocumentSeenBeforeUnknown, "document.seen_before_unknown", Undetermined;
    /// One element or digest identifier stands twice.
    ElementDuplicate, "element.duplicate", Rejects;
    /// An element has the wrong type, or elements contradict each other.
    ElementInconsistent, "element.inconsistent", Rejects;
    /// An answer needs an element that was not returned.
    ElementMissing, "element.missing", Undetermined;
    /// The element was not asked for.
    ElementNotRequested, "element.not_requested", Undetermined;
    /// The issuer's algorithm is not allowed or does not fit its key.
    IssuerAlgorithm, "issuer.algorithm", Rejects;
    /// The issuer's signature does not hold.
    IssuerSignature, "issuer.signature", Rejects;
    /// The certificates lead to no trust anchor.
    IssuerChain, "issuer.chain", Rejects;
    /// A certificate breaks its profile.
    IssuerCertificateProfile, "issuer.certificate.profile", Rejects;
    /// A certificate has expired.
    IssuerCertificateExpired, "issuer.certificate.expired", Rejects;
    /// A certificate is not yet valid.
    IssuerCertificateNotYetValid, "issuer.certificate.not_yet_valid", Rejects;
    /// The document signer's certificate is revoked.
    IssuerCertificateRevoked, "issuer.certificate.revoked", Rejects;
    /// Whether the document signer's certificate is revoked is not known.
    IssuerCertificateRevocationUnavailable, "issuer.certificate.revocation_unavailable", Undetermined;
    /// Country or state differ between certificates, or between certificate and document.
    IssuerCountry, "issuer.country", Rejects;
    /// The MSO is not well-formed.
    MsoMalformed, "mso.malformed", Rejects;
    /// The MSO has expired.
    MsoExpired, "mso.expired", Rejects;
    /// The MSO is not yet valid.
    MsoNotYetValid, "mso.not_yet_valid", Rejects;
    /// The MSO was signed outside the validity of its signer's certificate.
    MsoSignedOutsideCertificate, "mso.signed_outside_certificate", Rejects;
    /// The MSO claims a longer validity than its profile allows: a warning.
    MsoValidityExceedsProfile, "mso.validity_exceeds_profile", Rejects;
    /// The MSO deviates in a way that its profile lets pass: a warning.
    MsoTolerated, "mso.tolerated", Rejects;
    /// The MSO has no digest for a returned element.
    DigestMissing, "digest.missing", Rejects;
    /// A returned element is not the one that the issuer signed.
    DigestMismatch, "digest.mismatch", Rejects;
    /// The document has no device authentication, or two.
    DeviceAuthMissing, "device.auth_missing", Rejects;
    /// The device's algorithm is not allowed or does not fit its key.
    DeviceAlgorithm, "device.algorithm", Rejects;
    /// The device key is none.
    DeviceKey, "device.key", Rejects;
    /// The device's signature does not hold for this session.
    DeviceSignature, "device.signature", Rejects;
    /// The device's MAC does not hold for this session.
    DeviceMac, "device.mac", Rejects;
    /// The device vouches for an element that the issuer did not authorize it for.
    DeviceNotAuthorized, "device.not_authorized", Rejects;
    /// The MSO is revoked.
    StatusRevoked, "status.revoked", Rejects;
    /// The MSO is suspended.
    StatusSuspended, "status.suspended", Rejects;
    /// The MSO's status has a value without a meaning.
    StatusUnknownValue, "status.unknown_value", Rejects;
    /// The MSO's status is not known.
    StatusUnavailable, "status.unavailable", Undetermined;
    /// The evidence of the MSO's status is too old.
    StatusStale, "status.stale", Undetermined;
    /// The evidence of the MSO's status is not valid.
    StatusTokenInvalid, "status.token_invalid", Undetermined;
}

/// A fact beside a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fact {
    /// A word of this crate, or the name of an element or document type.
    Text(Cow<'static, str>),
    /// A count.
    Number(u64),
    /// An instant.
    Time(UnixTime),
    /// SHA-256 of a certificate.
    Sha256([u8; 32]),
}

/// Named facts, in order.
pub type Facts = Vec<(&'static str, Fact)>;

/// A reason with its facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is found.
    pub reason: Reason,
    /// The facts.
    pub detail: Facts,
}

impl Finding {
    /// A reason alone.
    pub const fn new(reason: Reason) -> Self {
        Self {
            reason,
            detail: Vec::new(),
        }
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, name: &'static str, fact: Fact) -> Self {
        self.detail.push((name, fact));
        self
    }

    /// Adds what is wrong, in words of this crate.
    #[must_use]
    pub fn because(self, words: impl Into<Cow<'static, str>>) -> Self {
        self.with("fault", Fact::Text(words.into()))
    }
}

/// What became of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Passed(Facts),
    /// It holds, and something deserves a look. Never changes the verdict.
    Warned(Finding),
    /// It does not hold.
    Failed(Finding),
    /// It lacks its input, because an earlier check failed.
    NotReached {
        /// The check whose failure it is.
        after: Check,
    },
}

impl Outcome {
    /// Passed without facts.
    pub const PASSED: Self = Self::Passed(Vec::new());

    /// What failed, if it did.
    pub const fn failure(&self) -> Option<&Finding> {
        match self {
            Self::Failed(finding) => Some(finding),
            Self::Passed(_) | Self::Warned(_) | Self::NotReached { .. } => None,
        }
    }

    /// Whether the check holds, with or without a warning.
    pub const fn holds(&self) -> bool {
        matches!(self, Self::Passed(_) | Self::Warned(_))
    }
}

/// A check's outcome and the age of the evidence it rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckReport {
    /// Which check.
    pub check: Check,
    /// What became of it.
    pub outcome: Outcome,
    /// When the evidence was made, for checks that rest on outside evidence.
    pub as_of: Option<UnixTime>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_are_distinct_and_dotted() {
        let mut names: Vec<&str> = Check::ALL.iter().map(|check| check.name()).collect();
        assert!(Check::ALL.is_sorted(), "the order decides the verdict's reason");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 15);
        let mut codes: Vec<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert!(codes.iter().all(|code| code.split('.').count() >= 2));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Reason::ALL.len());
    }
}
