//! `elements` and the answers: what the values of a verified document say. Values do not leave this
//! module but as answers.

use mdoc::time::UnixTime;
use mdoc::verify::{Fact, Finding, Outcome, Reason, VerifiedDocument};

use crate::age::{AgeStatements, age_over_threshold};
use crate::matching::Matching;
use crate::profile::DocumentProfile;
use crate::purpose::{self, BIRTH_DATE, Purpose, Rule};
use crate::values::{self, BirthDate};
use crate::verdict::{Answer, AnswerValue};

/// Types, contradictions and the issuing country of every returned element, asked for or not.
pub(crate) fn check(document: &VerifiedDocument<'_>, profile: &DocumentProfile, now: UnixTime) -> Outcome {
    match find_fault(document, profile, now) {
        Some(finding) => Outcome::Failed(finding),
        None => Outcome::PASSED,
    }
}

fn find_fault(document: &VerifiedDocument<'_>, profile: &DocumentProfile, now: UnixTime) -> Option<Finding> {
    for element in document.elements() {
        if !profile.fits(element.name_space, element.identifier, element.value) {
            return Some(
                Finding::new(Reason::ElementInconsistent)
                    .because("the value is of the wrong type")
                    .with("name_space", Fact::Text(element.name_space.to_owned().into()))
                    .with("element", Fact::Text(element.identifier.to_owned().into())),
            );
        }
    }
    let statements = age_statements(document, |_, _| true);
    if statements.contradict(document.mso().validity_info.signed, now, profile.time_zone) {
        let finding = Finding::new(Reason::ElementInconsistent);
        return Some(finding.because("the statements of age contradict each other"));
    }
    let path = document.signer().path()?;
    let country = [
        (&profile.country_element, &path.country, true),
        (&profile.jurisdiction_element, &path.state, path.state.is_some()),
    ];
    for (named, certified, counts) in country {
        let Some((name_space, identifier)) = named else {
            continue;
        };
        let stated = document
            .element(name_space, identifier)
            .and_then(|value| value.as_text());
        if counts && stated.is_some_and(|stated| Some(stated) != certified.as_deref()) {
            return Some(
                Finding::new(Reason::IssuerCountry).with("element", Fact::Text(identifier.clone().into())),
            );
        }
    }
    None
}

/// What the elements that `counts` lets count state of the holder's age.
fn age_statements(document: &VerifiedDocument<'_>, counts: impl Fn(&str, &str) -> bool) -> AgeStatements {
    let mut statements = AgeStatements::default();
    for element in document
        .elements()
        .filter(|element| counts(element.name_space, element.identifier))
    {
        if let (Some(threshold), Some(over)) =
            (age_over_threshold(element.identifier), element.value.as_bool())
        {
            statements.over.push((threshold, over));
        } else if element.identifier == BIRTH_DATE {
            statements.birth_date = BirthDate::from_item(element.value);
        } else if element.identifier == "age_in_years" {
            statements.in_years = element.value.as_u64();
        }
    }
    statements
}

/// The answers that a verified document gives, or the first one that it lacks.
pub(crate) fn answers<'a>(
    document: &VerifiedDocument<'a>,
    asked: &purpose::Document,
    purpose: &'a Purpose,
    profile: &DocumentProfile,
    now: UnixTime,
) -> Result<Vec<Answer<'a>>, Finding> {
    let mut answers = Vec::new();
    for answer in purpose.answers_of(asked) {
        let mut matching = None;
        let value = match &answer.rule {
            Rule::AgeOver { threshold } => {
                let statements = age_statements(document, |space, element| asked.requests(space, element));
                statements
                    .is_over(*threshold, now, profile.time_zone)
                    .map(AnswerValue::Bool)
            }
            Rule::Element {
                name_space,
                identifier,
            } => document.element(name_space, identifier).map(AnswerValue::Element),
            Rule::Equals {
                name_space,
                identifier,
                value,
            } => document.element(name_space, identifier).map(|element| {
                matching = Matching::of(element, value);
                AnswerValue::Bool(values::to_json(element) == *value)
            }),
        };
        match value {
            Some(value) => {
                answers.push(Answer::new(&answer.name, answer.audience, value).with_matching(matching));
            }
            None if answer.optional => {}
            None => {
                return Err(Finding::new(Reason::ElementMissing)
                    .with("answer", Fact::Text(answer.name.clone().into())));
            }
        }
    }
    Ok(answers)
}
