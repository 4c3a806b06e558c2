//! DeviceRequestInfo of the second edition: which documents go together.

use crate::cbor::{Item, Rules, write};
use crate::limits::NAME_BYTES;

use super::{DeviceRequest, RequestError};

/// What holds for the whole request.
///
/// ```cddl
/// DeviceRequestInfo = { ? "useCases": [ + UseCase ], * tstr => any }
/// ```
///
/// Members of other names are not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRequestInfo {
    encoded: Vec<u8>,
    use_cases: Vec<UseCase>,
}

/// Documents that serve one end.
///
/// ```cddl
/// UseCase = { "mandatory": bool, "documentSets": [ + [ + uint ] ], ? "purposeHints": { + tstr => int } }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UseCase {
    /// Whether the request fails without it.
    pub mandatory: bool,
    /// Sets of places in the request's documents, from 0; each set is enough, the preferred one first.
    pub document_sets: Vec<Vec<usize>>,
    /// Codes of what the data are for, by the identifier of who defines them.
    pub purpose_hints: Vec<(String, i64)>,
}

impl DeviceRequestInfo {
    const MAX_USE_CASES: usize = 64;

    /// These use cases of a request of `documents` documents, written in this order.
    ///
    /// # Errors
    /// [`RequestError::DeviceRequestInfo`] for no use case or too many, an empty set, or a place that
    /// the request has not.
    pub fn new(use_cases: Vec<UseCase>, documents: usize) -> Result<Self, RequestError> {
        check(&use_cases, documents)?;
        let mut encoded = Vec::new();
        write::map(&mut encoded, 1);
        write::text(&mut encoded, "useCases");
        write::array(&mut encoded, use_cases.len());
        for use_case in &use_cases {
            use_case.encode(&mut encoded);
        }
        Ok(Self { encoded, use_cases })
    }

    /// Reads an encoded DeviceRequestInfo, without tag 24.
    ///
    /// # Errors
    /// [`RequestError::DeviceRequestInfo`], [`RequestError::DeviceRequestInfoCbor`].
    pub fn decode(bytes: &[u8], documents: usize) -> Result<Self, RequestError> {
        let item = Item::decode(bytes, &Rules::default()).map_err(RequestError::DeviceRequestInfoCbor)?;
        let map = item.as_map().ok_or(RequestError::DeviceRequestInfo)?;
        let use_cases = match map.get_text("useCases") {
            None => Vec::new(),
            Some(item) => {
                let array = item
                    .as_array()
                    .filter(|array| array.len() <= Self::MAX_USE_CASES)
                    .ok_or(RequestError::DeviceRequestInfo)?;
                let read = array.iter().map(UseCase::decode).collect::<Option<Vec<_>>>();
                let use_cases = read.ok_or(RequestError::DeviceRequestInfo)?;
                check(&use_cases, documents)?;
                use_cases
            }
        };
        Ok(Self {
            encoded: bytes.to_vec(),
            use_cases,
        })
    }

    /// The bytes as received or as they are sent, without tag 24; reader authentication signs them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.encoded
    }

    /// The use cases in their order; none where every document is asked for on its own.
    pub fn use_cases(&self) -> &[UseCase] {
        &self.use_cases
    }
}

impl UseCase {
    fn decode(item: Item<'_>) -> Option<Self> {
        let [mandatory, sets, hints] =
            item.as_map()?
                .get_texts(["mandatory", "documentSets", "purposeHints"]);
        let set = |item: Item<'_>| -> Option<Vec<usize>> {
            let places = item
                .as_array()
                .filter(|set| set.len() <= DeviceRequest::MAX_DOC_REQUESTS)?;
            places
                .iter()
                .map(|place| usize::try_from(place.as_u64()?).ok())
                .collect()
        };
        let sets = sets?
            .as_array()
            .filter(|sets| sets.len() <= DeviceRequest::MAX_DOC_REQUESTS)?;
        // Implementations differ in which side is the code: what is not text to integer is no hint.
        let hint = |(name, code): (Item<'_>, Item<'_>)| {
            let name = name.as_text().filter(|name| name.len() <= NAME_BYTES)?;
            Some((name.to_owned(), code.as_i64()?))
        };
        let hints = hints.and_then(Item::as_map).into_iter();
        Some(Self {
            mandatory: mandatory?.as_bool()?,
            document_sets: sets.iter().map(set).collect::<Option<_>>()?,
            purpose_hints: hints.flat_map(|map| map.iter()).filter_map(hint).collect(),
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        write::map(out, if self.purpose_hints.is_empty() { 2 } else { 3 });
        write::text(out, "mandatory");
        write::boolean(out, self.mandatory);
        write::text(out, "documentSets");
        write::array(out, self.document_sets.len());
        for set in &self.document_sets {
            write::array(out, set.len());
            for place in set {
                write::unsigned(out, u64::try_from(*place).unwrap_or(u64::MAX));
            }
        }
        if !self.purpose_hints.is_empty() {
            write::text(out, "purposeHints");
            write::map(out, self.purpose_hints.len());
            for (name, code) in &self.purpose_hints {
                write::text(out, name);
                write::integer(out, *code);
            }
        }
    }
}

fn check(use_cases: &[UseCase], documents: usize) -> Result<(), RequestError> {
    let holds = (1..=DeviceRequestInfo::MAX_USE_CASES).contains(&use_cases.len())
        && use_cases.iter().all(|use_case| {
            !use_case.document_sets.is_empty()
                && use_case
                    .document_sets
                    .iter()
                    .all(|set| !set.is_empty() && set.iter().all(|place| *place < documents))
        });
    if holds {
        Ok(())
    } else {
        Err(RequestError::DeviceRequestInfo)
    }
}
