//! MobileSecurityObject (ISO/IEC 18013-5 §9.1.2.4): syntax. Decoded only from a payload whose
//! signature holds.

use core::fmt;

use crate::cbor::{self, Item, Map, Rules};
use crate::crypto::HashAlgorithm;
use crate::limits::{CERTIFICATE_BYTES, NAME_BYTES, URI_BYTES};
use crate::time::{DateError, UnixTime};

/// The MSO.
///
/// ```text
/// MobileSecurityObject = { "version": tstr, "digestAlgorithm": tstr,
///     "valueDigests": { + tstr => { + uint => bstr } }, "deviceKeyInfo": DeviceKeyInfo,
///     "docType": tstr, "validityInfo": ValidityInfo, ? "status": Status }
/// ```
#[derive(Clone, Debug)]
pub struct MobileSecurityObject<'a> {
    /// The hash of the digests.
    pub digest_algorithm: HashAlgorithm,
    /// The digest of every element of the document.
    pub value_digests: ValueDigests<'a>,
    /// The device key, a COSE_Key not yet read.
    pub(crate) device_key: Item<'a>,
    /// What the device may sign itself.
    pub key_authorizations: KeyAuthorizations<'a>,
    /// The document type that the issuer signed.
    pub doc_type: &'a str,
    /// When the MSO was signed and is valid.
    pub validity_info: ValidityInfo,
    /// Where the MSO's revocation can be looked up.
    pub status: Option<Status<'a>>,
    /// Deviations that the tolerances let pass, in words.
    pub tolerated: Vec<&'static str>,
}

/// Deviations met in the field that a document profile may let pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MsoTolerances {
    /// The payload is the MSO itself, without `#6.24(bstr …)`.
    pub untagged_payload: bool,
    /// Dates with fractional seconds.
    pub fractional_seconds: bool,
    /// `"status": null`.
    pub null_status: bool,
}

/// `ValidityInfo = { "signed": tdate, "validFrom": tdate, "validUntil": tdate, ? "expectedUpdate": tdate }`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValidityInfo {
    /// When the MSO was signed.
    pub signed: UnixTime,
    /// First instant of validity.
    pub valid_from: UnixTime,
    /// Last instant of validity.
    pub valid_until: UnixTime,
    /// When the issuer expects to sign anew.
    pub expected_update: Option<UnixTime>,
}

/// `Status = { ? "status_list": StatusListInfo, ? "identifier_list": IdentifierListInfo }` of the second edition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status<'a> {
    /// A Token Status List entry.
    pub status_list: Option<StatusListReference<'a>>,
    /// An identifier list entry.
    pub identifier_list: Option<IdentifierListReference<'a>>,
}

/// An index into a Token Status List.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusListReference<'a> {
    /// The index.
    pub idx: u64,
    /// Where the list is published.
    pub uri: &'a str,
    /// DER of the certificate that vouches for the list's signer.
    pub certificate: Option<&'a [u8]>,
}

/// An identifier in an identifier list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdentifierListReference<'a> {
    /// The identifier.
    pub id: &'a [u8],
    /// Where the list is published.
    pub uri: &'a str,
    /// DER of the certificate that vouches for the list's signer.
    pub certificate: Option<&'a [u8]>,
}

/// Why a payload is no MSO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MsoError {
    /// The payload is not `#6.24(bstr .cbor …)`.
    #[error("the payload is not encoded CBOR under tag 24")]
    Untagged,
    /// Not strict CBOR.
    #[error("not strict CBOR: {0}")]
    Cbor(#[from] cbor::Error),
    /// The version is no text of the grammar, or its major version is not 1.
    #[error("an unknown version")]
    Version,
    /// The digest algorithm is none of the three.
    #[error("an unknown digestAlgorithm")]
    DigestAlgorithm,
    /// A digest is not as long as its algorithm says.
    #[error("a digest of the wrong length")]
    DigestLength,
    /// A member is missing or of the wrong type.
    #[error("{0}")]
    Structure(&'static str),
    /// A date is none.
    #[error("{member}: {error}")]
    Date {
        /// Which one.
        member: &'static str,
        /// What is wrong with it.
        error: DateError,
    },
    /// `validFrom` before `signed`, or `validUntil` not after `validFrom`.
    #[error("the dates of validityInfo are out of order")]
    DateOrder,
    /// A namespace stands in both maps of keyAuthorizations.
    #[error("keyAuthorizations names a namespace twice")]
    AuthorizedTwice,
}

const fn structure<T>(what: &'static str) -> Result<T, MsoError> {
    Err(MsoError::Structure(what))
}

impl<'a> MobileSecurityObject<'a> {
    /// Decodes the payload of issuerAuth.
    ///
    /// # Errors
    /// The first deviation that `tolerances` does not let pass.
    pub fn decode(payload: &'a [u8], rules: &Rules, tolerances: MsoTolerances) -> Result<Self, MsoError> {
        let mut tolerated = Vec::new();
        let payload = Item::decode(payload, rules)?;
        let mso = match payload.embedded(rules)? {
            Some(mso) => mso,
            None if tolerances.untagged_payload => {
                tolerated.push("the payload is not under tag 24");
                payload
            }
            None => return Err(MsoError::Untagged),
        };
        let mso = mso.as_map().ok_or(MsoError::Structure("the MSO is not a map"))?;
        let [
            version,
            algorithm,
            digests,
            key_info,
            doc_type,
            validity,
            status_member,
        ] = mso.get_texts([
            "version",
            "digestAlgorithm",
            "valueDigests",
            "deviceKeyInfo",
            "docType",
            "validityInfo",
            "status",
        ]);
        if version
            .and_then(super::parse_version)
            .is_none_or(|(major, _)| major != 1)
        {
            return Err(MsoError::Version);
        }
        let algorithm = algorithm.and_then(Item::as_text);
        let digest_algorithm = algorithm
            .and_then(HashAlgorithm::from_name)
            .ok_or(MsoError::DigestAlgorithm)?;
        let key_info = map_of(key_info, "the MSO has no deviceKeyInfo")?;
        let [device_key, authorizations] = key_info.get_texts(["deviceKey", "keyAuthorizations"]);
        let doc_type = doc_type.and_then(Item::as_text);
        Ok(Self {
            digest_algorithm,
            value_digests: ValueDigests::decode(digests, digest_algorithm)?,
            device_key: device_key.ok_or(MsoError::Structure("the MSO has no deviceKey"))?,
            key_authorizations: KeyAuthorizations::decode(authorizations)?,
            doc_type: doc_type.ok_or(MsoError::Structure("the MSO has no docType"))?,
            validity_info: ValidityInfo::decode(validity, tolerances, &mut tolerated)?,
            status: status(status_member, tolerances, &mut tolerated)?,
            tolerated,
        })
    }
}

fn map_of<'a>(item: Option<Item<'a>>, fault: &'static str) -> Result<Map<'a>, MsoError> {
    item.and_then(Item::as_map).ok_or(MsoError::Structure(fault))
}

/// The digests of all namespaces, found by namespace and digest identifier.
#[derive(Clone)]
pub struct ValueDigests<'a> {
    /// Name of each namespace and where its digests end in `digests`.
    name_spaces: Vec<(&'a str, usize)>,
    /// Per namespace, ordered by identifier.
    digests: Vec<(u64, &'a [u8])>,
}

/// Counts them: digests tell records apart.
impl fmt::Debug for ValueDigests<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ValueDigests({})", self.digests.len())
    }
}

impl<'a> ValueDigests<'a> {
    fn decode(item: Option<Item<'a>>, algorithm: HashAlgorithm) -> Result<Self, MsoError> {
        const FAULT: MsoError = MsoError::Structure("valueDigests is no map of maps of digests");
        let map = map_of(item, "the MSO has no valueDigests")?;
        // Each digest stands there with its two heads at least: no more fit into the map.
        let most = item.map_or(0, |item| item.encoded().len()) / (algorithm.output_len() + 2);
        let mut all = Self {
            name_spaces: Vec::with_capacity(map.len()),
            digests: Vec::with_capacity(most),
        };
        for (name, digests) in map.iter() {
            let name = name
                .as_text()
                .filter(|name| name.len() <= NAME_BYTES)
                .ok_or(FAULT)?;
            let start = all.digests.len();
            for (id, digest) in digests.as_map().ok_or(FAULT)?.iter() {
                let id = id.as_u64().filter(|id| *id < 1 << 31).ok_or(FAULT)?;
                let digest = digest.as_bytes().ok_or(FAULT)?;
                if digest.len() != algorithm.output_len() {
                    return Err(MsoError::DigestLength);
                }
                all.digests.push((id, digest));
            }
            let own = all.digests.get_mut(start..).unwrap_or_default();
            own.sort_unstable_by_key(|(id, _)| *id);
            all.name_spaces.push((name, all.digests.len()));
        }
        Ok(all)
    }

    /// The digest with this identifier in this namespace.
    pub fn get(&self, name_space: &str, digest_id: u64) -> Option<&'a [u8]> {
        let mut start = 0;
        for (name, end) in &self.name_spaces {
            if *name == name_space {
                let own = self.digests.get(start..*end)?;
                let index = own.binary_search_by_key(&digest_id, |(id, _)| *id).ok()?;
                return own.get(index).map(|(_, digest)| *digest);
            }
            start = *end;
        }
        None
    }
}

/// `KeyAuthorizations = { ? "nameSpaces": [+ tstr], ? "dataElements": { + tstr => [+ tstr] } }`
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyAuthorizations<'a> {
    name_spaces: Option<Item<'a>>,
    data_elements: Option<Item<'a>>,
}

impl<'a> KeyAuthorizations<'a> {
    fn decode(item: Option<Item<'a>>) -> Result<Self, MsoError> {
        const FAULT: MsoError = MsoError::Structure("keyAuthorizations is malformed");
        let Some(item) = item.filter(|item| !item.is_absent()) else {
            return Ok(Self::default());
        };
        let map = item.as_map().ok_or(FAULT)?;
        let authorizations = Self {
            name_spaces: map.get_text("nameSpaces"),
            data_elements: map.get_text("dataElements"),
        };
        if let Some(name_spaces) = authorizations.name_spaces {
            let names = name_spaces.as_array().ok_or(FAULT)?;
            if names.len() > MAX_AUTHORIZATIONS || names.iter().any(|name| name.as_text().is_none()) {
                return Err(FAULT);
            }
        }
        if let Some(data_elements) = authorizations.data_elements {
            let elements = data_elements.as_map().ok_or(FAULT)?;
            if elements.len() > MAX_AUTHORIZATIONS {
                return Err(FAULT);
            }
            for (name_space, names) in elements.iter() {
                let name_space = name_space.as_text().ok_or(FAULT)?;
                let names = names.as_array().ok_or(FAULT)?;
                if names.len() > MAX_AUTHORIZATIONS || names.iter().any(|name| name.as_text().is_none()) {
                    return Err(FAULT);
                }
                if authorizations.authorizes_name_space(name_space) {
                    return Err(MsoError::AuthorizedTwice);
                }
            }
        }
        Ok(authorizations)
    }

    fn authorizes_name_space(&self, name_space: &str) -> bool {
        let names = self.name_spaces.and_then(Item::as_array);
        names.is_some_and(|names| names.iter().any(|name| name.as_text() == Some(name_space)))
    }

    /// Whether the device key may vouch for this element.
    pub fn authorizes(&self, name_space: &str, element_identifier: &str) -> bool {
        let elements = self.data_elements.and_then(Item::as_map);
        let elements = elements
            .and_then(|map| map.get_text(name_space))
            .and_then(Item::as_array);
        self.authorizes_name_space(name_space)
            || elements.is_some_and(|names| {
                names
                    .iter()
                    .any(|name| name.as_text() == Some(element_identifier))
            })
    }
}

/// Names in one list of keyAuthorizations.
const MAX_AUTHORIZATIONS: usize = 256;

impl ValidityInfo {
    fn decode(
        item: Option<Item<'_>>,
        tolerances: MsoTolerances,
        tolerated: &mut Vec<&'static str>,
    ) -> Result<Self, MsoError> {
        let map = map_of(item, "the MSO has no validityInfo")?;
        const MEMBERS: [&str; 4] = ["signed", "validFrom", "validUntil", "expectedUpdate"];
        let mut fraction = false;
        let date = |(item, member): (Option<Item<'_>>, &'static str)| -> Result<Option<UnixTime>, MsoError> {
            let Some(item) = item else {
                return Ok(None);
            };
            let text = match item.as_tag() {
                Some((TAG_DATE_TIME, text)) => text.as_text(),
                _ => None,
            };
            let Some(text) = text else {
                return structure("a date of validityInfo is not a tdate");
            };
            let (instant, has_fraction) =
                UnixTime::parse_with_fraction(text).map_err(|error| MsoError::Date { member, error })?;
            if has_fraction && !tolerances.fractional_seconds {
                return Err(MsoError::Date {
                    member,
                    error: DateError::Fraction,
                });
            }
            fraction |= has_fraction;
            Ok(Some(instant))
        };
        const MISSING: MsoError = MsoError::Structure("validityInfo lacks a date");
        let mut dates = map.get_texts(MEMBERS).into_iter().zip(MEMBERS).map(date);
        let mut next = || dates.next().transpose().map(Option::flatten);
        let validity = Self {
            signed: next()?.ok_or(MISSING)?,
            valid_from: next()?.ok_or(MISSING)?,
            valid_until: next()?.ok_or(MISSING)?,
            expected_update: next()?,
        };
        if fraction {
            tolerated.push("dates with fractional seconds");
        }
        if validity.valid_from < validity.signed || validity.valid_until <= validity.valid_from {
            return Err(MsoError::DateOrder);
        }
        Ok(validity)
    }
}

/// The tag of an RFC 3339 date and time (RFC 8949 §3.4.1).
const TAG_DATE_TIME: u64 = 0;

fn status<'a>(
    item: Option<Item<'a>>,
    tolerances: MsoTolerances,
    tolerated: &mut Vec<&'static str>,
) -> Result<Option<Status<'a>>, MsoError> {
    let Some(item) = item else { return Ok(None) };
    if item.is_absent() {
        if !tolerances.null_status {
            return structure("status is null");
        }
        tolerated.push("status is null");
        return Ok(None);
    }
    let map = item.as_map().ok_or(MsoError::Structure("status is not a map"))?;
    Ok(Some(Status {
        status_list: map.get_text("status_list").map(status_list).transpose()?,
        identifier_list: map.get_text("identifier_list").map(identifier_list).transpose()?,
    }))
}

fn status_list(item: Item<'_>) -> Result<StatusListReference<'_>, MsoError> {
    const FAULT: MsoError = MsoError::Structure("status_list is malformed");
    let map = item.as_map().ok_or(FAULT)?;
    Ok(StatusListReference {
        idx: map.get_text("idx").and_then(Item::as_u64).ok_or(FAULT)?,
        uri: uri(map).ok_or(FAULT)?,
        certificate: certificate(map).ok_or(FAULT)?,
    })
}

fn identifier_list(item: Item<'_>) -> Result<IdentifierListReference<'_>, MsoError> {
    const FAULT: MsoError = MsoError::Structure("identifier_list is malformed");
    let map = item.as_map().ok_or(FAULT)?;
    Ok(IdentifierListReference {
        id: map.get_text("id").and_then(Item::as_bytes).ok_or(FAULT)?,
        uri: uri(map).ok_or(FAULT)?,
        certificate: certificate(map).ok_or(FAULT)?,
    })
}

fn uri(map: Map<'_>) -> Option<&str> {
    map.get_text("uri")?
        .as_text()
        .filter(|uri| !uri.is_empty() && uri.len() <= URI_BYTES)
}

/// `Some(None)` where there is none; `None` where it is malformed.
fn certificate(map: Map<'_>) -> Option<Option<&[u8]>> {
    match map.get_text("certificate") {
        None => Some(None),
        Some(item) => item
            .as_bytes()
            .filter(|der| !der.is_empty() && der.len() <= CERTIFICATE_BYTES)
            .map(Some),
    }
}
