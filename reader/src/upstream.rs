//! The link to a `verifier-api` that judges in the reader's place.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mdoc::limits::Limits;
use mdoc::response::DeviceResponse;
use mdoc::session::ReaderSession;
use mdoc::verify::derive_mac_keys;
use relying_party::purpose::Purpose;
use relying_party::sha256_text;
use serde_json::{Map, Value, json};
use ureq::tls::{RootCerts, TlsConfig};
use zeroize::Zeroizing;

use crate::counter::StartError;
use crate::failure::Failure;

/// A verdict is a few kilobytes; with an identity's answers and many documents still far below.
const MAX_ANSWER: u64 = 4 * 1024 * 1024;
const MAX_KEY_FILE: u64 = 4096;

/// A service, by its address.
pub(crate) struct Service {
    agent: ureq::Agent,
    url: String,
    api_key: Option<Zeroizing<String>>,
}

impl Service {
    /// The service at `url`, `http` on this machine or `https`, which has to answer within `timeout`.
    pub(crate) fn new(url: &str, api_key: Option<&Path>, timeout: Duration) -> Result<Self, StartError> {
        let base = checked_base(url, "--verify", "local")?;
        let api_key = api_key.map(self::api_key).transpose()?;
        Ok(Self {
            agent: agent(timeout),
            url: format!("{base}/v1/verifications"),
            api_key,
        })
    }

    /// Has a response judged: the verdict.
    pub(crate) fn judge(
        &self,
        response: &[u8],
        session: &ReaderSession,
        purpose: &Purpose,
        limits: &Limits,
    ) -> Result<Value, Failure> {
        let body = Zeroizing::new(request_body(response, session, purpose, limits).to_string());
        let mut request = self
            .agent
            .post(&self.url)
            .header("Content-Type", "application/json");
        if let Some(key) = &self.api_key {
            request = request.header("Authorization", format!("Bearer {}", key.as_str()));
        }
        let mut answer = request.send(body.as_bytes()).map_err(failure)?;
        let status = answer.status().as_u16();
        let mut bytes = Vec::new();
        answer
            .body_mut()
            .as_reader()
            .take(MAX_ANSWER)
            .read_to_end(&mut bytes)
            .map_err(|error| failure(error.into()))?;
        let answer: Value = serde_json::from_slice(&bytes).map_err(|_| Failure::ServiceAnswer)?;
        match status {
            200 if is_verdict(&answer, purpose) => Ok(answer),
            400..=499 => Err(Failure::ServiceRefused(problem(&answer, status))),
            _ => Err(Failure::ServiceAnswer),
        }
    }
}

/// The address of a service without a slash at its end: `https`, or `http` to this machine alone. The flag takes
/// something `other` too.
pub(crate) fn checked_base<'u>(url: &'u str, flag: &str, other: &str) -> Result<&'u str, StartError> {
    let base = url.trim_end_matches('/');
    let (_, rest) = base
        .split_once("://")
        .filter(|(scheme, rest)| matches!(*scheme, "http" | "https") && !rest.is_empty())
        .ok_or_else(|| StartError::Argument(format!("{flag} takes {other}, or the URL of a service")))?;
    if base.starts_with("http://") && !is_loopback(rest) {
        // A response is personal data, and so may answers be; a key would be anybody's.
        let words = format!("{flag} takes https, and http only to this machine");
        return Err(StartError::Argument(words));
    }
    Ok(base)
}

/// The API key in a file.
pub(crate) fn api_key(path: &Path) -> Result<Zeroizing<String>, StartError> {
    let bytes = Zeroizing::new(operator::read_file(path, MAX_KEY_FILE)?);
    let text = core::str::from_utf8(&bytes).unwrap_or_default().trim();
    if text.is_empty() || text.contains(|c: char| !c.is_ascii_graphic()) {
        return Err(StartError::File {
            path: path.to_owned(),
            fault: "not one API key".to_owned(),
        });
    }
    Ok(Zeroizing::new(text.to_owned()))
}

/// A client that goes where it is sent and no further, within `timeout` for each call.
pub(crate) fn agent(timeout: Duration) -> ureq::Agent {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .build();
    ureq::Agent::config_builder()
        .timeout_global(Some(timeout))
        .max_redirects(0)
        .http_status_as_error(false)
        .user_agent(concat!("reader/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls)
        .build()
        .new_agent()
}

fn request_body(response: &[u8], session: &ReaderSession, purpose: &Purpose, limits: &Limits) -> Value {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let mut body = Map::new();
    body.insert("purpose".to_owned(), json!(purpose.id()));
    body.insert("purpose_hash".to_owned(), json!(sha256_text(&purpose.hash())));
    body.insert("device_response".to_owned(), json!(text(response)));
    let transcript = session.transcript();
    body.insert(
        "session_transcript".to_owned(),
        json!(text(transcript.as_bytes())),
    );
    // A MAC is judged with the key derived for it. The private key stays here.
    if let (Ok(decoded), Some(key)) = (
        DeviceResponse::decode(response, limits, true),
        session.e_reader_private_key(),
    ) {
        let keys = derive_mac_keys(&decoded, key, transcript, limits);
        if keys.iter().any(Option::is_some) {
            let keys: Vec<Option<String>> = keys
                .iter()
                .map(|key| key.as_ref().map(|key| text(&key[..])))
                .collect();
            body.insert("mac_keys".to_owned(), json!(keys));
        }
    }
    Value::Object(body)
}

/// Whether the answer is a verdict on what was asked.
fn is_verdict(answer: &Value, purpose: &Purpose) -> bool {
    matches!(
        answer["verdict"].as_str(),
        Some("accepted" | "rejected" | "undetermined")
    ) && answer["purpose_hash"] == sha256_text(&purpose.hash())
        && answer["documents"].is_array()
        && answer["answers"].is_object()
}

/// The type of a problem, cut to what may be shown.
fn problem(answer: &Value, status: u16) -> String {
    let kind = answer["type"].as_str().unwrap_or_default();
    let name = kind.rsplit(['/', ':', '#']).next().unwrap_or_default();
    let fits = (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if fits {
        name.to_owned()
    } else {
        format!("status {status}")
    }
}

fn failure(error: ureq::Error) -> Failure {
    match error {
        ureq::Error::Timeout(_) => Failure::ServiceTimeout,
        ureq::Error::Io(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock
            ) =>
        {
            Failure::ServiceTimeout
        }
        ureq::Error::Protocol(_) | ureq::Error::BodyExceedsLimit(_) => Failure::ServiceAnswer,
        error => Failure::ServiceUnreachable(error.to_string()),
    }
}

fn is_loopback(authority: &str) -> bool {
    let authority = authority.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_travel_encrypted_but_on_this_machine() {
        let service = |url: &str| Service::new(url, None, Duration::from_secs(1)).map(|service| service.url);
        for url in [
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "http://localhost",
            "https://verifier.example/base/",
        ] {
            assert!(service(url).unwrap().ends_with("/v1/verifications"), "{url}");
        }
        assert_eq!(
            service("https://verifier.example/base/").unwrap(),
            "https://verifier.example/base/v1/verifications"
        );
        for url in [
            "http://verifier.example",
            "http://127.0.0.1.example:80",
            "http://10.0.0.1",
            "ftp://localhost",
            "https://",
            "remote",
            "",
        ] {
            assert!(service(url).is_err(), "{url}");
        }
    }

    #[test]
    fn only_the_name_of_a_problem_is_shown() {
        for (kind, shown) in [
            (
                json!("https://verifier.example/problems/purpose-unknown"),
                "purpose-unknown",
            ),
            (
                json!("urn:problem:purpose-hash-mismatch"),
                "purpose-hash-mismatch",
            ),
            (json!("\u{1b}[2J"), "status 422"),
            (json!(""), "status 422"),
            (json!(7), "status 422"),
        ] {
            assert_eq!(problem(&json!({ "type": kind }), 422), shown);
        }
    }
}
