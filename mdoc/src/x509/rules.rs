//! The rules of ISO/IEC 18013-5 Annex B, each under a name and its clause.

macro_rules! rules {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $clause:literal;)*) => {
        /// A rule that a certificate can break.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum CertificateRule {
            $($(#[$doc])* $variant,)*
        }

        impl CertificateRule {
            /// Every rule.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The clause of ISO/IEC 18013-5 that sets the rule.
            pub const fn clause(self) -> &'static str {
                match self {
                    $(Self::$variant => $clause,)*
                }
            }
        }
    };
}

rules! {
    /// X.509 version 3.
    Version, "version", "B.1.1";
    /// A positive serial number of at most 20 bytes.
    SerialNumber, "serial_number", "B.1.1";
    /// Both algorithm fields agree.
    AlgorithmsAgree, "algorithms_agree", "B.1.1";
    /// ECDSA with SHA-2, or EdDSA.
    SignatureAlgorithm, "signature_algorithm", "B.3";
    /// A key on a curve that the profile allows, as an uncompressed point.
    PublicKey, "public_key", "B.3";
    /// The subject names a country: two capitals as PrintableString.
    Country, "country", "B.1.1";
    /// The subject has a common name.
    CommonName, "common_name", "B.1.1";
    /// Subject key identifier: the SHA-1 of the key, not critical.
    SubjectKeyIdentifier, "subject_key_identifier", "B.1.1";
    /// Authority key identifier: the issuer's subject key identifier, not critical.
    AuthorityKeyIdentifier, "authority_key_identifier", "B.1.4";
    /// Key usage: critical and exactly what the role asks.
    KeyUsage, "key_usage", "B.1.1";
    /// Extended key usage: critical and exactly one purpose that the profile allows.
    ExtendedKeyUsage, "extended_key_usage", "B.1.4";
    /// Basic constraints as the role asks.
    BasicConstraints, "basic_constraints", "B.1.1";
    /// An authority's path length allows the intermediates below it.
    PathLength, "path_length", "B.1.1";
    /// Issuer alternative name with an e-mail address or a URI, not critical.
    IssuerAltName, "issuer_alt_name", "B.1.1";
    /// CRL distribution point with a URI, without reasons or CRL issuer.
    CrlDistributionPoint, "crl_distribution_point", "B.1.1";
    /// No extension that the profile forbids.
    ForbiddenExtension, "forbidden_extension", "B.1.1";
    /// No critical extension that is not known.
    UnknownCriticalExtension, "unknown_critical_extension", "B.1.1";
    /// Every known extension is well-formed.
    MalformedExtension, "malformed_extension", "B.1.1";
    /// A lifetime within the profile's bound.
    Lifetime, "lifetime", "B.1.1";
    /// A root names itself as issuer.
    SelfIssued, "self_issued", "B.1.1";
    /// The signer's country is the anchor's.
    CountryMatch, "country_match", "B.1.4";
    /// The signer's state is the anchor's when either has one.
    StateMatch, "state_match", "B.1.4";
}

/// Object identifiers.
pub(super) mod oid {
    use x509_cert::der::asn1::ObjectIdentifier;

    use crate::crypto::{Curve, SignatureAlgorithm};

    const fn oid(text: &str) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(text)
    }

    pub(in crate::x509) const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = oid("2.5.29.14");
    pub(in crate::x509) const KEY_USAGE: ObjectIdentifier = oid("2.5.29.15");
    pub(in crate::x509) const SUBJECT_ALT_NAME: ObjectIdentifier = oid("2.5.29.17");
    pub(in crate::x509) const ISSUER_ALT_NAME: ObjectIdentifier = oid("2.5.29.18");
    pub(in crate::x509) const BASIC_CONSTRAINTS: ObjectIdentifier = oid("2.5.29.19");
    pub(in crate::x509) const NAME_CONSTRAINTS: ObjectIdentifier = oid("2.5.29.30");
    pub(in crate::x509) const CRL_DISTRIBUTION_POINTS: ObjectIdentifier = oid("2.5.29.31");
    pub(in crate::x509) const CERTIFICATE_POLICIES: ObjectIdentifier = oid("2.5.29.32");
    pub(in crate::x509) const POLICY_MAPPINGS: ObjectIdentifier = oid("2.5.29.33");
    pub(in crate::x509) const AUTHORITY_KEY_IDENTIFIER: ObjectIdentifier = oid("2.5.29.35");
    pub(in crate::x509) const POLICY_CONSTRAINTS: ObjectIdentifier = oid("2.5.29.36");
    pub(in crate::x509) const EXTENDED_KEY_USAGE: ObjectIdentifier = oid("2.5.29.37");
    pub(in crate::x509) const FRESHEST_CRL: ObjectIdentifier = oid("2.5.29.46");
    pub(in crate::x509) const INHIBIT_ANY_POLICY: ObjectIdentifier = oid("2.5.29.54");

    /// Extensions that no certificate of the standard may have.
    pub(in crate::x509) const FORBIDDEN: [ObjectIdentifier; 5] = [
        POLICY_MAPPINGS,
        NAME_CONSTRAINTS,
        POLICY_CONSTRAINTS,
        INHIBIT_ANY_POLICY,
        FRESHEST_CRL,
    ];
    /// Extensions that may be critical: their meaning is judged, or restricts nothing here.
    pub(in crate::x509) const KNOWN: [ObjectIdentifier; 9] = [
        SUBJECT_KEY_IDENTIFIER,
        KEY_USAGE,
        SUBJECT_ALT_NAME,
        ISSUER_ALT_NAME,
        BASIC_CONSTRAINTS,
        CRL_DISTRIBUTION_POINTS,
        CERTIFICATE_POLICIES,
        AUTHORITY_KEY_IDENTIFIER,
        EXTENDED_KEY_USAGE,
    ];

    /// Extended key usages of a reader: ISO/IEC 18013-5 and 23220-4.
    pub(in crate::x509) const READER_USAGES: [ObjectIdentifier; 2] =
        [oid("1.0.18013.5.1.6"), oid("1.0.23220.4.1.6")];
    /// The extended key usage of a VICAL signer.
    pub(in crate::x509) const VICAL_SIGNER_USAGE: ObjectIdentifier = oid("1.0.18013.5.1.8");
    /// Extended key usages that no status signer has: readers, VICAL signers, TLS clients of the
    /// first edition, and servers, clients and OCSP responders of the web.
    pub(in crate::x509) const USAGES_OF_OTHERS: [ObjectIdentifier; 7] = [
        READER_USAGES[0],
        READER_USAGES[1],
        VICAL_SIGNER_USAGE,
        oid("1.0.18013.5.1.9"),
        oid("1.3.6.1.5.5.7.3.1"),
        oid("1.3.6.1.5.5.7.3.2"),
        oid("1.3.6.1.5.5.7.3.9"),
    ];

    pub(in crate::x509) const ECDSA_WITH_SHA256: ObjectIdentifier = oid("1.2.840.10045.4.3.2");
    pub(in crate::x509) const ECDSA_WITH_SHA384: ObjectIdentifier = oid("1.2.840.10045.4.3.3");
    pub(in crate::x509) const ECDSA_WITH_SHA512: ObjectIdentifier = oid("1.2.840.10045.4.3.4");
    pub(in crate::x509) const ED25519: ObjectIdentifier = oid("1.3.101.112");
    pub(in crate::x509) const ED448: ObjectIdentifier = oid("1.3.101.113");
    pub(in crate::x509) const EC_PUBLIC_KEY: ObjectIdentifier = oid("1.2.840.10045.2.1");

    /// The signature algorithm of a certification request under a key that COSE pairs with this one.
    pub(in crate::x509) const fn signature_algorithm(algorithm: SignatureAlgorithm) -> ObjectIdentifier {
        match algorithm {
            SignatureAlgorithm::Es256 => ECDSA_WITH_SHA256,
            SignatureAlgorithm::Es384 => ECDSA_WITH_SHA384,
            SignatureAlgorithm::Es512 => ECDSA_WITH_SHA512,
            SignatureAlgorithm::EdDsa => ED25519,
        }
    }

    const CURVES: [(ObjectIdentifier, Curve); 7] = [
        (oid("1.2.840.10045.3.1.7"), Curve::P256),
        (oid("1.3.132.0.34"), Curve::P384),
        (oid("1.3.132.0.35"), Curve::P521),
        (oid("1.3.36.3.3.2.8.1.1.7"), Curve::BrainpoolP256r1),
        (oid("1.3.36.3.3.2.8.1.1.9"), Curve::BrainpoolP320r1),
        (oid("1.3.36.3.3.2.8.1.1.11"), Curve::BrainpoolP384r1),
        (oid("1.3.36.3.3.2.8.1.1.13"), Curve::BrainpoolP512r1),
    ];

    /// The curve of a named-curve identifier.
    pub(crate) fn curve(named: ObjectIdentifier) -> Option<Curve> {
        let mut curves = CURVES.into_iter();
        curves.find(|(id, _)| *id == named).map(|(_, curve)| curve)
    }

    /// The algorithm of a public key on this curve and the named curve beside it; `None` for a curve
    /// that signs nothing.
    pub(crate) fn key_algorithm(curve: Curve) -> Option<(ObjectIdentifier, Option<ObjectIdentifier>)> {
        match curve {
            Curve::Ed25519 => Some((ED25519, None)),
            Curve::Ed448 => Some((ED448, None)),
            _ => {
                let mut curves = CURVES.into_iter();
                let (named, _) = curves.find(|(_, known)| *known == curve)?;
                Some((EC_PUBLIC_KEY, Some(named)))
            }
        }
    }
}
