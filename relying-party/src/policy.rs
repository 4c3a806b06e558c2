//! Evidence and policy: what a lack of evidence means, for CRL and status alike.

use mdoc::verify::{Evidence, Fact, Finding, Outcome, Reason};

use crate::purpose::Requirement;

/// The outcome of `issuer.crl` or `status` for what is known, under the purpose's requirement.
/// `unavailable` is the reason where evidence is lacking.
pub(crate) fn outcome(evidence: Evidence, requirement: Requirement, unavailable: Reason) -> Outcome {
    let lacking = |fault: &'static str| Finding::new(unavailable).because(fault);
    match (requirement, evidence) {
        (Requirement::Off, _) => Outcome::Passed(vec![("policy", Fact::Text("off".into()))]),
        (_, Evidence::Good { .. }) => Outcome::PASSED,
        (Requirement::Required, Evidence::NotNamed) => {
            Outcome::Failed(lacking("the document names no status"))
        }
        (_, Evidence::NotNamed) => Outcome::PASSED,
        (Requirement::IfAvailable, _) => Outcome::Warned(lacking("no evidence is at hand")),
        (Requirement::Required | Requirement::IfPresent, _) => {
            Outcome::Failed(lacking("no evidence is at hand"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_row_by_row() {
        let result = |evidence, requirement| match outcome(evidence, requirement, Reason::StatusUnavailable) {
            Outcome::Passed(_) => "passed",
            Outcome::Warned(finding) => finding.reason.code(),
            Outcome::Failed(_) => "undetermined",
            Outcome::NotReached { .. } => "not reached",
        };
        let good = Evidence::Good {
            as_of: mdoc::time::UnixTime::from_seconds(0).unwrap(),
        };
        let requirements = [
            Requirement::Required,
            Requirement::IfPresent,
            Requirement::IfAvailable,
            Requirement::Off,
        ];
        assert_eq!(
            requirements.map(|requirement| result(good, requirement)),
            ["passed"; 4]
        );
        assert_eq!(
            requirements.map(|requirement| result(Evidence::NotNamed, requirement)),
            ["undetermined", "passed", "passed", "passed"]
        );
        assert_eq!(
            requirements.map(|requirement| result(Evidence::Unavailable, requirement)),
            ["undetermined", "undetermined", "status.unavailable", "passed"]
        );
    }
}
