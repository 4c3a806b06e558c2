//! Names of object identifiers, for people.

/// An object identifier's name, with the number in parentheses; the number alone where it has none.
pub(crate) fn named(dotted: &str) -> String {
    match NAMES.iter().find(|(known, _)| *known == dotted) {
        Some((_, name)) => format!("{name} ({dotted})"),
        None => dotted.to_owned(),
    }
}

/// The short name of a name attribute, or its number.
pub(super) fn attribute(dotted: &str) -> &str {
    ATTRIBUTES
        .iter()
        .find(|(known, _)| *known == dotted)
        .map_or(dotted, |(_, name)| name)
}

/// RFC 4519 and RFC 4514.
const ATTRIBUTES: [(&str, &str); 12] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.97", "organizationIdentifier"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

/// RFC 5280, RFC 5480, RFC 8410, and the arcs of ISO/IEC 18013-5 and 23220-4.
const NAMES: [(&str, &str); 56] = [
    ("2.5.29.9", "subjectDirectoryAttributes"),
    ("2.5.29.14", "subjectKeyIdentifier"),
    ("2.5.29.15", "keyUsage"),
    ("2.5.29.16", "privateKeyUsagePeriod"),
    ("2.5.29.17", "subjectAltName"),
    ("2.5.29.18", "issuerAltName"),
    ("2.5.29.19", "basicConstraints"),
    ("2.5.29.30", "nameConstraints"),
    ("2.5.29.31", "cRLDistributionPoints"),
    ("2.5.29.32", "certificatePolicies"),
    ("2.5.29.33", "policyMappings"),
    ("2.5.29.35", "authorityKeyIdentifier"),
    ("2.5.29.36", "policyConstraints"),
    ("2.5.29.37", "extKeyUsage"),
    ("2.5.29.37.0", "anyExtendedKeyUsage"),
    ("2.5.29.46", "freshestCRL"),
    ("2.5.29.54", "inhibitAnyPolicy"),
    ("1.3.6.1.5.5.7.1.1", "authorityInfoAccess"),
    ("1.3.6.1.5.5.7.1.11", "subjectInfoAccess"),
    ("1.3.6.1.4.1.11129.2.4.2", "signedCertificateTimestamps"),
    ("1.3.6.1.5.5.7.3.1", "TLS server"),
    ("1.3.6.1.5.5.7.3.2", "TLS client"),
    ("1.3.6.1.5.5.7.3.3", "code signing"),
    ("1.3.6.1.5.5.7.3.4", "e-mail protection"),
    ("1.3.6.1.5.5.7.3.8", "time stamping"),
    ("1.3.6.1.5.5.7.3.9", "OCSP signing"),
    ("1.0.18013.5.1.2", "mDL document signer"),
    ("1.0.18013.5.1.3", "mDL JWS signer"),
    ("1.0.18013.5.1.4", "IACA link certificate"),
    ("1.0.18013.5.1.6", "mdoc reader authentication"),
    ("1.0.18013.5.1.7", "IACA root"),
    ("1.0.18013.5.1.8", "VICAL signer"),
    ("1.0.18013.5.1.9", "mDL TLS client"),
    ("1.0.23220.4.1.2", "mdoc document signer"),
    ("1.0.23220.4.1.6", "mdoc reader authentication"),
    ("1.2.840.10045.2.1", "ecPublicKey"),
    ("1.2.840.10045.3.1.7", "P-256"),
    ("1.3.132.0.10", "secp256k1"),
    ("1.3.132.0.34", "P-384"),
    ("1.3.132.0.35", "P-521"),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1"),
    ("1.3.36.3.3.2.8.1.1.9", "brainpoolP320r1"),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1"),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1"),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1"),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256"),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384"),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512"),
    ("1.3.101.110", "X25519"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
    ("1.2.840.113549.1.1.1", "RSA"),
    ("1.2.840.113549.1.1.5", "sha1WithRSA"),
    ("1.2.840.113549.1.1.10", "RSASSA-PSS"),
    ("1.2.840.113549.1.1.11", "sha256WithRSA"),
    ("1.2.840.113549.1.1.13", "sha512WithRSA"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_identifiers_have_names() {
        assert_eq!(named("2.5.29.15"), "keyUsage (2.5.29.15)");
        assert_eq!(named("1.2.3"), "1.2.3");
        assert_eq!(
            (attribute("2.5.4.3"), attribute("2.5.4.200")),
            ("CN", "2.5.4.200")
        );
    }
}
