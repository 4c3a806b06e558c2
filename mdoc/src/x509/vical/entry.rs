//! One entry of a VICAL: a certificate and what the provider says of it.

use std::borrow::Cow;

use x509_cert::der::Decode;
use x509_cert::name::Name;

use crate::cbor::Item;
use crate::limits::NAME_BYTES;
use crate::time::UnixTime;
use crate::x509::{
    Certificate, CertificateError, CertificateRole, CertificateRule, IssuerCertificateProfile,
};

use super::{tdate, text};

/// The tag of an unsigned big number (RFC 8949 §3.4.3).
const TAG_BIG_NUMBER: u64 = 2;
/// Document types of one entry. Lists in the field name one to four.
const MAX_DOC_TYPES: usize = 64;
/// Characters of a name that is shown.
const MAX_SHOWN: usize = 512;

/// An entry: accepted, or left aside with the reason.
#[derive(Clone, Debug)]
pub struct VicalEntry {
    /// Its place in the list, from 0.
    pub index: usize,
    /// The document types that its certificate vouches for.
    pub doc_types: Vec<String>,
    /// The certificate, in its profile and as the entry says. Whether it is signed as a root or a
    /// link certificate must be is for [`crate::x509::AnchorSet::new`] to say.
    pub certificate: Result<Certificate, EntryFault>,
    /// The name of a certificate that is left aside.
    subject: String,
}

/// Why an entry is left aside. Carries no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryFault {
    /// Not a map.
    #[error("not a map")]
    NotAMap,
    /// A member is missing or not of its type.
    #[error("the member {0} is missing or not of its type")]
    Member(&'static str),
    /// The certificate cannot be read.
    #[error("{0}")]
    Certificate(CertificateError),
    /// No document type at all.
    #[error("no document type")]
    NoDocType,
    /// A member says something else than the certificate.
    #[error("the member {0} contradicts the certificate")]
    Contradiction(&'static str),
    /// Neither a root nor a link certificate: it names another issuer than itself.
    #[error("neither a root nor a link certificate")]
    NotSelfIssued,
    /// The certificate breaks a rule of the IACA profile; the first of them.
    #[error("the certificate breaks the rule {} of an IACA certificate", .0.name())]
    Profile(CertificateRule),
}

impl VicalEntry {
    /// ```text
    /// CertificateInfo = { certificate: bstr, serialNumber: biguint, ski: bstr, docType: [ + tstr ],
    ///   ? issuingAuthority: tstr, ? issuer: bstr, ? subject: bstr, ? notBefore: tdate, ? notAfter: tdate, … }
    /// ```
    pub(super) fn read(index: usize, info: Item<'_>, profile: &IssuerCertificateProfile) -> Self {
        let mut entry = Self {
            index,
            doc_types: Vec::new(),
            certificate: Err(EntryFault::NotAMap),
            subject: String::new(),
        };
        let Some(info) = Info::read(info) else {
            return entry;
        };
        entry.certificate = info.certificate();
        match &entry.certificate {
            Ok(certificate) => {
                let doc_types = info.doc_types();
                let checked = match &doc_types {
                    Ok(_) => info.check(certificate, profile),
                    Err(fault) => Err(*fault),
                };
                entry.doc_types = doc_types.unwrap_or_default();
                if let Err(fault) = checked {
                    entry.subject = name_text(certificate.subject_der()).unwrap_or_default();
                    entry.certificate = Err(fault);
                }
            }
            Err(_) => {
                entry.doc_types = info.doc_types().unwrap_or_default();
                entry.subject = info.own_text();
            }
        }
        entry
    }

    /// Whose certificate it is: its subject, or what the entry itself says where the certificate
    /// cannot be read. For people: no rule looks at it.
    pub fn subject(&self) -> Cow<'_, str> {
        match &self.certificate {
            Ok(certificate) => Cow::Owned(name_text(certificate.subject_der()).unwrap_or_default()),
            Err(_) => Cow::Borrowed(&self.subject),
        }
    }
}

/// The members of an entry that are looked at.
struct Info<'a> {
    certificate: Option<Item<'a>>,
    serial_number: Option<Item<'a>>,
    key_identifier: Option<Item<'a>>,
    doc_type: Option<Item<'a>>,
    issuing_authority: Option<Item<'a>>,
    issuer: Option<Item<'a>>,
    subject: Option<Item<'a>>,
    not_before: Option<Item<'a>>,
    not_after: Option<Item<'a>>,
}

impl<'a> Info<'a> {
    fn read(info: Item<'a>) -> Option<Self> {
        let members = info.as_map()?.get_texts([
            "certificate",
            "serialNumber",
            "ski",
            "docType",
            "issuingAuthority",
            "issuer",
            "subject",
            "notBefore",
            "notAfter",
        ]);
        let members = members.map(|member| member.filter(|item| !item.is_absent()));
        let [
            certificate,
            serial_number,
            key_identifier,
            doc_type,
            issuing_authority,
            issuer,
            subject,
            not_before,
            not_after,
        ] = members;
        Some(Self {
            certificate,
            serial_number,
            key_identifier,
            doc_type,
            issuing_authority,
            issuer,
            subject,
            not_before,
            not_after,
        })
    }

    fn certificate(&self) -> Result<Certificate, EntryFault> {
        let der = self.certificate.and_then(Item::as_bytes);
        let der = der.ok_or(EntryFault::Member("certificate"))?;
        Certificate::from_der(der).map_err(EntryFault::Certificate)
    }

    fn doc_types(&self) -> Result<Vec<String>, EntryFault> {
        let doc_types = self.doc_type.ok_or(EntryFault::NoDocType)?;
        let doc_types = doc_types.as_array().ok_or(EntryFault::Member("docType"))?;
        if doc_types.is_empty() {
            return Err(EntryFault::NoDocType);
        }
        if doc_types.len() > MAX_DOC_TYPES {
            return Err(EntryFault::Member("docType"));
        }
        doc_types
            .iter()
            .map(|doc_type| text(doc_type, NAME_BYTES).ok_or(EntryFault::Member("docType")))
            .collect()
    }

    /// Holds the entry against its certificate, and the certificate against its profile.
    fn check(&self, certificate: &Certificate, profile: &IssuerCertificateProfile) -> Result<(), EntryFault> {
        let serial = self.serial_number.and_then(unsigned);
        let serial = serial.ok_or(EntryFault::Member("serialNumber"))?;
        agree("serialNumber", serial.is(certificate.serial()))?;
        let identifier = self.key_identifier.and_then(Item::as_bytes);
        let identifier = identifier.ok_or(EntryFault::Member("ski"))?;
        let own = certificate.subject_key_identifier();
        agree("ski", own == Some(unwrapped(identifier)))?;
        for (name, member, own) in [
            ("issuer", self.issuer, certificate.issuer_der()),
            ("subject", self.subject, certificate.subject_der()),
        ] {
            if let Some(member) = member {
                let bytes = member.as_bytes().ok_or(EntryFault::Member(name))?;
                agree(name, bytes == own)?;
            }
        }
        for (name, member, own) in [
            ("notBefore", self.not_before, certificate.not_before()),
            ("notAfter", self.not_after, certificate.not_after()),
        ] {
            if let Some(member) = member {
                let date = tdate(member).ok_or(EntryFault::Member(name))?;
                agree(name, same_instant(date, own))?;
            }
        }
        if !certificate.is_self_issued() {
            return Err(EntryFault::NotSelfIssued);
        }
        let deviations = certificate.deviations(CertificateRole::Anchor, profile);
        match deviations.first() {
            Some(deviation) => Err(EntryFault::Profile(deviation.rule)),
            None => Ok(()),
        }
    }

    fn own_text(&self) -> String {
        let subject = self.subject.and_then(Item::as_bytes).and_then(name_text);
        let authority = || self.issuing_authority.and_then(Item::as_text).map(shown);
        subject.or_else(authority).unwrap_or_default()
    }
}

fn agree(name: &'static str, holds: bool) -> Result<(), EntryFault> {
    if holds {
        Ok(())
    } else {
        Err(EntryFault::Contradiction(name))
    }
}

/// Whether an entry's date is the certificate's. A provider in production writes the hours of its
/// afternoons from 1 to 12: the certificate's own date is what counts, so that is let pass.
fn same_instant(written: UnixTime, own: UnixTime) -> bool {
    const HALF_A_DAY: u64 = 43_200;
    let apart = written.seconds().abs_diff(own.seconds());
    apart == 0 || apart == HALF_A_DAY && written.date_at_offset(0) == own.date_at_offset(0)
}

/// A whole number of zero or more, in either of its forms.
enum Unsigned<'a> {
    Small(u64),
    Big(&'a [u8]),
}

impl Unsigned<'_> {
    /// Whether the content of a DER INTEGER is this number. A negative one equals none.
    fn is(&self, integer: &[u8]) -> bool {
        let positive = integer.first().is_some_and(|first| *first < 0x80);
        let own = without_zeros(integer);
        positive
            && match self {
                Self::Small(number) => own == without_zeros(&number.to_be_bytes()),
                Self::Big(bytes) => own == without_zeros(bytes),
            }
    }
}

/// An unsigned integer or `#6.2(bstr)`; a negative number of either kind is none.
fn unsigned(item: Item<'_>) -> Option<Unsigned<'_>> {
    match item.as_tag() {
        Some((TAG_BIG_NUMBER, content)) => content.as_bytes().map(Unsigned::Big),
        Some(_) => None,
        None => item.as_u64().map(Unsigned::Small),
    }
}

fn without_zeros(mut bytes: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// A key identifier of twenty bytes, or out of the two OCTET STRINGs that one provider puts it in.
fn unwrapped(identifier: &[u8]) -> &[u8] {
    match identifier {
        [0x04, 0x16, 0x04, 0x14, inner @ ..] if inner.len() == 20 => inner,
        _ => identifier,
    }
}

/// A name as RFC 4514 writes it.
fn name_text(der: &[u8]) -> Option<String> {
    Name::from_der(der).ok().map(|name| shown(&name.to_string()))
}

/// Without control characters, and not longer than a person would read.
fn shown(text: &str) -> String {
    let plain = |character: char| {
        if character.is_control() {
            '\u{fffd}'
        } else {
            character
        }
    };
    text.chars().take(MAX_SHOWN).map(plain).collect()
}
