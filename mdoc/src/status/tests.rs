//! Tokens against the examples of the Token Status List draft, and lists that unfold too far.

use serde_json::Value;

use super::list::{ListError, StatusList};
use super::{ListContent, ListKind, RefusedToken, StatusToken, TokenError, TokenForm, numeric_date};
use crate::crypto::{Curve, PublicKey};
use crate::engagement::base64url;
use crate::test_vectors;

fn examples() -> Option<Value> {
    test_vectors::json("status-list/draft-20-examples.json")
}

#[test]
fn every_entry_of_the_published_lists() {
    let Some(examples) = examples() else { return };
    let lists = examples.as_object().unwrap();
    let mut seen = Vec::new();
    for (name, example) in lists.iter().filter(|(_, example)| example.get("lst").is_some()) {
        let bits = example["bits"].as_u64().unwrap();
        let compressed = base64url::decode(example["lst"].as_str().unwrap()).unwrap();
        let list = StatusList::inflate(bits, &compressed).unwrap();
        assert_eq!(u64::from(list.bits()), bits);
        assert_eq!(list.len(), example["entries"].as_u64().unwrap(), "{name}");
        let nonzero = example["nonzero"].as_object().unwrap();
        let mut found = 0;
        for index in 0..list.len() {
            let expected = nonzero
                .get(&index.to_string())
                .and_then(Value::as_u64)
                .unwrap_or(0);
            assert_eq!(
                u64::from(list.get(index).unwrap()),
                expected,
                "{name} entry {index}"
            );
            found += usize::from(expected != 0);
        }
        assert_eq!(found, nonzero.len(), "{name}");
        assert_eq!(list.get(list.len()), None, "{name}");
        assert_eq!(list.get(u64::MAX), None, "{name}");
        seen.push(bits);
    }
    seen.sort_unstable();
    assert_eq!(seen, [1, 1, 2, 2, 4, 8]);
}

/// A public key on P-256; the draft's examples are signed with one.
fn example_key(x: &str, y: &str) -> PublicKey {
    let coordinate = |text: &str| base64url::decode(text).unwrap();
    PublicKey::from_coordinates(Curve::P256, &coordinate(x), &coordinate(y)).unwrap()
}

#[test]
fn the_published_tokens_are_read() {
    let Some(examples) = examples() else { return };
    let cwt = hex::decode(examples["status_list_cwt"]["hex"].as_str().unwrap()).unwrap();
    let token = StatusToken::decode(&cwt).unwrap();
    assert_eq!(token.subject(), "https://example.com/statuslists/1");
    assert_eq!(token.issued_at().seconds(), 1_686_920_170);
    assert_eq!(token.expires_at().unwrap().seconds(), 2_291_720_170);
    assert_eq!(token.time_to_live(), Some(43_200));
    assert_eq!(
        (token.form(), token.kind()),
        (TokenForm::Cwt, ListKind::StatusList)
    );
    assert!(token.signer().is_none());
    assert_eq!(
        token.iso_fault(),
        Some("the x5chain is not in the protected header")
    );
    let ListContent::Statuses(list) = token.content() else {
        panic!("a status list");
    };
    let values: Vec<u8> = (0..16).map(|index| list.get(index).unwrap()).collect();
    assert_eq!(values, [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]);

    let jwt = examples["status_list_jwt_raw"]["jwt"].as_str().unwrap();
    let token = StatusToken::decode(jwt.as_bytes()).unwrap();
    assert_eq!(token.subject(), "https://example.com/statuslists/1");
    assert_eq!(token.expires_at().unwrap().seconds(), 2_291_720_170);
    assert_eq!(
        (token.form(), token.time_to_live()),
        (TokenForm::Jwt, Some(43_200))
    );
    assert_eq!(token.iso_fault(), Some("a JWT"));
    let ListContent::Statuses(of_jwt) = token.content() else {
        panic!("a status list");
    };
    assert_eq!(of_jwt, list);
}

#[test]
fn the_published_tokens_are_signed_with_the_published_key() {
    let Some(examples) = examples() else { return };
    let own = example_key(
        "I3HWm_0Ds1dPMI-IWmf4mBmH-YaeAVbPVu7vB27CxXo",
        "6N_d5Elj9bs1htgV3okJKIdbHEpkgTmAluYKJemzn1M",
    );
    // The example key of RFC 7517 Appendix A.1.
    let other = example_key(
        "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    );
    let cwt = hex::decode(examples["status_list_cwt"]["hex"].as_str().unwrap()).unwrap();
    let jwt = examples["status_list_jwt_raw"]["jwt"].as_str().unwrap();
    for token in [cwt.as_slice(), jwt.as_bytes()] {
        let token = StatusToken::decode(token).unwrap();
        assert!(token.is_signed_by(&own), "{:?}", token.form());
        assert!(!token.is_signed_by(&other), "{:?}", token.form());
    }
}

/// A zlib stream of stored blocks, written by hand: no compressor of ours has a part in it.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let (mut low, mut high) = (1u32, 0u32);
    for byte in bytes {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    let length = u16::try_from(bytes.len()).unwrap();
    let mut out = vec![0x78, 0x01, 1];
    out.extend(length.to_le_bytes());
    out.extend((!length).to_le_bytes());
    out.extend(bytes);
    out.extend(((high << 16) | low).to_be_bytes());
    out
}

#[test]
fn entries_are_counted_from_the_lowest_bit() {
    // The one-bit example of the draft, `b9 a3`.
    let list = StatusList::inflate(1, &stored(&[0xb9, 0xa3])).unwrap();
    assert_eq!(
        (list.len(), list.get(0), list.get(1), list.get(15), list.get(16)),
        (16, Some(1), Some(0), Some(1), None)
    );
    let list = StatusList::inflate(2, &stored(&[0xc9, 0x44, 0xf9])).unwrap();
    let values: Vec<u8> = (0..12).map(|index| list.get(index).unwrap()).collect();
    assert_eq!(values, [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]);
    let list = StatusList::inflate(4, &stored(&[0x21])).unwrap();
    assert_eq!([list.get(0), list.get(1), list.get(2)], [Some(1), Some(2), None]);
    let list = StatusList::inflate(8, &stored(&[0xfe])).unwrap();
    assert_eq!([list.get(0), list.get(1)], [Some(0xfe), None]);
    assert!(StatusList::inflate(1, &stored(&[])).unwrap().is_empty());
}

#[test]
fn widths_that_do_not_exist() {
    for bits in [0, 3, 5, 6, 7, 9, 16, 256, 257, u64::MAX] {
        assert_eq!(
            StatusList::inflate(bits, &stored(&[0])).unwrap_err(),
            ListError::Bits,
            "{bits}"
        );
    }
}

#[test]
fn streams_that_are_cut_or_go_on() {
    let whole = stored(&[1, 2, 3]);
    assert!(StatusList::inflate(8, &whole).is_ok(), "the untouched twin");
    for end in 0..whole.len() {
        assert_eq!(
            StatusList::inflate(8, &whole[..end]).unwrap_err(),
            ListError::Zlib,
            "{end}"
        );
    }
    let mut more = whole.clone();
    more.push(0);
    assert_eq!(StatusList::inflate(8, &more).unwrap_err(), ListError::Trailing);
    assert_eq!(
        StatusList::inflate(8, &[whole.clone(), whole].concat()).unwrap_err(),
        ListError::Trailing
    );
}

/// A bit writer for DEFLATE: least significant bit first.
struct Bits {
    bytes: Vec<u8>,
    used: u8,
}

impl Bits {
    fn put(&mut self, value: u8, count: u8) {
        for index in 0..count {
            if self.used == 0 {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= ((value >> index) & 1) << self.used;
            self.used = (self.used + 1) % 8;
        }
    }
}

#[test]
fn a_few_kilobytes_never_unfold_to_gigabytes() {
    // Fixed Huffman codes: one zero, then copies of 258 bytes at distance 1, twelve bits each.
    let mut bits = Bits {
        bytes: vec![0x78, 0xda],
        used: 0,
    };
    bits.put(0b011, 3);
    // Literal 0 is 0011_0000, most significant bit first.
    for bit in [0, 0, 1, 1, 0, 0, 0, 0] {
        bits.put(bit, 1);
    }
    for _ in 0..4_000_000 {
        // Length 258 is 1100_0101; distance 1 is 00000.
        for bit in [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0] {
            bits.put(bit, 1);
        }
    }
    // 6.5 MB of stream that say 1 GB, and stop at the bound long before.
    assert_eq!(
        StatusList::inflate(1, &bits.bytes).unwrap_err(),
        ListError::TooLarge
    );
    bits.bytes.truncate(8_000);
    assert_eq!(StatusList::inflate(1, &bits.bytes).unwrap_err(), ListError::Zlib);
}

#[test]
fn json_web_tokens_that_are_none() {
    let part = |text: &str| {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
    };
    const HEADER: &str = r#"{"alg":"ES256","typ":"statuslist+jwt"}"#;
    const CLAIMS: &str =
        r#"{"sub":"https://a.example/1","iat":1,"status_list":{"bits":1,"lst":"eNpjAAAAAQAB"}}"#;
    let token =
        |header: &str, claims: &str| format!("{}.{}.{}", part(header), part(claims), part("signature"));
    let error = |token: &str| StatusToken::decode(token.as_bytes()).unwrap_err().error;
    assert!(
        StatusToken::decode(token(HEADER, CLAIMS).as_bytes()).is_ok(),
        "the untouched twin"
    );
    let header = |from: &str, to: &str| {
        assert!(HEADER.contains(from));
        error(&token(&HEADER.replace(from, to), CLAIMS))
    };
    let claims = |from: &str, to: &str| {
        assert!(CLAIMS.contains(from));
        error(&token(HEADER, &CLAIMS.replace(from, to)))
    };
    let not_json = TokenError::Jwt("the header is not JSON of the right members");
    let no_claims = TokenError::Jwt("the claims are not JSON of the right members");
    assert_eq!(header("ES256", "none"), TokenError::AlgorithmRefused);
    assert_eq!(header("\"ES256\"", "-7"), not_json);
    assert_eq!(header("{", "{\"alg\":\"ES256\","), not_json, "one member twice");
    assert_eq!(
        header("{", "{\"crit\":[\"b64\"],"),
        TokenError::Jwt("a critical header")
    );
    assert_eq!(
        header("statuslist+jwt", "JWT"),
        TokenError::Type("that of no list in a JWT")
    );
    assert_eq!(
        header("statuslist+jwt", "statuslist+cwt"),
        TokenError::Type("that of no list in a JWT")
    );
    assert_eq!(
        header(",\"typ\":\"statuslist+jwt\"", ""),
        TokenError::Type("missing")
    );
    assert_eq!(
        header("{", "{\"x5c\":[],"),
        TokenError::Jwt("an x5c of no or too many certificates")
    );
    assert_eq!(
        header("{", "{\"x5c\":[\"_\"],"),
        TokenError::Jwt("an x5c that is not base64")
    );
    assert_eq!(claims("\"sub\"", "\"iss\""), no_claims);
    assert_eq!(claims("\"iat\":1", "\"iat\":\"1\""), no_claims);
    assert_eq!(
        claims("\"iat\":1", "\"iat\":1,\"iat\":2"),
        no_claims,
        "one claim twice"
    );
    assert_eq!(
        claims("\"iat\":1", "\"iat\":-1"),
        TokenError::Claim("the time of issue is no date")
    );
    assert_eq!(
        claims("\"iat\":1", "\"iat\":1e300"),
        TokenError::Claim("the time of issue is no date")
    );
    assert_eq!(
        claims("\"iat\":1", "\"iat\":1,\"ttl\":0"),
        TokenError::Claim("the time to live is not a positive integer")
    );
    assert_eq!(
        claims("\"iat\":1", "\"iat\":1,\"ttl\":1.5"),
        TokenError::Claim("the time to live is not a positive integer")
    );
    assert_eq!(
        claims("https://a.example/1", ""),
        TokenError::Claim("the token has no subject")
    );
    assert_eq!(
        claims("\"bits\":1", "\"bits\":3"),
        TokenError::List(ListError::Bits)
    );
    assert_eq!(claims("eNpj", "eNp="), TokenError::Jwt("not base64url"));
    assert_eq!(claims("\"bits\":1", "\"bits\":-1"), no_claims);
    let whole = token(HEADER, CLAIMS);
    assert_eq!(error(&format!("{whole}.x")), TokenError::Jwt("not three parts"));
    assert_eq!(error("ey"), TokenError::Jwt("not three parts"));
    assert_eq!(error(&whole.replace('.', "=.")), TokenError::Jwt("not base64url"));
}

#[test]
fn a_refused_token_tells_its_list_where_it_got_as_far() {
    // Claims in order, and a list that is cut off.
    const CLAIMS: &str = r#"{"sub":"https://a.example/1","iat":1,"status_list":{"bits":1,"lst":"eNpj"}}"#;
    use base64::Engine as _;
    let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let header = part(r#"{"alg":"ES256","typ":"statuslist+jwt"}"#);
    let token = format!("{header}.{}.{}", part(CLAIMS), part("signature"));
    assert_eq!(
        StatusToken::decode(token.as_bytes()).unwrap_err(),
        RefusedToken {
            subject: Some("https://a.example/1".to_owned()),
            error: TokenError::List(ListError::Zlib),
        }
    );
    assert_eq!(StatusToken::decode(b"").unwrap_err().subject, None);
    assert_eq!(StatusToken::decode(b" \n").unwrap_err().error, TokenError::Form);
}

#[test]
fn dates_of_claims() {
    let seconds = |value| numeric_date(value).map(crate::time::UnixTime::seconds);
    assert_eq!(seconds(0.0), Some(0));
    assert_eq!(seconds(1.999), Some(1));
    assert_eq!(seconds(253_402_300_799.0), Some(253_402_300_799));
    for none in [
        -0.5,
        -1.0,
        253_402_300_800.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ] {
        assert_eq!(seconds(none), None, "{none}");
    }
}
