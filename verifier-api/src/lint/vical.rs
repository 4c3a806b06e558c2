//! A VICAL: its signer, its dates, and its entries one by one.

use mdoc::cbor::{Item, Rules};
use mdoc::cose::Message;
use mdoc::time::UnixTime;
use mdoc::x509::{
    Anchor as Trusted, AnchorSet, CertificateRole, EntryFault, IssuerCertificateProfile, Vical, VicalEntry,
    VicalError, unverified_entries,
};

use super::anchors::Anchor;
use operator::{Finding, Severity};

use super::report::{Entry, Report};
use super::subject::{Subject, hex, shown_der, span};
use super::{certificate, chain, link};

const CLAUSE: &str = "Annex C";
const DAY: i64 = 86_400;
/// Providers issue a list at least so often.
const MAX_AGE: i64 = 90 * DAY;
/// Nesting and entries of a list, as the judge bounds them.
const RULES: Rules = Rules {
    max_depth: 16,
    max_items: mdoc::limits::TRUST_LIST_ENTRIES,
    indefinite: true,
};

/// Judges a list.
pub(super) fn judge(bytes: &[u8], anchors: &[Anchor], at: UnixTime) -> Report {
    let mut findings = Vec::new();
    let chain = x5chain(bytes);
    if let Some(chain) = &chain {
        findings.extend(chain::judge_signer(
            chain,
            CertificateRole::VicalSigner,
            anchors,
            at,
        ));
    }
    let entries = match Vical::decode(bytes) {
        Ok(list) => {
            findings.extend(dates(&list, at));
            if !anchors.is_empty() {
                findings.extend(vouched(&list, anchors));
            }
            list.into_entries()
        }
        Err(error) => {
            let chain_told = matches!(error, VicalError::Path(_))
                && findings.iter().any(|finding| finding.severity == Severity::Error);
            if !chain_told {
                let (rule, advice) = advice(&error);
                findings.insert(0, Finding::error(rule, CLAUSE, format!("{error}; {advice}")));
            }
            // What the list holds is worth knowing, whatever becomes of its signer.
            unverified_entries(bytes).unwrap_or_default()
        }
    };
    let rejected = unsigned_roots(&entries);
    let listed = entries.iter().map(|entry| {
        let unsigned = rejected.iter().find(|(index, _)| *index == entry.index);
        Entry {
            index: entry.index,
            subject: entry.subject().into_owned(),
            skipped: match (&entry.certificate, unsigned) {
                (Err(fault), _) => Some(fault.to_string()),
                (Ok(_), Some((_, fault))) => Some(fault.clone()),
                (Ok(_), None) => None,
            },
        }
    });
    let listed: Vec<Entry> = listed.collect();
    for ((entry, shown), stated) in entries.iter().zip(&listed).zip(stated(bytes)) {
        findings.extend(of_entry(entry, shown, &stated, at));
    }
    Report {
        findings,
        entries: listed,
    }
}

fn message(bytes: &[u8]) -> Option<Message<'_>> {
    let mut item = Item::decode(bytes, &RULES).ok()?;
    while let Some((_, inner)) = item.as_tag() {
        item = inner;
    }
    Message::decode(item, &RULES).ok()
}

fn x5chain(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let chain = message(bytes)?.headers().x5chain(true).ok()?;
    Some(chain.certificates().iter().map(|der| der.to_vec()).collect())
}

/// What an entry says beside its certificate, for people.
#[derive(Default)]
struct Stated {
    certificate: Option<Vec<u8>>,
    members: Vec<(&'static str, String)>,
}

impl Stated {
    fn read(info: Item<'_>) -> Option<Self> {
        let map = info.as_map()?;
        let member = |name: &'static str| {
            let item = map.get_text(name)?;
            let shown = match item.as_tag() {
                // A date, or a big number.
                Some((_, inner)) => written(inner)?,
                None => match (name, item.as_bytes()) {
                    ("issuer" | "subject", Some(der)) => shown_der(der),
                    _ => written(item)?,
                },
            };
            Some((name, shown))
        };
        const NAMES: [&str; 6] = [
            "serialNumber",
            "ski",
            "issuer",
            "subject",
            "notBefore",
            "notAfter",
        ];
        Some(Self {
            certificate: map.get_text("certificate")?.as_bytes().map(<[u8]>::to_vec),
            members: NAMES.into_iter().filter_map(member).collect(),
        })
    }

    fn member(&self, name: &str) -> Option<&str> {
        let found = self.members.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The two values of a member that contradicts its certificate.
    fn contradiction(&self, name: &str, subject: &Subject) -> Option<String> {
        let certificate = &subject.certificate;
        let own = match name {
            "serialNumber" => hex(certificate.serial()),
            "ski" => hex(certificate.subject_key_identifier().unwrap_or_default()),
            "issuer" => subject.issuer(),
            "subject" => subject.subject(),
            "notBefore" => certificate.not_before().to_string(),
            "notAfter" => certificate.not_after().to_string(),
            _ => return None,
        };
        Some(format!("it says {}, the certificate {own}", self.member(name)?))
    }
}

fn written(item: Item<'_>) -> Option<String> {
    const MAX_SHOWN: usize = 40;
    let bytes = |bytes: &[u8]| hex(bytes.get(..bytes.len().min(MAX_SHOWN)).unwrap_or_default());
    let number = || item.as_u64().map(|number| format!("{number:x}"));
    let text = || item.as_text().map(|text| text.chars().take(MAX_SHOWN).collect());
    item.as_bytes().map(bytes).or_else(number).or_else(text)
}

/// What each entry says.
fn stated(bytes: &[u8]) -> Vec<Stated> {
    let read = || {
        let payload = Item::decode(message(bytes)?.payload()?, &RULES).ok()?;
        let infos = payload.as_map()?.get_text("certificateInfos")?.as_array()?;
        Some(
            infos
                .iter()
                .map(|info| Stated::read(info).unwrap_or_default())
                .collect(),
        )
    };
    read().unwrap_or_default()
}

/// The entries whose certificate is signed neither by itself nor by another root of its name.
fn unsigned_roots(entries: &[VicalEntry]) -> Vec<(usize, String)> {
    let accepted: Vec<(usize, Trusted)> = entries
        .iter()
        .filter_map(|entry| {
            let certificate = entry.certificate.as_ref().ok()?.clone();
            let candidate = Trusted {
                certificate,
                doc_types: None,
                profile: None,
                list: None,
            };
            Some((entry.index, candidate))
        })
        .collect();
    let (indices, candidates): (Vec<usize>, Vec<Trusted>) = accepted.into_iter().unzip();
    let (_, faults) = AnchorSet::new(candidates);
    faults
        .into_iter()
        .filter_map(|(place, fault)| Some((*indices.get(place)?, fault.to_string())))
        .collect()
}

fn dates(list: &Vical, at: UnixTime) -> Vec<Finding> {
    let made = list.issue().date;
    let mut findings = Vec::new();
    if at < made {
        findings.push(Finding::error(
            "vical_not_yet_valid",
            CLAUSE,
            format!(
                "issued on {made}, {} after {at}; set the clock that is wrong",
                span(at, made)
            ),
        ));
    }
    if let Some(end) = list.not_after().filter(|end| *end < at) {
        findings.push(Finding::error(
            "vical_expired",
            CLAUSE,
            format!(
                "counts until {end}, {} before {at}; fetch the provider's newest list",
                span(end, at)
            ),
        ));
    }
    match list.next_update() {
        Some(due) if due < at => findings.push(Finding::error(
            "vical_overdue",
            CLAUSE,
            format!(
                "the next list was due on {due}, {} before {at}; fetch the provider's newest list{}",
                span(due, at),
                list.url().map(|url| format!(" ({url})")).unwrap_or_default()
            ),
        )),
        Some(due) if due.seconds() - made.seconds() > MAX_AGE => findings.push(Finding::warning(
            "vical_update_interval",
            CLAUSE,
            format!("the next list is due {} after this one; issue one at least every 90 days", span(made, due)),
        )),
        Some(_) => {}
        None => findings.push(Finding::warning(
            "vical_next_update",
            CLAUSE,
            "does not say when the next list is due, so that nobody notices when it gets old; state nextUpdate".to_owned(),
        )),
    }
    if list.next_update().is_none() && at.seconds() - made.seconds() > MAX_AGE {
        findings.push(Finding::warning(
            "vical_old",
            CLAUSE,
            format!(
                "issued on {made}, {} before {at}; fetch the provider's newest list",
                span(made, at)
            ),
        ));
    }
    if list.issue().issue_id.is_none() {
        findings.push(Finding::info(
            "vical_issue_id",
            CLAUSE,
            "has no vicalIssueID, so that only its date tells it from an older one".to_owned(),
        ));
    }
    findings
}

/// The judge's own word on the authority. What speaks against it has mostly been told of the chain.
fn vouched(list: &Vical, anchors: &[Anchor]) -> Option<Finding> {
    let authorities: Vec<_> = anchors
        .iter()
        .map(|anchor| anchor.subject.certificate.clone())
        .collect();
    let fault = list.vouched_by(&authorities).err()?;
    Some(Finding::error(
        "vical_authority",
        CLAUSE,
        format!("{fault}; give the certificate that the provider publishes for its list"),
    ))
}

const fn advice(error: &VicalError) -> (&'static str, &'static str) {
    match error {
        VicalError::Header(_) | VicalError::Chain(_) | VicalError::Path(_) => (
            "vical_chain",
            "have the list signed with the signer's certificate first and its issuers in order",
        ),
        VicalError::Algorithm(_) | VicalError::AlgorithmNotAllowed => (
            "vical_algorithm",
            "have the list signed with ES256, ES384, ES512 or EdDSA, named in the protected header, by the curve of the \
             signer's key",
        ),
        VicalError::Signature(_) => (
            "vical_signature",
            "the list was altered on its way, or signed by another key than that of its first certificate; fetch it anew",
        ),
        VicalError::Version(_) => ("vical_version", "have the list issued in version 1.0"),
        VicalError::Member(_) | VicalError::Window => (
            "vical_member",
            "have the list issued with version, vicalProvider, date and certificateInfos, each of its type",
        ),
        _ => (
            "malformed",
            "fetch the list anew as the bytes that the provider signed",
        ),
    }
}

/// What is to be said of an entry. One bad entry does not void a list, so nothing here is an error.
fn of_entry(entry: &VicalEntry, shown: &Entry, stated: &Stated, at: UnixTime) -> Vec<Finding> {
    let label = format!("entry {} ({})", entry.index, shown.subject);
    let mut findings = Vec::new();
    let subject = stated
        .certificate
        .as_deref()
        .map(Subject::parse)
        .and_then(Result::ok);
    if let Some(reason) = &shown.skipped
        && !matches!(entry.certificate, Err(EntryFault::Profile(_)))
    {
        let values = match (&entry.certificate, &subject) {
            (Err(EntryFault::Contradiction(name)), Some(subject)) => stated.contradiction(name, subject),
            _ => None,
        };
        let values = values.map(|values| format!(" ({values})")).unwrap_or_default();
        let detail = format!(
            "{reason}{values}; the entry is skipped, the others count, so ask the provider to correct it"
        );
        findings.push(Finding::warning("vical_entry", CLAUSE, detail).of(&label));
    }
    let Some(mut subject) = subject else {
        return findings;
    };
    subject.label.clone_from(&label);
    if shown.skipped.is_none() {
        for (name, own) in [
            ("notBefore", subject.certificate.not_before()),
            ("notAfter", subject.certificate.not_after()),
        ] {
            if stated
                .member(name)
                .is_some_and(|written| written != own.to_string())
            {
                let values = stated.contradiction(name, &subject).unwrap_or_default();
                let detail =
                    format!("the member {name} differs from the certificate ({values}), which counts");
                findings.push(Finding::info("vical_entry_date", CLAUSE, detail).of(&label));
            }
        }
    }
    let profile = IssuerCertificateProfile::default();
    let of_certificate = certificate::judge(&subject, CertificateRole::Anchor, &profile, at);
    findings.extend(of_certificate.into_iter().map(lighter));
    if let Some(key) = subject
        .certificate
        .public_key()
        .filter(|_| shown.skipped.is_none())
    {
        findings.extend(link::hash_strength(&subject, key).map(|finding| finding.of(&label)));
    }
    findings
}

fn lighter(mut finding: Finding) -> Finding {
    finding.severity = match finding.severity {
        Severity::Error => Severity::Warning,
        Severity::Warning | Severity::Info => Severity::Info,
    };
    finding
}
