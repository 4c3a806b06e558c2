//! The keys that an operator hands out, in a file: one a line. Kept as hashes, compared in constant time.

use std::path::Path;

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

use super::{OperatorError, read_file};

/// Bytes of a file.
const MAX_FILE: u64 = 1024 * 1024;
/// Characters below which a key can be guessed.
const SHORT_KEY: usize = 20;

/// The hash of a key.
pub type KeyHash = [u8; 32];

/// The keys of a file.
#[derive(Default)]
pub struct Keys {
    hashes: Vec<KeyHash>,
    /// The lines of those that can be guessed.
    short: Vec<usize>,
}

impl Keys {
    /// Reads a file: one key a line. Empty lines and lines that begin with `#` are passed over.
    ///
    /// # Errors
    /// The file cannot be read, holds no key, or something that is none.
    pub fn load(path: &Path) -> Result<Self, OperatorError> {
        let bytes = Zeroizing::new(read_file(path, MAX_FILE)?);
        Self::parse(&bytes).map_err(|fault| OperatorError::Keys {
            path: path.to_owned(),
            fault,
        })
    }

    /// As [`load`](Self::load), from the bytes of a file.
    ///
    /// # Errors
    /// What is wrong with them, in words that hold nothing of a key.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut keys = Self::default();
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let key = line.trim_ascii();
            if key.is_empty() || key.starts_with(b"#") {
                continue;
            }
            if !key.iter().all(u8::is_ascii_graphic) {
                let words = "a key holds visible ASCII characters only, and no space";
                return Err(format!("line {}: {words}", index + 1));
            }
            if key.len() < SHORT_KEY {
                keys.short.push(index + 1);
            }
            keys.hashes.push(Sha256::digest(key).into());
        }
        if keys.hashes.is_empty() {
            return Err("the file holds no key".to_owned());
        }
        Ok(keys)
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.hashes.len()
    }

    /// The lines of those that are so short that they can be guessed, from 1.
    #[must_use]
    pub fn short_lines(&self) -> &[usize] {
        &self.short
    }

    /// Whether one of these keys is one of the others too.
    #[must_use]
    pub fn shares_with(&self, other: &Self) -> bool {
        self.hashes.iter().any(|hash| other.hashes.contains(hash))
    }

    /// The hash of a key, where it is one of these. Compares with every one, so that the time taken says nothing about any of
    /// them.
    #[must_use]
    pub fn find(&self, key: &[u8]) -> Option<KeyHash> {
        let hash: KeyHash = Sha256::digest(key).into();
        let found = self
            .hashes
            .iter()
            .fold(Choice::from(0), |found, known| found | known.ct_eq(&hash));
        bool::from(found).then_some(hash)
    }
}

/// The token of a header `Authorization` with the scheme Bearer (RFC 6750 §2.1).
#[must_use]
pub fn bearer_token(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = authorization.split_at_checked(7)?;
    scheme
        .eq_ignore_ascii_case(b"bearer ")
        .then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_one_a_line() {
        let keys = Keys::parse(b"# operations\r\nfirst-key-of-twenty-characters\r\n\n  second \n").unwrap();
        assert_eq!((keys.count(), keys.short_lines()), (2, &[4][..]));
        for known in ["first-key-of-twenty-characters", "second"] {
            assert!(keys.find(known.as_bytes()).is_some(), "{known}");
        }
        for unknown in ["", "secon", "secondd", "SECOND", "#", "# operations", "second "] {
            assert_eq!(keys.find(unknown.as_bytes()), None, "{unknown}");
        }
        let other = Keys::parse(b"second").unwrap();
        assert!(keys.shares_with(&other) && !other.shares_with(&Keys::default()));
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_told() {
        for (file, fault) in [
            (&b""[..], "the file holds no key"),
            (b"# none\n\n", "the file holds no key"),
            (b"good\nbad key\n", "line 2: a key holds visible ASCII"),
            ("schlüssel".as_bytes(), "line 1: a key holds visible ASCII"),
            (b"\x01secret", "line 1: a key holds visible ASCII"),
        ] {
            let told = Keys::parse(file).err().unwrap();
            assert!(told.starts_with(fault), "{told}");
            assert!(!told.contains("bad key") && !told.contains("secret"), "{told}");
        }
        assert!(Keys::parse(b"good\nbad-key\n").is_ok(), "the untouched twin");
    }

    #[test]
    fn a_bearer_token_stands_behind_its_scheme() {
        for header in ["Bearer one", "bearer one", "BEARER  one "] {
            assert_eq!(bearer_token(header.as_bytes()), Some(&b"one"[..]), "{header}");
        }
        for other in ["", "one", "Bearer", "Basic one", "Bearerone"] {
            assert_eq!(bearer_token(other.as_bytes()), None, "{other}");
        }
    }
}
