//! base64url (RFC 4648 §5) in the one form that a QR code may carry.

/// Why text is no strict base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Base64urlError {
    /// `=` at the end, or anywhere.
    #[error("padding")]
    Padding,
    /// A space, a tab or a line break.
    #[error("white space")]
    WhiteSpace,
    /// Another character outside the alphabet, `+` and `/` among them.
    #[error("a character outside the alphabet")]
    Alphabet,
    /// One character beyond a multiple of four, which stands for no byte.
    #[error("an impossible length")]
    Length,
    /// The bits of the last character that belong to no byte are not zero.
    #[error("spare bits that are not zero")]
    SpareBits,
}

/// Decodes text without padding; every byte string has exactly one such form.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, Base64urlError> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let mut bits: u32 = 0;
    let mut count = 0;
    for character in text.bytes() {
        bits = (bits << 6) | u32::from(sextet(character)?);
        count += 6;
        if count >= 8 {
            count -= 8;
            let [.., byte] = (bits >> count).to_be_bytes();
            out.push(byte);
            bits &= (1 << count) - 1;
        }
    }
    match (count, bits) {
        (6, _) => Err(Base64urlError::Length),
        (_, 0) => Ok(out),
        _ => Err(Base64urlError::SpareBits),
    }
}

fn sextet(character: u8) -> Result<u8, Base64urlError> {
    match character {
        b'A'..=b'Z' => Ok(character - b'A'),
        b'a'..=b'z' => Ok(character - b'a' + 26),
        b'0'..=b'9' => Ok(character - b'0' + 52),
        b'-' => Ok(62),
        b'_' => Ok(63),
        b'=' => Err(Base64urlError::Padding),
        b' ' | b'\t' | b'\r' | b'\n' => Err(Base64urlError::WhiteSpace),
        _ => Err(Base64urlError::Alphabet),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_4648_decode() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("Zg", b"f"),
            ("Zm8", b"fo"),
            ("Zm9v", b"foo"),
            ("Zm9vYg", b"foob"),
            ("Zm9vYmE", b"fooba"),
            ("Zm9vYmFy", b"foobar"),
            ("-_-_", &[0xfb, 0xff, 0xbf]),
        ] {
            assert_eq!(decode(text).as_deref(), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn every_other_form_is_refused_by_name() {
        for (text, expected) in [
            ("Zg==", Base64urlError::Padding),
            ("Zm8=", Base64urlError::Padding),
            ("Z=m8", Base64urlError::Padding),
            ("Zm9v\n", Base64urlError::WhiteSpace),
            (" Zm9v", Base64urlError::WhiteSpace),
            ("Zm 9v", Base64urlError::WhiteSpace),
            ("Zm\t9v", Base64urlError::WhiteSpace),
            ("Zm9v\r\n", Base64urlError::WhiteSpace),
            ("+_-_", Base64urlError::Alphabet),
            ("-/-_", Base64urlError::Alphabet),
            ("Zm9\0", Base64urlError::Alphabet),
            ("Zm9é", Base64urlError::Alphabet),
            ("Z", Base64urlError::Length),
            ("Zm9vY", Base64urlError::Length),
            ("Zh", Base64urlError::SpareBits),
            ("Zm9", Base64urlError::SpareBits),
        ] {
            assert_eq!(decode(text), Err(expected), "{text:?}");
        }
    }
}
