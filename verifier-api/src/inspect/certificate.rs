//! A certificate, field by field (RFC 5280 §4.1). Read apart from the product's own parser, so that
//! one that it refuses can still be looked at.

use mdoc::limits::CERTIFICATE_BYTES;
use mdoc::time::UnixTime;
use mdoc::x509::Certificate;

use super::der::{self, Reader, Value, dotted};
use super::extension;
use super::fault::Fault;
use super::head::At;
use super::scalar::{hex, sha256, text};
use super::tree::{Stop, Tree};
use super::{oids, words};

/// Parts of a name, extensions of a certificate, names of one extension.
pub(super) const MAX_PARTS: usize = 64;

/// Why showing stops.
pub(super) enum End {
    Stop(Stop),
    Fault(At),
}

impl From<Stop> for End {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<At> for End {
    fn from(at: At) -> Self {
        Self::Fault(at)
    }
}

/// Shows the certificate between two offsets, and what the product's parser says of it.
pub(super) fn show(
    tree: &mut Tree,
    bytes: &[u8],
    at: usize,
    end: usize,
    depth: usize,
    now: UnixTime,
) -> Result<(), Stop> {
    let encoded = bytes.get(at..end).unwrap_or(&[]);
    if encoded.len() > CERTIFICATE_BYTES {
        let error = mdoc::x509::CertificateError::TooLarge(encoded.len());
        return tree.fault(at, depth, Fault::Certificate(error));
    }
    let mut view = View { tree, depth, now };
    match view.certificate(Reader::new(bytes, at, end)) {
        Ok(()) => {}
        Err(End::Stop(stop)) => return Err(stop),
        Err(End::Fault((offset, fault))) => tree.fault(offset, depth, fault)?,
    }
    if let Err(error) = Certificate::from_der(encoded) {
        tree.fault(at, depth, Fault::Certificate(error))?;
    }
    Ok(())
}

struct View<'t> {
    tree: &'t mut Tree,
    depth: usize,
    now: UnixTime,
}

impl View<'_> {
    fn line(&mut self, value: Value, text: &str) -> Result<(), Stop> {
        self.tree.line(value.at, self.depth, text)
    }

    fn certificate(&mut self, mut outer: Reader<'_>) -> Result<(), End> {
        let certificate = outer.take(der::SEQUENCE)?;
        let mut parts = outer.inside(certificate);
        let tbs = parts.take(der::SEQUENCE)?;
        self.signed_part(parts.inside(tbs))?;
        let algorithm = parts.take(der::SEQUENCE)?;
        let name = algorithm_name(parts.inside(algorithm))?;
        self.line(algorithm, &format!("signatureAlgorithm: {name}"))?;
        let signature = parts.take(der::BIT_STRING)?;
        let len = parts.content(signature).len().saturating_sub(1);
        self.line(signature, &format!("signature: {len} bytes"))?;
        Ok(())
    }

    fn signed_part(&mut self, mut tbs: Reader<'_>) -> Result<(), End> {
        if tbs.peek() == Some(0xa0) {
            let explicit = tbs.next()?;
            let version = tbs.inside(explicit).take(der::INTEGER)?;
            let words = match tbs.content(version) {
                [version @ 0..=2] => format!("version: {}", version + 1),
                _ => "version: unknown".to_owned(),
            };
            self.line(explicit, &words)?;
        }
        let serial = tbs.take(der::INTEGER)?;
        self.line(
            serial,
            &format!("serialNumber: 0x{}", short_hex(tbs.content(serial))),
        )?;
        let algorithm = tbs.take(der::SEQUENCE)?;
        let name = algorithm_name(tbs.inside(algorithm))?;
        self.line(algorithm, &format!("signature: {name}"))?;
        let issuer = tbs.take(der::SEQUENCE)?;
        let name = distinguished_name(tbs.inside(issuer))?;
        self.line(issuer, &format!("issuer: {name}"))?;
        let validity = tbs.take(der::SEQUENCE)?;
        let mut dates = tbs.inside(validity);
        for name in ["notBefore", "notAfter"] {
            let date = dates.next()?;
            let words = self.date(date.tag, dates.content(date));
            self.line(date, &format!("{name}: {words}"))?;
        }
        let subject = tbs.take(der::SEQUENCE)?;
        let name = distinguished_name(tbs.inside(subject))?;
        let own = if tbs.content(subject) == tbs.content(issuer) {
            "  — self-issued"
        } else {
            ""
        };
        self.line(subject, &format!("subject: {name}{own}"))?;
        let key = tbs.take(der::SEQUENCE)?;
        let name = public_key(tbs.inside(key))?;
        self.line(key, &format!("subjectPublicKeyInfo: {name}"))?;
        while let Some(tag) = tbs.peek() {
            let part = tbs.next()?;
            match tag {
                0x81 | 0xa1 => self.line(part, "issuerUniqueID")?,
                0x82 | 0xa2 => self.line(part, "subjectUniqueID")?,
                0xa3 => self.extensions(part, tbs.inside(part))?,
                _ => self.line(part, &format!("an unknown field of tag {tag:#04x}"))?,
            }
        }
        Ok(())
    }

    fn extensions(&mut self, part: Value, mut explicit: Reader<'_>) -> Result<(), End> {
        self.line(part, "extensions")?;
        let list = explicit.take(der::SEQUENCE)?;
        let mut list = explicit.inside(list);
        let mut shown = 0;
        while !list.is_empty() && shown < MAX_PARTS {
            let whole = list.take(der::SEQUENCE)?;
            let mut fields = list.inside(whole);
            let id = fields.take(der::OBJECT_IDENTIFIER)?;
            let id = dotted(fields.content(id)).unwrap_or_else(|| "(a malformed identifier)".to_owned());
            let mut critical = false;
            if fields.peek() == Some(der::BOOLEAN) {
                let flag = fields.next()?;
                critical = fields.content(flag) == [0xff];
            }
            let value = fields.take(der::OCTET_STRING)?;
            let words = extension::words(&id, fields.inside(value))
                .unwrap_or_else(|| "its content is malformed".to_owned());
            let critical = if critical { ", critical" } else { "" };
            self.tree.line(
                whole.at,
                self.depth + 1,
                &format!("{}{critical}: {words}", oids::named(&id)),
            )?;
            shown += 1;
        }
        if !list.is_empty() {
            self.tree.remark(self.depth + 1, "… and more extensions")?;
        }
        Ok(())
    }

    fn date(&self, tag: u8, content: &[u8]) -> String {
        match instant(tag, content) {
            Some(instant) => format!("{instant}  — {}", words::distance(instant, self.now)),
            None => "no date of RFC 5280".to_owned(),
        }
    }
}

/// UTCTime for 1950 to 2049, else GeneralizedTime; both in whole seconds and `Z`.
fn instant(tag: u8, content: &[u8]) -> Option<UnixTime> {
    let text = core::str::from_utf8(content)
        .ok()
        .filter(|text| text.is_ascii())?;
    let (year, rest) = match tag {
        der::UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let century = if year < "50" { "20" } else { "19" };
            (format!("{century}{year}"), rest)
        }
        der::GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.to_owned(), rest)
        }
        _ => return None,
    };
    let part = |from: usize| rest.get(from..from + 2).unwrap_or_default();
    let zone = rest.get(10..).unwrap_or_default();
    let (month, day, hour, minute, second) = (part(0), part(2), part(4), part(6), part(8));
    UnixTime::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}{zone}")).ok()
}

/// `AlgorithmIdentifier`, with the curve where it is one of ecPublicKey.
fn algorithm_name(mut fields: Reader<'_>) -> Result<String, At> {
    let id = fields.take(der::OBJECT_IDENTIFIER)?;
    let id = dotted(fields.content(id)).unwrap_or_else(|| "(a malformed identifier)".to_owned());
    let mut name = oids::named(&id);
    if fields.peek() == Some(der::OBJECT_IDENTIFIER) {
        let curve = fields.next()?;
        let curve = dotted(fields.content(curve)).unwrap_or_default();
        name = format!("{name} on {}", oids::named(&curve));
    }
    Ok(name)
}

fn public_key(mut fields: Reader<'_>) -> Result<String, At> {
    let algorithm = fields.take(der::SEQUENCE)?;
    let name = algorithm_name(fields.inside(algorithm))?;
    let key = fields.take(der::BIT_STRING)?;
    // The first byte counts unused bits.
    let bits = fields.content(key).get(1..).unwrap_or(&[]);
    Ok(format!("{name}, {} bytes, SHA-256 {}", bits.len(), sha256(bits)))
}

/// A distinguished name in the order of its parts.
pub(super) fn distinguished_name(mut name: Reader<'_>) -> Result<String, At> {
    let mut parts = Vec::new();
    while !name.is_empty() && parts.len() < MAX_PARTS {
        let set = name.take(der::SET)?;
        let mut set = name.inside(set);
        while !set.is_empty() && parts.len() < MAX_PARTS {
            let attribute = set.take(der::SEQUENCE)?;
            let mut attribute = set.inside(attribute);
            let id = attribute.take(der::OBJECT_IDENTIFIER)?;
            let id = dotted(attribute.content(id)).unwrap_or_default();
            let value = attribute.next()?;
            let value = string(value.tag, attribute.content(value));
            parts.push(format!("{}={value}", oids::attribute(&id)));
        }
    }
    Ok(if parts.is_empty() {
        "(empty)".to_owned()
    } else {
        parts.join(", ")
    })
}

fn string(tag: u8, content: &[u8]) -> String {
    match (tag, core::str::from_utf8(content)) {
        (der::UTF8_STRING | der::PRINTABLE_STRING | der::IA5_STRING, Ok(content)) => text(content),
        _ => format!("(a value of tag {tag:#04x}, {} bytes)", content.len()),
    }
}

/// Hexadecimal of a short value; of a long one the first bytes.
pub(super) fn short_hex(content: &[u8]) -> String {
    match content.get(..40) {
        Some(first) if content.len() > 40 => format!("{}… ({} bytes)", hex(first), content.len()),
        _ => hex(content),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_both_kinds_are_read() {
        for (tag, text, shown) in [
            (der::UTC_TIME, "251019060000Z", Some("2025-10-19T06:00:00Z")),
            (der::UTC_TIME, "500101000000Z", Some("1950-01-01T00:00:00Z")),
            (
                der::GENERALIZED_TIME,
                "20500101000000Z",
                Some("2050-01-01T00:00:00Z"),
            ),
            (der::UTC_TIME, "2510190600Z", None),
            (der::UTC_TIME, "251019060000+0900", None),
            (der::GENERALIZED_TIME, "205", None),
            (der::UTF8_STRING, "251019060000Z", None),
            (der::UTC_TIME, "25é19060000Z", None),
        ] {
            let instant = instant(tag, text.as_bytes()).map(|instant| instant.to_string());
            assert_eq!(instant.as_deref(), shown, "{text}");
        }
    }
}
