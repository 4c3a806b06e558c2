//! Commands and answers of ISO/IEC 7816-4, as far as a reader of mdocs uses them.

/// The status of success.
pub const SUCCESS: u16 = 0x9000;
/// The status of an application or file that is not there; a locked phone gives it.
pub const NOT_FOUND: u16 = 0x6a82;
/// The NDEF application (NFC Forum, Type 4 Tag).
pub const NDEF_APPLICATION: &[u8] = &[0xd2, 0x76, 0x00, 0x00, 0x85, 0x01, 0x01];
/// The mdoc application (18013-5 §8.3.3.1.2).
pub const MDOC_APPLICATION: &[u8] = &[0xa0, 0x00, 0x00, 0x02, 0x48, 0x04, 0x00];

/// The most bytes of data that a short command carries.
pub const SHORT_DATA: usize = 0xff;
/// The most bytes that a short command asks for.
pub const SHORT_EXPECTED: usize = 0x100;
/// The most bytes that any answer carries before its status.
pub const MAX_ANSWER_DATA: usize = 0x1_0000;

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command<'a> {
    /// CLA, INS, P1 and P2.
    pub header: [u8; 4],
    /// The data; no Lc where it is empty.
    pub data: &'a [u8],
    /// The most bytes that are expected (Le): 1 to 65,536; none where nothing is.
    pub expected: Option<usize>,
}

impl Command<'_> {
    /// SELECT of an application by its name.
    pub const fn select_application(name: &[u8]) -> Command<'_> {
        Command {
            header: [0x00, 0xa4, 0x04, 0x00],
            data: name,
            expected: Some(SHORT_EXPECTED),
        }
    }

    /// SELECT of a file by its identifier.
    pub const fn select_file(id: &[u8; 2]) -> Command<'_> {
        Command {
            header: [0x00, 0xa4, 0x00, 0x0c],
            data: id,
            expected: None,
        }
    }

    /// READ BINARY.
    pub const fn read_binary(offset: u16, expected: usize) -> Self {
        let [high, low] = offset.to_be_bytes();
        Self {
            header: [0x00, 0xb0, high, low],
            data: &[],
            expected: Some(expected),
        }
    }

    /// UPDATE BINARY.
    pub const fn update_binary(offset: u16, data: &[u8]) -> Command<'_> {
        let [high, low] = offset.to_be_bytes();
        Command {
            header: [0x00, 0xd6, high, low],
            data,
            expected: None,
        }
    }

    /// The bytes: in the short form where data and expectation fit it, else both in the extended form.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.header.to_vec();
        let is_short =
            self.data.len() <= SHORT_DATA && self.expected.is_none_or(|expected| expected <= SHORT_EXPECTED);
        if is_short {
            if !self.data.is_empty() {
                out.extend(low_bytes::<1>(self.data.len()));
            }
            out.extend_from_slice(self.data);
            // The largest expectation is written as nought.
            out.extend(self.expected.map(low_bytes::<1>).into_iter().flatten());
        } else {
            out.push(0);
            if !self.data.is_empty() {
                out.extend(low_bytes::<2>(self.data.len()));
            }
            out.extend_from_slice(self.data);
            out.extend(self.expected.map(low_bytes::<2>).into_iter().flatten());
        }
        out
    }
}

/// The answer to a command.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The data before the status.
    pub data: &'a [u8],
    /// SW1 and SW2.
    pub status: u16,
}

impl<'a> Answer<'a> {
    /// Takes the status from the end; none where there is none, or more data than an answer can carry.
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (data, status) = bytes.split_last_chunk::<2>()?;
        (data.len() <= MAX_ANSWER_DATA).then_some(Self {
            data,
            status: u16::from_be_bytes(*status),
        })
    }
}

/// Says the size and the status.
impl core::fmt::Debug for Answer<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Answer({} bytes, {:04x})", self.data.len(), self.status)
    }
}

/// The last `N` bytes of a number, most significant first.
fn low_bytes<const N: usize>(number: usize) -> [u8; N] {
    let bytes = number.to_be_bytes();
    bytes.last_chunk::<N>().copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_the_tag_layer() {
        assert_eq!(
            Command::select_application(NDEF_APPLICATION).encode(),
            [0, 0xa4, 4, 0, 7, 0xd2, 0x76, 0, 0, 0x85, 1, 1, 0]
        );
        assert_eq!(
            Command::select_file(&[0xe1, 3]).encode(),
            [0, 0xa4, 0, 0x0c, 2, 0xe1, 3]
        );
        assert_eq!(Command::read_binary(0x0102, 15).encode(), [0, 0xb0, 1, 2, 15]);
        assert_eq!(
            Command::update_binary(2, &[7, 8]).encode(),
            [0, 0xd6, 0, 2, 2, 7, 8]
        );
    }

    #[test]
    fn both_lengths_take_the_form_that_one_of_them_needs() {
        let encode = |data: &[u8], expected| {
            Command {
                header: [0, 0xc3, 0, 0],
                data,
                expected,
            }
            .encode()
        };
        let start = |bytes: &[u8]| bytes[4..7].to_vec();
        assert_eq!(encode(&[], Some(256)), [0, 0xc3, 0, 0, 0]);
        assert_eq!(encode(&[], Some(257)), [0, 0xc3, 0, 0, 0, 1, 1]);
        assert_eq!(encode(&[], Some(65_536)), [0, 0xc3, 0, 0, 0, 0, 0]);
        assert_eq!(encode(&[9], Some(256)), [0, 0xc3, 0, 0, 1, 9, 0]);
        assert_eq!(encode(&[9], Some(257)), [0, 0xc3, 0, 0, 0, 0, 1, 9, 1, 1]);
        assert_eq!(encode(&[9], Some(65_536)), [0, 0xc3, 0, 0, 0, 0, 1, 9, 0, 0]);
        assert_eq!(encode(&[9], None), [0, 0xc3, 0, 0, 1, 9]);
        assert_eq!(encode(&[9; 255], None).len(), 4 + 1 + 255);
        assert_eq!(start(&encode(&[9; 256], None)), [0, 1, 0]);
        assert_eq!(encode(&[9; 256], Some(1)).len(), 4 + 3 + 256 + 2);
    }

    #[test]
    fn an_answer_ends_with_its_status() {
        let answer = Answer::decode(&[1, 2, 0x61, 0xff]).unwrap();
        assert_eq!((answer.data, answer.status), (&[1, 2][..], 0x61ff));
        assert!(Answer::decode(&[0x90, 0]).is_some());
        assert_eq!(Answer::decode(&[0x90]), None);
        assert_eq!(Answer::decode(&[]), None);
        assert!(Answer::decode(&vec![0; MAX_ANSWER_DATA + 2]).is_some());
        assert_eq!(Answer::decode(&vec![0; MAX_ANSWER_DATA + 3]), None);
    }
}
