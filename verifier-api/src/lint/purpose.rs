//! A purpose: where it is laxer than what it asks for needs.

use relying_party::purpose::{Answer, Audience, Document, Purpose, Requirement, Rule};

use super::LintError;
use operator::{Finding, Severity};

/// What the answers of a purpose are good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Somebody relies on who the holder is.
    Identity,
    /// The individual number, or a task that the law names.
    Statutory,
    /// An age or another statement that names nobody.
    Statement,
}

impl Class {
    const fn words(self) -> &'static str {
        match self {
            Self::Identity => "an identity purpose",
            Self::Statutory => "a purpose with a statutory basis",
            Self::Statement => "a purpose that identifies nobody",
        }
    }

    /// How much a lax setting weighs.
    const fn severity(self) -> Severity {
        match self {
            Self::Identity | Self::Statutory => Severity::Warning,
            Self::Statement => Severity::Info,
        }
    }
}

/// Judges a ready-made purpose or a file.
pub(super) fn judge(id_or_file: &str) -> Result<Vec<Finding>, LintError> {
    match operator::load_purpose(id_or_file) {
        Ok(purpose) => Ok(of(&purpose)),
        Err(operator::OperatorError::Purpose { error, .. }) => Ok(vec![Finding::error(
            "purpose_malformed",
            "purpose",
            error.to_string().trim_end().to_owned(),
        )]),
        Err(error) => Err(error.into()),
    }
}

fn of(purpose: &Purpose) -> Vec<Finding> {
    let class = class(purpose);
    let mut findings = Vec::new();
    if let Err(error) = purpose.check_request() {
        findings.push(Finding::error(
            "purpose_request",
            "document.request",
            format!("{error}; a reader refuses the purpose, and a phone must not be asked so"),
        ));
    }
    findings.extend(revocation(purpose, class));
    for document in purpose.documents() {
        for (name_space, elements) in document.request() {
            for (element, retain) in elements {
                findings.extend(retention(purpose, document, (name_space, element), *retain));
            }
        }
        findings.extend(birth_date(purpose, document));
    }
    findings
}

fn class(purpose: &Purpose) -> Class {
    let asks = |wanted: fn(&str) -> bool| {
        let elements = purpose
            .documents()
            .iter()
            .flat_map(|document| document.request().values());
        elements
            .flat_map(|elements| elements.keys())
            .any(|element| wanted(element))
    };
    if purpose.statutory_basis().is_some() || asks(|element| element.starts_with("individual_number")) {
        return Class::Statutory;
    }
    let identifies = purpose.documents().iter().any(|document| {
        purpose
            .answers_of(document)
            .any(|answer| answer.audience == Audience::Backend && element_of(answer).is_some_and(identifies))
    });
    if identifies {
        Class::Identity
    } else {
        Class::Statement
    }
}

/// Whether an element tells who or where somebody is.
fn identifies(element: &str) -> bool {
    const PARTS: [&str; 7] = [
        "name",
        "address",
        "birth_date",
        "portrait",
        "individual_number",
        "document_number",
        "personal_administrative_number",
    ];
    PARTS.iter().any(|part| element.contains(part))
}

fn element_of(answer: &Answer) -> Option<&str> {
    match &answer.rule {
        Rule::Element { identifier, .. } | Rule::Equals { identifier, .. } => Some(identifier),
        Rule::AgeOver { .. } => None,
    }
}

const fn written(requirement: Requirement) -> &'static str {
    match requirement {
        Requirement::Required => "required",
        Requirement::IfPresent => "if_present",
        Requirement::IfAvailable => "if_available",
        Requirement::Off => "off",
    }
}

fn revocation(purpose: &Purpose, class: Class) -> Vec<Finding> {
    let revocation = purpose.revocation();
    let words = class.words();
    let lax = |requirement| matches!(requirement, Requirement::IfAvailable | Requirement::Off);
    let finding = |rule, clause, detail| Finding {
        severity: class.severity(),
        rule,
        clause,
        detail,
    };
    let mut findings = Vec::new();
    if lax(revocation.crl) {
        findings.push(finding(
            "purpose_crl",
            "revocation.crl",
            format!(
                "{words} with crl = {:?}: a document whose signer's certificate was revoked passes while no CRL is at \
                 hand; crl = \"required\" makes that undetermined",
                written(revocation.crl)
            ),
        ));
    }
    if lax(revocation.status) {
        findings.push(finding(
            "purpose_status",
            "revocation.status",
            format!(
                "{words} with status = {:?}: a revoked document passes while its status list is not at hand; status = \
                 \"if_present\" makes that undetermined, \"required\" also refuses documents that name no list",
                written(revocation.status)
            ),
        ));
    }
    let judged = revocation.crl != Requirement::Off || revocation.status != Requirement::Off;
    if class != Class::Statement && judged && revocation.max_age.is_none() {
        findings.push(finding(
            "purpose_max_age",
            "revocation.max_age",
            format!("{words} without max_age: evidence counts until its own expiry, which may be months away; set it, such as max_age = \"24h\""),
        ));
    }
    findings
}

/// What the phone tells its holder against what happens: intent to retain and the answers.
fn retention(
    purpose: &Purpose,
    document: &Document,
    (name_space, element): (&str, &str),
    retain: bool,
) -> Option<Finding> {
    let leaves = purpose.answers_of(document).any(|answer| {
        answer.audience == Audience::Backend
            && match &answer.rule {
                Rule::Element {
                    name_space: space,
                    identifier,
                }
                | Rule::Equals {
                    name_space: space,
                    identifier,
                    ..
                } => space == name_space && identifier == element,
                // Whether an age is reached leaves; the element stays.
                Rule::AgeOver { .. } => false,
            }
    });
    let states_value = purpose.answers_of(document).any(|answer| {
        matches!(answer.rule, Rule::Element { .. })
            && answer.audience == Audience::Backend
            && element_of(answer) == Some(element)
    });
    let doc_type = document.doc_type();
    if retain && !leaves {
        return Some(Finding::warning(
            "purpose_intent_to_retain",
            "document.request",
            format!(
                "{element} of {doc_type} is asked for with intent to retain, but no answer takes its value to the back \
                 end; the holder is told that it will be kept, so write {element} = false"
            ),
        ));
    }
    (!retain && states_value).then(|| {
        Finding::info(
            "purpose_not_retained",
            "document.request",
            format!(
                "{element} of {doc_type} leaves for the back end, and the holder is told that it will not be kept; \
                 write {element} = true if the back end stores it"
            ),
        )
    })
}

/// The birth date where an age is all that is answered.
fn birth_date(purpose: &Purpose, document: &Document) -> Option<Finding> {
    const BIRTH_DATE: &str = "birth_date";
    let asked = document
        .request()
        .values()
        .any(|elements| elements.contains_key(BIRTH_DATE));
    let mut answers = purpose.answers_of(document).peekable();
    answers.peek()?;
    let answered = purpose
        .answers_of(document)
        .any(|answer| element_of(answer) == Some(BIRTH_DATE));
    let age = answers.any(|answer| matches!(answer.rule, Rule::AgeOver { .. }));
    (asked && age && !answered).then(|| {
        Finding::info(
            "purpose_birth_date",
            "document.request",
            format!(
                "the birth date is asked of {} though only an age is answered; age_over_NN alone tells less, where \
                 issuers state it",
                document.doc_type()
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purpose(head: &str, request: &str, answers: &str, revocation: &str) -> Purpose {
        let text = format!(
            "id = \"test\"\ntitle = {{ en = \"Test\" }}\n{head}\n[[document]]\ndoc_type = \"d\"\n[document.request]\n\
             \"n\" = {{ {request} }}\n{answers}\n[revocation]\n{revocation}\n"
        );
        Purpose::from_toml(&text).unwrap()
    }

    fn answer(element: &str, more: &str) -> String {
        format!(
            "[[answer]]\nname = \"{element}\"\nrule = \"element\"\nelement = [\"n\", \"{element}\"]\n{more}\n"
        )
    }

    fn rules(purpose: &Purpose) -> Vec<(Severity, &'static str)> {
        of(purpose)
            .iter()
            .map(|found| (found.severity, found.rule))
            .collect()
    }

    const STRICT: &str = "status = \"required\"\ncrl = \"required\"\nmax_age = \"24h\"";
    const AGE: &str = "[[answer]]\nname = \"a\"\nrule = \"age_over\"\nthreshold = 20\n";

    #[test]
    fn an_identity_purpose_needs_evidence() {
        let of = |revocation: &str| {
            let answers = answer("full_name_unicode", "");
            rules(&purpose("", "full_name_unicode = true", &answers, revocation))
        };
        assert_eq!(of(STRICT), []);
        assert_eq!(of("crl = \"required\"\nmax_age = \"1h\""), []);
        assert_eq!(
            of(""),
            [
                (Severity::Warning, "purpose_crl"),
                (Severity::Warning, "purpose_max_age")
            ]
        );
        assert_eq!(
            of("crl = \"off\"\nstatus = \"off\""),
            [
                (Severity::Warning, "purpose_crl"),
                (Severity::Warning, "purpose_status")
            ]
        );
    }

    #[test]
    fn an_age_purpose_is_only_told() {
        let lax = "crl = \"off\"\nstatus = \"if_available\"";
        assert_eq!(
            rules(&purpose("", "age_over_20 = false", AGE, lax)),
            [
                (Severity::Info, "purpose_crl"),
                (Severity::Info, "purpose_status")
            ]
        );
        let asks_birth = purpose("", "birth_date = false", AGE, STRICT);
        assert_eq!(rules(&asks_birth), [(Severity::Info, "purpose_birth_date")]);
        // A clerk who looks at the face is not told who it is.
        let portrait = answer("portrait", "audience = \"counter\"");
        let seen = purpose(
            "",
            "portrait = false, age_over_20 = false",
            &format!("{AGE}{portrait}"),
            "",
        );
        assert_eq!(rules(&seen), [(Severity::Info, "purpose_crl")]);
    }

    #[test]
    fn a_statutory_purpose_is_held_to_more() {
        let answers = answer("individual_number_unicode", "");
        let request = "individual_number_unicode = true";
        let tax = "statutory_basis = \"tax\"";
        assert_eq!(rules(&purpose(tax, request, &answers, STRICT)), []);
        assert_eq!(
            rules(&purpose(tax, request, &answers, "crl = \"required\"")),
            [(Severity::Warning, "purpose_max_age")]
        );
        assert_eq!(
            rules(&purpose("", request, &answers, STRICT)),
            [(Severity::Error, "purpose_request")]
        );
    }

    #[test]
    fn what_the_holder_is_told_fits_what_leaves() {
        let counter = answer("portrait", "audience = \"counter\"");
        assert_eq!(
            rules(&purpose("", "portrait = true", &counter, STRICT)),
            [(Severity::Warning, "purpose_intent_to_retain")]
        );
        assert_eq!(rules(&purpose("", "portrait = false", &counter, STRICT)), []);
        let leaves = answer("height", "");
        assert_eq!(
            rules(&purpose("", "height = false", &leaves, STRICT)),
            [(Severity::Info, "purpose_not_retained")]
        );
        assert_eq!(
            rules(&purpose("", "age_over_20 = true", AGE, STRICT)),
            [(Severity::Warning, "purpose_intent_to_retain")]
        );
    }
}
