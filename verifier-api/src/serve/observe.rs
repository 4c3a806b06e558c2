//! Around every request: its identifier, its line in the log, its place in the counters. Nothing
//! that the caller wrote is logged but an identifier of a harmless form.

use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, web};
use mdoc::verify::Reason;
use relying_party::Decision;

use super::state::State;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_ID: usize = 128;

/// What a verification came to, left with the request for the log.
#[derive(Clone)]
pub(super) struct Judged {
    pub(super) purpose: String,
    pub(super) decision: Decision,
    pub(super) reason: Option<Reason>,
}

/// Serves the request and reports on it.
pub(super) async fn observe<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let started = Instant::now();
    let id = identifier(request.headers());
    let method = known(request.method());
    let state = request.app_data::<web::Data<State>>().cloned();
    let mut response = next.call(request).await?;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let status = response.status().as_u16();
    let route = response.request().match_pattern();
    let route = route.as_deref().unwrap_or("none");
    let taken = started.elapsed();
    let judged = response.request().extensions().get::<Judged>().cloned();
    if let Some(state) = state {
        state.counters.request(route, status, taken);
        state.metrics.request(route, status, taken);
        if let Some(judged) = &judged {
            state.counters.verdict(judged.decision, judged.reason);
            state.metrics.verdict(judged.decision, judged.reason);
        }
    }
    let micros = u64::try_from(taken.as_micros()).unwrap_or(u64::MAX);
    match judged {
        Some(judged) => tracing::info!(
            request_id = id,
            method,
            route,
            status,
            micros,
            purpose = judged.purpose,
            verdict = judged.decision.name(),
            reason = judged.reason.map(Reason::code),
            "judged"
        ),
        None => tracing::info!(request_id = id, method, route, status, micros, "answered"),
    }
    Ok(response)
}

/// The caller's identifier where it can stand in a log as it is, else a new one.
fn identifier(headers: &HeaderMap) -> String {
    let sane = |text: &&str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        (1..=MAX_ID).contains(&text.len()) && text.bytes().all(fits)
    };
    let inbound = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    inbound.filter(sane).map_or_else(new_identifier, str::to_owned)
}

fn new_identifier() -> String {
    let mut random = [0; 16];
    // Without randomness requests still have to be served; only their identifiers coincide.
    let _ = getrandom::fill(&mut random);
    format!("{:032x}", u128::from_be_bytes(random))
}

/// A method's name, where it is one of HTTP's own: a method is any word that a caller likes.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sane_identifiers_are_kept_and_others_replaced() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            identifier(&headers)
        };
        for sane in ["a", "0af7651916cd43dd-8448.x_y", &"x".repeat(MAX_ID)] {
            assert_eq!(of(sane), sane);
        }
        for odd in ["", "a b", "a\"b", "辻", "a\tb", &"x".repeat(MAX_ID + 1)] {
            let id = of(odd);
            assert!(
                id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{id}"
            );
        }
        assert_ne!(identifier(&HeaderMap::new()), identifier(&HeaderMap::new()));
    }
}
