//! The two header maps of a COSE message and the rules across them.

use crate::cbor::{Item, Map};

/// Label of `alg`.
const ALGORITHM: i64 = 1;
/// Label of `crit`.
const CRITICAL: i64 = 2;
/// Label of `x5chain`.
const X5CHAIN: i64 = 33;
/// Labels in one header map. Messages in the field have one or two.
const MAX_LABELS: usize = 16;
/// Certificates in one x5chain.
pub const MAX_CERTIFICATES: usize = 5;

/// Protected and unprotected header of a COSE message.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    /// `None` for the zero-length protected header.
    protected: Option<Item<'a>>,
    unprotected: Item<'a>,
}

/// A rule across both header maps that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderFault {
    /// `crit` is there: no critical header is understood here (RFC 9052 §3.1).
    #[error("a critical header")]
    Critical,
    /// One label stands in both maps (RFC 9052 §3).
    #[error("a label in both headers")]
    LabelTwice,
    /// More labels than any message of this standard has.
    #[error("too many header labels")]
    TooManyLabels,
}

/// What is wrong with `alg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AlgorithmFault {
    /// No `alg` in either header.
    #[error("no algorithm")]
    Missing,
    /// `alg` stands where it is not protected.
    #[error("the algorithm is not in the protected header")]
    Unprotected,
    /// `alg` is not an integer.
    #[error("the algorithm is not an integer")]
    NotAnInteger,
}

/// What is wrong with `x5chain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainFault {
    /// No `x5chain` where it may stand.
    #[error("no x5chain")]
    Missing,
    /// `x5chain` stands in the protected header, which the document's profile does not allow.
    #[error("the x5chain is in the protected header")]
    Protected,
    /// Neither a byte string nor an array of byte strings.
    #[error("the x5chain is neither a byte string nor an array of them")]
    Type,
    /// An empty array or an empty certificate.
    #[error("the x5chain is empty")]
    Empty,
    /// More than [`MAX_CERTIFICATES`].
    #[error("the x5chain is too long")]
    TooLong,
}

impl<'a> Headers<'a> {
    pub(super) const fn new(protected: Option<Item<'a>>, unprotected: Item<'a>) -> Self {
        Self {
            protected,
            unprotected,
        }
    }

    fn protected(&self) -> Option<Map<'a>> {
        self.protected?.as_map()
    }

    fn unprotected(&self) -> Option<Map<'a>> {
        self.unprotected.as_map()
    }

    /// Checks what holds for every message: nothing critical, no label in both maps.
    ///
    /// # Errors
    /// The broken rule.
    pub fn check(&self) -> Result<(), HeaderFault> {
        let maps = [self.protected(), self.unprotected()];
        for map in maps.into_iter().flatten() {
            if map.len() > MAX_LABELS {
                return Err(HeaderFault::TooManyLabels);
            }
            if map.get_int(CRITICAL).is_some() {
                return Err(HeaderFault::Critical);
            }
        }
        let [Some(protected), Some(unprotected)] = maps else {
            return Ok(());
        };
        let twice = protected.iter().any(|(label, _)| {
            unprotected
                .iter()
                .any(|(other, _)| other.encoded() == label.encoded())
        });
        if twice {
            Err(HeaderFault::LabelTwice)
        } else {
            Ok(())
        }
    }

    /// The identifier of the algorithm, which must be protected.
    ///
    /// # Errors
    /// It is missing, unprotected or no integer.
    pub fn algorithm(&self) -> Result<i64, AlgorithmFault> {
        let Some(algorithm) = self.protected().and_then(|map| map.get_int(ALGORITHM)) else {
            let unprotected = self.unprotected().and_then(|map| map.get_int(ALGORITHM));
            return Err(if unprotected.is_some() {
                AlgorithmFault::Unprotected
            } else {
                AlgorithmFault::Missing
            });
        };
        algorithm.as_i64().ok_or(AlgorithmFault::NotAnInteger)
    }

    /// Whether the unprotected header holds nothing.
    pub fn is_unprotected_empty(&self) -> bool {
        self.unprotected().is_none_or(Map::is_empty)
    }

    /// The value under this label of the protected header.
    pub fn protected_label(&self, label: i64) -> Option<Item<'a>> {
        self.protected()?.get_int(label)
    }

    /// The certificates of `x5chain` (RFC 9360 §2), the signer's first. The unprotected header is
    /// its place; the protected one is accepted where `allow_protected` says so.
    ///
    /// # Errors
    /// It is missing, misplaced, empty, too long or of the wrong type.
    pub fn x5chain(&self, allow_protected: bool) -> Result<X5Chain<'a>, ChainFault> {
        let protected = self.protected().and_then(|map| map.get_int(X5CHAIN));
        let chain = match (protected, self.unprotected().and_then(|map| map.get_int(X5CHAIN))) {
            (Some(chain), _) if allow_protected => chain,
            (Some(_), _) => return Err(ChainFault::Protected),
            (None, Some(chain)) => chain,
            (None, None) => return Err(ChainFault::Missing),
        };
        X5Chain::read(chain)
    }
}

/// The certificates of an `x5chain`, at least one, the signer's first, as DER.
#[derive(Clone, Copy, Debug)]
pub struct X5Chain<'a> {
    certificates: [&'a [u8]; MAX_CERTIFICATES],
    count: usize,
}

impl<'a> X5Chain<'a> {
    /// Reads `bstr / [ + bstr ]`. An array of one is met in the field and accepted.
    fn read(item: Item<'a>) -> Result<Self, ChainFault> {
        let mut chain = Self {
            certificates: [&[]; MAX_CERTIFICATES],
            count: 0,
        };
        if let Some(certificate) = item.as_bytes() {
            chain.push(certificate)?;
            return Ok(chain);
        }
        let array = item.as_array().ok_or(ChainFault::Type)?;
        if array.len() > MAX_CERTIFICATES {
            return Err(ChainFault::TooLong);
        }
        for certificate in array.iter() {
            chain.push(certificate.as_bytes().ok_or(ChainFault::Type)?)?;
        }
        if chain.count == 0 {
            Err(ChainFault::Empty)
        } else {
            Ok(chain)
        }
    }

    fn push(&mut self, certificate: &'a [u8]) -> Result<(), ChainFault> {
        if certificate.is_empty() {
            return Err(ChainFault::Empty);
        }
        *self.certificates.get_mut(self.count).ok_or(ChainFault::TooLong)? = certificate;
        self.count += 1;
        Ok(())
    }

    /// The certificates, the signer's first.
    pub fn certificates(&self) -> &[&'a [u8]] {
        self.certificates.get(..self.count).unwrap_or(&[])
    }
}
