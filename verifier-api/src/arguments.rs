//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::bundle::Bundle;
use crate::lint::Lint;
use crate::trust::Trust;

/// Verifies ISO/IEC 18013-5 mdoc responses for back ends.
#[derive(Parser)]
#[command(name = "verifier-api", version, about, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Exit status of verify: 0 accepted, 1 rejected, 2 undetermined, 64 wrong usage, an unreadable file or a bad
configuration. Each command's --help has its own.

In Japan the law asks those who receive a card-substitute record to use a certified program. This
program is an engine that can be certified or run behind a certified one; it does not claim to be certified.";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Judge a DeviceResponse, or a stream of jobs
    Verify(Verify),
    /// Judge over HTTP
    Serve(Serve),
    /// Show a message or certificate, item by item, for people
    Inspect(Inspect),
    /// Explain what is wrong with a certificate, a list or a purpose, and what to do about it
    Lint(Lint),
    /// Make, check and show offline bundles
    Bundle(Bundle),
    /// Show and change whom the service trusts, without a restart
    Trust(Trust),
}

/// Judges one response from files, or with --jobs one JSON job a line from standard input.
#[derive(Args)]
#[command(after_help = VERIFY_HELP)]
pub(crate) struct Verify {
    /// The DeviceResponse: raw CBOR, or base64url text
    #[arg(required_unless_present = "jobs", conflicts_with = "jobs")]
    pub(crate) response: Option<PathBuf>,
    /// A trust directory with the folders anchors, crls, status, vicals
    #[arg(
        long,
        value_name = "DIR",
        required_unless_present = "jobs",
        conflicts_with = "jobs"
    )]
    pub(crate) trust: Option<PathBuf>,
    /// A ready-made purpose (age-20, identity-basic, …) or a TOML file
    #[arg(
        long,
        value_name = "ID|FILE",
        required_unless_present = "jobs",
        conflicts_with = "jobs"
    )]
    pub(crate) purpose: Option<String>,
    /// The SessionTranscript that the response answers: the bare CBOR array, raw or base64url text
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "jobs",
        conflicts_with = "jobs"
    )]
    pub(crate) transcript: Option<PathBuf>,
    /// EMacKey for a device MAC: 32 raw bytes
    #[arg(long, value_name = "FILE", conflicts_with_all = ["jobs", "reader_key"])]
    pub(crate) mac_key: Option<PathBuf>,
    /// The reader's ephemeral private key for a device MAC: a JWK
    #[arg(long, value_name = "FILE.jwk", conflicts_with = "jobs")]
    pub(crate) reader_key: Option<PathBuf>,
    /// Judge at this instant instead of now
    #[arg(long, value_name = "RFC3339", conflicts_with = "jobs")]
    pub(crate) at: Option<String>,
    /// Bounds on a response, a TOML file with any of message_bytes, cbor_depth, cbor_items,
    /// documents, name_spaces, elements
    #[arg(long, value_name = "FILE")]
    pub(crate) limits: Option<PathBuf>,
    /// Add the verified, requested elements of each accepted document
    #[arg(long)]
    pub(crate) elements: bool,
    /// How to report; text on a terminal, else json
    #[arg(long, value_enum, conflicts_with = "jobs")]
    pub(crate) format: Option<Format>,
    /// Read one JSON job a line from standard input, write one verdict a line
    #[arg(long)]
    pub(crate) jobs: bool,
    /// The longest job line that is read, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 16 * 1024 * 1024, requires = "jobs")]
    pub(crate) max_line: usize,
}

const VERIFY_HELP: &str = "\
Examples:
  verifier-api verify --trust trust --purpose age-20 --transcript transcript.cbor response.cbor
  verifier-api verify --jobs < jobs.jsonl

A job: {\"id\", \"device_response\", \"session_transcript\" (both base64url), \"reader_key\" (JWK) | \"mac_key\" |
\"mac_keys\" (base64url), \"anchors\": [PEM], \"crls\": [PEM], \"status_tokens\": [{\"uri\", \"token\",
\"content_type\"}], \"at\", \"purpose\": {…}}. Unknown keys are ignored. A job that cannot be read is answered
with {\"id\", \"error\": {\"type\", \"detail\"}}; the exit status is 0 at the end of the input.";

/// Serves verdicts over HTTP until a signal ends it. The first line on standard output says where.
#[derive(Args)]
#[command(after_help = SERVE_HELP)]
pub(crate) struct Serve {
    /// Where to listen [default: 127.0.0.1:8080]; with port 0 any free port is taken
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// A trust directory with the folders anchors, crls, status, vicals
    #[arg(long, value_name = "DIR")]
    pub(crate) trust: Option<PathBuf>,
    /// The directory that keeps the trust in force; `trust` is then what is previewed and applied
    #[arg(long, value_name = "DIR")]
    pub(crate) trust_state: Option<PathBuf>,
    /// A file with the keys for changing trust over HTTP, none of which is an API key
    #[arg(long, value_name = "FILE")]
    pub(crate) admin_key_file: Option<PathBuf>,
    /// Not ready once nobody applied or confirmed trust for so long: a whole number and one of s, m, h, d
    #[arg(long, value_name = "DURATION")]
    pub(crate) trust_max_age: Option<String>,
    /// A directory of purposes (TOML), beside the ready-made ones
    #[arg(long, value_name = "DIR")]
    pub(crate) purposes: Option<PathBuf>,
    /// Bounds on a response, a TOML file as for `verify`
    #[arg(long, value_name = "FILE")]
    pub(crate) limits: Option<PathBuf>,
    /// Fetch CRLs, status lists and VICALs as this file (TOML) says; without it nothing is fetched
    #[arg(long, value_name = "FILE")]
    pub(crate) fetch: Option<PathBuf>,
    /// A file with one API key a line; needed to listen elsewhere than on loopback
    #[arg(long, value_name = "FILE")]
    pub(crate) api_keys_file: Option<PathBuf>,
    /// The offline bundle to hand out; its file is read anew when it changes
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// The public key that the bundle has to be signed with (PEM or DER)
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle_key: Option<PathBuf>,
    /// How much is logged: error, warn, info or debug [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log: Option<String>,
    /// A configuration file (TOML)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print the effective configuration and exit
    #[arg(long)]
    pub(crate) check_config: bool,
}

const SERVE_HELP: &str = "\
Settings: listen, trust, trust_state, admin_key_file, trust_max_age, purposes, limits, fetch, api_keys_file, bundle,
bundle_key, workers, body_timeout, shutdown_timeout (seconds), log.
A flag wins over an environment variable (VERIFIER_API_LISTEN, …; VERIFIER_API_CONFIG names the file), that over the
file, that over the default. Paths in the file are taken from the file's folder.

Example:
  verifier-api serve --trust trust --listen 127.0.0.1:8080

GET /openapi.json describes the service, GET /metrics is for Prometheus.";

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// A tree of every check, for people
    Text,
    /// The verdict, for programs
    Json,
}

/// Shows a file as an indented tree: the offset of each item, its value, and what it is by the standard.
///
/// Takes an engagement (also the text of its QR code), DeviceRequest, DeviceResponse, MSO (bare, under tag 24 or
/// in its COSE_Sign1), SessionTranscript, SessionEstablishment, SessionData, or certificates; as raw bytes, base64url
/// or hexadecimal text, or PEM. Verifies nothing.
#[derive(Args)]
#[command(after_help = INSPECT_HELP)]
pub(crate) struct Inspect {
    /// The file; - reads standard input
    pub(crate) file: PathBuf,
    /// What the file holds, where its content does not tell
    #[arg(long = "as", value_name = "KIND", value_enum)]
    pub(crate) kind: Option<InspectKind>,
    /// Show the values of elements, which are personal data
    #[arg(long)]
    pub(crate) values: bool,
    /// The most lines of the tree
    #[arg(long, value_name = "LINES", default_value_t = 2000)]
    pub(crate) max_lines: usize,
    /// Tell dates relative to this instant instead of now
    #[arg(long, value_name = "RFC3339")]
    pub(crate) at: Option<String>,
}

const INSPECT_HELP: &str = "\
Examples:
  verifier-api inspect response.cbor
  verifier-api inspect --values response.cbor
  echo 'mdoc:owBjMS4wAYIB…' | verifier-api inspect -
  cat signer.pem root.pem | verifier-api inspect -

The last one also tells which rules of ISO/IEC 18013-5 Annex B the certificates break.
A line marked ! names a fault; all faults are listed at the end. Offsets count decoded bytes.

Exit status: 0 understood, 1 malformed or refused by the product's decoders,
64 wrong usage or an unreadable file.";

/// What a file may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum InspectKind {
    /// DeviceEngagement
    Engagement,
    /// DeviceRequest
    Request,
    /// DeviceResponse
    Response,
    /// MobileSecurityObject, or IssuerAuth around it
    Mso,
    /// SessionTranscript
    Transcript,
    /// SessionEstablishment or SessionData
    Session,
    /// One or more certificates
    Certificate,
    /// Any CBOR
    Cbor,
}
