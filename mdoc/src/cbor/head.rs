//! The head of an item: major type, additional information, argument (RFC 8949 §3).

pub(super) const FALSE: u64 = 20;
pub(super) const TRUE: u64 = 21;
pub(super) const NULL: u64 = 22;
pub(super) const UNDEFINED: u64 = 23;
const INDEFINITE: u8 = 31;

/// The major type; 7 is told apart by what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Major {
    Unsigned,
    Negative,
    Bytes,
    Text,
    Array,
    Map,
    Tag,
    Simple,
    Float,
    Break,
}

/// A head as read, before its rules are judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) major: Major,
    /// The five low bits of the first byte.
    pub(super) info: u8,
    /// `None` for an indefinite length and for a break.
    pub(super) argument: Option<u64>,
    pub(super) shortest: bool,
    /// Bytes of the head itself.
    pub(super) len: usize,
}

/// Why there is no head at the front of the bytes.
pub(super) enum HeadError {
    Truncated,
    Reserved,
}

impl Head {
    /// Reads the head at the front of `bytes`.
    #[inline]
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, HeadError> {
        let (&first, rest) = bytes.split_first().ok_or(HeadError::Truncated)?;
        let info = first & 0x1f;
        // Most heads are one byte.
        if info < 24 {
            return Ok(Self {
                major: major(first, Major::Simple),
                info,
                argument: Some(u64::from(info)),
                shortest: true,
                len: 1,
            });
        }
        Self::parse_long(first, rest)
    }

    fn parse_long(first: u8, rest: &[u8]) -> Result<Self, HeadError> {
        let info = first & 0x1f;
        let (argument, shortest, len) = match info {
            24 => {
                let value = u64::from(*rest.first().ok_or(HeadError::Truncated)?);
                (Some(value), value >= 24, 2)
            }
            25 => {
                let value = u64::from(u16::from_be_bytes(fixed(rest)?));
                (Some(value), value > 0xff, 3)
            }
            26 => {
                let value = u64::from(u32::from_be_bytes(fixed(rest)?));
                (Some(value), value > 0xffff, 5)
            }
            27 => {
                let value = u64::from_be_bytes(fixed(rest)?);
                (Some(value), value > 0xffff_ffff, 9)
            }
            INDEFINITE => (None, true, 1),
            _ => return Err(HeadError::Reserved),
        };
        let seven = match info {
            25..=27 => Major::Float,
            INDEFINITE => Major::Break,
            _ => Major::Simple,
        };
        let major = major(first, seven);
        let lengthless = matches!(major, Major::Unsigned | Major::Negative | Major::Tag);
        if argument.is_none() && lengthless {
            return Err(HeadError::Reserved);
        }
        Ok(Self {
            major,
            info,
            argument,
            shortest,
            len,
        })
    }
}

/// The major type in the three high bits of a head; `seven` is what the last of them stands for.
#[inline]
const fn major(first: u8, seven: Major) -> Major {
    match first >> 5 {
        0 => Major::Unsigned,
        1 => Major::Negative,
        2 => Major::Bytes,
        3 => Major::Text,
        4 => Major::Array,
        5 => Major::Map,
        6 => Major::Tag,
        _ => seven,
    }
}

/// The head of an item that has been checked, and the content that follows it to the end.
#[inline]
pub(super) fn read(bytes: &[u8]) -> Option<(Head, &[u8])> {
    let head = Head::parse(bytes).ok()?;
    Some((head, bytes.get(head.len..)?))
}

/// The value of a float whose bits are `argument`, by the additional information 25, 26 or 27.
pub(super) fn float(argument: u64, info: u8) -> Option<f64> {
    match info {
        25 => Some(half(u16::try_from(argument).ok()?)),
        26 => Some(f64::from(f32::from_bits(u32::try_from(argument).ok()?))),
        27 => Some(f64::from_bits(argument)),
        _ => None,
    }
}

/// binary16 (RFC 8949 appendix D).
fn half(bits: u16) -> f64 {
    let exponent = i32::from((bits >> 10) & 0x1f);
    let mantissa = f64::from(bits & 0x3ff);
    let magnitude = match exponent {
        0 => mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2f64.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}

fn fixed<const N: usize>(rest: &[u8]) -> Result<[u8; N], HeadError> {
    rest.first_chunk::<N>().copied().ok_or(HeadError::Truncated)
}
