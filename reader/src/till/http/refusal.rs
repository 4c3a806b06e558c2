//! What a till over HTTP got wrong, in the form of RFC 9457.

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It names a host that is not this machine: a page's own name was pointed here (DNS rebinding).
    Host,
    /// A page asks that is not allowed to.
    Origin,
    /// There is neither a key nor a ticket.
    KeyMissing,
    /// The key is none of the pairing keys.
    KeyUnknown,
    /// The ticket was used, is too old, or never was one.
    TicketUnknown,
    /// The query is no query.
    Query,
    /// A request has a body.
    Body,
    /// There is no such resource.
    Resource,
    /// The resource knows this method only.
    Method(&'static str),
    /// As many tills listen as may.
    Full,
    /// The counter ends.
    Over,
}

impl Refusal {
    const fn parts(self) -> (u16, &'static str, &'static str, &'static str) {
        match self {
            Self::Host => (
                421,
                "host-refused",
                "The host of the request is not this machine",
                "Use the address that the counter printed, or localhost.",
            ),
            Self::Origin => (
                403,
                "origin-refused",
                "This page may not ask",
                "Allow its origin with --till-origin, exactly as the browser sends it.",
            ),
            Self::KeyMissing => (
                401,
                "key-missing",
                "There is no pairing key",
                "Send Authorization: Bearer and the key, or for events a ticket in the query.",
            ),
            Self::KeyUnknown => (
                401,
                "key-unknown",
                "The key is none of the pairing keys",
                "Send a key of the file that --till-key-file names.",
            ),
            Self::TicketUnknown => (
                401,
                "ticket-unknown",
                "The ticket was used already, is too old, or is none",
                "Ask for another one with POST /v1/tickets; each opens one stream.",
            ),
            Self::Query => (
                400,
                "query-invalid",
                "The query cannot be read",
                "Send ticket and last_event_id only, each at most once.",
            ),
            Self::Body => (
                413,
                "body-refused",
                "No request here has a body",
                "Send the request without one.",
            ),
            Self::Resource => (
                404,
                "resource-unknown",
                "There is no such resource",
                "Ask for /v1/events, /v1/last, /v1/health or /v1/tickets.",
            ),
            Self::Method(_) => (
                405,
                "method-not-allowed",
                "The resource does not know this method",
                "Use the method that the header Allow names.",
            ),
            Self::Full => (
                503,
                "tills-full",
                "As many tills listen as may",
                "Close another stream first.",
            ),
            Self::Over => (503, "ending", "The counter ends", "Try again when it runs again."),
        }
    }

    /// The response to such a request.
    pub(super) fn response(self) -> HttpResponse {
        let (_, slug, title, next_step) = self.parts();
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        response.content_type("application/problem+json");
        match self {
            Self::KeyMissing => {
                response.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"till\""));
            }
            Self::KeyUnknown | Self::TicketUnknown => {
                let challenge = "Bearer realm=\"till\", error=\"invalid_token\"";
                response.insert_header((header::WWW_AUTHENTICATE, challenge));
            }
            Self::Method(allow) => {
                response.insert_header((header::ALLOW, allow));
            }
            _ => {}
        }
        // Connections are few: who is not let in keeps none. Nor is one used again whose body was not read.
        if matches!(self.status_code().as_u16(), 401 | 403 | 413 | 421) {
            response.force_close();
        }
        response.body(
            json!({
                "type": format!("urn:mdoc-verifier:till:{slug}"),
                "title": title,
                "status": status.as_u16(),
                "next_step": next_step,
            })
            .to_string(),
        )
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.parts().1)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.parts().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.response()
    }
}
