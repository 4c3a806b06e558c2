//! The command line of `reader certificate`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use mdoc::crypto::Curve;

use crate::counter::StartError;
use crate::identity::KeyPlace;

/// Asks for a reader's certificate, or looks at the one there is.
#[derive(Args)]
pub(crate) struct CertificateArguments {
    #[command(subcommand)]
    pub(super) command: CertificateCommand,
}

#[derive(Subcommand)]
pub(super) enum CertificateCommand {
    /// Write a request (PKCS#10) for an authority to sign, with a key that is made where there is none
    Request(Request),
    /// Say what is wrong with a certificate and its key, with clause and remedy
    Check(Check),
}

/// Writes a request for a reader's certificate. A key that is there is used and never written over.
#[derive(Args)]
#[command(after_help = REQUEST_HELP, group(clap::ArgGroup::new("key_place").required(true)))]
pub(super) struct Request {
    /// The reader's name by RFC 4514, with one CN and one C, such as CN=Example reader,O=Example Ltd,C=JP
    #[arg(long, value_name = "NAME")]
    pub(super) subject: String,
    #[command(flatten)]
    pub(super) key: KeyFlags,
    /// The curve of a key that is made
    #[arg(long, value_enum, value_name = "CURVE", default_value_t = KeyCurve::P256)]
    pub(super) curve: KeyCurve,
    /// Where the request goes, in PEM: a new file, or - for standard output
    #[arg(long, value_name = "FILE|-")]
    pub(super) out: PathBuf,
}

const REQUEST_HELP: &str = "\
Examples:
  reader certificate request --subject 'CN=Counter 1,O=Example Ltd,C=JP' \\
    --key reader.key --out reader.csr
  reader certificate request --subject 'CN=Counter 1,O=Example Ltd,C=JP' \\
    --pkcs11 \"pkcs11:token=counter;object=reader?module-path=$MODULE&pin-source=$PIN\" \\
    --out reader.csr

Exit status: 0 the request is written, 64 wrong usage, a file or token that cannot be used.";

/// Looks at a reader's certificate as it is now.
#[derive(Args)]
#[command(after_help = CHECK_HELP)]
pub(super) struct Check {
    /// The certificate, and those below its root, in PEM; or one in DER
    #[arg(long, value_name = "FILE")]
    pub(super) cert: PathBuf,
    #[command(flatten)]
    pub(super) key: KeyFlags,
    /// The root that the chain has to lead to
    #[arg(long, value_name = "FILE")]
    pub(super) anchor: Option<PathBuf>,
    /// Report for programs
    #[arg(long)]
    pub(super) json: bool,
}

const CHECK_HELP: &str = "\
Exit status: 0 nothing is wrong, 1 warnings (also where the certificate ends within 30 days), 2 phones that check will
refuse it, 64 wrong usage, a file or token that cannot be used.";

/// Where the key is.
#[derive(Args)]
pub(super) struct KeyFlags {
    /// The key in PKCS#8
    #[arg(long, value_name = "FILE", group = "key_place")]
    key: Option<PathBuf>,
    /// The key in a PKCS#11 token (RFC 7512), with module-path, and pin-source for its PIN
    #[arg(long, value_name = "URI", group = "key_place")]
    pkcs11: Option<String>,
    /// The environment variable with the PIN of the token
    #[arg(long, value_name = "NAME", requires = "pkcs11")]
    pin_env: Option<String>,
}

impl KeyFlags {
    pub(super) fn place(&self) -> Result<Option<KeyPlace<'_>>, StartError> {
        KeyPlace::new(
            self.key.as_deref(),
            self.pkcs11.as_deref(),
            self.pin_env.as_deref(),
        )
    }
}

/// A curve on which a key is made.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum KeyCurve {
    /// What every phone takes
    #[value(name = "P-256")]
    P256,
    /// A longer key
    #[value(name = "P-384")]
    P384,
    /// In a file only
    #[value(name = "Ed25519")]
    Ed25519,
}

impl KeyCurve {
    pub(super) const fn curve(self) -> Curve {
        match self {
            Self::P256 => Curve::P256,
            Self::P384 => Curve::P384,
            Self::Ed25519 => Curve::Ed25519,
        }
    }
}
