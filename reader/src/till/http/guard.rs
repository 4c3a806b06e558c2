//! What every request passes first: the host it names, the page it comes from, and that it has no body.

use std::net::IpAddr;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};

use super::State;
use super::refusal::Refusal;

/// Origins that may be allowed; more is a mistake.
const MAX_ORIGINS: usize = 32;

/// The pages that may ask, as browsers name them.
pub(super) struct Origins(Vec<String>);

impl Origins {
    /// Reads the flags.
    pub(super) fn parse(texts: &[String]) -> Result<Self, String> {
        if texts.len() > MAX_ORIGINS {
            return Err(format!("--till-origin: there are no more than {MAX_ORIGINS}"));
        }
        for text in texts {
            if !is_origin(text) {
                return Err(format!(
                    "--till-origin {}: an origin is a scheme, a host in small letters and a port where it is not the usual one, such as https://till.example",
                    text.escape_default()
                ));
            }
        }
        Ok(Self(texts.to_vec()))
    }

    /// The origin as it was allowed.
    fn find(&self, origin: &[u8]) -> Option<&str> {
        let mut known = self.0.iter().map(String::as_str);
        known.find(|known| known.as_bytes() == origin)
    }
}

/// Whether a browser could send this as an origin. `null` is that of any page in a box, and never allowed.
fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else {
        return false;
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let in_scheme = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    let in_host = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._[]:".contains(&byte);
    // Browsers leave the usual port out.
    let usual = match scheme {
        "http" => "80",
        "https" => "443",
        _ => "",
    };
    scheme.starts_with(|letter: char| letter.is_ascii_lowercase())
        && scheme.bytes().all(in_scheme)
        && !host.is_empty()
        && host.bytes().all(in_host)
        && (!host.contains(':') || host.starts_with('[') && host.ends_with(']'))
        && port.is_none_or(|port| {
            port.parse::<u16>().is_ok_and(|number| number.to_string() == port) && port != usual
        })
}

/// Lets a request through to its resource, or refuses it.
pub(super) async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let state = request.app_data::<web::Data<State>>().cloned();
    let origin = match (&state, check(&request)) {
        (Some(state), Ok(Some(origin))) => match state.origins.find(&origin) {
            Some(allowed) => Some(allowed.to_owned()),
            None => return Ok(finish(request.into_response(Refusal::Origin.response()), None)),
        },
        (_, Ok(_)) => None,
        (_, Err(refusal)) => return Ok(finish(request.into_response(refusal.response()), None)),
    };
    if origin.is_some() && request.method() == Method::OPTIONS {
        let response = preflight(&request);
        return Ok(finish(request.into_response(response), origin.as_deref()));
    }
    let response = next.call(request).await?.map_into_boxed_body();
    Ok(finish(response, origin.as_deref()))
}

/// The origin that a request names; none where it comes from no page.
fn check(request: &ServiceRequest) -> Result<Option<Vec<u8>>, Refusal> {
    let headers = request.headers();
    let mut hosts = headers.get_all(header::HOST);
    let is_here = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().is_ok_and(is_loopback),
        _ => false,
    };
    // A target with a host of its own overrides the header.
    let target = request.uri().authority();
    if !is_here || target.is_some_and(|authority| !is_loopback(authority.as_str())) {
        return Err(Refusal::Host);
    }
    let mut origins = headers.get_all(header::ORIGIN);
    let origin = match (origins.next(), origins.next()) {
        (origin, None) => origin.map(|origin| origin.as_bytes().to_vec()),
        _ => return Err(Refusal::Origin),
    };
    let length = headers
        .get(header::CONTENT_LENGTH)
        .map(|length| length.as_bytes());
    if headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|length| length != b"0") {
        return Err(Refusal::Body);
    }
    Ok(origin)
}

/// Whether a host, with or without a port, is this machine by its own name or number.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => {
            if port.is_empty() || port.parse::<u16>().is_err() {
                return false;
            }
            name
        }
        _ => host,
    };
    if name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(name) => name
            .parse::<std::net::Ipv6Addr>()
            .is_ok_and(|address| address.is_loopback()),
        None => name
            .parse::<std::net::Ipv4Addr>()
            .map(IpAddr::from)
            .is_ok_and(|address| address.is_loopback()),
    }
}

/// The answer to a browser that asks whether a page may ask.
fn preflight(request: &ServiceRequest) -> HttpResponse {
    let mut response = HttpResponse::NoContent();
    response
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"))
        .insert_header((
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, last-event-id",
        ))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"));
    // Browsers ask this way where a page of the network reaches for the machine it is shown on.
    if request
        .headers()
        .contains_key("access-control-request-private-network")
    {
        response.insert_header(("access-control-allow-private-network", "true"));
    }
    response.finish()
}

/// What every response has.
fn finish(mut response: ServiceResponse<BoxBody>, origin: Option<&str>) -> ServiceResponse<BoxBody> {
    let headers = response.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    headers.insert(header::VARY, header::HeaderValue::from_static("Origin"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        header::HeaderValue::from_static("nosniff"),
    );
    if let Some(Ok(origin)) = origin.map(header::HeaderValue::from_str) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_goes_by_few_names() {
        for here in [
            "localhost",
            "LocalHost:80",
            "127.0.0.1",
            "127.0.0.1:8765",
            "127.9.9.9:1",
            "[::1]",
            "[::1]:8765",
        ] {
            assert!(is_loopback(here), "{here}");
        }
        for elsewhere in [
            "",
            ":80",
            "till.example",
            "till.example:8765",
            "localhost.till.example",
            "127.0.0.1.till.example",
            "127.0.0.1:",
            "127.0.0.1:x",
            "127.1",
            "2130706433",
            "0.0.0.0",
            "10.0.0.1",
            "[::]",
            "::1",
            "[::ffff:127.0.0.1]",
            "user@localhost",
            "localhost.",
        ] {
            assert!(!is_loopback(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for origin in [
            "https://till.example",
            "http://localhost:3000",
            "http://[::1]:3000",
            "http://192.168.1.7",
            "chrome-extension://abcdef",
            "https://till.example:8443",
        ] {
            assert!(Origins::parse(&[origin.to_owned()]).is_ok(), "{origin}");
        }
        for none in [
            "",
            "*",
            "null",
            "till.example",
            "https://",
            "https://till.example/",
            "https://till.example/page",
            "https://Till.example",
            "HTTPS://till.example",
            "https://*.till.example",
            "https://user@till.example",
            "https://till.example:443",
            "http://till.example:80",
            "https://till.example:",
            "https://till.example:0443",
            "https://till.example:99999",
            "http://::1",
            "https://till.example\r\nX: y",
        ] {
            let fault = Origins::parse(&[none.to_owned()]).err();
            assert!(
                fault.is_some_and(|fault| fault.starts_with("--till-origin ")),
                "{none}"
            );
        }
    }
}
