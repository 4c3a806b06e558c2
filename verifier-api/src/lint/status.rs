//! A status token: its form, its claims and dates, and its signer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mdoc::cbor::{Item, Rules};
use mdoc::cose::Message;
use mdoc::limits::IDENTIFIERS;
use mdoc::status::{ListContent, StatusToken, TokenError, TokenForm};
use mdoc::time::UnixTime;
use mdoc::x509::CertificateRole;
use serde_json::Value;

use super::anchors::Anchor;
use super::chain;
use super::subject::span;
use crate::input::base64url;
use operator::Finding;

const ISO: &str = "ISO/IEC 18013-5 12.3.6";
const TOKEN: &str = "Token Status List 5";
/// The first byte of a COSE_Sign1 under its tag.
const TAGGED: u8 = 0xd2;

/// Judges a CWT or a JWT.
pub(super) fn judge(bytes: &[u8], anchors: &[Anchor], at: UnixTime) -> Vec<Finding> {
    let mut findings = Vec::new();
    let carried = Carried::of(bytes);
    let decoded = StatusToken::decode(bytes);
    if let Some(chain) = &carried.chain {
        findings.extend(chain::judge_signer(
            chain,
            CertificateRole::StatusSigner,
            anchors,
            at,
        ));
    }
    match decoded {
        Ok(token) => {
            findings.extend(profile(&token, &carried, bytes));
            findings.extend(dates(&token, at));
            findings.extend(subject(token.subject()));
            if token.signer().is_none() {
                findings.extend(unnamed_signer(&token, anchors));
            }
        }
        // The findings on the chain say more.
        Err(refused) if matches!(refused.error, TokenError::Chain(_)) && !findings.is_empty() => {}
        Err(refused) => {
            let of = refused
                .subject
                .map(|uri| format!(" (it says it is {uri})"))
                .unwrap_or_default();
            let (rule, clause) = rule(&refused.error);
            let advice = advice(&refused.error);
            findings.insert(
                0,
                Finding::error(rule, clause, format!("{}{of}; {advice}", refused.error)),
            );
        }
    }
    findings
}

/// What a token brings with it, read apart from its signature.
#[derive(Default)]
struct Carried {
    chain: Option<Vec<Vec<u8>>>,
    protected_chain: bool,
}

impl Carried {
    fn of(bytes: &[u8]) -> Self {
        match bytes.first() {
            Some(b'e') => Self {
                chain: x5c(bytes),
                protected_chain: true,
            },
            _ => Self::of_cwt(bytes).unwrap_or_default(),
        }
    }

    fn of_cwt(bytes: &[u8]) -> Option<Self> {
        let rules = Rules {
            max_items: IDENTIFIERS + 1,
            indefinite: true,
            ..Rules::default()
        };
        let mut item = Item::decode(bytes, &rules).ok()?;
        while let Some((_, inner)) = item.as_tag() {
            item = inner;
        }
        let message = Message::decode(item, &rules).ok()?;
        let chain = message.headers().x5chain(true).ok()?;
        Some(Self {
            chain: Some(chain.certificates().iter().map(|der| der.to_vec()).collect()),
            protected_chain: message.headers().x5chain(false).is_err(),
        })
    }
}

fn x5c(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let text = core::str::from_utf8(text).ok()?;
    let header: Value = serde_json::from_slice(&base64url(text.split('.').next()?)?).ok()?;
    let certificates = header.get("x5c")?.as_array()?.iter();
    certificates
        .map(|one| STANDARD.decode(one.as_str()?).ok())
        .collect()
}

/// What the second edition asks beyond the draft of the IETF. Document profiles that follow it
/// refuse a token that falls short.
fn profile(token: &StatusToken, carried: &Carried, bytes: &[u8]) -> Vec<Finding> {
    let bits = match token.content() {
        ListContent::Statuses(list) => list.bits(),
        ListContent::Identifiers(_) => 1,
    };
    let cwt = token.form() == TokenForm::Cwt;
    let chain = carried.chain.is_some();
    let faults = [
        (!cwt, "a JWT; publish the list as CWT too".to_owned()),
        (
            cwt && bytes.first() != Some(&TAGGED),
            "not under tag 18 (COSE_Sign1); put the tag before it".to_owned(),
        ),
        (
            cwt && chain && !carried.protected_chain,
            "the x5chain is in the unprotected header; put it into the protected one".to_owned(),
        ),
        (
            cwt && !chain,
            "no x5chain; put the signer's certificate into the protected header".to_owned(),
        ),
        (
            token.expires_at().is_none(),
            "no time of expiry; state exp (claim 4)".to_owned(),
        ),
        (
            bits != 1,
            format!("{bits} bits for each document; publish a list of one bit, 0 valid and 1 revoked"),
        ),
    ];
    let mut found: Vec<String> = faults
        .into_iter()
        .filter(|(broken, _)| *broken)
        .map(|(_, text)| text)
        .collect();
    if found.is_empty() {
        found.extend(token.iso_fault().map(str::to_owned));
    }
    found
        .into_iter()
        .map(|text| {
            let detail = format!("{text}; profiles with iso_status_profile refuse the token as it is");
            Finding::warning("status_iso_profile", ISO, detail)
        })
        .collect()
}

fn dates(token: &StatusToken, at: UnixTime) -> Vec<Finding> {
    let made = token.issued_at();
    let mut findings = Vec::new();
    if at < made {
        findings.push(Finding::error(
            "status_not_yet_valid",
            TOKEN,
            format!(
                "made on {made}, {} after {at}; set the clock that is wrong",
                span(at, made)
            ),
        ));
    }
    let expired = token.expires_at().filter(|end| *end < at);
    if let Some(end) = expired {
        findings.push(Finding::error(
            "status_expired",
            TOKEN,
            format!(
                "expired on {end}, {} before {at}; fetch the list anew, or have the issuer publish it more often",
                span(end, at)
            ),
        ));
    }
    if token.expires_at().is_some_and(|end| end < made) {
        let text = format!("expires before it was made, on {made}; correct exp or iat");
        findings.push(Finding::error("status_window", TOKEN, text));
    }
    let stale = token
        .time_to_live()
        .map(|seconds| made.saturating_add(i64::try_from(seconds).unwrap_or(i64::MAX)))
        .filter(|due| *due < at && expired.is_none() && made <= at);
    if let Some(due) = stale {
        findings.push(Finding::info(
            "status_stale",
            TOKEN,
            format!(
                "its time to live ended on {due}, {} before {at}; a reader fetches a new one",
                span(due, at)
            ),
        ));
    }
    if token.time_to_live().is_none() {
        let text = "no time to live, so that readers choose when to fetch anew; state ttl (claim 65534)";
        findings.push(Finding::info("status_time_to_live", TOKEN, text.to_owned()));
    }
    findings
}

/// The subject is the URI that documents name, compared as it stands.
fn subject(uri: &str) -> Option<Finding> {
    let https = uri
        .get(..8)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
    (!https).then(|| {
        Finding::warning(
            "status_subject",
            ISO,
            format!("the subject is {uri:?}, no https URI; make it the very URI that documents name"),
        )
    })
}

/// A token without a chain is verified with an authority's own key.
fn unnamed_signer(token: &StatusToken, anchors: &[Anchor]) -> Option<Finding> {
    if anchors.is_empty() {
        return Some(Finding::info(
            "signature_not_checked",
            TOKEN,
            "brings no certificate, so that its signature is not checked; give its signer's with --anchor"
                .to_owned(),
        ));
    }
    let mut keys = anchors
        .iter()
        .filter_map(|anchor| anchor.subject.certificate.public_key());
    if keys.any(|key| token.is_signed_by(key)) {
        return None;
    }
    Some(Finding::error(
        "status_signature",
        TOKEN,
        "brings no certificate, and the key of no anchor signed it; put the signer's chain into the token"
            .to_owned(),
    ))
}

/// The stable name and the clause of what keeps a token from being read.
const fn rule(error: &TokenError) -> (&'static str, &'static str) {
    match error {
        TokenError::Mac => ("status_mac", TOKEN),
        TokenError::Tag => ("status_tag", ISO),
        TokenError::Header(_) => ("status_header", "RFC 9052 3"),
        TokenError::Algorithm(_) | TokenError::AlgorithmRefused => ("status_algorithm", ISO),
        TokenError::ChainHeader(_) | TokenError::Chain(_) => ("status_chain", ISO),
        TokenError::Type(_) | TokenError::ContentType => ("status_type", TOKEN),
        TokenError::Claim(_) => ("status_claim", TOKEN),
        TokenError::List(_) => ("status_list", "Token Status List 4"),
        TokenError::Signature(_) => ("status_signature", TOKEN),
        TokenError::Subject => ("status_subject", TOKEN),
        _ => ("malformed", TOKEN),
    }
}

const fn advice(error: &TokenError) -> &'static str {
    match error {
        TokenError::Mac => "sign it: a MAC key is shared by all who check it",
        TokenError::Tag => "put it under tag 18 and under no other, also not the CWT tag 61",
        TokenError::Header(_) => {
            "name each header once, and list as critical only what is protected and known"
        }
        TokenError::Algorithm(_) | TokenError::AlgorithmRefused => {
            "name ES256, ES384, ES512 or EdDSA in the protected header, by the curve of the signer's key"
        }
        TokenError::ChainHeader(_) | TokenError::Chain(_) => {
            "bring the signer's certificate first and its issuers in order"
        }
        TokenError::Type(_) | TokenError::ContentType => {
            "name application/statuslist+cwt or application/identifierlist+cwt in the protected header 16, statuslist+jwt \
             in the typ of a JWT"
        }
        TokenError::Claim(_) => "issue it with sub, iat, exp and one list, each of its type",
        TokenError::List(_) => {
            "compress the list as one zlib stream and state its true width of 1, 2, 4 or 8 bits"
        }
        TokenError::Signature(_) => {
            "the token was altered, or signed by another key than that of its first certificate"
        }
        TokenError::TooLarge(_) => "divide the documents among several lists",
        _ => "fetch it anew, and have it issued as a CWT in a COSE_Sign1 or as a compact JWT",
    }
}
