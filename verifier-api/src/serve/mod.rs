//! The service over HTTP. [`Service::bind`] reads what the configuration names and listens;
//! [`Service::run`] serves until it is told to stop.
//!
//! Read on in `routes`, then `verification` (what a caller asks), `problem` (what a caller gets
//! wrong), `body` and `auth` (what comes before both), `config` (where settings come from), `trust` (how
//! trust changes meanwhile), `metrics` and `expiry` (what is told of it all).

mod auth;
mod body;
mod bundle;
mod command;
mod config;
mod counters;
mod expiry;
mod members;
mod metrics;
mod observe;
#[cfg(test)]
mod openapi_tests;
mod problem;
mod rounds;
mod routes;
mod state;
mod trust;
mod verification;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, ResponseError as _, rt, web};
use mdoc::time::UnixTime;

pub(crate) use command::run;
pub use config::{Config, ConfigError, LogLevel};
pub(crate) use config::{Layer, Loaded};
pub use counters::{Counters, Tally, Totals};
use state::State;
use verification::{Encoding, Verification};

/// Connections that one thread holds at once; each may hold a body.
const MAX_CONNECTIONS: usize = 256;
/// How long the head of a request may take, and how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a connection lingers whose caller still sends when the answer is already given.
const LINGER: Duration = Duration::from_secs(5);

/// Why the service does not serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The configuration, or a file that it names.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// The server failed.
    #[error("the server failed: {0}")]
    Server(#[from] io::Error),
}

/// Answers a body of `POST /v1/verifications` without a server around it, for the ready-made purposes and
/// trusting nobody: for tests that try any bytes.
///
/// # Errors
/// The status of the problem that a caller would be told.
pub fn answer_body(body: &[u8], cbor: bool, now: UnixTime) -> Result<serde_json::Value, u16> {
    let encoding = if cbor { Encoding::Cbor } else { Encoding::Json };
    let state = State::load(&Config::default()).map_err(|_| 500_u16)?;
    let verification = Verification::read(body, encoding, &state.purposes)
        .map_err(|problem| problem.status_code().as_u16())?;
    let mut verdict = verification.judge(&state.world.load(), now).verdict;
    state.seen.check(&mut verdict);
    Ok(verdict.to_json())
}

/// The service, listening and not yet answering.
pub struct Service {
    config: Config,
    state: State,
    listener: TcpListener,
    address: SocketAddr,
}

impl Service {
    /// Reads the files that `config` names, and listens.
    ///
    /// # Errors
    /// A file is at fault, or the address cannot be listened on.
    pub fn bind(config: Config) -> Result<Self, ServeError> {
        config.check()?;
        let state = State::load(&config)?;
        let listen = |error| ServeError::Listen {
            address: config.listen,
            error,
        };
        let listener = TcpListener::bind(config.listen).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        Ok(Self {
            config,
            state,
            listener,
            address,
        })
    }

    /// Where it listens, with the port that port 0 became.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The hash of the trust snapshot that it begins with, as verdicts name it.
    pub fn trust_hash(&self) -> String {
        relying_party::sha256_text(&self.state.world.load().trust().hash())
    }

    /// What an operator should look at, although the service runs.
    pub fn warnings(&self) -> Vec<String> {
        self.state.warnings(&self.config)
    }

    /// Judges at the instants that this clock tells, instead of the machine's.
    #[must_use]
    pub fn with_clock(mut self, clock: fn() -> UnixTime) -> Self {
        self.state.clock = clock;
        self
    }

    /// Counts with these counters.
    #[must_use]
    pub fn with_counters(mut self, counters: Arc<dyn Counters>) -> Self {
        self.state.counters = counters;
        self
    }

    /// Serves until `shutdown` comes; what has begun by then is finished, within the configured
    /// time.
    ///
    /// # Errors
    /// The server failed.
    pub fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), ServeError> {
        rt::System::new().block_on(async {
            let server = self.server(shutdown)?;
            Ok(server.await?)
        })
    }

    /// Serves on a thread of its own, for tests and measurements.
    ///
    /// # Errors
    /// The server failed at once.
    pub fn start(self) -> Result<Running, ServeError> {
        let address = self.address;
        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            rt::System::new().block_on(async {
                let server = self.server(std::future::pending())?;
                // Nobody waits for the handle any more only where `start` has returned.
                let _ = sender.send(server.handle());
                Ok(server.await?)
            })
        });
        match receiver.recv() {
            Ok(handle) => Ok(Running {
                address,
                handle,
                thread: Some(thread),
            }),
            Err(_) => Err(joined(thread).err().unwrap_or_else(broken)),
        }
    }

    fn server(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<actix_web::dev::Server, ServeError> {
        if let Some(fetcher) = &self.state.fetcher {
            fetcher.start(self.state.clock).map_err(ConfigError::from)?;
        }
        let state = web::Data::new(self.state);
        trust::watch(&state)?;
        let drained = web::Data::clone(&state);
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::clone(&state))
                .wrap(from_fn(observe::observe))
                .configure(routes::configure)
        });
        let server = server
            .workers(self.config.workers)
            .max_connections(MAX_CONNECTIONS)
            .client_request_timeout(HEAD_TIMEOUT)
            .client_disconnect_timeout(LINGER)
            .keep_alive(KEEP_ALIVE)
            .shutdown_timeout(self.config.shutdown_timeout)
            .shutdown_signal(async move {
                shutdown.await;
                drained.draining.store(true, Ordering::Relaxed);
            });
        Ok(server.listen(self.listener)?.run())
    }
}

/// A service on a thread of its own; stopped when dropped.
pub struct Running {
    address: SocketAddr,
    handle: ServerHandle,
    thread: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Running {
    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Finishes what has begun, and stops.
    ///
    /// # Errors
    /// The server failed.
    pub fn stop(mut self) -> Result<(), ServeError> {
        self.finish()
    }

    fn finish(&mut self) -> Result<(), ServeError> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        // The command is sent by the call; the future only waits for what joining waits for.
        drop(self.handle.stop(true));
        joined(thread)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A failure has nowhere to go from here.
        let _ = self.finish();
    }
}

fn joined(thread: JoinHandle<Result<(), ServeError>>) -> Result<(), ServeError> {
    thread.join().unwrap_or_else(|_| Err(broken()))
}

fn broken() -> ServeError {
    ServeError::Server(io::Error::other("its thread broke off"))
}
