//! Getting a bundle from a service, also over a network that breaks off in between.

use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use relying_party::bundle::MAX_BYTES;
use relying_party::sha256_text;
use ureq::http::Response;
use ureq::{Body, http::header};
use zeroize::Zeroizing;

use crate::counter::StartError;
use crate::upstream::{agent, api_key, checked_base};

/// How often a bundle that breaks off is gone on with, before the next pull begins anew.
const ATTEMPTS: usize = 4;
/// The media type of a COSE_Sign1.
const MEDIA_TYPE: &str = "application/cose";

/// A place that hands out bundles.
pub(crate) struct Remote {
    agent: ureq::Agent,
    url: String,
    api_key: Option<Zeroizing<String>>,
}

/// What a pull gives.
pub(crate) enum Pulled {
    /// The bundle that is known already.
    Unchanged,
    Bytes(Vec<u8>),
}

/// Why nothing was pulled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PullError {
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    #[error("it did not come in time")]
    Timeout,
    #[error("it broke off {ATTEMPTS} times")]
    BrokenOff,
    #[error("it was answered with status {0}")]
    Status(u16),
    #[error("what came is no {MEDIA_TYPE}")]
    ContentType,
    #[error("what came is longer than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("another part came than was asked for")]
    Range,
}

impl Remote {
    /// The bundle at `url`, `http` on this machine or `https`. Where the path is not told, it is that
    /// of a `verifier-api` service.
    pub(crate) fn new(url: &str, key_file: Option<&Path>, timeout: Duration) -> Result<Self, StartError> {
        let base = checked_base(url, "--bundle", "a file")?;
        let has_path = base.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
        Ok(Self {
            agent: agent(timeout),
            url: if has_path {
                base.to_owned()
            } else {
                format!("{base}/v1/bundle")
            },
            api_key: key_file.map(api_key).transpose()?,
        })
    }

    /// Gets the bundle, unless it is the one whose hash is known: tags of `verifier-api` are hashes,
    /// and a service with other tags sends it all.
    pub(crate) fn pull(&self, known: Option<[u8; 32]>) -> Result<Pulled, PullError> {
        let known = known.map(|hash| sha256_text(&hash).replace("sha256:", "\"") + "\"");
        let mut bytes = Vec::new();
        let mut tag: Option<String> = None;
        for _ in 0..ATTEMPTS {
            let response = self.request(known.as_deref(), bytes.len(), tag.as_deref())?;
            match response.status().as_u16() {
                304 if bytes.is_empty() => return Ok(Pulled::Unchanged),
                200 => bytes.clear(),
                206 if !bytes.is_empty() && starts_at(&response, bytes.len()) => {}
                206 => return Err(PullError::Range),
                status => return Err(PullError::Status(status)),
            }
            if !is_bundle(&response) {
                return Err(PullError::ContentType);
            }
            tag = strong_tag(&response);
            let room = u64::try_from(MAX_BYTES.saturating_sub(bytes.len())).unwrap_or(u64::MAX);
            // Read here and not by the client's helpers: what came before a break is kept.
            let mut body = response.into_body().into_reader().take(room.saturating_add(1));
            match body.read_to_end(&mut bytes) {
                Ok(_) if bytes.len() > MAX_BYTES => return Err(PullError::TooLarge),
                Ok(_) => return Ok(Pulled::Bytes(bytes)),
                Err(error) if is_timeout(&error) => return Err(PullError::Timeout),
                // Without a strong tag nobody could say whether the rest is of the same bundle.
                Err(_) if tag.is_none() => bytes.clear(),
                Err(_) => {}
            }
        }
        Err(PullError::BrokenOff)
    }

    fn request(
        &self,
        known: Option<&str>,
        from: usize,
        tag: Option<&str>,
    ) -> Result<Response<Body>, PullError> {
        let mut request = self.agent.get(&self.url).header(header::ACCEPT, MEDIA_TYPE);
        if let Some(key) = &self.api_key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", key.as_str()));
        }
        request = match (tag, known) {
            (Some(tag), _) if from > 0 => request
                .header(header::RANGE, format!("bytes={from}-"))
                .header(header::IF_RANGE, tag),
            (_, Some(known)) => request.header(header::IF_NONE_MATCH, known),
            _ => request,
        };
        request.call().map_err(|error| match error {
            ureq::Error::Timeout(_) => PullError::Timeout,
            ureq::Error::Io(error) if is_timeout(&error) => PullError::Timeout,
            error => PullError::Unreachable(error.to_string()),
        })
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

fn text<'r>(response: &'r Response<Body>, name: &header::HeaderName) -> &'r str {
    let value = response.headers().get(name);
    value.and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn is_bundle(response: &Response<Body>) -> bool {
    let media_type = text(response, &header::CONTENT_TYPE).split(';').next();
    media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case(MEDIA_TYPE))
}

fn strong_tag(response: &Response<Body>) -> Option<String> {
    let tag = text(response, &header::ETAG);
    (tag.starts_with('"') && tag.len() > 2).then(|| tag.to_owned())
}

fn starts_at(response: &Response<Body>, place: usize) -> bool {
    text(response, &header::CONTENT_RANGE).starts_with(&format!("bytes {place}-"))
}

#[cfg(test)]
#[path = "pull_tests.rs"]
mod tests;
