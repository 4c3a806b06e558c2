//! `issuer.chain` and `issuer.certificate`: who signed, and why they are trusted.

use std::sync::Arc;

use crate::cose::ChainFault;
use crate::crypto::PublicKey;
use crate::response::Document;
use crate::time::UnixTime;
use crate::x509::{
    Certificate, CertificateRule, ChainKey, Deviation, Path, PathError, PathSet, SelectError, build_path,
};

use super::issuer_auth::fault_of;
use super::{Check, Context, DocumentRules, Fact, Facts, Finding, Outcome, Reason};

/// The document signer: chained to an anchor that vouches for the document type, profile kept,
/// valid now. Owns its facts, borrows nothing.
#[derive(Clone, Debug)]
pub struct TrustedSigner {
    paths: Arc<PathSet>,
    index: usize,
}

impl TrustedSigner {
    /// The path to the anchor.
    pub fn path(&self) -> Option<&Path> {
        self.paths.paths().get(self.index)
    }

    /// The signer's key.
    pub fn key(&self) -> Option<&PublicKey> {
        self.paths.leaf_key()
    }
}

/// The signer's key and window, trusted or not: what the signature is checked with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf<'k> {
    pub(super) key: Option<&'k PublicKey>,
    pub(super) not_before: UnixTime,
    pub(super) not_after: UnixTime,
}

/// The document's chain and where it leads.
#[derive(Debug)]
pub(super) struct Chain {
    paths: Result<Arc<PathSet>, Finding>,
    /// The leaf of a chain that leads nowhere, so that its signature can still be judged.
    stray_leaf: Option<Box<Certificate>>,
}

impl Chain {
    /// Reads the x5chain and leads it to the anchors, or remembers that it was.
    pub(super) fn find(document: &Document<'_>, context: &Context<'_>) -> Self {
        let headers = document.issuer_signed.issuer_auth.headers();
        let chain = match headers.x5chain(context.rules.protected_x5chain) {
            Ok(chain) => chain,
            Err(fault @ (ChainFault::Missing | ChainFault::Protected | ChainFault::Type)) => {
                return Self::nowhere(fault_of(Reason::IssuerChain, &fault));
            }
            Err(fault) => return Self::nowhere(fault_of(Reason::IssuerChain, &fault)),
        };
        let certificates = chain.certificates();
        let key = ChainKey::new(certificates, &context.rules.name);
        let built = context.cache.get_or_build(key, || {
            build_path(certificates, context.anchors, |anchor| {
                let named = anchor.profile.as_deref().and_then(context.rules_by_name);
                &named.unwrap_or(context.rules).certificate
            })
        });
        match built {
            Ok(paths) => Self {
                paths: Ok(paths),
                stray_leaf: None,
            },
            Err(error) => Self {
                paths: Err(finding_of(&error)),
                stray_leaf: certificates
                    .first()
                    .and_then(|leaf| Certificate::from_der(leaf).ok())
                    .map(Box::new),
            },
        }
    }

    const fn nowhere(finding: Finding) -> Self {
        Self {
            paths: Err(finding),
            stray_leaf: None,
        }
    }

    /// The rules that the document is judged under: those of the profile that the anchor names which
    /// vouches for it, else those of its own type. Where none vouches, those of the anchor in scope
    /// that comes nearest, so that the other checks can be made.
    pub(super) fn rules<'c>(&self, document: &Document<'_>, context: &Context<'c>) -> &'c DocumentRules {
        let path = self.paths.as_ref().ok().and_then(|paths| {
            let in_scope = |path: &&Path| {
                path.doc_types
                    .as_ref()
                    .is_none_or(|types| types.iter().any(|t| t == document.doc_type))
            };
            let now = |path: &&Path| {
                let list = path.list.as_ref();
                list.is_none_or(|list| list.judge(context.now, context.now).is_ok())
                    && path
                        .validities
                        .iter()
                        .all(|validity| context.now <= validity.not_after)
            };
            let paths_in_scope = || paths.paths().iter().filter(in_scope);
            selected(paths, document, context)
                .ok()
                .or_else(|| paths_in_scope().find(now))
                .or_else(|| paths_in_scope().next())
        });
        let named = path
            .and_then(|path| path.profile.as_deref())
            .and_then(context.rules_by_name);
        named.unwrap_or(context.rules)
    }

    /// The leaf, trusted or not; `None` where no certificate could be read.
    pub(super) fn leaf(&self) -> Option<Leaf<'_>> {
        match (&self.paths, &self.stray_leaf) {
            (Ok(paths), _) => Some(Leaf {
                key: paths.leaf_key(),
                not_before: paths.leaf().not_before,
                not_after: paths.leaf().not_after,
            }),
            (Err(_), Some(leaf)) => Some(Leaf {
                key: leaf.public_key(),
                not_before: leaf.not_before(),
                not_after: leaf.not_after(),
            }),
            (Err(_), None) => None,
        }
    }

    /// Judges scope, profile, validity and country; the outcomes of both checks.
    pub(super) fn select(
        &self,
        document: &Document<'_>,
        context: &Context<'_>,
    ) -> (Option<TrustedSigner>, Outcome, Outcome) {
        let after = Outcome::NotReached {
            after: Check::IssuerChain,
        };
        let paths = match &self.paths {
            Ok(paths) => paths,
            Err(finding) => return (None, Outcome::Failed(finding.clone()), after),
        };
        let earliest = context.now.saturating_add(-context.clock_skew);
        let first = paths.paths().first().map(|path| path.anchor).unwrap_or_default();
        let passed = |anchor| Outcome::Passed(vec![("anchor", Fact::Sha256(anchor))]);
        match selected(paths, document, context) {
            Ok(path) => {
                if let Some(finding) = too_weak(path, context.minimum_curve_bits) {
                    return (None, passed(path.anchor), Outcome::Failed(finding));
                }
                let index = paths.paths().iter().position(|other| core::ptr::eq(other, path));
                let signer = index.map(|index| TrustedSigner {
                    paths: Arc::clone(paths),
                    index,
                });
                (signer, Outcome::Passed(facts_of(path, earliest)), Outcome::PASSED)
            }
            Err(SelectError::OutOfScope) => {
                let finding = Finding::new(Reason::IssuerChain)
                    .because("no trust anchor on the chain vouches for this document type");
                (None, Outcome::Failed(finding), after)
            }
            Err(SelectError::ListNotYetInForce(from)) => {
                let finding = Finding::new(Reason::IssuerChain)
                    .because("the trust list that the anchor comes from is not in force yet")
                    .with("not_before", Fact::Time(from));
                (None, Outcome::Failed(finding), after)
            }
            Err(SelectError::ListEnded(until)) => {
                let finding = Finding::new(Reason::IssuerChain)
                    .because("the trust list that the anchor comes from has ended")
                    .with("not_after", Fact::Time(until));
                (None, Outcome::Failed(finding), after)
            }
            Err(error) => (None, passed(first), Outcome::Failed(certificate_finding(error))),
        }
    }
}

/// The path by which an anchor vouches for the document at the instant of judgement.
fn selected<'p>(
    paths: &'p PathSet,
    document: &Document<'_>,
    context: &Context<'_>,
) -> Result<&'p Path, SelectError> {
    let earliest = context.now.saturating_add(-context.clock_skew);
    let latest = context.now.saturating_add(context.clock_skew);
    paths.select(document.doc_type, earliest, latest)
}

/// A key that does not reach what is asked. A path without any key that is supported would not have
/// been selected; were it, it would not be strong enough.
fn too_weak(path: &Path, minimum: Option<u16>) -> Option<Finding> {
    let minimum = minimum?;
    let weak = Finding::new(Reason::IssuerAlgorithm).because("a key is weaker than the purpose asks");
    match path.weakest {
        Some(key) if key.curve.order_bits() >= minimum => None,
        Some(key) => Some(
            weak.with("certificate", Fact::Text(key.role.name().into()))
                .with("curve", Fact::Text(key.curve.name().into()))
                .with("required_bits", Fact::Number(minimum.into())),
        ),
        None => Some(weak.with("required_bits", Fact::Number(minimum.into()))),
    }
}

/// The anchor, and the list that it comes from: whose it is, and since when a newer one is due.
fn facts_of(path: &Path, earliest: UnixTime) -> Facts {
    let mut facts = vec![("anchor", Fact::Sha256(path.anchor))];
    if let Some(list) = &path.list {
        facts.push(("trust_list", Fact::Text(list.issue.provider.clone().into())));
        let stale = list.stale_since(earliest);
        facts.extend(stale.map(|since| ("trust_list_stale_since", Fact::Time(since))));
    }
    facts
}

fn finding_of(error: &PathError) -> Finding {
    fault_of(Reason::IssuerChain, error)
}

fn certificate_finding(error: SelectError) -> Finding {
    let of_window = |reason, validity: crate::x509::Validity| {
        Finding::new(reason)
            .with("certificate", Fact::Text(validity.role.name().into()))
            .with("not_before", Fact::Time(validity.not_before))
            .with("not_after", Fact::Time(validity.not_after))
    };
    match error {
        SelectError::Expired(validity) => of_window(Reason::IssuerCertificateExpired, validity),
        SelectError::NotYetValid(validity) => of_window(Reason::IssuerCertificateNotYetValid, validity),
        SelectError::Deviation(deviation) => deviation_finding(deviation),
        SelectError::OutOfScope | SelectError::ListNotYetInForce(_) | SelectError::ListEnded(_) => {
            Finding::new(Reason::IssuerChain)
        }
    }
}

fn deviation_finding(deviation: Deviation) -> Finding {
    let Deviation { role, rule } = deviation;
    let reason = match rule {
        CertificateRule::CountryMatch | CertificateRule::StateMatch => Reason::IssuerCountry,
        CertificateRule::PublicKey | CertificateRule::SignatureAlgorithm => Reason::IssuerAlgorithm,
        _ => Reason::IssuerCertificateProfile,
    };
    Finding::new(reason)
        .with("certificate", Fact::Text(role.name().into()))
        .with("rule", Fact::Text(rule.name().into()))
        .with("clause", Fact::Text(deviation.clause().into()))
}
