//! The records of the Tag NDEF Exchange Protocol, by which a reader reaches the handover service of a phone.

use core::time::Duration;

use super::ndef::{self, Record, TypeNameFormat};

/// The service of connection handover.
pub const HANDOVER_SERVICE: &[u8] = b"urn:nfc:sn:handover";
/// The longest that is waited before one reading, whatever the phone asks for. The protocol allows half a minute, which
/// no phone in the field was seen to need.
pub const MAX_WAIT: Duration = Duration::from_secs(1);

const MAJOR_VERSION: u8 = 1;
/// A wait of half a millisecond, in microseconds: that of WT_INT 0.
const UNIT: u64 = 500;
/// Thousandths of the fourth roots of two, rounded up.
const FOURTH_ROOTS: [u64; 4] = [1000, 1190, 1415, 1682];

/// What a phone says of its handover service (a `Tp` record).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceParameter {
    waiting_time: u8,
    extensions: u8,
    max_message: u16,
}

impl ServiceParameter {
    /// The parameters of the handover service among these records, if there are such.
    pub fn find(records: &[Record<'_>]) -> Option<Self> {
        let mut services = records.iter().filter(|record| record.is_well_known(b"Tp"));
        services.find_map(|record| Self::decode(record.payload))
    }

    fn decode(payload: &[u8]) -> Option<Self> {
        let (version, rest) = payload.split_first()?;
        let (length, rest) = rest.split_first()?;
        let (name, rest) = rest.split_at_checked(usize::from(*length))?;
        let [_mode, waiting_time, extensions, high, low] = rest else {
            return None;
        };
        (version >> 4 == MAJOR_VERSION && name == HANDOVER_SERVICE).then_some(Self {
            waiting_time: waiting_time & 0x3f,
            extensions: extensions & 0x0f,
            max_message: u16::from_be_bytes([*high, *low]),
        })
    }

    /// How long to wait before each reading: 2^(WT_INT / 4 − 1) ms, at most [`MAX_WAIT`].
    pub fn wait(self) -> Duration {
        let root = FOURTH_ROOTS
            .get(usize::from(self.waiting_time % 4))
            .copied()
            .unwrap_or(1000);
        let micros = (UNIT << (self.waiting_time / 4)) * root / 1000;
        Duration::from_micros(micros).min(MAX_WAIT)
    }

    /// How often to read once more where there is nothing yet (N_WAIT).
    pub const fn retries(self) -> u8 {
        self.extensions
    }

    /// The most bytes of a message that the phone takes.
    pub fn max_message_len(self) -> usize {
        self.max_message.into()
    }
}

/// The message that selects the handover service (a `Ts` record).
pub fn service_select() -> Vec<u8> {
    let length = u8::try_from(HANDOVER_SERVICE.len()).unwrap_or_default();
    ndef::encode(&[Record {
        format: TypeNameFormat::WellKnown,
        record_type: b"Ts",
        id: b"",
        payload: &[&[length], HANDOVER_SERVICE].concat(),
    }])
}

/// The status among these records (a `Te` record), 0 for success; none where there is no such record or it is not one byte.
pub fn status(records: &[Record<'_>]) -> Option<u8> {
    let status = records.iter().find(|record| record.is_well_known(b"Te"))?;
    match status.payload {
        [status] => Some(*status),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETER: &[u8] = b"\x10\x13urn:nfc:sn:handover\x00\x00\x0f\xff\xff";

    fn find(payload: &[u8]) -> Option<ServiceParameter> {
        ServiceParameter::find(&[Record {
            format: TypeNameFormat::WellKnown,
            record_type: b"Tp",
            id: b"",
            payload,
        }])
    }

    #[test]
    fn a_service_parameter() {
        let parameter = find(PARAMETER).unwrap();
        assert_eq!(parameter.wait(), Duration::from_micros(500));
        assert_eq!((parameter.retries(), parameter.max_message_len()), (15, 0xffff));
        for end in 0..PARAMETER.len() {
            assert_eq!(find(&PARAMETER[..end]), None, "{end}");
        }
        assert_eq!(find(&[PARAMETER, &[0]].concat()), None);
        let mut other = PARAMETER.to_vec();
        other[0] = 0x20;
        assert_eq!(find(&other), None, "version 2");
        other[0] = 0x11;
        assert!(find(&other).is_some(), "version 1.1");
        other[5] ^= 1;
        assert_eq!(find(&other), None, "another service");
    }

    #[test]
    fn waits_double_every_four_steps_and_end_at_a_bound() {
        let wait = |waiting_time| {
            let mut payload = PARAMETER.to_vec();
            payload[22] = waiting_time;
            find(&payload).unwrap().wait()
        };
        assert_eq!(wait(1), Duration::from_micros(595));
        assert_eq!(wait(4), Duration::from_millis(1));
        assert_eq!(wait(20), Duration::from_millis(16));
        assert_eq!(wait(43), Duration::from_micros(861_184));
        assert_eq!(wait(44), MAX_WAIT);
        assert_eq!(wait(63), MAX_WAIT);
        assert_eq!(wait(0xc4), wait(4), "reserved bits");
    }

    #[test]
    fn the_service_is_selected_and_its_status_read() {
        assert_eq!(
            service_select(),
            [&b"\xd1\x02\x14Ts\x13"[..], HANDOVER_SERVICE].concat()
        );
        let te = |payload| Record {
            format: TypeNameFormat::WellKnown,
            record_type: b"Te",
            id: b"",
            payload,
        };
        assert_eq!(status(&[te(&[0])]), Some(0));
        assert_eq!(status(&[te(&[7])]), Some(7));
        assert_eq!(status(&[te(&[])]), None);
        assert_eq!(status(&[te(&[0, 0])]), None);
        assert_eq!(status(&[]), None);
    }
}
