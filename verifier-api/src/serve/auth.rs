//! API keys and administrators' keys: one a line in the operator's file, kept as hashes, compared in constant time.

use std::path::Path;

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

use super::config::ConfigError;
use super::problem::{Kind, Problem};

/// Bytes of the file of keys.
const MAX_FILE: u64 = 1024 * 1024;
/// Characters below which a key can be guessed; such keys are warned of.
const SHORT_KEY: usize = 20;

/// The keys that are known; with none, everybody is let in.
#[derive(Default)]
pub(super) struct ApiKeys {
    hashes: Vec<[u8; 32]>,
    short: usize,
}

impl ApiKeys {
    /// Reads a file: one key a line. Empty lines and lines that begin with `#` are passed over.
    pub(super) fn load(path: &Path) -> Result<Self, ConfigError> {
        let bytes = Zeroizing::new(operator::read_file(path, MAX_FILE)?);
        Self::parse(&bytes).map_err(|fault| ConfigError::File {
            path: path.to_owned(),
            fault,
        })
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut keys = Self::default();
        for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let key = line.trim_ascii();
            if key.is_empty() || key.starts_with(b"#") {
                continue;
            }
            if !key.iter().all(u8::is_ascii_graphic) {
                // The line itself is a secret.
                return Err(format!(
                    "line {}: a key holds visible ASCII characters only, and no space",
                    number + 1
                ));
            }
            keys.short += usize::from(key.len() < SHORT_KEY);
            keys.hashes.push(Sha256::digest(key).into());
        }
        if keys.hashes.is_empty() {
            return Err("the file holds no key".to_owned());
        }
        Ok(keys)
    }

    /// How many there are.
    pub(super) const fn count(&self) -> usize {
        self.hashes.len()
    }

    /// How many are so short that they can be guessed.
    pub(super) const fn short_count(&self) -> usize {
        self.short
    }

    /// Whether one of these keys is one of the others too.
    pub(super) fn shares_with(&self, other: &Self) -> bool {
        self.hashes.iter().any(|hash| other.hashes.contains(hash))
    }

    /// Lets a request in, or says why not.
    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<(), Problem> {
        if self.hashes.is_empty() {
            return Ok(());
        }
        self.check(headers, Kind::ApiKeyMissing, Kind::ApiKeyUnknown)
            .map(drop)
    }

    /// Lets an administrator in, or says why not. Names the key by the first digits of its hash, by
    /// which nobody guesses a key that is long enough.
    pub(super) fn admit_admin(&self, headers: &HeaderMap) -> Result<String, Problem> {
        let hash = self.check(headers, Kind::AdminKeyMissing, Kind::AdminKeyUnknown)?;
        let digits = hash.iter().take(4);
        Ok(digits.fold("administrator's key ".to_owned(), |name, byte| {
            name + &format!("{byte:02x}")
        }))
    }

    /// The hash of the key that a request brings.
    fn check(&self, headers: &HeaderMap, missing: Kind, unknown: Kind) -> Result<[u8; 32], Problem> {
        let missing = || {
            Problem::of(
                missing,
                "Authorization",
                "there is no bearer token in the header Authorization",
            )
        };
        let value = headers.get(AUTHORIZATION).ok_or_else(missing)?;
        let (scheme, token) = value.as_bytes().split_at_checked(7).ok_or_else(missing)?;
        if !scheme.eq_ignore_ascii_case(b"bearer ") {
            return Err(missing());
        }
        let hash: [u8; 32] = Sha256::digest(token.trim_ascii()).into();
        if self.knows(&hash) {
            return Ok(hash);
        }
        Err(Problem::of(
            unknown,
            "Authorization",
            "the bearer token is not among the keys",
        ))
    }

    /// Compares with every key, so that the time taken says nothing about any of them.
    fn knows(&self, hash: &[u8; 32]) -> bool {
        let found = self
            .hashes
            .iter()
            .fold(Choice::from(0), |found, known| found | known.ct_eq(hash));
        found.into()
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn admitted(keys: &ApiKeys, authorization: Option<&'static str>) -> Result<(), String> {
        let mut headers = HeaderMap::new();
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, HeaderValue::from_static(value));
        }
        keys.admit(&headers).map_err(|problem| problem.to_string())
    }

    #[test]
    fn keys_stand_one_a_line() {
        let keys =
            ApiKeys::parse(b"# operations\r\nfirst-key-of-twenty-characters\r\n\n  second \n").unwrap();
        assert_eq!((keys.count(), keys.short_count()), (2, 1));
        assert_eq!(
            admitted(&keys, Some("Bearer first-key-of-twenty-characters")),
            Ok(())
        );
        assert_eq!(admitted(&keys, Some("bearer  second")), Ok(()));
        assert!(ApiKeys::parse(b"").is_err() && ApiKeys::parse(b"# none\n\n").is_err());
        let fault = ApiKeys::parse(b"good\nbad key\n").err().unwrap();
        assert!(
            fault.starts_with("line 2") && !fault.contains("bad key"),
            "{fault}"
        );
        assert!(ApiKeys::parse("schlüssel".as_bytes()).is_err());
    }

    #[test]
    fn only_a_known_bearer_token_is_let_in() {
        let keys = ApiKeys::parse(b"one\ntwo\n").unwrap();
        for missing in [None, Some("one"), Some("Basic one"), Some("Bearer"), Some("")] {
            let fault = admitted(&keys, missing).unwrap_err();
            assert!(fault.starts_with("api-key-missing"), "{missing:?}: {fault}");
        }
        for unknown in [
            "Bearer three",
            "Bearer on",
            "Bearer onee",
            "Bearer ",
            "Bearer ONE",
            "Bearer one two",
        ] {
            let fault = admitted(&keys, Some(unknown)).unwrap_err();
            assert!(fault.starts_with("api-key-unknown"), "{unknown}: {fault}");
        }
        assert_eq!(admitted(&keys, Some("Bearer two")), Ok(()));
        assert_eq!(admitted(&ApiKeys::default(), None), Ok(()));
    }
}
