//! Status and identifier lists as CBOR Web Tokens (RFC 8392) in COSE_Sign1.

use crate::cbor::{Item, Map, Rules};
use crate::cose::{ChainFault, Message};
use crate::crypto::SignatureAlgorithm;
use crate::limits::{IDENTIFIERS, URI_BYTES};

use super::{Claims, IdentifierList, ListKind, TokenError, TokenForm, Undecoded, Unverified, numeric_date};

/// The media type of a status list in CWT.
pub(super) const STATUS_LIST_TYPE: &str = "application/statuslist+cwt";
/// The media type of an identifier list.
pub(super) const IDENTIFIER_LIST_TYPE: &str = "application/identifierlist+cwt";

/// The tag of COSE_Sign1, of COSE_Mac0, and the header label of the type (RFC 9596).
const TAG_SIGN1: u64 = 18;
const TAG_MAC0: u64 = 17;
const TYPE: i64 = 16;

/// Claim keys.
const SUBJECT: i64 = 2;
const EXPIRES_AT: i64 = 4;
const ISSUED_AT: i64 = 6;
const IDENTIFIER_LIST: i64 = 65530;
const STATUS_LIST: i64 = 65533;
const TIME_TO_LIVE: i64 = 65534;

/// An identifier list is one map of as many keys as it has identifiers; nothing nests deep.
const RULES: Rules = Rules {
    max_depth: 16,
    max_items: IDENTIFIERS + 1,
    indefinite: false,
};

/// Reads a token up to its signature, which is not checked here.
pub(super) fn read(bytes: &[u8]) -> Result<Unverified, TokenError> {
    let item = Item::decode(bytes, &RULES)?;
    let (message, tagged) = match item.as_tag() {
        Some((TAG_SIGN1, message)) => (message, true),
        Some((TAG_MAC0, _)) => return Err(TokenError::Mac),
        Some(_) => return Err(TokenError::Tag),
        None => (item, false),
    };
    let message = Message::decode(message, &RULES).map_err(TokenError::Message)?;
    let headers = message.headers();
    headers.check()?;
    let algorithm = SignatureAlgorithm::from_cose_id(headers.algorithm()?);
    let algorithm = algorithm.ok_or(TokenError::AlgorithmRefused)?;
    let kind = kind(headers.protected_label(TYPE))?;
    let (chain, protected) = match headers.x5chain(false) {
        Ok(chain) => (chain.certificates().to_vec(), false),
        Err(ChainFault::Protected) => {
            let chain = headers.x5chain(true).map_err(TokenError::ChainHeader)?;
            (chain.certificates().to_vec(), true)
        }
        Err(ChainFault::Missing) => (Vec::new(), false),
        Err(fault) => return Err(TokenError::ChainHeader(fault)),
    };
    let payload = message
        .payload()
        .ok_or(TokenError::Claim("the token has no claims"))?;
    let claims = Item::decode(payload, &RULES)?;
    let claims = claims
        .as_map()
        .ok_or(TokenError::Claim("the claims are not a map"))?;
    let content = content(claims, kind)?;
    let expires = claims.get_int(EXPIRES_AT).is_some();
    let chain: Vec<Vec<u8>> = chain.into_iter().map(<[u8]>::to_vec).collect();
    let faults = [
        (!tagged, "not under the tag of COSE_Sign1"),
        (!protected, "the x5chain is not in the protected header"),
        (!expires, "no time of expiry"),
    ];
    Ok(Unverified {
        claims: read_claims(claims)?,
        content,
        form: TokenForm::Cwt,
        iso_fault: faults
            .into_iter()
            .find(|(broken, _)| *broken)
            .map(|(_, fault)| fault),
        algorithm,
        chain,
        signed: message.signed_bytes(payload),
        signature: message.authenticator().to_vec(),
    })
}

/// The list that the type names; `None` for a CoAP content format, which only says CWT here.
fn kind(header: Option<Item<'_>>) -> Result<Option<ListKind>, TokenError> {
    let header = header.ok_or(TokenError::Type("missing or not protected"))?;
    let Some(text) = header.as_text() else {
        return match header.as_u64() {
            Some(_) => Ok(None),
            None => Err(TokenError::Type("neither text nor a content format")),
        };
    };
    let is = |full: &str| {
        let short = full.strip_prefix("application/").unwrap_or(full);
        text.eq_ignore_ascii_case(full) || text.eq_ignore_ascii_case(short)
    };
    if is(STATUS_LIST_TYPE) {
        Ok(Some(ListKind::StatusList))
    } else if is(IDENTIFIER_LIST_TYPE) {
        Ok(Some(ListKind::IdentifierList))
    } else {
        Err(TokenError::Type("that of no list in a CWT"))
    }
}

fn read_claims(claims: Map<'_>) -> Result<Claims, TokenError> {
    let subject = claims.get_int(SUBJECT).and_then(Item::as_text);
    let subject = subject
        .filter(|uri| !uri.is_empty() && uri.len() <= URI_BYTES)
        .ok_or(TokenError::Claim("the token has no subject"))?;
    let date = |key: i64, fault: &'static str| {
        let item = claims.get_int(key);
        item.map(|item| {
            seconds(item)
                .and_then(numeric_date)
                .ok_or(TokenError::Claim(fault))
        })
        .transpose()
    };
    let time_to_live = match claims.get_int(TIME_TO_LIVE) {
        None => None,
        Some(item) => Some(
            item.as_u64()
                .filter(|seconds| *seconds > 0)
                .ok_or(TokenError::Claim("the time to live is not a positive integer"))?,
        ),
    };
    Ok(Claims {
        subject: subject.to_owned(),
        issued_at: date(ISSUED_AT, "the time of issue is no date")?
            .ok_or(TokenError::Claim("the token has no time of issue"))?,
        expires_at: date(EXPIRES_AT, "the time of expiry is no date")?,
        time_to_live,
    })
}

/// NumericDate: an integer or a floating-point number.
fn seconds(item: Item<'_>) -> Option<f64> {
    let integer = item.as_u64().and_then(|seconds| {
        u32::try_from(seconds >> 6).ok().map(|high| {
            // Exact: the largest date has 38 bits.
            f64::from(high) * 64.0 + f64::from(u8::try_from(seconds & 63).unwrap_or(0))
        })
    });
    integer.or_else(|| item.as_f64())
}

fn content(claims: Map<'_>, kind: Option<ListKind>) -> Result<Undecoded, TokenError> {
    let statuses = claims.get_int(STATUS_LIST);
    let identifiers = claims.get_int(IDENTIFIER_LIST);
    match (kind, statuses, identifiers) {
        (_, Some(_), Some(_)) => Err(TokenError::Claim("the token holds two lists")),
        (Some(ListKind::StatusList) | None, Some(list), None) => status_list(list),
        (Some(ListKind::IdentifierList) | None, None, Some(list)) => identifier_list(list),
        (Some(_), _, _) => Err(TokenError::Claim(
            "the token holds another list than its type says",
        )),
        (None, None, None) => Err(TokenError::Claim("the token holds no list")),
    }
}

fn status_list(item: Item<'_>) -> Result<Undecoded, TokenError> {
    let map = item
        .as_map()
        .ok_or(TokenError::Claim("the status list is not a map"))?;
    let [bits, list] = map.get_texts(["bits", "lst"]);
    let bits = bits.and_then(Item::as_u64);
    let list = list.and_then(Item::as_bytes);
    Ok(Undecoded::Statuses {
        bits: bits.ok_or(TokenError::Claim("the status list has no width"))?,
        compressed: list
            .ok_or(TokenError::Claim("the status list has no entries"))?
            .to_vec(),
    })
}

fn identifier_list(item: Item<'_>) -> Result<Undecoded, TokenError> {
    let map = item.as_map();
    let identifiers = map
        .and_then(|map| map.get_text("identifiers"))
        .and_then(Item::as_map);
    let identifiers = identifiers.ok_or(TokenError::Claim("the identifier list has no identifiers"))?;
    Ok(Undecoded::Identifiers(IdentifierList::read(identifiers)?))
}
