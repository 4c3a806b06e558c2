//! The command line of `trust`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Shows and changes whom the service trusts, without a restart of it.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Trust {
    #[command(subcommand)]
    pub(crate) command: TrustCommand,
}

const HELP: &str = "\
Without --state and DIR the settings trust_state and trust of the service are taken, from the
environment (VERIFIER_API_TRUST_STATE, VERIFIER_API_TRUST) or from the file of --config. A service
that runs on the same state directory goes by a change within a second.

Examples:
  verifier-api trust preview trust --state trust-state
  verifier-api trust apply trust --state trust-state --expect sha256:…
  verifier-api trust rollback --state trust-state
  verifier-api trust list --state trust-state

Exit status: 0 done, or nothing stands against it; 1 refused, nothing has changed; 2 done and in
force, but its line of the log or newest.json could not be written yet; 64 wrong usage, or a
directory that cannot be used, and nothing has changed.";

#[derive(Subcommand)]
pub(crate) enum TrustCommand {
    /// Show what is in force, the snapshots before it and the last changes
    List(TrustList),
    /// Show what applying a trust directory would change, and what stands against it
    Preview(TrustPreview),
    /// Put a trust directory in force
    Apply(TrustApply),
    /// Put an earlier snapshot in force again; newer CRLs, status lists and VICALs stay
    Rollback(TrustRollback),
}

/// Where the state is.
#[derive(Args)]
pub(crate) struct Place {
    /// The state directory
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// The configuration file of the service (TOML)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// When ages are told. Changes have no such flag: the log names the instant at which they were made.
#[derive(Args)]
pub(crate) struct When {
    /// Tell ages and ends at this instant instead of now
    #[arg(long, value_name = "RFC3339")]
    pub(crate) at: Option<String>,
}

/// Who changes.
#[derive(Args)]
pub(crate) struct By {
    /// Only where this snapshot is in force, such as the one that the preview named as before
    #[arg(long, value_name = "HASH")]
    pub(crate) expect: Option<String>,
    /// Who it is, for the log, beside the user of the system
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
}

/// Prints one line of JSON.
#[derive(Args)]
pub(crate) struct TrustList {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) when: When,
}

/// Prints one line of JSON.
#[derive(Args)]
pub(crate) struct TrustPreview {
    /// The trust directory
    #[arg(value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) when: When,
}

/// Prints one line of JSON. All of the directory takes its place at one instant, or nothing does.
#[derive(Args)]
pub(crate) struct TrustApply {
    /// The trust directory
    #[arg(value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) by: By,
}

/// Prints one line of JSON. What was in force becomes the snapshot before, so that a second rollback
/// returns to it.
#[derive(Args)]
pub(crate) struct TrustRollback {
    /// Another of the snapshots that `trust list` names
    #[arg(long, value_name = "HASH")]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) by: By,
}
