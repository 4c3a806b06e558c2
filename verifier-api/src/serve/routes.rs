//! The routes. A handler is thin: it lets the caller in, reads the body, and hands on what the
//! judge says.

use std::sync::atomic::Ordering;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder, Resource, Route, guard, web,
};
use serde_json::json;

use super::body;
use super::bundle;
use super::problem::{Kind, Problem};
use super::rounds;
use super::state::State;

/// The description of the service.
pub(super) const OPENAPI: &str = include_str!("../../openapi.json");

/// Every path with its methods, as the header Allow names them.
pub(super) const ROUTES: [(&str, &str); 6] = [
    ("/v1/verifications", "POST"),
    ("/v1/purposes", "GET, HEAD"),
    ("/v1/bundle", "GET, HEAD"),
    ("/health/live", "GET, HEAD"),
    ("/health/ready", "GET, HEAD"),
    ("/openapi.json", "GET, HEAD"),
];

/// Puts every route in its place.
pub(super) fn configure(app: &mut web::ServiceConfig) {
    for (path, allow) in ROUTES {
        let resource = web::resource(path);
        let resource = match path {
            "/v1/verifications" => resource.route(web::post().to(verify)),
            "/v1/purposes" => resource.route(get().to(purposes)),
            "/v1/bundle" => resource.route(get().to(bundle::get)),
            "/health/live" => resource.route(get().to(live)),
            "/health/ready" => resource.route(get().to(ready)),
            _ => resource.route(get().to(openapi)),
        };
        app.service(refuse_other_methods(resource, allow));
    }
    app.default_service(web::to(not_found));
}

fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

fn refuse_other_methods(resource: Resource, allow: &'static str) -> Resource {
    resource.default_service(web::to(move || async move {
        Err::<HttpResponse, _>(Problem::method(allow))
    }))
}

async fn not_found() -> Result<HttpResponse, Problem> {
    Err(Problem::new(Kind::NotFound, "no resource has this path"))
}

async fn verify(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, Problem> {
    state.api_keys.admit(request.headers())?;
    let encoding = body::encoding(request.headers())?;
    let body = body::read(payload, request.headers(), state.body_timeout).await?;
    let (verdict, judged) = rounds::verdict(body, encoding, state).await?;
    request.extensions_mut().insert(judged);
    // The answers are the holder's: nobody on the way may keep them.
    Ok(json_response()
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(verdict))
}

async fn purposes(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    state.api_keys.admit(request.headers())?;
    Ok(json_response().body(state.purposes_json.clone()))
}

async fn live() -> HttpResponse {
    json_response().body(json!({ "status": "live" }).to_string())
}

async fn ready(state: web::Data<State>) -> Result<HttpResponse, Problem> {
    if state.draining.load(Ordering::Relaxed) {
        return Err(Problem::new(
            Kind::Draining,
            "the service finishes what it has begun",
        ));
    }
    let world = state.world.load();
    let body = json!({
        "status": "ready",
        "anchors": world.trust().anchor_count(),
        "purposes": state.purposes.len(),
        "trust_hash": relying_party::sha256_text(&world.trust().hash()),
    });
    Ok(json_response().body(body.to_string()))
}

async fn openapi() -> HttpResponse {
    json_response().body(OPENAPI)
}

fn json_response() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.content_type("application/json");
    response
}
