use proptest::prelude::*;

use super::*;
use crate::cbor::ErrorKind;
use crate::cose::KeyFormatError;
use crate::crypto::{Curve, KeyError};
use crate::test_vectors;

const E_DEVICE_KEY_BYTES: &str = "d818584ba4010220012158205a88d182bce5f42efa59943f33359d2e8a968ff289d93e5fa444b624343167fe\
                                  225820b16e8cf858ddc7690407ba61d4c338237a8cfcf3de6aa672fc60a557aa32fc67";
const UUID: &str = "45efef742b2c4837a9a3b0e1d05a6917";

/// An engagement of version `minor`; `{key}` stands for EDeviceKeyBytes and `{uuid}` for a UUID.
fn hexadecimal(template: &str) -> Vec<u8> {
    let text = template
        .replace("{key}", E_DEVICE_KEY_BYTES)
        .replace("{uuid}", UUID)
        .replace("{1.0}", "63312e30")
        .replace("{1.1}", "63312e31")
        .replace(' ', "");
    hex::decode(text).unwrap()
}

fn decode(template: &str) -> Result<DeviceEngagement, EngagementError> {
    DeviceEngagement::from_bytes(&hexadecimal(template))
}

fn error(template: &str) -> EngagementError {
    decode(template).expect_err("the engagement is refused")
}

/// The methods of an engagement with `methods` under key 2.
fn methods(methods: &str) -> Result<Vec<RetrievalMethod>, EngagementError> {
    decode(&format!("a3 00{{1.0}} 018201{{key}} 02{methods}"))
        .map(|engagement| engagement.retrieval_methods().to_vec())
}

fn method_error(list: &str) -> MethodError {
    match methods(list) {
        Err(EngagementError::RetrievalMethod(error)) => error,
        other => panic!("{list}: {other:?}"),
    }
}

fn uri(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::from("mdoc:");
    for chunk in bytes.chunks(3) {
        let mut group = [0; 4];
        group[1..=chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes(group);
        for position in 0..=chunk.len() {
            let index = (bits >> (18 - 6 * position)) & 0x3f;
            text.push(char::from(ALPHABET[usize::try_from(index).unwrap()]));
        }
    }
    text
}

fn annex_d_like() -> Vec<u8> {
    hexadecimal("a3 00{1.0} 018201{key} 0281 830201 a3 00f4 01f5 0b50{uuid}")
}

fn uuid() -> [u8; 16] {
    hex::decode(UUID).unwrap().try_into().unwrap()
}

#[test]
fn the_engagement_of_the_standard_is_read() {
    let bytes = annex_d_like();
    assert_eq!(bytes.len(), 116);
    let engagement = DeviceEngagement::from_uri(&uri(&bytes)).unwrap();
    assert_eq!(engagement, DeviceEngagement::from_bytes(&bytes).unwrap());
    assert_eq!(engagement.as_bytes(), bytes);
    assert_eq!(engagement.version(), Version::V1_0);
    assert_eq!(hex::encode(engagement.e_device_key_bytes()), E_DEVICE_KEY_BYTES);
    assert_eq!(engagement.e_device_key().curve(), Curve::P256);
    assert_eq!(
        hex::encode(engagement.e_device_key().coordinates().0),
        "5a88d182bce5f42efa59943f33359d2e8a968ff289d93e5fa444b624343167fe"
    );
    assert_eq!(
        engagement.retrieval_methods(),
        [RetrievalMethod::Ble(BleOptions {
            peripheral_server: None,
            central_client: Some(BleCentralClient { uuid: uuid() }),
        })]
    );
    assert_eq!(engagement.origin_infos(), []);
    assert_eq!(engagement.capabilities(), None);
}

#[test]
fn annex_d_matches() {
    let Some(vectors) = test_vectors::json("annex-d/iso18013-5-annex-d.json") else {
        return;
    };
    let bytes = test_vectors::hex_member(&vectors, "device_engagement");
    assert_eq!(bytes, annex_d_like());
    let engagement = DeviceEngagement::from_bytes(&bytes).unwrap();
    assert_eq!(
        engagement.e_device_key_bytes(),
        test_vectors::hex_member(&vectors, "e_device_key_bytes")
    );
    let (x, y) = engagement.e_device_key().coordinates();
    assert_eq!(x, test_vectors::hex_member(&vectors, "ephemeral_device_key_x"));
    assert_eq!(y, test_vectors::hex_member(&vectors, "ephemeral_device_key_y"));
}

#[test]
fn the_scheme_is_read_without_regard_to_case() {
    let body = uri(&annex_d_like()).split_off("mdoc:".len());
    for scheme in ["mdoc:", "MDOC:", "Mdoc:"] {
        assert!(
            DeviceEngagement::from_uri(&format!("{scheme}{body}")).is_ok(),
            "{scheme}"
        );
    }
    for (text, expected) in [
        (String::new(), EngagementError::Scheme),
        ("mdoc".to_owned(), EngagementError::Scheme),
        (body.clone(), EngagementError::Scheme),
        (format!(" mdoc:{body}"), EngagementError::Scheme),
        (format!("mdocs:{body}"), EngagementError::Scheme),
        (format!("openid4vp:{body}"), EngagementError::Scheme),
        (format!("mdoc://{body}"), EngagementError::ReverseEngagement),
        (format!("MDOC://{body}"), EngagementError::ReverseEngagement),
        (
            format!("mdoc:/{body}"),
            EngagementError::Base64url(Base64urlError::Alphabet),
        ),
        (
            format!("mdoc:{body}="),
            EngagementError::Base64url(Base64urlError::Padding),
        ),
        (
            format!("mdoc:{body}\n"),
            EngagementError::Base64url(Base64urlError::WhiteSpace),
        ),
        (
            format!("mdoc: {body}"),
            EngagementError::Base64url(Base64urlError::WhiteSpace),
        ),
        (
            "mdoc:oA1".to_owned(),
            EngagementError::Base64url(Base64urlError::SpareBits),
        ),
        (
            "mdoc:".to_owned(),
            EngagementError::Cbor(cbor::Error {
                kind: ErrorKind::Truncated,
                offset: 0,
            }),
        ),
    ] {
        assert_eq!(DeviceEngagement::from_uri(&text), Err(expected), "{text}");
    }
}

#[test]
fn text_and_bytes_have_size_limits() {
    let longest = format!("mdoc:{}", "A".repeat(DeviceEngagement::MAX_URI_LEN - 5));
    assert_ne!(
        DeviceEngagement::from_uri(&longest),
        Err(EngagementError::TooLarge)
    );
    let too_long = format!("{longest}A");
    assert_eq!(
        DeviceEngagement::from_uri(&too_long),
        Err(EngagementError::TooLarge)
    );

    let padded = |len: usize| {
        let overhead = hexadecimal("a3 00{1.0} 018201{key} 04 590000").len();
        let filler = u16::try_from(len - overhead).unwrap();
        let mut bytes = hexadecimal(&format!("a3 00{{1.0}} 018201{{key}} 04 59{filler:04x}"));
        bytes.resize(len, 0);
        DeviceEngagement::from_bytes(&bytes)
    };
    assert!(padded(DeviceEngagement::MAX_LEN).is_ok());
    assert_eq!(
        padded(DeviceEngagement::MAX_LEN + 1),
        Err(EngagementError::TooLarge)
    );
}

#[test]
fn malformed_engagements_are_refused_by_name() {
    assert!(decode("a2 00{1.0} 018201{key}").is_ok());
    let truncated = |offset| {
        EngagementError::Cbor(cbor::Error {
            kind: ErrorKind::Truncated,
            offset,
        })
    };
    for (template, expected) in [
        ("", truncated(0)),
        (
            "a2 00{1.0} 018201{key} 00",
            EngagementError::Cbor(cbor::Error {
                kind: ErrorKind::Trailing,
                offset: 88,
            }),
        ),
        (
            "a3 00{1.0} 018201{key} 00{1.0}",
            EngagementError::Cbor(cbor::Error {
                kind: ErrorKind::DuplicateKey,
                offset: 88,
            }),
        ),
        ("82 00{1.0}", EngagementError::NotAMap),
        ("d81841a0", EngagementError::NotAMap),
        ("a3 00{1.0} 018201{key} 6131 00", EngagementError::Key),
        ("a3 00{1.0} 018201{key} 4101 00", EngagementError::Key),
        ("a0", EngagementError::VersionMissing),
        ("a1 018201{key}", EngagementError::VersionMissing),
        (
            "a2 0001 018201{key}",
            EngagementError::Version(VersionError::Malformed),
        ),
        (
            "a2 0063322e30 018201{key}",
            EngagementError::Version(VersionError::Unsupported),
        ),
        (
            "a2 0063302e39 018201{key}",
            EngagementError::Version(VersionError::Unsupported),
        ),
        ("a1 00{1.0}", EngagementError::Security),
        ("a2 00{1.0} 01f6", EngagementError::Security),
        ("a2 00{1.0} 018101", EngagementError::Security),
        ("a2 00{1.0} 018301{key}00", EngagementError::Security),
        ("a2 00{1.0} 01826131{key}", EngagementError::Security),
        ("a2 00{1.0} 0182f93c00{key}", EngagementError::Security),
        ("a2 00{1.0} 018200{key}", EngagementError::CipherSuite),
        ("a2 00{1.0} 018202{key}", EngagementError::CipherSuite),
        ("a2 00{1.0} 018220{key}", EngagementError::CipherSuite),
        ("a2 00{1.0} 018201a0", EngagementError::Security),
        ("a2 00{1.0} 01820141a0", EngagementError::Security),
        ("a2 00{1.0} 018201d81741a0", EngagementError::Security),
        (
            "a2 00{1.0} 018201d81840",
            EngagementError::EDeviceKeyCbor(cbor::Error {
                kind: ErrorKind::Truncated,
                offset: 0,
            }),
        ),
        (
            "a2 00{1.0} 018201d81842a0a0",
            EngagementError::EDeviceKeyCbor(cbor::Error {
                kind: ErrorKind::Trailing,
                offset: 1,
            }),
        ),
        (
            "a2 00{1.0} 018201d8184180",
            EngagementError::EDeviceKey(KeyFormatError::NotAMap),
        ),
        (
            "a2 00{1.0} 018201d81841a0",
            EngagementError::EDeviceKey(KeyFormatError::Curve),
        ),
    ] {
        assert_eq!(error(template), expected, "{template}");
    }
}

#[test]
fn a_key_that_is_no_point_is_refused() {
    let mut bytes = annex_d_like();
    assert!(DeviceEngagement::from_bytes(&bytes).is_ok());
    // The last byte of y stands before the 28 bytes of the BLE method.
    let y = bytes.len() - 29;
    assert_eq!(bytes[y - 1..=y], [0xfc, 0x67]);
    bytes[y] ^= 1;
    assert_eq!(
        DeviceEngagement::from_bytes(&bytes),
        Err(EngagementError::EDeviceKey(KeyFormatError::Key(
            KeyError::NotOnCurve
        )))
    );
}

#[test]
fn an_engagement_cut_at_any_length_is_refused() {
    let bytes = annex_d_like();
    assert!(DeviceEngagement::from_bytes(&bytes).is_ok());
    for length in 0..bytes.len() {
        let Err(EngagementError::Cbor(error)) = DeviceEngagement::from_bytes(&bytes[..length]) else {
            panic!("cut at {length}");
        };
        assert_eq!(error.kind, ErrorKind::Truncated, "cut at {length}");
    }
}

#[test]
fn unknown_keys_and_later_minor_versions_pass() {
    let unknown = "a5 00{1.0} 018201{key} 03f6 07f5 20 6161";
    assert!(decode(unknown).is_ok());
    let later = decode("a2 0063312e32 018201{key}").unwrap();
    assert_eq!(later.version(), Version { minor: 2 });
}

#[test]
fn keys_5_and_6_are_read_from_version_1_1_only() {
    // What one wallet of version 1.0 puts under key 5.
    let of_1_0 = decode("a4 00{1.0} 018201{key} 05 8161 78 06 00").unwrap();
    assert_eq!(of_1_0.origin_infos(), []);
    assert_eq!(of_1_0.capabilities(), None);

    let of_1_1 = decode(
        "a4 00{1.1} 018201{key} \
         0582 a363636174016474797065016764657461696c73a166646f6d61696e6161 \
              a363636174026474797065036764657461696c73a0 \
         06a3 02f5 04f5 1863 00",
    )
    .unwrap();
    assert_eq!(
        of_1_1.origin_infos(),
        [
            OriginInfo {
                category: 1,
                origin_type: 1,
                domain: Some("a".to_owned()),
            },
            OriginInfo {
                category: 2,
                origin_type: 3,
                domain: None,
            },
        ]
    );
    assert_eq!(
        of_1_1.capabilities(),
        Some(Capabilities {
            handover_session_establishment: true,
            reader_auth_all: false,
            extended_request: true,
        })
    );

    for (members, expected) in [
        ("05a0", EngagementError::OriginInfos),
        ("05816178", EngagementError::OriginInfos),
        ("0581a0", EngagementError::OriginInfos),
        ("0581a26363617401647479706501", EngagementError::OriginInfos),
        // A web origin without its domain.
        (
            "0581a363636174016474797065016764657461696c73a0",
            EngagementError::OriginInfos,
        ),
        (
            "0581a363636174206474797065016764657461696c73a0",
            EngagementError::OriginInfos,
        ),
        ("0680", EngagementError::Capabilities),
        ("06a102f4", EngagementError::Capabilities),
        ("06a10301", EngagementError::Capabilities),
        ("06a104f6", EngagementError::Capabilities),
        ("06a16161f5", EngagementError::Capabilities),
    ] {
        assert_eq!(
            error(&format!("a3 00{{1.1}} 018201{{key}} {members}")),
            expected,
            "{members}"
        );
    }
    let many = "a363636174026474797065036764657461696c73a0".repeat(17);
    assert_eq!(
        error(&format!("a3 00{{1.1}} 018201{{key}} 0591{many}")),
        EngagementError::OriginInfos
    );
}

#[test]
fn every_known_method_is_read() {
    let ble = BleOptions {
        peripheral_server: Some(BlePeripheralServer {
            uuid: uuid(),
            address: Some([1, 2, 3, 4, 5, 6]),
            l2cap_psm: Some(0x80),
        }),
        central_client: Some(BleCentralClient { uuid: uuid() }),
    };
    assert_eq!(
        methods(
            "83 830101a2 0018ff 01190100 \
             830201a6 00f5 01f5 0a50{uuid} 0b50{uuid} 1446010203040506 151880 \
             830301a4 006170 011851 0206 034104"
        ),
        Ok(vec![
            RetrievalMethod::Nfc(NfcOptions {
                max_command_data: 255,
                max_response_data: 256,
            }),
            RetrievalMethod::Ble(ble),
            RetrievalMethod::WifiAware(WifiAwareOptions {
                passphrase: Some("p".to_owned()),
                operating_class: Some(81),
                channel: Some(6),
                supported_bands: Some(vec![4]),
            }),
        ])
    );
    assert_eq!(
        methods("81 830101a2 0019ffff 011a00010000"),
        Ok(vec![RetrievalMethod::Nfc(NfcOptions {
            max_command_data: 65_535,
            max_response_data: 65_536,
        })])
    );
    // A UUID of a mode that is not offered is ignored, and so are private options.
    assert_eq!(
        methods("81 830201a5 00f4 01f5 0a50{uuid} 0b50{uuid} 182af5"),
        Ok(vec![RetrievalMethod::Ble(BleOptions {
            peripheral_server: None,
            ..ble
        })])
    );
}

#[test]
fn unknown_methods_and_versions_are_skipped() {
    assert_eq!(methods("84 830401a0 830501f6 830202a0 820900"), Ok(Vec::new()));
    assert_eq!(
        methods("82 830202a0 830101a2 0018ff 01190100").map(|methods| methods.len()),
        Ok(1)
    );
}

#[test]
fn malformed_methods_are_refused_by_name() {
    for (list, expected) in [
        ("80", MethodError::List),
        ("a0", MethodError::List),
        ("f6", MethodError::List),
        ("8101", MethodError::Entry),
        ("8180", MethodError::Entry),
        ("818102", MethodError::Entry),
        ("8183026131a0", MethodError::Entry),
        ("81832001a0", MethodError::Entry),
        ("81820201", MethodError::Entry),
        ("81840201a000", MethodError::Entry),
        // Known and unknown types alike.
        ("82 830901a0 830901a0", MethodError::Duplicate),
        (
            "82 830101a20018ff01190100 830101a20018ff01190100",
            MethodError::Duplicate,
        ),
        ("81 83010180", MethodError::NfcOptions),
        ("81 830101a0", MethodError::NfcOptions),
        ("81 830101a10018ff", MethodError::NfcOptions),
        ("81 830101a20018fe01190100", MethodError::NfcOptions),
        ("81 830101a20018ff0118ff", MethodError::NfcOptions),
        ("81 830101a2001a0001000001190100", MethodError::NfcOptions),
        ("81 830101a20018ff011a00010001", MethodError::NfcOptions),
        ("81 830101a2002001190100", MethodError::NfcOptions),
        ("81 830201f6", MethodError::BleOptions),
        ("81 830201a0", MethodError::BleOptions),
        ("81 830201a200f501f6", MethodError::BleOptions),
        ("81 830201a2000101f4", MethodError::BleOptions),
        ("81 830201a200f401f4", MethodError::BleNoMode),
        ("81 830201a300f401f40b50{uuid}", MethodError::BleNoMode),
        ("81 830201a200f501f4", MethodError::BleUuidMissing),
        ("81 830201a200f401f5", MethodError::BleUuidMissing),
        ("81 830201a300f401f50a50{uuid}", MethodError::BleUuidMissing),
        ("81 830201a300f401f50b4100", MethodError::BleOptions),
        ("81 830201a300f401f50b51{uuid}00", MethodError::BleOptions),
        ("81 830201a300f401f50b8101", MethodError::BleOptions),
        (
            "81 830201a400f401f50b50{uuid}14450102030405",
            MethodError::BleOptions,
        ),
        (
            "81 830201a400f401f50b50{uuid}151a00010000",
            MethodError::BleOptions,
        ),
        ("81 830201a400f401f50b50{uuid}1520", MethodError::BleOptions),
        ("81 83030180", MethodError::WifiAwareOptions),
        ("81 830301a10000", MethodError::WifiAwareOptions),
        ("81 830301a10120", MethodError::WifiAwareOptions),
        ("81 830301a102f6", MethodError::WifiAwareOptions),
        ("81 830301a1036161", MethodError::WifiAwareOptions),
    ] {
        assert_eq!(method_error(list), expected, "{list}");
    }
    let entries = (0..17)
        .map(|version| format!("830{}{version:02x}a0", 9))
        .collect::<String>();
    assert_eq!(method_error(&format!("91{entries}")), MethodError::List);
    assert_eq!(methods(&format!("90{}", &entries[..16 * 8])), Ok(Vec::new()));
}

#[test]
fn debug_output_and_errors_show_no_content() {
    let engagement = decode(
        "a4 00{1.1} 018201{key} 0281 830201a3 00f4 01f5 0b50{uuid} \
         0581a363636174016474797065016764657461696c73a166646f6d61696e66736563726574",
    )
    .unwrap();
    let shown = format!(
        "{engagement:?} {:?} {:?}",
        engagement.retrieval_methods(),
        engagement.origin_infos()
    );
    for content in ["5a88", "45ef", "69", "secret"] {
        assert!(!shown.contains(content), "{shown}");
    }
    assert_eq!(
        error("a2 00{1.0} 018202{key}").to_string(),
        "an engagement with an unknown cipher suite"
    );
    assert_eq!(
        error("a2 0063322e30 018201{key}").to_string(),
        "an engagement with an unknown major version"
    );
}

proptest! {
    #[test]
    fn no_text_panics(text in "(mdoc:)?[A-Za-z0-9_=/ -]{0,200}|\\PC{0,60}") {
        let _ = DeviceEngagement::from_uri(&text);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = DeviceEngagement::from_bytes(&bytes);
        let _ = DeviceEngagement::from_uri(&uri(&bytes));
    }

    #[test]
    fn a_changed_byte_never_panics_and_never_changes_the_key(index in 0..116_usize, change in 1..=255_u8) {
        let mut bytes = annex_d_like();
        let whole = DeviceEngagement::from_bytes(&bytes).unwrap();
        bytes[index] ^= change;
        if let Ok(changed) = DeviceEngagement::from_bytes(&bytes) {
            prop_assert_eq!(changed.e_device_key(), whole.e_device_key());
        }
    }
}
