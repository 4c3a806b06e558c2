//! A chain: each certificate in its role, their order and signatures, and the way to the anchor.

use mdoc::cose::MAX_CERTIFICATES;
use mdoc::time::UnixTime;
use mdoc::x509::{CertificateRole, CertificateRule, Deviation, IssuerCertificateProfile};
use x509_cert::ext::pkix::KeyUsages;

use super::anchors::Anchor;
use super::arguments::LintKind;
use super::subject::Subject;
use super::way::anchored;
use super::{advice, certificate, link};
use operator::{Finding, Severity};

/// Judges certificates, the signer's first.
pub(super) fn judge(
    encoded: &[Vec<u8>],
    told: Option<LintKind>,
    anchors: &[Anchor],
    at: UnixTime,
) -> Vec<Finding> {
    let count = encoded.len();
    let label = |index: usize| {
        if count > 1 {
            format!("certificate {}", index + 1)
        } else {
            String::new()
        }
    };
    let parsed = parse(encoded, label);
    let leaf = parsed.first().and_then(|first| first.as_ref().ok());
    // Where the first cannot be read, the others are authorities.
    let (role, guess) = leaf.map_or((CertificateRole::DocumentSigner, None), |leaf| role(leaf, told));
    let mut findings = Vec::new();
    findings.extend(guess.map(|finding| finding.of(leaf.map_or("", |leaf| &leaf.label))));
    findings.extend(judge_parsed(parsed, role, anchors, at));
    findings
}

/// Judges the chain that a list brings, its signer's certificate first.
pub(super) fn judge_signer(
    encoded: &[Vec<u8>],
    role: CertificateRole,
    anchors: &[Anchor],
    at: UnixTime,
) -> Vec<Finding> {
    let label = |index: usize| match index {
        0 => "the signer's certificate".to_owned(),
        index => format!("certificate {} of the signer's chain", index + 1),
    };
    judge_parsed(parse(encoded, label), role, anchors, at)
}

/// Parses every certificate and labels it by its place and subject.
fn parse(encoded: &[Vec<u8>], label: impl Fn(usize) -> String) -> Vec<Result<Subject, Finding>> {
    let parse = |(index, der): (usize, &Vec<u8>)| {
        let label = label(index);
        match Subject::parse(der) {
            Ok(mut subject) => {
                if !label.is_empty() {
                    subject.label = format!("{label} ({})", subject.subject());
                }
                Ok(subject)
            }
            Err(finding) => Err(finding.of(&label)),
        }
    };
    encoded.iter().enumerate().map(parse).collect()
}

/// A chain with a gap is judged certificate by certificate.
fn judge_parsed(
    parsed: Vec<Result<Subject, Finding>>,
    role: CertificateRole,
    anchors: &[Anchor],
    at: UnixTime,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(too_many(parsed.len()));
    if parsed.iter().all(Result::is_ok) {
        let subjects: Vec<Subject> = parsed.into_iter().filter_map(Result::ok).collect();
        if let Some((leaf, above)) = subjects.split_first() {
            findings.extend(judge_chain(leaf, role, above, anchors, at));
        }
        return findings;
    }
    for (place, parsed) in parsed.into_iter().enumerate() {
        match parsed {
            Err(finding) => findings.push(finding),
            Ok(subject) if place == 0 => {
                let profile = profile(&subject, role, 0);
                findings.extend(certificate::judge(&subject, role, &profile, at));
            }
            Ok(subject) => {
                let profile = profile(&subject, role, 0);
                findings.extend(judge_authority(&subject, role, &profile, at));
            }
        }
    }
    findings
}

/// A message with a longer chain is refused.
fn too_many(count: usize) -> Option<Finding> {
    (count > MAX_CERTIFICATES).then(|| {
        let detail = format!(
            "{count} certificates, where a chain has at most {MAX_CERTIFICATES}; put one signer and its issuers into a \
             file"
        );
        Finding::error("chain_too_long", "RFC 9360 2", detail)
    })
}

/// Judges a whole chain.
fn judge_chain(
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
        findings.extend(judge_authority(subject, role, &profile, at));
    }
    let mut last = leaf;
    for (below, issuer) in above.iter().enumerate() {
        findings.extend(
            link::judge(last, issuer)
                .into_iter()
                .map(|finding| finding.of(&last.label)),
        );
        findings.extend(path_length(issuer, below));
        last = issuer;
    }
    findings.extend(length(leaf, role, above));
    if anchors.is_empty() {
        findings.extend(link::top(last).map(|finding| finding.of(&last.label)));
        if let Some(root) = above.last().filter(|root| is_root(root)) {
            findings.extend(names(leaf, role, root));
        }
    } else {
        findings.extend(anchored(leaf, role, above, anchors, at));
    }
    findings
}

/// Judges an authority above a signer of this role. A root that issues no documents is not bound to
/// all that the profile of an IACA root asks.
pub(super) fn judge_authority(
    authority: &Subject,
    signer: CertificateRole,
    profile: &IssuerCertificateProfile,
    at: UnixTime,
) -> Vec<Finding> {
    if !is_root(authority) {
        return certificate::judge(authority, CertificateRole::Intermediate, profile, at);
    }
    let mut findings = certificate::judge(authority, CertificateRole::Anchor, profile, at);
    let issues_documents = matches!(
        signer,
        CertificateRole::DocumentSigner | CertificateRole::Anchor | CertificateRole::Intermediate
    );
    let certifies = authority.key_usage().is_some_and(|usage| usage.key_cert_sign());
    let constraints = authority
        .basic_constraints()
        .is_some_and(|constraints| constraints.ca);
    for finding in findings.iter_mut().filter(|_| !issues_documents) {
        let of_documents = match finding.rule {
            "issuer_alt_name" | "crl_distribution_point" | "lifetime" | "country" => true,
            "key_usage" => certifies,
            "basic_constraints" => constraints,
            _ => false,
        };
        if of_documents && finding.severity == Severity::Error {
            finding.severity = Severity::Info;
            finding
                .detail
                .push_str(" (asked of roots that issue documents, which this one need not be)");
        }
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

/// Whether the role signs lists, which any authority may vouch for.
pub(super) const fn signs_lists(role: CertificateRole) -> bool {
    matches!(role, CertificateRole::VicalSigner | CertificateRole::StatusSigner)
}

/// A root or link certificate.
pub(super) fn is_root(subject: &Subject) -> bool {
    subject.certificate.is_self_issued()
}

/// The profile of the document type that the signer's use allows; authorities of readers and of
/// those who sign lists may stand below a root, which then has a path length of its own.
pub(super) fn profile(
    leaf: &Subject,
    role: CertificateRole,
    intermediates: usize,
) -> IssuerCertificateProfile {
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

pub(super) fn path_length(authority: &Subject, below: usize) -> Option<Finding> {
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
pub(super) fn names(leaf: &Subject, role: CertificateRole, root: &Subject) -> Vec<Finding> {
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
