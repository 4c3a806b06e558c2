//! The routes. A handler is thin: it lets the caller in, reads the body, and hands on what the
//! judge says.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder, Resource, Route, guard, web,
};
use mdoc::time::UnixTime;
use serde_json::{Map, Value, json};

use super::body;
use super::bundle;
use super::problem::{Kind, Problem};
use super::rounds;
use super::state::State;
use super::{metrics, trust};
use crate::fetch::World;

/// The description of the service.
pub(super) const OPENAPI: &str = include_str!("../../openapi.json");

/// Every path with its methods, as the header Allow names them.
pub(super) const ROUTES: [(&str, &str); 10] = [
    ("/v1/verifications", "POST"),
    ("/v1/purposes", "GET, HEAD"),
    ("/v1/bundle", "GET, HEAD"),
    ("/v1/trust/preview", "POST"),
    ("/v1/trust/apply", "POST"),
    ("/v1/trust/rollback", "POST"),
    ("/metrics", "GET, HEAD"),
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
            "/v1/trust/preview" => resource.route(web::post().to(trust::preview)),
            "/v1/trust/apply" => resource.route(web::post().to(trust::apply)),
            "/v1/trust/rollback" => resource.route(web::post().to(trust::rollback)),
            "/metrics" => resource.route(get().to(metrics::get)),
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
    let now = (state.clock)();
    let age = state.trust_age(now);
    if let (Some(age), Some(most)) = (age, state.trust_max_age)
        && age > most
    {
        return Err(Problem::new(
            Kind::TrustStale,
            format!("trust was last applied or confirmed {age} seconds ago; {most} are allowed"),
        ));
    }
    let world = state.world.load_full();
    // Off the threads that serve: every certificate is looked at.
    let body = web::block(move || readiness(&state, &world, age, now)).await;
    let body = body.map_err(|_| Problem::new(Kind::Internal, "the work was not done"))?;
    Ok(json_response().body(body.to_string()))
}

/// What a service that is ready says of its trust.
fn readiness(state: &State, world: &World, age: Option<u64>, now: UnixTime) -> Value {
    let status = state.trust.as_ref().map(trust::Changes::status);
    let pointer = status.as_ref().map(|status| &status.pointer);
    // Of each kind that which ends first, so that nobody has to know how many there are.
    let mut ends: BTreeMap<&str, UnixTime> = BTreeMap::new();
    for dated in world.trust().dated() {
        if let Some(until) = dated.until {
            let end = ends.entry(dated.kind.name()).or_insert(until);
            *end = (*end).min(until);
        }
    }
    let expired: Vec<&str> = ends
        .iter()
        .filter(|(_, end)| **end < now)
        .map(|(kind, _)| *kind)
        .collect();
    let ends = ends
        .iter()
        .map(|(kind, end)| ((*kind).to_owned(), json!(end.to_string())));
    let in_force = world.trust().anchors().iter().filter(|anchor| {
        let certificate = &anchor.certificate;
        certificate.not_before() <= now && now <= certificate.not_after()
    });
    json!({
        "status": "ready",
        "anchors": world.trust().anchor_count(),
        "purposes": state.purposes.len(),
        "trust_hash": relying_party::sha256_text(&world.trust().hash()),
        "trust": {
            "anchors_in_force": in_force.count(),
            "snapshot": pointer.map(|pointer| pointer.snapshot()),
            "change": pointer.map(|pointer| pointer.change.number),
            "confirmed_at": pointer.map(|pointer| &pointer.change.at),
            "age_seconds": age,
            "ends": ends.collect::<Map<_, _>>(),
            "expired": expired,
            "newer_snapshot_unreadable": status.as_ref().is_some_and(|status| status.fault.is_some()),
        },
    })
}

async fn openapi() -> HttpResponse {
    json_response().body(OPENAPI)
}

fn json_response() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.content_type("application/json");
    response
}
