//! The way from a chain to one of the anchors.

use mdoc::time::UnixTime;
use mdoc::x509::{Certificate, CertificateRole, IssuerCertificateProfile};

use super::anchors::Anchor;
use super::chain::{is_root, judge_authority, names, path_length, profile, signs_lists};
use super::link;
use super::subject::Subject;
use operator::Finding;

const MDL_DOC_TYPE: &str = "org.iso.18013.5.1.mDL";

/// What stands between the chain and the anchor that it leads to, and the anchor itself.
pub(super) fn anchored(
    leaf: &Subject,
    role: CertificateRole,
    above: &[Subject],
    anchors: &[Anchor],
    at: UnixTime,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let same = |subject: &Subject| {
        let der = subject.certificate.der();
        anchors
            .iter()
            .find(|anchor| anchor.subject.certificate.der() == der)
    };
    let mut chain = core::iter::once(leaf).chain(above).enumerate();
    let inside = chain.find_map(|(place, subject)| Some((place, same(subject)?)));
    let (below, anchor) = match inside {
        // It has been judged as a part of the chain.
        Some(inside) => inside,
        None => {
            let last = above.last().unwrap_or(leaf);
            let anchor = match lead(last, anchors) {
                Ok(anchor) => anchor,
                Err(finding) => return vec![finding],
            };
            let links = link::judge(last, &anchor.subject);
            findings.extend(links.into_iter().map(|finding| finding.of(&last.label)));
            let between = above.iter().filter(|subject| !is_root(subject)).count();
            let profile = profile(leaf, role, between);
            findings.extend(judge_authority(&anchor.subject, role, &profile, at));
            // The path length of a root counts document signers: lists are signed below an
            // intermediate in the field.
            if !signs_lists(role) {
                findings.extend(path_length(&anchor.subject, above.len()));
            }
            (above.len() + 1, anchor)
        }
    };
    if below > 0 {
        findings.extend(names(leaf, role, &anchor.subject));
        findings.extend(scope(leaf, role, anchor));
    }
    if is_root(&anchor.subject) {
        findings.extend(self_signed(&anchor.subject, anchors));
    } else if !signs_lists(role) {
        findings.push(not_root(anchor));
    }
    findings
}

fn not_root(anchor: &Anchor) -> Finding {
    let detail = format!(
        "issued by {}, so it is neither a root nor a link certificate and is not taken as an anchor; give the root",
        anchor.subject.issuer()
    );
    Finding::error("anchor_not_root", "B.1.1", detail).of(&anchor.subject.label)
}

/// The anchor that the last certificate names as its issuer: one whose key signed it, else one of
/// its name.
fn lead<'a>(last: &Subject, anchors: &'a [Anchor]) -> Result<&'a Anchor, Finding> {
    let named: Vec<&Anchor> = anchors
        .iter()
        .filter(|anchor| anchor.subject.certificate.subject_der() == last.certificate.issuer_der())
        .collect();
    let signed = |anchor: &&&Anchor| {
        let key = anchor.subject.certificate.public_key();
        key.is_some_and(|key| last.certificate.verify_signed_by(key).is_ok())
    };
    if let Some(anchor) = named.iter().find(signed).or_else(|| named.first()) {
        return Ok(anchor);
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
fn self_signed(root: &Subject, anchors: &[Anchor]) -> Option<Finding> {
    let certificate = &root.certificate;
    let mut keys = core::iter::once(certificate)
        .chain(anchors.iter().map(|anchor| &anchor.subject.certificate))
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
