//! `status`: whether the MSO is revoked, by the lists that it names (ISO/IEC 18013-5 second edition
//! §12.3.6, Token Status List).

use std::borrow::Cow;
use std::sync::Arc;

use crate::crypto::PublicKey;
use crate::response::{IdentifierListReference, MobileSecurityObject, Status, StatusListReference};
use crate::status::{ListContent, StatusToken};
use crate::time::UnixTime;
use crate::x509::{Certificate, IssuerCertificateProfile, Path, SelectError};

use super::{Context, DocumentRules, RevocationState, TrustedSigner};

/// Status values of the Token Status List.
const VALID: u8 = 0;
const INVALID: u8 = 1;
const SUSPENDED: u8 = 2;

type Fault = Cow<'static, str>;

/// All that one look-up is judged against.
struct Question<'q, 'c> {
    signer: &'q TrustedSigner,
    iso: bool,
    context: &'q Context<'c>,
}

/// How much of a token's chain stands below whom it is led to: the certificate that the MSO names,
/// where it names one.
struct TrustPoint {
    count: usize,
    certificate: Option<Arc<Certificate>>,
}

/// What the lists at hand say of the MSO. Where it names two, both are asked.
pub(super) fn state(
    mso: &MobileSecurityObject<'_>,
    signer: &TrustedSigner,
    rules: &DocumentRules,
    context: &Context<'_>,
) -> RevocationState {
    let question = Question {
        signer,
        iso: context.iso_status_profile.unwrap_or(rules.iso_status_profile),
        context,
    };
    match mso.status {
        None => RevocationState::NotNamed,
        Some(Status {
            status_list: None,
            identifier_list: None,
        }) => RevocationState::unavailable("the MSO names no mechanism of revocation that is known here"),
        Some(Status {
            status_list,
            identifier_list,
        }) => {
            let by_index = status_list.map(|reference| question.by_index(&reference));
            let by_identifier = identifier_list.map(|reference| question.by_identifier(&reference));
            let states = by_index.into_iter().chain(by_identifier);
            states.fold(RevocationState::NotNamed, RevocationState::and)
        }
    }
}

impl Question<'_, '_> {
    fn by_index(&self, reference: &StatusListReference<'_>) -> RevocationState {
        self.look_up(reference.uri, reference.certificate, |token| {
            let ListContent::Statuses(list) = token.content() else {
                return Err("an identifier list where a status list is named".into());
            };
            let value = list.get(reference.idx);
            value.ok_or_else(|| "the index is beyond the end of the list".into())
        })
    }

    fn by_identifier(&self, reference: &IdentifierListReference<'_>) -> RevocationState {
        self.look_up(reference.uri, reference.certificate, |token| {
            let ListContent::Identifiers(list) = token.content() else {
                return Err("a status list where an identifier list is named".into());
            };
            Ok(if list.contains(reference.id) {
                INVALID
            } else {
                VALID
            })
        })
    }

    /// Asks the youngest token of the list that is valid and by one who may sign it.
    fn look_up(
        &self,
        uri: &str,
        certificate: Option<&[u8]>,
        value: impl Fn(&StatusToken) -> Result<u8, Fault>,
    ) -> RevocationState {
        let mut refused = None;
        for token in self.context.evidence.tokens_of(uri) {
            let answer = self
                .check(token, certificate)
                .and_then(|()| value(token))
                .map(|value| self.meaning(token, value));
            match answer {
                // What is said over a URI that nobody may fetch can convict, and not clear.
                Ok(state) if !is_https(uri) && !state.is_against() => break,
                Ok(state) => return state,
                Err(fault) => refused = refused.or(Some(fault)),
            }
        }
        if !is_https(uri) {
            return RevocationState::unavailable("the list's URI is not https");
        }
        let refused = refused.or_else(|| {
            let error = self.context.evidence.refusal_of(uri);
            error.map(|error| error.to_string().into())
        });
        match refused {
            Some(fault) => RevocationState::TokenInvalid { fault },
            None => RevocationState::unavailable("no status list is at hand"),
        }
    }

    fn meaning(&self, token: &StatusToken, value: u8) -> RevocationState {
        let as_of = token.issued_at();
        let earliest = self.context.now.saturating_add(-self.context.clock_skew);
        // Without a time of expiry the list lives as long as it says it may be kept.
        let end = token.expires_at().or_else(|| {
            let seconds = i64::try_from(token.time_to_live()?).unwrap_or(i64::MAX);
            Some(as_of.saturating_add(seconds))
        });
        let over = end.is_some_and(|end| end < earliest);
        match value {
            INVALID => RevocationState::Revoked { as_of, since: None },
            _ if over => RevocationState::Stale { as_of },
            VALID => RevocationState::Good { as_of },
            SUSPENDED => RevocationState::Suspended { as_of },
            value => RevocationState::UnknownValue { as_of, value },
        }
    }

    /// The token's form, time and signer.
    fn check(&self, token: &StatusToken, certificate: Option<&[u8]>) -> Result<(), Fault> {
        if let (true, Some(fault)) = (self.iso, token.iso_fault()) {
            return Err(fault.into());
        }
        if self.latest() < token.issued_at() {
            return Err("the token is dated in the future".into());
        }
        let by_document_signer = self.signer.key().is_some_and(|key| token.is_signed_by(key));
        let usages = token.signer().map(|chain| chain.leaf().extended_key_usages());
        let for_documents = usages.unwrap_or_default().iter().any(|usage| {
            [
                IssuerCertificateProfile::MDL_DOCUMENT_SIGNER,
                IssuerCertificateProfile::MDOC_DOCUMENT_SIGNER,
            ]
            .contains(usage)
        });
        if (by_document_signer || for_documents) && !self.context.document_signer_may_sign_status {
            return Err("signed by a document signer, which the purpose does not allow".into());
        }
        let Some(chain) = token.signer() else {
            // The document signer's own certificate is judged with the document.
            return if by_document_signer {
                Ok(())
            } else {
                Err("the token names no certificate of its signer".into())
            };
        };
        let point = self.vouched_for(token, certificate)?;
        chain
            .judge(point.count, self.earliest(), self.latest())
            .map_err(select_fault)?;
        let path = self.signer.path().into_iter().flat_map(|path| self.keys(path));
        let named = point.certificate.as_deref().and_then(Certificate::public_key);
        let keys: Vec<&PublicKey> = path.chain(named).collect();
        if chain.is_revoked(point.count, keys.iter().copied(), self.context.evidence) {
            return Err("the certificate of the token's signer is revoked".into());
        }
        Ok(())
    }

    /// How much of the token's chain stands below an authority that may vouch for it: the
    /// certificate that the MSO names, else an authority of the document signer's own path, by its
    /// key (never by its name).
    fn vouched_for(&self, token: &StatusToken, certificate: Option<&[u8]>) -> Result<TrustPoint, Fault> {
        if let Some(der) = certificate {
            let (count, certificate) = token
                .below_certificate(der)
                .ok_or("the signer does not chain to the certificate that the MSO names")?;
            if certificate.not_after() < self.earliest() || self.latest() < certificate.not_before() {
                return Err("the certificate that the MSO names is not valid now".into());
            }
            return Ok(TrustPoint {
                count,
                certificate: Some(certificate),
            });
        }
        let path = self.signer.path().ok_or("the document has no signer")?;
        let count = self.keys(path).find_map(|key| token.below_key(key));
        Ok(TrustPoint {
            count: count.ok_or("the signer does not chain to the issuer of the document")?,
            certificate: None,
        })
    }

    /// The keys of every authority of the document's own path, and of the anchor's successors.
    fn keys<'k>(&'k self, path: &'k Path) -> impl Iterator<Item = &'k PublicKey> {
        let between = path.authorities.iter().map(|authority| &authority.key);
        let anchors = self.context.anchors.with_successors(&path.anchor);
        between.chain(anchors.filter_map(Certificate::public_key))
    }

    fn earliest(&self) -> UnixTime {
        self.context.now.saturating_add(-self.context.clock_skew)
    }

    fn latest(&self) -> UnixTime {
        self.context.now.saturating_add(self.context.clock_skew)
    }
}

fn is_https(uri: &str) -> bool {
    uri.get(..8)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}

fn select_fault(error: SelectError) -> Fault {
    match error {
        SelectError::Deviation(deviation) => {
            let (role, rule) = (deviation.role.name(), deviation.rule.name());
            format!("the certificate of the {role} breaks the rule {rule}").into()
        }
        SelectError::Expired(_) => "a certificate of the token's signer has expired".into(),
        SelectError::NotYetValid(_) => "a certificate of the token's signer is not yet valid".into(),
        _ => "the token's signer is not trusted".into(),
    }
}
