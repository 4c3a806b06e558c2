//! `serve` from the command line: logs, warnings, the line that says where the service listens,
//! and the signals that end it.

use actix_web::rt::signal;
use operator::TrustState;
use serde_json::{Value, json};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::config::{ConfigError, Loaded, LogLevel};
use super::state::State;
use super::{Layer, ServeError, Service};
use crate::arguments::Serve;
use crate::fetch::FetchSettings;
use crate::report;

/// Serves until a signal comes, or says what it would serve with.
pub(crate) fn run(arguments: Serve) -> Result<(), ServeError> {
    let Serve {
        listen,
        trust,
        trust_state,
        admin_key_file,
        trust_max_age,
        purposes,
        limits,
        fetch,
        api_keys_file,
        bundle,
        bundle_key,
        log,
        config,
        check_config,
    } = arguments;
    let flags = Layer {
        listen,
        trust,
        trust_state,
        admin_key_file,
        trust_max_age,
        purposes,
        limits,
        fetch,
        api_keys_file,
        bundle,
        bundle_key,
        log,
        ..Layer::default()
    };
    // Variables that are not Unicode are none of this program's.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let loaded = Loaded::load(flags, config, environment)?;
    if check_config {
        return check(&loaded);
    }
    log_json(loaded.config.log);
    let service = Service::bind(loaded.config)?;
    for warning in loaded.warnings.iter().chain(&service.warnings()) {
        tracing::warn!("{warning}");
    }
    let address = service.address().to_string();
    report::line(&json!({ "listening": address }))?;
    tracing::info!(address, "listening");
    service.run(terminated())?;
    tracing::info!("stopped");
    Ok(())
}

/// Reads everything that serving would read, and prints the effective configuration.
fn check(loaded: &Loaded) -> Result<(), ServeError> {
    loaded.config.check()?;
    let mut config = loaded.config.clone();
    if let Some(path) = &config.fetch {
        // The cache is left to the service that may be running.
        let settings = FetchSettings::load(path).map_err(ConfigError::from)?;
        config.fetch_settings = Some(FetchSettings {
            cache: None,
            ..settings
        });
    }
    if let Some(directory) = &config.trust_state
        && TrustState::new(directory)
            .current()
            .map_err(ConfigError::from)?
            .is_none()
    {
        // The first start would put the trust directory in force; a look at it does not.
        config.trust_state = None;
    }
    let state = State::load(&config)?;
    let world = state.world.load();
    for warning in loaded.warnings.iter().chain(&state.warnings(&loaded.config)) {
        report::complain(&format!("warning: {warning}"));
    }
    let mut json = loaded.to_json();
    let found = json!({
        "anchors": world.trust().anchor_count(),
        "trust_hash": relying_party::sha256_text(&world.trust().hash()),
        "purposes": state.purposes.keys().collect::<Vec<_>>(),
        "api_keys": state.api_keys.count(),
    });
    json.insert("found".to_owned(), found);
    report::line(&Value::Object(json))?;
    Ok(())
}

/// JSON lines on standard error. What libraries say is logged from warnings on only: below that
/// they may quote requests.
fn log_json(level: LogLevel) {
    let level = match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    };
    let own = ["verifier_api", "operator", "relying_party", "mdoc"];
    let targets = Targets::new()
        .with_default(level.min(Level::WARN))
        .with_targets(own.map(|target| (target, level)));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_writer(std::io::stderr);
    tracing_subscriber::registry().with(targets).with(lines).init();
}

/// Comes with the first signal that asks a program to end.
async fn terminated() {
    let terminate = signal::unix::signal(signal::unix::SignalKind::terminate());
    let Ok(mut terminate) = terminate else {
        // Without a handler the signal ends the process at once, which is what is left.
        let _ = signal::ctrl_c().await;
        return;
    };
    let (terminate, interrupt) = (std::pin::pin!(terminate.recv()), std::pin::pin!(signal::ctrl_c()));
    futures_util::future::select(terminate, interrupt).await;
}
