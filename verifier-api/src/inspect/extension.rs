//! What the extensions of a certificate say, in words.

use super::certificate::{MAX_PARTS, distinguished_name, short_hex};
use super::der::{self, Reader, dotted};
use super::head::At;
use super::oids;
use super::scalar::text;

/// The content of the extension `id`; `None` where it is malformed.
pub(super) fn words(id: &str, content: Reader<'_>) -> Option<String> {
    let words = match id {
        "2.5.29.14" => key_identifier(content),
        "2.5.29.15" => key_usage(content),
        "2.5.29.17" | "2.5.29.18" => names_in(content),
        "2.5.29.19" => basic_constraints(content),
        "2.5.29.31" | "2.5.29.46" => distribution_points(content),
        "2.5.29.35" => authority_key_identifier(content),
        "2.5.29.37" => extended_key_usage(content),
        _ => unknown(content),
    };
    words.ok()
}

fn unknown(mut content: Reader<'_>) -> Result<String, At> {
    let value = content.next()?;
    Ok(format!("{} bytes, not looked into", value.end - value.at))
}

fn key_identifier(mut content: Reader<'_>) -> Result<String, At> {
    let value = content.take(der::OCTET_STRING)?;
    Ok(short_hex(content.content(value)))
}

fn authority_key_identifier(mut content: Reader<'_>) -> Result<String, At> {
    let sequence = content.take(der::SEQUENCE)?;
    let mut fields = content.inside(sequence);
    let mut parts = Vec::new();
    while !fields.is_empty() && parts.len() < MAX_PARTS {
        let field = fields.next()?;
        parts.push(match field.tag {
            0x80 => short_hex(fields.content(field)),
            0xa1 => "an issuer's name".to_owned(),
            0x82 => format!("serialNumber 0x{}", short_hex(fields.content(field))),
            _ => "an unknown field".to_owned(),
        });
    }
    Ok(listed(&parts))
}

fn key_usage(mut content: Reader<'_>) -> Result<String, At> {
    const NAMES: [&str; 9] = [
        "digitalSignature",
        "contentCommitment",
        "keyEncipherment",
        "dataEncipherment",
        "keyAgreement",
        "keyCertSign",
        "cRLSign",
        "encipherOnly",
        "decipherOnly",
    ];
    let bits = content.take(der::BIT_STRING)?;
    let bits = content.content(bits).get(1..).unwrap_or(&[]);
    let set = |index: usize| {
        bits.get(index / 8)
            .is_some_and(|byte| byte & (0x80 >> (index % 8)) != 0)
    };
    let names: Vec<String> = NAMES
        .iter()
        .enumerate()
        .filter(|(index, _)| set(*index))
        .map(|(_, name)| (*name).to_owned())
        .collect();
    Ok(listed(&names))
}

fn extended_key_usage(mut content: Reader<'_>) -> Result<String, At> {
    let sequence = content.take(der::SEQUENCE)?;
    let mut list = content.inside(sequence);
    let mut names = Vec::new();
    while !list.is_empty() && names.len() < MAX_PARTS {
        let id = list.take(der::OBJECT_IDENTIFIER)?;
        names.push(oids::named(&dotted(list.content(id)).unwrap_or_default()));
    }
    Ok(listed(&names))
}

fn basic_constraints(mut content: Reader<'_>) -> Result<String, At> {
    let sequence = content.take(der::SEQUENCE)?;
    let mut fields = content.inside(sequence);
    let mut words = "no CA".to_owned();
    if fields.peek() == Some(der::BOOLEAN) {
        let flag = fields.next()?;
        words = match fields.content(flag) {
            [0xff] => "CA",
            [0] => "no CA",
            _ => "CA in a form that DER does not have",
        }
        .to_owned();
    }
    if fields.peek() == Some(der::INTEGER) {
        let length = fields.next()?;
        words.push_str(&match fields.content(length) {
            [length @ 0..=0x7f] => format!(", path length {length}"),
            _ => ", a path length out of bounds".to_owned(),
        });
    }
    Ok(words)
}

fn names_in(mut content: Reader<'_>) -> Result<String, At> {
    let sequence = content.take(der::SEQUENCE)?;
    general_names(content.inside(sequence)).map(|names| listed(&names))
}

fn general_names(mut list: Reader<'_>) -> Result<Vec<String>, At> {
    let mut names = Vec::new();
    while !list.is_empty() && names.len() < MAX_PARTS {
        let name = list.next()?;
        let content = core::str::from_utf8(list.content(name));
        names.push(match (name.tag, content) {
            (0x81, Ok(address)) => format!("e-mail {}", text(address)),
            (0x82, Ok(host)) => format!("DNS {}", text(host)),
            (0x86, Ok(uri)) => format!("URI {}", text(uri)),
            (0xa4, _) => {
                let mut inside = list.inside(name);
                let directory_name = inside.take(der::SEQUENCE)?;
                format!(
                    "directory name {}",
                    distinguished_name(inside.inside(directory_name))?
                )
            }
            (tag, _) => format!("a name of tag {tag:#04x}"),
        });
    }
    Ok(names)
}

fn distribution_points(mut content: Reader<'_>) -> Result<String, At> {
    let sequence = content.take(der::SEQUENCE)?;
    let mut points = content.inside(sequence);
    let mut parts = Vec::new();
    while !points.is_empty() && parts.len() < MAX_PARTS {
        let point = points.take(der::SEQUENCE)?;
        let mut fields = points.inside(point);
        while !fields.is_empty() && parts.len() < MAX_PARTS {
            let field = fields.next()?;
            match field.tag {
                0xa0 => {
                    let mut name = fields.inside(field);
                    let full_name = name.next()?;
                    if full_name.tag == 0xa0 {
                        parts.extend(general_names(name.inside(full_name))?);
                    } else {
                        parts.push("a name relative to the issuer".to_owned());
                    }
                }
                0x81 => parts.push("for some reasons only".to_owned()),
                0xa2 => parts.push("with a CRL issuer of its own".to_owned()),
                _ => parts.push("an unknown field".to_owned()),
            }
        }
    }
    Ok(listed(&parts))
}

fn listed(parts: &[String]) -> String {
    if parts.is_empty() {
        "nothing".to_owned()
    } else {
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(id: &str, content: &[u8]) -> Option<String> {
        words(id, Reader::new(content, 0, content.len()))
    }

    #[test]
    fn extensions_are_put_in_words() {
        for (id, content, words) in [
            (
                "2.5.29.15",
                &b"\x03\x02\x01\x06"[..],
                Some("keyCertSign, cRLSign"),
            ),
            ("2.5.29.15", b"\x03\x01\x00", Some("nothing")),
            (
                "2.5.29.19",
                b"\x30\x06\x01\x01\xff\x02\x01\x00",
                Some("CA, path length 0"),
            ),
            ("2.5.29.19", b"\x30\x00", Some("no CA")),
            (
                "2.5.29.19",
                b"\x30\x03\x01\x01\x01",
                Some("CA in a form that DER does not have"),
            ),
            (
                "2.5.29.37",
                b"\x30\x09\x06\x07\x28\x81\x8c\x5d\x05\x01\x02",
                Some("mDL document signer (1.0.18013.5.1.2)"),
            ),
            ("2.5.29.18", b"\x30\x05\x86\x03a:b", Some("URI \"a:b\"")),
            (
                "2.5.29.31",
                b"\x30\x0b\x30\x09\xa0\x07\xa0\x05\x86\x03a:b",
                Some("URI \"a:b\""),
            ),
            ("2.5.29.14", b"\x04\x02\xab\xcd", Some("abcd")),
            ("2.5.29.35", b"\x30\x04\x80\x02\xab\xcd", Some("abcd")),
            ("1.2.3", b"\x05\x00", Some("2 bytes, not looked into")),
            ("2.5.29.15", b"\x03\x05", None),
            ("2.5.29.37", b"\x30\x02\x05\x00", None),
            ("2.5.29.31", b"\x30\x02\x30\x05", None),
        ] {
            assert_eq!(shown(id, content).as_deref(), words, "{id} {content:02x?}");
        }
    }
}
