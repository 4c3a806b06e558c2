//! Evidence of revocation at hand for a judgement: CRLs by issuer, status tokens by list.

use std::sync::Arc;

use rpds::HashTrieMapSync;

use crate::limits::UNFOLDED_BYTES;
use crate::status::{RefusedToken, StatusToken, TokenError};
use crate::x509::{CrlEffect, CrlError, RevocationList};

/// CRLs of one issuer's name, or tokens of one list, that are kept beside each other.
pub const MAX_SIDE_BY_SIDE: usize = 8;

/// Everything at hand. Cloning takes the same short time however much it holds: a clone shares every list with what was
/// found out about it, and changing one of the two copies no more than the place of what changes.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// By the issuer's name as DER, the highest number first and those that say nothing last.
    crls: HashTrieMapSync<Vec<u8>, Vec<Arc<RevocationList>>>,
    /// By the list's URI, the youngest first.
    tokens: HashTrieMapSync<String, Vec<Arc<StatusToken>>>,
    /// Why a token of a list cannot be used.
    refused: HashTrieMapSync<String, TokenError>,
    /// Bytes of all lists of tokens, unfolded.
    unfolded: usize,
    /// The most that they may take.
    most_unfolded: usize,
}

impl Default for Evidence {
    fn default() -> Self {
        Self::with_unfolded_bound(UNFOLDED_BYTES)
    }
}

/// Bytes that these lists take, unfolded.
fn unfolded(tokens: &[Arc<StatusToken>]) -> usize {
    tokens.iter().map(|token| token.unfolded_bytes()).sum()
}

/// What was found out about a list beyond its bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// Not a CRL.
    #[error("{0}")]
    Crl(#[from] CrlError),
    /// Not a token.
    #[error("{0}")]
    Token(#[from] TokenError),
    /// Older than all lists of the name that are kept.
    #[error("older than the {MAX_SIDE_BY_SIDE} newest lists of its name, which are kept")]
    TooMany,
    /// The lists of all tokens together would take more memory than they may.
    #[error("the status lists together unfold to more than {0} bytes")]
    TooMuch(usize),
}

impl Evidence {
    /// No evidence yet, whose status lists may unfold to so many bytes together, in place of
    /// [`UNFOLDED_BYTES`]: each list has a bound of its own, and a small file of many lists could
    /// still fill a counter's memory.
    #[must_use]
    pub fn with_unfolded_bound(bytes: usize) -> Self {
        Self {
            crls: HashTrieMapSync::default(),
            tokens: HashTrieMapSync::default(),
            refused: HashTrieMapSync::default(),
            unfolded: 0,
            most_unfolded: bytes,
        }
    }

    /// Takes a CRL in DER. One that is older than a list of the same issuer and key is still kept
    /// beside it: which of them its issuer signed is known only with the issuer's key at hand, and
    /// the newest of those decides.
    ///
    /// # Errors
    /// Not a CRL, or older than enough others of its issuer's name.
    pub fn add_crl(&mut self, der: &[u8]) -> Result<(), EvidenceError> {
        self.insert_crl(Arc::new(RevocationList::from_der(der)?))
    }

    fn insert_crl(&mut self, list: Arc<RevocationList>) -> Result<(), EvidenceError> {
        let mut known = self.crls_of(list.issuer_der()).to_vec();
        let issuer = list.issuer_der().to_vec();
        let place = place_of_crl(&known, &list);
        keep(&mut known, place, list)?;
        self.crls.insert_mut(issuer, known);
        Ok(())
    }

    /// Takes the token of a file: its own subject says which list it is.
    ///
    /// # Errors
    /// Not a token, or one that cannot be used. Where it says which list it is, that list is then
    /// known to be unusable.
    pub fn add_token(&mut self, bytes: &[u8]) -> Result<(), EvidenceError> {
        match StatusToken::decode(bytes) {
            Ok(token) => self.insert_token(Arc::new(token)),
            Err(RefusedToken { subject, error }) => {
                if let Some(uri) = subject {
                    self.refused.insert_mut(uri, error.clone());
                }
                Err(error.into())
            }
        }
    }

    /// Takes what was fetched from `uri` with this content type.
    ///
    /// # Errors
    /// As [`Self::add_token`]; also a token of another list.
    pub fn add_fetched_token(
        &mut self,
        bytes: &[u8],
        uri: &str,
        content_type: &str,
    ) -> Result<(), EvidenceError> {
        match StatusToken::decode_fetched(bytes, uri, content_type) {
            Ok(token) => self.insert_token(Arc::new(token)),
            Err(error) => {
                self.refused.insert_mut(uri.to_owned(), error.clone());
                Err(error.into())
            }
        }
    }

    fn insert_token(&mut self, token: Arc<StatusToken>) -> Result<(), EvidenceError> {
        let mut known = self.tokens_of(token.subject()).to_vec();
        let before = unfolded(&known);
        let others = self.unfolded.saturating_sub(before);
        let after = self.unfolded.saturating_add(token.unfolded_bytes());
        if after > self.most_unfolded {
            return Err(EvidenceError::TooMuch(self.most_unfolded));
        }
        let uri = token.subject().to_owned();
        let place = known.partition_point(|other| other.issued_at() >= token.issued_at());
        keep(&mut known, place, token)?;
        self.unfolded = others.saturating_add(unfolded(&known));
        self.tokens.insert_mut(uri, known);
        Ok(())
    }

    /// Puts these tokens of the list `uri` in the place of all that are held of it, and with them why another cannot be
    /// used, if one cannot: for whoever exchanges lists while they are judged by. Beyond the bounds the youngest stay, and
    /// a token of another list is left out.
    pub fn set_tokens(
        &mut self,
        uri: &str,
        tokens: impl IntoIterator<Item = Arc<StatusToken>>,
        refused: Option<TokenError>,
    ) {
        self.unfolded = self.unfolded.saturating_sub(unfolded(self.tokens_of(uri)));
        self.tokens.remove_mut(uri);
        self.refused.remove_mut(uri);
        for token in tokens.into_iter().filter(|token| token.subject() == uri) {
            let _kept = self.insert_token(token);
        }
        if let Some(error) = refused {
            self.refused.insert_mut(uri.to_owned(), error);
        }
    }

    /// As [`Self::set_tokens`], for the CRLs of one issuer's name.
    pub fn set_crls(&mut self, issuer_der: &[u8], lists: impl IntoIterator<Item = Arc<RevocationList>>) {
        self.crls.remove_mut(issuer_der);
        for list in lists.into_iter().filter(|list| list.issuer_der() == issuer_der) {
            let _kept = self.insert_crl(list);
        }
    }

    /// The CRLs of this issuer's name, the highest number first and those that say nothing last.
    pub fn crls_of(&self, issuer_der: &[u8]) -> &[Arc<RevocationList>] {
        self.crls.get(issuer_der).map(Vec::as_slice).unwrap_or_default()
    }

    /// The tokens of this list, the youngest first.
    pub fn tokens_of(&self, uri: &str) -> &[Arc<StatusToken>] {
        self.tokens.get(uri).map(Vec::as_slice).unwrap_or_default()
    }

    /// Why a token of this list was not taken.
    pub fn refusal_of(&self, uri: &str) -> Option<&TokenError> {
        self.refused.get(uri)
    }

    /// All CRLs, in no order.
    pub fn crls(&self) -> impl Iterator<Item = &RevocationList> {
        self.crls.values().flatten().map(|list| &**list)
    }

    /// All status tokens, in no order.
    pub fn tokens(&self) -> impl Iterator<Item = &StatusToken> {
        self.tokens.values().flatten().map(|token| &**token)
    }

    /// This evidence and that of `other`.
    #[must_use]
    pub fn merged(mut self, other: &Self) -> Self {
        // Beyond the bound the newest stay.
        for list in other.crls.values().flatten() {
            let known = self.crls_of(list.issuer_der());
            if !known.iter().any(|known| Arc::ptr_eq(known, list)) {
                let _kept = self.insert_crl(Arc::clone(list));
            }
        }
        for token in other.tokens.values().flatten() {
            let known = self.tokens_of(token.subject());
            if !known.iter().any(|known| Arc::ptr_eq(known, token)) {
                let _kept = self.insert_token(Arc::clone(token));
            }
        }
        for (uri, error) in &other.refused {
            if !self.refused.contains_key(uri) {
                self.refused.insert_mut(uri.clone(), error.clone());
            }
        }
        self
    }

    /// Refuses to go back: a CRL of `known` stays beside the older ones of the same issuer and key
    /// that are offered in its place. It is not put in their place, because which of them the issuer
    /// signed is not known here: a forged list of a high number silences nobody. Says how many of
    /// those offered are behind.
    #[must_use]
    pub fn not_behind(mut self, known: &Self) -> (Self, usize) {
        let mut behind = 0;
        let issuers: Vec<Vec<u8>> = self.crls.keys().cloned().collect();
        for issuer in issuers {
            let known = known.crls_of(&issuer);
            let mut lists = self.crls_of(&issuer).to_vec();
            let is_behind = |list: &RevocationList| known.iter().any(|k| list.check_not_older(k).is_err());
            behind += lists.iter().filter(|list| is_behind(list)).count();
            let offered = lists.clone();
            for newer in known {
                let stays = offered.iter().any(|list| list.check_not_older(newer).is_err())
                    && offered.iter().all(|list| list.der() != newer.der());
                if stays && lists.len() < 2 * MAX_SIDE_BY_SIDE {
                    lists.insert(place_of_crl(&lists, newer), Arc::clone(newer));
                }
            }
            self.crls.insert_mut(issuer, lists);
        }
        (self, behind)
    }
}

/// The place of a CRL behind those that are newer. Those that say nothing, such as delta CRLs, stand
/// behind all others, so that they never crowd one out that does.
fn place_of_crl(known: &[Arc<RevocationList>], list: &RevocationList) -> usize {
    let rank = |list: &RevocationList| {
        let speaks = list.first_broken(CrlEffect::Void).is_none();
        (speaks, list.number().cloned(), list.this_update())
    };
    let own = rank(list);
    known.partition_point(|other| rank(other) >= own)
}

/// Puts a list in its place. Where there are too many, the last gives way: directories in which
/// lists gather must not keep the newest out.
fn keep<T>(known: &mut Vec<Arc<T>>, place: usize, list: Arc<T>) -> Result<(), EvidenceError> {
    if place >= MAX_SIDE_BY_SIDE {
        return Err(EvidenceError::TooMany);
    }
    known.insert(place, list);
    known.truncate(MAX_SIDE_BY_SIDE);
    Ok(())
}
