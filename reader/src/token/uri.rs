//! Where a key in a token is: a PKCS#11 URI (RFC 7512), as far as it names one key.

use std::path::PathBuf;

/// Bytes of a URI.
const MAX_URI: usize = 2048;

/// One key in one token, the module to reach it by, and where the PIN is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TokenUri {
    pub(super) token: Option<String>,
    pub(super) manufacturer: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) model: Option<String>,
    pub(super) slot_id: Option<u64>,
    pub(super) object: Option<String>,
    pub(super) id: Option<Vec<u8>>,
    pub(super) module_path: PathBuf,
    pub(super) pin_source: Option<PathBuf>,
}

/// Why a text names no key. No part of the text is in it: somebody may have written a PIN into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum UriError {
    #[error(
        "is no PKCS#11 URI; write it like pkcs11:token=counter;object=reader?module-path=/usr/lib/module.so"
    )]
    Scheme,
    #[error("is longer than {MAX_URI} bytes")]
    Length,
    #[error(
        "has pin-value, which every user of this machine could read; put the PIN into a file and name it with pin-source=file:…, or name an environment variable with --pin-env"
    )]
    PinValue,
    #[error("has a part that is no NAME=VALUE, or a % that two hexadecimal digits do not follow")]
    Syntax,
    #[error("has a value that is no text in UTF-8, or is empty")]
    Value,
    #[error("has an attribute twice")]
    Twice,
    #[error(
        "has an attribute that is not supported; before the ? stand token, manufacturer, serial, model, slot-id, object, id and type=private, behind it module-path and pin-source"
    )]
    Unknown,
    #[error("has a slot-id that is no number")]
    SlotId,
    #[error("names something other than a private key with type=")]
    Type,
    #[error("does not say with object= or id= which key it means")]
    NoObject,
    #[error("does not name the module with ?module-path=")]
    NoModule,
    #[error("has a pin-source that is no file; a program is not run for it")]
    PinSource,
}

impl TokenUri {
    pub(super) fn parse(text: &str) -> Result<Self, UriError> {
        if text.len() > MAX_URI {
            return Err(UriError::Length);
        }
        let scheme = text
            .split_at_checked(7)
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("pkcs11:"));
        let (_, rest) = scheme.ok_or(UriError::Scheme)?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        // Before anything else can be found wrong with it.
        if query
            .split('&')
            .chain(path.split(';'))
            .any(|part| part.starts_with("pin-value"))
        {
            return Err(UriError::PinValue);
        }
        let mut uri = Self::default();
        let mut private = None;
        for part in path.split(';').filter(|part| !part.is_empty()) {
            let (name, value) = attribute(part)?;
            match name {
                "token" => once(&mut uri.token, text_of(value)?)?,
                "manufacturer" => once(&mut uri.manufacturer, text_of(value)?)?,
                "serial" => once(&mut uri.serial, text_of(value)?)?,
                "model" => once(&mut uri.model, text_of(value)?)?,
                "object" => once(&mut uri.object, text_of(value)?)?,
                "id" if value.is_empty() => return Err(UriError::Value),
                "id" => once(&mut uri.id, value)?,
                "slot-id" => {
                    let number = text_of(value)?.parse().map_err(|_| UriError::SlotId)?;
                    once(&mut uri.slot_id, number)?;
                }
                "type" if value == b"private" => once(&mut private, ())?,
                "type" => return Err(UriError::Type),
                _ => return Err(UriError::Unknown),
            }
        }
        let mut module = None;
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = attribute(part)?;
            match name {
                "module-path" => once(&mut module, PathBuf::from(text_of(value)?))?,
                "pin-source" => once(&mut uri.pin_source, file_of(&text_of(value)?)?)?,
                _ => return Err(UriError::Unknown),
            }
        }
        if uri.object.is_none() && uri.id.is_none() {
            return Err(UriError::NoObject);
        }
        uri.module_path = module.ok_or(UriError::NoModule)?;
        Ok(uri)
    }
}

/// The name, and the value decoded.
fn attribute(part: &str) -> Result<(&str, Vec<u8>), UriError> {
    let (name, value) = part.split_once('=').ok_or(UriError::Syntax)?;
    let mut decoded = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte.unwrap_or_default()).to_digit(16);
        let (Some(high), Some(low)) = (digit(bytes.next()), digit(bytes.next())) else {
            return Err(UriError::Syntax);
        };
        decoded.push(u8::try_from(high * 16 + low).map_err(|_| UriError::Syntax)?);
    }
    Ok((name, decoded))
}

fn text_of(value: Vec<u8>) -> Result<String, UriError> {
    let text = String::from_utf8(value).map_err(|_| UriError::Value)?;
    let usable = !text.is_empty() && !text.contains('\0');
    usable.then_some(text).ok_or(UriError::Value)
}

/// A path, or a file URI of this machine.
fn file_of(source: &str) -> Result<PathBuf, UriError> {
    let path = match source.strip_prefix("file:") {
        Some(path) => path.strip_prefix("//").unwrap_or(path),
        None if source.starts_with('|') || source.contains("://") => return Err(UriError::PinSource),
        None => source,
    };
    let usable = !path.is_empty();
    usable.then(|| PathBuf::from(path)).ok_or(UriError::PinSource)
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), UriError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(UriError::Twice),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_a_key_a_module_and_a_pin_file() {
        let text = "pkcs11:token=The%20counter;serial=1a;slot-id=3;object=reader;id=%00%fF;type=private\
                    ?module-path=/usr/lib/m.so&pin-source=file:/etc/pin%3f";
        let uri = TokenUri {
            token: Some("The counter".to_owned()),
            serial: Some("1a".to_owned()),
            slot_id: Some(3),
            object: Some("reader".to_owned()),
            id: Some(vec![0, 255]),
            module_path: PathBuf::from("/usr/lib/m.so"),
            pin_source: Some(PathBuf::from("/etc/pin?")),
            ..TokenUri::default()
        };
        assert_eq!(TokenUri::parse(text), Ok(uri));
        for (source, path) in [("/a/b", "/a/b"), ("file:///a/b", "/a/b"), ("a", "a")] {
            let text = format!("PKCS11:object=r?module-path=m&pin-source={source}");
            assert_eq!(
                TokenUri::parse(&text).unwrap().pin_source,
                Some(PathBuf::from(path))
            );
        }
    }

    #[test]
    fn other_texts_are_refused_each_for_its_reason() {
        let long = format!("pkcs11:object={}?module-path=m", "r".repeat(MAX_URI));
        assert!(
            TokenUri::parse("pkcs11:object=r?module-path=m").is_ok(),
            "the untouched twin"
        );
        for (text, error) in [
            ("", UriError::Scheme),
            ("pkcs1", UriError::Scheme),
            ("/etc/key.pem", UriError::Scheme),
            ("鍵鍵鍵鍵", UriError::Scheme),
            (&long, UriError::Length),
            ("pkcs11:object=r?module-path=m&pin-value=1234", UriError::PinValue),
            ("pkcs11:object=r;pin-value=1234?module-path=m", UriError::PinValue),
            ("pkcs11:bad%zz?pin-value=1234", UriError::PinValue),
            ("pkcs11:object?module-path=m", UriError::Syntax),
            ("pkcs11:object=%4?module-path=m", UriError::Syntax),
            ("pkcs11:object=%é?module-path=m", UriError::Syntax),
            ("pkcs11:object=%+1?module-path=m", UriError::Syntax),
            ("pkcs11:object=%ff?module-path=m", UriError::Value),
            ("pkcs11:object=%00?module-path=m", UriError::Value),
            ("pkcs11:object=?module-path=m", UriError::Value),
            ("pkcs11:id=?module-path=m", UriError::Value),
            ("pkcs11:object=r?module-path=", UriError::Value),
            ("pkcs11:object=r;object=s?module-path=m", UriError::Twice),
            ("pkcs11:object=r?module-path=m&module-path=n", UriError::Twice),
            ("pkcs11:object=r;colour=red?module-path=m", UriError::Unknown),
            ("pkcs11:object=r?module-name=m", UriError::Unknown),
            ("pkcs11:object=r;module-path=m", UriError::Unknown),
            ("pkcs11:object=r;slot-id=x?module-path=m", UriError::SlotId),
            ("pkcs11:object=r;type=cert?module-path=m", UriError::Type),
            ("pkcs11:token=t?module-path=m", UriError::NoObject),
            ("pkcs11:object=r", UriError::NoModule),
            (
                "pkcs11:object=r?module-path=m&pin-source=|cat",
                UriError::PinSource,
            ),
            (
                "pkcs11:object=r?module-path=m&pin-source=file:",
                UriError::PinSource,
            ),
            (
                "pkcs11:object=r?module-path=m&pin-source=http://a",
                UriError::PinSource,
            ),
        ] {
            assert_eq!(TokenUri::parse(text), Err(error), "{text}");
            assert!(!error.to_string().contains("1234"));
        }
    }
}
