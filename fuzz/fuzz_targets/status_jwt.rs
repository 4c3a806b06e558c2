//! A status list in a JWT is read or refused, as received and with fuzzed header and claims.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use mdoc::status::{StatusToken, TokenForm};

fn read(bytes: &[u8]) {
    if let Ok(token) = StatusToken::decode(bytes)
        && token.form() == TokenForm::Jwt
    {
        assert!(!token.subject().is_empty() && token.iso_fault().is_some());
    }
}

fuzz_target!(|bytes: &[u8]| {
    read(bytes);
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let header = br#"{"alg":"ES256","typ":"statuslist+jwt"}"#;
    let whole =
        |header: &[u8], claims: &[u8]| format!("{}.{}.{}", part(header), part(claims), part(&[7; 64]));
    read(whole(header, bytes).as_bytes());
    let mut halves = bytes.splitn(2, |byte| *byte == b'\n');
    let (first, second) = (
        halves.next().unwrap_or_default(),
        halves.next().unwrap_or_default(),
    );
    read(whole(first, second).as_bytes());
    let compressed = format!(
        r#"{{"sub":"s","iat":1,"status_list":{{"bits":1,"lst":"{}"}}}}"#,
        part(bytes)
    );
    read(whole(header, compressed.as_bytes()).as_bytes());
});
