//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Reads an ISO/IEC 18013-5 mdoc from a phone at a counter and shows whether it holds.
#[derive(Parser)]
#[command(name = "reader", version, about, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Exit status of read: 0 accepted, 1 rejected, 2 undetermined, 3 the session (or the service that judges) failed
and there is no verdict, 64 wrong usage, an unreadable file or a bad configuration.";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Read one document from one phone
    Read(Box<Read>),
    /// List the ready-made purposes
    Purposes,
    /// Print a completion script for a shell, for example: reader completions bash
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Connects to a phone, asks what the purpose asks, and prints the verdict.
#[derive(Args)]
pub(crate) struct Read {
    /// A phone that speaks the loopback framing, such as the one `holder present` simulates
    #[arg(long, value_name = "tcp://HOST:PORT")]
    pub(crate) connect: String,
    /// A ready-made purpose (see `reader purposes`) or a TOML file
    #[arg(long, value_name = "ID|FILE")]
    pub(crate) purpose: String,
    /// A trust directory with the folders anchors, crls, status, vicals
    #[arg(long, value_name = "DIR")]
    pub(crate) trust: Option<PathBuf>,
    /// Who judges: this program, or a verifier-api service (https, or http on this machine)
    #[arg(long, value_name = "local|URL", default_value = "local")]
    pub(crate) verify: String,
    /// A file with the API key of the service
    #[arg(long, value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// The reader's certificate, and those below its root, in PEM; or one in DER
    #[arg(long, value_name = "FILE", requires = "reader_key")]
    pub(crate) reader_cert: Option<PathBuf>,
    /// The key to the reader's certificate, in PKCS#8
    #[arg(long, value_name = "FILE", requires = "reader_cert")]
    pub(crate) reader_key: Option<PathBuf>,
    /// Seconds to connect, and for the engagement to come
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) connect_timeout: u64,
    /// Seconds to send the request
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) request_timeout: u64,
    /// Seconds that the holder has to consent
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) consent_timeout: u64,
    /// Seconds from the first byte of the response to its last
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) receive_timeout: u64,
    /// Seconds that the service has to judge
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(crate) service_timeout: u64,
    /// Bounds on a response, a TOML file with any of message_bytes, cbor_depth, cbor_items,
    /// documents, name_spaces, elements
    #[arg(long, value_name = "FILE")]
    pub(crate) limits: Option<PathBuf>,
    /// Say nothing of the progress on standard error, only warnings and what went wrong
    #[arg(long)]
    pub(crate) quiet: bool,
    /// How to report
    #[arg(long, value_enum, default_value_t = Format::Json)]
    pub(crate) format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// The verdict, for programs
    Json,
    /// A tree of every check, for people
    Text,
}
