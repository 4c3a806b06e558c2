//! `mso.validity`: the MSO's own window, its signer's, and the profile's ceiling.

use super::chain::Leaf;
use super::{Context, DocumentRules, Fact, Finding, Outcome, Reason, SelfSignedMso};

/// The MSO is valid now and was signed while its signer's certificate was.
#[derive(Debug)]
pub struct InWindow(());

impl InWindow {
    /// Judges the dates (ISO/IEC 18013-5 §9.3.1), both ends of each window included. The outcome
    /// beside the proof is a warning where the MSO claims more than its profile allows.
    pub(super) fn check(
        mso: &SelfSignedMso<'_>,
        leaf: Option<&Leaf<'_>>,
        rules: &DocumentRules,
        context: &Context<'_>,
    ) -> Result<(Self, Outcome), Outcome> {
        let validity = &mso.mso().validity_info;
        let earliest_now = context.now.saturating_add(-context.clock_skew);
        let latest_now = context.now.saturating_add(context.clock_skew);
        let failed = |reason: Reason, name: &'static str, at| {
            Outcome::Failed(Finding::new(reason).with(name, Fact::Time(at)))
        };
        if let Some(leaf) = leaf
            && !(leaf.not_before <= validity.signed && validity.signed <= leaf.not_after)
        {
            return Err(failed(
                Reason::MsoSignedOutsideCertificate,
                "signed",
                validity.signed,
            ));
        }
        if latest_now < validity.signed {
            return Err(failed(Reason::MsoNotYetValid, "signed", validity.signed));
        }
        if latest_now < validity.valid_from {
            return Err(failed(Reason::MsoNotYetValid, "valid_from", validity.valid_from));
        }
        if validity.valid_until < earliest_now {
            return Err(failed(Reason::MsoExpired, "valid_until", validity.valid_until));
        }
        let Some(ceiling) = rules.validity_ceiling.map(|ceiling| ceiling(validity.signed)) else {
            return Ok((Self(()), Outcome::PASSED));
        };
        if ceiling <= earliest_now {
            return Err(failed(Reason::MsoExpired, "ceiling", ceiling));
        }
        let outcome = if validity.valid_until <= ceiling {
            Outcome::PASSED
        } else {
            Outcome::Warned(
                Finding::new(Reason::MsoValidityExceedsProfile)
                    .with("valid_until", Fact::Time(validity.valid_until))
                    .with("ceiling", Fact::Time(ceiling)),
            )
        };
        Ok((Self(()), outcome))
    }
}
