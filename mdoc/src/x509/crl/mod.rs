//! Certificate revocation lists: complete, direct, version 2 (ISO/IEC 18013-5 Table B.10).

mod rules;
#[cfg(test)]
mod tests;

pub use rules::{CrlEffect, CrlRule};

use x509_cert::certificate::{Raw, Version};
use x509_cert::crl::{CertificateList, RevokedCert};
use x509_cert::der::asn1::{ObjectIdentifier, Uint};
use x509_cert::der::{Decode, Header, SliceReader};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, IssuingDistributionPoint};
use x509_cert::time::Time;

use crate::crypto::{PublicKey, SignatureError};
use crate::limits::{CRL_BYTES, CRL_ENTRIES};
use crate::memo::Memo;
use crate::time::UnixTime;

use super::certificate::{SignatureScheme, position, scheme, skip, verify_scheme};
use super::rules::oid;

const NUMBER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.20");
const REASON: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.21");
const INVALIDITY_DATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.24");
const DELTA_INDICATOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.27");
const ISSUING_DISTRIBUTION_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");
const CERTIFICATE_ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.29");

/// The longest time between two lists, in seconds.
const MAX_INTERVAL: i64 = 90 * 86_400;
/// The longest CRL number, in bytes (RFC 5280 §5.2.3).
const MAX_NUMBER: usize = 20;

/// A CRL as received. Whether anybody stands behind it, [`Self::is_signed_by`] says.
#[derive(Debug)]
pub struct RevocationList {
    der: Vec<u8>,
    tbs: core::ops::Range<usize>,
    issuer: core::ops::Range<usize>,
    scheme: Option<SignatureScheme>,
    signature: Vec<u8>,
    this_update: UnixTime,
    next_update: Option<UnixTime>,
    authority_key_identifier: Option<Vec<u8>>,
    number: Option<Number>,
    /// Ordered by serial number.
    revoked: Vec<(Box<[u8]>, UnixTime)>,
    broken: Vec<CrlRule>,
    signers: Memo<PublicKey, bool>,
}

/// A CRL's number. Orders by value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number(Vec<u8>);

impl Ord for Number {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        // Without leading zeros: the longer is the larger.
        (self.0.len(), &self.0).cmp(&(other.0.len(), &other.0))
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// In hexadecimal.
impl core::fmt::Display for Number {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why bytes are no CRL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CrlError {
    /// Longer than [`CRL_BYTES`].
    #[error("a CRL of {0} bytes is over the limit")]
    TooLarge(usize),
    /// More entries than [`CRL_ENTRIES`].
    #[error("a CRL of {0} entries is over the limit")]
    TooManyEntries(usize),
    /// Not one DER CRL and nothing after it.
    #[error("not a DER CRL")]
    Der,
    /// A date outside the years 0000 to 9999.
    #[error("a CRL with an impossible date")]
    Date,
}

/// A list that is older than one of its issuer that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the CRL is older than one of the same issuer that is known")]
pub struct CrlRollback;

impl RevocationList {
    /// Parses DER. A list that breaks a rule is still read; see [`Self::broken_rules`].
    ///
    /// # Errors
    /// [`CrlError`].
    pub fn from_der(der: &[u8]) -> Result<Self, CrlError> {
        if der.len() > CRL_BYTES {
            return Err(CrlError::TooLarge(der.len()));
        }
        let list = CertificateList::<Raw>::from_der(der).map_err(|_| CrlError::Der)?;
        let (tbs, issuer) = ranges(der).ok_or(CrlError::Der)?;
        let parts = &list.tbs_cert_list;
        let mut read = Self {
            der: der.to_vec(),
            tbs,
            issuer,
            scheme: scheme(&list.signature_algorithm),
            signature: list.signature.as_bytes().unwrap_or_default().to_vec(),
            this_update: instant(parts.this_update)?,
            next_update: parts.next_update.map(instant).transpose()?,
            authority_key_identifier: None,
            number: None,
            revoked: Vec::new(),
            broken: Vec::new(),
            signers: Memo::default(),
        };
        read.note(CrlRule::Version, parts.version == Version::V2);
        let agree = parts.signature == list.signature_algorithm;
        read.note(CrlRule::AlgorithmsAgree, agree);
        read.note(CrlRule::SignatureAlgorithm, read.scheme.is_some());
        read.read_extensions(parts.crl_extensions.as_deref().unwrap_or_default());
        read.read_entries(parts.revoked_certificates.as_deref())?;
        read.note(CrlRule::NextUpdate, read.next_update.is_some());
        let in_time = read.next_update.is_none_or(|next| {
            let interval = next.seconds() - read.this_update.seconds();
            (1..=MAX_INTERVAL).contains(&interval)
        });
        read.note(CrlRule::UpdateInterval, in_time);
        Ok(read)
    }

    fn note(&mut self, rule: CrlRule, holds: bool) {
        if !holds && !self.broken.contains(&rule) {
            self.broken.push(rule);
        }
    }

    fn read_extensions(&mut self, extensions: &[Extension]) {
        for (index, extension) in extensions.iter().enumerate() {
            let id = extension.extn_id;
            let before = extensions.get(..index).unwrap_or_default();
            self.note(
                CrlRule::DuplicateExtension,
                before.iter().all(|other| other.extn_id != id),
            );
            let value = extension.extn_value.as_bytes();
            let well_formed = match id {
                oid::AUTHORITY_KEY_IDENTIFIER => self.read_authority(value),
                NUMBER => self.read_number(value),
                DELTA_INDICATOR => {
                    self.note(CrlRule::Delta, false);
                    true
                }
                ISSUING_DISTRIBUTION_POINT => self.read_scope(value),
                _ => {
                    self.note(CrlRule::OtherExtension, false);
                    self.note(CrlRule::UnknownCriticalExtension, !extension.critical);
                    true
                }
            };
            self.note(CrlRule::MalformedExtension, well_formed);
        }
        self.note(
            CrlRule::AuthorityKeyIdentifier,
            self.authority_key_identifier.is_some(),
        );
        self.note(CrlRule::Number, self.number.is_some());
    }

    fn read_authority(&mut self, value: &[u8]) -> bool {
        let Ok(identifier) = AuthorityKeyIdentifier::from_der(value) else {
            return false;
        };
        let identifier = identifier.key_identifier;
        self.authority_key_identifier = identifier.map(|identifier| identifier.as_bytes().to_vec());
        true
    }

    fn read_number(&mut self, value: &[u8]) -> bool {
        let Ok(number) = Uint::from_der(value) else {
            return false;
        };
        let bytes = without_leading_zeros(number.as_bytes());
        self.number = (bytes.len() <= MAX_NUMBER).then(|| Number(bytes.to_vec()));
        self.number.is_some()
    }

    /// An issuing distribution point narrows what the list speaks of.
    fn read_scope(&mut self, value: &[u8]) -> bool {
        let Ok(scope) = IssuingDistributionPoint::from_der(value) else {
            return false;
        };
        let whole = !scope.only_contains_user_certs
            && !scope.only_contains_ca_certs
            && !scope.only_contains_attribute_certs
            && scope.only_some_reasons.is_none();
        self.note(CrlRule::Indirect, !scope.indirect_crl);
        self.note(CrlRule::Partial, whole);
        self.note(CrlRule::OtherExtension, false);
        true
    }

    fn read_entries(&mut self, entries: Option<&[RevokedCert<Raw>]>) -> Result<(), CrlError> {
        let entries = match entries {
            None => return Ok(()),
            Some([]) => {
                self.note(CrlRule::EmptyList, false);
                return Ok(());
            }
            Some(entries) if entries.len() > CRL_ENTRIES => {
                return Err(CrlError::TooManyEntries(entries.len()));
            }
            Some(entries) => entries,
        };
        self.revoked.reserve_exact(entries.len());
        for entry in entries {
            for extension in entry.crl_entry_extensions.iter().flatten() {
                self.note(CrlRule::EntryExtension, false);
                let known = [REASON, INVALIDITY_DATE].contains(&extension.extn_id);
                self.note(CrlRule::Indirect, extension.extn_id != CERTIFICATE_ISSUER);
                self.note(CrlRule::UnknownCriticalExtension, known || !extension.critical);
            }
            let serial = without_leading_zeros(entry.serial_number.as_bytes());
            self.revoked
                .push((serial.into(), instant(entry.revocation_date)?));
        }
        self.revoked.sort_unstable();
        let before = self.revoked.len();
        // Of two dates the earlier one stands first and stays.
        self.revoked.dedup_by(|later, first| later.0 == first.0);
        self.note(CrlRule::DuplicateEntry, before == self.revoked.len());
        Ok(())
    }

    /// The list as received.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The issuer's name as received.
    pub fn issuer_der(&self) -> &[u8] {
        self.der.get(self.issuer.clone()).unwrap_or(&[])
    }

    /// When the list was made.
    pub const fn this_update(&self) -> UnixTime {
        self.this_update
    }

    /// When the next list is due at the latest.
    pub const fn next_update(&self) -> Option<UnixTime> {
        self.next_update
    }

    /// The key that the list names as its issuer's.
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        self.authority_key_identifier.as_deref()
    }

    /// The list's number.
    pub const fn number(&self) -> Option<&Number> {
        self.number.as_ref()
    }

    /// How many certificates are revoked.
    pub fn len(&self) -> usize {
        self.revoked.len()
    }

    /// Whether no certificate is revoked.
    pub fn is_empty(&self) -> bool {
        self.revoked.is_empty()
    }

    /// Every rule that the list breaks, whatever its effect.
    pub fn broken_rules(&self) -> &[CrlRule] {
        &self.broken
    }

    /// The first broken rule of this effect.
    pub(crate) fn first_broken(&self, effect: CrlEffect) -> Option<CrlRule> {
        self.broken.iter().copied().find(|rule| rule.effect() == effect)
    }

    /// When the certificate with this serial number (the bytes of its INTEGER) was revoked, if it was.
    pub fn revoked_at(&self, serial: &[u8]) -> Option<UnixTime> {
        let serial = without_leading_zeros(serial);
        let found = self
            .revoked
            .binary_search_by(|(listed, _)| (**listed).cmp(serial));
        self.revoked.get(found.ok()?).map(|(_, at)| *at)
    }

    /// Whether this key signed the list. The first answer for a key is remembered.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        self.signers
            .get_or_insert(key, || self.verify_signed_by(key).is_ok())
    }

    /// The key that was found to have signed the list, if [`Self::is_signed_by`] was asked for it; nothing is verified here.
    pub fn known_signer(&self) -> Option<PublicKey> {
        self.signers.question_of(&true)
    }

    fn verify_signed_by(&self, key: &PublicKey) -> Result<(), SignatureError> {
        let tbs = self.der.get(self.tbs.clone()).unwrap_or(&[]);
        verify_scheme(self.scheme, key, tbs, &self.signature)
    }

    /// The list must not go back behind `known`, a list of the same issuer and key: neither its
    /// number nor its date.
    ///
    /// # Errors
    /// It does.
    pub fn check_not_older(&self, known: &Self) -> Result<(), CrlRollback> {
        let same = self.issuer_der() == known.issuer_der()
            && self.authority_key_identifier == known.authority_key_identifier;
        if same && (self.number < known.number || self.this_update < known.this_update) {
            Err(CrlRollback)
        } else {
            Ok(())
        }
    }
}

/// Where the signed part and the issuer's name stand:
/// `SEQUENCE { tbs SEQUENCE { version, algorithm, issuer, … } … }`.
fn ranges(der: &[u8]) -> Option<(core::ops::Range<usize>, core::ops::Range<usize>)> {
    let mut outer = SliceReader::new(der).ok()?;
    Header::decode(&mut outer).ok()?;
    let start = position(&outer)?;
    let header = Header::decode(&mut outer).ok()?;
    let end = position(&outer)?.checked_add(usize::try_from(header.length()).ok()?)?;
    skip(&mut outer)?;
    skip(&mut outer)?;
    let issuer = skip(&mut outer)?;
    Some((start..end, issuer))
}

fn instant(time: Time) -> Result<UnixTime, CrlError> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs());
    seconds
        .ok()
        .and_then(UnixTime::from_seconds)
        .ok_or(CrlError::Date)
}

fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}
