//! API keys and administrators' keys: one a line in the operator's file, kept as hashes, compared in constant time.

use std::path::Path;

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use operator::{KeyHash, Keys, bearer_token};

use super::config::ConfigError;
use super::problem::{Kind, Problem};

/// The keys that are known; with none, everybody is let in.
#[derive(Default)]
pub(super) struct ApiKeys(Keys);

impl ApiKeys {
    /// Reads a file: one key a line. Empty lines and lines that begin with `#` are passed over.
    pub(super) fn load(path: &Path) -> Result<Self, ConfigError> {
        Ok(Self(Keys::load(path)?))
    }

    /// How many there are.
    pub(super) const fn count(&self) -> usize {
        self.0.count()
    }

    /// How many are so short that they can be guessed.
    pub(super) fn short_count(&self) -> usize {
        self.0.short_lines().len()
    }

    /// Whether one of these keys is one of the others too.
    pub(super) fn shares_with(&self, other: &Self) -> bool {
        self.0.shares_with(&other.0)
    }

    /// Lets a request in, or says why not.
    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<(), Problem> {
        if self.0.count() == 0 {
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
    fn check(&self, headers: &HeaderMap, missing: Kind, unknown: Kind) -> Result<KeyHash, Problem> {
        let value = headers.get(AUTHORIZATION);
        let token = value
            .and_then(|value| bearer_token(value.as_bytes()))
            .ok_or_else(|| {
                let words = "there is no bearer token in the header Authorization";
                Problem::of(missing, "Authorization", words)
            })?;
        self.0.find(token).ok_or_else(|| {
            let words = "the bearer token is not among the keys";
            Problem::of(unknown, "Authorization", words)
        })
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
    fn only_a_known_bearer_token_is_let_in() {
        let keys = ApiKeys(Keys::parse(b"one\ntwo\n").unwrap());
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
