use proptest::prelude::*;

use super::*;
use crate::cbor::ErrorKind;
use crate::cose::KeyFormatError;
use crate::test_vectors;

const LIMIT: usize = 4096;

fn bytes(template: &str) -> Vec<u8> {
    let text = template
        .replace("{data}", "6464617461")
        .replace("{status}", "66737461747573")
        .replace("{eReaderKey}", "6a655265616465724b6579")
        .replace(
            "{key}",
            "d818584ba40102200121582060e3392385041f51403051f2415531cb56dd3f999c71687013aac6768bc8187e\
             225820e58deb8fdbe907f7dd5368245551a34796f7d2215c440c339bb0f7b67beccdfa",
        )
        .replace(' ', "");
    hex::decode(text).unwrap()
}

fn session_data(template: &str) -> Result<SessionData, MessageError> {
    SessionData::decode(&bytes(template), LIMIT)
}

fn establishment(template: &str) -> Result<SessionEstablishment, MessageError> {
    SessionEstablishment::decode(&bytes(template), LIMIT)
}

fn cbor_error(kind: ErrorKind, offset: usize) -> MessageError {
    MessageError::Cbor(cbor::Error { kind, offset })
}

#[test]
fn annex_d_messages_are_read_and_written() {
    let Some(vectors) = test_vectors::json("annex-d/iso18013-5-annex-d.json") else {
        return;
    };
    let first = test_vectors::hex_member(&vectors, "session_establishment");
    let read = SessionEstablishment::decode(&first, LIMIT).unwrap();
    assert_eq!(
        read.public_key().unwrap().coordinates().0,
        test_vectors::hex_member(&vectors, "ephemeral_reader_key_x")
    );
    assert_eq!(read.encode(), first);
    assert_eq!(
        SessionData::decode(&first, LIMIT),
        Err(MessageError::Establishment)
    );

    let data = test_vectors::hex_member(&vectors, "session_data");
    let read = SessionData::decode(&data, LIMIT).unwrap();
    assert_eq!(read.status(), None);
    assert_eq!(read.encode(), data);

    let termination = test_vectors::hex_member(&vectors, "session_termination");
    assert_eq!(
        SessionData::decode(&termination, LIMIT),
        Ok(SessionData::with_status(Status::Termination))
    );

    for message in [first, data, termination] {
        for length in 0..message.len() {
            let cut = &message[..length];
            let Err(MessageError::Cbor(error)) = SessionData::decode(cut, LIMIT) else {
                panic!("cut at {length}");
            };
            assert_eq!(error.kind, ErrorKind::Truncated, "cut at {length}");
            assert_eq!(
                SessionEstablishment::decode(cut, LIMIT),
                Err(MessageError::Cbor(error)),
                "cut at {length}"
            );
        }
    }
}

#[test]
fn session_data_has_the_form_of_the_standard() {
    assert_eq!(
        SessionData::with_status(Status::Termination).encode(),
        bytes("a1 {status}14")
    );
    assert_eq!(
        SessionData::with_data(vec![1, 2], Some(Status::Termination)).encode(),
        bytes("a2 {data}420102 {status}14")
    );
    for (code, status) in [
        (10, Status::EncryptionError),
        (11, Status::DecodingError),
        (20, Status::Termination),
        (0, Status::Unknown(0)),
        (12, Status::Unknown(12)),
        (u64::MAX, Status::Unknown(u64::MAX)),
    ] {
        assert_eq!(status.code(), code);
        let message = SessionData::with_status(status);
        assert_eq!(SessionData::decode(&message.encode(), LIMIT), Ok(message));
    }
    // The order of members does not count, and `seq` of the second edition is ignored.
    assert_eq!(
        session_data("a3 {status}14 6373657101 {data}420102"),
        Ok(SessionData::with_data(vec![1, 2], Some(Status::Termination)))
    );
}

#[test]
fn malformed_session_data_is_refused_by_name() {
    for (template, expected) in [
        ("", cbor_error(ErrorKind::Truncated, 0)),
        ("a1 {status}14 00", cbor_error(ErrorKind::Trailing, 9)),
        ("a2 {status}14 {status}14", cbor_error(ErrorKind::DuplicateKey, 9)),
        ("bf {status}14 ff", cbor_error(ErrorKind::Indefinite, 0)),
        ("a1 {data}5f4101ff", cbor_error(ErrorKind::Indefinite, 6)),
        ("80", MessageError::NotAMap),
        ("14", MessageError::NotAMap),
        ("a1 01 14", MessageError::NotAMap),
        ("a2 {status}14 01 14", MessageError::NotAMap),
        ("a0", MessageError::Empty),
        ("a1 6373657101", MessageError::Empty),
        ("a1 {data}6131", MessageError::Data),
        ("a1 {data}f6", MessageError::Data),
        ("a2 {data}8101 {status}14", MessageError::Data),
        ("a1 {status}33", MessageError::Status),
        ("a1 {status}f6", MessageError::Status),
        ("a1 {status}f94d00", MessageError::Status),
        ("a1 {status}c24114", MessageError::Status),
        ("a1 {status}623230", MessageError::Status),
        ("a2 {eReaderKey}{key} {data}420102", MessageError::Establishment),
        ("a2 {eReaderKey}f6 {data}420102", MessageError::Establishment),
    ] {
        assert_eq!(session_data(template), Err(expected), "{template}");
    }
}

#[test]
fn malformed_establishments_are_refused_by_name() {
    assert!(establishment("a2 {eReaderKey}{key} {data}420102").is_ok());
    assert!(establishment("a3 {eReaderKey}{key} {data}420102 6373657101").is_ok());
    for (template, expected) in [
        ("a1 {data}420102", MessageError::EReaderKeyBytes),
        ("a2 {eReaderKey}a0 {data}420102", MessageError::EReaderKeyBytes),
        ("a2 {eReaderKey}41a0 {data}420102", MessageError::EReaderKeyBytes),
        (
            "a2 {eReaderKey}d81840 {data}420102",
            cbor_error(ErrorKind::Truncated, 0),
        ),
        (
            "a2 {eReaderKey}d81842a000 {data}420102",
            cbor_error(ErrorKind::Trailing, 1),
        ),
        (
            "a2 {eReaderKey}d81841a0 {data}420102",
            MessageError::EReaderKey(KeyFormatError::Curve),
        ),
        ("a1 {eReaderKey}{key}", MessageError::Data),
        ("a2 {eReaderKey}{key} {data}f6", MessageError::Data),
        ("a2 {eReaderKey}{key} {status}14", MessageError::Data),
        ("80", MessageError::NotAMap),
    ] {
        assert_eq!(establishment(template), Err(expected), "{template}");
    }
}

#[test]
fn messages_have_a_size_limit() {
    let message = SessionData::with_data(vec![0; 100], None).encode();
    assert!(SessionData::decode(&message, message.len()).is_ok());
    assert_eq!(
        SessionData::decode(&message, message.len() - 1),
        Err(MessageError::TooLarge)
    );
    assert_eq!(
        SessionEstablishment::decode(&message, message.len() - 1),
        Err(MessageError::TooLarge)
    );
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = SessionData::decode(&bytes, LIMIT);
        let _ = SessionEstablishment::decode(&bytes, LIMIT);
    }

    #[test]
    fn what_is_read_is_written_alike(data in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..50)), code: u64) {
        let status = Status::from_code(code);
        let message = match data {
            Some(data) => SessionData::with_data(data, Some(status)),
            None => SessionData::with_status(status),
        };
        prop_assert_eq!(SessionData::decode(&message.encode(), LIMIT), Ok(message));
    }
}
