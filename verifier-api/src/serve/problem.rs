//! What the caller got wrong, as RFC 9457 tells it: one stable type for each fault, with the field
//! and what to do next. A fault of the phone is never a problem; it is a verdict.

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, CONTENT_RANGE, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use serde_json::{Value, json};

/// What every type begins with.
const TYPE_PREFIX: &str = "urn:mdoc-verifier:problem:";
const CONTENT_TYPE: &str = "application/problem+json";

macro_rules! kinds {
    ($($variant:ident, $status:literal, $slug:literal, $title:literal, $next_step:literal;)*) => {
        /// The faults. A type never changes its meaning; new ones may come.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Kind {
            $($variant,)*
        }

        impl Kind {
            #[cfg(test)]
            pub(super) const ALL: &'static [Self] = &[$(Self::$variant,)*];

            const fn slug(self) -> &'static str {
                match self {
                    $(Self::$variant => $slug,)*
                }
            }

            pub(super) const fn status(self) -> u16 {
                match self {
                    $(Self::$variant => $status,)*
                }
            }

            pub(super) const fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title,)*
                }
            }

            const fn next_step(self) -> &'static str {
                match self {
                    $(Self::$variant => $next_step,)*
                }
            }
        }
    };
}

kinds! {
    JsonMalformed, 400, "json-malformed", "The body is not JSON",
        "Send one JSON object in UTF-8, as the description of the service shows.";
    CborMalformed, 400, "cbor-malformed", "The body is not strict CBOR",
        "Send one CBOR map with text keys: definite strings, no key twice, nothing after the map.";
    BodyNotAMap, 400, "body-not-a-map", "The body is no object or map",
        "Send one JSON object, or one CBOR map with text keys.";
    BodyIncomplete, 400, "body-incomplete", "The body ends early or its transfer coding is broken",
        "Send the whole body, with a Content-Length or chunked.";
    ApiKeyMissing, 401, "api-key-missing", "An API key is needed",
        "Send the header Authorization: Bearer, followed by a key that the operator gave out.";
    ApiKeyUnknown, 401, "api-key-unknown", "The API key is not known",
        "Ask the operator of this service for a key.";
    NotFound, 404, "not-found", "There is nothing here",
        "GET /openapi.json describes what there is.";
    MethodNotAllowed, 405, "method-not-allowed", "The method is not for this resource",
        "Use one of the methods that the header Allow names.";
    BodyTimeout, 408, "body-timeout", "The body took too long to arrive",
        "Send the body without pauses, on a new connection.";
    AdminKeyMissing, 401, "admin-key-missing", "An administrator's key is needed",
        "Send the header Authorization: Bearer, followed by a key of admin_key_file; API keys do not change trust.";
    AdminKeyUnknown, 401, "admin-key-unknown", "The administrator's key is not known",
        "Use a key of admin_key_file; API keys do not change trust.";
    PurposeHashMismatch, 409, "purpose-hash-mismatch", "The purpose is not the one that the caller means",
        "GET /v1/purposes gives the hash of each purpose; leave purpose_hash out to take the purpose as it stands.";
    TrustConflict, 409, "trust-conflict", "The trust directory goes back or contradicts itself",
        "POST /v1/trust/preview lists the conflicts; put newer lists in the place of those it names.";
    TrustBusy, 409, "trust-busy", "Another change of trust is at work",
        "Wait for the other change, look at what is in force, and ask again.";
    TrustChanged, 409, "trust-changed", "Something else is in force than the caller expects",
        "POST /v1/trust/preview again, and send its member before as expected.";
    TrustNoSnapshot, 409, "trust-no-snapshot", "There is no such snapshot to go back to",
        "verifier-api trust list names the snapshots that are kept.";
    BodyTooLarge, 413, "body-too-large", "The body is too large",
        "Send at most 8 MiB; as application/cbor the same input takes a quarter less than as JSON.";
    ContentTypeUnsupported, 415, "content-type-unsupported", "The content type is not read here",
        "Send application/json or application/cbor, and say so in Content-Type.";
    ContentEncodingUnsupported, 415, "content-encoding-unsupported", "Compressed bodies are not read here",
        "Send the body as it is, without Content-Encoding.";
    RangeNotSatisfiable, 416, "range-not-satisfiable", "The range lies beyond the end",
        "Ask for bytes within the length that Content-Range tells, or leave Range out.";
    MemberUnknown, 422, "member-unknown", "A member is not known",
        "Leave it out; GET /openapi.json lists the members.";
    MemberDuplicate, 422, "member-duplicate", "A member stands twice",
        "Send each member once.";
    MemberMissing, 422, "member-missing", "A member is missing",
        "Add it; purpose, device_response and session_transcript are always needed.";
    MemberType, 422, "member-type", "A member has the wrong type",
        "In JSON send texts, in CBOR byte strings for bytes; mac_keys is an array of these and null.";
    Base64urlInvalid, 422, "base64url-invalid", "A text is not base64url",
        "Use the alphabet with - and _ (RFC 4648, section 5), without white space; padding may be left out.";
    PurposeUnknown, 422, "purpose-unknown", "There is no such purpose",
        "GET /v1/purposes lists the purposes of this service.";
    PurposeHashInvalid, 422, "purpose-hash-invalid", "The purpose_hash is no hash",
        "Send sha256: and 64 lower-case hexadecimal digits, as GET /v1/purposes gives them.";
    SessionTranscriptInvalid, 422, "session-transcript-invalid", "The session_transcript is none",
        "Send the SessionTranscript itself, a CBOR array of three, not wrapped in tag 24.";
    MacKeyInvalid, 422, "mac-key-invalid", "A MAC key does not have 32 bytes",
        "Send EMacKey as derived for this session: exactly 32 bytes.";
    MacKeyAmbiguous, 422, "mac-key-ambiguous", "mac_key and mac_keys are both given",
        "Send mac_key where one key serves every document, else mac_keys.";
    MacKeysTooMany, 422, "mac-keys-too-many", "There are too many mac_keys",
        "Send one entry for each document of the response, at most 64.";
    TrustBroken, 422, "trust-broken", "A file of the trust directory cannot be used",
        "Mend the file that field names; until then what is in force stays in force.";
    Internal, 500, "internal", "The service failed",
        "Send the request again; report the X-Request-Id to the operator if it fails again.";
    Draining, 503, "draining", "The service is shutting down",
        "Send requests to another instance.";
    TrustStale, 503, "trust-stale", "Nobody has confirmed for too long whom to trust",
        "Have the operator check the trust directory and apply it; applying what is in force confirms it.";
}

impl Kind {
    /// The type of RFC 9457.
    pub(super) fn uri(self) -> String {
        format!("{TYPE_PREFIX}{}", self.slug())
    }
}

/// A fault of the caller, or of this service.
#[derive(Debug, thiserror::Error)]
#[error("{}: {detail}", kind.slug())]
pub(super) struct Problem {
    kind: Kind,
    field: Option<String>,
    detail: String,
    allow: Option<&'static str>,
    length: Option<u64>,
}

/// Characters of a caller's own name that a problem repeats.
const MAX_FIELD: usize = 64;

impl Problem {
    /// A fault of the request as a whole.
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            field: None,
            detail: detail.into(),
            allow: None,
            length: None,
        }
    }

    /// A fault of one member or header.
    pub(super) fn of(kind: Kind, field: &str, detail: impl Into<String>) -> Self {
        Self {
            field: Some(field.chars().take(MAX_FIELD).collect()),
            ..Self::new(kind, detail)
        }
    }

    /// A method that the resource does not know; it knows those of `allow`.
    pub(super) fn method(allow: &'static str) -> Self {
        Self {
            allow: Some(allow),
            ..Self::new(Kind::MethodNotAllowed, format!("this resource knows {allow}"))
        }
    }

    /// How long the resource is of which a part was asked for.
    pub(super) const fn set_length(&mut self, length: u64) {
        self.length = Some(length);
    }

    fn to_json(&self) -> Value {
        json!({
            "type": self.kind.uri(),
            "title": self.kind.title(),
            "status": self.kind.status(),
            "detail": self.detail,
            "field": self.field,
            "next_step": self.kind.next_step(),
        })
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponseBuilder::new(self.status_code());
        response
            .content_type(CONTENT_TYPE)
            .insert_header((CACHE_CONTROL, "no-store"));
        if let Some(allow) = self.allow {
            response.insert_header((ALLOW, allow));
        }
        if let Some(length) = self.length {
            response.insert_header((CONTENT_RANGE, format!("bytes */{length}")));
        }
        match self.kind {
            Kind::ApiKeyMissing | Kind::AdminKeyMissing => {
                response.insert_header((WWW_AUTHENTICATE, "Bearer realm=\"verifier-api\""));
            }
            Kind::ApiKeyUnknown | Kind::AdminKeyUnknown => {
                let challenge = "Bearer realm=\"verifier-api\", error=\"invalid_token\"";
                response.insert_header((WWW_AUTHENTICATE, challenge));
            }
            // The rest of the body is not read, so the connection cannot be used again.
            Kind::BodyTimeout | Kind::BodyTooLarge | Kind::BodyIncomplete => {
                response.force_close();
            }
            _ => {}
        }
        response.body(self.to_json().to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_its_own_type_and_an_error_status() {
        let types: BTreeSet<String> = Kind::ALL.iter().map(|kind| kind.uri()).collect();
        assert_eq!(types.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            assert!((400..600).contains(&kind.status()), "{kind:?}");
            assert!(
                !kind.title().is_empty() && kind.next_step().ends_with('.'),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn a_long_name_of_the_caller_is_cut() {
        let problem = Problem::of(Kind::MemberUnknown, &"é".repeat(1000), "unknown");
        assert_eq!(problem.to_json()["field"], "é".repeat(MAX_FIELD));
    }
}
