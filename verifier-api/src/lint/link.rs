//! One certificate and its issuer: names, key identifiers, signature, dates.

use mdoc::crypto::{Curve, PublicKey};

use super::chain::is_root;
use super::subject::{Subject, hex, key_der};
use operator::Finding;

/// Whether `issuer` issued `subject`: by name, by key identifier, by signature.
pub(super) fn judge(subject: &Subject, issuer: &Subject) -> Vec<Finding> {
    let (below, above) = (&subject.certificate, &issuer.certificate);
    let mut findings = Vec::new();
    if below.issuer_der() != above.subject_der() {
        let (named, found) = (subject.issuer(), issuer.subject());
        let same = if named == found {
            "; the texts are alike, but not the encodings, which must be the same byte for byte"
        } else {
            "; put the signer's certificate first and its issuer next"
        };
        findings.push(Finding::error(
            "chain_order",
            "RFC 5280 6.1.3",
            format!("names {named} as its issuer, but the next certificate is of {found}{same}"),
        ));
    }
    match (below.authority_key_identifier(), above.subject_key_identifier()) {
        (Some(authority), Some(own)) if authority != own => findings.push(Finding::error(
            "chain_key_identifier",
            "B.1.4",
            format!(
                "the authority key identifier is {}, but the issuer's subject key identifier is {}; the certificate was \
                 issued under another key, so take the issuer certificate of that key or have it issued anew",
                hex(authority),
                hex(own)
            ),
        )),
        _ => {}
    }
    let signed = above
        .public_key()
        .is_some_and(|key| below.verify_signed_by(key).is_ok());
    if !signed {
        findings.push(Finding::error(
            "chain_signature",
            "RFC 5280 6.1.3",
            format!(
                "the signature does not verify with the key of {} ({}); it is another key of the same name, or the \
                 certificate was altered",
                issuer.subject(),
                issuer.key_kind()
            ),
        ));
    }
    if below.not_before() < above.not_before() || above.not_after() < below.not_after() {
        findings.push(Finding::warning(
            "validity_nesting",
            "B.1.4",
            format!(
                "valid from {}, which reaches beyond its issuer's {}; beyond the issuer's end it is refused, so issue it \
                 for a shorter time or renew the issuer first",
                subject.window(),
                issuer.window()
            ),
        ));
    }
    if key_der(subject) == key_der(issuer) && !is_root(subject) {
        findings.push(Finding::warning(
            "key_reuse",
            "B.1.4",
            "has the key of its issuer; a signer has a key of its own".to_owned(),
        ));
    }
    if let Some(key) = above.public_key().filter(|_| signed) {
        findings.extend(hash_strength(subject, key));
    }
    findings
}

/// The hash of the signature against the curve that it was made on.
pub(super) fn hash_strength(subject: &Subject, issuer: &PublicKey) -> Option<Finding> {
    const WITH_SHA256: &str = "1.2.840.10045.4.3.2";
    const WITH_SHA384: &str = "1.2.840.10045.4.3.3";
    let curve = issuer.curve();
    let (bits, fitting) = match curve {
        Curve::BrainpoolP320r1 | Curve::P384 | Curve::BrainpoolP384r1 => (384, "SHA-384"),
        Curve::P521 | Curve::BrainpoolP512r1 => (512, "SHA-512"),
        _ => return None,
    };
    let hash = match subject.seen.signature_algorithm().oid.to_string().as_str() {
        WITH_SHA256 => 256,
        WITH_SHA384 => 384,
        _ => return None,
    };
    (hash < bits).then(|| {
        Finding::info(
            "hash_strength",
            "B.3",
            format!(
                "signed with SHA-{hash} on {}, whose strength it does not reach; {fitting} fits",
                curve.name()
            ),
        )
    })
}

/// The last certificate where no anchor is given.
pub(super) fn top(last: &Subject) -> Option<Finding> {
    let certificate = &last.certificate;
    if !is_root(last) {
        return Some(Finding::info(
            "signature_not_checked",
            "RFC 5280 6.1.3",
            format!(
                "issued by {}, whose certificate is not here, so that the signature is not checked; give it with --anchor",
                last.issuer()
            ),
        ));
    }
    if certificate
        .public_key()
        .is_some_and(|key| certificate.verify_signed_by(key).is_ok())
    {
        return certificate.public_key().and_then(|key| hash_strength(last, key));
    }
    let other_key = match (
        certificate.authority_key_identifier(),
        certificate.subject_key_identifier(),
    ) {
        (Some(authority), Some(own)) => authority != own,
        _ => false,
    };
    Some(if other_key {
        Finding::info(
            "link_certificate",
            "B.2",
            "a link certificate, signed by another key of its own name; give the root of that key with --anchor to \
             check it"
            .to_owned(),
        )
    } else {
        Finding::error(
            "self_signature",
            "B.1.1",
            "the signature of this root does not verify with its own key; the file was altered or the root was signed \
             by another key, so get it anew from the issuing authority"
            .to_owned(),
        )
    })
}
