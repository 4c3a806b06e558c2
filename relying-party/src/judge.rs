//! The one call from bytes to verdict.

use mdoc::crypto::PrivateKey;
use mdoc::evidence::Evidence;
use mdoc::limits::Limits;
use mdoc::response::{DeviceResponse, Document, ResponseError};
use mdoc::session::SessionTranscript;
use mdoc::time::UnixTime;
use mdoc::verify::{
    Check, CheckReport, Context, Fact, Finding, MacKey, Outcome, Reason, RevocationState, verify_document,
};

use crate::elements;
use crate::policy::{Policy, Subject};
use crate::profile::{DocumentProfile, NextStep};
use crate::purpose::{self, Purpose};
use crate::seen::Record;
use crate::trust::TrustSnapshot;
use crate::verdict::{Answer, Decision, DocumentReport, Verdict, all_after};

mod conclude;

use conclude::decide;

/// What device MACs are checked with.
#[derive(Clone, Copy, Default)]
pub enum DeviceKeys<'k> {
    /// Nothing: a device MAC cannot hold.
    #[default]
    None,
    /// The reader's ephemeral private key.
    Reader(&'k PrivateKey),
    /// EMacKey, for every document.
    Mac(&'k [u8; 32]),
    /// EMacKey of each document in the order of the response; none where the document is signed.
    PerDocument(&'k [Option<[u8; 32]>]),
}

impl<'k> DeviceKeys<'k> {
    fn for_document(self, index: usize) -> Option<MacKey<'k>> {
        match self {
            Self::None => None,
            Self::Reader(key) => Some(MacKey::Reader(key)),
            Self::Mac(key) => Some(MacKey::Derived(key)),
            Self::PerDocument(keys) => keys.get(index)?.as_ref().map(MacKey::Derived),
        }
    }
}

/// A verdict, and the evidence that would help to a better one.
#[derive(Debug)]
pub struct Judgement<'a> {
    /// The verdict on the evidence at hand.
    pub verdict: Verdict<'a>,
    /// What to fetch before judging again. Only documents whose signature, chain and device
    /// authentication hold may ask for anything.
    pub wanted: Vec<Wanted>,
    /// The status lists and identifier lists that such documents name, at hand or not: for a store of lists, which has to
    /// know what is in use.
    pub named: Vec<String>,
}

/// Evidence that is not at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A CRL.
    Crl {
        /// Where it is published.
        uri: String,
    },
    /// A status list or identifier list.
    Status {
        /// Where it is published.
        uri: String,
    },
}

/// Judges a DeviceResponse that answers `transcript`, for `purpose`, at the instant `now`.
///
/// Never fails: whatever the bytes are, there is a verdict. Reads each byte a bounded number of
/// times; allocates in proportion to the number of elements, not to their size.
pub fn judge<'a>(
    bytes: &'a [u8],
    transcript: &SessionTranscript,
    keys: DeviceKeys<'_>,
    purpose: &'a Purpose,
    trust: &TrustSnapshot,
    evidence: &Evidence,
    now: UnixTime,
) -> Judgement<'a> {
    let case = Case {
        transcript,
        keys,
        purpose,
        trust,
        evidence,
        limits: trust.limits(),
        now,
    };
    // A tolerance counts only where every document asked for has it: none is judged laxer than its
    // own profile.
    let indefinite = purpose
        .documents()
        .iter()
        .all(|document| trust.profiles.for_doc_type(document.doc_type()).rules.indefinite);
    match DeviceResponse::decode(bytes, case.limits, indefinite) {
        Ok(response) => case.judge(&response),
        Err(error) => Judgement {
            verdict: case.without_documents(vec![failed(Check::ResponseDecode, response_finding(&error))]),
            wanted: Vec::new(),
            named: Vec::new(),
        },
    }
}

fn response_finding(error: &ResponseError) -> Finding {
    let reason = match error {
        ResponseError::TooLarge(_) | ResponseError::TooMany(_) => Reason::ResponseTooLarge,
        ResponseError::Version => Reason::ResponseVersion,
        _ => Reason::ResponseMalformed,
    };
    Finding::new(reason).because(error.to_string())
}

fn failed(check: Check, finding: Finding) -> CheckReport {
    CheckReport {
        check,
        outcome: Outcome::Failed(finding),
        as_of: None,
    }
}

const fn passed(check: Check) -> CheckReport {
    CheckReport {
        check,
        outcome: Outcome::PASSED,
        as_of: None,
    }
}

/// All that one judgement is made from.
struct Case<'a, 'c> {
    transcript: &'c SessionTranscript,
    keys: DeviceKeys<'c>,
    purpose: &'a Purpose,
    trust: &'c TrustSnapshot,
    evidence: &'c Evidence,
    limits: &'c Limits,
    now: UnixTime,
}

/// A document's report and what the whole verdict needs of it.
struct Judged<'a> {
    report: DocumentReport<'a>,
    /// Which document of the purpose it answers.
    asked: Option<usize>,
    answers: Vec<Answer<'a>>,
    wanted: Vec<Wanted>,
    named: Vec<String>,
    /// Which record it is, where the purpose asks.
    record: Option<Record>,
}

impl<'a> Case<'a, '_> {
    fn judge(&self, response: &DeviceResponse<'a>) -> Judgement<'a> {
        let decoded = passed(Check::ResponseDecode);
        let status = match (response.status, response.documents.is_empty()) {
            (0, false) => None,
            (0, true) => Some(Finding::new(Reason::ResponseNoDocuments)),
            (status, _) => Some(Finding::new(Reason::ResponseStatus).with("status", Fact::Number(status))),
        };
        if let Some(finding) = status {
            let checks = vec![decoded, failed(Check::ResponseStatus, finding)];
            let mut verdict = self.without_documents(checks);
            verdict.unsupported = response.unsupported;
            return Judgement {
                verdict,
                wanted: Vec::new(),
                named: Vec::new(),
            };
        }
        let assigned = self.assign(&response.documents);
        let judged: Vec<Judged<'a>> = response
            .documents
            .iter()
            .zip(assigned)
            .enumerate()
            .map(|(index, (document, asked))| self.judge_document(response, document, index, asked))
            .collect();
        self.conclude(response, judged)
    }

    /// Which document of the purpose each document answers: one of its type that no other answers,
    /// the one whose elements it returns most of.
    fn assign(&self, documents: &[Document<'_>]) -> Vec<Option<usize>> {
        let mut taken = vec![false; self.purpose.documents().len()];
        let mut assigned = Vec::with_capacity(documents.len());
        for document in documents {
            let candidates = self.purpose.documents().iter().enumerate();
            let best = candidates
                .filter(|(index, asked)| {
                    asked.doc_type() == document.doc_type && taken.get(*index) == Some(&false)
                })
                .max_by_key(|(index, asked)| (requested_count(asked, document), core::cmp::Reverse(*index)))
                .map(|(index, _)| index);
            if let Some(slot) = best.and_then(|index| taken.get_mut(index)) {
                *slot = true;
            }
            assigned.push(best);
        }
        assigned
    }

    fn judge_document(
        &self,
        response: &DeviceResponse<'a>,
        document: &Document<'a>,
        index: usize,
        asked: Option<usize>,
    ) -> Judged<'a> {
        let purpose_document = asked.and_then(|asked| self.purpose.documents().get(asked));
        let Some(purpose_document) = purpose_document else {
            return unrequested(response, document);
        };
        let own = self.trust.profiles.for_doc_type(document.doc_type);
        let rules_by_name = |name: &str| self.trust.profiles.by_name(name).map(|profile| &profile.rules);
        let revocation = self.purpose.revocation();
        let context = Context {
            transcript: self.transcript,
            anchors: &self.trust.anchors,
            cache: &self.trust.cache,
            rules: &own.rules,
            rules_by_name: &rules_by_name,
            evidence: self.evidence,
            iso_status_profile: revocation.iso_status_profile,
            document_signer_may_sign_status: revocation.document_signer_may_sign_status,
            now: self.now,
            clock_skew: 0,
            minimum_curve_bits: self.purpose.minimum_curve_bits(),
            limits: self.limits,
        };
        let line = verify_document(document, self.keys.for_document(index).as_ref(), &context);
        let crl = match &line.crl {
            Some(state) => self.policy(Subject::Certificate).report(state, line.signed),
            None => CheckReport {
                check: Check::IssuerCrl,
                outcome: Outcome::NotReached {
                    after: if line.chain.holds() {
                        Check::IssuerCertificate
                    } else {
                        Check::IssuerChain
                    },
                },
                as_of: None,
            },
        };
        let mut checks = Vec::with_capacity(Check::ALL.len());
        let push = |checks: &mut Vec<CheckReport>, check, outcome| {
            checks.push(CheckReport {
                check,
                outcome,
                as_of: None,
            })
        };
        push(&mut checks, Check::ResponseDecode, Outcome::PASSED);
        push(&mut checks, Check::ResponseStatus, Outcome::PASSED);
        push(&mut checks, Check::DocumentRequested, Outcome::PASSED);
        push(&mut checks, Check::IssuerChain, line.chain);
        push(&mut checks, Check::IssuerCertificate, line.certificate);
        checks.push(crl);
        push(&mut checks, Check::IssuerSignature, line.signature);
        push(&mut checks, Check::DocumentType, line.doc_type);
        push(&mut checks, Check::Mso, line.mso);
        push(&mut checks, Check::Digests, line.digests);
        push(&mut checks, Check::MsoValidity, line.validity);
        push(&mut checks, Check::DeviceAuth, line.device_auth);
        let mut answers = Vec::new();
        let mut wanted = Vec::new();
        let mut lists_named = Vec::new();
        let mut record = None;
        let mut edition = edition_of(response);
        if let Some(verified) = &line.verified {
            let named = verified.signer().path().and_then(|path| path.profile.as_deref());
            let profile: &DocumentProfile = named
                .and_then(|name| self.trust.profiles.by_name(name))
                .unwrap_or(own);
            if verified.mso().status.is_some() {
                edition = SECOND_EDITION;
            }
            push(
                &mut checks,
                Check::Elements,
                elements::check(verified, profile, self.now),
            );
            let status = self.policy(Subject::Status);
            checks.push(status.report(&verified.standing().status, line.signed));
            let found = elements::answers(verified, purpose_document, self.purpose, profile, self.now);
            push(
                &mut checks,
                Check::Purpose,
                match found {
                    Ok(found) => {
                        answers = found;
                        Outcome::PASSED
                    }
                    Err(finding) => Outcome::Failed(finding),
                },
            );
            lists_named = lists_of(verified).map(str::to_owned).collect();
            wanted = self.wanted(verified, profile);
            record = Record::of(verified, profile, self.purpose);
        } else {
            let after = checks.iter().find(|report| report.outcome.failure().is_some());
            let after = after.map_or(Check::Elements, |report| report.check);
            let elements = match line.duplicates {
                Ok(()) => Outcome::NotReached { after },
                Err(finding) => Outcome::Failed(finding),
            };
            checks.push(CheckReport {
                check: Check::Elements,
                outcome: elements,
                as_of: None,
            });
            checks.push(self.status_of_unverified(line.status.as_ref(), line.signed, after));
            push(&mut checks, Check::Purpose, Outcome::NotReached { after });
        }
        let (decision, reason) = decide(&checks);
        let accepted = decision == Decision::Accepted;
        if decision == Decision::Rejected {
            // No evidence would change it.
            wanted.clear();
        }
        let report = DocumentReport {
            doc_type: document.doc_type,
            edition,
            decision,
            reason,
            checks,
            withheld: withheld(purpose_document, document),
            next_step: next_step(reason, own),
            verified: line.verified.filter(|_| accepted),
        };
        Judged {
            report,
            asked,
            answers,
            wanted,
            named: lists_named,
            record,
        }
    }

    const fn policy(&self, subject: Subject) -> Policy {
        let revocation = self.purpose.revocation();
        Policy {
            subject,
            requirement: match subject {
                Subject::Certificate => revocation.crl,
                Subject::Status => revocation.status,
            },
            max_age: revocation.max_age,
            now: self.now,
        }
    }

    /// What speaks against a document is said also where another check has failed; the lack of
    /// evidence is not.
    fn status_of_unverified(
        &self,
        state: Option<&RevocationState>,
        signed: Option<UnixTime>,
        after: Check,
    ) -> CheckReport {
        match state {
            Some(state) if state.is_against() => self.policy(Subject::Status).report(state, signed),
            _ => CheckReport {
                check: Check::Status,
                outcome: Outcome::NotReached { after },
                as_of: None,
            },
        }
    }

    /// The evidence that policy asks for and that is not at hand, or no longer good.
    fn wanted(
        &self,
        verified: &mdoc::verify::VerifiedDocument<'_>,
        profile: &DocumentProfile,
    ) -> Vec<Wanted> {
        let standing = verified.standing();
        let mut wanted = Vec::new();
        if self.policy(Subject::Certificate).wants_more(&standing.crl) {
            let uris = verified
                .signer()
                .path()
                .map(|path| path.crl_uris.as_slice())
                .unwrap_or_default();
            let uris = uris.iter().filter(|uri| profile.takes_crl_from(uri));
            wanted.extend(uris.map(|uri| Wanted::Crl { uri: uri.clone() }));
        }
        if self.policy(Subject::Status).wants_more(&standing.status) {
            let secure = |uri: &&str| {
                uri.get(..8)
                    .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
            };
            wanted.extend(
                lists_of(verified)
                    .filter(secure)
                    .map(|uri| Wanted::Status { uri: uri.to_owned() }),
            );
        }
        wanted
    }
}

/// The URIs of the lists that a verified document names.
fn lists_of<'a>(verified: &mdoc::verify::VerifiedDocument<'a>) -> impl Iterator<Item = &'a str> {
    let status = verified.mso().status.as_ref();
    let lists = status.and_then(|status| status.status_list.map(|list| list.uri));
    let identifiers = status.and_then(|status| status.identifier_list.map(|list| list.uri));
    lists.into_iter().chain(identifiers)
}

const SECOND_EDITION: &str = "second";

const fn edition_of(response: &DeviceResponse<'_>) -> &'static str {
    if response.version_minor > 0 || response.unsupported.any() {
        SECOND_EDITION
    } else {
        "2021"
    }
}

/// What the holder can do, by the profile of the document's own type.
fn next_step(reason: Option<Reason>, profile: &DocumentProfile) -> Option<NextStep> {
    match reason? {
        Reason::MsoExpired => profile.expired.clone(),
        _ => None,
    }
}

/// A document that nobody asked for: reported, not judged, nothing of it handed out.
fn unrequested<'a>(response: &DeviceResponse<'a>, document: &Document<'a>) -> Judged<'a> {
    let made = vec![
        passed(Check::ResponseDecode),
        passed(Check::ResponseStatus),
        failed(
            Check::DocumentRequested,
            Finding::new(Reason::DocumentNotRequested),
        ),
    ];
    let items = &document.issuer_signed.items;
    let report = DocumentReport {
        doc_type: document.doc_type,
        edition: edition_of(response),
        decision: Decision::Undetermined,
        reason: Some(Reason::DocumentNotRequested),
        checks: all_after(made, Check::DocumentRequested),
        withheld: items
            .iter()
            .map(|item| (item.name_space, item.element_identifier))
            .collect(),
        next_step: None,
        verified: None,
    };
    Judged {
        report,
        asked: None,
        answers: Vec::new(),
        wanted: Vec::new(),
        named: Vec::new(),
        record: None,
    }
}

fn requested_count(asked: &purpose::Document, document: &Document<'_>) -> usize {
    let items = document.issuer_signed.items.iter();
    items
        .filter(|item| asked.requests(item.name_space, item.element_identifier))
        .count()
}

fn withheld<'a>(asked: &purpose::Document, document: &Document<'a>) -> Vec<(&'a str, &'a str)> {
    let items = document.issuer_signed.items.iter();
    items
        .filter(|item| !asked.requests(item.name_space, item.element_identifier))
        .map(|item| (item.name_space, item.element_identifier))
        .collect()
}
