//! `verify --jobs`: one JSON job a line, one verdict a line, in order, flushed. A job never ends
//! the process.

use std::io::{self, BufRead, Read as _};

use mdoc::crypto::PrivateKey;
use mdoc::limits::Limits;
use mdoc::session::SessionTranscript;
use relying_party::purpose::Purpose;
use relying_party::{DeviceKeys, Evidence, TrustFile, TrustSnapshot, judge, pem_certificates, pem_crls};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::seen::Seen;
use crate::{input, report};

/// Anchors, CRLs or tokens of one job.
const MAX_LIST: usize = 10_000;

/// Answers every job of standard input.
pub(crate) fn run(max_line: usize, elements: bool, limits: Limits) -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut desk = Desk {
        elements,
        limits,
        seen: Seen::new(),
        last_trust: None,
        last_evidence: None,
    };
    loop {
        match read_line(&mut input, max_line)? {
            Line::End => return Ok(()),
            Line::TooLong => {
                let detail = format!("a line is longer than {max_line} bytes");
                report::line(&error_answer(
                    &Value::Null,
                    &JobError {
                        kind: "job.too_large",
                        detail,
                    },
                ))?;
            }
            Line::Text(line) if line.trim_ascii().is_empty() => {}
            Line::Text(line) => report::line(&desk.answer(&line))?,
        }
    }
}

enum Line {
    Text(Zeroizing<Vec<u8>>),
    TooLong,
    End,
}

/// The next line; of one that is too long the rest is skipped.
fn read_line(input: &mut impl BufRead, max_line: usize) -> io::Result<Line> {
    let limit = u64::try_from(max_line).unwrap_or(u64::MAX).saturating_add(1);
    let mut line = Zeroizing::new(Vec::new());
    input.by_ref().take(limit).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(Line::End);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > max_line {
        input.skip_until(b'\n')?;
        return Ok(Line::TooLong);
    }
    Ok(Line::Text(line))
}

/// A job that cannot be judged.
struct JobError {
    kind: &'static str,
    detail: String,
}

fn field(name: &str, fault: impl core::fmt::Display) -> JobError {
    JobError {
        kind: "job.field",
        detail: format!("{name}: {fault}"),
    }
}

/// Where jobs are answered, one after the other.
struct Desk {
    elements: bool,
    limits: Limits,
    seen: Seen,
    last_trust: Option<LastTrust>,
    last_evidence: Option<LastEvidence>,
}

impl Desk {
    fn answer(&mut self, line: &[u8]) -> Value {
        // The parser's own words could quote the job.
        let Ok(Value::Object(job)) = serde_json::from_slice(line) else {
            let detail = "the line is not a JSON object".to_owned();
            return error_answer(
                &Value::Null,
                &JobError {
                    kind: "job.json",
                    detail,
                },
            );
        };
        let id = job.get("id").cloned().unwrap_or(Value::Null);
        match self.judge(&job) {
            Ok(verdict) => with_id(id, verdict),
            Err(error) => error_answer(&id, &error),
        }
    }

    fn judge(&mut self, job: &Map<String, Value>) -> Result<Value, JobError> {
        let response = Zeroizing::new(bytes(job, "device_response")?);
        let transcript = bytes(job, "session_transcript")?;
        let transcript =
            SessionTranscript::from_bytes(&transcript).map_err(|error| field("session_transcript", error))?;
        let purpose = job.get("purpose").ok_or_else(|| field("purpose", "missing"))?;
        let purpose = Purpose::from_json(purpose.clone()).map_err(|error| JobError {
            kind: "job.purpose",
            detail: error.to_string(),
        })?;
        let now = match job.get("at") {
            None | Some(Value::Null) => input::now(),
            Some(at) => {
                let at = at.as_str().ok_or_else(|| field("at", "not a text"))?;
                input::instant(at).map_err(|fault| field("at", fault))?
            }
        };
        let keys = Keys::read(job, self.limits.documents)?;
        let evidence = self.evidence(job)?;
        let elements = self.elements;
        self.read_trust(job)?;
        let trust = self.last_trust.as_ref().map(|last| &last.snapshot);
        let trust = trust.ok_or_else(|| field("anchors", "missing"))?;
        let mut judgement = judge(
            &response,
            &transcript,
            keys.lend(),
            &purpose,
            trust,
            &evidence,
            now,
        );
        self.seen.check(&mut judgement.verdict);
        Ok(if elements {
            judgement.verdict.to_json_with_elements()
        } else {
            judgement.verdict.to_json()
        })
    }

    /// The job's evidence; kept from the last job where it is the same.
    fn evidence(&mut self, job: &Map<String, Value>) -> Result<Evidence, JobError> {
        let members = ["crls", "status_tokens"].map(|name| job.get(name).cloned());
        if let Some(last) = self.last_evidence.as_ref().filter(|last| last.members == members) {
            return Ok(last.evidence.clone());
        }
        let evidence = evidence(job)?;
        self.last_evidence = Some(LastEvidence {
            members,
            evidence: evidence.clone(),
        });
        Ok(evidence)
    }

    /// The snapshot of the job's anchors; kept from the last job where they are the same.
    fn read_trust(&mut self, job: &Map<String, Value>) -> Result<(), JobError> {
        let mut anchors = Vec::new();
        for pem in texts(job, "anchors")? {
            let certificates = pem_certificates(pem.as_bytes());
            anchors
                .extend(certificates.ok_or_else(|| field("anchors", "an entry is not PEM of certificates"))?);
        }
        if self
            .last_trust
            .as_ref()
            .is_none_or(|last| last.anchors != anchors)
        {
            let file = |(index, der): (usize, &Vec<u8>)| TrustFile {
                name: format!("anchors/{index:05}.der"),
                bytes: der.clone(),
            };
            let files = anchors.iter().enumerate().map(file).collect();
            let snapshot = TrustSnapshot::new(files).map_err(|error| JobError {
                kind: "job.trust",
                detail: error.to_string(),
            })?;
            let snapshot = snapshot.with_limits(self.limits);
            self.last_trust = Some(LastTrust { anchors, snapshot });
        }
        Ok(())
    }
}

fn with_id(id: Value, answer: Value) -> Value {
    let mut object = Map::new();
    object.insert("id".to_owned(), id);
    if let Value::Object(answer) = answer {
        object.extend(answer);
    }
    Value::Object(object)
}

fn error_answer(id: &Value, error: &JobError) -> Value {
    json!({ "id": id, "error": { "type": error.kind, "detail": error.detail } })
}

/// The anchors of the job before, so that a stream under the same anchors checks them once.
struct LastTrust {
    anchors: Vec<Vec<u8>>,
    snapshot: TrustSnapshot,
}

/// The evidence of the job before, so that lists are read and their signatures checked once.
struct LastEvidence {
    members: [Option<Value>; 2],
    evidence: Evidence,
}

fn bytes(job: &Map<String, Value>, name: &str) -> Result<Vec<u8>, JobError> {
    let text = job.get(name).ok_or_else(|| field(name, "missing"))?;
    let text = text.as_str().ok_or_else(|| field(name, "not a text"))?;
    input::base64url(text).ok_or_else(|| field(name, "not base64url"))
}

fn list<'j>(job: &'j Map<String, Value>, name: &str) -> Result<&'j [Value], JobError> {
    match job.get(name) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) if items.len() <= MAX_LIST => Ok(items),
        Some(Value::Array(_)) => Err(field(name, "too many entries")),
        Some(_) => Err(field(name, "not an array")),
    }
}

fn texts<'j>(job: &'j Map<String, Value>, name: &str) -> Result<Vec<&'j str>, JobError> {
    let text = |item: &'j Value| item.as_str().ok_or_else(|| field(name, "an entry is not a text"));
    list(job, name)?.iter().map(text).collect()
}

fn evidence(job: &Map<String, Value>) -> Result<Evidence, JobError> {
    let mut evidence = Evidence::default();
    for pem in texts(job, "crls")? {
        // A CRL that cannot be read is evidence that is not there.
        for der in pem_crls(pem.as_bytes()).unwrap_or_default() {
            let _unusable = evidence.add_crl(&der);
        }
    }
    for token in list(job, "status_tokens")? {
        let text = |name: &str| token.get(name).and_then(Value::as_str).map(str::to_owned);
        let lacks = || field("status_tokens", "an entry lacks uri, token or content_type");
        let (uri, content_type) = (
            text("uri").ok_or_else(lacks)?,
            text("content_type").ok_or_else(lacks)?,
        );
        let token = text("token").ok_or_else(lacks)?;
        let token = if content_type.contains("cwt") {
            input::base64url(&token).ok_or_else(|| field("status_tokens", "a CWT is not base64url"))?
        } else {
            token.into_bytes()
        };
        // A token that cannot be used is known as such, and judged with the document.
        let _unusable = evidence.add_fetched_token(&token, &uri, &content_type);
    }
    Ok(evidence)
}

/// The keys of a job; wiped when done.
enum Keys {
    None,
    Reader(PrivateKey),
    Mac(Zeroizing<[u8; 32]>),
    PerDocument(Zeroizing<Vec<Option<[u8; 32]>>>),
}

impl Keys {
    fn read(job: &Map<String, Value>, most: usize) -> Result<Self, JobError> {
        let present = |name: &str| job.get(name).filter(|value| !value.is_null());
        match (present("reader_key"), present("mac_key"), present("mac_keys")) {
            (None, None, None) => Ok(Self::None),
            (Some(jwk), None, None) => input::private_key(jwk)
                .map(Self::Reader)
                .map_err(|fault| field("reader_key", fault)),
            (None, Some(_), None) => {
                let key = Zeroizing::new(bytes(job, "mac_key")?);
                input::mac_key(&key)
                    .map(Self::Mac)
                    .map_err(|fault| field("mac_key", fault))
            }
            (None, None, Some(_)) => {
                let entries = list(job, "mac_keys")?;
                if entries.len() > most {
                    return Err(field("mac_keys", "too many entries"));
                }
                let key = |entry: &Value| match entry {
                    Value::Null => Ok(None),
                    Value::String(text) => {
                        let key = input::base64url(text).ok_or_else(|| field("mac_keys", "not base64url"))?;
                        let key =
                            input::mac_key(&Zeroizing::new(key)).map_err(|fault| field("mac_keys", fault))?;
                        Ok(Some(*key))
                    }
                    _ => Err(field("mac_keys", "an entry is neither a text nor null")),
                };
                let keys = entries.iter().map(key).collect::<Result<Vec<_>, _>>()?;
                Ok(Self::PerDocument(Zeroizing::new(keys)))
            }
            _ => Err(field(
                "reader_key",
                "only one of reader_key, mac_key and mac_keys may be given",
            )),
        }
    }

    fn lend(&self) -> DeviceKeys<'_> {
        match self {
            Self::None => DeviceKeys::None,
            Self::Reader(key) => DeviceKeys::Reader(key),
            Self::Mac(key) => DeviceKeys::Mac(key),
            Self::PerDocument(keys) => DeviceKeys::PerDocument(keys),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desk() -> Desk {
        Desk {
            elements: false,
            limits: Limits::default(),
            seen: Seen::new(),
            last_trust: None,
            last_evidence: None,
        }
    }

    fn lines(input: &[u8], max_line: usize) -> Vec<String> {
        let mut input = io::BufReader::with_capacity(4, input);
        let mut lines = Vec::new();
        loop {
            lines.push(match read_line(&mut input, max_line).unwrap() {
                Line::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
                Line::TooLong => "too long".to_owned(),
                Line::End => return lines,
            });
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_one_job() {
        assert_eq!(lines(b"one\ntwo\n", 3), ["one", "two"]);
        assert_eq!(lines(b"one\nthree\ntwo", 3), ["one", "too long", "two"]);
        assert_eq!(lines(b"three", 3), ["too long"]);
        assert_eq!(lines(b"\n\nx\n", 3), ["", "", "x"]);
        assert_eq!(lines(b"", 3), Vec::<String>::new());
    }

    #[test]
    fn unreadable_jobs_are_answered_with_their_error() {
        let kind = |line: &str| {
            let answer = desk().answer(line.as_bytes());
            assert!(answer.get("verdict").is_none(), "{answer}");
            let detail = answer["error"]["detail"].as_str().unwrap().to_owned();
            (
                answer["id"].clone(),
                answer["error"]["type"].as_str().unwrap().to_owned(),
                detail,
            )
        };
        assert_eq!(kind("no json").1, "job.json");
        assert_eq!(kind("[]").1, "job.json");
        assert_eq!(
            kind("{\"id\": 7}"),
            (json!(7), "job.field".into(), "device_response: missing".into())
        );
        let job = |name: &str, value: Value| {
            let mut job = json!({"id": "a", "device_response": "", "session_transcript": "g_b29g", "anchors": [],
                "purpose": {"id": "p", "title": {"en": "P"}, "document": [{"doc_type": "d", "request": {"n": {"e": false}}}]}});
            job[name] = value;
            job.to_string()
        };
        assert_eq!(
            kind(&job("device_response", json!("+"))).2,
            "device_response: not base64url"
        );
        assert_eq!(kind(&job("session_transcript", json!("AA"))).1, "job.field");
        assert_eq!(kind(&job("anchors", json!("x"))).2, "anchors: not an array");
        assert_eq!(
            kind(&job("anchors", json!(["x"]))).2,
            "anchors: an entry is not PEM of certificates"
        );
        assert_eq!(kind(&job("purpose", json!({}))).1, "job.purpose");
        assert_eq!(kind(&job("at", json!("yesterday"))).1, "job.field");
        assert_eq!(
            kind(&job("mac_key", json!("AA"))).2,
            "mac_key: a MAC key is exactly 32 bytes"
        );
        assert_eq!(
            kind(&job("mac_keys", json!([7]))).2,
            "mac_keys: an entry is neither a text nor null"
        );
        assert_eq!(kind(&job("reader_key", json!({}))).1, "job.field");
        assert_eq!(kind(&job("status_tokens", json!([{}]))).1, "job.field");
        // The twin that is readable, and empty.
        let answer = desk().answer(job("unknown", json!(1)).as_bytes());
        assert_eq!(
            (&answer["id"], &answer["reason"]),
            (&json!("a"), &json!("response.malformed"))
        );
    }
}
