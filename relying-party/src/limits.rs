//! Limits as data: an operator's bounds on what a message may hold.

use mdoc::limits::Limits;
use serde::Deserialize;

/// Nesting is walked by recursion: what an operator may ask for ends well before the stack does.
const MAX_DEPTH: usize = 128;
/// A larger message is held in memory whole before anything of it is checked.
const MAX_MESSAGE_BYTES: usize = 256 * 1024 * 1024;
/// Work grows with every count; none needs to be larger.
const MAX_COUNT: usize = 1_000_000;

/// Why a text sets no limits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the limits are not valid: {0}")]
pub struct LimitsError(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsFile {
    message_bytes: Option<usize>,
    cbor_depth: Option<usize>,
    cbor_items: Option<usize>,
    documents: Option<usize>,
    name_spaces: Option<usize>,
    elements: Option<usize>,
}

/// Reads limits: the members of [`Limits`] as TOML, each optional, each at least 1.
///
/// # Errors
/// An unknown key, zero, or more than this program can keep its promises for.
pub fn limits_from_toml(text: &str) -> Result<Limits, LimitsError> {
    let file: LimitsFile = toml::from_str(text).map_err(|error| LimitsError(error.to_string()))?;
    let mut limits = Limits::default();
    let members = [
        (
            "message_bytes",
            file.message_bytes,
            &mut limits.message_bytes,
            MAX_MESSAGE_BYTES,
        ),
        ("cbor_depth", file.cbor_depth, &mut limits.cbor_depth, MAX_DEPTH),
        ("cbor_items", file.cbor_items, &mut limits.cbor_items, MAX_COUNT),
        ("documents", file.documents, &mut limits.documents, MAX_COUNT),
        (
            "name_spaces",
            file.name_spaces,
            &mut limits.name_spaces,
            MAX_COUNT,
        ),
        ("elements", file.elements, &mut limits.elements, MAX_COUNT),
    ];
    for (name, value, limit, most) in members {
        match value {
            Some(value) if value == 0 || value > most => {
                return Err(LimitsError(format!("{name} is a number from 1 to {most}")));
            }
            Some(value) => *limit = value,
            None => {}
        }
    }
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_keeps_its_default() {
        assert_eq!(limits_from_toml("").unwrap(), Limits::default());
        let limits = limits_from_toml("message_bytes = 1000\nelements = 7").unwrap();
        let mut expected = Limits::default();
        (expected.message_bytes, expected.elements) = (1000, 7);
        assert_eq!(limits, expected);
        let all =
            "message_bytes = 1\ncbor_depth = 2\ncbor_items = 3\ndocuments = 4\nname_spaces = 5\nelements = 6";
        let limits = limits_from_toml(all).unwrap();
        assert_eq!(
            (limits.message_bytes, limits.cbor_depth, limits.cbor_items),
            (1, 2, 3)
        );
        assert_eq!((limits.documents, limits.name_spaces, limits.elements), (4, 5, 6));
    }

    #[test]
    fn what_is_no_limit_is_named() {
        let fault = |text: &str| limits_from_toml(text).unwrap_err().to_string();
        assert!(fault("elements = 0").ends_with("elements is a number from 1 to 1000000"));
        assert!(fault("cbor_depth = 129").ends_with("cbor_depth is a number from 1 to 128"));
        assert!(limits_from_toml("cbor_depth = 128").is_ok());
        assert!(
            fault("message_bytes = 268435457").ends_with("message_bytes is a number from 1 to 268435456")
        );
        assert!(limits_from_toml("message_bytes = 268435456").is_ok());
        assert!(fault("message_bytes = -1").contains("message_bytes"));
        assert!(fault("bytes = 1").contains("unknown field `bytes`"));
    }
}
