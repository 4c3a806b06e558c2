//! The version rule of engagement and request: an unknown major version is refused, an unknown minor
//! version is read by what is known.

use crate::cbor::Item;

/// A structure's version; the major version is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The minor version: 0 for the first edition, 1 for the second.
    pub minor: u16,
}

impl Version {
    /// Version 1.0, the first edition's.
    pub const V1_0: Self = Self { minor: 0 };
    /// Version 1.1, the second edition's.
    pub const V1_1: Self = Self { minor: 1 };

    /// Reads `"1.n"`.
    ///
    /// # Errors
    /// [`VersionError`].
    pub fn decode(item: Item<'_>) -> Result<Self, VersionError> {
        let (major, minor) = item
            .as_text()
            .and_then(|text| text.split_once('.'))
            .ok_or(VersionError::Malformed)?;
        let (major, minor) = (decimal(major)?, decimal(minor)?);
        if major == 1 {
            Ok(Self { minor })
        } else {
            Err(VersionError::Unsupported)
        }
    }
}

/// Why a version cannot be gone on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// Not two decimal numbers with a dot between them.
    #[error("a malformed version")]
    Malformed,
    /// The major version is not 1.
    #[error("an unknown major version")]
    Unsupported,
}

fn decimal(text: &str) -> Result<u16, VersionError> {
    let canonical = text == "0" || !text.starts_with('0');
    if canonical && (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map_err(|_| VersionError::Malformed)
    } else {
        Err(VersionError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor::{Rules, write};

    fn decode(text: &str) -> Result<Version, VersionError> {
        let mut bytes = Vec::new();
        write::text(&mut bytes, text);
        Version::decode(Item::decode(&bytes, &Rules::default()).unwrap())
    }

    #[test]
    fn minor_versions_pass_and_major_versions_do_not() {
        assert_eq!(decode("1.0"), Ok(Version::V1_0));
        assert_eq!(decode("1.1"), Ok(Version::V1_1));
        assert_eq!(decode("1.9999"), Ok(Version { minor: 9999 }));
        for unsupported in ["0.9", "2.0", "10.1", "9999.0"] {
            assert_eq!(
                decode(unsupported),
                Err(VersionError::Unsupported),
                "{unsupported}"
            );
        }
        for malformed in [
            "", "1", "1.", ".1", "1.0.0", "1,0", "+1.0", "1.+0", "01.0", "1.00", " 1.0", "1.0 ", "1.10000",
            "１.０", "v1.0", "1.-1",
        ] {
            assert_eq!(decode(malformed), Err(VersionError::Malformed), "{malformed}");
        }
        let number = Item::decode(&[0x01], &Rules::default()).unwrap();
        assert_eq!(Version::decode(number), Err(VersionError::Malformed));
    }
}
