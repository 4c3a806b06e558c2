//! The command line of `bundle`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Makes and checks offline bundles: one signed file with everything that a counter judges by.
#[derive(Args)]
#[command(after_help = HELP)]
pub(crate) struct Bundle {
    #[command(subcommand)]
    pub(crate) command: BundleCommand,
}

const HELP: &str = "\
Examples:
  verifier-api bundle key --new bundle-key.pem > bundle-key.pub
  verifier-api bundle build --key bundle-key.pem --trust trust --out offline.bundle
  verifier-api bundle verify offline.bundle --key bundle-key.pub
  verifier-api bundle inspect offline.bundle

Exit status: 0 done, 1 the bundle is refused, 64 wrong usage, an unreadable file, or no bundle was made.";

#[derive(Subcommand)]
pub(crate) enum BundleCommand {
    /// Make a bundle, or the next one in the place of the last
    Build(BundleBuild),
    /// Check a bundle as a counter does
    Verify(BundleVerify),
    /// Show what a bundle says it holds, without checking who made it
    Inspect(BundleInspect),
    /// Make a key for bundles, or print the public half of one
    Key(BundleKey),
}

/// Signs the trust directory, the ready-made and the given purposes and the document profiles. The bundle takes the
/// place of the file at once, and its number is above the one that it replaces.
#[derive(Args)]
pub(crate) struct BundleBuild {
    /// The private key, in PKCS#8
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// A trust directory with the folders anchors, crls, status, vicals
    #[arg(long, value_name = "DIR")]
    pub(crate) trust: Option<PathBuf>,
    /// The service's settings of fetching: the lists in its cache go in too, each as of when it was fetched
    #[arg(long, value_name = "FILE")]
    pub(crate) fetch: Option<PathBuf>,
    /// A directory of purposes (TOML), beside the ready-made ones
    #[arg(long, value_name = "DIR")]
    pub(crate) purposes: Option<PathBuf>,
    /// For how long counters may judge by it, up to 366d: a whole number and one of s, m, h, d
    #[arg(long, value_name = "DURATION", default_value = "7d")]
    pub(crate) lifetime: String,
    /// Its number, in place of the seconds since 1970 or one more than the last
    #[arg(long, value_name = "N")]
    pub(crate) number: Option<u64>,
    /// Make it as of this instant instead of now
    #[arg(long, value_name = "RFC3339")]
    pub(crate) at: Option<String>,
}

/// Verifies signature, format and every file, and prints what is in it.
#[derive(Args)]
pub(crate) struct BundleVerify {
    /// The bundle
    pub(crate) file: PathBuf,
    /// The public key (PEM or DER)
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// Check it at this instant instead of now
    #[arg(long, value_name = "RFC3339")]
    pub(crate) at: Option<String>,
}

/// Lists number, times and files.
#[derive(Args)]
pub(crate) struct BundleInspect {
    /// The bundle
    pub(crate) file: PathBuf,
    /// One line of JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Tell ages at this instant instead of now
    #[arg(long, value_name = "RFC3339")]
    pub(crate) at: Option<String>,
}

/// Prints the public half in PEM, for --bundle-key of the reader.
#[derive(Args)]
pub(crate) struct BundleKey {
    /// The private key, in PKCS#8
    #[arg(value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// Make it, on P-256; a file that is there already stays
    #[arg(long)]
    pub(crate) new: bool,
}
