//! The rules of a CRL (ISO/IEC 18013-5 Table B.10, RFC 5280 §5), each under a name and its clause.

/// What breaking a rule does to a CRL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrlEffect {
    /// The list is no statement at all: what it lists may mean something else.
    Void,
    /// The list cannot clear a certificate. One that it lists is still revoked.
    CannotClear,
    /// A deviation without consequence.
    Remark,
}

macro_rules! rules {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $clause:literal, $effect:ident, $fault:literal;)*) => {
        /// A rule that a CRL can break.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum CrlRule {
            $($(#[$doc])* $variant,)*
        }

        impl CrlRule {
            /// Every rule.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The clause that sets the rule.
            pub const fn clause(self) -> &'static str {
                match self {
                    $(Self::$variant => $clause,)*
                }
            }

            /// What breaking it does to the list.
            pub const fn effect(self) -> CrlEffect {
                match self {
                    $(Self::$variant => CrlEffect::$effect,)*
                }
            }

            /// What is wrong with a list that breaks it.
            pub const fn fault(self) -> &'static str {
                match self {
                    $(Self::$variant => $fault,)*
                }
            }
        }
    };
}

rules! {
    /// X.509 CRL version 2.
    Version, "crl_version", "ISO/IEC 18013-5 B.10", Void, "the CRL is not of version 2";
    /// Both algorithm fields agree.
    AlgorithmsAgree, "crl_algorithms_agree", "RFC 5280 5.1.2.2", Void, "the CRL names two signature algorithms";
    /// ECDSA with SHA-2, or EdDSA.
    SignatureAlgorithm, "crl_signature_algorithm", "ISO/IEC 18013-5 B.10", Void,
        "the CRL's signature algorithm is not allowed";
    /// One extension stands once.
    DuplicateExtension, "crl_duplicate_extension", "RFC 5280 5.2", Void, "the CRL has one extension twice";
    /// Every known extension is well-formed.
    MalformedExtension, "crl_malformed_extension", "RFC 5280 5.2", Void, "the CRL has a malformed extension";
    /// Not a delta CRL.
    Delta, "crl_delta", "ISO/IEC 18013-5 B.10", Void, "the CRL is a delta CRL";
    /// Not an indirect CRL.
    Indirect, "crl_indirect", "ISO/IEC 18013-5 B.10", Void, "the CRL is an indirect CRL";
    /// Covers all certificates and all reasons of its issuer.
    Partial, "crl_partial", "ISO/IEC 18013-5 B.10", CannotClear, "the CRL does not cover all certificates of its issuer";
    /// No critical extension that is not known, of the list or of an entry.
    UnknownCriticalExtension, "crl_unknown_critical_extension", "RFC 5280 5.2", Void,
        "the CRL has an unknown critical extension";
    /// Says when the next list is due.
    NextUpdate, "crl_next_update", "ISO/IEC 18013-5 B.10", CannotClear, "the CRL does not say when the next one is due";
    /// Names its issuer's key.
    AuthorityKeyIdentifier, "crl_authority_key_identifier", "ISO/IEC 18013-5 B.10", CannotClear,
        "the CRL has no authority key identifier";
    /// Has a number of at most 20 bytes.
    Number, "crl_number", "ISO/IEC 18013-5 B.10", CannotClear, "the CRL has no number";
    /// The next list is due after this one, and at most 90 days later.
    UpdateInterval, "crl_update_interval", "ISO/IEC 18013-5 B.10", Remark,
        "the next CRL is not due within 90 days of this one";
    /// Extensions other than authority key identifier and number.
    OtherExtension, "crl_other_extension", "ISO/IEC 18013-5 B.10", Remark, "the CRL has an extension that the profile does not name";
    /// Entries without extensions.
    EntryExtension, "crl_entry_extension", "ISO/IEC 18013-5 B.10", Remark, "an entry of the CRL has extensions";
    /// A list of nothing is left out.
    EmptyList, "crl_empty_list", "RFC 5280 5.1.2.6", Remark, "the CRL has an empty list where it should have none";
    /// One serial number stands once.
    DuplicateEntry, "crl_duplicate_entry", "RFC 5280 5.3", Remark, "the CRL lists one serial number twice";
}
