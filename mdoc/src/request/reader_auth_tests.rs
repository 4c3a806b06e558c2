use super::*;
use crate::cbor::{Item, Rules};
use crate::cose::Message;
use crate::crypto::SigningKey;
use crate::request::{
    DeviceRequestInfo, DocRequest, RequestError, RequestedElement, RequestedNameSpace, UseCase,
};
use crate::test_vectors;
use crate::version::Version;

/// A key and a certificate made for this test by `openssl`.
const KEY: &str = concat!(
    "308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b020101042021c329f536dc009fbec36a40",
    "5f3649cfbecc51a625937aa67691e3db99751bf7a144034200042cdb93e94de1b0d4c144b95340bf0acac1e39b491173",
    "767968ab181659279182310553ec0a0e05f7f32f93ebdcb875333e7b1f55741823452129c901e9e27424"
);
const CERTIFICATE: &str = concat!(
    "3082019b30820141a00302010202147f25f09d4029de92259cb9ed730bfa50d3bc947a300a06082a8648ce3d04030230",
    "23310b3009060355040613024a503114301206035504030c0b7465737420726561646572301e170d3236313132333233",
    "303332385a170d3237313132333233303332385a3023310b3009060355040613024a503114301206035504030c0b7465",
    "7374207265616465723059301306072a8648ce3d020106082a8648ce3d030107034200042cdb93e94de1b0d4c144b953",
    "40bf0acac1e39b491173767968ab181659279182310553ec0a0e05f7f32f93ebdcb875333e7b1f55741823452129c901",
    "e9e27424a3533051301d0603551d0e0416041469900c0fca8c1987a4714c2311f52cc0afbbcfda301f0603551d230418",
    "3016801469900c0fca8c1987a4714c2311f52cc0afbbcfda300f0603551d130101ff040530030101ff300a06082a8648",
    "ce3d0403020348003045022012b79a26f4b2037917c4590b951018f4e07d817e5bfa05afe7062da51934a64002210083",
    "b368c935981278a27805d5baa8f12d76b8367c36717c10baed3d23f32068f0"
);

fn key() -> SigningKey {
    SigningKey::from_pkcs8(&hex::decode(KEY).unwrap()).unwrap()
}

fn certificate() -> Vec<u8> {
    hex::decode(CERTIFICATE).unwrap()
}

fn request(documents: usize) -> DeviceRequest {
    let items = |index: usize| {
        let name_space = RequestedNameSpace {
            name: "n".to_owned(),
            elements: vec![RequestedElement {
                identifier: format!("e{index}"),
                intent_to_retain: false,
            }],
        };
        DocRequest::new(ItemsRequest::new("d".to_owned(), vec![name_space]).unwrap())
    };
    DeviceRequest::new((0..documents).map(items).collect()).unwrap()
}

fn info(documents: usize) -> DeviceRequestInfo {
    let use_case = UseCase {
        mandatory: true,
        document_sets: vec![vec![0], vec![1]],
        purpose_hints: vec![("org.example".to_owned(), -3)],
    };
    DeviceRequestInfo::new(vec![use_case], documents).unwrap()
}

fn transcript(nonce: u8) -> SessionTranscript {
    SessionTranscript::annex_c("info", &format!("https://{nonce}.example"))
}

fn holds(message: &[u8], payload: &[u8]) -> bool {
    let item = Item::decode(message, &Rules::default()).unwrap();
    let message = Message::decode(item, &Rules::default()).unwrap();
    assert_eq!(message.payload(), None);
    let chain = message.headers().x5chain(false).unwrap();
    let leaf = Certificate::from_der(chain.certificates()[0]).unwrap();
    assert_eq!(message.headers().algorithm(), Ok(key().algorithm().cose_id()));
    message
        .verify_signature(key().algorithm(), leaf.public_key().unwrap(), &[payload])
        .is_ok()
}

#[test]
fn the_signed_bytes_are_those_of_annex_d() {
    let Some(vectors) = test_vectors::json("annex-d/iso18013-5-annex-d.json") else {
        return;
    };
    let member = |name| test_vectors::hex_member(&vectors, name);
    let tagged = member("session_transcript_bytes");
    let array = Item::decode(&tagged, &Rules::default()).unwrap();
    let transcript = SessionTranscript::from_bytes(array.as_embedded_bytes().unwrap()).unwrap();
    let request = DeviceRequest::decode(&member("device_request")).unwrap();
    let [document] = request.doc_requests() else {
        panic!("one document is asked for");
    };
    let payload = reader_authentication_bytes(&transcript, document.items_request());
    let published = document.reader_auth().unwrap();
    let item = Item::decode(published, &Rules::default()).unwrap();
    let message = Message::decode(item, &Rules::default()).unwrap();
    let chain = message.headers().x5chain(false).unwrap();
    let leaf = Certificate::from_der(chain.certificates()[0]).unwrap();
    let verify = |payload: &[u8]| {
        message.verify_signature(
            crate::crypto::SignatureAlgorithm::Es256,
            leaf.public_key().unwrap(),
            &[payload],
        )
    };
    assert_eq!(verify(&payload), Ok(()));
    assert!(verify(&payload[1..]).is_err());
}

#[test]
fn each_document_request_is_signed_in_its_session() {
    let key = key();
    let identity = ReaderIdentity::new(vec![certificate()], &key).unwrap();
    let mut request = request(2);
    request.sign(&transcript(1), &identity).unwrap();
    let received = DeviceRequest::decode(&request.encode()).unwrap();
    assert_eq!(received.version(), Version::V1_0);
    let documents = received.doc_requests();
    for (own, other) in [(0, 1), (1, 0)] {
        let signature = documents[own].reader_auth().unwrap();
        let payload = |nonce, index: usize| {
            reader_authentication_bytes(&transcript(nonce), documents[index].items_request())
        };
        assert!(holds(signature, &payload(1, own)));
        assert!(!holds(signature, &payload(2, own)), "another session");
        assert!(!holds(signature, &payload(1, other)), "another document");
    }
}

#[test]
fn the_whole_request_is_signed_in_version_1_1() {
    let key = key();
    let identity = ReaderIdentity::new(vec![certificate()], &key).unwrap();
    let mut request = request(2).with_device_request_info(info(2));
    request.sign_all(&transcript(1), &identity).unwrap();
    request.sign_all(&transcript(1), &identity).unwrap();
    let received = DeviceRequest::decode(&request.encode()).unwrap();
    assert_eq!(received, request);
    assert_eq!(received.version(), Version::V1_1);
    assert_eq!(
        received.device_request_info().unwrap().use_cases(),
        info(2).use_cases()
    );
    let [first, second] = received.reader_auth_all() else {
        panic!("two signatures");
    };
    let payload = received.reader_authentication_all_bytes(&transcript(1));
    assert!(holds(first, &payload) && holds(second, &payload));
    assert!(!holds(
        first,
        &received.reader_authentication_all_bytes(&transcript(2))
    ));

    // What is signed is the request as it stands: other information is another request.
    let changed = received.with_device_request_info(DeviceRequestInfo::decode(b"\xa0", 2).unwrap());
    assert!(changed.reader_auth_all().is_empty());
    assert!(!holds(
        request.reader_auth_all().first().unwrap(),
        &changed.reader_authentication_all_bytes(&transcript(1))
    ));
    // Without information null stands in its place.
    let plain = self::request(1).reader_authentication_all_bytes(&transcript(1));
    assert_eq!(plain.last(), Some(&0xf6));
}

#[test]
fn members_of_version_1_1_are_not_read_in_version_1_0() {
    let request = request(2).with_device_request_info(info(2));
    let encoded = request.encode();
    let position = encoded.windows(3).position(|window| window == b"1.1").unwrap();
    let mut older = encoded.clone();
    older[position..position + 3].copy_from_slice(b"1.0");
    assert_eq!(DeviceRequest::decode(&older).unwrap().device_request_info(), None);
    assert!(
        DeviceRequest::decode(&encoded)
            .unwrap()
            .device_request_info()
            .is_some()
    );

    // Whatever they hold.
    let with = |version: &str, name: &str, value: &[u8]| {
        let mut bytes = self::request(2).encode();
        bytes[0] += 1;
        let at = bytes.windows(3).position(|window| window == b"1.0").unwrap();
        bytes[at..at + 3].copy_from_slice(version.as_bytes());
        write::text(&mut bytes, name);
        bytes.extend_from_slice(value);
        DeviceRequest::decode(&bytes).map(drop)
    };
    for (name, value, fault) in [
        ("deviceRequestInfo", &b"\xf6"[..], RequestError::DeviceRequestInfo),
        ("deviceRequestInfo", b"\xa0", RequestError::DeviceRequestInfo),
        (
            "deviceRequestInfo",
            b"\xd8\x18\x41\x80",
            RequestError::DeviceRequestInfo,
        ),
        ("readerAuthAll", b"\xf6", RequestError::ReaderAuthAll),
        ("readerAuthAll", b"\x80", RequestError::ReaderAuthAll),
        (
            "readerAuthAll",
            b"\x81\x83\x00\x00\x00",
            RequestError::ReaderAuthAll,
        ),
    ] {
        assert_eq!(with("1.0", name, value), Ok(()));
        assert_eq!(with("1.1", name, value), Err(fault), "{name}");
    }
    assert_eq!(with("1.1", "deviceRequestInfo", b"\xd8\x18\x41\xa0"), Ok(()));
    assert!(matches!(
        with("1.1", "deviceRequestInfo", b"\xd8\x18\x41\xff"),
        Err(RequestError::DeviceRequestInfoCbor(_))
    ));
    assert_eq!(with("1.1", "readerAuthAll", b"\x81\x84\x00\x00\x00\x00"), Ok(()));
}

#[test]
fn use_cases_name_documents_that_are_asked_for() {
    let sets = |document_sets: Vec<Vec<usize>>| {
        let use_case = UseCase {
            mandatory: false,
            document_sets,
            purpose_hints: Vec::new(),
        };
        DeviceRequestInfo::new(vec![use_case], 2).map(drop)
    };
    assert_eq!(sets(vec![vec![1, 0]]), Ok(()));
    for wrong in [vec![], vec![vec![]], vec![vec![2]], vec![vec![0], vec![0, 2]]] {
        assert_eq!(sets(wrong), Err(RequestError::DeviceRequestInfo));
    }
    assert_eq!(
        DeviceRequestInfo::new(Vec::new(), 2).unwrap_err(),
        RequestError::DeviceRequestInfo
    );
    // Decoding holds to the same.
    let encoded = info(2).as_bytes().to_vec();
    assert_eq!(DeviceRequestInfo::decode(&encoded, 2).unwrap(), info(2));
    assert_eq!(
        DeviceRequestInfo::decode(&encoded, 1).unwrap_err(),
        RequestError::DeviceRequestInfo
    );
}

#[test]
fn a_chain_and_a_key_that_are_no_reader_are_refused() {
    let key = key();
    let fault =
        |chain: Vec<Vec<u8>>, key: &SigningKey| ReaderIdentity::new(chain, key).map(drop).unwrap_err();
    assert!(ReaderIdentity::new(vec![certificate()], &key).is_ok());
    assert!(ReaderIdentity::new(vec![certificate(), certificate()], &key).is_ok());
    let own = ReaderIdentity::public_key_of(&[certificate()]).unwrap();
    assert_eq!(&own, key.public_key());
    assert_eq!(
        ReaderIdentity::public_key_of(&[]),
        Err(ReaderIdentityError::Length)
    );
    assert!(matches!(
        ReaderIdentity::public_key_of(&[vec![0x30]]),
        Err(ReaderIdentityError::Certificate { index: 0, .. })
    ));
    assert_eq!(fault(vec![], &key), ReaderIdentityError::Length);
    assert_eq!(fault(vec![certificate(); 6], &key), ReaderIdentityError::Length);
    assert_eq!(
        fault(vec![certificate(), vec![0x30]], &key),
        ReaderIdentityError::Certificate {
            index: 1,
            error: CertificateError::Der
        }
    );
    let other = SigningKey::from_bytes(crate::crypto::Curve::P256, &[7; 32]).unwrap();
    assert_eq!(fault(vec![certificate()], &other), ReaderIdentityError::OtherKey);
    let mut damaged = certificate();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(
        fault(vec![damaged, certificate()], &key),
        ReaderIdentityError::Order
    );
}

/// A key that is out of reach.
struct Unplugged(SigningKey);

impl Signer for Unplugged {
    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn algorithm(&self) -> crate::crypto::SignatureAlgorithm {
        self.0.algorithm()
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignError> {
        Err(SignError("unplugged".to_owned()))
    }
}

#[test]
fn a_key_that_does_not_sign_says_why() {
    let key = Unplugged(key());
    let identity = ReaderIdentity::new(vec![certificate()], &key).unwrap();
    let mut request = request(1);
    let error = request.sign(&transcript(1), &identity).unwrap_err();
    assert_eq!(error.to_string(), "the key does not sign: unplugged");
    assert!(request.sign_all(&transcript(1), &identity).is_err());
    assert!(request.reader_auth_all().is_empty());
}
