//! A chain: each certificate in its role, their order and signatures, and the way to the anchor.

use mdoc::crypto::Curve;
use mdoc::time::UnixTime;
use mdoc::x509::{Certificate, CertificateRole, CertificateRule, Deviation, IssuerCertificateProfile};
use x509_cert::ext::pkix::KeyUsages;

use super::anchors::Anchor;
use super::arguments::LintKind;
use super::report::Finding;
use super::subject::{Subject, hex, key_der};
use super::{advice, certificate};

const MDL_DOC_TYPE: &str = "org.iso.18013.5.1.mDL";

/// Judges certificates, the signer's first.
pub(super) fn judge(
    encoded: &[Vec<u8>],
    told: Option<LintKind>,
    anchors: &[Anchor],
    at: UnixTime,
) -> Vec<Finding> {
    let count = encoded.len();
    let mut findings = Vec::new();
    let mut subjects = Vec::with_capacity(count);
    for (index, der) in encoded.iter().enumerate() {
        match Subject::parse(der) {
            Ok(mut subject) => {
                if count > 1 {
                    subject.label = format!("certificate {} ({})", index + 1, subject.subject());
                }
                subjects.push(subject);
            }
            Err(finding) if count > 1 => findings.push(finding.of(&format!("certificate {}", index + 1))),
            Err(finding) => findings.push(finding),
        }
    }
    let Some((leaf, above)) = subjects.split_first() else {
        return findings;
    };
    let (role, guess) = role(leaf, told);
    findings.extend(guess.map(|finding| finding.of(&leaf.label)));
    findings.extend(judge_chain(leaf, role, above, anchors, at));
    findings
}

/// As [`judge`], of certificates that are parsed.
pub(super) fn judge_chain(
    leaf: &Subject,
    role: CertificateRole,
    above: &[Subject],
    anchors: &[Anchor],
    at: UnixTime,
) -> Vec<Finding> {
    let profile = profile(
        leaf,
        role,
        above.iter().filter(|subject| !is_root(subject)).count(),
    );
    let mut findings = certificate::judge(leaf, role, &profile, at);
    for subject in above {
        let role = if is_root(subject) {
            CertificateRole::Anchor
        } else {
            CertificateRole::Intermediate
        };
        findings.extend(certificate::judge(subject, role, &profile, at));
    }
    let mut last = leaf;
    for (below, issuer) in above.iter().enumerate() {
        findings.extend(
            link(last, issuer)
                .into_iter()
                .map(|finding| finding.of(&last.label)),
        );
        findings.extend(path_length(issuer, below));
        last = issuer;
    }
    findings.extend(length(leaf, role, above));
    if anchors.is_empty() {
        findings.extend(top(last).map(|finding| finding.of(&last.label)));
        if let Some(root) = above.last().filter(|root| is_root(root)) {
            findings.extend(names(leaf, role, root));
        }
    } else {
        findings.extend(anchored(leaf, role, above, anchors, at));
    }
    findings
}

/// The role of the first certificate: as told, else by its use. A certificate that does not tell
/// its use is judged as a document signer, which says so.
fn role(leaf: &Subject, told: Option<LintKind>) -> (CertificateRole, Option<Finding>) {
    let told = match told {
        Some(LintKind::Iaca) => Some(CertificateRole::Anchor),
        Some(LintKind::Ds) => Some(CertificateRole::DocumentSigner),
        Some(LintKind::Reader) => Some(CertificateRole::Reader),
        Some(LintKind::VicalSigner) => Some(CertificateRole::VicalSigner),
        Some(LintKind::StatusSigner) => Some(CertificateRole::StatusSigner),
        _ => None,
    };
    if let Some(role) = told.or_else(|| recognized(leaf)) {
        return (role, None);
    }
    let finding = Finding::info(
        "role_guessed",
        "B.1.4",
        "judged as a document signer's, because neither extended key usage nor basic constraints tell what it is for; \
         --as says it"
        .to_owned(),
    );
    (CertificateRole::DocumentSigner, Some(finding))
}

fn recognized(leaf: &Subject) -> Option<CertificateRole> {
    /// id-kp-oauthStatusSigning.
    const STATUS_SIGNING: &str = "1.3.6.1.5.5.7.3.30";
    let usages = leaf.certificate.extended_key_usages().iter();
    let by_usage = usages
        .map(ToString::to_string)
        .find_map(|usage| match usage.as_str() {
            "1.0.18013.5.1.2" | "1.0.23220.4.1.2" => Some(CertificateRole::DocumentSigner),
            "1.0.18013.5.1.6" | "1.0.23220.4.1.6" => Some(CertificateRole::Reader),
            "1.0.18013.5.1.8" => Some(CertificateRole::VicalSigner),
            STATUS_SIGNING => Some(CertificateRole::StatusSigner),
            _ => None,
        });
    if by_usage.is_some() {
        return by_usage;
    }
    if leaf.is_authority() {
        return Some(if is_root(leaf) {
            CertificateRole::Anchor
        } else {
            CertificateRole::Intermediate
        });
    }
    let commits = leaf
        .key_usage()
        .is_some_and(|usage| usage.0 == KeyUsages::NonRepudiation);
    commits.then_some(CertificateRole::VicalSigner)
}

/// A root or link certificate.
fn is_root(subject: &Subject) -> bool {
    subject.certificate.is_self_issued()
}

/// The profile of the document type that the signer's use allows; authorities of readers and of
/// those who sign lists may stand below a root, which then has a path length of its own.
fn profile(leaf: &Subject, role: CertificateRole, intermediates: usize) -> IssuerCertificateProfile {
    let mdl_only = leaf
        .certificate
        .extended_key_usages()
        .contains(&IssuerCertificateProfile::MDL_DOCUMENT_SIGNER);
    let max_intermediates = match role {
        CertificateRole::Reader | CertificateRole::VicalSigner | CertificateRole::StatusSigner => {
            intermediates
        }
        CertificateRole::DocumentSigner if !mdl_only => intermediates.min(1),
        _ => 0,
    };
    IssuerCertificateProfile {
        document_signer_usages: vec![
            IssuerCertificateProfile::MDL_DOCUMENT_SIGNER,
            IssuerCertificateProfile::MDOC_DOCUMENT_SIGNER,
        ],
        max_intermediates,
        ..IssuerCertificateProfile::default()
    }
}

/// Whether `issuer` issued `subject`: by name, by key identifier, by signature.
fn link(subject: &Subject, issuer: &Subject) -> Vec<Finding> {
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
    if signed {
        findings.extend(hash_strength(subject, &issuer.certificate));
    }
    findings
}

/// The hash of the signature against the curve that it was made on.
fn hash_strength(subject: &Subject, issuer: &Certificate) -> Option<Finding> {
    const WITH_SHA256: &str = "1.2.840.10045.4.3.2";
    const WITH_SHA384: &str = "1.2.840.10045.4.3.3";
    let curve = issuer.public_key()?.curve();
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
fn top(last: &Subject) -> Option<Finding> {
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
        return hash_strength(last, certificate);
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

fn path_length(authority: &Subject, below: usize) -> Option<Finding> {
    let length = authority.basic_constraints()?.path_len_constraint?;
    (usize::from(length) < below).then(|| {
        let rule = CertificateRule::PathLength;
        Finding::error(rule.name(), rule.clause(), advice::path_length(authority)).of(&authority.label)
    })
}

/// A driving licence's signer stands right below its root.
fn length(leaf: &Subject, role: CertificateRole, above: &[Subject]) -> Option<Finding> {
    let between = above.iter().filter(|subject| !is_root(subject)).count();
    if role != CertificateRole::DocumentSigner || between == 0 {
        return None;
    }
    let mdl = leaf
        .certificate
        .extended_key_usages()
        .contains(&IssuerCertificateProfile::MDL_DOCUMENT_SIGNER);
    let detail = format!(
        "{between} between the document signer and its root; sign document signers with the root's own key"
    );
    if mdl || between > 1 {
        Some(Finding::error("chain_length", "B.1.4", detail))
    } else {
        Some(Finding::warning(
            "chain_length",
            "B.1.4",
            format!("{detail}, as My Number Card and photo ID ask"),
        ))
    }
}

/// What a document signer's name shares with that of its root.
fn names(leaf: &Subject, role: CertificateRole, root: &Subject) -> Vec<Finding> {
    if role != CertificateRole::DocumentSigner {
        return Vec::new();
    }
    let (signer, authority) = (&leaf.certificate, &root.certificate);
    let pairs = [
        (
            CertificateRule::CountryMatch,
            "country (C)",
            signer.country(),
            authority.country(),
        ),
        (
            CertificateRule::StateMatch,
            "state or province (ST)",
            signer.state(),
            authority.state(),
        ),
    ];
    pairs
        .into_iter()
        .filter(|(_, _, left, right)| left != right)
        .map(|(rule, what, left, right)| {
            let shown =
                |text: Option<&str>| text.map_or_else(|| "absent".to_owned(), |text| format!("{text:?}"));
            let deviation = Deviation { role, rule };
            let detail = format!(
                "the signer's {what} is {} and the root's {}; issue the signer's certificate with the root's",
                shown(left),
                shown(right)
            );
            Finding::error(rule.name(), deviation.clause(), detail).of(&leaf.label)
        })
        .collect()
}

/// The way from the chain to one of the anchors.
fn anchored(
    leaf: &Subject,
    role: CertificateRole,
    above: &[Subject],
    anchors: &[Anchor],
    at: UnixTime,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_anchor = |subject: &Subject| {
        anchors
            .iter()
            .position(|anchor| anchor.subject.certificate.der() == subject.certificate.der())
    };
    let chain = || core::iter::once(leaf).chain(above);
    // What is an anchor itself has been judged as part of the chain.
    let reached = chain()
        .enumerate()
        .find_map(|(place, subject)| Some((place, is_anchor(subject)?)));
    let (below, anchor) = match reached {
        Some((place, anchor)) => (place, anchor),
        None => match lead(chain().last().unwrap_or(leaf), anchors) {
            Ok(anchor) => {
                let last = chain().last().unwrap_or(leaf);
                if let Some(anchor) = anchors.get(anchor) {
                    findings.extend(
                        link(last, &anchor.subject)
                            .into_iter()
                            .map(|found| found.of(&last.label)),
                    );
                }
                (above.len() + 1, anchor)
            }
            Err(finding) => {
                findings.push(finding);
                return findings;
            }
        },
    };
    let Some(anchor) = anchors.get(anchor) else {
        return findings;
    };
    if reached.is_none() {
        let between = above.iter().filter(|subject| !is_root(subject)).count();
        let profile = profile(leaf, role, between);
        findings.extend(certificate::judge(
            &anchor.subject,
            CertificateRole::Anchor,
            &profile,
            at,
        ));
        findings.extend(path_length(&anchor.subject, above.len()));
    }
    if below > 0 {
        findings.extend(names(leaf, role, &anchor.subject));
        findings.extend(scope(leaf, role, anchor));
    }
    if is_root(&anchor.subject) {
        let others: Vec<Certificate> = anchors
            .iter()
            .map(|anchor| anchor.subject.certificate.clone())
            .collect();
        findings.extend(self_signed(&anchor.subject, &others));
    } else {
        findings.push(
            Finding::error(
                "anchor_not_root",
                "B.1.1",
                format!(
                    "issued by {}, so it is neither a root nor a link certificate and is not taken as an anchor; give \
                     the root",
                    anchor.subject.issuer()
                ),
            )
            .of(&anchor.subject.label),
        );
    }
    findings
}

/// The anchor that the last certificate names as its issuer: one whose key signed it, else one of
/// its name.
fn lead(last: &Subject, anchors: &[Anchor]) -> Result<usize, Finding> {
    let named: Vec<usize> = anchors
        .iter()
        .enumerate()
        .filter(|(_, anchor)| anchor.subject.certificate.subject_der() == last.certificate.issuer_der())
        .map(|(index, _)| index)
        .collect();
    let signed = |index: &&usize| {
        let key = anchors
            .get(**index)
            .and_then(|anchor| anchor.subject.certificate.public_key());
        key.is_some_and(|key| last.certificate.verify_signed_by(key).is_ok())
    };
    if let Some(index) = named.iter().find(signed).or_else(|| named.first()) {
        return Ok(*index);
    }
    let given: Vec<String> = anchors
        .iter()
        .take(4)
        .map(|anchor| anchor.subject.subject())
        .collect();
    let alike = given.iter().any(|name| *name == last.issuer());
    let hint = if alike {
        "; the texts are alike, but not the encodings, which must be the same byte for byte, so have the signer's \
         certificate issued with the issuer's name copied"
    } else {
        "; give the root of that name"
    };
    Err(Finding::error(
        "anchor_unknown",
        "B.1.4",
        format!(
            "names {} as its issuer, and no anchor has that name (there is {}){hint}",
            last.issuer(),
            given.join("; ")
        ),
    )
    .of(&last.label))
}

/// A root that is an anchor is signed by itself, or by another anchor of its name.
fn self_signed(root: &Subject, anchors: &[Certificate]) -> Option<Finding> {
    let certificate = &root.certificate;
    let mut keys = core::iter::once(certificate)
        .chain(anchors)
        .filter(|anchor| anchor.subject_der() == certificate.issuer_der())
        .filter_map(Certificate::public_key);
    if keys.any(|key| certificate.verify_signed_by(key).is_ok()) {
        return None;
    }
    Some(
        Finding::error(
            "self_signature",
            "B.1.1",
            "the signature is neither its own nor that of another anchor of the same name, so it is not taken as an \
             anchor; give the root that signed this link certificate too, or get the file anew"
            .to_owned(),
        )
        .of(&root.label),
    )
}

/// The document types of an anchor against the use of the signer.
fn scope(leaf: &Subject, role: CertificateRole, anchor: &Anchor) -> Option<Finding> {
    let types = anchor.doc_types.as_ref()?;
    if role != CertificateRole::DocumentSigner {
        return None;
    }
    let mdl = leaf
        .certificate
        .extended_key_usages()
        .contains(&IssuerCertificateProfile::MDL_DOCUMENT_SIGNER);
    if types.is_empty() {
        return Some(Finding::error(
            "anchor_scope",
            "B.1.4",
            "the anchor's doc_types are empty, so it vouches for no document; list them or leave the key out"
                .to_owned(),
        ));
    }
    let licences_only = types.iter().all(|doc_type| doc_type == MDL_DOC_TYPE);
    (licences_only && !mdl).then(|| {
        Finding::error(
            "anchor_scope",
            "B.1.4",
            format!(
                "the anchor vouches for {} only, whose signers have the extended key usage 1.0.18013.5.1.2, which this \
                 one lacks; widen the anchor's doc_types or have the signer's certificate issued for driving licences",
                types.join(", ")
            ),
        )
        .of(&leaf.label)
    })
}
