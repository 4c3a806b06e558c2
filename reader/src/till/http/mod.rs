//! HTTP for tills on this machine: server-sent events, the last result, and tickets.
//!
//! A server on loopback can be reached by every web page that a browser on this machine shows. Four things keep them out:
//! the host that a request names (`guard`), the origin of the page (`guard`), a pairing key or a ticket (`pairing`), and that
//! there is nothing to change and nobody's data to read.

mod events;
mod guard;
mod pairing;
mod refusal;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::header;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt, web};
use serde_json::json;

use super::hub::Hub;
use crate::counter::StartError;
use crate::say;
use guard::Origins;
use pairing::{PairingKeys, TICKET_LIFE, Tickets};
use refusal::Refusal;

/// Connections at once.
const MAX_CONNECTIONS: usize = 64;
/// How long the head of a request may take, and how long a connection is kept that is idle, or whose till does not read the end
/// of its answer.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Seconds at the end for what is under way.
const SHUTDOWN: u64 = 1;
/// How often a till without news is told that the counter is there.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(15);

/// What every request needs.
pub(super) struct State {
    hub: Arc<Hub>,
    origins: Origins,
    keys: PairingKeys,
    tickets: Tickets,
    /// Names this run of the program, so that numbers of another one are not taken for its own.
    run: String,
    heartbeat: Duration,
}

/// The server on a thread of its own; stopped when dropped.
pub(super) struct Http {
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
    #[cfg(test)]
    pub(super) address: SocketAddr,
}

/// Where is listened, and who is let in.
pub(super) struct Gate {
    /// As it was asked for.
    address: String,
    listen: SocketAddr,
    origins: Origins,
    keys: PairingKeys,
}

impl Gate {
    /// Reads the flags and the file of keys.
    ///
    /// # Errors
    /// Everything that is wrong with them, under the option at fault.
    pub(super) fn load(
        address: &str,
        keys: &Path,
        origins: &[String],
    ) -> Result<Self, Vec<(&'static str, StartError)>> {
        let listen = match address.parse::<SocketAddr>() {
            Err(_) => Err("an address and a port are needed, such as 127.0.0.1:8765"),
            Ok(listen) if !listen.ip().is_loopback() => Err(
                "tills are served on this machine only: give a loopback address, such as 127.0.0.1 or [::1]",
            ),
            Ok(listen) => Ok(listen),
        };
        let listen = listen.map_err(|fault| ("till_http", argument(address, fault)));
        let keys = PairingKeys::load(keys).map_err(|error| ("till_key_file", error));
        let origins = Origins::parse(origins).map_err(|fault| ("till_origin", StartError::Argument(fault)));
        match (listen, keys, origins) {
            (Ok(listen), Ok(keys), Ok(origins)) => Ok(Self {
                address: address.to_owned(),
                listen,
                origins,
                keys,
            }),
            (listen, keys, origins) => {
                let faults = [listen.err(), keys.err(), origins.err()];
                Err(faults.into_iter().flatten().collect())
            }
        }
    }
}

fn argument(address: &str, fault: impl core::fmt::Display) -> StartError {
    StartError::Argument(format!("--till-http {address}: {fault}"))
}

impl Http {
    /// Listens and serves.
    pub(super) fn open(gate: Gate, hub: &Arc<Hub>, heartbeat: Duration) -> Result<Self, StartError> {
        let Gate {
            address,
            listen,
            origins,
            keys,
        } = gate;
        let state = State {
            hub: Arc::clone(hub),
            origins,
            keys,
            tickets: Tickets::default(),
            run: pairing::random_text(4),
            heartbeat,
        };
        let cannot = |error: std::io::Error| {
            StartError::Unavailable(format!("--till-http {address}: cannot listen there: {error}"))
        };
        let listener = TcpListener::bind(listen).map_err(cannot)?;
        let bound = listener.local_addr().map_err(cannot)?;
        let (handle, thread) = serve(listener, state).map_err(|fault| argument(&address, fault))?;
        say(&format!("tills: http://{bound}/v1/events"));
        Ok(Self {
            handle,
            thread: Some(thread),
            #[cfg(test)]
            address: bound,
        })
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        // The command is sent by the call; the future only waits for what joining waits for.
        drop(self.handle.stop(true));
        if let Some(thread) = self.thread.take() {
            // Where it broke off, it has said so.
            let _ = thread.join();
        }
    }
}

/// Serves on a thread of its own, which begins before this returns.
fn serve(listener: TcpListener, state: State) -> Result<(ServerHandle, JoinHandle<()>), String> {
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let served = rt::System::new().block_on(async {
            let state = web::Data::new(state);
            let server = HttpServer::new(move || {
                App::new()
                    .app_data(web::Data::clone(&state))
                    .wrap(from_fn(guard::guard))
                    .configure(routes)
            })
            .workers(1)
            .max_connections(MAX_CONNECTIONS)
            .client_request_timeout(HEAD_TIMEOUT)
            .keep_alive(KEEP_ALIVE)
            .shutdown_timeout(SHUTDOWN)
            .disable_signals()
            .listen(listener)?
            .run();
            // The caller waits for it.
            let _ = sender.send(server.handle());
            server.await
        });
        if let Err(error) = served {
            say(&format!("warning: tills are no longer served over HTTP: {error}"));
        }
    });
    match receiver.recv() {
        Ok(handle) => Ok((handle, thread)),
        Err(_) => Err("the server does not start".to_owned()),
    }
}

fn routes(config: &mut web::ServiceConfig) {
    let get_only = || web::to(|| std::future::ready(Refusal::Method("GET").response()));
    let post_only = || web::to(|| std::future::ready(Refusal::Method("POST").response()));
    config
        .service(
            web::resource("/v1/events")
                .get(events::events)
                .default_service(get_only()),
        )
        .service(web::resource("/v1/last").get(last).default_service(get_only()))
        .service(
            web::resource("/v1/health")
                .get(health)
                .default_service(get_only()),
        )
        .service(
            web::resource("/v1/tickets")
                .post(ticket)
                .default_service(post_only()),
        )
        .default_service(web::to(|| std::future::ready(Refusal::Resource.response())));
}

/// That the program serves; anybody on this machine may know it.
async fn health() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// The last result; 204 before the first.
async fn last(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Refusal> {
    state.keys.admit(request.headers())?;
    Ok(match state.hub.last_result() {
        Some(told) => HttpResponse::Ok()
            .content_type(header::ContentType::json())
            .body(told.line.clone()),
        None => HttpResponse::NoContent().finish(),
    })
}

/// A ticket in the place of the key, for one stream.
async fn ticket(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Refusal> {
    state.keys.admit(request.headers())?;
    let ticket = state.tickets.issue(std::time::Instant::now());
    Ok(HttpResponse::Created().json(json!({ "ticket": ticket, "expires_in": TICKET_LIFE.as_secs() })))
}
