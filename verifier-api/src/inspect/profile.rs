//! Which rules of ISO/IEC 18013-5 Annex B the certificates of one file break. The rules are those of
//! the judge, and it holds certificates to them along a path.

use mdoc::x509::{Anchor, AnchorSet, Certificate, IssuerCertificateProfile, ObjectIdentifier, build_path};

/// What can be said of these certificates, one remark a line.
pub(super) fn remarks(encoded: &[&[u8]]) -> Vec<String> {
    let parsed: Vec<Certificate> = encoded
        .iter()
        .filter_map(|der| Certificate::from_der(der).ok())
        .collect();
    let (roots, others): (Vec<Certificate>, Vec<Certificate>) =
        parsed.into_iter().partition(Certificate::is_self_issued);
    let Some(signer) = others.iter().find(|certificate| is_last(certificate, &others)) else {
        return vec![
            "profile: not judged; the rules are judged from a document signer to its root".to_owned(),
        ];
    };
    if !signs_documents(signer) {
        return vec!["profile: not judged; there are no rules here for a certificate of this use".to_owned()];
    }
    if roots.is_empty() {
        return vec!["profile: not judged; a file with the document signer and its root would be".to_owned()];
    }
    let candidates = roots.into_iter().map(|certificate| Anchor {
        certificate,
        doc_types: None,
        profile: None,
        list: None,
    });
    let (anchors, faults) = AnchorSet::new(candidates.collect());
    let mut remarks: Vec<String> = faults
        .iter()
        .map(|(index, fault)| format!("root {}: {fault}", index + 1))
        .collect();
    let profile = IssuerCertificateProfile {
        document_signer_usages: USAGES.to_vec(),
        ..IssuerCertificateProfile::default()
    };
    let chain = chain(signer, &others);
    match build_path(&chain, &anchors, |_| &profile) {
        Err(error) => remarks.push(format!("profile: not judged; {error}")),
        Ok(paths) => {
            for path in paths.paths() {
                remarks.extend(path.deviations.iter().map(|deviation| {
                    format!(
                        "profile: the {} breaks {} ({})",
                        deviation.role.name().replace('_', " "),
                        deviation.rule.name(),
                        deviation.rule.clause()
                    )
                }));
                if path.deviations.is_empty() {
                    remarks
                        .push("profile: document signer and root keep to ISO/IEC 18013-5 Annex B".to_owned());
                }
            }
        }
    }
    remarks
}

const USAGES: [ObjectIdentifier; 2] = [
    IssuerCertificateProfile::MDL_DOCUMENT_SIGNER,
    IssuerCertificateProfile::MDOC_DOCUMENT_SIGNER,
];

/// Of no use or of another, it would be a document signer that breaks the rule of its usage; only
/// what is plainly for something else is left out.
fn signs_documents(certificate: &Certificate) -> bool {
    let usages = certificate.extended_key_usages();
    usages.is_empty() || usages.iter().any(|usage| USAGES.contains(usage))
}

/// Whether no other certificate names this one as its issuer.
fn is_last(certificate: &Certificate, others: &[Certificate]) -> bool {
    !others
        .iter()
        .any(|other| other.der() != certificate.der() && other.issuer_der() == certificate.subject_der())
}

/// The signer and what it hangs from, the signer first.
fn chain<'c>(signer: &'c Certificate, others: &'c [Certificate]) -> Vec<&'c [u8]> {
    let mut chain = vec![signer.der()];
    let mut last = signer;
    // A circle of names ends with the number of certificates.
    while let Some(issuer) = others
        .iter()
        .find(|other| other.subject_der() == last.issuer_der() && other.der() != last.der())
        .filter(|_| chain.len() < others.len())
    {
        chain.push(issuer.der());
        last = issuer;
    }
    chain
}
