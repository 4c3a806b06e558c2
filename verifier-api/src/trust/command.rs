//! `trust` from the command line.

use std::path::PathBuf;

use mdoc::time::UnixTime;
use operator::{TrustState, TrustStateError};
use serde_json::{Value, json};

use super::arguments::{
    By, Place, Trust, TrustApply, TrustCommand, TrustList, TrustPreview, TrustRollback, When,
};
use super::desk::{Desk, Done, Order, Refusal, Unwritten};
use super::report;
use crate::serve::{ConfigError, Layer, Loaded};
use crate::{input, report as out};

/// What keeps a command from being run at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An argument that clap let pass.
    #[error("{0}")]
    Argument(String),
    /// There is no state directory.
    #[error("name the state directory with --state, VERIFIER_API_TRUST_STATE or --config")]
    NoState,
    /// The state directory or the trust directory cannot be used.
    #[error("{0}")]
    Refusal(Refusal),
    /// The state directory cannot be read.
    #[error(transparent)]
    State(#[from] TrustStateError),
    /// Standard output.
    #[error("{0}")]
    Stream(#[from] std::io::Error),
}

/// Runs the command; its exit status: 0, 1 where something stands against it, or 2 where a change is in force that could not be
/// written down in full.
pub(crate) fn run(arguments: Trust) -> Result<u8, CommandError> {
    match arguments.command {
        TrustCommand::List(arguments) => list(arguments),
        TrustCommand::Preview(arguments) => preview(arguments),
        TrustCommand::Apply(arguments) => apply(arguments),
        TrustCommand::Rollback(arguments) => rollback(arguments),
    }
}

fn list(TrustList { place, when }: TrustList) -> Result<u8, CommandError> {
    let (desk, now) = (desk(place, None)?, instant(when)?);
    let in_force = desk.in_force()?;
    let snapshot = in_force.as_ref().map(|in_force| in_force.pointer.snapshot());
    let loaded = in_force.as_ref().map(|in_force| &in_force.loaded);
    let snapshot_json = |hash: &str| -> Value {
        let folder = desk.state.folder(hash).ok();
        json!({ "snapshot": hash, "directory": folder })
    };
    let damaged = loaded.and_then(|loaded| loaded.as_ref().err());
    let loaded = loaded.and_then(|loaded| loaded.as_ref().ok());
    let expiring = loaded.map(|loaded| report::expiring_json(&loaded.snapshot, now));
    out::line(&json!({
        "in_force": snapshot.map(snapshot_json),
        "damaged": damaged,
        "anchors": loaded.map(|loaded| loaded.snapshot.anchor_count()),
        "expiring": expiring,
        "before": in_force.as_ref().map(|in_force| {
            let history = in_force.pointer.history.iter();
            history.map(|hash| snapshot_json(hash)).collect::<Vec<_>>()
        }),
        "changes": desk.last_changes()?,
    }))?;
    Ok(u8::from(damaged.is_some()))
}

fn preview(arguments: TrustPreview) -> Result<u8, CommandError> {
    let TrustPreview {
        directory,
        place,
        when,
    } = arguments;
    let (desk, now) = (desk(place, directory)?, instant(when)?);
    let (in_force, review) = desk.preview(now).map_err(CommandError::Refusal)?;
    out::line(&report::review_json(in_force.as_ref(), &review, now))?;
    Ok(u8::from(!review.is_applicable()))
}

fn apply(arguments: TrustApply) -> Result<u8, CommandError> {
    let TrustApply { directory, place, by } = arguments;
    let (desk, now) = (desk(place, directory)?, input::now());
    finish(desk.apply(&order(by, now)), now)
}

fn rollback(TrustRollback { to, place, by }: TrustRollback) -> Result<u8, CommandError> {
    let (desk, now) = (desk(place, None)?, input::now());
    finish(desk.rollback(&order(by, now), to.as_deref()), now)
}

/// Tells what was done, or why nothing was.
fn finish(outcome: Result<Done, Refusal>, now: UnixTime) -> Result<u8, CommandError> {
    match outcome {
        Ok(done) => {
            let told = out::line(&report::done_json(&done, now));
            if let Err(error) = &told {
                out::complain(&format!(
                    "the change is in force, but standard output cannot be written: {error}"
                ));
            }
            for Unwritten { what, fault } in &done.unwritten {
                let what = unwritten_words(what);
                out::complain(&format!(
                    "the change is in force, but {what} could not be written: {fault}; it will be before the next \
                     change, or by a service that runs on this state directory"
                ));
            }
            Ok(if told.is_ok() && done.unwritten.is_empty() {
                0
            } else {
                2
            })
        }
        Err(refusal @ (Refusal::NoSource | Refusal::Who | Refusal::State(_))) => {
            Err(CommandError::Refusal(refusal))
        }
        Err(refusal) => {
            out::line(&report::refusal_json(&refusal))?;
            out::complain(&refusal.to_string());
            Ok(1)
        }
    }
}

fn unwritten_words(what: &str) -> &'static str {
    match what {
        "log" => "its line of the log",
        _ => "how new its lists are (newest.json)",
    }
}

fn order(by: By, now: UnixTime) -> Order {
    let user = rustix::process::getuid().as_raw();
    Order {
        who: match by.by {
            None => format!("user {user}"),
            Some(name) => format!("user {user}: {name}"),
        },
        expected: by.expect,
        now,
    }
}

fn instant(when: When) -> Result<UnixTime, CommandError> {
    when.at.map_or_else(
        || Ok(input::now()),
        |at| input::instant(&at).map_err(|fault| CommandError::Argument(format!("--at: {fault}"))),
    )
}

fn desk(place: Place, source: Option<PathBuf>) -> Result<Desk, CommandError> {
    let flags = Layer {
        trust: source,
        trust_state: place.state,
        ..Layer::default()
    };
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let config = Loaded::load(flags, place.config, environment)?.config;
    let state = config.trust_state.ok_or(CommandError::NoState)?;
    Ok(Desk {
        source: config.trust,
        state: TrustState::new(&state),
    })
}
