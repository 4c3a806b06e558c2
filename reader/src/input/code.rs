//! From the text of a scanner to an engagement: what scanners put around a code is taken off, and what a caps lock did to it
//! is undone.

use mdoc::engagement::{DeviceEngagement, EngagementError};

/// Fewer characters than this behind the scheme may well be of one case by chance. The shortest engagement there is, with a
/// key on P-256 alone, has more than a hundred.
const MIN_FOLDED: usize = 64;

/// Why the text of a scanner is no engagement that can be gone on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CodeFault {
    /// All letters have become capitals, or small: which letter was which is lost.
    #[error(
        "the scanner turned all letters into {0}, and with that the code is lost; set it to keep upper and lower case as they are"
    )]
    CaseFolded(Case),
    /// It is something else, or a broken engagement.
    #[error("not the code of a mobile document: {0}")]
    Engagement(EngagementError),
}

/// What letters were folded to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Upper,
    Lower,
}

impl core::fmt::Display for Case {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Upper => "capitals",
            Self::Lower => "small letters",
        })
    }
}

impl CodeFault {
    /// The stable code.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::CaseFolded(_) => "scanner.case_folded",
            Self::Engagement(_) => "session.engagement",
        }
    }
}

/// An engagement, and the text of its code as the phone shows it.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) engagement: DeviceEngagement,
    /// `mdoc:` and base64url: equal for one code, however it came.
    pub(crate) text: String,
}

/// Reads the text of a scanner.
///
/// # Errors
/// [`CodeFault`]: nothing in it is of the text.
pub(crate) fn read(text: &str) -> Result<Code, CodeFault> {
    let text = bare(text);
    let error = match DeviceEngagement::from_uri(text) {
        Ok(engagement) => return Ok(Code::new(engagement, text)),
        Err(error) => error,
    };
    // A caps lock swaps the case of every letter, which loses nothing. No text is an engagement both ways: the first
    // letter behind the scheme says that a map follows, and in the other case it says something else.
    let swapped = swap_case(text);
    if let Ok(engagement) = DeviceEngagement::from_uri(&swapped) {
        return Ok(Code::new(engagement, &swapped));
    }
    Err(folded(text).map_or(CodeFault::Engagement(error), CodeFault::CaseFolded))
}

impl Code {
    fn new(engagement: DeviceEngagement, text: &str) -> Self {
        // The scheme may be written in any case, and phones do.
        let body = text.split_once(':').map_or("", |(_, body)| body);
        Self {
            engagement,
            text: format!("mdoc:{body}"),
        }
    }
}

/// The text without what scanners put around a code: control characters, white space, an AIM symbology identifier (`]Q3`,
/// ISO/IEC 15424), the number of a character set behind it (`\000026`).
fn bare(text: &str) -> &str {
    let text = text.trim_matches(|character: char| character.is_control() || character.is_whitespace());
    let text = match text.as_bytes() {
        [b']', letter, modifier, ..] if letter.is_ascii_alphabetic() && modifier.is_ascii_alphanumeric() => {
            text.get(3..).unwrap_or_default()
        }
        _ => text,
    };
    match text.as_bytes() {
        [b'\\', digits @ ..] if digits.len() >= 6 && digits.iter().take(6).all(u8::is_ascii_digit) => {
            text.get(7..).unwrap_or_default()
        }
        _ => text,
    }
}

fn swap_case(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_ascii_uppercase() {
                character.to_ascii_lowercase()
            } else {
                character.to_ascii_uppercase()
            }
        })
        .collect()
}

/// The one case of the letters behind the scheme, where they are too many for that to be chance.
fn folded(text: &str) -> Option<Case> {
    let (scheme, body) = text.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("mdoc") || body.len() < MIN_FOLDED {
        return None;
    }
    let has = |is: fn(&u8) -> bool| body.bytes().any(|byte| is(&byte));
    match (has(u8::is_ascii_uppercase), has(u8::is_ascii_lowercase)) {
        (true, false) => Some(Case::Upper),
        (false, true) => Some(Case::Lower),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use base64::Engine as _;
    use mdoc::engagement::Base64urlError;
    use proptest::prelude::*;

    use super::*;

    /// The code of a phone whose engagement differs in this byte string alone. Its base64url has every kind of character.
    pub(crate) fn code(more: &[u8]) -> String {
        let key = [
            &[0xa4, 1, 2, 0x20, 1, 0x21, 0x58, 0x20][..],
            &POINT[..32],
            &[0x22, 0x58, 0x20],
            &POINT[32..],
        ]
        .concat();
        let engagement = [
            &[0xa3, 0, 0x63, b'1', b'.', b'0', 1, 0x82, 1, 0xd8, 0x18, 0x58][..],
            &[u8::try_from(key.len()).unwrap()],
            &key,
            // An unknown key that makes the codes differ.
            &[0x20, 0x58, u8::try_from(more.len()).unwrap()],
            more,
        ]
        .concat();
        format!(
            "mdoc:{}",
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(engagement)
        )
    }

    /// The generator of P-256.
    const POINT: [u8; 64] = [
        0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77,
        0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3,
        0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33,
        0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
    ];

    /// What came of a text: its canonical form, or why it is refused.
    fn came(text: &str) -> Result<String, CodeFault> {
        read(text).map(|code| code.text)
    }

    #[test]
    fn what_scanners_put_around_a_code_is_taken_off() {
        let code = code(b"one");
        let body = &code["mdoc:".len()..];
        for text in [
            code.clone(),
            format!("MDOC:{body}"),
            format!("MdOc:{body}"),
            format!("  {code}\t"),
            format!("]Q1{code}"),
            format!("]Q3{code}\r"),
            format!("\u{2}]d2{code}\u{3}"),
            format!("]Q2\\000026{code}\u{1d}"),
            format!("\\000026{code}"),
        ] {
            assert_eq!(came(&text), Ok(code.clone()), "{text:?}");
        }
    }

    #[test]
    fn the_caps_lock_is_undone() {
        let code = code(b"one");
        for text in [swap_case(&code), format!("]q3{}", swap_case(&code))] {
            assert_eq!(came(&text), Ok(code.clone()));
        }
    }

    #[test]
    fn letters_of_one_case_are_refused_as_such() {
        let code = code(b"one");
        for (text, case) in [
            (code.to_uppercase(), Case::Upper),
            (code.to_lowercase(), Case::Lower),
            (format!("]Q3{}", code.to_uppercase()), Case::Upper),
            (format!("]Q3{}", code.to_lowercase()), Case::Lower),
            (
                format!("mdoc:{}", code["mdoc:".len()..].to_uppercase()),
                Case::Upper,
            ),
        ] {
            let fault = CodeFault::CaseFolded(case);
            assert_eq!(came(&text), Err(fault), "{text}");
            assert_eq!(fault.code(), "scanner.case_folded");
        }
        assert_eq!(came(&code), Ok(code.clone()));
    }

    #[test]
    fn every_other_text_is_refused_with_what_is_wrong_with_it() {
        let code = code(b"one");
        let base64url = |error| CodeFault::Engagement(EngagementError::Base64url(error));
        for (text, expected) in [
            ("", CodeFault::Engagement(EngagementError::Scheme)),
            ("4901234567894", CodeFault::Engagement(EngagementError::Scheme)),
            ("]Q3", CodeFault::Engagement(EngagementError::Scheme)),
            ("]", CodeFault::Engagement(EngagementError::Scheme)),
            ("]Q\u{e9}mdoc:", CodeFault::Engagement(EngagementError::Scheme)),
            ("\\00002", CodeFault::Engagement(EngagementError::Scheme)),
            (
                "mdoc://example.com",
                CodeFault::Engagement(EngagementError::ReverseEngagement),
            ),
            // Too short for its one case to mean anything.
            ("mdoc:AA", CodeFault::Engagement(EngagementError::NotAMap)),
            (
                &format!("]Q3]Q3{code}"),
                CodeFault::Engagement(EngagementError::Scheme),
            ),
            (
                &format!("x{code}"),
                CodeFault::Engagement(EngagementError::Scheme),
            ),
            (&format!("{code}="), base64url(Base64urlError::Padding)),
            (&format!("{code} x"), base64url(Base64urlError::WhiteSpace)),
            (&format!("{code}\u{e9}"), base64url(Base64urlError::Alphabet)),
        ] {
            assert_eq!(came(text), Err(expected), "{text:?}");
            assert_eq!(expected.code(), "session.engagement");
        }
        let long = format!("mdoc:{}", "Ab".repeat(DeviceEngagement::MAX_URI_LEN));
        assert_eq!(came(&long), Err(CodeFault::Engagement(EngagementError::TooLarge)));
    }

    #[test]
    fn no_refusal_repeats_the_text() {
        for text in [
            "4901234567894",
            "mdoc:4901234567894",
            &code(b"4901").to_uppercase(),
        ] {
            let fault = came(text).unwrap_err();
            assert!(!fault.to_string().contains("4901"), "{fault}");
        }
    }

    proptest! {
        #[test]
        fn one_code_has_one_form_however_it_came(
            more in proptest::collection::vec(any::<u8>(), 24..200),
            swapped in any::<bool>(),
            around in "[\\x00-\\x20]{0,4}",
            identifier in "(\\][A-Za-z][0-9A-Za-z])?",
        ) {
            let code = code(&more);
            let text = if swapped { swap_case(&code) } else { code.clone() };
            prop_assert_eq!(came(&format!("{around}{identifier}{text}{around}")), Ok(code));
        }

        #[test]
        fn folded_letters_are_never_an_engagement(
            more in proptest::collection::vec(any::<u8>(), 24..200),
            is_upper in any::<bool>(),
        ) {
            let (text, case) = match is_upper {
                true => (code(&more).to_uppercase(), Case::Upper),
                false => (code(&more).to_lowercase(), Case::Lower),
            };
            prop_assert_eq!(came(&text), Err(CodeFault::CaseFolded(case)));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,300}") {
            let _ = came(&text);
        }
    }
}
